import type { AnswerCodec, Codec, Text } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { jsonCodec } from './json-codec.ts'
import { anyJson, by, identifier, members } from './shape.ts'
import { argumentValues } from './tool-arguments.ts'
import { type Shape, Walk } from './walk.ts'

/** A call of a tool that runs in this process: its name, and what it is called with. */
export interface LocalToolCall {
  readonly name: string
  readonly arguments: unknown
}

const request: Shape = by('assistant', members({ name: identifier, arguments: argumentValues }, { required: ['name', 'arguments'] }))

const result: Shape = by('tool', anyJson)

// A tool may well answer with a time or an address; what they are as JSON is what a model would be shown.
function plain(instance: object): unknown {
  if (instance instanceof Date) return instance.toISOString()
  return instance instanceof URL ? instance.href : undefined
}

const answer: AnswerCodec = Object.freeze({
  snapshot(part: unknown, streamed: boolean): unknown {
    // Whoever runs the tool waits for its last word: a part of a result could hold half a secret.
    if (streamed) throw new GuardError('payload_unsupported', { reason: 'the result of a tool as a stream' })
    return Walk.check(result, snapshotJson(part, plain))
  },
  texts: (part: unknown): readonly Text[] => Walk.find(result, part).texts,
  replace: (part: unknown, values: readonly string[]): unknown => Walk.replace(result, part, values),
  ends: () => [],
  carry(): never {
    throw new TypeError('carry: every text of a result ends in its own part')
  },
  assemble: (parts: AsyncIterable<unknown>) => parts,
  usage: () => undefined,
})

/**
 * Calls of tools in this process, and their results: any JSON, in which each string, each odd name and each long number is a text.
 * Results that hold bytes are refused, since no control can read them.
 */
export const toolCall: Codec<LocalToolCall> = jsonCodec({
  name: 'tool-call',
  request,
  facts: ({ name }) => ({ tools: [name], stream: false, choices: 1, opaque: [] }),
  answer,
})
