import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { isFinished } from './openai-chat-answer.ts'
import { isRecord } from './shape.ts'
import { parseJson } from './strict-json.ts'

/** What one stream may make us hold: characters of tool calls that are not complete, and calls altogether. */
const bounds = { characters: 1024 * 1024, calls: 1024 } as const

// What every part of one streamed answer repeats.
const envelope: readonly string[] = ['id', 'object', 'created', 'model', 'service_tier', 'system_fingerprint', 'provider']

type Part = Readonly<Record<string, unknown>>

/** A tool call whose deltas are being joined. */
interface OpenCall {
  readonly choice: number
  /** `undefined` for the call of a function as it was written before there were tools. */
  readonly index: number | undefined
  id?: string
  type?: string
  name?: string
  /** Absent where no delta had any. */
  arguments?: string
  input?: string
  /** Characters of it, altogether. */
  held: number
}

/**
 * Joins the deltas of each tool call into one delta in a part of its own; everything else passes as it comes. A call is
 * given on when it is complete: when the next one of its choice begins and its arguments are whole JSON, when its
 * choice finishes, or when the stream ends.
 *
 * @throws GuardError `payload_too_large` where more than 1 Mi characters, or 1,024 calls, would have to be held, and
 * `payload_invalid` where a call goes on after it was complete.
 */
export async function* assembleChunks(parts: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  const calls = new Calls()
  let last: Part | undefined
  for await (const part of parts) {
    if (!isRecord(part) || !Array.isArray(part.choices)) {
      yield part
      continue
    }
    last = part
    const rest = withoutCalls(part, calls)
    for (const call of calls.takeComplete()) yield partOf(part, call)
    if (rest !== undefined) yield rest
  }
  for (const call of calls.takeAll()) yield partOf(last ?? {}, call)
}

class Calls {
  readonly #open = new Map<string, OpenCall>()
  readonly #current = new Map<number, OpenCall>()
  readonly #given = new Set<string>()
  readonly #complete: OpenCall[] = []
  #characters = 0

  add(choice: number, index: number | undefined, piece: Part): void {
    const key = `${choice}/${index ?? ''}`
    const call = this.#open.get(key) ?? this.#begin(key, choice, index, piece)
    if (call === undefined) return
    this.#join(call, 'id', piece.id)
    this.#join(call, 'type', piece.type)
    for (const source of index === undefined ? [piece] : [piece.function, piece.custom]) {
      if (!isRecord(source)) continue
      this.#join(call, 'name', source.name)
      this.#join(call, 'arguments', source.arguments)
      this.#join(call, 'input', source.input)
    }
  }

