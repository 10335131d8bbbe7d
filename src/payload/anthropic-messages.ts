import type { Codec } from '../guard/codec.ts'
import { messagesAnswer } from './anthropic-messages-answer.ts'
import { capMessages, messagesFacts, type MessagesRequest, messagesRequest } from './anthropic-messages-request.ts'
import { jsonCodec, jsonWire } from './json-codec.ts'
import { isRecord } from './shape.ts'

/**
 * The shape of Anthropic's messages: requests, whole answers, streamed answers and the vendor's errors.
 *
 * - Every string is a text with a position, or an identifier, or one of a few known words. A member, a role, a block, a
 *   tool type that is not known is refused as `payload_unsupported`.
 * - Refused by name: what runs at the vendor (web search and fetch, code execution, tool search, remote MCP servers, their
 *   calls and results) and references into its store (files, containers, earlier messages).
 * - Signatures and redacted thinking are identifiers: shown, and never rewritten. Where the thinking that a signature covers is
 *   rewritten, the vendor may refuse it when it comes back.
 * - Channels of a streamed answer are `blocks/0/text` and `blocks/0/thinking`, by the block's index, and end with the block. The
 *   input of a tool is one text for each of its strings, once its deltas are assembled.
 *
 * ```ts
 * guarded.protect(callModel, { action: 'chat', resource: { type: 'model', id: 'claude-opus-5' }, codec: anthropicMessages })
 * ```
 */
export const anthropicMessages: Codec<MessagesRequest> = jsonCodec({
  name: 'anthropic-messages',
  request: messagesRequest,
  facts: messagesFacts,
  cap: capMessages,
  answer: messagesAnswer,
  wire: jsonWire({
    // The vendor's clients tell events apart by their types, and make an APIError of one named `error`.
    eventType: (part) => (isRecord(part) && typeof part.type === 'string' ? part.type : undefined),
    errorEvent: (code, message) => JSON.stringify({ type: 'error', error: { type: typeOf(code), message, details: { error_code: code } } }),
    errorEventType: 'error',
  }),
})

// The vendor's words for kinds of refusals.
const types: readonly (readonly [codes: RegExp, type: string])[] = [
  [/^(?:identity_|binding_|replayed|step_up_required)/, 'authentication_error'],
  [/^(?:payload_|decryption_failed)/, 'invalid_request_error'],
  [/^(?:denied|approval_required|obligation_unmet|switched_off)/, 'permission_error'],
  [/^limit_exceeded/, 'rate_limit_error'],
]

function typeOf(code: string): string {
  return types.find(([codes]) => codes.test(code))?.[1] ?? 'api_error'
}
