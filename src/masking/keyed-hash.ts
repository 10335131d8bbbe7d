/** HMAC-SHA-256 of a text's UTF-8 bytes under one key, at once. */
export type KeyedHash = (message: string) => Uint8Array

/**
 * HMAC-SHA-256 (RFC 2104) under a key. By the runtime alone: a text that is being masked cannot wait, as WebCrypto would make
 * it, and a primitive is nothing to write anew.
 *
 * @param key at least 32 bytes; copied
 * @throws TypeError for a key that is too short, and on a runtime without `node:crypto`.
 */
export function keyedHash(key: Uint8Array): KeyedHash {
  if (!(key instanceof Uint8Array) || key.length < 32) throw new TypeError('key: must be a Uint8Array of at least 32 bytes')
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) throw new TypeError('key: this runtime cannot hash at once, so there are no keyed pseudonyms and hashes on it')
  const secret = crypto.createSecretKey(key.slice())
  return (message) => crypto.createHmac('sha256', secret).update(message).digest()
}
