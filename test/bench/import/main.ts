// What importing costs in CPU time beside jose, and how large a bundle is.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { tell } from '../report/figure.ts'

const dist = fileURLToPath(new URL('../../../dist/index.js', import.meta.url))
const bench = fileURLToPath(new URL('..', import.meta.url))
const runs = Number(process.env.RUNS ?? 21)

// User and system time of a fresh process that imports it and nothing else, in milliseconds.
function importCost(specifier: string | undefined): number {
  const load = specifier === undefined ? '' : `await import(${JSON.stringify(specifier)});`
  const code = `${load}const { user, system } = process.cpuUsage(); process.stdout.write(String((user + system) / 1000))`
  return Number(spawnSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: bench, encoding: 'utf8' }).stdout)
}

const subjects: Record<string, string | undefined> = { nothing: undefined, jose: 'jose', sallyport: dist }
const figures = new Map<string, number[]>(Object.keys(subjects).map((name) => [name, []]))
for (let run = 0; run < runs; run++) for (const [name, specifier] of Object.entries(subjects)) figures.get(name)?.push(importCost(specifier))
const median = (name: string): number => [...(figures.get(name) ?? [])].sort((a, b) => a - b)[Math.floor(runs / 2)] ?? Number.NaN

console.log(`\nimport: CPU milliseconds of a fresh process, median of ${runs}, interleaved; node ${process.version}`)
for (const name of figures.keys()) console.log(`  ${name.padEnd(12)}${median(name).toFixed(1).padStart(8)}`)
console.log(`  sallyport / jose, both less nothing: ${((median('sallyport') - median('nothing')) / (median('jose') - median('nothing'))).toFixed(2)}`)

for (const [subject, values] of figures)
  tell({ bench: 'import', table: 'a fresh process', subject, unit: 'ms', values, peer: subject !== 'sallyport' })
const ratios = (figures.get('sallyport') ?? []).map(
  (own, run) => (own - (figures.get('nothing')?.[run] ?? 0)) / ((figures.get('jose')?.[run] ?? 0) - (figures.get('nothing')?.[run] ?? 0)),
)
tell({ bench: 'import', table: 'importing it, against jose, both less nothing', subject: 'sallyport', unit: '× jose', values: ratios, asked: 1.5 })

const guards: Record<string, string> = {
  'a guard with all controls':
    'export { audit, authorize, detectors, encryptPayload, guard, jwt, localKeys, maskData, memoryLog, openaiChat, policySet, rateLimit, verifyIdentity }',
  'identity, policy and audit': 'export { audit, authorize, guard, jwt, memoryLog, policySet, verifyIdentity }',
}
console.log('\nbundle: esbuild, minified, ESM, all dependencies in it')
for (const [name, names] of Object.entries(guards)) {
  const result = await build({
    stdin: { contents: `${names} from ${JSON.stringify(dist)}`, resolveDir: bench },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['import'],
    target: 'es2023',
    write: false,
    logLevel: 'error',
  })
  const bytes = result.outputFiles[0]?.contents ?? new Uint8Array()
  const asked = name.startsWith('identity') ? { asked: 60 } : {}
  tell({ bench: 'import', table: 'a bundle, minified', subject: name, unit: 'kB', values: [bytes.length / 1000], ...asked })
  tell({ bench: 'import', table: 'a bundle, minified and gzipped', subject: name, unit: 'kB', values: [gzipSync(bytes, { level: 9 }).length / 1000] })
  console.log(
    `  ${name.padEnd(32)}${(bytes.length / 1000).toFixed(1).padStart(8)} kB${(gzipSync(bytes, { level: 9 }).length / 1000).toFixed(1).padStart(8)} kB gzip`,
  )
}
