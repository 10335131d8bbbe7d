import type { AnswerCodec, Codec, Facts, Outside, Text, Usage, WireCodec } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { isRecord } from './shape.ts'
import { parseJson } from './strict-json.ts'
import { granting, outsideIn } from './vendor-side.ts'
import { type Shape, Walk } from './walk.ts'

/** What makes a codec of requests that are JSON. */
interface JsonCodecParts<I> {
  readonly name: string
  readonly request: Shape
  /** What it says beside its texts. Asked once for an input; `opaque` walks through it. */
  readonly facts: (input: I, opaque: () => readonly string[]) => Facts
  /** The input with at most so many output tokens; the most is checked here. */
  readonly cap?: (input: I, maxOutputTokens: number) => I
  readonly answer: AnswerCodec
  readonly wire?: WireCodec
  /** Where a request says what lies or runs at the vendor; only of codecs that let such things pass. */
  readonly outside?: Shape
  /** Whether a request may be a list as well as an object. */
  readonly listed?: boolean
  /** The engine's own frozen copy; as `snapshotJson` makes it unless given. */
  readonly copy?: (input: unknown) => unknown
}

// What was copied, frozen and checked here, and by which codec: it cannot change any more, so it need not be copied again.
const makers = new WeakMap<object, Codec<never>>()

const checks = new WeakMap<object, (copy: unknown) => unknown>()

/** What is read of somebody else's value. @throws GuardError `payload_invalid` where it cannot even be looked at. */
export function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof GuardError) throw error
    throw new GuardError('payload_invalid', { reason: 'the payload threw while it was read', cause: error })
  }
}

/** A codec whose requests are JSON of one shape. */
/* @__NO_SIDE_EFFECTS__ */
export function jsonCodec<I>(parts: JsonCodecParts<I>): Codec<I> {
  const { name, request, facts, cap, answer, wire, outside, listed = false, copy = snapshotJson } = parts
  const own = (input: unknown): I => {
    makers.set(input as object, codec as Codec<never>)
    return input as I
  }
  const check = (input: unknown): I => {
    if (!isRecord(input) && !(listed && Array.isArray(input)))
      throw new GuardError('payload_unsupported', { reason: `no request that ${name} knows` })
    return own(Walk.check(request, input))
  }
  // What is made of somebody else's object still shares parts with it that nobody has checked, and that its owner can change.
  const like = (input: I, changed: I): I => (makerOf(input) === codec ? own(changed) : changed)
  // Several controls ask, and an input that is frozen says the same to all.
  const said = new WeakMap<object, Facts>()
  const read = new WeakMap<object, readonly Text[]>()
  const codec: Codec<I> = Object.freeze({
    name,
    snapshot: (input: unknown): I => (makerOf(input) === codec ? (input as I) : check(reading(() => copy(input)))),
    facts(input: I): Facts {
      const known = said.get(input as object)
      if (known !== undefined) return known
      const plain = facts(input, () => Walk.find(request, input).opaque)
      const external = outside === undefined ? [] : outsideIn(outside, input)
      const found = external.length === 0 ? plain : { ...plain, tools: toolsAmong(plain.tools, external), external }
      if (makerOf(input) === codec) said.set(input as object, found)
      return found
    },
    texts(input: I): readonly Text[] {
      const known = read.get(input as object)
      if (known !== undefined) return known
      const { texts } = Walk.find(request, input)
      if (makerOf(input) !== codec) return texts
      // Given to several: nobody may take a text away from the others.
      for (const text of texts) Object.freeze(text)
      read.set(input as object, Object.freeze(texts))
      return texts
    },
    replace: (input: I, values: readonly string[]): I => like(input, Walk.replace(request, input, values) as I),
    ...(cap && {
      cap(input: I, maxOutputTokens: number): I {
        if (!Number.isSafeInteger(maxOutputTokens) || maxOutputTokens < 1) throw new TypeError('cap: must be a whole number above zero')
        return like(input, cap(input, maxOutputTokens))
      },
    }),
    answer,
    ...(wire && { wire }),
  })
  checks.set(codec, check)
  made.set(codec, parts)
  return codec
}

// What each codec was made of.
const made = new WeakMap<object, unknown>()
const madeAnswers = new WeakMap<AnswerCodec, JsonAnswerParts>()

