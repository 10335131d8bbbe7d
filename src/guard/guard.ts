import type { CallOptions } from './call-options.ts'
import type { Chain } from './chain.ts'
import { type Check, checkOptions, hasMethods, isFunction, optional } from './check-options.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Awaitable, Call, Settled } from './context.ts'
import { type Control, isControl, type Phases } from './control.ts'
import { reasonOf } from './errors.ts'
import { mediate, type Protected } from './mediate.ts'
import { type Operation, planOperation, type Planned } from './operation.ts'
import { type Misplaced, misplaced, type Next, type Unprotected, unprotected } from './order.ts'

/** Options of `guard`. */
export interface GuardOptions {
  /** Stands in every record and in `call.guard`; `guard` unless given. */
  readonly name?: string
  /** The system's unless given; `testClock()` in tests. */
  readonly clock?: Clock
  /** How long a call may take, to the last part of its answer, in milliseconds; 120,000 unless given. */
  readonly deadline?: number
  /**
   * Told of errors that no caller may see: a control that threw what is no refusal, one that failed as it left. Writes a
   * line to `console.error` unless given.
   */
  readonly onError?: (error: unknown, call: Settled) => void
}

/** What a guarded function gives back: what the function gives, or for a stream an iterator over its guarded parts. */
export type Guarded<O> = O extends AsyncIterable<infer P> | ReadableStream<infer P> ? AsyncIterableIterator<P> : O

/** What a guard says of itself. Plain data, without secrets. */
export interface GuardDescription {
  readonly name: string
  /** Milliseconds. */
  readonly deadline: number
  /** In order, outermost first. */
  readonly controls: readonly {
    readonly name: string
    readonly adds: readonly string[]
    readonly fulfills: readonly string[]
    readonly options: Readonly<Record<string, unknown>>
  }[]
  /** How payloads are read where an operation does not name a codec. */
  readonly codec: string
}

declare const context: unique symbol

/**
 * An immutable chain of controls. `C` is what a call's context holds at its end.
 *
 * The types carry the rules of order: a control that stands in the wrong place, or twice, or is missing, is a compile
 * error that says what to do, and the same sentence as a `TypeError` when the guard is made.
 */
export interface Guard<out C extends Call = Call> {
  readonly name: string
  /** A new guard with one more control, innermost. */
  use<A extends object, D extends Call, N extends Call = D>(
    this: Guard<D>,
    control: (Control<NoInfer<D>, A> | Control<N, A>) & ([Misplaced<D, N, A>] extends [never] ? unknown : Misplaced<D, N, A>),
  ): Guard<Next<D, A>>
  /**
   * The function behind the controls. `fn` is called at most once a call, with the engine's own frozen copy of the input
   * (as controls rewrote it) and the frozen context. A stream comes back as an async iterator; a vendor stream's own helpers
   * are lost. What `fn` throws is rethrown unchanged; what a control refuses is a `GuardError`.
   *
   * @throws TypeError for an incomplete chain or a wrong operation.
   */
  protect<I, O, D extends Call>(
    this: Guard<D> & ([Unprotected<D>] extends [never] ? unknown : Unprotected<D>),
    fn: (input: I, call: D) => O,
    operation: Operation<NoInfer<I>>,
  ): (input: I, request?: CallOptions) => Promise<Guarded<Awaited<O>>>
  /** What is covered, in order, as plain data: for a start-up report and a reviewer. */
  describe(): GuardDescription
  /** Refuses new calls (`switched_off`), waits for those that run, then closes what the guard itself opened. */
  close(): Promise<void>
  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
  readonly [context]?: C
}

/** What adapters need of a guard. */
export interface Mediator {
  readonly chain: Chain
  readonly plan: Planned
}

