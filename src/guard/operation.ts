import type { Codec } from './codec.ts'
import type { Attributes, Resource } from './context.ts'
import type { Arrival, SealAnswer } from './control.ts'
import { GuardError } from './errors.ts'
import { snapshotJson } from './snapshot.ts'
import { abandon } from './thenable.ts'

/** What is done to what. The answer to the question that policy is asked. */
export interface Operation<I = unknown> {
  /**
   * An OpenTelemetry GenAI operation name where one fits (`chat`, `embeddings`, `execute_tool`, ...), else a verb of the
   * life cycle (`train`, `deploy`, ...). A value, or a function of the engine's own copy of the input.
   */
  readonly action: string | OfInput<I, string>
  /** What it is done to. A value, or a function of the same copy; its `properties` come from the application's own look-up. */
  readonly resource: Resource | OfInput<I, Resource>
  /** How to read the payload. `'auto'` (the default) decides by shape. */
  readonly codec?: Codec | 'auto'
  /** What the application states of every such call: `context.*` in policy. */
  readonly attributes?: Attributes
}

/**
 * A function of the input. Written as a method, so that the compiler, which looks at an operation before it knows what the
 * guarded function takes, accepts one that knows more of its input than nothing.
 */
type OfInput<I, T> = { of(input: I): T }['of']

/** Where a call's input comes from: a value, or bytes that arrive over a wire and are read only once a caller is known. */
export type Source =
  | {
      readonly value: unknown
      readonly isRetry?: () => boolean
    }
  | {
      readonly arrive: () => Arrival | Promise<Arrival>
      readonly parse: (arrival: Arrival) => unknown
      /** Told how whatever is answered must be sealed, once it is known. */
      readonly sealWith?: (seal: SealAnswer) => void
      /** Whether this is a client's second attempt at what was counted before; known once it has arrived. */
      readonly isRetry?: () => boolean
    }

/** An operation, parsed and copied. */
export interface Planned {
  readonly action: string | ((input: unknown) => string)
  readonly resource: Resource | ((input: unknown) => Resource)
  readonly codec: Codec | undefined
  readonly attributes: Attributes
}

const unresolved: Resource = Object.freeze({ type: 'unresolved', id: 'unresolved' })

/** Parses and copies an operation. @throws TypeError where it is wrong. */
export function planOperation(operation: Operation<never>, fallback: Codec | undefined): Planned {
  if (typeof operation !== 'object' || operation === null) throw new TypeError('operation: must be an object with action and resource')
  const unknown = Object.keys(operation).filter((name) => !['action', 'resource', 'codec', 'attributes'].includes(name))
  if (unknown.length > 0) throw new TypeError(`operation: there is no member ${unknown.join(', ')}`)
  const { action, resource, codec = 'auto', attributes = {} } = operation
  if (typeof action !== 'function' && !isName(action))
    throw new TypeError(`operation.action: must be a string of 1 to ${maxName} characters or a function of the input`)
  if (codec !== 'auto' && (typeof codec !== 'object' || codec === null || typeof codec.snapshot !== 'function'))
    throw new TypeError("operation.codec: must be a codec or 'auto'")
  return Object.freeze({
    action: action as Planned['action'],
    resource: typeof resource === 'function' ? (resource as Planned['resource']) : asTypeError('operation.resource', () => copyResource(resource)),
    codec: codec === 'auto' ? fallback : (codec as unknown as Codec),
    attributes: asTypeError('operation.attributes', () => copyAttributes(attributes)),
  })
}

/** What is known of the action before the input could be read. */
export function actionBefore(plan: Planned): { readonly action: string; readonly resource: Resource } {
  return {
    action: typeof plan.action === 'function' ? 'unresolved' : plan.action,
    resource: typeof plan.resource === 'function' ? unresolved : plan.resource,
  }
}

/** The action and the resource for this input. @throws GuardError `misconfigured` where the operation yields nonsense. */
export function actionFor(plan: Planned, input: unknown): { readonly action: string; readonly resource: Resource } {
  try {
    const action = typeof plan.action === 'function' ? plan.action(input) : plan.action
    const resource: unknown = typeof plan.resource === 'function' ? plan.resource(input) : undefined
    abandon(action)
    abandon(resource)
    if (!isName(action)) throw noName('the action', action)
    return { action, resource: typeof plan.resource === 'function' ? copyResource(resource) : plan.resource }
  } catch (error) {
    if (error instanceof GuardError && error.code === 'payload_too_large') throw error
    throw new GuardError('misconfigured', { reason: 'the operation could not be evaluated', cause: error })
  }
}

/** Copies attributes. @throws GuardError where they are not a record of JSON values. */
export function copyAttributes(value: unknown): Attributes {
  const own = snapshotJson(value)
  if (typeof own !== 'object' || own === null || Array.isArray(own)) throw new TypeError('attributes must be a record')
  return own as Attributes
}

/** Why the rewritten input is no longer what was authorized; undefined where it still is. */
export function drift(plan: Planned, authorized: { action: string; resource: Resource }, before: unknown, after: unknown): string | undefined {
  if (typeof plan.action === 'function' || typeof plan.resource === 'function') {
    const now = actionFor(plan, after)
    if (now.action !== authorized.action) return 'the action'
    if (JSON.stringify(now.resource) !== JSON.stringify(authorized.resource)) return 'the resource'
  }
  if (before === after || plan.codec === undefined) return undefined
  const was = plan.codec.facts(before)
  const is = plan.codec.facts(after)
  if (was.model !== is.model) return 'the model'
  if (was.choices !== is.choices) return 'the number of answers'
  if (JSON.stringify(was.external) !== JSON.stringify(is.external)) return 'what lies or runs at the vendor'
  return JSON.stringify(was.tools) === JSON.stringify(is.tools) ? undefined : 'the tools'
}

function copyResource(value: unknown): Resource {
  const own = snapshotJson(value)
  if (typeof own !== 'object' || own === null || !('type' in own) || !('id' in own)) throw new TypeError('the resource needs a type and an id')
  if (!isName(own.type)) throw noName("the resource's type", own.type)
  if (!isName(own.id)) throw noName("the resource's id", own.id)
  return own as unknown as Resource
}

/** A name may be made of the input, and stands in records, in keys of limits and in policy: it must stay one. */
const maxName = 1_024

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxName
}

// What is too long comes from an input, and what is no name from the application.
function noName(what: string, value: unknown): Error {
  if (typeof value === 'string' && value !== '') return new GuardError('payload_too_large', { reason: `${what} has more than ${maxName} characters` })
  return new TypeError(`${what} is not a non-empty string`)
}

/** Runs what reads the application's own values: what it refuses there is a programming mistake, and those are TypeErrors. */
export function asTypeError<T>(what: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new TypeError(`${what}: must be JSON values of the documented shape`, { cause: error })
  }
}