/**
 * The same codec, which lets pass what lies or runs at the vendor: references into its store, and tools that run there. It names
 * them (`facts.external`), and `authorize` refuses each that is not granted: by policy, and of references by a record that they are
 * the caller's own. Without `authorize({ grants })` all of them are refused. What such a tool did comes with the answer as texts.
 *
 * For `openaiResponses`, `openaiChat`, `anthropicMessages` and `geminiContent`.
 *
 * ```ts
 * const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: withVendorStore(openaiResponses) }
 * ```
 *
 * @throws TypeError for a codec that knows no vendor.
 */
export function withVendorStore<I>(codec: Codec<I>): Codec<I> {
  // Whatever was made here for this codec was made for its inputs.
  const parts = made.get(codec) as JsonCodecParts<I> | undefined
  if (parts === undefined || parts.outside !== undefined || !vendors.includes(codec.name))
    throw new TypeError('withVendorStore: give a codec of a vendor, such as openaiResponses')
  const answers = madeAnswers.get(parts.answer)
  // One that is made otherwise knows nothing of its vendor's store.
  const answer = answers === undefined ? parts.answer : jsonAnswer({ ...answers, ...granted(answers), granted: true })
  return jsonCodec({ ...parts, request: granting(parts.request), outside: parts.request, answer })
}

// Tools that run at the vendor are tools: whoever allows some or switches one off means them as well.
function toolsAmong(own: readonly unknown[], external: readonly Outside[]): readonly string[] {
  const hosted = external.filter(({ kind }) => kind === 'hosted').map(({ id }) => id)
  return [...new Set([...own.filter((name) => typeof name === 'string'), ...hosted])]
}

const vendors: readonly string[] = ['anthropic-messages', 'gemini-content', 'openai-chat', 'openai-responses']

function granted({ whole, part, either }: JsonAnswerParts): Pick<JsonAnswerParts, AnswerKind> {
  return { ...(whole && { whole: granting(whole) }), ...(part && { part: granting(part) }), ...(either && { either: granting(either) }) }
}

/** The codec that copied, froze and checked this input; undefined where none did. */
export function makerOf(input: unknown): Codec<never> | undefined {
  return typeof input === 'object' && input !== null ? makers.get(input) : undefined
}

/** An input of this codec from a frozen copy that nobody else can change. @throws GuardError where it is none. */
export function checkCopy(codec: Codec<never>, copy: unknown): unknown {
  const check = checks.get(codec)
  return check === undefined ? codec.snapshot(copy) : check(copy)
}

/** What an answer is: whole, a part of a stream, or what may stand in the place of either, such as an error. */
export type AnswerKind = 'whole' | 'part' | 'either'

/** What makes a codec of answers that are JSON. */
interface JsonAnswerParts {
  /** For reasons: whose answers these are. */
  readonly name: string
  /** Which kind of answer it is, by what tells these shapes from all others; undefined for none of them. */
  readonly kindOf: (answer: Readonly<Record<string, unknown>>) => AnswerKind | undefined
  readonly whole?: Shape
  readonly part?: Shape
  readonly either?: Shape
  readonly ends?: (part: Readonly<Record<string, unknown>>) => readonly string[]
  readonly carry?: (like: unknown, channel: string, text: string) => unknown
  readonly assemble?: (parts: AsyncIterable<unknown>) => AsyncIterable<unknown>
  readonly inOrder?: (parts: AsyncIterable<unknown>) => AsyncIterable<unknown>
  readonly usage: (part: Readonly<Record<string, unknown>>) => Usage | undefined
  readonly copy?: (part: unknown) => unknown
  /** What a part says was put into the vendor's store. */
  readonly created?: (part: Readonly<Record<string, unknown>>) => readonly Outside[]
  /** Whether what lies or runs at the vendor passes. */
  readonly granted?: boolean
}

const nothing: readonly string[] = Object.freeze([])

interface KnownAnswers {
  readonly kindOf: JsonAnswerParts['kindOf']
  readonly check: (copy: unknown, streamed: boolean) => unknown
}

const known = new WeakMap<AnswerCodec, KnownAnswers>()

