import { type Clock, systemClock } from '../guard/clock.ts'
import {
  type AgreementAlgorithm,
  agreementAlgorithms,
  generateAgreementKeys,
  importPublicKey,
  isSameAgreement,
  parsePublicKey,
} from '../keys/agreement-key.ts'
import { encodeBase64url } from '../keys/base64url.ts'
import { sealCompact, sealedMediaType } from './compact-jwe.ts'
import { contentTypePattern, criticalParameters } from './request-header.ts'
import { deriveAnswerKey } from './sealed-answer.ts'

/** Options of `sealRequest`. */
export interface SealRequestOptions {
  /** The service's public key, with its `kid`, as it publishes it. */
  readonly publicKey: {
    readonly kty?: string
    readonly crv?: string
    readonly x?: string
    readonly y?: string
    readonly kid?: string
    readonly alg?: string
  }
  /** The token or API key that the request is sent with; without the scheme. */
  readonly credential: string
  /** Where the request goes to. Its query and fragment are not sealed. */
  readonly url: string | URL
  /** Media type of the body; `application/json` unless given. */
  readonly contentType?: string
  /** The system's unless given. */
  readonly clock?: Clock
}

/** A sealed request. */
export interface SealedRequest {
  /** Send it as it is, once: a second time it is refused. */
  readonly body: string
  readonly contentType: 'application/jose'
  /** Opens the answer. */
  readonly replyKey: ReplyKey
}

/** What opens the answer to one request. Its keys cannot be exported. */
export interface ReplyKey {
  readonly request: string
  readonly alg: AgreementAlgorithm
  readonly key: CryptoKey
  readonly proof: CryptoKey
}

/**
 * Seals a request to a service, so that only the service reads it, for this credential, this address, now and once; its
 * answer comes back sealed as well. The form is a JWE (RFC 7516) by ECDH-ES with A256GCM; the status, the header fields
 * and the sizes of both messages are not hidden.
 *
 * ```ts
 * const { body, contentType, replyKey } = await sealRequest(JSON.stringify(input), { publicKey, credential: token, url })
 * const response = await fetch(url, { method: 'POST', body, headers: { authorization: `Bearer ${token}`, 'content-type': contentType } })
 * const answer = JSON.parse(await openAnswer(await response.text(), replyKey))
 * ```
 *
 * @throws TypeError for a key that is not on an allowed curve or has no `kid`, a credential with a space (its scheme), a
 * content type that is none, or an address that is no http or https URL.
 */
export async function sealRequest(body: string | Uint8Array, options: SealRequestOptions): Promise<SealedRequest> {
  const { publicKey, credential, url, contentType = 'application/json', clock = systemClock } = options
  const { kid } = publicKey
  const recipient = parsePublicKey(publicKey)
  if (recipient === undefined || typeof kid !== 'string')
    throw new TypeError('sealRequest: publicKey must be a public JWK on P-256 or X25519, with a kid')
  const alg = publicKey.alg === undefined ? 'ECDH-ES+A256KW' : agreementAlgorithms.find((known) => known === publicKey.alg)
  if (alg === undefined) throw new TypeError(`sealRequest: publicKey.alg must be one of ${agreementAlgorithms.join(', ')}`)
  if (typeof credential !== 'string' || !/^[\x21-\x7e]+$/.test(credential))
    throw new TypeError('sealRequest: credential must be a token without its scheme')
  const mediaType = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (!contentTypePattern.test(mediaType)) throw new TypeError('sealRequest: contentType must be a media type')
  const [theirs, ours, reply] = await Promise.all([
    importPublicKey(recipient),
    // This pair lives as long as this call; the header needs its public half, which older runtimes export from the private one only.
    generateAgreementKeys(recipient.crv, true),
    generateAgreementKeys(recipient.crv, false),
  ])
  const replyJwk = parsePublicKey(await crypto.subtle.exportKey('jwk', reply.publicKey))
  if (replyJwk === undefined || isSameAgreement(replyJwk, recipient)) throw new TypeError('sealRequest: no usable key could be made')
  const jti = encodeBase64url(crypto.getRandomValues(new Uint8Array(16)))
  const plaintext = typeof body === 'string' ? new TextEncoder().encode(body) : body
  const ath = encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(credential))))
  const header = { alg, kid, cty: mediaType, reply_jwk: replyJwk, ath, htu: addressOf(url), iat: Math.floor(clock.now() / 1000), jti }
  const compact = await sealCompact(plaintext, theirs, header, { critical: criticalParameters, ephemeral: ours.privateKey })
  const replyKey = Object.freeze({ request: jti, alg, key: reply.privateKey, proof: await deriveAnswerKey(ours.privateKey, theirs) })
  return { body: compact, contentType: sealedMediaType, replyKey }
}

function addressOf(url: string | URL): string {
  const own = new URL(url)
  if (own.protocol !== 'https:' && own.protocol !== 'http:') throw new TypeError('sealRequest: url must be an http or https URL')
  return own.origin + own.pathname
}
