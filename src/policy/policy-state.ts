import type { Awaitable } from '../guard/context.ts'
import { hashOfText } from '../keys/thumbprint.ts'
import type { LiveSettings, PolicyChange, PolicyInForce } from './live-policy-options.ts'
import { candidateOf, type Unwrapped, unwrapObject, unwrapText } from './policy-candidate.ts'
import { PolicyError } from './policy-error.ts'
import type { PolicySet } from './policy-set.ts'
import { textOf } from './policy-text.ts'

/** What became of what was loaded. */
interface Loaded {
  /** Of the text, where it was one. */
  readonly hash: string | undefined
  /** The text, where it may come to another end the next time. */
  readonly undecided: string | undefined
  readonly refusal: unknown
}

/** Which policy is in force, and what becomes of what is loaded. */
export class PolicyState {
  readonly #settings: LiveSettings
  #set: PolicySet | undefined
  #inForce: PolicyInForce | undefined
  #last: Loaded | undefined

  constructor(settings: LiveSettings) {
    this.#settings = settings
  }

  get set(): PolicySet | undefined {
    return this.#set
  }

  get inForce(): PolicyInForce | undefined {
    return this.#inForce
  }

  /** Puts what was loaded into force, where it is another policy and may be. Not to be called twice at once. @throws PolicyError */
  async take(loaded: unknown): Promise<PolicyChange | undefined> {
    if (loaded === undefined) return this.#takeAgain()
    if (typeof loaded !== 'string' && !(loaded instanceof Uint8Array)) return this.#settle(undefined, undefined, () => this.#takeObject(loaded))
    const text = this.#textOf(loaded)
    const hash = await hashOfText(text)
    return hash === this.#last?.hash ? this.#takeAgain() : this.#takeText(text, hash)
  }

  #takeAgain(): Awaitable<PolicyChange | undefined> {
    const last = this.#last
    if (last === undefined) throw new PolicyError('unavailable', 'the source says that nothing has changed, and gave nothing before')
    if (last.undecided !== undefined) return this.#takeText(last.undecided, last.hash)
    if (last.refusal !== undefined) throw last.refusal
    return undefined
  }

  #takeText(text: string, hash: string | undefined): Promise<PolicyChange | undefined> {
    const { signature, clock } = this.#settings
    return this.#settle(text, hash, async () => this.#takePolicy(await unwrapText(text, signature, clock)))
  }

  async #takeObject(policy: unknown): Promise<PolicyChange | undefined> {
    return this.#takePolicy(unwrapObject(policy, this.#settings.signature))
  }

  #textOf(loaded: string | Uint8Array): string {
    try {
      return textOf(loaded, this.#settings.maxLength)
    } catch (error) {
      this.#last = { hash: undefined, undecided: undefined, refusal: error }
      throw error
    }
  }

  async #settle(
    text: string | undefined,
    hash: string | undefined,
    take: () => Promise<PolicyChange | undefined>,
  ): Promise<PolicyChange | undefined> {
    try {
      const change = await take()
      this.#last = { hash, undecided: undefined, refusal: undefined }
      return change
    } catch (error) {
      // Keys may come that are not there yet, and time passes; everything else stays as it is while the text does.
      const mayChange = !(error instanceof PolicyError) || error.code === 'unavailable' || error.code === 'signature_invalid'
      this.#last = { hash, undecided: mayChange ? text : undefined, refusal: error }
      throw error
    }
  }

  async #takePolicy(unwrapped: Unwrapped): Promise<PolicyChange | undefined> {
    const previous = this.#inForce
    const candidate = await candidateOf(unwrapped, previous, this.#settings)
    if (candidate === undefined) {
      const { signedAt } = unwrapped
      // Signed again: what was signed between the two is older now.
      if (previous !== undefined && signedAt !== undefined && signedAt > (previous.signedAt ?? 0))
        this.#inForce = Object.freeze({ ...previous, signedAt })
      return undefined
    }
    const { set, id, version, digest, signedAt } = candidate
    const loadedAt = this.#settings.clock.now()
    const current: PolicyInForce = Object.freeze({ id, version, digest, loadedAt, ...(signedAt !== undefined && { signedAt }) })
    this.#set = set
    this.#inForce = current
    return { current, previous }
  }
}
