import type { AnswerCodec, Codec } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { checkCopy, makerOf } from './json-codec.ts'
import { openaiChat } from './openai-chat.ts'
import { plainText } from './plain-text.ts'
import { isRecord } from './shape.ts'

function snapshot(input: unknown): unknown {
  if (typeof input === 'string') return plainText.snapshot(input)
  if (makerOf(input) !== undefined) return input
  // The decision is made on the copy, so that the input is read once.
  const copy = snapshotJson(input)
  if (isRecord(copy) && Object.hasOwn(copy, 'messages')) return checkCopy(openaiChat as Codec<never>, copy)
  throw new GuardError('payload_unsupported', { reason: 'an input of a shape that no codec knows' })
}

// Each codec knows the copies that it made.
function codecOf(copy: unknown): Codec<never> {
  if (typeof copy === 'string') return plainText as Codec<never>
  const maker = makerOf(copy)
  if (maker !== undefined) return maker
  throw new GuardError('payload_unsupported', { reason: 'an input that no codec has copied' })
}

function answerOf(part: unknown): AnswerCodec {
  return typeof part === 'string' ? plainText.answer : openaiChat.answer
}

// All parts of a stream are of one kind; the first one tells which.
async function* assemble(parts: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  const source = parts[Symbol.asyncIterator]()
  let first: IteratorResult<unknown> | undefined
  const all: AsyncIterableIterator<unknown> = {
    [Symbol.asyncIterator]: () => all,
    next() {
      if (first === undefined) return source.next()
      const part = first
      first = undefined
      return Promise.resolve(part)
    },
    return: async () => (await source.return?.()) ?? { done: true, value: undefined },
  }
  first = await source.next()
  if (first.done !== true) yield* answerOf(first.value).assemble(all)
}

/**
 * Decides by the shape of what it gets: a string is a plain text (`plainText`), an object with `messages` a chat request and
 * an object an answer of the same interface (`openaiChat`). Whatever neither of them knows is refused as
 * `payload_unsupported`. It has no wire form: bytes do not tell what they are, so who reads bytes names a codec.
 */
export const autoCodec: Codec = {
  name: 'auto',
  snapshot,
  facts: (input) => codecOf(input).facts(input as never),
  texts: (input) => codecOf(input).texts(input as never),
  replace: (input, values) => codecOf(input).replace(input as never, values),
  cap(input, maxOutputTokens) {
    const codec = codecOf(input)
    // A plain text cannot say how long its answer may be.
    return codec.cap === undefined ? input : codec.cap(input as never, maxOutputTokens)
  },
  answer: {
    snapshot: (part, streamed) => answerOf(part).snapshot(part, streamed),
    texts: (part) => answerOf(part).texts(part),
    replace: (part, values) => answerOf(part).replace(part, values),
    ends: (part) => answerOf(part).ends(part),
    carry: (like, channel, text) => answerOf(like).carry(like, channel, text),
    assemble,
    usage: (part) => answerOf(part).usage(part),
  },
}
