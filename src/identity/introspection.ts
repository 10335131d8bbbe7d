import { LRUCache } from 'lru-cache'
import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError, type GuardErrorCode, isGuardError, reasonOf } from '../guard/errors.ts'
import { type AnswerRules, identityOfAnswer, isStillAdmitted } from './introspection-answer.ts'
import { type IntrospectionRequest, introspect } from './introspection-request.ts'
import type { Admitted, Claims } from './jwt-claims.ts'

/** How tokens are asked about, and what is remembered of the answers. */
export interface IntrospectionSettings extends IntrospectionRequest {
  readonly rules: AnswerRules
  /** How long an answer counts, in milliseconds. */
  readonly maxAge: number
  /** How many tokens are remembered. */
  readonly maxCached: number
  /** How many questions may wait for an answer at once. */
  readonly maxPending: number
}

/** The last good answer about a token. Used as long as it is fresh, and kept so that the same answer is the same identity. */
interface Answer {
  readonly admitted: Admitted
  /** When it was asked for, and when it came. */
  readonly askedAt: number
  readonly answeredAt: number
}

interface Rejection {
  readonly code: GuardErrorCode
  readonly reason: string
  readonly askedAt: number
}

/** How many tokens are remembered that were not good. */
const maxRejected = 1_000
/** Milliseconds. Whoever is admitted is looked at again at once, and that is no new question. */
const sameMoment = 100

/**
 * What an authorization server says about tokens. Every answer is remembered for a short while and for no longer, one question
 * at a time is asked about one token, and no more than so many about all; while the server fails, one at a time, ever more
 * rarely.
 */
export class Introspection {
  readonly #settings: IntrospectionSettings
  readonly #answers: LRUCache<string, Answer>
  readonly #rejections = new LRUCache<string, Rejection>({ max: maxRejected })
  readonly #pending = new Map<string, Promise<Admitted>>()
  /** Of tokens that were good before, and of all others: what strangers send may make the server fail, and stops nobody who is known. */
  readonly #known = new Attempts()
  readonly #strangers = new Attempts()

  constructor(settings: IntrospectionSettings) {
    this.#settings = settings
    this.#answers = new LRUCache<string, Answer>({ max: settings.maxCached })
  }

  /**
   * Who a token speaks of. At once where it was asked a moment ago.
   *
   * @throws GuardError `identity_invalid`, `identity_expired`, `binding_invalid`; `keys_unavailable` where the server cannot
   * be asked.
   */
  admit(digest: string, token: string, clock: Clock): Awaitable<Admitted> {
    const answer = this.#answers.get(digest)
    if (answer !== undefined && this.#isFresh(answer, clock)) return unexpired(answer.admitted, clock)
    this.#requireNotRejected(digest, clock)
    return this.#ask(digest, token, clock)
  }

  /** Whether the server still stands by what was admitted. At once while its last answer is fresh. */
  #still(digest: string, token: string, admitted: Admitted, clock: Clock): Awaitable<void> {
    const answer = this.#answers.get(digest)
    const isFresh = answer !== undefined && this.#isFresh(answer, clock)
    // In good time, so that one answer that fails to come does not end what runs.
    if (isFresh && clock.monotonic() - answer.askedAt > this.#settings.maxAge / 2) this.#ask(digest, token, clock).catch(() => {})
    if (answer !== undefined && (isFresh || clock.monotonic() - answer.answeredAt < sameMoment))
      return requireStill(admitted, unexpired(answer.admitted, clock))
    try {
      this.#requireNotRejected(digest, clock)
    } catch (error) {
      throw ended(error)
    }
    return this.#ask(digest, token, clock).then(
      (now) => requireStill(admitted, now),
      (error: unknown) => {
        throw ended(error)
      },
    )
  }

