// Run as a process of its own in an empty folder: imports everything, makes one of each, calls it, and tells what of the outside
// world was touched. Nothing here names an address, a folder or a port, but for the key set of an issuer.
import childProcess from 'node:child_process'
import dgram from 'node:dgram'
import dns from 'node:dns'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import { join } from 'node:path'
import process from 'node:process'

const touched: string[] = []
const { cwd } = process
const home = cwd()
const watch = (holder: object, names: readonly string[], what: string, isOurs: (args: readonly unknown[]) => boolean = () => true): void => {
  for (const name of names) {
    const own = Reflect.get(holder, name) as (...args: unknown[]) => unknown
    if (typeof own !== 'function') continue
    Reflect.set(holder, name, function (this: unknown, ...args: unknown[]): unknown {
      if (isOurs(args)) touched.push(`${what}.${name} ${String(args[0])}`)
      return Reflect.apply(own, this, args)
    })
  }
}
const writing = (args: readonly unknown[]): boolean => typeof args[1] !== 'string' || /[wa+]/.test(args[1])
watch(net.Server.prototype, ['listen'], 'net')
watch(net.Socket.prototype, ['connect'], 'net')
watch(dgram, ['createSocket'], 'dgram')
watch(dns, ['lookup', 'resolve'], 'dns')
watch(childProcess, ['spawn', 'fork', 'exec', 'execFile', 'spawnSync', 'execSync'], 'process')
watch(fs, ['open', 'openSync'], 'fs', writing)
watch(
  fs,
  [
    'writeFile',
    'writeFileSync',
    'mkdir',
    'mkdirSync',
    'appendFile',
    'appendFileSync',
    'createWriteStream',
    'rename',
    'link',
    'symlink',
    'rm',
    'unlink',
  ],
  'fs',
)
watch(fs.promises, ['open'], 'fs.promises', writing)
watch(fs.promises, ['writeFile', 'mkdir', 'appendFile', 'rename', 'link', 'rm', 'unlink'], 'fs.promises')
watch(globalThis, ['fetch'], 'global')
syncBuiltinESMExports()

const before = Object.keys(globalThis)
const { expressGuard } = await import('../../src/adapters/express/index.ts')
const { honoGuard } = await import('../../src/adapters/hono/index.ts')
const { toNode } = await import('../../src/adapters/node/index.ts')
const file = await import('../../src/file.ts')
const sallyport = await import('../../src/index.ts')
const testing = await import('../../src/testing/index.ts')
const {
  audit,
  authorize,
  detectors,
  guard,
  guardFetch,
  guardHandler,
  jwt,
  maskData,
  memoryLog,
  openaiChat,
  policySet,
  rateLimit,
  remoteJwks,
  verifyIdentity,
} = sallyport

const issuer = testing.testIssuer()
const lazily = guard({ name: 'lazy' }).use(
  audit({ log: () => file.fileLog(join(home, 'log'), { signer: { publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) } }) }),
)
const remote = jwt({ issuer: 'https://other.example', audience: 'x', keys: remoteJwks(new URL('https://other.example/jwks')) })
const base = guard()
  .use(audit({ log: memoryLog() }))
  .use(verifyIdentity({ verifiers: [jwt(issuer.options), remote], revocation: sallyport.revocationList() }))
  .use(rateLimit({ limits: { name: 'minute', per: (call) => call.identity.key, requests: 100, window: 60 } }))
  .use(authorize({ evaluator: policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit' }] }) }))
  .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both' }))
const operation = { action: 'chat', resource: { type: 'model', id: 'm' }, codec: openaiChat }
guardFetch(base)
honoGuard(base, operation)
expressGuard(base, operation, () => 'x')
toNode(guardHandler(base, operation, () => 'x'))
file.fileAnchor(join(home, 'anchor'))
base.describe()
lazily.describe()
const run = base.protect((input: string) => input, { action: 'a', resource: { type: 't', id: 'i' }, codec: sallyport.plainText })
const credentials = await issuer.bearer()
for (let call = 0; call < 5; call++) await run('hello', { credentials })
await run('hello').catch(() => {})
await run('hello', { credentials: { authorization: 'Bearer nonsense' } }).catch(() => {})
await base.close()
await lazily.close()

const quiet = [...touched]
// And the watch itself sees what there is to see.
await run('hello', { credentials: await testing.testIssuer({ issuer: 'https://other.example', audience: 'x' }).bearer() }).catch(() => {})
const second = guard()
  .use(audit({ log: memoryLog() }))
  .use(verifyIdentity({ verifiers: [remote] }))
  .use(authorize({ evaluator: testing.allowAll() }))
await second
  .protect(() => 'x', { action: 'a', resource: { type: 't', id: 'i' } })(null, {
    credentials: await testing.testIssuer({ issuer: 'https://other.example', audience: 'x' }).bearer(),
  })
  .catch(() => {})
await file.fileSigner(join(home, 'seen', 'key'))
console.log(
  JSON.stringify({
    quiet,
    seen: touched.slice(quiet.length),
    // A dependency keeps its registry there.
    globals: Object.keys(globalThis).filter((name) => !before.includes(name) && !name.startsWith('__zod_')),
    handles: process.getActiveResourcesInfo().filter((name) => /TCP|UDP|Pipe(?!Wrap)|FSEvent/.test(name)),
    files: fs.readdirSync(home),
  }),
)