  /** Nothing more comes for this choice. */
  finish(choice: number): void {
    for (const [key, call] of this.#open) if (call.choice === choice) this.#give(key, call)
  }

  takeComplete(): OpenCall[] {
    return this.#complete.splice(0)
  }

  takeAll(): OpenCall[] {
    for (const [key, call] of this.#open) this.#give(key, call)
    return this.takeComplete()
  }

  #begin(key: string, choice: number, index: number | undefined, piece: Part): OpenCall | undefined {
    if (this.#given.has(key)) {
      if (isEmpty(piece)) return undefined
      throw new GuardError('payload_invalid', { reason: 'a tool call goes on after it was complete' })
    }
    // Only the one that began last, and only when a new one begins: each is looked at once. Vendors that write
    // several calls at the same time leave incomplete ones behind, which then wait for the end.
    const before = this.#current.get(choice)
    if (before !== undefined && isWhole(before)) this.#give(`${choice}/${before.index ?? ''}`, before)
    if (this.#open.size + this.#given.size >= bounds.calls) throw new GuardError('payload_too_large', { reason: 'too many tool calls in one answer' })
    const call: OpenCall = { choice, index, held: 0 }
    this.#open.set(key, call)
    this.#current.set(choice, call)
    return call
  }

  #give(key: string, call: OpenCall): void {
    this.#open.delete(key)
    this.#given.add(key)
    this.#current.delete(call.choice)
    this.#characters -= call.held
    this.#complete.push(call)
  }

  #join(call: OpenCall, member: 'id' | 'type' | 'name' | 'arguments' | 'input', value: unknown): void {
    if (typeof value !== 'string') return
    call.held += value.length
    this.#characters += value.length
    if (this.#characters > bounds.characters)
      throw new GuardError('payload_too_large', { reason: 'the tool calls of an answer are too long to hold' })
    if (member === 'arguments' || member === 'input') call[member] = (call[member] ?? '') + value
    // The rest comes whole; some vendors repeat it with every piece, others repeat it empty.
    else if (value !== '') call[member] = value
  }
}

function isWhole(call: OpenCall): boolean {
  if (call.input !== undefined) return true
  try {
    parseJson(call.arguments ?? '')
    return true
  } catch {
    return false
  }
}

function isEmpty(piece: Part): boolean {
  const source = isRecord(piece.function) ? piece.function : isRecord(piece.custom) ? piece.custom : piece
  return (source.arguments ?? '') === '' && (source.input ?? '') === ''
}

// What is left of a part when its pieces of tool calls are taken out; undefined where that is nothing.
function withoutCalls(part: Part, calls: Calls): Part | undefined {
  const choices = part.choices as readonly unknown[]
  let kept: unknown[] | undefined
  for (let position = 0; position < choices.length; position++) {
    const choice = choices[position]
    const rest = isRecord(choice) ? withoutCallsOfChoice(choice, calls) : choice
    if (rest === choice) kept?.push(choice)
    else {
      kept ??= choices.slice(0, position)
      if (rest !== undefined) kept.push(rest)
    }
  }
  if (kept === undefined) return part
  if (kept.length === 0 && !saysMore(part, ['choices', 'obfuscation', ...envelope])) return undefined
  return Object.freeze({ ...part, choices: Object.freeze(kept) })
}

function withoutCallsOfChoice(choice: Part, calls: Calls): Part | undefined {
  const index = Number(choice.index)
  const delta = choice.delta
  let rest: Part | undefined = choice
  if (isRecord(delta) && (isPresent(delta.tool_calls) || isPresent(delta.function_call))) {
    const { tool_calls: toolCalls, function_call: functionCall, ...others } = delta
    if (Array.isArray(toolCalls)) for (const piece of toolCalls) if (isRecord(piece)) calls.add(index, Number(piece.index), piece)
    if (isRecord(functionCall)) calls.add(index, undefined, functionCall)
    const isNothing = Object.keys(others).length === 0 && !saysMore(choice, ['index', 'delta'])
    rest = isNothing ? undefined : Object.freeze({ ...choice, delta: Object.freeze(others) })
  }
  if (isFinished(choice)) calls.finish(index)
  return rest
}

function saysMore(part: Part, known: readonly string[]): boolean {
  return Object.keys(part).some((name) => !known.includes(name) && isPresent(part[name]))
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}

// A part of the same answer that holds one whole call.
function partOf(like: Part, call: OpenCall): unknown {
  const { id, type, name, input } = call
  const called = { ...(name !== undefined && { name }), ...(call.arguments !== undefined && { arguments: call.arguments }) }
  const delta =
    call.index === undefined
      ? { function_call: called }
      : {
          tool_calls: [
            {
              index: call.index,
              ...(id !== undefined && { id }),
              ...(type !== undefined && { type }),
              ...(input === undefined ? { function: called } : { custom: { ...(name !== undefined && { name }), input } }),
            },
          ],
        }
  return snapshotJson(chunkLike(like, call.choice, delta))
}

/** A part of the same streamed answer as `like`, with this delta for one choice and nothing else; to be copied. */
export function chunkLike(like: unknown, choice: number, delta: unknown): unknown {
  const source = isRecord(like) ? like : {}
  const own: Record<string, unknown> = {}
  for (const member of envelope) if (Object.hasOwn(source, member)) own[member] = source[member]
  own.object = 'chat.completion.chunk'
  own.choices = [{ index: choice, delta, finish_reason: null }]
  return own
}
