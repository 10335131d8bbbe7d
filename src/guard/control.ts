import type { Clock } from './clock.ts'
import type { Codec } from './codec.ts'
import type { Awaitable, Call, Decision, Obligation, Resource, Settled } from './context.ts'
import type { GuardError } from './errors.ts'

/** A request as it came over a wire, before anything read it. */
export interface Arrival {
  readonly mediaType: string
  readonly body: Uint8Array
}

/** How a call ended. */
export interface Outcome {
  /**
   * - `completed`: the last part was delivered
   * - `refused`: a control refused, before the function or while its answer streamed
   * - `failed`: the function or a control threw something else
   * - `aborted`: the caller gave up
   * - `left`: the reader left a stream early, or never began to read it
   * - `deadline`: it took too long
   */
  readonly ending: 'completed' | 'refused' | 'failed' | 'aborted' | 'left' | 'deadline'
  readonly error?: unknown
  /** Whether the function was called at all. */
  readonly ran: boolean
  readonly streamed: boolean
  /** Parts that reached the caller. */
  readonly parts: number
  /** Milliseconds since the call began. */
  readonly elapsed: number
  /**
   * The duties that came with policy's denial, where it was policy that refused and any did: for the controls that claim them
   * with `fulfills`. Say `step.fulfill` of each that was carried out.
   */
  readonly obligations?: readonly Obligation[]
}

/** Seals a text for the caller, with its media type and the status that it is sent with. */
export type SealAnswer = (text: string, mediaType: string, status: number) => Promise<{ readonly mediaType: string; readonly body: string }>

/** What the engine does for controls during one call. One object a call, so a control may key private state on it. */
export interface Step {
  readonly clock: Clock
  /** How to read the payload. Undefined where the operation named none and no control of the chain brought one. */
  readonly codec: Codec | undefined
  /** The engine's copy of the input; undefined until it could be read (before an `opens` control has run). */
  readonly input: unknown
  /** The undelivered request of a server adapter; undefined under `protect`. */
  readonly arrival: Arrival | undefined
  /** Whether a client's own retry arrived, of what was counted as a request before. Only an adapter can say so. */
  readonly isRetry: boolean
  /** Whether the answer is a stream; known from the `response` phase on. */
  readonly streamed: boolean
  /** Obligations that were carried out, by the controls that did it. */
  readonly fulfilled: readonly string[]
  /**
   * The hash of the credential that the call came with, as RFC 9449, section 4.3 makes it: SHA-256 over the token, or over
   * the API key, in base64url. Undefined where it came with none. The credential itself cannot be had.
   */
  ath(): Promise<string> | undefined
  /** What the caller brought to prove that this very call was approved: texts that nobody has judged. */
  readonly approvals: readonly string[]
  /** What was said, while the function ran, for the record of how the call ended. */
  readonly notes: readonly string[]
  /** Adds a header field to the answer, where one goes over HTTP. The name in lower case; nothing of a caller's in the value. */
  answerField(name: string, value: string): void
  /** The status of the answer, where one goes over HTTP; known from the `response` phase on, and 200 where nobody said otherwise. */
  readonly answerStatus: number
  /**
   * For a control that `opens`: what the arrival contains.
   *
   * @param seal seals what no `response` phase sees: refusals, errors, and answers without a body.
   */
  open(arrival: Arrival, seal?: SealAnswer): void
  /** Says that an obligation of this type was carried out. */
  fulfill(type: string): void
  /** Runs after the last `request` and before the function, which waits for it; what an `enter` wants before what a `request` wants. */
  beforeRun(task: () => Awaitable<void>): void
  /**
   * Runs each time that another 64 KiB of a streamed answer are about to be delivered, which wait for it: beside a timer, so that no stream is
   * quicker than what is checked again while it runs.
   */
  onDelivery(task: () => Awaitable<void>): void
  /** Ends the running call with a refusal, at once. Later calls change nothing. */
  end(error: GuardError): void
}

/**
 * What a control does, and when. Every phase is optional. What a phase throws refuses the call; throw a `GuardError` to
 * say why.
 */
export interface Phases<Needs extends Call, Adds extends object> {
  /** Decides, and adds to the context; runs outermost first, all of them before the first `request`. */
  enter?(call: Needs, step: Step): Awaitable<Adds | undefined | void>
  /** Rewrites what goes in: return the new input, or `undefined` to leave it. Outermost first. */
  request?(input: unknown, context: Needs & Adds, call: Settled, step: Step): Awaitable<unknown>
  /** Rewrites what comes out, part by part; a whole answer is a stream of one part. Innermost first. */
  response?(parts: AsyncIterable<unknown>, context: Needs & Adds, call: Settled, step: Step): AsyncIterable<unknown>
  /** Runs exactly once for each control that was entered, however the call ended. Innermost first. */
  leave?(outcome: Outcome, context: Needs & Partial<Adds>, call: Settled, step: Step): Awaitable<void>
}

/** What a control says of itself, beside its phases. */
export interface ControlOptions<Adds extends object> {
  /** Names of context entries that must be there before it. */
  readonly needs?: readonly string[]
  /** Names of context entries that it adds. A built-in's name is a `TypeError`. */
  readonly adds?: readonly (keyof Adds & string)[]
  /** Types of obligations that it carries out. */
  readonly fulfills?: readonly string[]
  /** Plain data for `guard.describe()`. Never a secret. */
  readonly describe?: Readonly<Record<string, unknown>>
}

