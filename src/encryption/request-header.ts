import * as z from 'zod/mini'
import { GuardError } from '../guard/errors.ts'
import { type AgreementAlgorithm, type AgreementKey, agreementAlgorithms, isSameAgreement, parsePublicKey } from '../keys/agreement-key.ts'
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

const publicKey = z.pipe(
  z.unknown(),
  z.transform((value, context) => {
    const key = parsePublicKey(value)
    if (key !== undefined) return key
    context.issues.push({ code: 'custom', input: undefined, message: 'no public key on an allowed curve' })
    return z.NEVER
  }),
)

/** A media type without parameters. A type without a slash is one of `application` (RFC 7516, section 4.1.12). */
export const contentTypePattern: RegExp = /^[\w!#$&^.+-]{1,64}(?:\/[\w!#$&^.+-]{1,64})?$/

const shape = z.object({
  alg: z.enum(agreementAlgorithms as [AgreementAlgorithm, ...AgreementAlgorithm[]]),
  enc: z.literal(contentEncryption),
  kid: z.string().check(z.minLength(1), z.maxLength(256)),
  epk: publicKey,
  cty: z._default(z.string().check(z.regex(contentTypePattern)), 'json'),
  crit: z.array(z.string()).check(z.length(criticalParameters.length)),
  reply_jwk: publicKey,
  ath: z.string().check(z.length(43)),
  htu: z.string().check(z.minLength(1), z.maxLength(2048)),
  iat: z.number().check(z.nonnegative()),
  jti: z.string().check(z.regex(/^[\x21-\x7e]{1,128}$/)),
})

/**
 * Checks the form of a sealed request's header. What RFC 7516 lets be ignored is ignored; compression is refused.
 *
 * @throws GuardError `decryption_failed`. Reasons name parameters and never a value.
 */
export function parseRequestHeader(header: Readonly<Record<string, unknown>>): RequestHeader {
  if ('zip' in header) throw unopened('the payload is compressed')
  const parsed = shape.safeParse(header)
  if (!parsed.success) throw unopened(`the header parameter '${String(parsed.error.issues[0]?.path[0])}' is missing or not allowed`)
  const { alg, kid, epk, crit, cty, reply_jwk, ath, htu, iat, jti } = parsed.data
  if (criticalParameters.some((name) => !crit.includes(name))) throw unopened('crit does not list exactly what a sealed request carries')
  const mediaType = (cty.includes('/') ? cty : `application/${cty}`).toLowerCase()
  if (mediaType === sealedMediaType) throw unopened('the payload is sealed twice')
  if (isSameAgreement(epk, reply_jwk)) throw unopened('reply_jwk is the epk')
  return { alg, kid, epk, cty: mediaType, replyKey: reply_jwk, ath, htu, iat, jti }
}

/** The refusal of whatever cannot be opened: one and the same for every cause, which only the log is told. */
export function unopened(reason: string): GuardError {
  return new GuardError('decryption_failed', { reason })
}
