const providerOptions = {
  openai: { reasoningEffort: 'low', instructions: 'instruction prose', store: false },
  anthropic: { thinking: { type: 'enabled' } },
}
const partOptions = { anthropic: { signature: 'EqQBCgIYAhIkMWYw', cacheControl: { type: 'ephemeral' } } }

/** A call with everything in it that is not refused, by the types of `@ai-sdk/provider` 2.0, 3.0 and 4.0. */
export function fullCall(): object {
  return {
    model: 'gpt-5',
    stream: true,
    prompt: [
      { role: 'system', content: 'system prose', providerOptions: partOptions },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'user prose', providerOptions: partOptions },
          { type: 'file', mediaType: 'image/png', data: new Uint8Array([1, 2]), filename: 'file name.png' },
          { type: 'file', mediaType: 'image/png', data: 'iVBORw0KGgo=' },
          { type: 'file', mediaType: 'image/png', data: 'https://pictures.example/1?q=a' },
          { type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'iVBORw0KGgo=' } },
          {
            type: 'file',
            mediaType: 'image/png',
            data: { type: 'url', url: 'https://pictures.example/2', originalUrl: 'https://pictures.example/3' },
          },
          { type: 'file', mediaType: 'text/plain', data: { type: 'text', text: 'document prose' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'thought prose', providerOptions: partOptions },
          { type: 'text', text: 'assistant prose' },
          {
            type: 'tool-call',
            toolCallId: 'call_1',
            toolName: 'send_mail',
            input: { to: 'tool prose', 'odd key': [1, 4111111111111111, { deep: 'a\nb' }] },
          },
        ],
      },
      {
        role: 'tool',
        content: [
          { type: 'tool-result', toolCallId: 'call_1', toolName: 'send_mail', output: { type: 'text', value: 'tool result' } },
          {
            type: 'tool-result',
            toolCallId: 'call_2',
            toolName: 'send_mail',
            output: { type: 'json', value: { note: 'json result', 'odd key': [true] } },
          },
          { type: 'tool-result', toolCallId: 'call_3', toolName: 'send_mail', output: { type: 'error-text', value: 'error result' } },
          { type: 'tool-result', toolCallId: 'call_4', toolName: 'send_mail', output: { type: 'execution-denied', reason: 'denied prose' } },
          {
            type: 'tool-result',
            toolCallId: 'call_5',
            toolName: 'send_mail',
            output: {
              type: 'content',
              value: [
                { type: 'text', text: 'content result' },
                { type: 'media', data: 'iVBORw0KGgo=', mediaType: 'image/png' },
                { type: 'image-url', url: 'https://pictures.example/4' },
                { type: 'file', mediaType: 'image/png', data: { type: 'url', url: 'https://pictures.example/5' } },
              ],
            },
          },
        ],
      },
    ],
    tools: [
      {
        type: 'function',
        name: 'send_mail',
        description: 'tool description',
        inputSchema: { type: 'object', properties: { to: { type: 'string', description: 'parameter description' } } },
        inputExamples: [{ input: { to: 'example prose' } }],
        strict: true,
      },
      { type: 'provider', id: 'anthropic.bash_20250124', name: 'bash', args: {} },
    ],
    toolChoice: { type: 'tool', toolName: 'send_mail' },
    responseFormat: { type: 'json', schema: { title: 'schema prose' }, name: 'answer', description: 'format description' },
    providerOptions,
    maxOutputTokens: 500,
    temperature: 0.2,
    topP: 1,
    topK: 5,
    presencePenalty: 0.5,
    frequencyPenalty: -0.5,
    seed: 7,
    stopSequences: ['stop prose'],
    includeRawChunks: false,
    reasoning: 'low',
  }
}

const providerMetadata = { openai: { itemId: 'msg_1', note: 'metadata prose' } }

const source = { type: 'source', sourceType: 'url', id: 'source-1', url: 'https://source.example/a b', title: 'title prose', providerMetadata }

/** A result of `doGenerate` with everything in it that is not refused. */
export function fullResult(): object {
  return {
    content: [
      { type: 'reasoning', text: 'thought prose', providerMetadata },
      { type: 'text', text: 'answer prose', providerMetadata, citations: [{ source, startIndex: 0, endIndex: 3, citedText: 'cited prose' }] },
      { type: 'tool-call', toolCallId: 'call_1', toolName: 'send_mail', input: '{"to":"tool prose","odd key":[true,null,"b"]}', providerMetadata },
      source,
      { type: 'source', sourceType: 'document', id: 'source-2', mediaType: 'application/pdf', title: 'document prose', filename: 'file name.pdf' },
    ],
    structuredOutputText: 'structured prose',
    finishReason: { unified: 'tool-calls', raw: 'tool_calls' },
    usage: {
      inputTokens: { total: 10, noCache: 10, cacheRead: 0 },
      outputTokens: { total: 20, text: 16, reasoning: 4 },
      raw: { input_tokens: 10, tier: 'raw prose' },
    },
    providerMetadata,
    response: { id: 'resp_1', modelId: 'gpt-5-2026-01-01' },
    warnings: [{ type: 'other', message: 'warning prose' }],
  }
}

/** The parts of a stream that thinks, speaks and calls a tool, cut as given. */
export function modelParts(cut: {
  readonly reasoning: readonly string[]
  readonly text: readonly string[]
  readonly input: readonly string[]
}): object[] {
  return [
    { type: 'stream-start', warnings: [{ type: 'unsupported', feature: 'seed', details: 'warning prose' }] },
    { type: 'response-metadata', id: 'resp_1', modelId: 'gpt-5-2026-01-01' },
    { type: 'reasoning-start', id: '0', providerMetadata },
    ...cut.reasoning.map((delta) => ({ type: 'reasoning-delta', id: '0', delta })),
    { type: 'reasoning-end', id: '0' },
    { type: 'text-start', id: 'msg_1' },
    ...cut.text.map((delta) => ({ type: 'text-delta', id: 'msg_1', delta, providerMetadata })),
    { type: 'text-end', id: 'msg_1', citations: [{ source, citedText: 'cited prose' }] },
    { type: 'tool-input-start', id: 'call_1', toolName: 'send_mail', dynamic: false, title: 'title prose' },
    ...cut.input.map((delta) => ({ type: 'tool-input-delta', id: 'call_1', delta })),
    { type: 'tool-input-end', id: 'call_1' },
    { type: 'tool-call', toolCallId: 'call_1', toolName: 'send_mail', input: cut.input.join('') },
    source,
    { type: 'ping' },
    { type: 'finish', finishReason: 'tool-calls', usage: { inputTokens: 10, outputTokens: 20, totalTokens: 30 }, providerMetadata },
    { type: 'error', error: { name: 'APICallError', message: 'error prose' } },
  ]
}