declare const types: unique symbol

/** A control that a guard can use. Made by `control()` or by a factory of this package. */
export interface Control<in Needs extends Call = Call, out Adds extends object = object> {
  readonly name: string
  readonly phases: Phases<never, object>
  readonly needs: readonly string[]
  readonly adds: readonly string[]
  readonly fulfills: readonly string[]
  readonly details: Readonly<Record<string, unknown>>
  /** Built-in traits; own controls have none of them. */
  readonly traits: Traits
  /** For the compiler alone. @internal */
  readonly [types]?: { needs: (call: Needs) => void; adds: Adds }
}

/** What the engine must know of a built-in control. */
export interface Traits {
  /** Whether its `enter` opens sealed arrivals, so that the input is read after it and not before. */
  readonly opens?: boolean
  /** Works on bytes from a wire only: `protect` refuses a chain with it. */
  readonly wireOnly?: boolean
  /** Whether its `request` or `response` changes payloads, so that mere admission would be a lie. */
  readonly rewrites?: boolean
  /** Whether its `request` comes after those of all others and its `response` before theirs, wherever it stands: who seals a part of a payload leaves nothing to read. */
  readonly innermost?: boolean
  /** Reads payloads of shapes that the operation did not name. */
  readonly codec?: Codec
  /** Types of obligations that its decisions may carry, where that can be known beforehand. */
  readonly obliges?: readonly string[]
  /** Asks policy about something else within a call that it has let in: the same caller, the same circumstances, no new call. */
  readonly asks?: (call: Settled, step: Step, action: string, resource: Resource) => Awaitable<Decision>
  /** Called when the guard closes. */
  readonly close?: () => Awaitable<void>
}

/** What only controls of this package add. */
export const entries: readonly string[] = ['entry', 'identity', 'sealed', 'quota', 'decision', 'masked']

/**
 * Makes a control of one's own.
 *
 * ```ts
 * const office = control('office-hours', {
 *   enter: (call) => { if (new Date(call.startedAt).getUTCHours() < 8) throw new GuardError('denied') },
 * })
 * ```
 *
 * @throws TypeError for a wrong name or option, and where `adds` has a built-in's name: a control must not be able to
 * forge an identity.
 */
export function control<Needs extends Call = Call, Adds extends object = object>(
  name: string,
  phases: Phases<Needs, Adds>,
  options: ControlOptions<Adds> = {},
): Control<Needs, Adds> {
  const forged = options.adds?.find((entry) => entries.includes(entry) || reserved.includes(entry))
  if (forged !== undefined) throw new TypeError(`control('${name}'): '${forged}' is a built-in's name and cannot be added`)
  return builtIn(name, phases, options, {})
}

/** What the engine itself puts into a context. */
export const reserved: readonly string[] = [
  'id',
  'task',
  'startedAt',
  'guard',
  'action',
  'resource',
  'attributes',
  'signal',
  'parent',
  'credentials',
  'channel',
  'trace',
  'input',
  '__proto__',
]

/** Makes a control that may add a built-in's entry. Not part of the public surface. */
export function builtIn<Needs extends Call, Adds extends object>(
  name: string,
  phases: Phases<Needs, Adds>,
  options: ControlOptions<Adds>,
  traits: Traits,
): Control<Needs, Adds> {
  if (typeof name !== 'string' || name === '') throw new TypeError('control(): the name must be a non-empty string')
  if (typeof phases !== 'object' || phases === null) throw new TypeError(`control('${name}'): phases must be an object`)
  const { enter, request, response, leave } = phases
  for (const [phase, value] of Object.entries({ enter, request, response, leave }))
    if (value !== undefined && typeof value !== 'function') throw new TypeError(`control('${name}'): ${phase} must be a function`)
  const needs = Object.freeze([...(options.needs ?? [])])
  const adds = Object.freeze([...(options.adds ?? [])])
  const fulfills = Object.freeze([...(options.fulfills ?? [])])
  const own = Object.freeze({
    ...(enter && { enter: enter.bind(phases) }),
    ...(request && { request: request.bind(phases) }),
    ...(response && { response: response.bind(phases) }),
    ...(leave && { leave: leave.bind(phases) }),
  }) as Phases<never, object>
  const made: Control<Needs, Adds> = Object.freeze({
    name,
    phases: own,
    needs,
    adds,
    fulfills,
    details: Object.freeze({ ...options.describe }),
    traits: Object.freeze({ ...traits }),
  })
  genuine.add(made)
  return made
}

// A control is taken only when it was made here: a look-alike object could change its phases after the check.
const genuine = new WeakSet<object>()

/** Whether a value was made by `control()` or a factory of this package. */
export function isControl(value: unknown): value is Control<never, object> {
  return typeof value === 'object' && value !== null && genuine.has(value)
}

/**
 * A part of an answer after it was sealed: text for the wire that nothing further out can read. Server adapters write it
 * as it is.
 */
export class SealedPart {
  readonly mediaType: string
  readonly body: string

  constructor(mediaType: string, body: string) {
    this.mediaType = mediaType
    this.body = body
    Object.freeze(this)
  }
}
