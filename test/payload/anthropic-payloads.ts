/** A request with everything in it that is not refused, by the types of the vendor's own client (`@anthropic-ai/sdk` 1.13). */
export function fullMessages(): object {
  const cache_control = { type: 'ephemeral', ttl: '1h' }
  return {
    model: 'claude-sonnet-5',
    max_tokens: 2048,
    system: [{ type: 'text', text: 'system prose', cache_control }],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'user prose', cache_control, citations: null },
          { type: 'image', source: { type: 'url', url: 'https://pictures.example/1?q=a' } },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' }, cache_control },
          {
            type: 'document',
            source: { type: 'text', media_type: 'text/plain', data: 'document prose' },
            title: 'title prose',
            context: 'context prose',
            citations: { enabled: true },
          },
          { type: 'document', source: { type: 'content', content: [{ type: 'text', text: 'inner prose' }] } },
          { type: 'document', source: { type: 'url', url: 'https://papers.example/1.pdf' } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } },
          { type: 'search_result', source: 'source prose', title: 'found prose', content: [{ type: 'text', text: 'result prose' }] },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'thought prose', signature: 'EqQBCgIYAhIkMWYw' },
          { type: 'redacted_thinking', data: 'EmwKAhgBEgyLiE=' },
          {
            type: 'text',
            text: 'assistant prose',
            citations: [
              {
                type: 'char_location',
                cited_text: 'cited prose',
                document_index: 0,
                document_title: 'cited title',
                start_char_index: 0,
                end_char_index: 4,
              },
              { type: 'page_location', cited_text: 'page prose', document_index: 0, document_title: null, start_page_number: 1, end_page_number: 2 },
              {
                type: 'content_block_location',
                cited_text: 'block prose',
                document_index: 0,
                document_title: null,
                start_block_index: 0,
                end_block_index: 1,
              },
              {
                type: 'search_result_location',
                cited_text: 'hit prose',
                search_result_index: 0,
                source: 'hit source',
                title: null,
                start_block_index: 0,
                end_block_index: 1,
              },
            ],
          },
          {
            type: 'tool_use',
            id: 'toolu_01A',
            name: 'send_mail',
            input: { to: 'tool prose', 'odd key': [1, 4111111111111111, { deep: 'a\nb' }], n: 12 },
            caller: { type: 'direct' },
          },
        ],
      },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 'toolu_01A',
            is_error: false,
            content: [
              { type: 'text', text: 'tool result' },
              { type: 'image', source: { type: 'url', url: 'https://pictures.example/2' } },
            ],
          },
          { type: 'tool_result', tool_use_id: 'toolu_01B', content: 'another result' },
        ],
      },
      { role: 'system', content: 'late instructions' },
      { role: 'assistant', content: 'prefilled prose' },
    ],
    tools: [
      {
        type: 'custom',
        name: 'send_mail',
        description: 'tool description',
        input_schema: { type: 'object', properties: { to: { type: 'string', description: 'parameter description' } }, required: ['to'] },
        input_examples: [{ to: 'example prose' }],
        allowed_callers: ['direct'],
        strict: true,
      },
      { name: 'plain', input_schema: { type: 'object' } },
      { type: 'bash_20250124', name: 'bash' },
      { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool', max_characters: 1000 },
    ],
    tool_choice: { type: 'tool', name: 'send_mail', disable_parallel_tool_use: true },
    thinking: { type: 'enabled', budget_tokens: 1024, display: 'summarized' },
    output_config: { effort: 'low', format: { type: 'json_schema', schema: { title: 'schema title' } } },
    metadata: { user_id: 'user id' },
    stop_sequences: ['stop prose'],
    service_tier: 'auto',
    speed: 'fast',
    inference_geo: 'eu',
    stream: true,
    temperature: 0.2,
    top_k: 5,
    top_p: 1,
    container: null,
  }
}

const usage = {
  input_tokens: 10,
  cache_creation_input_tokens: 3,
  cache_read_input_tokens: 4,
  cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 0 },
  output_tokens: 1,
  output_tokens_details: null,
  server_tool_use: null,
  service_tier: 'standard',
  inference_geo: null,
  speed: 'standard',
}

/** A whole answer with everything in it that is not refused. */
export function fullMessage(): object {
  return {
    id: 'msg_01A',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-5-20260101',
    container: null,
    diagnostics: null,
    content: [
      { type: 'thinking', thinking: 'thought prose', signature: 'EqQBCgIYAhIkMWYw' },
      { type: 'redacted_thinking', data: 'EmwKAhgBEgyLiE=' },
      {
        type: 'text',
        text: 'answer prose',
        citations: [
          {
            type: 'char_location',
            cited_text: 'cited prose',
            document_index: 0,
            document_title: 'cited title',
            file_id: null,
            start_char_index: 0,
            end_char_index: 4,
          },
        ],
      },
      { type: 'tool_use', id: 'toolu_01A', name: 'send_mail', input: { to: 'tool prose', 'odd key': [true, null, 'b'] }, caller: { type: 'direct' } },
    ],
    stop_reason: 'refusal',
    stop_sequence: 'stop prose',
    stop_details: { type: 'refusal', category: 'cyber', explanation: 'explained prose' },
    usage: { ...usage, output_tokens: 20 },
  }
}

/** The events of an answer that thinks, speaks and calls two tools, cut as given. */
export function messageEvents(texts: {
  readonly thinking: readonly string[]
  readonly text: readonly string[]
  readonly calls: readonly (readonly string[])[]
}): object[] {
  const { thinking, text, calls } = texts
  const block = (index: number, content_block: object, deltas: readonly object[]): object[] => [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
  const { content: _, ...message } = fullMessage() as { content: unknown }
  return [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null, stop_sequence: null, stop_details: null, usage } },
    { type: 'ping' },
    ...block(0, { type: 'thinking', thinking: '', signature: '' }, [
      ...thinking.map((piece) => ({ type: 'thinking_delta', thinking: piece })),
      { type: 'signature_delta', signature: 'EqQBCgIY' },
      { type: 'signature_delta', signature: 'AhIkMWYw' },
    ]),
    ...block(
      1,
      { type: 'text', text: '', citations: null },
      text.map((piece) => ({ type: 'text_delta', text: piece })),
    ),
    ...calls.flatMap((pieces, call) =>
      block(
        call + 2,
        { type: 'tool_use', id: `toolu_0${call}`, name: 'send_mail', input: {} },
        pieces.map((piece) => ({ type: 'input_json_delta', partial_json: piece })),
      ),
    ),
    {
      type: 'message_delta',
      delta: { stop_reason: 'tool_use', stop_sequence: null, container: null },
      usage: { output_tokens: 20, input_tokens: null },
    },
    { type: 'message_stop' },
  ]
}