const checks: Readonly<Record<keyof GuardOptions, Check>> = {
  name: [optional((value) => typeof value === 'string' && value !== ''), 'a non-empty string'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
  deadline: [optional((value) => typeof value === 'number' && value > 0), 'a positive number of milliseconds'],
  onError: [optional(isFunction), 'a function'],
}

const chains = new WeakMap<object, Chain>()

/**
 * A guard without controls: `guard().use(audit(…)).use(verifyIdentity(…))…`.
 *
 * @throws TypeError for a wrong option.
 */
export function guard(options: GuardOptions = {}): Guard {
  checkOptions('guard', options, checks)
  const { name = 'guard', clock = systemClock, deadline = 120_000, onError = report } = options
  return made(prepareChain([], { name, clock, deadline, onError, lifetime: { open: new Set(), closed: false, drained: undefined } }))
}

/**
 * A guard's chain and a parsed operation: what `protect` and every adapter begin with.
 *
 * @throws TypeError for what is no guard, an incomplete chain, or an operation or an option that is wrong.
 */
export function mediator(guarded: Guard, operation: Operation<never>, source: 'value' | 'wire'): Mediator {
  const chain = chains.get(guarded)
  if (chain === undefined) throw new TypeError('This is no guard: make one with guard()')
  const sentence = unprotected(chain.controls)
  if (sentence !== undefined) throw new TypeError(sentence)
  for (const control of chain.controls) {
    const unclaimed = control.traits.obliges?.find((type) => !chain.fulfills.has(type))
    if (unclaimed !== undefined) throw new TypeError(`The policy obliges to '${unclaimed}', and no control of the chain carries that out.`)
    if (source === 'value' && control.traits.wireOnly === true)
      throw new TypeError(`${control.name}() works on bytes from a wire: use a server adapter such as guardHandler().`)
  }
  return { chain, plan: planOperation(operation, chain.codec) }
}

/** A guard with the same chain and with members of its own beside those of every guard. Not part of the public surface. */
export function withMembers<C extends Call, M extends object>(guarded: Guard<C>, members: M): Guard<C> & M {
  const chain = chains.get(guarded)
  if (chain === undefined) throw new TypeError('This is no guard: make one with guard()')
  return made(chain, members) as unknown as Guard<C> & M
}

function made(chain: Chain, members: object = {}): Guard {
  const self: Guard = Object.freeze({
    ...members,
    name: chain.name,
    use(control: unknown) {
      if (!isControl(control)) throw new TypeError('guard.use: give a control, as control() or a factory of this package makes it')
      const sentence = misplaced(chain.controls, control)
      if (sentence !== undefined) throw new TypeError(sentence)
      return made(prepareChain([...chain.controls, control], chain)) as never
    },
    protect(fn: unknown, operation: Operation<never>) {
      if (typeof fn !== 'function') throw new TypeError('guard.protect: the first argument must be a function')
      const { plan } = mediator(self, operation, 'value')
      return (input: unknown, request: CallOptions = {}) => mediate(chain, plan, { value: input }, request, fn as Protected) as Promise<never>
    },
    describe: () => describe(chain),
    close: () => close(chain),
    [Symbol.asyncDispose]: () => close(chain),
    // What a context holds is for the compiler to follow; at run time `misplaced` keeps the same rules.
  }) as unknown as Guard
  chains.set(self, chain)
  return self
}

function describe(chain: Chain): GuardDescription {
  const controls = chain.controls.map(({ name, adds, fulfills, details }) => ({ name, adds, fulfills, options: details }))
  return { name: chain.name, deadline: chain.deadline, controls, codec: chain.codec?.name ?? 'json' }
}

async function close(chain: Chain): Promise<void> {
  const { lifetime } = chain
  lifetime.closed = true
  if (lifetime.open.size > 0)
    await new Promise<void>((resolve) => {
      const before = lifetime.drained
      lifetime.drained = () => {
        before?.()
        resolve()
      }
    })
  // Innermost first, as calls unwind: the log, outermost, may still be told something.
  const closes: (() => Awaitable<void>)[] = chain.controls.map(({ traits }) => traits.close).filter((task) => task !== undefined)
  for (const task of closes.reverse()) await task()
}

// On one line, whatever a name in it holds: what stands in an operator's terminal may have come from a stranger.
function report(error: unknown, call: Settled): void {
  console.error(`sallyport: guard '${call.guard}', call ${call.id}: ${reasonOf(error)}`.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?'))
}

function places(controls: readonly Control<never, object>[], innermost: boolean): number[] {
  return [...controls.keys()].filter((index) => (controls[index]?.traits.innermost === true) === innermost)
}

// What every call would otherwise work out again.
function prepareChain(
  controls: readonly Control<never, object>[],
  settings: Pick<Chain, 'name' | 'clock' | 'deadline' | 'onError' | 'lifetime'>,
): Chain {
  const opens = controls.findLastIndex((control) => control.traits.opens === true)
  const identity = controls.findIndex((control) => control.adds.includes('identity'))
  const readAt = (opens === -1 ? identity : opens) + 1
  return Object.freeze({
    ...settings,
    controls,
    // The engine hands a context with whatever is established by then; each control's needs were checked by `use`.
    phases: controls.map((control) => control.phases as Phases<Call, object>),
    inward: Object.freeze([...places(controls, false), ...places(controls, true)]),
    responds: controls.some((control) => control.phases.response !== undefined),
    arriveAt: opens === -1 ? readAt : opens,
    readAt,
    fulfills: new Set(controls.flatMap((control) => control.fulfills)),
    codec: controls.find((control) => control.traits.codec !== undefined)?.traits.codec,
  })
}
