import type { Chain } from './chain.ts'
import type { Call, Settled } from './context.ts'
import type { Step } from './control.ts'

/** What the engine knows of a call whose authority is alive. */
export interface LiveCall {
  readonly chain: Pick<Chain, 'controls'>
  readonly context: Settled
  readonly step: Step
  /** The status of the answer, once an adapter knows it. */
  status: number
  /** Fields that controls add to the answer, names in lower case. */
  readonly fields: Readonly<Record<string, string>>
  /** Says something that the record of how the call ended must hold: at most 8 times 1,000 characters. */
  note(text: string): void
}

// An entry goes when its call leaves.
const live = new WeakMap<object, LiveCall>()

/** Makes a call one whose authority is alive. */
export function enliven(call: Call, known: LiveCall): void {
  live.set(call, known)
}

/** Ends the authority of a call. */
export function bury(call: Call): void {
  live.delete(call)
}

/** What is known of a call while it lasts; undefined for one that has ended, and for whatever else looks like one. */
export function liveCall(call: unknown): LiveCall | undefined {
  return typeof call === 'object' && call !== null ? live.get(call) : undefined
}
