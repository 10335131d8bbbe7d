import { type Clock, within } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { GuardError, type GuardErrorCode, isGuardError } from '../guard/errors.ts'
import { abandon } from '../guard/thenable.ts'
import type { RevocationList } from './revocation-list.ts'
import { type Check, checkOptions, optional } from '../guard/check-options.ts'

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

/** How strongly a caller must have been authenticated. */
export interface AssuranceOptions {
  /** Authentication context classes, one of which is wanted. */
  readonly acr?: string | readonly string[]
  /** Authentication methods (RFC 8176), all of which are wanted. */
  readonly amr?: string | readonly string[]
  /** How long ago it may have been, in seconds. An unknown time is too long ago. */
  readonly maxAge?: number
}

/** Parsed options. */
export interface AssuranceRules {
  readonly acr: readonly string[] | undefined
  readonly amr: readonly string[]
  /** Milliseconds. */
  readonly maxAge: number | undefined
  /** What a challenge asks for (RFC 9470, section 3). */
  readonly wanted: ChallengeParameters
}

/** How far the clock of whoever authenticated may be ahead, in milliseconds. */
const tolerance = 5000

const word = /^[\x21\x23-\x5b\x5d-\x7e]+$/
const areWords = (value: unknown): boolean => {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.length > 0 && items.every((item) => typeof item === 'string' && word.test(item))
}
const words = 'a word of visible ASCII without quotes, or a list of them'
const checks: Readonly<Record<keyof AssuranceOptions, Check>> = {
  acr: [optional(areWords), words],
  amr: [optional(areWords), words],
  maxAge: [optional((value) => typeof value === 'number' && value >= 0 && Number.isFinite(value)), 'a number of seconds'],
}

/** Parses and copies assurance options. @throws TypeError where they are wrong. */
export function assuranceRules(options: AssuranceOptions): AssuranceRules {
  checkOptions('assurance', options, checks)
  const { acr, amr, maxAge } = options
  const classes = acr === undefined ? undefined : texts(acr)
  return {
    acr: classes,
    amr: amr === undefined ? [] : texts(amr),
    maxAge: maxAge === undefined ? undefined : maxAge * 1000,
    wanted: {
      ...(classes !== undefined && { acr_values: classes.join(' ') }),
      ...(maxAge !== undefined && { max_age: String(Math.floor(maxAge)) }),
    },
  }
}

/** The rules as plain data, `maxAge` in seconds. */
export function describeAssurance({ acr, amr, maxAge }: AssuranceRules): AssuranceOptions {
  return { ...(acr !== undefined && { acr }), ...(amr.length > 0 && { amr }), ...(maxAge !== undefined && { maxAge: maxAge / 1000 }) }
}

/** @throws GuardError `step_up_required` where an identity was not authenticated strongly enough, or not lately enough. */
export function requireAssurance({ assurance }: Identity, rules: AssuranceRules, now: number): void {
  if (rules.acr !== undefined && (assurance.acr === undefined || !rules.acr.includes(assurance.acr)))
    throw stepUp('the acr is not one of those that are wanted')
  if (!rules.amr.every((method) => assurance.amr.includes(method))) throw stepUp('a wanted authentication method was not used')
  if (rules.maxAge === undefined) return
  const { authenticatedAt } = assurance
  if (authenticatedAt === undefined) throw stepUp('when the caller was authenticated is not known')
  if (authenticatedAt > now + tolerance) throw stepUp('the caller was authenticated in the future')
  if (now - authenticatedAt > rules.maxAge) throw stepUp('the caller was authenticated too long ago')
}

function texts(value: string | readonly string[]): readonly string[] {
  return Object.freeze(typeof value === 'string' ? [value] : [...value])
}

function stepUp(reason: string): GuardError {
  return new GuardError('step_up_required', { reason })
}

/** What a challenge may say beside its scheme and realm. */
interface ChallengeParameters {
  readonly error?: string
  readonly error_description?: string
  /** RFC 9470, section 3. */
  readonly acr_values?: string
  /** Seconds. */
  readonly max_age?: string
}

/**
 * One challenge (RFC 9110, section 11.6.1). Values are quoted; what may not stand in a quoted text of RFC 6750, section 3
 * is left out.
 */
export function challenge(scheme: string, realm: string, parameters: ChallengeParameters = {}): string {
  const written = [`realm="${quotable(realm)}"`]
  for (const [name, value] of Object.entries(parameters)) written.push(`${name}="${quotable(value)}"`)
  return `${scheme} ${written.join(', ')}`
}

// What RFC 6750 names for what went wrong. Without a credential, or with one of a scheme that is not taken, there is none.
const errors: Readonly<Partial<Record<GuardErrorCode, string>>> = {
  identity_invalid: 'invalid_token',
  identity_expired: 'invalid_token',
  identity_revoked: 'invalid_token',
  binding_required: 'invalid_token',
  binding_invalid: 'invalid_token',
  replayed: 'invalid_token',
  // RFC 9470, section 3.
  step_up_required: 'insufficient_user_authentication',
}

/** The parameters that tell a client what was wrong with its token; none for codes of other kinds. */
export function errorParameters(code: GuardErrorCode, message: string): ChallengeParameters {
  const error = errors[code]
  return error === undefined ? {} : { error, error_description: message }
}

function quotable(value: string): string {
  return value.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
}
