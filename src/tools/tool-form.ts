import { GuardError } from '../guard/errors.ts'
import { parseJson } from '../payload/strict-json.ts'

/** How one library writes its tools down: where the name, the schema and the function are, and what the function is called with. */
export interface ToolForm {
  readonly name: string | undefined
  /** Undefined where `parse` alone says what the arguments must be. */
  readonly schema: unknown
  /** Reads arguments as the library itself does, from their JSON; its result is what runs. */
  readonly parse?: (json: string) => unknown
  /** The arguments and what comes beside them. */
  readonly read: (parameters: readonly unknown[]) => { readonly args: unknown; readonly extra: unknown }
  /** What the tool's own function is called with. */
  readonly write: (parameters: readonly unknown[], args: unknown, extra: unknown) => readonly unknown[]
  readonly execute: (...parameters: readonly unknown[]) => unknown
  /** The same tool around another function. */
  readonly around: (execute: (...parameters: readonly unknown[]) => Promise<unknown>) => object
}

type Members = Readonly<Record<string, unknown>>

/** Recognises a tool. @throws TypeError for what is none, and for one that does not run here. */
export function toolForm(tool: unknown, place: string): ToolForm {
  if (typeof tool !== 'object' || tool === null) throw new TypeError(`guardTools: ${place} is no tool`)
  const members = tool as Members
  if (members.$brand === 'auto-parseable-tool') return parseable(members, place)
  if (isFunction(members.execute)) return executed(members, members.execute)
  if (members.type === 'function' && typeof members.function === 'object' && members.function !== null)
    return runnable(members, members.function as Members, place)
  if (members.type === 'function' && isFunction(members.invoke)) return invoked(members, members.invoke)
  if (isFunction(members.run) && 'input_schema' in members) return run(members, members.run)
  throw new TypeError(`guardTools: ${place} has no function that runs here: leave out what runs elsewhere, and allow it by policy`)
}

const inOrder = ([args, extra]: readonly unknown[]) => ({ args, extra })
const asGiven = ([, , ...more]: readonly unknown[], args: unknown, extra: unknown): readonly unknown[] => [args, extra, ...more]

// The AI SDK's tools, and plain ones.
function executed(members: Members, execute: Run): ToolForm {
  return {
    name: nameIn(members),
    schema: members.inputSchema ?? members.parameters ?? members.schema,
    read: inOrder,
    write: asGiven,
    execute: execute.bind(members),
    around: (own) => withMember(members, 'execute', own),
  }
}

// OpenAI's client: `runTools`. Without `parse`, its functions get the arguments as text.
function runnable(members: Members, described: Members, place: string): ToolForm {
  const { function: execute, parameters, parse } = described
  if (!isFunction(execute)) throw new TypeError(`guardTools: ${place} has no function that runs here`)
  const isText = !isFunction(parse)
  return {
    name: nameIn(described) ?? (execute.name === '' ? undefined : execute.name),
    schema: parameters,
    read: ([args, extra]) => ({ args: isText ? parsed(args) : args, extra }),
    write: ([, , ...more], args, extra) => [isText ? JSON.stringify(args) : args, extra, ...more],
    execute: execute.bind(described),
    around: (own) => withMember(members, 'function', withMember({ ...described, name: nameIn(described) ?? execute.name }, 'function', own)),
  }
}

// What OpenAI's `zodFunction` makes: its reader stands in members that do not show.
function parseable(members: Members, place: string): ToolForm {
  const { $callback, $parseRaw, function: described } = members
  if (!isFunction($callback) || !isFunction($parseRaw)) throw new TypeError(`guardTools: ${place} has no function that runs here`)
  return {
    name: nameIn(described as Members),
    schema: undefined,
    parse: (json) => $parseRaw.call(members, json),
    read: inOrder,
    write: asGiven,
    execute: $callback.bind(members),
    around: (own) => withMember(members, '$callback', own),
  }
}

// OpenAI's Agents: the arguments are a text, behind the context of the run.
function invoked(members: Members, invoke: Run): ToolForm {
  return {
    name: nameIn(members),
    schema: members.parameters,
    read: ([extra, args]) => ({ args: parsed(args), extra }),
    write: ([, , ...more], args, extra) => [extra, JSON.stringify(args), ...more],
    execute: invoke.bind(members),
    around: (own) => withMember(members, 'invoke', own),
  }
}

// Anthropic's tool runner.
function run(members: Members, execute: Run): ToolForm {
  const { parse } = members
  return {
    name: nameIn(members),
    schema: members.input_schema,
    ...(isFunction(parse) && { parse: (json: string) => parse.call(members, JSON.parse(json)) }),
    read: inOrder,
    write: asGiven,
    execute: execute.bind(members),
    around: (own) => withMember(members, 'run', own),
  }
}

type Run = (...parameters: readonly unknown[]) => unknown

function isFunction(value: unknown): value is Run {
  return typeof value === 'function'
}

function nameIn({ name }: Members): string | undefined {
  return typeof name === 'string' && name !== '' ? name : undefined
}

// As strictly as what arrives over a wire: of two members with one name nobody knows which one runs.
function parsed(args: unknown): unknown {
  if (typeof args !== 'string') throw new GuardError('payload_invalid', { reason: 'the arguments of a tool are no text' })
  return args === '' ? {} : parseJson(args)
}

// Members that do not show are some libraries' marks.
function withMember(members: Members, name: string, value: unknown): object {
  const { [name]: before, ...others } = Object.getOwnPropertyDescriptors(members)
  const own: object = Object.create(Object.getPrototypeOf(members) as object | null, others)
  return Object.defineProperty(own, name, { value, enumerable: before?.enumerable ?? true })
}
