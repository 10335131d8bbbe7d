import type { Call, Known, Quota } from '../guard/context.ts'
import type { AmountSources } from './call-amounts.ts'
import type { CountedLimit } from './counted-limit.ts'
import type { StoreAccess } from './store-access.ts'

/** Limits that a call was let in by, as those that it makes on its behalf are held to them as well. */
export interface CarriedLimits {
  readonly access: StoreAccess
  readonly sources: AmountSources
  readonly limits: readonly CountedLimit[]
}

// By the quota, which is what a call shows of its limits.
const carried = new WeakMap<Quota, readonly CarriedLimits[]>()

const none: readonly CarriedLimits[] = Object.freeze([])

/** Notes what is carried over to calls that are made on behalf of the one with this quota. */
export function carryOver(quota: Quota, limits: readonly CarriedLimits[]): void {
  if (limits.length > 0) carried.set(quota, limits)
}

/** What was noted with a quota. */
export function carriedWith(quota: Quota | undefined): readonly CarriedLimits[] {
  return (quota === undefined ? undefined : carried.get(quota)) ?? none
}

/**
 * What the call that this one is made for was let in by, and is counted by none of these. Its places are left out: it holds
 * them while this one runs.
 */
export function inheritedLimits(call: Call & Partial<Known>, own: readonly CarriedLimits[]): readonly CarriedLimits[] {
  const inherited = carriedWith(call.parent?.quota)
  if (inherited.length === 0) return none
  const counted = [...own]
  const missing: CarriedLimits[] = []
  for (const group of inherited) {
    const limits = group.limits.filter((one) => one.limit.unit !== 'concurrent' && !counted.some((other) => counts(other, group.access, one)))
    if (limits.length === 0) continue
    const rest = { ...group, limits }
    missing.push(rest)
    counted.push(rest)
  }
  return missing
}

// In one store limits of one name, unit and window share their count, whatever their amounts: then the stricter must still hold.
function counts({ access, limits }: CarriedLimits, store: StoreAccess, { limit, key }: CountedLimit): boolean {
  if (!access.sharesStoreWith(store)) return false
  return limits.some(
    (other) =>
      other.key === key &&
      other.limit.name === limit.name &&
      other.limit.unit === limit.unit &&
      other.limit.window === limit.window &&
      other.limit.zone === limit.zone &&
      other.limit.quantity <= limit.quantity &&
      other.limit.burst <= limit.burst,
  )
}
