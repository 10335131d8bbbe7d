import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import { GuardError } from '../guard/errors.ts'
import { certificateBytes } from '../identity/certificate-thumbprint.ts'
import { hexOf } from '../identity/der.ts'
import { isEqual } from '../keys/equal.ts'
import type { Attestation } from './attestation.ts'
import { type CertificatePath, verifyEs384, verifyPath } from './certificate-path.ts'
import { readIssuedCertificate } from './issued-certificate.ts'
import { type Measurements, pinnedSets, requirePinned } from './measurements.ts'
import { type NitroDocument, readNitroDocument } from './nitro-document.ts'
import { parseRecipientInfo } from './recipient-key.ts'

/** Options of `nitroAttestation`. */
export interface NitroAttestationOptions {
  /**
   * The registers that must be as they are given, `PCR0` to `PCR31`, each as 96 digits in hexadecimal; or several such sets, one of
   * which must hold as a whole. Each must pin `PCR0` (the image) or `PCR8` (who signed it).
   */
  readonly measurements: Measurements | readonly Measurements[]
  /**
   * The root of the certificates, in PEM or DER. That of the commercial AWS partitions unless given (`AWS_NitroEnclaves_Root-G1`, known by
   * its fingerprint); other partitions have others.
   */
  readonly root?: string | Uint8Array
  /** What must stand in `user_data`. Unless given nothing may: such a document was made for something else. */
  readonly userData?: Uint8Array
  /** How old a document may be, in seconds; 300 unless given. */
  readonly maxAge?: number
  /** How far the clock of the hypervisor may be ahead, in seconds; 5 unless given. */
  readonly clockTolerance?: number
}

/** Of `AWS_NitroEnclaves_Root-G1`: its SHA-256, as AWS publishes it. */
const awsRoot = '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b'
const zeros = '0'.repeat(96)
/** What is zero in an enclave that was started for debugging, whose memory its parent reads. */
const imageRegisters: readonly number[] = [0, 1, 2]
const maxUserData = 1024

const checks: Readonly<Record<keyof NitroAttestationOptions, Check>> = {
  measurements: [(value) => typeof value === 'object' && value !== null, 'registers by name, or a list of them'],
  root: [optional((value) => typeof value === 'string' || value instanceof Uint8Array), 'a certificate in PEM or DER'],
  userData: [optional((value) => value instanceof Uint8Array && value.length > 0 && value.length <= maxUserData), `1 to ${maxUserData} bytes`],
  maxAge: [optional((value) => typeof value === 'number' && value > 0 && value <= 3600), 'a number of seconds above zero, at most 3600'],
  clockTolerance: [optional((value) => typeof value === 'number' && value >= 0 && value <= 300), '0 to 300 seconds'],
}

/**
 * Attests AWS Nitro Enclaves by their own documents, in this process: signature (COSE_Sign1, ES384), path of certificates to the pinned
 * root, registers, nonce, key, user data and time. Nothing is fetched, and AWS is not asked.
 *
 * The enclave asks the Nitro Security Module for a document with the nonce's characters as `nonce` and its public key as `public_key`
 * (SubjectPublicKeyInfo: P-256, X25519, or RSA of 2,048 to 4,096 bits). One that was started for debugging is refused.
 *
 * ```ts
 * const attestation = nitroAttestation({ measurements: { PCR0: '3b4a…', PCR1: '0b68…', PCR2: '7681…' } })
 * ```
 *
 * @throws TypeError for wrong options, and for registers that are all zero.
 */
