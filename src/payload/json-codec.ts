import type { AnswerCodec, Codec, Facts, Text, Usage, WireCodec } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { isRecord } from './shape.ts'
import { parseJson } from './strict-json.ts'
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
  const { name, request, facts, cap, answer, wire, listed = false, copy = snapshotJson } = parts
  const own = (input: unknown): I => {
    makers.set(input as object, codec as Codec<never>)
    return input as I
  }
  const check = (input: unknown): I => {
    if (!isRecord(input) && !(listed && Array.isArray(input)))
      throw new GuardError('payload_unsupported', { reason: `no request that ${name} knows` })
    return own(Walk.check(request, input))
  }
  // Several controls ask, and an input that is frozen says the same to all.
  const said = new WeakMap<object, Facts>()
  const codec: Codec<I> = Object.freeze({
    name,
    snapshot: (input: unknown): I => (makerOf(input) === codec ? (input as I) : check(reading(() => copy(input)))),
    facts(input: I): Facts {
      const known = said.get(input as object)
      if (known !== undefined) return known
      const found = facts(input, () => Walk.find(request, input).opaque)
      if (makerOf(input) === codec) said.set(input as object, found)
      return found
    },
    texts: (input: I): readonly Text[] => Walk.find(request, input).texts,
    replace: (input: I, values: readonly string[]): I => own(Walk.replace(request, input, values)),
    ...(cap && {
      cap(input: I, maxOutputTokens: number): I {
        if (!Number.isSafeInteger(maxOutputTokens) || maxOutputTokens < 1) throw new TypeError('cap: must be a whole number above zero')
        return own(cap(input, maxOutputTokens))
      },
    }),
    answer,
    ...(wire && { wire }),
  })
  checks.set(codec, check)
  return codec
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
  readonly usage: (part: Readonly<Record<string, unknown>>) => Usage | undefined
  readonly copy?: (part: unknown) => unknown
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
  const { name, kindOf, ends, carry, assemble = (stream) => stream, usage, copy = snapshotJson } = parts
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
    usage: (part: unknown): Usage | undefined => (isRecord(part) ? usage(part) : undefined),
  })
  known.set(codec, { kindOf, check })
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
