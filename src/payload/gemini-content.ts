import type { Codec } from '../guard/codec.ts'
import { geminiAnswer } from './gemini-content-answer.ts'
import { capGemini, geminiFacts, type GeminiRequest, geminiRequest } from './gemini-content-request.ts'
import { jsonCodec, jsonWire } from './json-codec.ts'
import { isRecord } from './shape.ts'

/**
 * The shape of Gemini's `generateContent` and `streamGenerateContent`: requests, whole answers, streamed answers and the
 * vendor's errors. A request is what goes over the wire, or `{ model, contents, config }` as `@google/genai` takes it.
 *
 * - Every string is a text with a position, or an identifier, or one of a few known words. A member or a part that is not known
 *   is refused as `payload_unsupported`.
 * - Refused by name: what runs at the vendor (search, maps, URL context, code execution, file search, its calls and results),
 *   references into its store (caches, files, buckets), arguments of a tool call in pieces, pictures and sound in an answer.
 * - `logprobsResult` becomes null. Thought signatures are identifiers: shown, and never rewritten.
 * - Channels of a streamed answer are `candidates/0/text` and `candidates/0/thought`, and end with the candidate's `finishReason`.
 * - Over the wire the path chooses the model, and whether the answer is streamed: a body has neither, and none is written. An
 *   answer in one JSON list (without `alt=sse`) is refused.
 *
 * ```ts
 * guarded.protect(callModel, { action: 'generate_content', resource: { type: 'model', id: 'gemini-3-flash' }, codec: geminiContent })
 * ```
 */
export const geminiContent: Codec<GeminiRequest> = jsonCodec({
  name: 'gemini-content',
  request: geminiRequest,
  facts: geminiFacts,
  cap: capGemini,
  answer: geminiAnswer,
  wire: jsonWire({
    serialize(value) {
      if (!isRecord(value) || !Object.hasOwn(value, 'contents')) return JSON.stringify(value)
      const { model: _model, stream: _stream, ...body } = value
      return JSON.stringify(body)
    },
    // The vendor's client makes an ApiError of a part with a member `error`.
    errorEvent(code, message) {
      const [status, name] = statusOf(code)
      const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: code, domain: 'sallyport' }]
      return JSON.stringify({ error: { code: status, message, status: name, details } })
    },
  }),
})

// The vendor's words (google.rpc.Code) for kinds of refusals.
const statuses: readonly (readonly [codes: RegExp, status: number, name: string])[] = [
  [/^(?:identity_|binding_|replayed|step_up_required)/, 401, 'UNAUTHENTICATED'],
  [/^(?:payload_|decryption_failed)/, 400, 'INVALID_ARGUMENT'],
  [/^limit_exceeded/, 429, 'RESOURCE_EXHAUSTED'],
  [/_unavailable$|^switched_off/, 503, 'UNAVAILABLE'],
  [/^deadline_exceeded/, 504, 'DEADLINE_EXCEEDED'],
  [/^aborted/, 499, 'CANCELLED'],
  [/^misconfigured/, 500, 'INTERNAL'],
]

function statusOf(code: string): readonly [number, string] {
  const [, status, name] = statuses.find(([codes]) => codes.test(code)) ?? [undefined, 403, 'PERMISSION_DENIED']
  return [status, name]
}
