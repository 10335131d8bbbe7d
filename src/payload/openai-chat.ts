import type { AnswerCodec, Codec, Text, WireCodec } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { choiceOfChannel, isChunk, isFinished, runningChannel, runningTexts, shapeOfAnswer, usageOf } from './openai-chat-answer.ts'
import { assembleChunks, chunkLike } from './openai-chat-assembly.ts'
import { capRequest, type ChatRequest, requestFacts } from './openai-chat-request.ts'
import { requestShape } from './openai-chat-request.ts'
import { isRecord } from './shape.ts'
import { parseJson } from './strict-json.ts'
import { Walk } from './walk.ts'

// Requests that were copied, frozen and checked here: they cannot change any more, so they need not be copied again.
const requests = new WeakSet<object>()

/** Whether this is a request that `openaiChat` copied, froze and checked. */
export function isChatRequest(input: unknown): input is ChatRequest {
  return typeof input === 'object' && input !== null && requests.has(input)
}

function own(input: unknown): ChatRequest {
  requests.add(input as object)
  return input as ChatRequest
}

/** A request from a frozen copy that nobody else can change. @throws GuardError where it is no chat request. */
export function checkChatRequest(copy: unknown): ChatRequest {
  if (!isRecord(copy)) throw new GuardError('payload_unsupported', { reason: 'no request of the OpenAI chat interface' })
  return own(Walk.check(requestShape, copy))
}

function checkAnswer(copy: unknown, streamed: boolean): unknown {
  const checked = Walk.check(shapeOfAnswer(copy), copy)
  const isPiece = isRecord(checked) && isChunk(checked)
  if (isRecord(checked) && Array.isArray(checked.choices) && isPiece !== streamed)
    throw new GuardError('payload_unsupported', {
      reason: streamed ? 'a whole answer as a part of a stream' : 'a part of a stream as a whole answer',
    })
  return checked
}

const answer: AnswerCodec = {
  snapshot: (part, streamed) => checkAnswer(snapshotJson(part), streamed),
  texts: (part) => Walk.find(shapeOfAnswer(part), part).texts,
  replace: (part, values) => Walk.replace(shapeOfAnswer(part), part, values),
  ends(part) {
    const ended: string[] = []
    if (!isRecord(part) || !isChunk(part)) return ended
    for (const choice of part.choices as readonly unknown[])
      if (isRecord(choice) && isFinished(choice)) for (const name of runningTexts) ended.push(runningChannel(Number(choice.index), name))
    return ended
  },
  carry(like, channel, text) {
    const place = choiceOfChannel(channel)
    if (place === undefined) throw new TypeError('carry: only a running text can be carried; every other one ends in its own part')
    return chunkLike(like, place.index, { [place.name]: text })
  },
  assemble: assembleChunks,
  usage: usageOf,
}

const endMarker = '[DONE]'

const wire: WireCodec = {
  mediaTypes: ['application/json'],
  parse: (body) => parseJson(body),
  serialize: (value) => JSON.stringify(value),
  parseEvent: (data) => (data.trim() === endMarker ? undefined : parseJson(data)),
  serializeEvent: (part) => JSON.stringify(part),
  endMarker,
  // The vendor's clients make an APIError of an event whose data has a member `error`.
  errorEvent: (code, message) => JSON.stringify({ error: { message, type: 'guard_error', param: null, code } }),
}

/**
 * The shape of OpenAI's chat completions, which many vendors and servers copy: requests, whole answers, streamed answers
 * and the vendor's errors.
 *
 * - Every string is a text with a position, or an identifier, or one of a few known words. A member, a role, a content
 *   part, a tool type that is not known is refused as `payload_unsupported`.
 * - Refused as well: what runs or is kept at the vendor (`web_search_options`, tools that are neither `function` nor
 *   `custom`, `store: true`, file ids, `audio.id`), and answers that no control can cover (sound, `logprobs`).
 * - In answers `logprobs` become null. A text in the arguments of a tool call is a text of its own; see `toolArguments`.
 * - Channels of a streamed answer are `choices/0/content`, and likewise `refusal`, `reasoning` and `reasoning_content`. They end
 *   with the `finish_reason` of their choice. A stream may break off without one: at its end, whoever holds text back
 *   carries it in one last part. All other texts end in the part that they stand in, once tool calls are assembled.
 * - `cap` adds `max_completion_tokens` where a request names no bound.
 *
 * ```ts
 * guarded.protect(callModel, { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: openaiChat })
 * ```
 */
export const openaiChat: Codec<ChatRequest> = {
  name: 'openai-chat',
  snapshot: (input) => (isChatRequest(input) ? input : checkChatRequest(snapshotJson(input))),
  facts: requestFacts,
  texts: (input): readonly Text[] => Walk.find(requestShape, input).texts,
  replace: (input, values) => own(Walk.replace(requestShape, input, values)),
  cap: (input, maxOutputTokens) => own(capRequest(input, maxOutputTokens)),
  answer,
  wire,
}
