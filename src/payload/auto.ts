import type { AnswerCodec, Codec } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { plainForm } from './ai-sdk-answer.ts'
import { aiSdkModel } from './ai-sdk-model.ts'
import { copyCall } from './ai-sdk-request.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { geminiContent } from './gemini-content.ts'
import { checkAnswer, checkCopy, isAnswerOf, makerOf, reading } from './json-codec.ts'
import { langchainMessages } from './langchain-messages.ts'
import { plainMessage } from './langchain-request.ts'
import { mcpTool } from './mcp-tool.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiEmbeddings } from './openai-embeddings.ts'
import { openaiResponses } from './openai-responses.ts'
import { plainText } from './plain-text.ts'
import { isRecord } from './shape.ts'

type AnyCodec = Codec<never>

/** What requests look like that these codecs may read. */
interface Guess {
  readonly member: string
  readonly codecs: readonly AnyCodec[]
  readonly fits?: (request: Readonly<Record<string, unknown>>) => boolean
}

// Each is given what it made itself, whatever that is.
/* @__NO_SIDE_EFFECTS__ */
function guess(member: string, codecs: readonly Pick<AnyCodec, 'name'>[], fits?: Guess['fits']): Guess {
  return { member, codecs: codecs as readonly AnyCodec[], ...(fits && { fits }) }
}

const guesses: readonly Guess[] = [
  guess('messages', [openaiChat, anthropicMessages, langchainMessages]),
  guess('input', [openaiResponses, openaiEmbeddings], (request) => Object.hasOwn(request, 'model')),
  guess('contents', [geminiContent]),
  guess('prompt', [aiSdkModel], ({ prompt }) => Array.isArray(prompt)),
  guess('arguments', [mcpTool], (request) => Object.hasOwn(request, 'name')),
  guess('method', [mcpTool], (request) => Object.hasOwn(request, 'params')),
]

function candidates(copy: unknown): readonly AnyCodec[] {
  if (Array.isArray(copy)) return copy.length === 0 ? [] : [langchainMessages as unknown as AnyCodec]
  if (!isRecord(copy)) return []
  const found = guesses.filter(({ member }) => Object.hasOwn(copy, member))
  const [only] = found
  // Of two shapes at once it would be neither.
  return found.length === 1 && only !== undefined && only.fits?.(copy) !== false ? only.codecs : []
}

function snapshot(input: unknown): unknown {
  if (typeof input === 'string') return plainText.snapshot(input)
  if (makerOf(input) !== undefined) return input
  // The decision is made on the copy, so that the input is read once.
  const copy = reading(() => (isRecord(input) && 'prompt' in input ? copyCall(input) : snapshotJson(input, plainMessage)))
  const fitting: AnyCodec[] = []
  let refusal: unknown
  for (const codec of candidates(copy)) {
    try {
      checkCopy(codec, copy)
      fitting.push(codec)
    } catch (error) {
      refusal ??= error
    }
  }
  const [first] = fitting
  if (first === undefined) throw refusal ?? new GuardError('payload_unsupported', { reason: 'an input of a shape that no codec knows' })
  for (const other of fitting.slice(1))
    if (!sameMeaning(first, other, copy))
      throw new GuardError('payload_unsupported', { reason: `an input that can be read as ${first.name} and as ${other.name}` })
  // Once more, so that it is this codec that made it.
  return checkCopy(first, copy)
}

// Two vendors that share a beginning: what both read alike, and do alike, need not be told apart.
function sameMeaning(one: AnyCodec, other: AnyCodec, copy: unknown): boolean {
  if (!chats.has(one) || !chats.has(other)) return false
  const meanings = [one, other].map((codec) => {
    const input = checkCopy(codec, copy) as never
    return JSON.stringify([codec.facts(input), codec.texts(input)])
  })
  return meanings[0] === meanings[1]
}

const chats: ReadonlySet<unknown> = new Set([openaiChat, anthropicMessages])

// Each codec knows the copies that it made.
function codecOf(copy: unknown): AnyCodec {
  if (typeof copy === 'string') return plainText as AnyCodec
  const maker = makerOf(copy)
  if (maker !== undefined) return maker
  throw new GuardError('payload_unsupported', { reason: 'an input that no codec has copied' })
}

// Those whose errors say whose they are come before those that only have a member of that name.
/* @__NO_SIDE_EFFECTS__ */
function allAnswers(): readonly AnswerCodec[] {
  return [anthropicMessages, aiSdkModel, langchainMessages, openaiChat, openaiResponses, openaiEmbeddings, geminiContent, mcpTool].map(
    ({ answer }) => answer,
  )
}

const answers = allAnswers()

function answerOf(part: unknown): AnswerCodec {
  if (typeof part === 'string') return plainText.answer
  const known = answers.find((answer) => isAnswerOf(answer, part))
  if (known === undefined) throw new GuardError('payload_unsupported', { reason: 'an answer of a shape that no codec knows' })
  return known
}

// Of answers, of whichever library: its messages, addresses, errors and times.
function plain(instance: object): unknown {
  return plainMessage(instance) ?? plainForm(instance) ?? (instance instanceof Date ? instance.toISOString() : undefined)
}

function snapshotAnswer(part: unknown, streamed: boolean): unknown {
  if (typeof part === 'string') return plainText.answer.snapshot(part, streamed)
  const copy = snapshotJson(part, plain)
  const answer = answerOf(copy)
  // This one leaves out what the others do not have.
  return answer === aiSdkModel.answer ? answer.snapshot(copy, streamed) : checkAnswer(answer, copy, streamed)
}

// All parts of a stream are of one kind; the first one tells which.
async function* byFirst(parts: AsyncIterable<unknown>, stage: (answer: AnswerCodec, all: AsyncIterable<unknown>) => AsyncIterable<unknown>) {
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
  if (first.done !== true) yield* stage(answerOf(first.value), all)
}

/**
 * Decides by the shape of what it gets among all codecs of this package but `json`: a string is a plain text; an object is told
 * by its members, as `messages`, `contents`, `prompt` or `input`, and then by being what one codec takes and no other. Whatever
 * none of them knows, or more than one takes and not all read alike, is refused as `payload_unsupported`: so is `{ model, input }`
 * with a text alone, which is a request for a response and one for an embedding. It has no wire form: bytes do not tell what they
 * are, so who reads bytes names a codec.
 */
export const autoCodec: Codec = {
  name: 'auto',
  snapshot,
  facts: (input) => codecOf(input).facts(input as never),
  texts: (input) => codecOf(input).texts(input as never),
  replace: (input, values) => codecOf(input).replace(input as never, values),
  cap(input, maxOutputTokens) {
    const codec = codecOf(input)
    // Some cannot say how long an answer may be.
    return codec.cap === undefined ? input : codec.cap(input as never, maxOutputTokens)
  },
  answer: {
    snapshot: snapshotAnswer,
    texts: (part) => answerOf(part).texts(part),
    replace: (part, values) => answerOf(part).replace(part, values),
    ends: (part) => answerOf(part).ends(part),
    carry: (like, channel, text) => answerOf(like).carry(like, channel, text),
    assemble: (parts) => byFirst(parts, (answer, all) => answer.assemble(all)),
    inOrder: (parts) => byFirst(parts, (answer, all) => answer.inOrder?.(all) ?? all),
    usage: (part) => answerOf(part).usage(part),
  },
}
