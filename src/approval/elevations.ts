import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable, Call, Identity, Known } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { liveCall } from '../guard/live-calls.ts'
import { isThenable } from '../guard/thenable.ts'
import { changeEntry } from '../state/change-entry.ts'
import { memoryState } from '../state/memory-state.ts'
import type { StateStore } from '../state/state-store.ts'

/** Options of `elevations`. */
export interface ElevationsOptions {
  /** The longest that an elevation may last, in seconds; 3,600 unless given. */
  readonly maxTtl?: number
  /** Where they are kept, shared by all instances; a memory of its own unless given. */
  readonly store?: StateStore
  /** The system's unless given. */
  readonly clock?: Clock
}

/** A role that somebody has for a while. */
export interface Elevation {
  readonly role: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** Roles for a while, just in time. */
export interface Elevations {
  /**
   * Gives the caller of this call a role for a while. Elevating is itself a guarded action: the call must be one whose action is
   * `elevate` and whose resource is `{ type: 'role', id: role }`, so that policy has permitted it (with an approval, where it wants one)
   * and the log has it, with the reason.
   *
   * @param ttl seconds; cut to `maxTtl`, and never longer than the identity itself.
   * @param reason why, for the log: at most 500 characters.
   * @throws TypeError for another call than that, for one that has ended, and for a wrong ttl or reason. Rejects where the store does
   * not take it.
   */
  elevate(call: Call & Pick<Known, 'identity' | 'decision'>, role: string, ttl: number, reason: string): Promise<Elevation>
  /** Ends an elevation before its time. */
  end(identity: Identity, role: string): Promise<void>
  /** The roles that an identity has for a while, now. At once where the store answers at once. */
  rolesOf(identity: Identity, now: number): Awaitable<readonly string[]>
  /** Plain data for `guard.describe()`. */
  describe(): Readonly<Record<string, unknown>>
}

const checks: Readonly<Record<keyof ElevationsOptions, Check>> = {
  maxTtl: [optional((value) => typeof value === 'number' && value > 0 && value <= 604_800), 'seconds above zero and at most a week'],
  store: [optional(hasMethods('set', 'get', 'delete', 'describe')), 'a StateStore'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

const maxReason = 500
/** More roles than anybody is given for a while at once. */
const maxRoles = 32
const none: readonly string[] = Object.freeze([])

/**
 * Roles for a while, just in time: for `authorize({ elevations })`, which adds them to `subject.roles`, and says in
 * `subject.elevated` which they are. They are the caller's own in its tenant: it has them in no other one, and who acts for it has
 * none of them, and cannot ask for one. They end by themselves, also while an answer streams, when policy is asked again.
 *
 * ```ts
 * const elevating = elevations()
 * const base = identified.use(authorize({ evaluator: policySet(policy), elevations: elevating }))
 * const elevate = base.protect((reason: string, call) => elevating.elevate(call, 'incident-responder', 900, reason), {
 *   action: 'elevate',
 *   resource: { type: 'role', id: 'incident-responder' },
 * })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function elevations(options: ElevationsOptions = {}): Elevations {
  checkOptions('elevations', options, checks)
  const { maxTtl = 3_600, store = memoryState(), clock = systemClock } = options
  const now = (): number => clock.now()
  const change = (identity: Identity, next: (before: readonly Elevation[]) => readonly Elevation[]): Promise<void> =>
    changeEntry(store, keyOf(identity), now, (before) => {
      const roles = next(standing([before], now()))
      if (roles.length === 0) return 'forget'
      const value = JSON.stringify(roles.map(({ role, expiresAt }) => [role, expiresAt]))
      return { value, expiresAt: Math.max(...roles.map(({ expiresAt }) => expiresAt)) }
    })
  return Object.freeze({
    async elevate(call: Call & Pick<Known, 'identity' | 'decision'>, role: string, ttl: number, reason: string): Promise<Elevation> {
      requireElevating(call, role)
      if (typeof ttl !== 'number' || !(ttl > 0) || !Number.isFinite(ttl)) throw new TypeError('elevate: ttl: must be a number of seconds above zero')
      if (typeof reason !== 'string' || reason === '' || reason.length > maxReason)
        throw new TypeError(`elevate: reason: must be a text of 1 to ${maxReason} characters`)
      const { identity } = call
      if (identity.actors.length > 0) throw new GuardError('denied', { reason: 'who acts for a caller cannot elevate it' })
      const elevation: Elevation = Object.freeze({
        role,
        expiresAt: Math.min(clock.now() + Math.min(ttl, maxTtl) * 1000, identity.expiresAt),
      })
      liveCall(call)?.note(`elevated to '${role}' until ${new Date(elevation.expiresAt).toISOString()}: ${reason}`)
      await change(identity, (before) => {
        const others = before.filter((other) => other.role !== role)
        if (others.length >= maxRoles) throw new RangeError(`elevate: nobody has more than ${maxRoles} roles for a while`)
        return [...others, elevation]
      })
      return elevation
    },
    end: (identity: Identity, role: string) => change(identity, (before) => before.filter((other) => other.role !== role)),
    rolesOf(identity: Identity, at: number): Awaitable<readonly string[]> {
      // What the caller was given for a while, the caller may do, and nobody who acts for it.
      if (identity.actors.length > 0) return none
      const found = store.get([keyOf(identity)], at)
      return isThenable(found) ? Promise.resolve(found).then((values) => namesIn(values, at)) : namesIn(found, at)
    },
    describe: () => ({ kind: 'elevations', maxTtl, store: store.describe() }),
  })
}

function requireElevating(call: Call & Pick<Known, 'identity' | 'decision'>, role: string): void {
  if (liveCall(call) === undefined) throw new TypeError('elevate: the call must be one that a guarded function was given, while that call lasts')
  const { action, resource, decision } = call
  if (action !== 'elevate' || resource.type !== 'role' || resource.id !== role || decision?.allowed !== true)
    throw new TypeError(`elevate: the call must have the action 'elevate' and the resource { type: 'role', id: role }`)
}

// By caller and tenant, and by nothing that the caller could write: what one tenant's policy allowed is nothing in another's.
function keyOf({ key, tenant }: Identity): string {
  return tenant === undefined ? `elevated:${key}` : `elevated:${tenant.length}:${tenant}:${key}`
}

function namesIn(values: readonly (string | undefined)[], now: number): readonly string[] {
  const roles = standing(values, now)
  return roles.length === 0 ? none : roles.map(({ role }) => role)
}

function standing([text]: readonly (string | undefined)[], now: number): readonly Elevation[] {
  if (text === undefined) return []
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list)) throw new TypeError('elevations: the store answered nonsense')
  return list.map(elevationIn).filter(({ expiresAt }) => expiresAt > now)
}

function elevationIn(value: unknown): Elevation {
  const [role, expiresAt]: unknown[] = Array.isArray(value) ? value : []
  if (typeof role !== 'string' || role === '' || typeof expiresAt !== 'number') throw new TypeError('elevations: the store answered nonsense')
  return { role, expiresAt }
}