  #isFresh({ askedAt }: { readonly askedAt: number }, clock: Clock): boolean {
    return clock.monotonic() - askedAt < this.#settings.maxAge
  }

  #requireNotRejected(digest: string, clock: Clock): void {
    const rejection = this.#rejections.get(digest)
    if (rejection !== undefined && this.#isFresh(rejection, clock))
      throw new GuardError(rejection.code, { reason: `as a moment ago: ${rejection.reason}` })
  }

  /** However often one token comes at once, it is asked about once. */
  #ask(digest: string, token: string, clock: Clock): Promise<Admitted> {
    let pending = this.#pending.get(digest)
    if (pending !== undefined) return pending
    const { maxPending } = this.#settings
    const isKnown = this.#answers.has(digest)
    const attempts = isKnown ? this.#known : this.#strangers
    // Tokens that were good keep some of the places, whatever strangers send.
    if (this.#pending.size >= (isKnown ? maxPending : Math.ceil(maxPending * 0.75)))
      return Promise.reject(unavailable('too many tokens are asked about at once'))
    if (!attempts.begin(clock.monotonic())) return Promise.reject(unavailable('the authorization server failed a moment ago'))
    pending = this.#learn(digest, token, attempts, clock).finally(() => {
      attempts.end()
      this.#pending.delete(digest)
    })
    this.#pending.set(digest, pending)
    return pending
  }

  async #learn(digest: string, token: string, attempts: Attempts, clock: Clock): Promise<Admitted> {
    const askedAt = clock.monotonic()
    let claims: Claims | undefined
    try {
      claims = await introspect(token, this.#settings, clock)
      if (claims !== undefined && typeof claims.active !== 'boolean') throw unavailable('the answer does not say whether the token is active')
    } catch (error) {
      attempts.fail(askedAt, clock.monotonic())
      // Whatever else refuses on the way says nothing about the caller.
      throw isGuardError(error) && error.code === 'keys_unavailable' ? error : unavailable('the authorization server cannot be asked', error)
    }
    // Whoever was asked about: the server is there.
    this.#known.succeed()
    this.#strangers.succeed()
    const before = this.#answers.get(digest)?.admitted
    try {
      const admitted = this.#judge(claims, before, digest, token, clock)
      this.#rejections.delete(digest)
      this.#answers.set(digest, { admitted, askedAt, answeredAt: clock.monotonic() })
      return admitted
    } catch (error) {
      this.#answers.delete(digest)
      const code = isGuardError(error) ? error.code : 'identity_invalid'
      this.#rejections.set(digest, { code, reason: reasonOf(error), askedAt })
      throw error
    }
  }

  #judge(claims: Claims | undefined, before: Admitted | undefined, digest: string, token: string, clock: Clock): Admitted {
    if (claims === undefined) throw unavailable('the authorization server does not take the question about this token')
    const now = clock.now()
    if (claims.active !== true) {
      const isOver = before !== undefined && before.identity.expiresAt <= now
      throw new GuardError(isOver ? 'identity_expired' : 'identity_invalid', { reason: 'the authorization server does not call the token active' })
    }
    const admitted: Admitted = identityOfAnswer(claims, this.#settings.rules, now, {
      still: (at) => this.#still(digest, token, admitted, at),
    })
    return before !== undefined && isSameAnswer(before, admitted) ? before : admitted
  }
}

function isSameAnswer(one: Admitted, other: Admitted): boolean {
  return one.identity.kind === other.identity.kind && JSON.stringify(one.identity.claims) === JSON.stringify(other.identity.claims)
}

function unexpired(admitted: Admitted, clock: Clock): Admitted {
  if (admitted.identity.expiresAt <= clock.now()) throw new GuardError('identity_expired', { reason: 'the token has expired' })
  return admitted
}

function requireStill(admitted: Admitted, now: Admitted): void {
  if (!isStillAdmitted(admitted, now))
    throw new GuardError('identity_revoked', { reason: 'the authorization server takes back a part of what it said about the token' })
}

// For whoever was admitted before, a token that is not good any more is one that was revoked.
function ended(error: unknown): unknown {
  if (!isGuardError(error) || error.code === 'identity_expired' || error.code === 'keys_unavailable') return error
  return new GuardError('identity_revoked', { reason: 'the authorization server no longer stands by the token', cause: error })
}

function unavailable(reason: string, cause?: unknown): GuardError {
  return new GuardError('keys_unavailable', { reason, cause })
}

/** The longest that nothing is asked after a failure, and the first time, in milliseconds. */
const longestPause = 8_000
const firstPause = 500

/** When a server may be asked again that fails. */
class Attempts {
  /** Questions that wait for their answers. */
  #open = 0
  /** Failures since the last success; questions that were asked at the same time count as one. */
  #failures = 0
  #failedAt = Number.NEGATIVE_INFINITY
  #notBefore = Number.NEGATIVE_INFINITY

  /** Whether one more may be asked, which must then end: while the server fails one at a time, and not too soon. */
  begin(now: number): boolean {
    if (this.#failures > 0 && (now < this.#notBefore || this.#open > 0)) return false
    this.#open++
    return true
  }

  end(): void {
    this.#open--
  }

  succeed(): void {
    this.#failures = 0
  }

  fail(startedAt: number, now: number): void {
    if (this.#failures > 0 && startedAt <= this.#failedAt) return
    this.#failures++
    this.#failedAt = now
    // Instances that lost the server together must not come back to it together.
    this.#notBefore = now + Math.min(longestPause, firstPause * 2 ** (this.#failures - 1)) * (0.5 + Math.random() / 2)
  }
}
