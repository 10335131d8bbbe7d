import { type Check, checkOptions, optional, oneOf } from '../guard/check-options.ts'
import { generateAgreementKeys } from '../keys/agreement-key.ts'
import { jwkThumbprint } from '../keys/thumbprint.ts'
import { parseRecipientKey, type RecipientKey, type ReleaseAlgorithm } from './recipient-key.ts'
import { copyRequest, type KeyRequest, openReleasedKey, requestDigest } from './released-key.ts'

/** Options of `releaseRecipient`. */
export interface ReleaseRecipientOptions {
  /** `P-256` unless given; `RSA` (3,072 bits) where the evidence can name no other. */
  readonly kind?: 'P-256' | 'X25519' | 'RSA'
}

/** The key of a workload, to which data keys are released. */
export interface ReleaseRecipient {
  /** The public key as a JWK. */
  readonly publicKey: RecipientKey
  /** The same as a SubjectPublicKeyInfo in DER: the `public_key` of a Nitro document. */
  readonly publicKeyInfo: Uint8Array
  /** Its thumbprint (RFC 7638): a second nonce for Confidential Space. */
  readonly thumbprint: string
  /**
   * The data key that was released for this nonce and this request: 32 bytes, for whoever asked to wipe.
   *
   * @throws GuardError `decryption_failed` for what was made for another key, nonce or request.
   */
  open(released: string, nonce: string, asked: KeyRequest): Promise<Uint8Array>
}

const checks: Readonly<Record<keyof ReleaseRecipientOptions, Check>> = {
  kind: [optional(oneOf('P-256', 'X25519', 'RSA')[0]), "'P-256', 'X25519' or 'RSA'"],
}

/**
 * A new pair of keys for a workload. The private half cannot be exported and goes with the process: make it where nobody looks in, after
 * the start and not while the image is built.
 *
 * @throws TypeError, or rejects with it, for wrong options.
 */
export async function releaseRecipient(options: ReleaseRecipientOptions = {}): Promise<ReleaseRecipient> {
  checkOptions('releaseRecipient', options, checks)
  const { kind = 'P-256' } = options
  const { publicKey: own, privateKey } = await generate(kind)
  const publicKey = parseRecipientKey(materialOf(await crypto.subtle.exportKey('jwk', own)))
  if (publicKey === undefined) throw new TypeError('releaseRecipient: the runtime made no such key')
  const algorithm: ReleaseAlgorithm = kind === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW'
  const thumbprint = await jwkThumbprint(publicKey)
  return Object.freeze<ReleaseRecipient>({
    publicKey,
    publicKeyInfo: new Uint8Array(await crypto.subtle.exportKey('spki', own)),
    thumbprint,
    open: async (released, nonce, asked) =>
      openReleasedKey(released, { algorithm, kid: thumbprint, privateKey }, { nonce, digest: await requestDigest(copyRequest(asked)) }),
  })
}

async function generate(kind: 'P-256' | 'X25519' | 'RSA'): Promise<CryptoKeyPair> {
  if (kind !== 'RSA') return generateAgreementKeys(kind, false)
  const algorithm = { name: 'RSA-OAEP', modulusLength: 3072, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' }
  return (await crypto.subtle.generateKey(algorithm, false, ['encrypt', 'decrypt'])) as CryptoKeyPair
}

// Without what runtimes add, each in its own way.
function materialOf({ kty, crv, x, y, n, e }: JsonWebKey): Readonly<Record<string, unknown>> {
  return { kty, crv, x, y, n, e }
}
