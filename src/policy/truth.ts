/** Kleene's three values. `undefined` is unknown: what was asked for is missing, or is not what can be compared. */
export type Truth = boolean | undefined

/** The opposite; of unknown, unknown. */
export function opposite(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth
}