/** Whether an answer looks like one of this codec's. */
export function isAnswerOf(codec: AnswerCodec, answer: unknown): boolean {
  return isRecord(answer) && known.get(codec)?.kindOf(answer) !== undefined
}

/** An answer, or a part of one, from a frozen copy that nobody else can change. @throws GuardError where it is none. */
export function checkAnswer(codec: AnswerCodec, copy: unknown, streamed: boolean): unknown {
  const found = known.get(codec)
  return found === undefined ? codec.snapshot(copy, streamed) : found.check(copy, streamed)
}

/** The answers of a codec whose answers are JSON objects. */
/* @__NO_SIDE_EFFECTS__ */
export function jsonAnswer(parts: JsonAnswerParts): AnswerCodec {
  const { name, kindOf, ends, carry, assemble = (stream) => stream, inOrder, usage, copy = snapshotJson, created, granted = false } = parts
  const shapeOf = (value: unknown): Shape => {
    const kind = isRecord(value) ? kindOf(value) : undefined
    const shape = kind === undefined ? undefined : parts[kind]
    if (shape === undefined) throw new GuardError('payload_unsupported', { reason: `no answer of ${name}` })
    return shape
  }
  const check = (value: unknown, streamed: boolean): unknown => {
    const checked = Walk.check(shapeOf(value), value)
    const kind = isRecord(value) ? kindOf(value) : undefined
    if (kind !== 'either' && (kind === 'part') !== streamed)
      throw new GuardError('payload_unsupported', {
        reason: streamed ? 'a whole answer as a part of a stream' : 'a part of a stream as a whole answer',
      })
    return checked
  }
  const codec: AnswerCodec = Object.freeze({
    snapshot: (part: unknown, streamed: boolean): unknown =>
      check(
        reading(() => copy(part)),
        streamed,
      ),
    texts: (part: unknown): readonly Text[] => Walk.find(shapeOf(part), part).texts,
    replace: (part: unknown, values: readonly string[]): unknown => Walk.replace(shapeOf(part), part, values),
    ends: (part: unknown): readonly string[] => (ends !== undefined && isRecord(part) && kindOf(part) !== 'whole' ? ends(part) : nothing),
    carry(like: unknown, channel: string, text: string): unknown {
      const carried = carry?.(like, channel, text)
      if (carried === undefined) throw new TypeError('carry: only a running text can be carried; every other one ends in its own part')
      return snapshotJson(carried)
    },
    assemble,
    ...(inOrder && { inOrder }),
    usage: (part: unknown): Usage | undefined => (isRecord(part) ? usage(part) : undefined),
    ...(granted && created && { created: (part: unknown): readonly Outside[] => (isRecord(part) ? created(part) : []) }),
  })
  known.set(codec, { kindOf, check })
  madeAnswers.set(codec, parts)
  return codec
}

/** How JSON looks as bytes, and its parts as server-sent events. */
/* @__NO_SIDE_EFFECTS__ */
export function jsonWire(parts: Pick<WireCodec, 'errorEvent'> & Partial<WireCodec>): WireCodec {
  return Object.freeze({
    mediaTypes: Object.freeze(['application/json']),
    parse: (body: Uint8Array) => parseJson(body),
    serialize: (value: unknown) => JSON.stringify(value),
    parseEvent: (data: string) => parseJson(data),
    serializeEvent: (part: unknown) => JSON.stringify(part),
    ...parts,
  })
}

/** Which parts of the counts a vendor tells apart. */
interface UsageParts {
  /** Of the input: what was in its cache. */
  readonly cached?: unknown
  /** Of the output: what only the model reads. */
  readonly reasoning?: unknown
}

/** Counts that a vendor reports; nonsense is as good as nothing, and undefined where both are. */
export function usageFrom(inputTokens: unknown, outputTokens: unknown, { cached, reasoning }: UsageParts = {}): Usage | undefined {
  if (!isCount(inputTokens) || !isCount(outputTokens)) return undefined
  return {
    inputTokens,
    outputTokens,
    // No part is more than the whole.
    ...(isCount(cached) && { cachedInputTokens: Math.min(cached, inputTokens) }),
    ...(isCount(reasoning) && { reasoningTokens: Math.min(reasoning, outputTokens) }),
  }
}

/** Whether a value counts something. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
