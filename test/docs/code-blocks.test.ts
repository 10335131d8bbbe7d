import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

interface Block {
  /** Where it would lie: files of one page lie together, and may import one another. */
  readonly name: string
  readonly code: string
  /** Whether the page says that it must not compile. */
  readonly wrong: boolean
  /** Whether it is a whole file, to which nothing is added. */
  readonly whole: boolean
}

const blocks: Block[] = pages.flatMap((page) => {
  const text = readFileSync(join(root, page), 'utf8')
  const folder = page.replaceAll('/', '.')
  return [...text.matchAll(/(<!-- wrong-order -->\n)?```ts(?: title="([^"\n]+)")?\n([\s\S]*?)```/g)].map(([, wrong, title, code], index) => ({
    name: title === undefined ? `${folder}.${index + 1}.ts` : `${folder}/${title}`,
    code: code ?? '',
    wrong: wrong !== undefined,
    whole: title !== undefined,
  }))
})

// What a page's blocks may use without saying so: what is imported elsewhere on the page, and the reader's own things.
const entries = [
  'sallyport',
  'sallyport/file',
  'sallyport/fastify',
  'sallyport/hono',
  'sallyport/express',
  'sallyport/node',
  'sallyport/redis',
  'sallyport/webauthn',
  'sallyport/cedar',
  'sallyport/opa',
  'sallyport/authzen',
  'sallyport/transformers',
  'sallyport/mcp',
  'sallyport/ai-sdk',
  'sallyport/langchain',
  'sallyport/testing',
]
const own: Readonly<Record<string, string>> = {
  base: "declare const base: import('sallyport').Guard<import('sallyport').Call & import('sallyport').Trusted>",
  log: "declare const log: import('sallyport').AuditLog",
  evaluator: "declare const evaluator: import('sallyport').PolicyEvaluator",
  token: 'declare const token: string',
  jwksUrl: 'declare const jwksUrl: URL',
  app: "declare const app: import('hono').Hono",
  model: 'declare function model(input: unknown, signal?: AbortSignal): Promise<string>',
}

async function exportsOf(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of entries) for (const name of Object.keys((await import(entry)) as object)) if (!found.has(name)) found.set(name, entry)
  return found
}

function complete(code: string, available: ReadonlyMap<string, string>): string {
  const source = ts.createSourceFile('block.ts', code, ts.ScriptTarget.ESNext, true)
  const used = new Set<string>()
  const declared = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const { parent } = node
      const isMember = (ts.isPropertyAccessExpression(parent) && parent.name === node) || (ts.isPropertyAssignment(parent) && parent.name === node)
      const isDeclared =
        ts.isImportSpecifier(parent) ||
        ((ts.isVariableDeclaration(parent) || ts.isFunctionDeclaration(parent) || ts.isParameter(parent)) && parent.name === node)
      if (isDeclared) declared.add(node.text)
      else if (!isMember) used.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  const lines = [...used].flatMap((name) => {
    if (declared.has(name)) return []
    const entry = available.get(name)
    return entry === undefined ? (own[name] ?? []) : `import { ${name} } from '${entry}'`
  })
  return `${lines.join('\n')}\n${code}\nexport {}\n`
}

test('no two files of one page have the same name', () => assert.equal(new Set(blocks.map(({ name }) => name)).size, blocks.length))

describe('code on pages', async () => {
  const available = await exportsOf()
  const files = new Map(blocks.map(({ name, code, whole }) => [join(root, 'docs', name), whole ? `${code}export {}\n` : complete(code, available)]))
  const { options } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile).config, ts.sys, root)
  const settings: ts.CompilerOptions = { ...options, noEmit: true, noUnusedLocals: false, noUnusedParameters: false }
  const host = ts.createCompilerHost(settings)
  const read = host.readFile.bind(host)
  const has = host.fileExists.bind(host)
  host.readFile = (path) => files.get(path) ?? read(path)
  host.fileExists = (path) => files.has(path) || has(path)
  const folders = new Set([...files.keys()].map((path) => dirname(path)))
  const hasFolder = host.directoryExists?.bind(host)
  host.directoryExists = (path) => folders.has(path) || (hasFolder?.(path) ?? true)
  const program = ts.createProgram([...files.keys()], settings, host)

  for (const block of blocks)
    test(`${block.name} ${block.wrong ? 'does not compile, as it says' : 'compiles'}`, () => {
      const file = program.getSourceFile(join(root, 'docs', block.name))
      assert.ok(file !== undefined)
      const messages = [...program.getSemanticDiagnostics(file), ...program.getSyntacticDiagnostics(file)].map(({ messageText }) =>
        ts.flattenDiagnosticMessageText(messageText, '\n'),
      )
      if (block.wrong)
        assert.ok(
          messages.some((message) => message.includes('put verifyIdentity() before it')),
          messages.join('\n'),
        )
      else assert.deepEqual(messages, [], files.get(join(root, 'docs', block.name)))
    })
})

test('the first program of the README prints what it says', () => {
  const { outputText } = ts.transpileModule(blocks[0]?.code ?? '', {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  })
  const flags = ['--import', 'tsx', '--conditions=@sallyport/source', '--input-type=module', '--eval', outputText]
  const { stdout, stderr } = spawnSync(process.execPath, flags, { cwd: root, encoding: 'utf8' })
  assert.equal(stdout, 'You said: I am [EMAIL]\n429 limit_exceeded\n', stderr)
})

test('links between pages lead somewhere', () => {
  for (const page of pages)
    for (const [, target] of readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g))
      assert.ok(existsSync(join(root, page, '..', target ?? '')), `${page} links to ${target}`)
})

test('the README is short, and shows its program on the first screen', () => {
  const lines = readFileSync(join(root, 'README.md'), 'utf8').split('\n')
  assert.ok(lines.length <= 200)
  assert.ok(lines.findIndex((line) => line.includes('limit_exceeded')) < 40)
})
