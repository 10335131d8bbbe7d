import { encodeBase64url } from '../keys/base64url.ts'
import type { DpopNonceSettings } from './dpop-options.ts'

/**
 * The nonces of a server (RFC 9449, sections 8 and 9), without a memory of them: the one of a period is the HMAC of the
 * period's number. Only that of the current period and the one before are good.
 */
export class DpopNonces {
  readonly #secret: Uint8Array<ArrayBuffer>
  readonly #period: number
  #key: Promise<CryptoKey> | undefined
  #good: GoodNonces | undefined

  constructor({ secret, period }: DpopNonceSettings) {
    this.#secret = secret ?? crypto.getRandomValues(new Uint8Array(32))
    this.#period = period
  }

  /** The nonces that are good at a time, in milliseconds since 1970. */
  async at(now: number): Promise<GoodNonces> {
    const period = Math.floor(now / this.#period)
    if (this.#good?.period !== period) this.#good = { period, current: await this.#nonceOf(period), previous: await this.#nonceOf(period - 1) }
    return this.#good
  }

  async #nonceOf(period: number): Promise<string> {
    this.#key ??= crypto.subtle.importKey('raw', this.#secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
    const text = new TextEncoder().encode(`sallyport dpop nonce ${period}`)
    return encodeBase64url(new Uint8Array(await crypto.subtle.sign('HMAC', await this.#key, text)))
  }
}

/** What a proof may hold as `nonce`. */
export interface GoodNonces {
  readonly period: number
  /** The one to hand out. */
  readonly current: string
  readonly previous: string
}

/** Whether a nonce is one of those; in constant time. */
export function isGoodNonce(nonce: string, { current, previous }: GoodNonces): boolean {
  // Both are always compared.
  return [isEqual(nonce, current), isEqual(nonce, previous)].includes(true)
}

function isEqual(one: string, other: string): boolean {
  let difference = one.length ^ other.length
  for (let index = 0; index < other.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index)
  return difference === 0
}
