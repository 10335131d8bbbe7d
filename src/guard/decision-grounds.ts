import type { Step } from './control.ts'

/** What a decision was made of, beside what a record says anyway: enough for another policy to be asked the same. */
export interface DecisionGrounds {
  /** The attributes that the rules in question read, such as `context.risk`: each once, in order. */
  readonly paths: readonly string[]
  /** Their values, in the order of the paths, as policy saw them; `undefined` for what is missing. */
  values(): readonly unknown[]
  /** Roles that the caller had for a while only, beside those of its identity. */
  readonly elevated: readonly string[]
}

// Beside the call and not on it: attributes are policy's and the log's, and nobody else finds them.
const grounds = new WeakMap<Step, DecisionGrounds>()

/** Notes what the decision on a call was made of. The newest counts. */
export function noteGrounds(step: Step, made: DecisionGrounds): void {
  grounds.set(step, made)
}

/** What the decision on a call was made of, where its evaluator says so. */
export function groundsOf(step: Step): DecisionGrounds | undefined {
  return grounds.get(step)
}

/** A table of the living is small; one of the dead is work for the garbage collector. */
export function forgetGrounds(step: Step): void {
  grounds.delete(step)
}
