/** A bench that `npm run bench` knows. */
export interface Bench {
  readonly name: string
  readonly title: string
  /** What is measured, in a sentence or two. */
  readonly about: string
  readonly file: string
  readonly flags?: readonly string[]
  readonly args?: readonly string[]
  /** Seconds after which it is given up. */
  readonly most: number
  /** Packages that it is measured beside. */
  readonly peers: readonly string[]
}

/** In the order in which they run. */
export const benches: readonly Bench[] = [
  {
    name: 'pipeline',
    title: 'A guarded call',
    about:
      'The whole guard around a function that does nothing: all controls but encryption, all detectors, a token that was seen before, a prompt of 1 kB, two records on the disk by group commit, 64 calls at a time.',
    file: 'pipeline/main.ts',
    most: 600,
    peers: ['jose', '@microsoft/agent-governance-sdk'],
  },
  {
    name: 'identity',
    title: 'Identity',
    about: 'Verifying an ES256 access token (RFC 9068), refusing what is none, and a DPoP proof (RFC 9449).',
    file: 'identity/main.ts',
    most: 600,
    peers: ['jose', 'fast-jwt', 'aws-jwt-verify'],
  },
  {
    name: 'policy',
    title: 'Policy',
    about: 'One decision over policies of different sizes that say the same in each engine; an engine that decides otherwise is not measured.',
    file: 'policy/main.ts',
    most: 600,
    peers: ['@cedar-policy/cedar-wasm', '@casl/ability', 'casbin'],
  },
  {
    name: 'limits',
    title: 'Limits',
    about: 'One check of several limits, in memory with up to a million keys, and in Redis on this machine; and what a caller gets that hoards.',
    file: 'limits/main.ts',
    most: 600,
    peers: ['rate-limiter-flexible', 'express-rate-limit', 'hono-rate-limiter'],
  },
  {
    name: 'streams',
    title: 'Streams',
    about: 'The `openai` client reading an answer, alone and behind the guard with all controls; and what leaks when an address is cut into pieces.',
    file: 'streams/main.ts',
    flags: ['--expose-gc'],
    most: 600,
    peers: ['openai', '@openai/guardrails', 'langchain'],
  },
  {
    name: 'masking',
    title: 'Masking',
    about: 'All detectors at once over clean texts and hostile ones, and how right they are on labelled texts in sixteen languages.',
    file: 'masking/main.ts',
    most: 600,
    peers: ['@arcjet/redact', '@openai/guardrails', '@redactpii/node', 'langchain', 'openredaction', 'redact-pii'],
  },
  {
    name: 'encryption',
    title: 'Encryption',
    about: 'Sealing and opening, beside the cipher of Node alone, which is the limit of it.',
    file: 'encryption/main.ts',
    flags: ['--expose-gc'],
    most: 600,
    peers: ['jose', 'libsodium-wrappers', '@aws-crypto/client-node'],
  },
  {
    name: 'audit',
    title: 'Audit',
    about: 'A durable record in a signed log, beside others that write to the same disk; and a log that grows.',
    file: 'audit/main.ts',
    flags: ['--expose-gc'],
    most: 600,
    peers: ['pino', 'better-sqlite3'],
  },
  {
    name: 'access-review',
    title: 'Access review',
    about: 'A review of a year: decisions read in a process whose heap is bounded to 350 MB.',
    file: 'access-review/main.ts',
    args: [],
    most: 600,
    peers: [],
  },
  {
    name: 'import',
    title: 'Import',
    about: 'What importing it costs a fresh process, and how large a bundle is.',
    file: 'import/main.ts',
    most: 600,
    peers: ['jose', 'esbuild'],
  },
  {
    name: 'load',
    title: 'Load',
    about:
      'The gateway of `examples/gateway` under autocannon, with the guard and without it in turns. Load, gateway and model are three processes that share this machine, so calls a second are less than the gateway alone could serve; its own processor time is the figure to compare.',
    file: 'load/main.ts',
    most: 600,
    peers: ['autocannon', 'hono'],
  },
]
