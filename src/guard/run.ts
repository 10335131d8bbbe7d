import { type CallOptions, copyCallOptions } from './call-options.ts'
import type { Chain } from './chain.ts'
import type { Awaitable, Call, Credentials, Settled } from './context.ts'
import { type Arrival, entries, type Outcome, reserved, type SealAnswer, type Step } from './control.ts'
import { GuardError } from './errors.ts'
import { GrowingContext } from './growing-context.ts'
import { bury, enliven, type LiveCall, liveCall } from './live-calls.ts'
import { actionBefore, actionFor, drift, type Planned, type Source } from './operation.ts'
import { asRefusal, refusing } from './refusing.ts'
import { RunStep } from './run-step.ts'
import { settle, tell } from './settle.ts'
import { snapshotJson } from './snapshot.ts'
import { isThenable } from './thenable.ts'
import { parseTraceparent } from './trace-context.ts'
import { uuid7 } from './uuid.ts'

/** How deep calls may be made on behalf of calls, and how many calls one call may be at the root of. */
const taskBounds = { depth: 16, breadth: 1_000 } as const

const noteBounds = { count: 8, length: 1_000 } as const

type Ending = Outcome['ending']

const none: readonly string[] = Object.freeze([])

const isAbortedOf: ((this: AbortSignal) => boolean) | undefined = Object.getOwnPropertyDescriptor(AbortSignal.prototype, 'aborted')?.get

/** One guarded call on its way: its context, its step, and how it ends. Only the engine sees this. */
export class Run implements LiveCall {
  readonly chain: Chain
  readonly plan: Planned
  readonly step: Step
  readonly controller: AbortController = new AbortController()
  readonly startedAt: number
  /** Everything that is established by now. Frozen; replaced as controls add to it. */
  context: Settled
  /** How many controls were entered. */
  entered = 0
  ran = false
  streamed = false
  parts = 0
  status = 200
  input: unknown
  arrival: Arrival | undefined
  /** Why the call must stop, once it must. */
  stopped: { readonly ending: Ending; readonly error: GuardError } | undefined
  /** Told of a stop while the engine is not waiting for anything, as when a stream is between two reads. */
  onStop: (() => void) | undefined
  /** What the guard's error handler was told last. */
  told: GuardError | undefined
  readonly fulfilled: string[] = []
  readonly tasks: (() => Awaitable<void>)[] = []
  /** What is checked again while an answer streams. */
  readonly deliveries: (() => Awaitable<void>)[] = []
  readonly depth: number
  readonly root: Run
  /** What the caller presented; its hash is all that a control can have after the identity is known. */
  readonly credential: string | undefined
  /** What was signed for this very call. */
  readonly approvals: readonly string[]
  readonly fields: Record<string, string> = {}
  readonly notes: string[] = []
  descendants = 0
  readonly #source: Source
  readonly #growing: GrowingContext
  #endsAt = Number.POSITIVE_INFINITY
  #taken: { readonly input: unknown } | { readonly failure: unknown } | undefined
  #waiting: ((error: unknown) => void) | undefined
  #settled: Promise<unknown> | undefined
  #children: Set<Run> | undefined
  readonly #parent: Run | undefined
  readonly #undo: (() => void)[] = []

