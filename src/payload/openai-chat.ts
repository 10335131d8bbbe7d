import type { Codec } from '../guard/codec.ts'
import { jsonAnswer, jsonCodec, jsonWire } from './json-codec.ts'
import { channelsOf, chatAnswerKind, chatUsage, choiceOfChannel, chunkShape, completionShape, isFinished } from './openai-chat-answer.ts'
import { assembleChunks, chunkLike } from './openai-chat-assembly.ts'
import { capRequest, type ChatRequest, requestFacts, requestShape } from './openai-chat-request.ts'
import { anyJson, isRecord } from './shape.ts'
import { parseJson } from './strict-json.ts'

const answer = jsonAnswer({
  name: 'the OpenAI chat interface',
  kindOf: chatAnswerKind,
  whole: completionShape,
  part: chunkShape,
  either: anyJson,
  ends(part) {
    const ended: string[] = []
    if (Array.isArray(part.choices))
      for (const choice of part.choices) if (isRecord(choice) && isFinished(choice)) ended.push(...channelsOf(Number(choice.index)))
    return ended
  },
  carry(like, channel, text) {
    const place = choiceOfChannel(channel)
    return place === undefined ? undefined : chunkLike(like, place.index, { [place.name]: text })
  },
  assemble: assembleChunks,
  usage: chatUsage,
})

const endMarker = '[DONE]'

const wire = jsonWire({
  parseEvent: (data) => (data.trim() === endMarker ? undefined : parseJson(data)),
  endMarker,
  // The vendor's clients make an APIError of an event whose data has a member `error`.
  errorEvent: (code, message) => JSON.stringify({ error: { message, type: 'guard_error', param: null, code } }),
})

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
export const openaiChat: Codec<ChatRequest> = jsonCodec({
  name: 'openai-chat',
  request: requestShape,
  facts: requestFacts,
  cap: capRequest,
  answer,
  wire,
})
