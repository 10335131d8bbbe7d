import { GuardError } from '../guard/errors.ts'

/** What must have been measured, by name. All of them must be as they are pinned. */
export type Measurements = Readonly<Record<string, string>>

/** More sets than anybody rolls out at once. */
const maxSets = 32

/**
 * Copies pinned sets. Each is one program: what is measured must be one of them as a whole, so that half of an old one and half of a
 * new one are none.
 *
 * @param check what is wrong with one; undefined where nothing is.
 * @throws TypeError for no set, an empty one, and a wrong one.
 */
export function pinnedSets(
  factory: string,
  given: Measurements | readonly Measurements[],
  check: (name: string, value: string) => string | undefined,
): readonly Measurements[] {
  const sets: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (sets.length === 0 || sets.length > maxSets) throw new TypeError(`${factory}: measurements: give 1 to ${maxSets} sets`)
  return Object.freeze(
    sets.map((set) => {
      if (typeof set !== 'object' || set === null) throw new TypeError(`${factory}: measurements: must be an object of texts by name`)
      const own: Readonly<Record<string, unknown>> = { ...set }
      const names = Object.keys(own)
      if (names.length === 0) throw new TypeError(`${factory}: measurements: must pin something`)
      const copy: Record<string, string> = {}
      for (const name of names) {
        const value = own[name]
        const wrong = typeof value === 'string' && value !== '' ? check(name, value) : 'must be a text'
        if (wrong !== undefined) throw new TypeError(`${factory}: measurements.${name}: ${wrong}`)
        copy[name] = String(value)
      }
      return Object.freeze(copy)
    }),
  )
}

/** @throws GuardError `denied` where what was measured is none of the pinned sets. */
export function requirePinned(sets: readonly Measurements[], measured: ReadonlyMap<string, string>): void {
  for (const set of sets) if (Object.entries(set).every(([name, value]) => measured.get(name) === value)) return
  throw new GuardError('denied', { reason: 'what was measured is none of the workloads that are wanted' })
}
