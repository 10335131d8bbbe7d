import type { Clock } from './clock.ts'
import type { Codec } from './codec.ts'
import type { Call, Settled } from './context.ts'
import type { Control, Phases } from './control.ts'
import type { Run } from './run.ts'

/** A guard's chain, prepared for running: what every call would otherwise work out again. */
export interface Chain {
  readonly name: string
  readonly clock: Clock
  /** Milliseconds. */
  readonly deadline: number
  readonly onError: (error: unknown, call: Settled) => void
  readonly controls: readonly Control<never, object>[]
  readonly phases: readonly Phases<Call, object>[]
  /** In which order their `request`s run, and the other way round their `response`s. */
  readonly inward: readonly number[]
  /** Whether any control looks at answers. */
  readonly responds: boolean
  /** Before which control the arrival is needed, and before which one the input is read. */
  readonly arriveAt: number
  readonly readAt: number
  /** The types of obligations that some control of the chain carries out. */
  readonly fulfills: ReadonlySet<string>
  /** Reads payloads that the operation did not name. */
  readonly codec: Codec | undefined
  readonly lifetime: Lifetime
}

/** What all guards that grew from one `guard()` share: their open calls, and whether they were closed. */
interface Lifetime {
  readonly open: Set<Run>
  closed: boolean
  drained: (() => void) | undefined
}
