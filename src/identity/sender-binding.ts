import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { Confirmation } from './confirmation.ts'
import type { DpopSettings } from './dpop-options.ts'
import type { DpopProofs } from './dpop-proofs.ts'
import type { Presented } from './presented.ts'
import type { OtherSchemes } from './verifier.ts'

/** The second stage of a token that is not its bearer's alone: whether the caller has what it is bound to. */
export class SenderBinding {
  readonly schemes: OtherSchemes
  readonly #dpop: DpopSettings | undefined
  #proofs: DpopProofs | undefined

  /**
   * @param dpop how proofs are judged; without it none is taken, and neither is a token that wants one.
   * @param isAnnounced whether every challenge says that proofs are taken (RFC 9449, section 7.1).
   */
  constructor(dpop: DpopSettings | undefined, isAnnounced: boolean) {
    this.#dpop = dpop
    const schemes = dpop === undefined ? {} : { DPoP: Object.freeze({ algs: dpop.algorithms.join(' ') }) }
    this.schemes = Object.freeze({ schemes: Object.freeze(schemes), isAnnounced })
  }

  /**
   * Checks what a token wants of its bearer, and that nothing was brought that nobody looks at. At once where nothing has to
   * be waited for.
   *
   * @throws GuardError `binding_invalid` or `replayed`; `keys_unavailable` where proofs cannot be remembered.
   */
  check(confirmation: Confirmation | undefined, presented: Presented, clock: Clock): Awaitable<void> {
    const isProven = presented.scheme === 'dpop'
    // RFC 9449, section 7.1: a bound token under another scheme must not count, nor a proof for a token that wants none.
    if (confirmation?.jkt === undefined) {
      if (isProven || presented.proof !== undefined) throw refused('a proof of possession came with a token that is not bound to a key')
    } else if (!isProven) throw refused('the token is bound to a key, and came without the scheme that proves it')
    if (confirmation === undefined) return
    const { jkt, x5t } = confirmation
    const certified = x5t === undefined ? undefined : requireCertificate(x5t, presented)
    if (jkt === undefined) return certified
    return certified === undefined ? this.#prove(jkt, presented, clock) : certified.then(() => this.#prove(jkt, presented, clock))
  }

  /** How proofs are judged, as plain data. */
  describe(): Readonly<Record<string, unknown>> | false {
    return this.#dpop?.details ?? false
  }

  #prove(jkt: string, presented: Presented, clock: Clock): Awaitable<void> {
    if (this.#dpop === undefined) throw refused('the token is bound to a key, and this verifier checks no proofs')
    if (this.#proofs !== undefined) return this.#judge(this.#proofs, jkt, presented, clock)
    return this.#load(this.#dpop).then((proofs) => this.#judge(proofs, jkt, presented, clock))
  }

  // With the first proof, and not while the process starts.
  async #load(settings: DpopSettings): Promise<DpopProofs> {
    const { DpopProofs: Proofs } = await import('./dpop-proofs.ts')
    this.#proofs ??= new Proofs(settings)
    return this.#proofs
  }

  #judge(proofs: DpopProofs, jkt: string, presented: Presented, clock: Clock): Awaitable<void> {
    const { proof = '', channel } = presented
    const ath = presented.ath()
    const check = async (hash: string): Promise<void> => {
      const fresh = await proofs.check(proof, { ath: hash, jkt, method: channel?.method, url: channel?.url }, clock)
      if (fresh !== undefined) presented.answer = { 'dpop-nonce': fresh }
    }
    return typeof ath === 'string' ? check(ath) : ath.then(check)
  }
}

async function requireCertificate(x5t: string, { channel }: Presented): Promise<void> {
  const certificate = channel?.peerCertificate
  if (channel?.secure !== true || certificate === undefined)
    throw refused('the token is bound to a certificate, and the connection was made with none')
  const { certificateBytes, certificateThumbprint } = await import('./certificate-thumbprint.ts')
  const der = certificateBytes(certificate)
  // Both are public: how long the comparison takes tells nothing.
  if (der === undefined || (await certificateThumbprint(der)) !== x5t) throw refused('the token is bound to another certificate')
}

function refused(reason: string): GuardError {
  return new GuardError('binding_invalid', { reason })
}
