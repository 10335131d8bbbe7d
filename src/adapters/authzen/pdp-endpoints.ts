import { systemClock } from '../../guard/clock.ts'
import { GuardError } from '../../guard/errors.ts'
import { isSecureUrl } from '../../keys/secure-url.ts'
import { ownMember } from '../../policy/policy-request.ts'
import { askDecisionPoint, below } from '../fetch/ask-decision-point.ts'

/** Where the metadata of a decision point is, before its path (section 9.2). */
const wellKnown = '/.well-known/authzen-configuration'

/** Where a decision point is asked. */
export interface Endpoints {
  readonly evaluation: URL
  /** Undefined where it says that it has none. */
  readonly evaluations: URL | undefined
}

/** Where the endpoints are unless the metadata say otherwise (section 10.1). */
export function defaultEndpoints(pdp: URL): Required<Endpoints> & { readonly evaluations: URL } {
  return { evaluation: below(pdp, '/access/v1/evaluation'), evaluations: below(pdp, '/access/v1/evaluations') }
}

/** Where the metadata of a decision point are. */
export function metadataUrl(pdp: URL): URL {
  const url = new URL(pdp)
  url.pathname = `${wellKnown}${pdp.pathname.replace(/\/$/, '')}`
  return url
}

/** The identifier of a decision point: its address without a slash at the end. */
export function identifierOf(pdp: URL): string {
  return pdp.href.replace(/\/$/, '')
}

/** How long metadata are used without asking again, and how long it is remembered that there are none, in milliseconds. */
const ages = { found: 3_600_000, missing: 60_000 } as const

/** Finds out where a decision point is asked: once, and again every hour. */
export class PdpEndpoints {
  readonly #pdp: URL
  readonly #fetch: typeof globalThis.fetch
  readonly #timeout: number
  #known: Endpoints | undefined
  #until = Number.NEGATIVE_INFINITY
  #asking: Promise<Endpoints> | undefined

  /** @param timeout milliseconds. */
  constructor(pdp: URL, discovers: boolean, fetch: typeof globalThis.fetch, timeout: number) {
    this.#pdp = pdp
    this.#fetch = fetch
    this.#timeout = timeout
    if (!discovers) {
      this.#known = defaultEndpoints(pdp)
      this.#until = Number.POSITIVE_INFINITY
    }
  }

  /** @throws GuardError `policy_unavailable` where the metadata cannot be had, or are another's. */
  async get(): Promise<Endpoints> {
    if (this.#known !== undefined && systemClock.monotonic() < this.#until) return this.#known
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<Endpoints> {
    try {
      const { status, value } = await askDecisionPoint(metadataUrl(this.#pdp), {
        fetch: this.#fetch,
        timeout: this.#timeout,
        maxBytes: 65_536,
        headers: {},
      })
      if (status !== 200 && status !== 404) throw unusable(`were answered with status ${status}`)
      this.#known = status === 404 ? defaultEndpoints(this.#pdp) : this.#read(value)
      this.#until = systemClock.monotonic() + (status === 404 ? ages.missing : ages.found)
      return this.#known
    } catch (error) {
      // What was true an hour ago is better than nothing; it is asked again soon.
      if (this.#known === undefined) throw error
      this.#until = systemClock.monotonic() + ages.missing
      return this.#known
    }
  }

  #read(metadata: unknown): Endpoints {
    const identifier = ownMember(metadata, 'policy_decision_point')
    // Section 9.2.3: else one decision point could pass for another.
    if (typeof identifier !== 'string' || identifier.replace(/\/$/, '') !== identifierOf(this.#pdp)) throw unusable('are those of another')
    const evaluation = this.#endpoint(ownMember(metadata, 'access_evaluation_endpoint'))
    if (evaluation === undefined) throw unusable('name no access_evaluation_endpoint')
    return { evaluation, evaluations: this.#endpoint(ownMember(metadata, 'access_evaluations_endpoint')) }
  }

  #endpoint(value: unknown): URL | undefined {
    if (value === undefined) return undefined
    const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
    // At the same origin: what is asked and the token go there.
    if (url === undefined || !isSecureUrl(url) || url.origin !== this.#pdp.origin) throw unusable('name an endpoint that is elsewhere')
    return url
  }
}

function unusable(what: string): GuardError {
  return new GuardError('policy_unavailable', { reason: `the metadata of the decision point ${what}` })
}
