import { chunk, completion } from './chat-payloads.ts'

/** What is looked for. */
export const secret = 'ada.lovelace@example.org'

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
type Place = readonly (string | number)[]

/** A request with every member that is known. */
export const request: Json = {
  model: 'gpt-5',
  messages: [
    { role: 'developer', content: [{ type: 'text', text: 'be kind' }], name: 'dev' },
    { role: 'system', content: 'be brief', name: 'sys' },
    {
      role: 'user',
      name: 'u',
      content: [
        { type: 'text', text: 'look' },
        { type: 'image_url', image_url: { url: 'https://pictures.example/a.png', detail: 'low' } },
      ],
    },
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 'well' },
        { type: 'refusal', refusal: 'no' },
      ],
      refusal: 'no',
      name: 'a',
      tool_calls: [
        { id: 'call_1', type: 'function', index: 0, function: { name: 'look_up', arguments: '{"who":"x","deep":[{"very":"y"}],"n":1234567}' } },
        { id: 'call_2', type: 'custom', custom: { name: 'run', input: 'go' } },
      ],
      function_call: { name: 'old', arguments: '{"a":"b"}' },
      annotations: [{ type: 'url_citation', url_citation: { start_index: 0, end_index: 1, title: 't', url: 'https://source.example/x' } }],
      reasoning: 'hm',
      reasoning_content: 'hm',
      parsed: { any: ['thing'] },
    },
    { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'found' }] },
    { role: 'tool', tool_call_id: 'call_2', content: 'found' },
    { role: 'function', name: 'old', content: 'found' },
    { role: 'user', content: 'now' },
  ],
  functions: [{ name: 'old', description: 'd', parameters: { type: 'object' } }],
  function_call: { name: 'old' },
  logit_bias: { '50256': -100 },
  max_completion_tokens: 100,
  metadata: { purpose: 'test' },
  modalities: ['text'],
  n: 1,
  prediction: { type: 'content', content: [{ type: 'text', text: 'maybe' }] },
  prompt_cache_key: 'k',
  prompt_cache_retention: '24h',
  reasoning_effort: 'low',
  response_format: {
    type: 'json_schema',
    json_schema: { name: 's', description: 'd', schema: { properties: { p: { enum: ['one'] } } }, strict: true },
  },
  safety_identifier: 'i',
  service_tier: 'auto',
  stop: ['stop'],
  stream_options: { include_usage: true },
  tools: [
    {
      type: 'function',
      function: { name: 'look_up', description: 'd', parameters: { properties: { who: { description: 'a name', default: 'x' } } }, strict: false },
    },
    { type: 'custom', custom: { name: 'run', description: 'd', format: { type: 'grammar', grammar: { definition: 'start: "x"', syntax: 'lark' } } } },
  ],
  tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'look_up' } }] } },
  user: 'u',
  verbosity: 'low',
}

/** An answer with every member that is known. */
export const answer: Json = {
  ...(completion('x') as { [key: string]: Json }),
  system_fingerprint: 'fp',
  service_tier: 'default',
  provider: 'p',
  citations: ['https://source.example/x'],
  search_results: [{ title: 't', url: 'https://source.example/x', date: '2026' }],
  prompt_filter_results: [{ prompt_index: 0, content_filter_results: { hate: { severity: 'safe' } } }],
  x_groq: { id: 'g', usage: { prompt_tokens: 1, completion_tokens: 1 } },
  choices: [
    {
      index: 0,
      finish_reason: 'tool_calls',
      native_finish_reason: 'tools',
      stop_reason: 'end',
      content_filter_results: { hate: { severity: 'safe' } },
      logprobs: { content: [{ token: 'x', logprob: -1, bytes: [120], top_logprobs: [] }] },
      message: {
        role: 'assistant',
        content: 'said',
        refusal: 'no',
        reasoning: 'hm',
        reasoning_content: 'hm',
        reasoning_details: [{ type: 'reasoning.text', text: 'hm' }],
        tool_calls: [
          { id: 'call_1', type: 'function', function: { name: 'look_up', arguments: '{"who":"x"}' } },
          { id: 'call_2', type: 'custom', custom: { name: 'run', input: 'go' } },
        ],
        function_call: { name: 'old', arguments: '{"a":"b"}' },
        annotations: [{ type: 'url_citation', url_citation: { start_index: 0, end_index: 1, title: 't', url: 'https://source.example/x' } }],
        parsed: { any: ['thing'] },
      },
    },
  ],
}

