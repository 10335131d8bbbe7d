import { each, refused } from './shape.ts'
import type { Shape } from './walk.ts'

/**
 * A reference into the store of a vendor: what stands behind it was put there by somebody, and nothing here says by whom.
 * Refused by what it refers to.
 */
/* @__NO_SIDE_EFFECTS__ */
export function storeReference(what: string): Shape {
  return refused(`a reference into the store of the vendor (${what})`)
}

/** What runs at the vendor, out of reach of every control: tools, their calls and their results. Refused by name. */
/* @__NO_SIDE_EFFECTS__ */
export function runsAtVendor(...names: readonly string[]): Readonly<Record<string, Shape>> {
  return each(names, (name) => refused(`what runs at the vendor (${name})`))
}
