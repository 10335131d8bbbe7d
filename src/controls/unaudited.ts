import type { Call, Known } from '../guard/context.ts'
import { builtIn, type Control } from '../guard/control.ts'

/**
 * Says out loud that calls leave no record. Stands where `audit` would; without either a guard protects nothing.
 *
 * ```ts
 * const base = guard().use(unaudited()).use(verifyIdentity({ verifiers }))
 * ```
 */
export function unaudited(): Control<Call, Pick<Known, 'entry'>> {
  return builtIn<Call, Pick<Known, 'entry'>>('unaudited', { enter: () => nothing }, { adds: ['entry'] }, {})
}

const nothing: Pick<Known, 'entry'> = Object.freeze({ entry: undefined })
