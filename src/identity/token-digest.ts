type Digest = (text: string) => string

// `null` is "looked for and not there".
let native: Digest | null | undefined

/**
 * What a token is remembered by: its SHA-256 where the runtime hashes at once, so that the memory holds no credential,
 * else its text. A text that is looked up in a map is found by a seeded hash first, so time tells nothing about it.
 */
export function tokenDigest(token: string): string {
  native ??= findNative() ?? null
  return native === null ? token : native(token)
}

function findNative(): Digest | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) return undefined
  // The type knows only the older of the two names of one encoding; the older is also looked up slower.
  const encoding = 'latin1' as 'binary'
  if (typeof crypto.hash === 'function') return (text) => crypto.hash('sha256', text, encoding)
  return (text) => crypto.createHash('sha256').update(text).digest(encoding)
}
