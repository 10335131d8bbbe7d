import { Heard, member, type Protocol } from './protocol.ts'

const tool = 'send_mail'
const choices = (delta: object, finish: string | null = null): object => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1_767_225_600,
  model: 'gpt-5',
  choices: [{ index: 0, delta, finish_reason: finish }],
})

/** OpenAI chat completions. */
export const chatCompletions: Protocol = {
  name: 'OpenAI chat completions',
  url: 'https://vendor.example/v1/chat/completions',
  request: { model: 'gpt-5', stream: true, messages: [{ role: 'user', content: 'hi' }] },
  texts: ['content', 'refusal', 'reasoning_content'],
  calls: ['arguments'],
  first: () => [choices({ role: 'assistant' })],
  last: () => [choices({}, 'stop')],
  begin: (text) =>
    text === 'arguments' ? [choices({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: tool, arguments: '' } }] })] : [],
  piece: (text, piece) => choices(text === 'arguments' ? { tool_calls: [{ index: 0, function: { arguments: piece } }] } : { [text]: piece }),
  end: () => [],
  heard(parts) {
    const heard = new Heard()
    for (const part of parts) {
      const delta = member(part, 'choices', 0, 'delta')
      for (const text of this.texts) heard.add(text, member(delta, text))
      heard.add('arguments', member(delta, 'tool_calls', 0, 'function', 'arguments'))
    }
    return heard.texts
  },
  endMarker: '[DONE]',
}

const typeOf = (part: unknown): string => String(member(part, 'type'))

const blockOf: Readonly<Record<string, number>> = { thinking: 0, text: 1, input: 2 }

/** Anthropic messages. */
export const messages: Protocol = {
  name: 'Anthropic messages',
  url: 'https://vendor.example/v1/messages',
  request: { model: 'claude-sonnet-5', max_tokens: 100, stream: true, messages: [{ role: 'user', content: 'hi' }] },
  texts: ['thinking', 'text'],
  calls: ['input'],
  first: () => [
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude-sonnet-5',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    },
  ],
  last: () => [
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 9 } },
    { type: 'message_stop' },
  ],
  begin(text) {
    const block = text === 'input' ? { type: 'tool_use', id: 'toolu_1', name: tool, input: {} } : { type: text, [text]: '' }
    return [{ type: 'content_block_start', index: blockOf[text], content_block: block }]
  },
  piece(text, piece) {
    const delta = text === 'input' ? { type: 'input_json_delta', partial_json: piece } : { type: `${text}_delta`, [text]: piece }
    return { type: 'content_block_delta', index: blockOf[text], delta }
  },
  end: (text) => [{ type: 'content_block_stop', index: blockOf[text] }],
  heard(parts) {
    const heard = new Heard()
    for (const part of parts) {
      for (const text of this.texts) heard.add(text, member(part, 'delta', text))
      heard.add('input', member(part, 'delta', 'partial_json'))
    }
    return heard.texts
  },
  eventType: typeOf,
}

const places: Readonly<Record<string, { readonly event: string; readonly at: object; readonly part: (text: string) => object }>> = {
  summary: {
    event: 'response.reasoning_summary_text',
    at: { item_id: 'rs_1', output_index: 0, summary_index: 0 },
    part: (text) => ({ type: 'summary_text', text }),
  },
  text: {
    event: 'response.output_text',
    at: { item_id: 'msg_1', output_index: 1, content_index: 0 },
    part: (text) => ({ type: 'output_text', text, annotations: [] }),
  },
  refusal: {
    event: 'response.refusal',
    at: { item_id: 'msg_1', output_index: 1, content_index: 1 },
    part: (refusal) => ({ type: 'refusal', refusal }),
  },
}

const call = (args: string, status = 'completed'): object => ({
  type: 'function_call',
  id: 'fc_1',
  call_id: 'call_1',
  name: tool,
  arguments: args,
  status,
})
const response = (output: readonly object[]): object => ({ id: 'resp_1', object: 'response', created_at: 1, model: 'gpt-5', output })

/** OpenAI responses, which say each text again when it is done. */
export const responses: Protocol = {
  name: 'OpenAI responses',
  url: 'https://vendor.example/v1/responses',
  request: { model: 'gpt-5', input: 'hi', stream: true },
  texts: ['summary', 'text', 'refusal'],
  calls: ['arguments'],
  first: () => [{ type: 'response.created', sequence_number: 0, response: response([]) }],
  last(whole) {
    const content = ['text', 'refusal'].filter((text) => whole[text] !== undefined).map((text) => places[text]?.part(whole[text] ?? '') ?? {})
    const output: object[] = []
    if (whole.summary !== undefined) output.push({ type: 'reasoning', id: 'rs_1', summary: [places.summary?.part(whole.summary)] })
    if (content.length > 0) output.push({ type: 'message', id: 'msg_1', role: 'assistant', content })
    if (whole.arguments !== undefined) output.push(call(whole.arguments))
    return [{ type: 'response.completed', sequence_number: 0, response: response(output) }]
  },
  begin(text) {
    const place = places[text]
    if (place === undefined) return [{ type: 'response.output_item.added', sequence_number: 0, output_index: 2, item: call('', 'in_progress') }]
    const added = text === 'summary' ? 'response.reasoning_summary_part.added' : 'response.content_part.added'
    return [{ type: added, sequence_number: 0, ...place.at, part: place.part('') }]
  },
  piece(text, delta) {
    const place = places[text] ?? { event: 'response.function_call_arguments', at: { item_id: 'fc_1', output_index: 2 } }
    return { type: `${place.event}.delta`, sequence_number: 0, ...place.at, delta }
  },
  end(text, whole) {
    const place = places[text]
    if (place === undefined)
      return [
        { type: 'response.function_call_arguments.done', sequence_number: 0, item_id: 'fc_1', output_index: 2, name: tool, arguments: whole },
        { type: 'response.output_item.done', sequence_number: 0, output_index: 2, item: call(whole) },
      ]
    const done = text === 'summary' ? 'response.reasoning_summary_part.done' : 'response.content_part.done'
    return [
      { type: `${place.event}.done`, sequence_number: 0, ...place.at, [text === 'refusal' ? 'refusal' : 'text']: whole },
      { type: done, sequence_number: 0, ...place.at, part: place.part(whole) },
    ]
  },
  heard(parts) {
    const heard = new Heard()
    for (const part of parts) {
      const delta = member(part, 'delta')
      for (const text of this.texts) if (typeOf(part) === `${places[text]?.event}.delta`) heard.add(text, delta)
      if (typeOf(part) === 'response.function_call_arguments.delta') heard.add('arguments', delta)
    }
    return heard.texts
  },
  eventType: typeOf,
}

