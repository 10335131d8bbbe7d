import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { decodeBase64url, encodeBase64url } from '../keys/base64url.ts'
import { type IdentityParts, makeIdentity } from './make-identity.ts'
import type { Presented } from './presented.ts'
import { DirectVerifier, type Route, type Verifier } from './verifier.ts'

/** One key that `apiKey` takes. */
export interface ApiKeyEntry {
  /** Names the key in records and for revocation. Not secret. */
  readonly id: string
  /** `sha256:` and the hash of the whole key, prefix included, in base64url or hexadecimal. */
  readonly hash: string
  /** Whose key it is. `issuer` is `urn:sallyport:api-key` and `kind` is `service` unless given. */
  readonly identity: Pick<Identity, 'subject'> & Partial<Omit<Identity, 'key' | 'expiresAt' | 'tokenId' | 'device' | 'binding'>>
  /** Milliseconds since 1970; never unless given. */
  readonly expiresAt?: number
}

/** Options of `apiKey`. */
export interface ApiKeyOptions {
  /** At most 10,000. One holder may have several, as while a key is rotated. */
  readonly keys: readonly ApiKeyEntry[]
  /** What every key begins with. Where it is given, keys are also taken as `Authorization: Bearer`. */
  readonly prefix?: string
  /** For `verify` outside a guard, which brings its own; the system's unless given. */
  readonly clock?: Clock
}

const maxKeys = 10_000
/** Characters of a key: fewer cannot be random enough. */
const length = { min: 16, max: 256 } as const
const visible = /^[\x21-\x7e]*$/
const prefixes = /^[A-Za-z][A-Za-z0-9_-]{0,30}$/

const checks: Readonly<Record<keyof ApiKeyOptions, Check>> = {
  keys: [(value) => Array.isArray(value) && value.length > 0 && value.length <= maxKeys, `a list of 1 to ${maxKeys}`],
  prefix: [
    optional((value) => value === '' || (typeof value === 'string' && prefixes.test(value))),
    'a letter and up to 30 letters, digits, hyphens and underscores',
  ],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}
const entryChecks: Readonly<Record<keyof ApiKeyEntry, Check>> = {
  id: [(value) => typeof value === 'string' && value !== '', 'a non-empty text'],
  hash: [(value) => typeof value === 'string', 'a text'],
  identity: [(value) => typeof value === 'object' && value !== null, 'an object'],
  expiresAt: [optional((value) => typeof value === 'number' && !Number.isNaN(value)), 'milliseconds since 1970'],
}
// What they are is checked where the identity is made; a misspelt one would be left out there.
const anything: Check = [() => true, 'there']
const identityChecks: Readonly<Record<keyof ApiKeyEntry['identity'], Check>> = {
  subject: anything,
  issuer: anything,
  kind: anything,
  tenant: anything,
  roles: anything,
  scopes: anything,
  claims: anything,
  actors: anything,
  assurance: anything,
}

/**
 * Verifies API keys: random texts of which only hashes are kept.
 *
 * A key is taken from `credentials.apiKey` (a field of its own, such as `x-api-key`) and from `Authorization: ApiKey`;
 * from `Authorization: Bearer` only where it begins with the `prefix` and has no dot, so that it is never taken for a
 * token nor a token for it. Every hash is compared, in constant time, whichever one fits.
 *
 * @throws TypeError for wrong options, and for an id or a hash that stands twice.
 */
export function apiKey(options: ApiKeyOptions): Verifier {
  return new ApiKeyVerifier(options)
}

class ApiKeyVerifier extends DirectVerifier {
  readonly scheme = 'ApiKey'
  readonly route: Route
  readonly #prefix: string
  readonly #identities: readonly Identity[]
  /** All hashes, eight words each. */
  readonly #hashes: HashWords

