import type OpenAI from 'openai'

type Params = OpenAI.Responses.ResponseCreateParams
type Answer = OpenAI.Responses.Response
type Event = OpenAI.Responses.ResponseStreamEvent

/** A request with everything in it that is not refused, in the types of the vendor's own client. */
export function fullResponses(): Params {
  return {
    model: 'gpt-5-mini',
    instructions: 'instruction prose',
    input: [
      { role: 'developer', content: 'developer prose' },
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'system prose' }] },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'user prose' },
          { type: 'input_image', detail: 'low', image_url: 'https://pictures.example/1?q=a' },
          { type: 'input_image', detail: 'auto', image_url: 'data:image/png;base64,iVBORw0KGgo=', file_id: null },
          { type: 'input_file', file_url: 'https://papers.example/1.pdf', filename: 'file name.pdf' },
          { type: 'input_file', file_data: 'data:application/pdf;base64,JVBERi0=' },
        ],
      },
      {
        id: 'rs_1',
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 'summary prose' }],
        content: [{ type: 'reasoning_text', text: 'thought prose' }],
        encrypted_content: 'gAAAAABm_x-1',
        status: 'completed',
      },
      {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        phase: 'final_answer',
        content: [
          {
            type: 'output_text',
            text: 'assistant prose',
            annotations: [{ type: 'url_citation', start_index: 0, end_index: 3, title: 'title prose', url: 'https://source.example/a' }],
          },
          { type: 'refusal', refusal: 'refusal prose' },
        ],
      },
      {
        type: 'function_call',
        id: 'fc_1',
        call_id: 'call_1',
        name: 'send_mail',
        arguments: '{ "to": "tool prose", "odd key": [1, 4111111111111111, {"deep": "a\\nb"}] }',
        status: 'completed',
      },
      { type: 'function_call_output', call_id: 'call_1', output: 'tool result' },
      { type: 'custom_tool_call', call_id: 'call_2', name: 'run', input: 'custom prose' },
      { type: 'custom_tool_call_output', call_id: 'call_2', output: [{ type: 'input_text', text: 'custom result' }] },
      { role: 'assistant', content: 'plain assistant prose' },
    ],
    tools: [
      {
        type: 'function',
        name: 'send_mail',
        description: 'tool description',
        strict: true,
        parameters: { type: 'object', properties: { to: { type: 'string', description: 'parameter description' } }, required: ['to'] },
      },
      { type: 'custom', name: 'run', description: 'custom description', format: { type: 'grammar', definition: 'grammar prose', syntax: 'lark' } },
    ],
    tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'send_mail' }] },
    text: {
      format: { type: 'json_schema', name: 'answer', description: 'schema description', schema: { title: 'schema title' }, strict: true },
      verbosity: 'low',
    },
    reasoning: { effort: 'low', summary: 'auto' },
    include: ['reasoning.encrypted_content'],
    metadata: { plain: 'metadata prose', 'odd metadata': 'more metadata' },
    prompt_cache_key: 'cache key',
    prompt_cache_retention: '24h',
    safety_identifier: 'safety id',
    user: 'user id',
    service_tier: 'flex',
    max_output_tokens: 500,
    parallel_tool_calls: true,
    stream: true,
    stream_options: { include_obfuscation: false },
    store: false,
    background: false,
    previous_response_id: null,
    conversation: null,
    temperature: 0.2,
    top_p: 1,
    truncation: 'auto',
  }
}

/** A whole answer with everything in it that is not refused. */
export function fullResponse(): Answer {
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_767_225_600,
    status: 'completed',
    model: 'gpt-5-mini-2025-08-07',
    error: null,
    incomplete_details: null,
    instructions: 'instruction prose',
    metadata: { plain: 'metadata prose' },
    output_text: 'answer prose',
    output: [
      {
        id: 'rs_1',
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 'summary prose' }],
        content: [{ type: 'reasoning_text', text: 'thought prose' }],
        encrypted_content: 'gAAAAABm_x-1',
        status: 'completed',
      },
      {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [
          {
            type: 'output_text',
            text: 'answer prose',
            annotations: [{ type: 'url_citation', start_index: 0, end_index: 3, title: 'title prose', url: 'https://source.example/a b' }],
            logprobs: [],
          },
          { type: 'refusal', refusal: 'refusal prose' },
        ],
      },
      {
        type: 'function_call',
        id: 'fc_1',
        call_id: 'call_1',
        name: 'send_mail',
        arguments: '{"to":"tool prose","odd key":[true,null,"b"]}',
        status: 'completed',
      },
      { type: 'custom_tool_call', id: 'ct_1', call_id: 'call_2', name: 'run', input: 'custom prose' },
    ],
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [{ type: 'function', name: 'send_mail', description: 'tool description', strict: true, parameters: {} }],
    top_p: 1,
    previous_response_id: null,
    reasoning: { effort: 'low', summary: 'auto' },
    text: { format: { type: 'text' }, verbosity: 'low' },
    truncation: 'disabled',
    usage: {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 4 },
      total_tokens: 30,
    },
  }
}

