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

/** Whoever wants to know what the decision on a call was made of. */
export interface GroundsHolder {
  grounds: DecisionGrounds | undefined
}

// Beside the call and not on it: attributes are policy's and the log's, and nobody else finds them.
const holders = new WeakMap<Step, GroundsHolder>()

/** Asks whoever decides on a call to note what it decides by. Where nobody asks, nobody has to pay for it. */
export function holdGrounds(step: Step, holder: GroundsHolder): void {
  holders.set(step, holder)
}

/** Who asked, and what was noted. */
export function groundsHolderOf(step: Step): GroundsHolder | undefined {
  return holders.get(step)
}

/** Notes what the decision on a call was made of, where somebody asked. The newest counts. */
export function noteGrounds(step: Step, made: DecisionGrounds): void {
  const holder = holders.get(step)
  if (holder !== undefined) holder.grounds = made
}

/** A table of the living is small; one of the dead is work for the garbage collector. */
export function releaseGrounds(step: Step): void {
  holders.delete(step)
}
