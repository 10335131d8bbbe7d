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

/**
 * Looks again and again whether an identity still stands, and at once when something was revoked or it expires; tells the
 * first time that it does not, and stops. Returns what stops it.
 *
 * @param period milliseconds.
 * @param look throws, or rejects, where it no longer stands.
 */
export function watchStanding(
  identity: Identity,
  revocation: Revocations | undefined,
  clock: Clock,
  period: number,
  look: () => Awaitable<void>,
  end: (error: GuardError) => void,
): () => void {
  let stopped = false
  let cancel = (): void => {}
  let unsubscribe = (): void => {}
  const stop = (): void => {
    stopped = true
    cancel()
    unsubscribe()
  }
  const fail = (error: unknown): void => {
    if (stopped) return
    stop()
    end(isGuardError(error) ? error : unavailable(error))
  }
  // However often something is revoked meanwhile: one look is under way, and one more follows it.
  let looking: Promise<void> | undefined
  let isStale = false
  const lookOnce = (): Awaitable<void> => {
    if (stopped) return
    isStale = looking !== undefined
    if (looking !== undefined) return looking
    try {
      looking = look()
        ?.then(undefined, fail)
        .then(() => {
          looking = undefined
          return isStale ? lookOnce() : undefined
        })
      return looking
    } catch (error) {
      fail(error)
    }
  }
  const arm = (): void => {
    if (stopped) return
    // The wall clock may step, so this only makes the look at an expiry come in time; it decides nothing.
    const left = Math.max(1, identity.expiresAt - clock.now())
    cancel = clock.after(Math.min(period, left), () => {
      const looking = lookOnce()
      if (looking === undefined) arm()
      else void looking.then(arm)
    })
  }
  if (revocation !== undefined) {
    const subscribed: unknown = revocation.subscribe(() => void lookOnce())
    if (typeof subscribed !== 'function') {
      abandon(subscribed)
      throw new GuardError('misconfigured', { reason: 'the list of revocations gave nothing to unsubscribe with' })
    }
    unsubscribe = subscribed as () => void
  }
  void lookOnce()
  arm()
  return stop
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
