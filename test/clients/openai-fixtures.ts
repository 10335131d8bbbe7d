import type OpenAI from 'openai'
import { answered } from './vendor.ts'

// What the vendor says, of the types that its own package declares.

type Completion = OpenAI.ChatCompletion
type Chunk = OpenAI.ChatCompletionChunk
type ResponseEvent = OpenAI.Responses.ResponseStreamEvent

const of = { id: 'chatcmpl-1', created: 1_767_225_600, model: 'gpt-5' } as const

export function completion(message: Partial<Completion['choices'][number]['message']>, finish: 'stop' | 'tool_calls' = 'stop'): Completion {
  return {
    ...of,
    object: 'chat.completion',
    choices: [{ index: 0, finish_reason: finish, logprobs: null, message: { role: 'assistant', content: null, refusal: null, ...message } }],
    usage: {
      prompt_tokens: 9,
      completion_tokens: 12,
      total_tokens: 21,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
    },
    service_tier: 'default',
    system_fingerprint: 'fp_1',
  }
}

export function chunk(delta: Chunk['choices'][number]['delta'], finish: 'stop' | 'tool_calls' | null = null): Chunk {
  return { ...of, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }] }
}

const { length } = answered

export const said = `write to ${answered}`

export const chunks: readonly Chunk[] = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'write to ' }),
  chunk({ content: answered.slice(0, 5) }),
  chunk({ content: answered.slice(5, length) }),
  chunk({}, 'stop'),
  { ...of, object: 'chat.completion.chunk', choices: [], usage: { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 } },
]

const args = JSON.stringify({ to: answered })

export const toolCall: OpenAI.ChatCompletionMessageFunctionToolCall = {
  id: 'call_1',
  type: 'function',
  function: { name: 'send_mail', arguments: args },
}

export const toolChunks: readonly Chunk[] = [
  chunk({
    role: 'assistant',
    content: null,
    tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'send_mail', arguments: '' } }],
  }),
  ...[args.slice(0, 9), args.slice(9)].map((piece) => chunk({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
  chunk({}, 'tool_calls'),
]

const outputText = (text: string): OpenAI.Responses.ResponseOutputText => ({ type: 'output_text', text, annotations: [], logprobs: [] })

const message = (text: string): OpenAI.Responses.ResponseOutputMessage => ({
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [outputText(text)],
})

const call: OpenAI.Responses.ResponseFunctionToolCall = {
  type: 'function_call',
  id: 'fc_1',
  call_id: 'call_1',
  name: 'send_mail',
  arguments: args,
  status: 'completed',
}

export function response(
  output: OpenAI.Responses.ResponseOutputItem[] = [message(said), call],
  status: 'completed' | 'in_progress' = 'completed',
): OpenAI.Responses.Response {
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_767_225_600,
    status,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: 'gpt-5',
    output,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    max_output_tokens: null,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    text: { format: { type: 'text' } },
    truncation: 'disabled',
    usage: {
      input_tokens: 9,
      output_tokens: 12,
      total_tokens: 21,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 0 },
    },
    // Not on the wire: what the package adds to it.
    output_text: undefined as never,
  }
}

export const responseEvents: readonly ResponseEvent[] = [
  { type: 'response.created', sequence_number: 0, response: response([], 'in_progress') },
  { type: 'response.in_progress', sequence_number: 1, response: response([], 'in_progress') },
  { type: 'response.output_item.added', sequence_number: 2, output_index: 0, item: { ...message(''), status: 'in_progress', content: [] } },
  { type: 'response.content_part.added', sequence_number: 3, item_id: 'msg_1', output_index: 0, content_index: 0, part: outputText('') },
  ...['write to ', answered.slice(0, 7), answered.slice(7)].map(
    (delta, index): ResponseEvent => ({
      type: 'response.output_text.delta',
      sequence_number: 4 + index,
      item_id: 'msg_1',
      output_index: 0,
      content_index: 0,
      delta,
      logprobs: [],
    }),
  ),
  { type: 'response.output_text.done', sequence_number: 7, item_id: 'msg_1', output_index: 0, content_index: 0, text: said, logprobs: [] },
  { type: 'response.content_part.done', sequence_number: 8, item_id: 'msg_1', output_index: 0, content_index: 0, part: outputText(said) },
  { type: 'response.output_item.done', sequence_number: 9, output_index: 0, item: message(said) },
  { type: 'response.output_item.added', sequence_number: 10, output_index: 1, item: { ...call, arguments: '', status: 'in_progress' } },
  ...[args.slice(0, 4), args.slice(4)].map(
    (delta, index): ResponseEvent => ({
      type: 'response.function_call_arguments.delta',
      sequence_number: 11 + index,
      item_id: 'fc_1',
      output_index: 1,
      delta,
    }),
  ),
  { type: 'response.function_call_arguments.done', sequence_number: 13, item_id: 'fc_1', output_index: 1, name: 'send_mail', arguments: args },
  { type: 'response.output_item.done', sequence_number: 14, output_index: 1, item: call },
  { type: 'response.completed', sequence_number: 15, response: response() },
]

export const embedding: OpenAI.CreateEmbeddingResponse = {
  object: 'list',
  model: 'text-embedding-3-small',
  data: [{ object: 'embedding', index: 0, embedding: [0.25, -0.5] }],
  usage: { prompt_tokens: 3, total_tokens: 3 },
}

export const failure = (code: string, text: string) => ({ error: { message: text, type: 'server_error', code, param: null } })
