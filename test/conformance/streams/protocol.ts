/** One way in which a model answers piece by piece: how its parts look, and what a reader makes of them. */
export interface Protocol {
  readonly name: string
  /** Where such requests go, where they go over a wire, and what they say. */
  readonly url?: string
  readonly request: unknown
  /** The texts that an answer may have, by a name of their own; `calls` are those of which the pieces are pieces of JSON. */
  readonly texts: readonly string[]
  readonly calls: readonly string[]
  /** Parts before and after all texts. `whole` has what was said, for protocols that say it once more. */
  first(): readonly unknown[]
  last(whole: Readonly<Record<string, string>>): readonly unknown[]
  /** Parts of one text: before its first piece, one piece, and after its last. */
  begin(text: string): readonly unknown[]
  piece(text: string, piece: string): unknown
  end(text: string, whole: string): readonly unknown[]
  /** What a reader understands of each text. */
  heard(parts: readonly unknown[]): Readonly<Record<string, string>>
  /** The `event` field of a part, where the protocol's readers go by it. */
  eventType?(part: unknown): string
  /** What follows the last event. */
  readonly endMarker?: string
}

/** Texts in pieces. */
export type Pieces = Readonly<Record<string, readonly string[]>>

/** The parts of an answer with these texts, one text after the other, or a piece of each in turn. */
export function partsOf(protocol: Protocol, texts: Pieces, interleaved = false): unknown[] {
  const whole = Object.fromEntries(Object.entries(texts).map(([text, pieces]) => [text, pieces.join('')]))
  const queues = Object.entries(texts).map(([text, pieces]) => [
    ...protocol.begin(text),
    ...pieces.map((piece) => protocol.piece(text, piece)),
    ...protocol.end(text, whole[text] ?? ''),
  ])
  const parts: unknown[] = [...protocol.first()]
  if (interleaved) while (queues.some((queue) => queue.length > 0)) for (const queue of queues) parts.push(...queue.splice(0, 1))
  else for (const queue of queues) parts.push(...queue)
  return [...parts, ...protocol.last(whole)]
}

/** The bytes of a stream of server-sent events with these parts. */
export function bytesOf(protocol: Protocol, parts: readonly unknown[]): Uint8Array {
  let text = ''
  for (const part of parts) {
    if (protocol.eventType !== undefined) text += `event: ${protocol.eventType(part)}\n`
    text += `data: ${JSON.stringify(part)}\n\n`
  }
  if (protocol.endMarker !== undefined) text += `data: ${protocol.endMarker}\n\n`
  return new TextEncoder().encode(text)
}

/** The parts in a stream of server-sent events, as a reader finds them. */
export function partsIn(protocol: Protocol, body: string): unknown[] {
  const parts: unknown[] = []
  for (const event of body.split('\n\n')) {
    const data = event
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => line.slice('data: '.length))
      .join('\n')
    if (data !== '' && data !== protocol.endMarker) parts.push(JSON.parse(data))
  }
  return parts
}

type Json = Readonly<Record<string, unknown>>

/** A member of a JSON value, however deep; undefined where there is none. */
export function member(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((held, name) => (typeof held === 'object' && held !== null ? (held as Json)[name] : undefined), value)
}

/** Gathers texts. */
export class Heard {
  readonly texts: Record<string, string> = {}

  add(text: string, piece: unknown): void {
    if (typeof piece === 'string') this.texts[text] = (this.texts[text] ?? '') + piece
  }
}
