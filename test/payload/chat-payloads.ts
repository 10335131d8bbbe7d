import type OpenAI from 'openai'
import type { Text } from '../../src/guard/codec.ts'

type Params = OpenAI.ChatCompletionCreateParams
type Completion = OpenAI.ChatCompletion
type Chunk = OpenAI.ChatCompletionChunk

/** A request that has everything in it that is not refused, in the types of the vendor's own client. */
export function fullRequest(): Params {
  return {
    model: 'gpt-5-mini',
    messages: [
      { role: 'developer', content: 'developer prose', name: 'developer name' },
      { role: 'system', content: [{ type: 'text', text: 'system prose' }] },
      {
        role: 'user',
        name: 'user name',
        content: [
          { type: 'text', text: 'user prose' },
          { type: 'image_url', image_url: { url: 'https://pictures.example/1?q=a', detail: 'low' } },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
          { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
          { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0=', filename: 'file name.pdf' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'assistant prose' },
          { type: 'refusal', refusal: 'refusal prose' },
        ],
        refusal: 'another refusal',
        name: 'assistant name',
        audio: null,
        tool_calls: [
          {
            type: 'function',
            id: 'call_1',
            function: { name: 'send_mail', arguments: '{ "to": "tool prose", "odd key": [1, 4111111111111111, {"deep": "a\\nb"}], "n": 12 }' },
          },
          { type: 'custom', id: 'call_2', custom: { name: 'run', input: 'custom prose' } },
        ],
      },
      { role: 'assistant', content: null, function_call: { name: 'old', arguments: '{"x":"legacy prose"}' } },
      { role: 'tool', tool_call_id: 'call_1', content: 'tool result' },
      { role: 'tool', tool_call_id: 'call_2', content: [{ type: 'text', text: 'tool result part' }] },
      { role: 'function', name: 'old', content: 'function result' },
    ],
    tools: [
      {
        type: 'function',
        function: {
          name: 'send_mail',
          description: 'tool description',
          strict: true,
          parameters: {
            type: 'object',
            properties: {
              to: { type: 'string', description: 'parameter description', enum: ['enum prose'] },
              'odd property': { const: 'constant prose' },
            },
            required: ['to'],
            additionalProperties: false,
          },
        },
      },
      {
        type: 'custom',
        custom: {
          name: 'run',
          description: 'custom description',
          format: { type: 'grammar', grammar: { definition: 'grammar prose', syntax: 'lark' } },
        },
      },
    ],
    functions: [{ name: 'old', description: 'function description', parameters: { title: 'function title' } }],
    tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'send_mail' } }] } },
    function_call: { name: 'old' },
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'answer', description: 'schema description', schema: { title: 'schema title' }, strict: true },
    },
    prediction: { type: 'content', content: [{ type: 'text', text: 'predicted prose' }] },
    stop: ['stop prose', 'another stop'],
    user: 'user id',
    safety_identifier: 'safety id',
    prompt_cache_key: 'cache key',
    metadata: { plain: 'metadata prose', 'odd metadata': 'more metadata' },
    logit_bias: { '50256': -100 },
    modalities: ['text'],
    reasoning_effort: 'low',
    verbosity: 'high',
    service_tier: 'flex',
    prompt_cache_retention: '24h',
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
    store: false,
    logprobs: false,
    parallel_tool_calls: true,
    max_completion_tokens: 500,
    max_tokens: 700,
    n: 2,
    seed: 7,
    temperature: 0.2,
    top_p: 1,
    frequency_penalty: 0.5,
    presence_penalty: -0.5,
  }
}

/** A whole answer that has everything in it that is not refused. */
export function fullCompletion(): Completion {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_767_225_600,
    model: 'gpt-5-mini-2025-08-07',
    service_tier: 'default',
    system_fingerprint: 'fp_1',
    choices: [
      {
        index: 0,
        finish_reason: 'tool_calls',
        logprobs: null,
        message: {
          role: 'assistant',
          content: 'content prose',
          refusal: 'refusal prose',
          annotations: [
            { type: 'url_citation', url_citation: { start_index: 0, end_index: 3, title: 'title prose', url: 'https://source.example/a b' } },
          ],
          audio: null,
          tool_calls: [
            { type: 'function', id: 'call_1', function: { name: 'send_mail', arguments: '{"to":"tool prose","odd key":[true,null,"b"]}' } },
            { type: 'custom', id: 'call_2', custom: { name: 'run', input: 'custom prose' } },
          ],
        },
      },
      {
        index: 1,
        finish_reason: 'function_call',
        logprobs: null,
        message: { role: 'assistant', content: null, refusal: null, function_call: { name: 'old', arguments: '{"x":"legacy prose"}' } },
      },
    ],
    usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30, completion_tokens_details: { reasoning_tokens: 4 } },
  }
}

type Choice = Chunk['choices'][number]
type Delta = Choice['delta']

/** A part of a stream with this delta for one choice. */
export function chunk(delta: Delta | Record<string, unknown>, finish: Choice['finish_reason'] = null, index = 0): Chunk {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_767_225_600,
    model: 'gpt-5-mini-2025-08-07',
    system_fingerprint: 'fp_1',
    choices: [{ index, delta: delta as Delta, finish_reason: finish, logprobs: null }],
  }
}

/** The part with the usage that ends a stream. */
export function usageChunk(): Chunk {
  return { ...chunk({}), choices: [], usage: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 } }
}

/** A delta of a tool call. */
export function call(index: number, args: string, begin?: { id: string; name: string }): Delta {
  const called = { ...(begin !== undefined && { name: begin.name }), arguments: args }
  return { tool_calls: [{ index, ...(begin !== undefined && { id: begin.id, type: 'function' as const }), function: called }] }
}

/** A place in a JSON value. */
export type Place = readonly (string | number)[]

/** Every place in a JSON value, the top left out. */
export function placesOf(value: unknown, at: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return at.length === 0 ? [] : [at]
  const below = Array.isArray(value)
    ? value.flatMap((item, index) => placesOf(item, [...at, index]))
    : Object.entries(value).flatMap(([name, member]) => placesOf(member, [...at, name]))
  return at.length === 0 ? below : [at, ...below]
}

/** A copy with another value at a place; `rename` changes the last name instead. */
export function withValue(value: unknown, place: Place, put: unknown, rename?: string): unknown {
  const [head, ...rest] = place
  if (head === undefined) return put
  if (Array.isArray(value)) return value.map((item, index) => (index === head ? withValue(item, rest, put, rename) : item))
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).map(([name, member]) => {
      if (name !== head) return [name, member]
      if (rest.length === 0 && rename !== undefined) return [rename, member]
      return [name, withValue(member, rest, put, rename)]
    }),
  )
}

/** Values for these texts: other ones, but for identifiers, which must stay what they are. */
export function valuesFor(texts: readonly Text[], other: (text: Text, index: number) => string): string[] {
  return texts.map((text, index) => (text.kind === 'identifier' ? text.value : other(text, index)))
}

/** The texts that are identifiers, and all the others. */
export function apart(texts: readonly Text[]): { readonly identifiers: Text[]; readonly others: Text[] } {
  return { identifiers: texts.filter(({ kind }) => kind === 'identifier'), others: texts.filter(({ kind }) => kind !== 'identifier') }
}
