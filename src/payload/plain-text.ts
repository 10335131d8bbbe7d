import type { AnswerCodec, Codec, Facts, Text, WireCodec } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'

const maxLength = 8 * 1024 * 1024
const channel = 'text'
const facts: Facts = Object.freeze({ tools: Object.freeze([]), stream: false, choices: 1, opaque: Object.freeze([]) })
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function checked(value: unknown): string {
  if (typeof value !== 'string') throw new GuardError('payload_unsupported', { reason: `a ${typeof value}, where a text was expected` })
  if (value.length > maxLength) throw new GuardError('payload_too_large', { reason: 'the text is too long' })
  return value
}

function whole(value: unknown): string {
  const text = checked(value)
  if (!text.isWellFormed()) throw new GuardError('payload_invalid', { reason: 'a lone surrogate' })
  return text
}

// A stream may be cut inside a character: what is well-formed again when its neighbours are put beside it passes.
function piece(value: unknown): string {
  const text = checked(value)
  whole(text.slice(isLow(text, 0) ? 1 : 0, isHigh(text, text.length - 1) ? -1 : undefined))
  return text
}

function isHigh(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800
}

function isLow(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xdc00
}

function only(values: readonly string[]): string {
  const [value] = values
  if (values.length !== 1) throw new TypeError('replace: a plain text is one text')
  return checked(value)
}

function read(value: unknown, role: Text['role']): readonly Text[] {
  return [{ value: checked(value), path: '', role, kind: 'text', channel }]
}

const answer: AnswerCodec = {
  snapshot: (part, streamed) => (streamed ? piece(part) : whole(part)),
  texts: (part) => read(part, 'assistant'),
  replace: (_part, values) => only(values),
  // A part does not say whether it is the last one.
  ends: () => [],
  carry: (_like, _channel, text) => text,
  assemble: joinCharacters,
  usage: () => undefined,
}

// Puts the halves of a character that a stream was cut in together again.
async function* joinCharacters(parts: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  let half = ''
  for await (const part of parts) {
    const text = half + checked(part)
    half = isHigh(text, text.length - 1) ? text.slice(-1) : ''
    yield whole(half === '' ? text : text.slice(0, -1))
  }
  if (half !== '') whole(half)
}

const wire: WireCodec = {
  mediaTypes: ['text/plain'],
  parse(body) {
    if (body.length > maxLength) throw new GuardError('payload_too_large', { reason: 'the text is too long' })
    try {
      return utf8.decode(body)
    } catch {
      throw new GuardError('payload_invalid', { reason: 'the bytes are not UTF-8' })
    }
  },
  serialize: whole,
  parseEvent: (data) => data,
  serializeEvent: whole,
  errorEvent: (code, message) => JSON.stringify({ error: { code, message } }),
}

/**
 * A plain text: the input is one string, and so is the answer, whole or streamed in pieces. In a stream all pieces are one
 * running text (channel `text`), which ends with the stream. As server-sent events a carriage return becomes a line feed,
 * since events cannot hold one.
 */
export const plainText: Codec<string> = {
  name: 'plain-text',
  snapshot: whole,
  facts: () => facts,
  texts: (input) => read(input, 'user'),
  replace: (_input, values) => whole(only(values)),
  answer,
  wire,
}