const candidate = (part: object, finish?: string): object => ({
  candidates: [{ content: { role: 'model', parts: [part] }, ...(finish !== undefined && { finishReason: finish }) }],
})

/** Gemini, whose tool calls come whole. */
export const gemini: Protocol = {
  name: 'Gemini',
  url: 'https://vendor.example/v1beta/models/gemini-3-flash:streamGenerateContent?alt=sse',
  request: { model: 'gemini-3-flash', contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
  texts: ['thought', 'text'],
  calls: [],
  first: () => [],
  last: () => [candidate({ text: '' }, 'STOP')],
  begin: () => [],
  piece: (text, piece) => candidate({ text: piece, ...(text === 'thought' && { thought: true }) }),
  end: () => [],
  heard(parts) {
    const heard = new Heard()
    for (const part of parts) {
      const said = member(part, 'candidates', 0, 'content', 'parts', 0)
      heard.add(member(said, 'thought') === true ? 'thought' : 'text', member(said, 'text'))
    }
    return heard.texts
  },
}

/** A language model of the AI SDK. */
export const languageModel: Protocol = {
  name: 'AI SDK language model',
  request: { prompt: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] },
  texts: ['reasoning', 'text'],
  calls: ['tool-input'],
  first: () => [{ type: 'stream-start', warnings: [] }],
  last: () => [{ type: 'finish', finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } }],
  begin: (text) => [{ type: `${text}-start`, id: text, ...(text === 'tool-input' && { toolName: tool }) }],
  piece: (text, delta) => ({ type: `${text}-delta`, id: text, delta }),
  end: (text, whole) => [
    { type: `${text}-end`, id: text },
    ...(text === 'tool-input' ? [{ type: 'tool-call', toolCallId: text, toolName: tool, input: whole }] : []),
  ],
  heard(parts) {
    const heard = new Heard()
    for (const part of parts) if (typeOf(part).endsWith('-delta')) heard.add(typeOf(part).slice(0, -'-delta'.length), member(part, 'delta'))
    return heard.texts
  },
}

const ai = (content: unknown, more: object = {}): object => ({ type: 'ai', id: 'run-1', content, tool_call_chunks: [], ...more })

/** A chat model of LangChain, with content in blocks. */
export const chatModel: Protocol = {
  name: 'LangChain chat model',
  request: [{ type: 'human', content: 'hi' }],
  texts: ['text', 'thinking', 'reasoning_content'],
  calls: ['args'],
  first: () => [ai([])],
  last: () => [ai([], { response_metadata: { finish_reason: 'stop' } })],
  begin: (text) =>
    text === 'args' ? [ai([], { tool_call_chunks: [{ type: 'tool_call_chunk', index: 0, id: 'call_1', name: tool, args: '' }] })] : [],
  piece(text, piece) {
    if (text === 'args') return ai([], { tool_call_chunks: [{ type: 'tool_call_chunk', index: 0, args: piece }] })
    if (text === 'reasoning_content') return ai([], { additional_kwargs: { reasoning_content: piece } })
    return ai([{ type: text, index: this.texts.indexOf(text), [text]: piece }])
  },
  end: () => [],
  heard(parts) {
    const heard = new Heard()
    for (const part of parts) {
      for (const text of ['text', 'thinking']) heard.add(text, member(part, 'content', 0, text))
      if (typeof member(part, 'content') === 'string') heard.add('reasoning_content', member(part, 'additional_kwargs', 'reasoning_content'))
      else heard.add('reasoning_content', member(part, 'additional_kwargs', 'reasoning_content'))
      heard.add('args', member(part, 'tool_call_chunks', 0, 'args'))
    }
    return heard.texts
  },
}

/** A text, piece by piece. */
export const texts: Protocol = {
  name: 'plain text',
  request: 'hi',
  texts: ['text'],
  calls: [],
  first: () => [],
  last: () => [],
  begin: () => [],
  piece: (_text, piece) => piece,
  end: () => [],
  heard: (parts) => ({ text: parts.join('') }),
}

/** JSON of an application's own, with two texts that go on. */
export const ownJson: Protocol = {
  name: 'JSON by a schema',
  request: { question: 'hi' },
  texts: ['delta', 'thought'],
  calls: [],
  first: () => [],
  last: () => [],
  begin: () => [],
  piece: (text, piece) => ({ [text]: piece, n: 1 }),
  end: () => [],
  heard(parts) {
    const heard = new Heard()
    for (const part of parts) for (const text of this.texts) heard.add(text, member(part, text))
    return heard.texts
  },
}

/** Every protocol of the suite. */
export const protocols: readonly Protocol[] = [chatCompletions, messages, responses, gemini, languageModel, chatModel, texts, ownJson]