export function nitroAttestation(options: NitroAttestationOptions): Attestation {
  checkOptions('nitroAttestation', options, checks)
  const { maxAge = 300, clockTolerance = 5 } = options
  const sets = pinnedSets('nitroAttestation', options.measurements, wrongRegister)
  if (!sets.every((set) => Object.hasOwn(set, 'PCR0') || Object.hasOwn(set, 'PCR8')))
    throw new TypeError('nitroAttestation: measurements: must pin PCR0 or PCR8: the others say nothing of the image')
  const root = options.root === undefined ? undefined : rootBytes(options.root)
  const userData = options.userData === undefined ? undefined : Uint8Array.from(options.userData)
  const isRoot = async (der: Uint8Array): Promise<boolean> =>
    root === undefined ? hexOf(new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(der)))) === awsRoot : isEqual(der, root)

  return Object.freeze<Attestation>({
    async verify({ evidence, key: stated }, nonce, clock) {
      if (!(evidence instanceof Uint8Array)) throw invalid('a document is bytes')
      if (stated !== undefined) throw invalid('a document names its key itself')
      const now = clock.now()
      const document = read(evidence)
      // What is cheap first: what was made for another question costs no signature.
      if (document.nonce === undefined || !isEqual(document.nonce, new TextEncoder().encode(nonce)))
        throw invalid('the document is for another nonce')
      if (document.timestamp > now + clockTolerance * 1000) throw invalid('the document was made in the future')
      const oldAt = document.timestamp + maxAge * 1000
      if (!(oldAt > now)) throw new GuardError('identity_expired', { reason: 'the document was made too long ago' })
      const { notAfter } = await verify(document, isRoot, now)
      const measured = new Map([...document.registers].map(([number, value]) => [`PCR${number}`, value]))
      if (imageRegisters.some((number) => (document.registers.get(number) ?? zeros) === zeros))
        throw new GuardError('denied', { reason: 'the enclave was started for debugging' })
      requirePinned(sets, measured)
      if (userData === undefined ? (document.userData?.length ?? 0) > 0 : !isEqual(document.userData ?? new Uint8Array(), userData))
        throw new GuardError('denied', { reason: 'the document was made for something else: its user data is another' })
      const key = document.publicKey === undefined ? undefined : parseRecipientInfo(document.publicKey)
      if (key === undefined) throw invalid('the document names no key that anything may be sealed to')
      return Object.freeze({
        kind: 'nitro',
        subject: document.moduleId,
        measurements: Object.freeze(Object.fromEntries(measured)),
        key,
        expiresAt: Math.min(oldAt, notAfter),
      })
    },
    describe: () => ({
      kind: 'nitro',
      measurements: sets,
      root: root === undefined ? 'aws' : 'given',
      userData: userData !== undefined,
      maxAge,
      clockTolerance,
    }),
  })
}

function wrongRegister(name: string, value: string): string | undefined {
  if (!/^PCR(\d|[12]\d|3[01])$/.test(name)) return 'is no register: PCR0 to PCR31'
  if (!/^[0-9a-f]{96}$/.test(value)) return 'must be 96 digits in hexadecimal, in lower case'
  return value === zeros ? 'is all zero, as in an enclave that was started for debugging' : undefined
}

function rootBytes(value: string | Uint8Array): Uint8Array {
  const der = certificateBytes(typeof value === 'string' ? value.trim() : value)
  const root = der && readIssuedCertificate(der)
  if (root === undefined || !root.isAuthority || !root.signsCertificates)
    throw new TypeError('nitroAttestation: root: must be the certificate of an authority, on P-384 and signed with SHA-384')
  return root.der
}

function read(evidence: Uint8Array): NitroDocument {
  try {
    return readNitroDocument(evidence)
  } catch (cause) {
    throw new GuardError('identity_invalid', { reason: 'the document is malformed', cause })
  }
}

async function verify(document: NitroDocument, isRoot: (der: Uint8Array) => Promise<boolean>, now: number): Promise<CertificatePath> {
  let path: CertificatePath
  try {
    path = await verifyPath(document.authorities, document.certificate, isRoot, now)
  } catch (cause) {
    throw new GuardError('identity_invalid', { reason: 'the certificates of the document do not hold', cause })
  }
  if (!(await verifyEs384(path.key, document.signature, document.signed))) throw invalid('the document is not signed by its certificate')
  return path
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}