  constructor(options: ApiKeyOptions) {
    checkOptions('apiKey', options, checks)
    const { keys, prefix = '', clock = systemClock } = options
    super(clock)
    const entries: readonly ApiKeyEntry[] = [...keys]
    this.#identities = entries.map(identityOfEntry)
    this.#hashes = new Uint32Array(entries.length * 8)
    for (const [index, { id, hash }] of entries.entries()) {
      const words = parseHash(hash)
      if (words === undefined) throw new TypeError(`apiKey: the hash of '${id}' must be sha256: and 32 bytes in base64url or hexadecimal`)
      this.#hashes.set(words, index * 8)
    }
    distinct(
      'an id',
      entries.map(({ id }) => id),
    )
    distinct(
      'a hash',
      entries.map((_entry, index) => this.#hashes.subarray(index * 8, index * 8 + 8).join()),
    )
    this.#prefix = prefix
    this.route = { kind: 'key', prefix }
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'apiKey', prefix: this.#prefix, keys: this.#identities.map(({ tokenId }) => tokenId) }
  }

  takes({ scheme, secret }: Presented): boolean {
    if (scheme === 'api-key') return secret.startsWith(this.#prefix)
    return scheme === 'bearer' && this.#prefix !== '' && secret.startsWith(this.#prefix) && !secret.includes('.')
  }

  check({ secret, proof }: Presented, clock: Clock): Awaitable<Identity> {
    if (proof !== undefined) throw new GuardError('binding_invalid', { reason: 'a proof of possession came with an API key' })
    if (secret.length < length.min || secret.length > length.max || !visible.test(secret))
      throw invalid('no API key has this length or these characters')
    const words = hashWords(secret)
    return words instanceof Promise ? words.then((hash) => this.#find(hash, clock)) : this.#find(words, clock)
  }

  #find(hash: HashWords, clock: Clock): Identity {
    const hashes = this.#hashes
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = hash
    let found = -1
    for (let index = 0, at = 0; at < hashes.length; index++, at += 8) {
      const difference =
        (word(hashes, at) ^ a) |
        (word(hashes, at + 1) ^ b) |
        (word(hashes, at + 2) ^ c) |
        (word(hashes, at + 3) ^ d) |
        (word(hashes, at + 4) ^ e) |
        (word(hashes, at + 5) ^ f) |
        (word(hashes, at + 6) ^ g) |
        (word(hashes, at + 7) ^ h)
      // All ones where nothing differs, else zero: the place is taken without a branch.
      const mask = ~((difference | -difference) >> 31)
      found = (found & ~mask) | (index & mask)
    }
    const identity = this.#identities[found]
    if (identity === undefined) throw invalid('no such API key')
    if (identity.expiresAt <= clock.now()) throw new GuardError('identity_expired', { reason: 'the API key has expired' })
    return identity
  }
}

function identityOfEntry(entry: ApiKeyEntry): Identity {
  checkOptions('apiKey: a key', entry, entryChecks)
  const { id, identity, expiresAt = Number.POSITIVE_INFINITY } = entry
  checkOptions(`apiKey: the identity of the key '${id}'`, identity, identityChecks)
  const parts: IdentityParts = { issuer: 'urn:sallyport:api-key', kind: 'service', ...identity, expiresAt, tokenId: id }
  return makeIdentity(parts, { keyId: id })
}

function word(words: HashWords, index: number): number {
  return words[index] ?? 0
}

function distinct(what: string, values: readonly string[]): void {
  if (new Set(values).size < values.length) throw new TypeError(`apiKey: ${what} stands twice`)
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}

const hex = /^[0-9a-f]{64}$/i

/** A SHA-256 hash as eight words, which compare quickly and in constant time. */
type HashWords = Uint32Array

/** The hash of a key: at once where the runtime can, else by WebCrypto. */
function hashWords(key: string): Awaitable<HashWords> {
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (native !== undefined) return wordsOf(native.createHash('sha256').update(key).digest())
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)).then((hash) => wordsOf(new Uint8Array(hash)))
}

/** Reads `sha256:` and 32 bytes in base64url or hexadecimal; undefined for anything else. */
function parseHash(text: unknown): HashWords | undefined {
  if (typeof text !== 'string' || !text.startsWith('sha256:')) return undefined
  const encoded = text.slice('sha256:'.length)
  if (hex.test(encoded)) return wordsOf(Uint8Array.from(encoded.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)))
  const bytes = decodeBase64url(encoded)
  return bytes?.length === 32 ? wordsOf(bytes) : undefined
}

/**
 * The hash of an API key, as `apiKey` takes it: `sha256:` and base64url. A fast hash is right for keys of at least 128
 * random bits, such as `newApiKey` makes, and wrong for anything that a person thought up.
 */
export async function hashApiKey(key: string): Promise<string> {
  const words = await hashWords(key)
  return `sha256:${encodeBase64url(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))}`
}

/** Options of `newApiKey`. */
export interface NewApiKeyOptions {
  /** What the key begins with, so that a scanner for leaked secrets knows it; none unless given. */
  readonly prefix?: string
}

/**
 * A new API key of 256 random bits and its hash. The key is for its holder, and to be shown once; the hash is what is kept.
 *
 * ```ts
 * const { key, hash } = await newApiKey({ prefix: 'acme_' })
 * const verifier = apiKey({ prefix: 'acme_', keys: [{ id: 'ci', hash, identity: { subject: 'ci', roles: ['builder'] } }] })
 * ```
 */
export async function newApiKey(options: NewApiKeyOptions = {}): Promise<{ readonly key: string; readonly hash: string }> {
  checkOptions('newApiKey', options, { prefix: checks.prefix })
  const key = `${options.prefix ?? ''}${encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))}`
  return { key, hash: await hashApiKey(key) }
}

// In the machine's own order of bytes, on both sides of every comparison.
function wordsOf(bytes: Uint8Array): HashWords {
  return new Uint32Array(Uint8Array.from(bytes).buffer)
}