/** The events of an answer that thinks, speaks, declines and calls two tools, cut as given. */
export function responseEvents(cut: {
  readonly summary: readonly string[]
  readonly text: readonly string[]
  readonly refusal: readonly string[]
  readonly args: readonly string[]
  readonly input: readonly string[]
}): Event[] {
  const whole = { ...fullResponse(), output_text: '' }
  let sequence_number = 0
  const events: Event[] = []
  const tell = (event: object): void => void events.push({ ...event, sequence_number: sequence_number++ } as Event)
  const join = (pieces: readonly string[]): string => pieces.join('')
  tell({ type: 'response.created', response: { ...whole, status: 'in_progress', output: [], usage: null } })
  tell({ type: 'response.in_progress', response: { ...whole, status: 'in_progress', output: [], usage: null } })

  const reasoning = { id: 'rs_1', type: 'reasoning', summary: [{ type: 'summary_text', text: join(cut.summary) }] }
  tell({ type: 'response.output_item.added', output_index: 0, item: { ...reasoning, summary: [] } })
  const inSummary = { item_id: 'rs_1', output_index: 0, summary_index: 0 }
  tell({ type: 'response.reasoning_summary_part.added', ...inSummary, part: { type: 'summary_text', text: '' } })
  for (const delta of cut.summary) tell({ type: 'response.reasoning_summary_text.delta', ...inSummary, delta })
  tell({ type: 'response.reasoning_summary_text.done', ...inSummary, text: join(cut.summary) })
  tell({ type: 'response.reasoning_summary_part.done', ...inSummary, part: { type: 'summary_text', text: join(cut.summary) } })
  tell({ type: 'response.output_item.done', output_index: 0, item: reasoning })

  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [
      { type: 'output_text', text: join(cut.text), annotations: [], logprobs: [] },
      { type: 'refusal', refusal: join(cut.refusal) },
    ],
  }
  tell({ type: 'response.output_item.added', output_index: 1, item: { ...message, status: 'in_progress', content: [] } })
  const inText = { item_id: 'msg_1', output_index: 1, content_index: 0 }
  tell({ type: 'response.content_part.added', ...inText, part: { type: 'output_text', text: '', annotations: [], logprobs: [] } })
  for (const delta of cut.text) tell({ type: 'response.output_text.delta', ...inText, delta, logprobs: [], obfuscation: 'x1y2' })
  tell({ type: 'response.output_text.done', ...inText, text: join(cut.text), logprobs: [] })
  tell({ type: 'response.content_part.done', ...inText, part: message.content[0] })
  const inRefusal = { item_id: 'msg_1', output_index: 1, content_index: 1 }
  tell({ type: 'response.content_part.added', ...inRefusal, part: { type: 'refusal', refusal: '' } })
  for (const delta of cut.refusal) tell({ type: 'response.refusal.delta', ...inRefusal, delta })
  tell({ type: 'response.refusal.done', ...inRefusal, refusal: join(cut.refusal) })
  tell({ type: 'response.content_part.done', ...inRefusal, part: message.content[1] })
  tell({ type: 'response.output_item.done', output_index: 1, item: message })

  const call = { id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'send_mail', arguments: join(cut.args), status: 'completed' }
  tell({ type: 'response.output_item.added', output_index: 2, item: { ...call, arguments: '', status: 'in_progress' } })
  for (const delta of cut.args) tell({ type: 'response.function_call_arguments.delta', item_id: 'fc_1', output_index: 2, delta })
  tell({ type: 'response.function_call_arguments.done', item_id: 'fc_1', output_index: 2, name: 'send_mail', arguments: join(cut.args) })
  tell({ type: 'response.output_item.done', output_index: 2, item: call })

  const custom = { id: 'ct_1', type: 'custom_tool_call', call_id: 'call_2', name: 'run', input: join(cut.input) }
  tell({ type: 'response.output_item.added', output_index: 3, item: { ...custom, input: '' } })
  for (const delta of cut.input) tell({ type: 'response.custom_tool_call_input.delta', item_id: 'ct_1', output_index: 3, delta })
  tell({ type: 'response.custom_tool_call_input.done', item_id: 'ct_1', output_index: 3, input: join(cut.input) })
  tell({ type: 'response.output_item.done', output_index: 3, item: custom })

  tell({ type: 'response.completed', response: { ...whole, output: [reasoning, message, call, custom] } })
  return events
}
