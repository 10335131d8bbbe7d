import type { Call, Decision, Known, Obligation, Settled } from '../guard/context.ts'
import type { KeyedLimit } from './limit-store.ts'
import { type Limit, limitKey, planLimit, type PlannedLimit } from './limit.ts'

type Identified = Call & Pick<Known, 'identity'>

/** Whose a limit of policy can be. */
const owners: Readonly<Record<string, (call: Identified) => string | undefined>> = {
  subject: (call) => call.identity.key,
  tenant: (call) => call.identity.tenant,
  actor: (call) => call.identity.actors[0] && `${call.identity.actors[0].issuer ?? ''} ${call.identity.actors[0].subject}`,
  resource: (call) => `${call.resource.type} ${call.resource.id}`,
  action: (call) => call.action,
}

interface PolicyLimit {
  readonly limit: PlannedLimit
  readonly per: string
}

// An obligation is frozen, and a policy gives the same ones again and again.
const known = new WeakMap<Obligation, PolicyLimit>()

/**
 * The limits that policy sets for a call: its obligations of type `limit`, with the members of a `Limit` and `per`, one of
 * `subject` (which it is unless given), `tenant`, `actor`, `resource` and `action`.
 *
 * ```json
 * { "type": "limit", "name": "trial", "tokens": 20000, "window": 86400, "per": "tenant" }
 * ```
 *
 * All of them hold. Of those that differ in their amounts alone the strictest is taken, so that a permit more never loosens.
 * Their names begin with `policy:`, so that none is taken for one of the application's.
 *
 * Undefined where one of them cannot be understood, has nobody to count for, or differs in more than its amounts from another
 * one of its name: then the duty stays open.
 */
export function policyLimits(decision: Decision, call: Identified & Settled): readonly KeyedLimit[] | undefined {
  const limits = new Map<string, PolicyLimit>()
  for (const obligation of decision.obligations) {
    if (obligation.type !== 'limit') continue
    const found = known.get(obligation) ?? read(obligation)
    if (found === undefined) return undefined
    known.set(obligation, found)
    const { name, unit, window, zone } = found.limit
    const id = `${found.per} ${unit} ${window} ${zone} ${name}`
    const other = limits.get(id)
    limits.set(id, other === undefined ? found : strictest(found, other))
  }
  return keysOf([...limits.values()], call)
}

/** Whether policy sets any limit. */
export function hasPolicyLimits(decision: Decision | undefined): boolean {
  return decision?.obligations.some(({ type }) => type === 'limit') === true
}

function read({ type: _, per = 'subject', ...limit }: Obligation): PolicyLimit | undefined {
  if (typeof per !== 'string' || !Object.hasOwn(owners, per)) return undefined
  try {
    const { name } = limit
    if (typeof name !== 'string' || name === '') return undefined
    const plan: unknown = { shared: per !== 'subject', ...limit, name: `policy:${name}` }
    return { limit: planLimit(plan as Omit<Limit<never>, 'per'>), per }
  } catch {
    return undefined
  }
}

// Made once for each pair that meets, so that what a store knows of it is worked out once.
const pairs = new WeakMap<PlannedLimit, WeakMap<PlannedLimit, PlannedLimit>>()

function strictest(one: PolicyLimit, other: PolicyLimit): PolicyLimit {
  const { limit, per } = one
  if (limit.quantity <= other.limit.quantity && limit.burst <= other.limit.burst) return one
  if (other.limit.quantity <= limit.quantity && other.limit.burst <= limit.burst) return other
  const made = pairs.get(limit) ?? new WeakMap<PlannedLimit, PlannedLimit>()
  pairs.set(limit, made)
  let both = made.get(other.limit)
  if (both === undefined) {
    const quantity = Math.min(limit.quantity, other.limit.quantity)
    made.set(other.limit, (both = Object.freeze({ ...limit, quantity, burst: Math.min(limit.burst, other.limit.burst) })))
  }
  return { limit: both, per }
}

function keysOf(limits: readonly PolicyLimit[], call: Identified): readonly KeyedLimit[] | undefined {
  const keyed: KeyedLimit[] = []
  const names = new Set<string>()
  for (const { limit, per } of limits) {
    const key = owners[per]?.(call)
    if (key === undefined || key === '') return undefined
    if (names.has(limit.name)) return undefined
    names.add(limit.name)
    keyed.push({ limit, key: limitKey(limit.name, () => `${per} ${key}`, call) })
  }
  return keyed
}
