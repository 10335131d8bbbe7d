import type { CallOptions } from '../guard/call-options.ts'
import { type Check, isFunction, optional } from '../guard/check-options.ts'
import type { Awaitable, Call, Resource } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { type Guard, mediator, type Mediator } from '../guard/guard.ts'
import { isStream } from '../guard/guarded-parts.ts'
import { liveCall } from '../guard/live-calls.ts'
import { mediate } from '../guard/mediate.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { abandon, isThenable } from '../guard/thenable.ts'
import { toolCall, type LocalToolCall } from '../payload/tool-call.ts'
import type { ArgumentCheck } from './argument-check.ts'

/** Whose authority a tool's calls have. Never from their arguments. */
export interface ToolAuthority {
  /** The live call that all of them are made for, as in a handler that wraps the tools once a request. */
  readonly onBehalfOf?: Call
  /**
   * What comes with one call: `onBehalfOf` or `credentials`, and `approvals`, `attributes`. `extra` is what the framework hands to a tool
   * beside its arguments. Must not wait.
   */
  readonly request?: (extra: unknown, name: string) => CallOptions
  /** What a tool is to policy; `{ type: 'tool', id: name }` unless given. Asked once, when the tool is wrapped. */
  readonly resource?: (name: string) => Resource
}

/** Checks of these options. */
export const authorityChecks: Readonly<Record<keyof ToolAuthority, Check>> = {
  onBehalfOf: [optional((value) => typeof value === 'object' && value !== null), 'a call'],
  request: [optional(isFunction), 'a function'],
  resource: [optional(isFunction), 'a function'],
}

/** One call of a tool, as a framework makes it. */
export interface ToolRun {
  readonly args: unknown
  readonly extra: unknown
  readonly signals: readonly AbortSignal[]
  /** The tool itself, called at most once, with exactly what was authorized. */
  readonly execute: (args: unknown, call: Call) => unknown
}

/** The way to one tool through a guard. */
export class ToolGate {
  readonly #mediator: Mediator
  readonly #name: string
  readonly #check: ArgumentCheck
  readonly #authority: ToolAuthority

  /** @throws TypeError for an incomplete chain, a wrong name or a wrong resource. */
  constructor(guard: Guard, name: string, check: ArgumentCheck, authority: ToolAuthority) {
    if (typeof name !== 'string' || !/^[\w.:/+-]{1,256}$/.test(name))
      throw new TypeError('a tool needs a name of letters, digits and . : / + - _ , of at most 256 characters')
    const { resource = (id: string) => ({ type: 'tool', id }) } = authority
    this.#mediator = mediator(guard, { action: 'execute_tool', resource: resource(name), codec: toolCall }, 'value')
    this.#name = name
    this.#check = check
    this.#authority = authority
  }

  run({ args, extra, signals, execute }: ToolRun): Promise<unknown> {
    const { chain, plan } = this.#mediator
    const copied = copyOnce(args)
    const { options, refusal } = this.#call(extra, signals)
    let checked: unknown
    const source = {
      // Once the caller is known, and not before: what is refused here is recorded, and a stranger's arguments are nobody's work.
      arrive: async () => {
        if (refusal !== undefined) throw refusal
        if ('failure' in copied) throw copied.failure
        checked = await this.#check(copied.value)
        return nothing
      },
      parse: () => ({ name: this.#name, arguments: checked }),
    }
    return mediate(chain, plan, source, options, async (input, call) => {
      const { arguments: own } = input as LocalToolCall
      return (await lastOf(execute(own, call), call.signal)) ?? null
    })
  }

  #call(extra: unknown, signals: readonly AbortSignal[]): { readonly options: CallOptions; readonly refusal?: GuardError } {
    const { onBehalfOf, request } = this.#authority
    try {
      const given: CallOptions = request?.(extra, this.#name) ?? {}
      if (isThenable<unknown>(given)) {
        abandon(given)
        throw new TypeError('options.request: must not be asynchronous')
      }
      const named = onBehalfOf === undefined ? given : { ...given, onBehalfOf }
      if (named.onBehalfOf !== undefined && liveCall(named.onBehalfOf) === undefined)
        return { options: {}, refusal: new GuardError('identity_invalid', { reason: 'the call that a tool is run for has ended, or is none' }) }
      const all = named.signal === undefined ? signals : [...signals, named.signal]
      const [signal] = all
      if (signal === undefined) return { options: named }
      return { options: { ...named, signal: all.length === 1 ? signal : AbortSignal.any([...all]) } }
    } catch (error) {
      return { options: {}, refusal: new GuardError('misconfigured', { reason: "the tool's options failed", cause: error }) }
    }
  }
}

const nothing = Object.freeze({ mediaType: 'application/json', body: new Uint8Array() })

function copyOnce(args: unknown): { readonly value: unknown } | { readonly failure: unknown } {
  try {
    return { value: snapshotJson(args) }
  } catch (error) {
    return { failure: error }
  }
}

/** The signals among what a framework hands to a tool. */
export function signalsIn(extra: unknown): readonly AbortSignal[] {
  if (typeof extra !== 'object' || extra === null) return []
  const { abortSignal, signal } = extra as { readonly abortSignal?: unknown; readonly signal?: unknown }
  return [abortSignal, signal].filter((each): each is AbortSignal => each instanceof AbortSignal)
}

/**
 * What a tool comes to in the end. What it says on the way, as tools of the AI SDK may, goes nowhere: half a secret is none that a
 * detector would know.
 */
async function lastOf(answer: unknown, signal: AbortSignal): Promise<unknown> {
  const value = await (answer as Awaitable<unknown>)
  if (!isStream(value)) return value
  if (!(Symbol.asyncIterator in value) || value instanceof ReadableStream) {
    abandon((value as ReadableStream<unknown>).cancel())
    throw new GuardError('payload_unsupported', { reason: 'the result of a tool as a stream of bytes' })
  }
  const parts = value[Symbol.asyncIterator]()
  const leave = (): void => abandon(parts.return?.())
  signal.addEventListener('abort', leave, { once: true })
  try {
    if (signal.aborted) leave()
    let last: unknown
    for (;;) {
      const { done, value: part } = await parts.next()
      if (done === true) return last
      last = part
    }
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
