import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build } from 'esbuild'

const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

/** The names of the conformance files that begin with one of these, or of all. */
export function conformanceFiles(wanted: readonly string[] = []): readonly string[] {
  return readdirSync(join(root, 'test/conformance'))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => name.slice(0, -'.test.ts'.length))
    .filter((name) => wanted.length === 0 || wanted.some((part) => name.startsWith(part)))
    .sort()
}

/** What tests of the suite start as processes of their own. */
function ownPrograms(): string[] {
  const folder = join(root, 'test/conformance')
  return ['calling-process.ts', 'long-texts.ts', 'quiet-process.ts', 'writing-process.ts'].map((name) => join(folder, name))
}

const settings = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'es2023',
  conditions: ['@sallyport/source'] as string[],
  keepNames: true,
  // Express and what it uses still call `require`. The other name is one that no file has.
  banner: { js: "import { createRequire as requireFrom } from 'node:module'\nconst require = requireFrom('file:///suite.js')" },
  logLevel: 'silent',
} as const satisfies BuildOptions

/**
 * Writes `suite.js` to a folder, one module with these files, the library's sources and all that they import but what
 * Node has, and the hosts beside it.
 *
 * Each file is loaded only when the suite runs: a worker may do little before.
 *
 * @throws Error where something cannot be bundled, or only with a warning.
 */
export async function bundle(folder: string, files: readonly string[]): Promise<void> {
  const loaders = files.map((name) => `'${name}': () => import('./test/conformance/${name}.test.ts'),`)
  const { warnings } = await build({
    ...settings,
    stdin: {
      contents: [
        "import { runHost } from './test/runtimes/exchange.ts'",
        `const files = {\n${loaders.join('\n')}\n}`,
        'export const runAll = (report, options) => runHost(files, report, options)',
      ].join('\n'),
      resolveDir: root,
      sourcefile: 'suite.ts',
      loader: 'ts',
    },
    outfile: join(folder, 'suite.js'),
    alias: { 'node:test': join(here, 'harness.ts') },
  })
  const programs = await build({ ...settings, entryPoints: ownPrograms(), outdir: folder })
  for (const { text } of [...warnings, ...programs.warnings]) throw new Error(`the suite cannot be bundled without a warning: ${text}`)
  cpSync(join(here, 'hosts'), folder, { recursive: true })
}
