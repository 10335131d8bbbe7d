import type { WireOperation } from '../../src/adapters/web/server-options.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'

/** Chats with one model. */
export const chatOperation: WireOperation<ChatRequest> = { action: 'chat', resource: { type: 'model', id: 'm' }, codec: openaiChat }

/** A request for a chat. */
export function chatRequest(content: string, more: Partial<ChatRequest> = {}): ChatRequest {
  return { model: 'm', messages: [{ role: 'user', content }], ...more }
}

/** A whole answer. */
export function completion(content: string): object {
  return {
    id: 'c1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop', logprobs: null }],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  }
}

/** One part of a streamed answer. */
export function chunk(content: string, finish: string | null = null): object {
  return {
    id: 'c1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason: finish }],
  }
}

/** Parts as the body of a vendor's streamed answer. */
export function eventsOf(parts: readonly object[], end = 'data: [DONE]\n\n'): string {
  return parts.map((part) => `data: ${JSON.stringify(part)}\n\n`).join('') + end
}

/** A request to a guarded server. */
export function post(body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Request {
  return new Request('https://server.test/v1/chat?x=1', {
    method: 'POST',
    headers: { authorization: 'Bearer ada', 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  })
}
