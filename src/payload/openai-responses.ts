import type { Codec } from '../guard/codec.ts'
import { jsonCodec, jsonWire } from './json-codec.ts'
import { responsesAnswer } from './openai-responses-answer.ts'
import { capResponses, responsesFacts, type ResponsesRequest, responsesRequest } from './openai-responses-request.ts'
import { isRecord } from './shape.ts'

/**
 * The shape of OpenAI's responses: requests, whole answers, streamed answers and the vendor's errors.
 *
 * - Every string is a text with a position, or an identifier, or one of a few known words. A member, a role, an item, a
 *   tool type that is not known is refused as `payload_unsupported`.
 * - Refused by name: what runs at the vendor (web and file search, code interpreter, computer use, images, remote MCP servers,
 *   their calls and results), references into its store (earlier answers, conversations, prompts, items, files, and reasoning that
 *   comes back without its encrypted content), `background` and `store: true`.
 * - `logprobs` become empty lists. A text that a stream tells piece by piece is told once more when it is done, in up to four
 *   events: each of these is a text of its own.
 * - Channels of a streamed answer are `output/0/0/text`, `…/refusal` and `…/reasoning`, by the item and the piece in it, and
 *   `output/0/summary/0/summary`. They end with the `done` event of their piece. Arguments of a tool call are one text for each
 *   of their strings, once their deltas are assembled.
 *
 * ```ts
 * guarded.protect(callModel, { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: openaiResponses })
 * ```
 */
export const openaiResponses: Codec<ResponsesRequest> = jsonCodec({
  name: 'openai-responses',
  request: responsesRequest,
  facts: responsesFacts,
  cap: capResponses,
  answer: responsesAnswer,
  wire: jsonWire({
    eventType: (part) => (isRecord(part) && typeof part.type === 'string' ? part.type : undefined),
    // The protocol's own event, with the member `error` of which the vendor's clients make an APIError.
    errorEvent: (code, message) =>
      JSON.stringify({
        type: 'error',
        code,
        message,
        param: null,
        sequence_number: 0,
        error: { message, type: 'guard_error', param: null, code },
      }),
    errorEventType: 'error',
  }),
})
