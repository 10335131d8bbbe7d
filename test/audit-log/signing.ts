import { createPrivateKey, sign } from 'node:crypto'
import type { Signer } from '../../src/audit-log/audit-log.ts'
import { rawPublicKey } from '../../src/audit-log/file-signer.ts'

/** A signer from the 32 bytes of an Ed25519 seed (RFC 8032, section 5.1.5): the same one each time. */
export function seededSigner(seed: Uint8Array | number): Signer {
  const bytes = typeof seed === 'number' ? Buffer.alloc(32, seed) : Buffer.from(seed)
  // The fixed beginning of a PKCS #8 structure for Ed25519 (RFC 8410, section 7).
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytes])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return { publicKey: rawPublicKey(key), sign: (message) => sign(null, message, key) }
}
