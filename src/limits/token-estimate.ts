import type { Codec, Facts, Text } from '../guard/codec.ts'

/** Bytes of UTF-8 that one token stands for: right for English, and high for nothing that a model bills. */
const bytesPerToken = 4

/** Tokens of a picture, a sound or a file, until the vendor says better. */
const tokensPerOpaque = 1_000

/** Output tokens of one answer, where a request does not bound it. */
const usualOutput = 1_024

/** How many tokens a call is expected to take. */
export interface TokenEstimate {
  readonly input: number
  /** All answers together. */
  readonly output: number
}

/** Tokens of that many bytes of text, rounded up. */
export function tokensIn(bytes: number): number {
  return Math.ceil(bytes / bytesPerToken)
}

/** What helps to guess how long an answer will be. */
export interface OutputGuess {
  /** The most that the limits can ever grant: a guess of ours must not refuse a call that may well be shorter. */
  readonly room: number
  /** What three in four answers like this one do not exceed, where that was learned. */
  readonly learned?: number | undefined
}

/**
 * What a call with this input is expected to take: its texts by their length, and its answers.
 *
 * - A whole answer, which nobody can cut once it is made: the most that the request allows.
 * - A streamed one, which can reserve more on its way: what was learned, or 1,024 tokens, and no more than the request allows.
 * - One that the request does not bound: what was learned, or 1,024 tokens, and no more than there is room for.
 */
export function estimateTokens(codec: Codec | undefined, input: unknown, guess: OutputGuess): TokenEstimate {
  if (codec === undefined) return withGuess(tokensIn(stringBytes(input)), 1, guess)
  const facts: Facts = codec.facts(input)
  const texts = codec.texts(input)
  const bytes = Math.max(textBytes(texts), contentBytes(input) - opaqueBytes(input, facts.opaque) - envelope.whole - envelope.text * texts.length)
  const tokens = tokensIn(bytes) + facts.opaque.length * tokensPerOpaque
  const choices = Math.max(1, facts.choices)
  const most = facts.maxOutputTokens
  if (most === undefined || !(most > 0)) return withGuess(tokens, choices, guess)
  const bound = Math.min(most * choices, Number.MAX_SAFE_INTEGER)
  return facts.stream ? { input: tokens, output: Math.min(bound, (guess.learned ?? usualOutput) * choices) } : { input: tokens, output: bound }
}

function withGuess(input: number, choices: number, { learned = usualOutput, room }: OutputGuess): TokenEstimate {
  return { input, output: Math.max(1, Math.min(learned * choices, room - input)) }
}

/** Bytes of names, numbers and words that belong to any request, and to each text in one. */
const envelope = { whole: 1_024, text: 64 } as const

// All that is in an input, its names and numbers too: a model reads the members of a schema as it reads prose.
function contentBytes(value: unknown): number {
  if (typeof value === 'string') return utf8Length(value) + 1
  if (typeof value === 'number') return String(value).length + 1
  if (typeof value !== 'object' || value === null) return 5
  if (value instanceof Uint8Array) return value.length
  let bytes = 1
  if (Array.isArray(value)) for (const member of value) bytes += contentBytes(member)
  else for (const [name, member] of Object.entries(value)) bytes += utf8Length(name) + 1 + contentBytes(member)
  return bytes
}

// What is no text counts by the piece.
function opaqueBytes(input: unknown, pointers: readonly string[]): number {
  let bytes = 0
  for (const pointer of pointers) {
    let value = input
    for (const step of pointer.split('/').slice(1)) {
      const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
      value = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined
    }
    bytes += typeof value === 'string' ? utf8Length(value) : 0
  }
  return bytes
}

/** Bytes of UTF-8 in texts. */
export function textBytes(texts: readonly Text[]): number {
  let bytes = 0
  // Names and numbers of the envelope are nothing that a model reads or writes.
  for (const { value, kind } of texts) if (kind !== 'identifier') bytes += utf8Length(value)
  return bytes
}

/** Bytes of UTF-8 in all strings in a copy of a JSON value; byte arrays count as they are. */
export function stringBytes(value: unknown): number {
  if (typeof value === 'string') return utf8Length(value)
  if (typeof value !== 'object' || value === null) return 0
  if (value instanceof Uint8Array) return value.length
  let bytes = 0
  for (const member of Array.isArray(value) ? value : Object.values(value)) bytes += stringBytes(member)
  return bytes
}

/** The same, but of what stands beneath the value's own members: in a part of a stream those are its envelope. */
export function innerStringBytes(value: unknown): number {
  if (typeof value !== 'object' || value === null) return stringBytes(value)
  let bytes = 0
  for (const member of Object.values(value)) if (typeof member === 'object') bytes += stringBytes(member)
  return bytes
}

// Long texts by the platform's own encoder, which is many times faster than a loop, into bytes that nobody reads.
let scratch: { readonly encoder: TextEncoder; readonly bytes: Uint8Array } | undefined

// Each half of a surrogate pair counts two, and one that stands alone two or, by the encoder, three.
function utf8Length(text: string): number {
  if (text.length > 48) return encodedLength(text)
  let bytes = text.length
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 0x7f) bytes += code > 0x7ff && (code & 0xf800) !== 0xd800 ? 2 : 1
  }
  return bytes
}

function encodedLength(text: string): number {
  scratch ??= { encoder: new TextEncoder(), bytes: new Uint8Array(16_384) }
  let bytes = 0
  for (let rest = text; rest !== ''; ) {
    const { read, written } = scratch.encoder.encodeInto(rest, scratch.bytes)
    bytes += written
    rest = rest.slice(read)
  }
  return bytes
}
