import { checkNames } from '../../guard/check-options.ts'
import type { Channel } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import { abandon } from '../../guard/thenable.ts'

/** Where a proxy that ends TLS writes its client's certificate. `R` is the request as its framework has it. */
export interface ForwardedCertificate<R> {
  /** `client-cert` (RFC 9440, section 2.2), or Envoy's `x-forwarded-client-cert`, of which `Cert` is read. */
  readonly field: 'client-cert' | 'x-forwarded-client-cert'
  /**
   * Whether the peer is that proxy, by what its socket says, such as `({ remoteAddress }) => remoteAddress === '10.0.0.7'`. From
   * any other peer the field is ignored. Must not wait.
   */
  readonly trust: (channel: Channel, request: R) => boolean
}

/**
 * Fields in which certificates are forwarded. No handler sees them, whether anybody reads them or not: who reads one that a
 * caller wrote takes the caller for whoever it likes (RFC 9440, section 4).
 */
export const forwardedCertificateFields: readonly string[] = ['client-cert', 'client-cert-chain', 'x-forwarded-client-cert']

/** Parses and copies the setting. @throws TypeError for what is wrong. */
export function forwardedCertificateOf<R>(value: ForwardedCertificate<R>): ForwardedCertificate<R> {
  checkNames('options.forwardedCertificate', value, ['field', 'trust'])
  const { field, trust } = value
  if (field !== 'client-cert' && field !== 'x-forwarded-client-cert')
    throw new TypeError("options.forwardedCertificate.field: must be 'client-cert' or 'x-forwarded-client-cert'")
  if (typeof trust !== 'function') throw new TypeError('options.forwardedCertificate.trust: must be a function of the channel and the request')
  return Object.freeze({ field, trust })
}

/** A channel as it is when it is known who wrote the field, and what keeps the call from being admitted. */
interface Forwarded {
  readonly channel: Channel
  readonly mistake?: GuardError
}

/**
 * The channel of a caller that may be behind a proxy. Where the peer is the proxy, its own certificate is not the caller's:
 * only the one that it forwards is, or none. A field that cannot be read refuses the call, whatever else the caller has.
 */
export function throughProxy<R>({ field, trust }: ForwardedCertificate<R>, channel: Channel, request: R, headers: Headers): Forwarded {
  const { peerCertificate: _, ...hop } = channel
  let isProxy: unknown
  try {
    isProxy = trust(channel, request)
    if (typeof isProxy !== 'boolean') {
      abandon(isProxy)
      throw new TypeError('options.forwardedCertificate.trust: must give a boolean')
    }
  } catch (error) {
    return { channel: hop, mistake: new GuardError('misconfigured', { reason: "the adapter's options failed", cause: error }) }
  }
  if (!isProxy) return { channel }
  const value = headers.get(field)
  if (value === null) return { channel: hop }
  const certificate = value.length > maxLength ? undefined : field === 'client-cert' ? bytesIn(value) : certificateIn(value)
  if (certificate !== undefined) return { channel: { ...hop, peerCertificate: certificate } }
  const mistake = new GuardError('identity_invalid', {
    reason: `the field ${field} stands twice, or holds no certificate`,
    headers: { 'www-authenticate': 'Certificate' },
  })
  // A certificate that nobody accepts, so that nobody takes it for none.
  return { channel: { ...hop, peerCertificate: '' }, mistake }
}

/** Characters; three for each of a certificate of 16 KiB in PEM, where each is percent-encoded. */
const maxLength = 65_536

/** A byte sequence alone (RFC 9651, section 4.2.7), without parameters, in its one spelling. */
function bytesIn(value: string): Uint8Array | undefined {
  const base64 = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(value)?.[1]
  if (base64 === undefined) return undefined
  try {
    const binary = atob(base64)
    return btoa(binary) === base64 ? Uint8Array.from(binary, (character) => character.charCodeAt(0)) : undefined
  } catch {
    return undefined
  }
}

/**
 * The certificate in an element of `x-forwarded-client-cert`. There must be one element alone: of several, each is what another
 * proxy says of its own peer, and the first was the caller's to write.
 */
function certificateIn(value: string): string | undefined {
  const pairs = pairsIn(value)
  const [certificate, second] = pairs?.filter(([key]) => key === 'cert') ?? []
  if (certificate === undefined || second !== undefined) return undefined
  try {
    const pem = decodeURIComponent(certificate[1])
    return pemForm.test(pem) ? pem : undefined
  } catch {
    return undefined
  }
}

/** One block alone (RFC 7468, section 5). Whether it is a certificate, its reader says. */
const pemForm = /^-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----(?:\r?\n)?$/

type Pair = readonly [key: string, value: string]

/** Pairs between semicolons, with values in double quotes where they have to be; undefined where it is anything else. */
function pairsIn(text: string): readonly Pair[] | undefined {
  const pairs: Pair[] = []
  for (let at = 0; ; ) {
    const equals = text.indexOf('=', at)
    const key = equals === -1 ? '' : text.slice(at, equals).toLowerCase()
    if (!/^[a-z]{1,16}$/.test(key)) return undefined
    const isQuoted = text[equals + 1] === '"'
    const end = isQuoted ? endOfQuoted(text, equals + 2) : endOfToken(text, equals + 1)
    if (end === undefined) return undefined
    pairs.push([key, isQuoted ? text.slice(equals + 2, end - 1) : text.slice(equals + 1, end)])
    if (end === text.length) return pairs
    if (text[end] !== ';') return undefined
    at = end + 1
  }
}

// Behind the closing quote. A quote within is written with a backslash before it.
function endOfQuoted(text: string, start: number): number | undefined {
  for (let index = start; index < text.length; index++) {
    if (text[index] === '\\') index++
    else if (text[index] === '"') return index + 1
  }
  return undefined
}

// A comma would begin another element.
function endOfToken(text: string, start: number): number {
  let index = start
  while (index < text.length && !';,="'.includes(text.charAt(index))) index++
  return index
}
