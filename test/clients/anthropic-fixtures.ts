import type Anthropic from '@anthropic-ai/sdk'
import { answered } from './vendor.ts'

// What the vendor says, of the types that its own package declares.

export const said = `write to ${answered}`
const input = { to: answered }

const usage: Anthropic.Usage = {
  cache_creation: null,
  cache_creation_input_tokens: null,
  cache_read_input_tokens: null,
  inference_geo: null,
  input_tokens: 9,
  output_tokens: 12,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: 'standard',
  speed: null,
}

export function message(content: Anthropic.ContentBlock[], stop: Anthropic.StopReason | null = 'end_turn'): Anthropic.Message {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5',
    content,
    container: null,
    diagnostics: null,
    stop_details: null,
    stop_reason: stop,
    stop_sequence: null,
    usage,
  }
}

export const text = (value: string): Anthropic.TextBlock => ({ type: 'text', text: value, citations: null })

export const toolUse: Anthropic.ToolUseBlock = { type: 'tool_use', id: 'toolu_1', name: 'send_mail', input, caller: { type: 'direct' } }

function ending(stop: Anthropic.StopReason): readonly Anthropic.RawMessageStreamEvent[] {
  return [
    {
      type: 'message_delta',
      delta: { container: null, stop_details: null, stop_reason: stop, stop_sequence: null },
      usage: {
        cache_creation_input_tokens: null,
        cache_read_input_tokens: null,
        input_tokens: null,
        output_tokens: 12,
        output_tokens_details: null,
        server_tool_use: null,
      },
    },
    { type: 'message_stop' },
  ]
}

const start: Anthropic.RawMessageStartEvent = { type: 'message_start', message: message([], null) }

export const events: readonly Anthropic.RawMessageStreamEvent[] = [
  start,
  { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
  ...[answered.slice(0, 6), answered.slice(6)].map(
    (thinking): Anthropic.RawMessageStreamEvent => ({ type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking } }),
  ),
  { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'c2ln' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'content_block_start', index: 1, content_block: text('') },
  ...['write to ', answered.slice(0, 4), answered.slice(4)].map(
    (piece): Anthropic.RawMessageStreamEvent => ({ type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: piece } }),
  ),
  { type: 'content_block_stop', index: 1 },
  ...ending('end_turn'),
]

const args = JSON.stringify(input)

export const toolEvents: readonly Anthropic.RawMessageStreamEvent[] = [
  start,
  { type: 'content_block_start', index: 0, content_block: { ...toolUse, input: {} } },
  ...['', args.slice(0, 9), args.slice(9)].map(
    (piece): Anthropic.RawMessageStreamEvent => ({ type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: piece } }),
  ),
  { type: 'content_block_stop', index: 0 },
  ...ending('tool_use'),
]

export const failure = (type: Anthropic.ErrorType, said: string) => ({ type: 'error', error: { type, message: said }, request_id: 'req_1' })
