import type { Awaitable } from '../guard/context.ts'

/**
 * A SHA-256 hash as a string of 32 octets, one character each. Native code returns such a string three times as fast as
 * a buffer, it compares by value, and who receives it cannot change it. `btoa` and `atob` are the ways to and from base64.
 */
export type Hash = string

/** Hashes at once. */
export type SyncHash = (data: Uint8Array) => Hash

// `null` is "looked for and not there".
let native: SyncHash | null | undefined

/** The runtime's own synchronous SHA-256, where it has one (Node, Bun, Deno, workerd with Node's modules). */
export function nativeSha256(): SyncHash | undefined {
  native ??= findNative() ?? null
  return native ?? undefined
}

function findNative(): SyncHash | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) return undefined
  // The type knows only the older of the two names of one encoding; the older is also looked up slower.
  const encoding = 'latin1' as 'binary'
  // Since Node 20.12; the one-shot form costs half of the other.
  if (typeof crypto.hash === 'function') return (data) => crypto.hash('sha256', data, encoding)
  return (data) => crypto.createHash('sha256').update(data).digest(encoding)
}

/** SHA-256 (FIPS 180-4): at once where the runtime can, else by WebCrypto. */
export function sha256(data: Uint8Array): Awaitable<Hash> {
  const hash = nativeSha256()
  return hash === undefined ? webSha256(data) : hash(data)
}

/** The same by WebCrypto alone. */
export async function webSha256(data: Uint8Array): Promise<Hash> {
  return octets(new Uint8Array(await crypto.subtle.digest('SHA-256', data as Uint8Array<ArrayBuffer>)))
}

/** Bytes as a string of octets. For short ones: each byte is an argument. */
export function octets(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

/** Writes a string of octets into bytes. */
export function putOctets(target: Uint8Array, offset: number, text: string): void {
  for (let index = 0; index < text.length; index++) target[offset + index] = text.charCodeAt(index)
}

/** A string of octets as bytes. */
export function fromOctets(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length)
  putOctets(bytes, 0, text)
  return bytes
}
