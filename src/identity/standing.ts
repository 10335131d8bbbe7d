import { type Clock, within } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import type { RevocationList } from './revocation-list.ts'

/** How long a list of revocations may take, in milliseconds: with a look every half second, a running stream ends within one. */
const revocationDeadline = 450

/**
 * Whether an identity still stands: it has not expired, and it was not revoked. At once where the list answers at once.
 *
 * @throws GuardError `identity_expired`, `identity_revoked`; `keys_unavailable` where the list does not answer.
 */
export function requireStanding(identity: Identity, revocation: RevocationList | undefined, clock: Clock): Awaitable<void> {
  const now = clock.now()
  if (!(identity.expiresAt > now)) throw new GuardError('identity_expired', { reason: 'the identity has expired' })
  if (revocation === undefined) return
  let answer: Awaitable<boolean>
  try {
    answer = revocation.isRevoked(identity, now)
  } catch (error) {
    throw unavailable(error)
  }
  if (typeof answer === 'boolean') return judge(answer)
  return within(clock, revocationDeadline, 'The revocation list', answer).then(judge, (error: unknown) => {
    throw unavailable(error)
  })
}

/**
 * Looks again and again whether an identity still stands, and at once when something was revoked or it expires; tells the
 * first time that it does not, and stops. Returns what stops it.
 *
 * @param period milliseconds.
 */
export function watchStanding(
  identity: Identity,
  revocation: RevocationList | undefined,
  clock: Clock,
  period: number,
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
  const look = (): Awaitable<void> => {
    if (stopped) return
    try {
      return requireStanding(identity, revocation, clock)?.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
  }
  const arm = (): void => {
    if (stopped) return
    // The wall clock may step, so this only makes the look at an expiry come in time; it decides nothing.
    const left = Math.max(1, identity.expiresAt - clock.now())
    cancel = clock.after(Math.min(period, left), () => {
      const looking = look()
      if (looking === undefined) arm()
      else void looking.then(arm)
    })
  }
  if (revocation !== undefined) {
    const subscribed: unknown = revocation.subscribe(() => void look())
    if (typeof subscribed !== 'function') {
      abandon(subscribed)
      throw new GuardError('misconfigured', { reason: 'the list of revocations gave nothing to unsubscribe with' })
    }
    unsubscribe = subscribed as () => void
  }
  void look()
  arm()
  return stop
}

function judge(isRevoked: unknown): void {
  // Anything but a plain no is a yes.
  if (isRevoked !== false) throw new GuardError('identity_revoked', { reason: 'the identity, or what it rests on, was revoked' })
}

function unavailable(cause: unknown): GuardError {
  return new GuardError('keys_unavailable', { reason: 'the list of revocations did not answer', cause })
}
