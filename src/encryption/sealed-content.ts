const contentEncryption = 'A256GCM'

/**
 * Seals bytes under a key of 32 bytes, as a JWE in compact form (RFC 7516) with direct encryption (RFC 7518, section 4.5).
 *
 * @param kid names the key, in clear.
 * @param context what it belongs to: authenticated, in clear, and wanted again by whoever opens it.
 */
export async function sealContent(content: Uint8Array, key: Uint8Array, kid: string, context: string): Promise<string> {
  // Loaded at the first use: most processes seal nothing.
  const { CompactEncrypt } = await import('jose/jwe/compact/encrypt')
  return new CompactEncrypt(content).setProtectedHeader({ alg: 'dir', enc: contentEncryption, kid, ctx: context }).encrypt(key)
}

/** Opens it; `undefined` where it is damaged, was sealed under another key, or belongs to something else. */
export async function openSealedContent(sealed: string, key: Uint8Array, context: string): Promise<Uint8Array | undefined> {
  const { compactDecrypt } = await import('jose/jwe/compact/decrypt')
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: [contentEncryption],
      maxDecompressedLength: 0,
    })
    return protectedHeader.ctx === context ? plaintext : undefined
  } catch {
    return undefined
  }
}
