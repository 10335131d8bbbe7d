import type { Import } from './imports.ts'

/** Which domain folders a folder may import, beside `guard` and itself. */
const domains: Readonly<Record<string, readonly string[]>> = {
  guard: [],
  state: [],
  keys: [],
  policy: ['keys', 'payload'],
  payload: [],
  identity: ['keys', 'state'],
  approval: ['identity', 'keys', 'state'],
  limits: ['state'],
  attestation: ['identity', 'keys', 'state'],
  encryption: ['keys'],
  masking: ['encryption', 'payload'],
  anonymize: ['masking', 'payload'],
  'audit-log': ['encryption', 'keys'],
  'access-review': ['audit-log', 'policy'],
  posture: [],
  'audit-view': ['audit-log'],
  tools: ['payload', 'policy'],
}

/** Which domains a control may import, by its file's name. */
const controls: Readonly<Record<string, readonly string[]>> = {
  audit: ['audit-log', 'payload'],
  'verify-identity': ['identity', 'state'],
  'encrypt-payload': ['encryption', 'keys', 'payload'],
  'rate-limit': ['limits', 'payload'],
  authorize: ['approval', 'identity', 'policy'],
  'kill-switch': ['state'],
  'mask-data': ['masking', 'payload'],
  unaudited: [],
}

/** Who may import a runtime dependency. */
const dependencies: Readonly<Record<string, readonly string[]>> = {
  jose: ['approval', 'attestation', 'identity', 'keys', 'policy', 'encryption', 'testing'],
  '@noble/ciphers': ['encryption', 'masking'],
  'lru-cache': ['identity', 'keys', 'limits', 'state'],
  'zod/mini': ['*'],
}

/** Packages whose types an adapter may use, by the adapter's folder. */
const vendors: Readonly<Record<string, readonly string[]>> = {
  express: ['adapters/express'],
  fastify: ['adapters/fastify'],
  hono: ['adapters/hono'],
  '@cedar-policy/cedar-wasm': ['adapters/cedar'],
  '@open-policy-agent/opa-wasm': ['adapters/opa'],
  '@simplewebauthn/server': ['adapters/webauthn'],
  '@opentelemetry/api': ['adapters/otel'],
  '@opentelemetry/api-logs': ['adapters/otel'],
}

const node = /^(adapters\/(node|express|fastify)|audit-log\/file|keys\/file|policy\/policy-file|cli\/)/

/** Why an import may not be; undefined where it may. */
export function violation({ from, to, typeOnly }: Import): string | undefined {
  const folder = folderOf(from)
  if (to === '(computed)') return 'imports what cannot be followed'
  if (!to.endsWith('.ts')) return outside(from, folder, to, typeOnly)
  const target = folderOf(to)
  if (target === folder && folder !== 'controls' && folder !== 'adapters') return undefined
  if (target === 'index.ts') return 'imports the public surface from inside'
  if (folder === 'index.ts')
    return target === 'adapters' && !/^adapters\/(web|fetch)\//.test(to) ? 'an adapter of others is no part of the core' : undefined
  // The entry for what is kept in files, which are the domains' own.
  if (folder === 'file.ts') return ['keys', 'policy', 'audit-log'].includes(target) ? undefined : `the entry for files exports ${to}`
  if (folder === 'cli' || folder === 'testing') return undefined
  if (folder === 'adapters') {
    if (target === 'guard' || target === 'payload' || /^adapters\/(web|fetch)\//.test(to)) return undefined
    if (target === 'adapters' && adapterOf(from) === adapterOf(to)) return undefined
    // Express and Fastify stand on Node's own server: their requests and responses are those.
    if (/^adapters\/(express|fastify)\//.test(from) && adapterOf(to) === 'adapters/node') return undefined
    // Stores of others answer with the errors of the port, and what asks for an approval once remembers it in such a store.
    if (target === 'state' && /^adapters\/(redis|webauthn)\//.test(from)) return undefined
    // Sinks take what logs hold.
    if (target === 'audit-log' && typeOnly && /^adapters\/(otel|postgres)\//.test(from)) return undefined
    // Anchors remember what a checkpoint says.
    if (to === 'audit-log/anchored-head.ts' && /^adapters\/(otel|postgres)\//.test(from)) return undefined
    // To the byte as they are in the log.
    if (to === 'audit-log/record.ts' && from.startsWith('adapters/postgres/')) return undefined
    // Sessions are remembered in such a store, and a server of tools says whose tokens it takes.
    if ((target === 'state' || to === 'identity/protected-resource-metadata.ts') && from.startsWith('adapters/mcp/')) return undefined
    // Limits in Redis count as those in memory do, with the same arithmetic.
    if (target === 'limits' && from.startsWith('adapters/redis/')) return undefined
    // Engines of others stand behind policy's port and speak its words; one that is far away is reached by checked addresses alone.
    if (target === 'policy' && /^adapters\/(cedar|opa|authzen)\//.test(from)) return undefined
    if (to === 'keys/secure-url.ts' && /^adapters\/(opa|authzen|fetch)\//.test(from)) return undefined
    // A model of others stands behind masking's port.
    if (to === 'masking/async-detector.ts' && from.startsWith('adapters/transformers/')) return undefined
    if (to === 'policy/policy-evaluator.ts' && from.startsWith('adapters/fetch/')) return undefined
    // Keys of others stand behind the port of keys, and bind and wrap as those here do.
    if (target === 'keys' && /^adapters\/(vault|aws-kms|gcp-kms|pkcs11)\//.test(from)) return undefined
    // The other end of a sealed request: it is a fetch, and seals.
    if (target === 'encryption' && from === 'adapters/fetch/sealing-fetch.ts') return undefined
    return `an adapter imports ${to}`
  }
  if (target === 'guard') return undefined
  // Addresses are read as policy reads them.
  if (folder === 'anonymize' && to === 'policy/address-range.ts') return undefined
  if (folder === 'controls') {
    const name = from.slice('controls/'.length, -'.ts'.length)
    return controls[name]?.includes(target) === true ? undefined : `the control ${name} imports ${target}`
  }
  return domains[folder]?.includes(target) === true ? undefined : `${folder} imports ${target}`
}

function outside(from: string, folder: string, to: string, typeOnly: boolean): string | undefined {
  if (to.startsWith('node:')) return node.test(from) ? undefined : 'imports a module of Node outside the places that may'
  const folders = dependencies[to]
  if (folders !== undefined) return folders.includes('*') || folders.includes(folder) ? undefined : `${folder} imports ${to}`
  const adapters = vendors[to]
  if (adapters === undefined) return `${to} is no runtime dependency`
  if (!adapters.includes(adapterOf(from))) return `${to} is imported outside its own adapter`
  return typeOnly ? undefined : `${to} is imported by more than its types`
}

/** Chains of imports that come back to where they began. Types are gone at run time and do not count. */
export function cycles(imports: readonly Import[]): string[][] {
  const edges = new Map<string, string[]>()
  for (const { from, to, typeOnly } of imports) if (to.endsWith('.ts') && !typeOnly) edges.set(from, [...(edges.get(from) ?? []), to])
  const found: string[][] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): void => {
    const at = path.indexOf(file)
    if (at !== -1) found.push([...path.slice(at), file])
    if (at !== -1 || done.has(file)) return
    path.push(file)
    for (const next of edges.get(file) ?? []) visit(next)
    path.pop()
    done.add(file)
  }
  for (const file of edges.keys()) visit(file)
  return found
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? ''
}

function adapterOf(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}
