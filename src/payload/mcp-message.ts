import type { AnswerCodec, Codec, Text } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { jsonCodec } from './json-codec.ts'
import { anyJson, anyObject, by, identifier, isRecord, members } from './shape.ts'
import { type Shape, Walk } from './walk.ts'

/** A request of the Model Context Protocol, without its id. */
export interface McpMessage {
  readonly method: string
  readonly params?: Readonly<Record<string, unknown>>
}

const request: Shape = by('user', members({ method: identifier, params: anyObject }, { required: ['method'] }))

const readable: Shape = by('tool', (value, walk) => {
  refuseBytes(value)
  return anyJson(value, walk)
})

// Wherever it stands: in what a resource holds, in what a prompt says, in icons.
function refuseBytes(value: unknown): void {
  const members: readonly unknown[] = Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : []
  if (isRecord(value)) {
    const isMedia = (value.type === 'image' || value.type === 'audio') && Object.hasOwn(value, 'data')
    if (isMedia || typeof value.blob === 'string')
      throw new GuardError('payload_unsupported', { reason: 'content that is no text, which no control can read' })
  }
  for (const member of members) refuseBytes(member)
}

const answer: AnswerCodec = Object.freeze({
  snapshot(part: unknown, streamed: boolean): unknown {
    if (streamed) throw new GuardError('payload_unsupported', { reason: 'an answer of the Model Context Protocol as a stream' })
    return Walk.check(readable, snapshotJson(part))
  },
  texts: (part: unknown): readonly Text[] => Walk.find(readable, part).texts,
  replace: (part: unknown, values: readonly string[]): unknown => Walk.replace(readable, part, values),
  ends: () => [],
  carry(): never {
    throw new TypeError('carry: every text ends in its own part')
  },
  assemble: (parts: AsyncIterable<unknown>) => parts,
  usage: () => undefined,
})

/**
 * Requests of the Model Context Protocol that call no tool, and their answers: any JSON, in which each string, each odd name and each long
 * number is a text. Pictures, sound and bytes are refused, since no control can read them.
 */
export const mcpMessage: Codec<McpMessage> = jsonCodec({
  name: 'mcp-message',
  request,
  facts: () => ({ tools: [], stream: false, choices: 1, opaque: [] }),
  answer,
})
