import { contentEncryption, readCompact } from './compact-jwe.ts'

/**
 * Seals under a key that both sides have: a JWE in compact form with `dir` and A256GCM (RFC 7518, sections 4.5 and 5.3).
 *
 * @param key 32 bytes
 * @param typ what it is, authenticated
 */
export async function sealDirect(plaintext: Uint8Array, key: Uint8Array, typ: string): Promise<string> {
  const { CompactEncrypt } = await import('jose/jwe/compact/encrypt')
  return new CompactEncrypt(plaintext).setProtectedHeader({ alg: 'dir', enc: contentEncryption, typ }).encrypt(key)
}

/** What was sealed under this key, as this; undefined for anything else. */
export async function openDirect(compact: string, key: Uint8Array, typ: string): Promise<Uint8Array | undefined> {
  const header = readCompact(compact)
  if (header === undefined || header.alg !== 'dir' || header.enc !== contentEncryption || header.typ !== typ || Object.keys(header).length !== 3)
    return undefined
  const { compactDecrypt } = await import('jose/jwe/compact/decrypt')
  try {
    const { plaintext } = await compactDecrypt(compact, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: [contentEncryption],
      maxDecompressedLength: 0,
    })
    return plaintext
  } catch {
    return undefined
  }
}
