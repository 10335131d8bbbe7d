import { GuardError } from '../guard/errors.ts'
import { type AgreementAlgorithm, agreementAlgorithms, type AgreementKey, isSameAgreement, parsePublicKey } from '../keys/agreement-key.ts'
import { contentEncryption, sealedMediaType } from './compact-jwe.ts'

/** The header parameters that a sealed request carries beside those of RFC 7516, each of them listed in `crit`. */
export const criticalParameters: readonly string[] = ['reply_jwk', 'ath', 'htu', 'iat', 'jti']

/** The protected header of a sealed request, after its form was checked. */
export interface RequestHeader {
  readonly alg: AgreementAlgorithm
  readonly kid: string
  readonly epk: AgreementKey
  /** Media type of what is sealed. */
  readonly cty: string
  /** The key that the answer is sealed to. */
  readonly replyKey: AgreementKey
  /** SHA-256 of the caller's credential, in base64url (as in RFC 9449, section 4.2). */
  readonly ath: string
  /** Where the request goes to: its URL without query and fragment. */
  readonly htu: string
  /** When it was sealed, in seconds since 1970. */
  readonly iat: number
  /** Its one use. */
  readonly jti: string
}

/** A media type without parameters. A type without a slash is one of `application` (RFC 7516, section 4.1.12). */
export const contentTypePattern: RegExp = /^[\w!#$&^.+-]{1,64}(?:\/[\w!#$&^.+-]{1,64})?$/

const jtiPattern = /^[\x21-\x7e]{1,128}$/

/**
 * Checks the form of a sealed request's header. What RFC 7516 lets be ignored is ignored; compression is refused.
 *
 * @throws GuardError `decryption_failed`. Reasons name parameters and never a value.
 */
export function parseRequestHeader(header: Readonly<Record<string, unknown>>): RequestHeader {
  if ('zip' in header) throw unopened('the payload is compressed')
  const { enc, cty = 'json', crit } = header
  if (enc !== contentEncryption) throw wrong('enc')
  if (typeof cty !== 'string' || !contentTypePattern.test(cty)) throw wrong('cty')
  const mediaType = (cty.includes('/') ? cty : `application/${cty}`).toLowerCase()
  if (mediaType === sealedMediaType) throw unopened('the payload is sealed twice')
  const read = {
    alg: agreementAlgorithms.find((known) => known === header.alg) ?? missing('alg'),
    kid: textIn(header, 'kid', 1, 256),
    epk: parsePublicKey(header.epk) ?? missing('epk'),
    cty: mediaType,
    replyKey: parsePublicKey(header.reply_jwk) ?? missing('reply_jwk'),
    ath: textIn(header, 'ath', 43, 43),
    htu: textIn(header, 'htu', 1, 2048),
    iat: timeIn(header.iat),
    jti: textIn(header, 'jti', 1, 128),
  }
  if (!jtiPattern.test(read.jti)) throw wrong('jti')
  if (!Array.isArray(crit) || crit.length !== criticalParameters.length || criticalParameters.some((name) => !crit.includes(name)))
    throw unopened("the header parameter 'crit' does not list exactly what a sealed request carries")
  if (isSameAgreement(read.epk, read.replyKey)) throw unopened('reply_jwk is the epk')
  return read
}

function textIn(header: Readonly<Record<string, unknown>>, name: string, least: number, most: number): string {
  const value = header[name]
  if (typeof value !== 'string' || value.length < least || value.length > most) throw wrong(name)
  return value
}

function timeIn(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw wrong('iat')
  return value
}

function missing(name: string): never {
  throw wrong(name)
}

function wrong(name: string): GuardError {
  return unopened(`the header parameter '${name}' is missing or not allowed`)
}

/** The refusal of whatever cannot be opened: one and the same for every cause, which only the log is told. */
export function unopened(reason: string): GuardError {
  return new GuardError('decryption_failed', { reason })
}
