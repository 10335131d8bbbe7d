import type { Awaitable } from '../guard/context.ts'

/** Bytes of a partition key: enough to tell callers apart, and nothing to find a key from. */
const length = 16

/** Makes partition keys under a secret: the same for the same key wherever the secret is the same. */
export type PartitionKeys = (limit: string, key: string) => Awaitable<string>

/**
 * Partition keys for the `pk` parameter (draft-ietf-httpapi-ratelimit-headers-10): an HMAC-SHA-256 of the limit's name and the
 * key, cut to 16 bytes, in base64. At once where the runtime has a native one.
 *
 * @param secret at least 32 bytes, copied.
 * @throws TypeError for one that is shorter.
 */
export function partitionKeys(secret: Uint8Array): PartitionKeys {
  if (!(secret instanceof Uint8Array) || secret.length < 32) throw new TypeError('rateLimit: headers: partitionKey: must be at least 32 bytes')
  const own = new Uint8Array(secret)
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (native !== undefined) {
    const hmacKey = native.createSecretKey(own)
    return (limit, key) => native.createHmac('sha256', hmacKey).update(textOf(limit, key)).digest().subarray(0, length).toString('base64')
  }
  return webPartitionKeys(own)
}

/** The same by WebCrypto alone. */
export function webPartitionKeys(secret: Uint8Array<ArrayBuffer>): PartitionKeys {
  const imported = crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  // Whoever asks for a key hears of a failure; nobody else has to.
  imported.catch(() => {})
  return async (limit, key) => {
    const digest = new Uint8Array(await crypto.subtle.sign('HMAC', await imported, new TextEncoder().encode(textOf(limit, key))))
    return btoa(String.fromCharCode(...digest.subarray(0, length)))
  }
}

function textOf(limit: string, key: string): string {
  return `${limit.length}:${limit}${key}`
}
