import { type Clock, within } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import { voucherOf } from './make-identity.ts'
import type { Revocations } from './revocation-list.ts'

/** How long somebody who is asked may take, in milliseconds: with a look every half second, a running stream ends within one. */
const deadline = 450

/**
 * Whether an identity still stands: it has not expired, it was not revoked, and whoever vouched for it still does. At once
 * where nobody has to be waited for.
 *
 * @throws GuardError `identity_expired`, `identity_revoked`; `keys_unavailable` where somebody does not answer.
 */
export function requireStanding(identity: Identity, revocation: Revocations | undefined, clock: Clock): Awaitable<void> {
  const now = clock.now()
  if (!(identity.expiresAt > now)) throw new GuardError('identity_expired', { reason: 'the identity has expired' })
  const listed = revocation === undefined ? undefined : requireUnrevoked(identity, revocation, clock, now)
  const { still } = voucherOf(identity)
  let vouched: Awaitable<void>
  try {
    vouched = still?.(clock)
  } catch (error) {
    abandon(listed)
    throw error
  }
  if (vouched === undefined) return listed
  // Both at once: a running stream that must end must not wait for one after the other.
  return Promise.all([within(clock, deadline, 'Who vouched for the identity', vouched).catch(asUnavailable), listed]).then(() => undefined)
}

function requireUnrevoked(identity: Identity, revocation: Revocations, clock: Clock, now: number): Awaitable<void> {
  let answer: Awaitable<boolean>
  try {
    answer = revocation.isRevoked(identity, now)
  } catch (error) {
    throw unavailable(error)
  }
  if (typeof answer === 'boolean') return judge(answer)
  return within(clock, deadline, 'The revocation list', answer).then(judge, asUnavailable)
}

/** What a watch needs to know. */
export interface WatchOptions {
  readonly identity: Identity
  readonly revocation: Revocations | undefined
  readonly clock: Clock
  /** Throws, or rejects, where the identity no longer stands. */
  readonly look: () => Awaitable<void>
  /** Told the first time that it does not. */
  readonly end: (error: GuardError) => void
}

/** Watches whether an identity still stands while a call runs: at once when something was revoked, and again and again where asked. */
export class StandingWatch {
  readonly #options: WatchOptions
  #isOver = false
  #cancel = (): void => {}
  #unsubscribe = (): void => {}
  #looking: Promise<void> | undefined
  #isStale = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /** Looks whenever something was revoked. */
  listen(): void {
    const subscribed: unknown = this.#options.revocation?.subscribe(() => void this.look())
    if (subscribed === undefined && this.#options.revocation === undefined) return
    if (typeof subscribed !== 'function') {
      abandon(subscribed)
      throw new GuardError('misconfigured', { reason: 'the list of revocations gave nothing to unsubscribe with' })
    }
    this.#unsubscribe = subscribed as () => void
  }

  /** Looks now, and again every so many milliseconds, and when the identity expires. */
  repeat(period: number): void {
    void this.look()
    this.#arm(period)
  }

  stop(): void {
    this.#isOver = true
    this.#cancel()
    this.#unsubscribe()
  }

  // Armed before it looks: however long an answer takes, the next look comes in time.
  #arm(period: number): void {
    if (this.#isOver) return
    const { identity, clock } = this.#options
    // The wall clock may step, so this only makes the look at an expiry come in time; it decides nothing.
    const left = Math.max(1, identity.expiresAt - clock.now())
    this.#cancel = clock.after(Math.min(period, left), () => {
      this.#arm(period)
      void this.look()
    })
  }

  /** Looks now; however often it is asked to meanwhile, one look is under way, and one more follows it. */
  look(): Awaitable<void> {
    if (this.#isOver) return
    this.#isStale = this.#looking !== undefined
    if (this.#looking !== undefined) return this.#looking
    try {
      this.#looking = this.#options
        .look()
        ?.then(undefined, this.#fail)
        .then(() => {
          this.#looking = undefined
          return this.#isStale ? this.look() : undefined
        })
      return this.#looking
    } catch (error) {
      this.#fail(error)
    }
  }

  readonly #fail = (error: unknown): void => {
    if (this.#isOver) return
    this.stop()
    this.#options.end(isGuardError(error) ? error : unavailable(error))
  }
}

function judge(isRevoked: unknown): void {
  // Anything but a plain no is a yes.
  if (isRevoked !== false) throw new GuardError('identity_revoked', { reason: 'the identity, or what it rests on, was revoked' })
}

function unavailable(cause: unknown): GuardError {
  return new GuardError('keys_unavailable', { reason: 'whether the identity still stands could not be learned', cause })
}

function asUnavailable(error: unknown): never {
  throw isGuardError(error) ? error : unavailable(error)
}