  constructor(chain: Chain, plan: Planned, source: Source, request: CallOptions) {
    const options = copyCallOptions(request)
    const known = liveCall(options.onBehalfOf)
    const parent = known instanceof Run ? known : undefined
    if (options.onBehalfOf !== undefined && parent === undefined)
      throw new TypeError('onBehalfOf: must be the call that a guarded function was given, while that call lasts')
    this.chain = chain
    this.plan = plan
    this.#source = source
    this.#parent = parent
    this.depth = parent === undefined ? 0 : parent.depth + 1
    this.root = parent?.root ?? this
    this.credential = secretIn(options.credentials)
    this.approvals = options.approvals ?? none
    // At once, before anything is awaited: what the caller changes afterwards changes nothing.
    if ('value' in source) this.#take(() => source.value)
    this.startedAt = chain.clock.monotonic()
    const now = chain.clock.now()
    const id = uuid7(now)
    const { action, resource } = actionBefore(plan)
    const trace = parseTraceparent(options.traceparent) ?? parent?.context.trace
    this.#growing = new GrowingContext({
      id,
      task: parent?.context.task ?? id,
      startedAt: now,
      guard: chain.name,
      action,
      resource,
      attributes: options.attributes === undefined ? plan.attributes : Object.freeze({ ...plan.attributes, ...options.attributes }),
      signal: this.controller.signal,
      parent: parent?.context,
      credentials: options.credentials,
      channel: options.channel,
      trace,
    })
    this.context = this.#growing.frozen()
    this.step = new RunStep(this)
    this.#arm(options)
  }

  #arm({ signal, deadline = Number.POSITIVE_INFINITY }: CallOptions): void {
    const { lifetime, clock } = this.chain
    // Before anything is open that would have to be closed: what calls itself a signal may throw.
    const isAborted = signal !== undefined && this.#listen(signal)
    lifetime.open.add(this)
    const allowed = Math.min(deadline, this.chain.deadline)
    this.#endsAt = this.startedAt + allowed
    this.#undo.push(clock.after(allowed, () => this.stop('deadline', new GuardError('deadline_exceeded'))))
    const parent = this.#parent
    if (parent !== undefined) {
      parent.#children ??= new Set()
      parent.#children.add(this)
      parent.root.descendants++
      this.#undo.push(() => parent.#children?.delete(this))
    }
    if (isAborted) this.#abort()
  }

  readonly #abort = (): void => this.stop('aborted', new GuardError('aborted', { reason: 'the caller gave up' }))

  // Whether it is aborted already. By the methods of every signal, not by those that this one may have of its own.
  #listen(signal: AbortSignal): boolean {
    try {
      if (isAbortedOf?.call(signal) !== false) return true
      const { addEventListener, removeEventListener } = EventTarget.prototype
      addEventListener.call(signal, 'abort', this.#abort, { once: true })
      this.#undo.push(() => removeEventListener.call(signal, 'abort', this.#abort))
      return false
    } catch (error) {
      throw new TypeError('signal: must be an AbortSignal', { cause: error })
    }
  }

  /** Stops the call from outside its own flow: deadline, abort, a failed re-check. The first reason stands. */
  stop(ending: Ending, error: GuardError): void {
    if (this.stopped !== undefined || this.#settled !== undefined) return
    this.stopped = { ending, error }
    this.controller.abort(error)
    this.#waiting?.(error)
    this.onStop?.()
  }

  /** Stops the call where its time is up. */
  checkDeadline(): void {
    if (this.chain.clock.monotonic() >= this.#endsAt) this.stop('deadline', new GuardError('deadline_exceeded'))
  }

  /** Waits, unless the call is stopped meanwhile. What is not a promise costs nothing. */
  wait<T>(value: Awaitable<T>): Awaitable<T> {
    if (!isThenable(value)) {
      if (this.stopped !== undefined) throw this.stopped.error
      return value
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting = reject
      Promise.resolve(value).then(resolve, reject)
      if (this.stopped !== undefined) reject(this.stopped.error)
    })
  }

  get isRetry(): boolean {
    const source = this.#source
    return 'isRetry' in source && source.isRetry?.() === true
  }

  /** Tells the adapter how to answer a caller that asked sealed. */
  sealWith(seal: SealAnswer): void {
    if ('sealWith' in this.#source) this.#source.sealWith?.(seal)
  }

  note(text: string): void {
    if (this.notes.length < noteBounds.count) this.notes.push(text.slice(0, noteBounds.length))
  }

  /** Runs every `enter`, reads the input when it may be read, then every `request`. */
  async admit(): Promise<void> {
    const { phases, arriveAt, readAt, lifetime } = this.chain
    if (lifetime.closed) throw new GuardError('switched_off', { reason: 'the guard is closed' })
    for (let index = 0; index < phases.length; index++) {
      if (index === arriveAt && 'arrive' in this.#source) await this.#arrive(this.#source)
      if (index === readAt) this.#read()
      this.entered = index + 1
      const adds = refusing(() => phases[index]?.enter?.(this.context, this.step))
      this.#grow(index, isThenable(adds) ? await this.wait(adds) : adds)
      if (this.stopped !== undefined) throw this.stopped.error
    }
    if (readAt >= phases.length) this.#read()
    this.#checkTask()
    this.#checkLimits()
    this.#checkObligations(this.chain.fulfills, 'no control of the chain carries out')
    const authorized = this.input
    const early = this.tasks.splice(0)
    for (const index of this.chain.inward) {
      const phase = phases[index]
      if (phase?.request === undefined) continue
      const next = refusing(() => phase.request?.(this.input, this.context as never, this.context, this.step))
      const rewritten = isThenable(next) ? await this.wait(next) : next
      if (rewritten !== undefined && rewritten !== this.input) this.input = this.#snapshot(rewritten)
      if (this.stopped !== undefined) throw this.stopped.error
    }
    const drifted = drift(this.plan, this.context, authorized, this.input)
    if (drifted !== undefined) throw new GuardError('misconfigured', { reason: `a control changed ${drifted} after it was authorized` })
    this.#checkObligations(this.fulfilled, 'nothing carried out')
    // What may still refuse comes before the record that says the call was let in.
    if (early.length > 0) await this.#runAll(early)
    if (this.tasks.length > 0) await this.#runAll(this.tasks)
    if (this.stopped !== undefined) throw this.stopped.error
  }

  // Several at once: each is a wait for a disk or a store, and the function waits for all of them.
  async #runAll(tasks: readonly (() => Awaitable<void>)[]): Promise<void> {
    if (this.stopped !== undefined) throw this.stopped.error
    const [first] = tasks
    if (tasks.length === 1) await this.wait(first?.())
    else await this.wait(Promise.all(tasks.map(async (task) => await task())))
  }

  /** The call as the guarded function sees it, alive from now until the call leaves. */
  grant(withInput: boolean): Call {
    this.ran = true
    if (withInput) {
      this.#growing.add('input', this.input)
      this.context = this.#growing.frozen()
    }
    enliven(this.context, this)
    return this.context
  }

  /** Ends the call: aborts what still runs, then every `leave` exactly once. The same promise for every caller. */
  settle(ending: Ending, error?: unknown): Promise<unknown> {
    this.#settled ??= this.#settle(ending, error)
    return this.#settled
  }

  async #settle(ending: Ending, error: unknown): Promise<unknown> {
    bury(this.context)
    for (const undo of this.#undo) this.#attempt(undo)
    for (const child of this.#children ?? [])
      this.#attempt(() => child.stop('aborted', new GuardError('aborted', { reason: 'the call it was made for has ended' })))
    if (ending !== 'completed' && !this.controller.signal.aborted) this.#attempt(() => this.controller.abort(error))
    try {
      return await settle(this, ending, error)
    } finally {
      // Only now: whoever closes the guard waits until the last record is written.
      const { lifetime } = this.chain
      lifetime.open.delete(this)
      if (lifetime.open.size === 0) lifetime.drained?.()
    }
  }

  // Whatever goes wrong here, the controls leave.
  #attempt(task: () => void): void {
    try {
      task()
    } catch (failure) {
      tell(this, asRefusal(failure))
    }
  }

  async #arrive(source: Extract<Source, { arrive: unknown }>): Promise<void> {
    const arrival = await this.wait(refusing(() => source.arrive()))
    this.arrival = Object.freeze({ mediaType: arrival.mediaType, body: arrival.body })
  }

  #take(read: () => unknown): void {
    try {
      this.#taken = { input: this.#snapshot(read()) }
    } catch (error) {
      this.#taken = { failure: error }
    }
  }

  #read(): void {
    const { arrival } = this
    if (arrival !== undefined) {
      const source = this.#source
      if ('parse' in source) this.#take(() => source.parse(arrival))
    }
    const taken = this.#taken
    if (taken === undefined) throw new GuardError('payload_invalid', { reason: 'nothing arrived' })
    if ('failure' in taken) throw asRefusal(taken.failure)
    this.input = taken.input
    if (typeof this.plan.action !== 'function' && typeof this.plan.resource !== 'function') return
    const { action, resource } = actionFor(this.plan, this.input)
    this.#growing.resolve(action, resource)
    this.context = this.#growing.frozen()
  }

  #snapshot(value: unknown): unknown {
    return this.plan.codec === undefined ? snapshotJson(value) : this.plan.codec.snapshot(value)
  }

  #grow(index: number, adds: object | undefined | void): void {
    if (adds === undefined) return
    const control = this.chain.controls[index]
    // Read once: what is checked is what is added.
    const own: Readonly<Record<string, unknown>> = { ...adds }
    const growing = this.#growing
    for (const name of Reflect.ownKeys(own)) {
      const isDeclared = typeof name === 'string' && control?.adds.includes(name)
      if (!isDeclared && (typeof name !== 'string' || reserved.includes(name) || entries.includes(name) || name in this.context))
        throw new GuardError('misconfigured', { reason: `control '${control?.name}' may not add '${String(name)}'` })
      growing.add(name, own[name])
      if (name === 'identity') growing.hideCredentials()
    }
    this.context = growing.frozen()
  }

  #checkTask(): void {
    if (this.depth > taskBounds.depth) throw new GuardError('denied', { reason: `a task may be ${taskBounds.depth} calls deep` })
    if (this.root.descendants > taskBounds.breadth) throw new GuardError('denied', { reason: `a task may have ${taskBounds.breadth} calls` })
  }

  // What let in the call that this one is made for binds this one as well: a chain without limits would loosen it.
  #checkLimits(): void {
    if (this.#parent?.context.quota?.carries !== true || this.context.quota?.carries === true) return
    throw new GuardError('obligation_unmet', { reason: 'no control of the chain keeps the limits of the call that this one is made for' })
  }

  #checkObligations(carriedOut: Iterable<string>, complaint: string): void {
    const obligations = this.context.decision?.obligations
    if (obligations === undefined || obligations.length === 0) return
    const types = new Set(carriedOut)
    const unmet = obligations.find((obligation) => !types.has(obligation.type))
    if (unmet !== undefined) throw new GuardError('obligation_unmet', { reason: `${complaint} the obligation '${unmet.type}'` })
  }
}

// What stands behind the scheme.
function secretIn(credentials: Credentials | undefined): string | undefined {
  const { authorization, apiKey } = credentials ?? {}
  return authorization === undefined ? apiKey : authorization.slice(authorization.indexOf(' ') + 1)
}
