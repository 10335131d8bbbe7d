import type { AnswerCodec, Codec, Text } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { jsonCodec } from './json-codec.ts'
import { anyJson, by, members } from './shape.ts'
import { type Shape, Walk } from './walk.ts'

/** What is searched for. */
export interface Retrieval {
  readonly query: unknown
}

const request: Shape = by('user', members({ query: anyJson }, { required: ['query'] }))

const hits: Shape = by('tool', anyJson)

// Documents and nodes are instances of their libraries' classes; what they hold is their own members.
function plain(instance: object): unknown {
  if (instance instanceof Date) return instance.toISOString()
  return instance instanceof URL ? instance.href : { ...instance }
}

/** The engine's own copy of hits, also of those that are instances of classes. @throws GuardError as `snapshotJson` does. */
export function copyHits(value: unknown): unknown {
  return snapshotJson(value, plain)
}

const answer: AnswerCodec = Object.freeze({
  snapshot(part: unknown, streamed: boolean): unknown {
    if (streamed) throw new GuardError('payload_unsupported', { reason: 'hits as a stream' })
    return Walk.check(hits, copyHits(part))
  },
  texts: (part: unknown): readonly Text[] => Walk.find(hits, part).texts,
  replace: (part: unknown, values: readonly string[]): unknown => Walk.replace(hits, part, values),
  ends: () => [],
  carry(): never {
    throw new TypeError('carry: every text of a hit ends in its own part')
  },
  assemble: (parts: AsyncIterable<unknown>) => parts,
  usage: () => undefined,
})

/** Searches and their hits: any JSON, in which each string, each odd name and each long number is a text. */
export const retrieval: Codec<Retrieval> = jsonCodec({
  name: 'retrieval',
  request,
  facts: () => ({ tools: [], stream: false, choices: 1, opaque: [] }),
  answer,
})