/** A part of a streamed answer with every member that is known. */
export const part: Json = {
  ...(chunk() as { [key: string]: Json }),
  system_fingerprint: 'fp',
  obfuscation: 'abc',
  citations: ['https://source.example/x'],
  choices: [
    {
      index: 0,
      finish_reason: null,
      logprobs: { content: [] },
      content_filter_results: { hate: { severity: 'safe' } },
      delta: {
        role: 'assistant',
        content: 'said',
        refusal: 'no',
        reasoning: 'hm',
        reasoning_content: 'hm',
        reasoning_details: [{ text: 'hm' }],
        tool_calls: [
          { index: 0, id: 'call_1', type: 'function', function: { name: 'look_up', arguments: '{"who":"x"}' } },
          { index: 1, id: 'call_2', type: 'custom', custom: { name: 'run', input: 'go' } },
        ],
        function_call: { name: 'old', arguments: '{"a":"b"}' },
        annotations: [{ type: 'url_citation', url_citation: { start_index: 0, end_index: 1, title: 't', url: 'https://source.example/x' } }],
      },
    },
  ],
}

/** Every value in a payload, and where it stands. */
export function* valuesIn(value: Json, place: Place = []): Generator<readonly [Place, Json]> {
  yield [place, value]
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) yield* valuesIn(member, [...place, Array.isArray(value) ? Number(key) : key])
}

/** A copy with what stands at that place changed. */
export function changed(whole: Json, place: Place, change: (before: Json) => Json): Json {
  const [key, ...rest] = place
  if (key === undefined) return change(structuredClone(whole))
  const copy = structuredClone(whole) as { [key: string | number]: Json }
  copy[key] = changed(copy[key] as Json, rest, change)
  return copy as Json
}

/** Every way in which the secret can stand in a payload: as, in and beside each text, and as the name of a member. */
export function* loadedWith(whole: Json): Generator<readonly [what: string, payload: Json]> {
  for (const [place, value] of valuesIn(whole)) {
    const where = place.join('.')
    if (typeof value === 'string') {
      yield [`${where} is it`, changed(whole, place, () => secret)]
      yield [`${where} holds it`, changed(whole, place, (before) => `${String(before)} ${secret} ${String(before)}`)]
      yield [`${where} is an address with it`, changed(whole, place, () => `https://x.example/?mail=${secret}`)]
      yield [`${where} is data with it`, changed(whole, place, () => `data:text/plain,${secret}`)]
      yield [`${where} is JSON with it`, changed(whole, place, () => JSON.stringify({ a: [secret], [secret]: 1 }))]
      // Arguments are JSON, and are read as such. In a text an escape is one of many ways to write something that no pattern finds.
      if (place.at(-1) === 'arguments')
        yield [`${where} is escaped JSON with it`, changed(whole, place, () => '{"a":"\\u0061da.lovelace\\u0040example.org"}')]
    } else if (Array.isArray(value)) yield [`${where} has it as well`, changed(whole, place, (before) => [...(before as Json[]), secret])]
    else if (typeof value === 'object' && value !== null)
      for (const name of [secret, 'unknown', 'text'])
        if (!Object.hasOwn(value, name))
          yield [`${where}.${name} is it`, changed(whole, place, (before) => ({ ...(before as object), [name]: secret }))]
    if (typeof value !== 'object') yield [`${where} is a list of it`, changed(whole, place, () => [secret, { text: secret }])]
  }
}
