import type { CallOptions } from '../guard/call-options.ts'
import { type Check, isFunction, optional } from '../guard/check-options.ts'
import type { Call } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { liveCall } from '../guard/live-calls.ts'
import { abandon, isThenable } from '../guard/thenable.ts'

/** Whose authority the calls of a tool or a retriever have. Never from their arguments. At most one of the two. */
export interface ToolAuthority {
  /** The live call that all of them are made for, as in a handler that wraps the tools once a request. */
  readonly onBehalfOf?: Call
  /**
   * What comes with one call: `onBehalfOf` or `credentials`, and `approvals`, `attributes`. `extra` is what the framework hands over
   * beside the arguments. Must not wait.
   */
  readonly request?: (extra: unknown, name: string) => CallOptions
}

/** Checks of these options. */
export const authorityChecks: Readonly<Record<keyof ToolAuthority, Check>> = {
  onBehalfOf: [optional((value) => typeof value === 'object' && value !== null), 'a call'],
  request: [optional(isFunction), 'a function'],
}

/** @throws TypeError for two authorities. */
export function checkAuthority(factory: string, { onBehalfOf, request }: ToolAuthority): void {
  if (onBehalfOf !== undefined && request !== undefined)
    throw new TypeError(`${factory}: onBehalfOf and request exclude each other: a call has one authority`)
}

/** What comes with one call, or why it must be refused: where the refusal is recorded, and not here. */
export function callFor(
  { onBehalfOf, request }: ToolAuthority,
  extra: unknown,
  name: string,
  signals: readonly AbortSignal[],
): { readonly options: CallOptions; readonly refusal?: GuardError } {
  try {
    const given: CallOptions = request?.(extra, name) ?? {}
    if (isThenable<unknown>(given)) {
      abandon(given)
      throw new TypeError('options.request: must not be asynchronous')
    }
    const named = onBehalfOf === undefined ? given : { ...given, onBehalfOf }
    if (named.onBehalfOf !== undefined && liveCall(named.onBehalfOf) === undefined)
      return { options: {}, refusal: new GuardError('identity_invalid', { reason: 'the call that this one is made for has ended, or is none' }) }
    const all = named.signal === undefined ? signals : [...signals, named.signal]
    const [signal] = all
    if (signal === undefined) return { options: named }
    return { options: { ...named, signal: all.length === 1 ? signal : AbortSignal.any([...all]) } }
  } catch (error) {
    return { options: {}, refusal: new GuardError('misconfigured', { reason: 'what comes with the call could not be had', cause: error }) }
  }
}

/** The signals among what a framework hands to a tool. */
export function signalsIn(extra: unknown): readonly AbortSignal[] {
  if (typeof extra !== 'object' || extra === null) return []
  const { abortSignal, signal } = extra as { readonly abortSignal?: unknown; readonly signal?: unknown }
  return [abortSignal, signal].filter((each): each is AbortSignal => each instanceof AbortSignal)
}

/** What a framework hands over beside the arguments, with these members more. An object of a class stays as it is: it has methods. */
export function beside(extra: unknown, own: object): unknown {
  if (extra === undefined || extra === null) return own
  if (typeof extra !== 'object') return extra
  const prototype: unknown = Object.getPrototypeOf(extra)
  return prototype === null || prototype === Object.prototype ? { ...extra, ...own } : extra
}
