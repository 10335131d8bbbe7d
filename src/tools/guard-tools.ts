import { type Check, checkOptions, isFunction, optional } from '../guard/check-options.ts'
import type { Call, Resource } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { Guard } from '../guard/guard.ts'
import type { Unprotected } from '../guard/order.ts'
import { type ArgumentCheck, argumentCheck, type Validate } from './argument-check.ts'
import { toolForm, type ToolForm } from './tool-form.ts'
import { authorityChecks, beside, checkAuthority, signalsIn, type ToolAuthority } from './tool-authority.ts'
import { ToolGate } from './tool-gate.ts'

/** Options of `guardTools`. */
export interface GuardToolsOptions extends ToolAuthority {
  /**
   * Makes a test of a tool's JSON Schema, such as `(schema) => ajv.compile(schema)`. Unless given, the words that tools use are checked
   * here, and a schema with any other, such as `pattern`, is a TypeError.
   */
  readonly validate?: Validate
  /** What a tool is to policy; `{ type: 'tool', id: name }` unless given. Asked once, when the tool is wrapped. */
  readonly resource?: (name: string) => Resource
}

/** Tools as their libraries write them down: a set by name, or a list. */
export type Tools = Readonly<Record<string, object>> | readonly object[]

const checks: Readonly<Record<keyof GuardToolsOptions, Check>> = {
  ...authorityChecks,
  validate: [optional(isFunction), 'a function'],
  resource: [optional(isFunction), 'a function'],
}

/**
 * The same tools behind the controls of a guard: tool sets of the AI SDK (5, 6, 7), function tools of OpenAI's client (also of
 * `zodFunction`) and of its Agents, tools of Anthropic's tool runner, and plain objects `{ name, schema | parameters, execute }`.
 *
 * - Action `execute_tool`, resource `{ type: 'tool', id: name }`.
 * - The arguments are copied once and checked by the tool's own schema (any Standard Schema, what the AI SDK makes of one, a JSON Schema)
 *   before policy is asked; the function gets exactly what was authorized, frozen. A schema that makes something of what it
 *   is given must take that as well, and give JSON. A tool without a schema is a TypeError.
 * - The caller is the call that `onBehalfOf` or `request` names, and never what the arguments say. Without either nobody is.
 * - The function finds its call as `call` in what it is given beside its arguments, and `abortSignal` and `signal` are the call's.
 * - Approvals are for exactly these arguments. A refusal is thrown as a `GuardError`; its message is fixed and may be shown to a model.
 * - A result is any JSON, times and addresses as texts, and goes out through the controls; `undefined` becomes `null`. Of a
 *   tool that gives several results on the way, the last one is given.
 *
 * A tool that does not run here is a TypeError: nothing of it could be guarded.
 *
 * ```ts
 * const tools = guardTools(base, { weather }, { onBehalfOf: call })
 * ```
 *
 * @throws TypeError for an incomplete chain, a tool that is none, two of one name, and wrong options.
 */
export function guardTools<C extends Call, T extends Tools>(
  guard: Guard<C> & ([Unprotected<C>] extends [never] ? unknown : Unprotected<C>),
  tools: T,
  options: GuardToolsOptions = {},
): T {
  checkOptions('guardTools', options, checks)
  const { validate, resource = (id: string) => ({ type: 'tool', id }), ...authority } = options
  checkAuthority('guardTools', authority)
  const names = new Set<string>()
  const wrap = (tool: unknown, key: string | undefined, place: string): object => {
    const form = toolForm(tool, place)
    // A set calls its tools by their keys, whatever they call themselves.
    const name = key ?? form.name
    if (name === undefined) throw new TypeError(`guardTools: ${place} has no name`)
    if (names.has(name)) throw new TypeError(`guardTools: two tools are called '${name}'`)
    names.add(name)
    return guarded(new ToolGate(guard, { name, resource: resource(name), check: checkOf(form, name, validate), authority }), form)
  }
  if (Array.isArray(tools)) return tools.map((tool, index) => wrap(tool, undefined, `tool ${index}`)) as unknown as T
  if (typeof tools !== 'object' || tools === null) throw new TypeError('guardTools: give a set or a list of tools')
  return Object.fromEntries(Object.entries(tools).map(([key, tool]) => [key, wrap(tool, key, `the tool '${key}'`)])) as unknown as T
}

function checkOf({ schema, parse }: ToolForm, name: string, validate: Validate | undefined): ArgumentCheck {
  if (parse === undefined) return argumentCheck(schema, name, validate)
  const read = (args: unknown): unknown => {
    try {
      return parse(JSON.stringify(args))
    } catch (error) {
      throw new GuardError('payload_invalid', { reason: "the tool's schema refuses the arguments", cause: error })
    }
  }
  if (schema === undefined) return read
  // Some read whatever they are given, so that their schema alone says what may be.
  const check = argumentCheck(schema, name, validate)
  return async (args) => read(await check(args))
}

function guarded(gate: ToolGate, form: ToolForm): object {
  return form.around(async (...parameters) => {
    let extra: unknown
    let args: unknown
    try {
      ;({ args, extra } = form.read(parameters))
    } catch (error) {
      // In the arguments' place, so that it is refused where refusals are recorded.
      args = new Unreadable(error)
    }
    return gate.run({
      args,
      extra,
      signals: signalsIn(extra),
      execute: (own, call) => form.execute(...form.write(parameters, own, beside(extra, { call, signal: call.signal, abortSignal: call.signal }))),
    })
  })
}

/** Stands for arguments that could not be read: no copy of it can be made. */
class Unreadable {
  readonly cause: unknown

  constructor(cause: unknown) {
    this.cause = cause
  }
}
