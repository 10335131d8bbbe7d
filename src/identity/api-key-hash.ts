import type { Awaitable } from '../guard/context.ts'

const hex = /^[0-9a-f]{64}$/i
// 32 bytes, the unused bits zero.
const base64url = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** A SHA-256 hash as eight words, which compare quickly and in constant time. */
export type HashWords = Uint32Array

/** The hash of a key: at once where the runtime can, else by WebCrypto. */
export function hashWords(key: string): Awaitable<HashWords> {
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (native !== undefined) return wordsOf(native.createHash('sha256').update(key).digest())
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)).then((hash) => wordsOf(new Uint8Array(hash)))
}

/** Reads `sha256:` and 32 bytes in base64url or hexadecimal; undefined for anything else. */
export function parseHash(text: unknown): HashWords | undefined {
  if (typeof text !== 'string' || !text.startsWith('sha256:')) return undefined
  const encoded = text.slice('sha256:'.length)
  if (hex.test(encoded)) return wordsOf(Uint8Array.from(encoded.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)))
  if (!base64url.test(encoded)) return undefined
  return wordsOf(Uint8Array.from(atob(encoded.replaceAll('-', '+').replaceAll('_', '/')), (octet) => octet.charCodeAt(0)))
}

/**
 * The hash of an API key, as `apiKey` takes it: `sha256:` and base64url. A fast hash is right for keys of at least 128
 * random bits, such as `newApiKey` makes, and wrong for anything that a person thought up.
 */
export async function hashApiKey(key: string): Promise<string> {
  const words = await hashWords(key)
  return `sha256:${encode(new Uint8Array(words.buffer, words.byteOffset, words.byteLength))}`
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
  const key = `${options.prefix ?? ''}${encode(crypto.getRandomValues(new Uint8Array(32)))}`
  return { key, hash: await hashApiKey(key) }
}

// In the machine's own order of bytes, on both sides of every comparison.
function wordsOf(bytes: Uint8Array): HashWords {
  return new Uint32Array(Uint8Array.from(bytes).buffer)
}

function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
