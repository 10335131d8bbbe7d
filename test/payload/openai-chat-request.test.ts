import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import type OpenAI from 'openai'
import type { Codec } from '../../src/guard/codec.ts'
import { isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'
import { apart, fullRequest, placesOf, valuesFor, withValue } from './chat-payloads.ts'

const small = { model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] }

function refuses(input: unknown, code: string): void {
  assert.throws(
    () => openaiChat.snapshot(input),
    (error: unknown) => isGuardError(error) && error.code === code,
    inspect(input),
  )
}

test('takes everything that the types of the vendor allow and no rule refuses', () => {
  const request = fullRequest()
  assert.deepEqual(openaiChat.snapshot(request), request)
})

test('a checked request is what the types of the vendor want', () => {
  const request: ChatRequest = openaiChat.snapshot(small)
  const forClient: OpenAI.ChatCompletionCreateParams = request
  const forVendorTypes: Codec<OpenAI.ChatCompletionCreateParams> = openaiChat
  assert.equal(forClient.model, forVendorTypes.facts(forClient).model)
})

test('the copy is frozen to the bottom, and what the caller changes afterwards changes nothing', () => {
  const input = { ...small, messages: [{ role: 'user', content: 'hi' }] }
  const copy = openaiChat.snapshot(input)
  input.messages[0] = { role: 'user', content: 'changed' }
  assert.deepEqual(copy, small)
  for (const value of [copy, copy.messages, copy.messages[0]]) assert.ok(Object.isFrozen(value))
  assert.equal(openaiChat.snapshot(copy), copy)
})

test('A13: a getter and a Proxy are read once', () => {
  let reads = 0
  const message = {
    role: 'user',
    get content() {
      return reads++ === 0 ? 'harmless' : 'harmful'
    },
  }
  const copy = openaiChat.snapshot(new Proxy({ model: 'gpt-5', messages: [message] }, {}))
  assert.equal(openaiChat.texts(copy)[0]?.value, 'harmless')
  assert.equal(reads, 1)
})

test('A13: what was replaced or capped in an object of the caller is not taken for a checked copy', () => {
  const message = { role: 'user', content: 'harmless' } as const
  const own: { role: 'user'; content: string } = { ...message }
  const request = { model: 'gpt-5', messages: [own, own], tools: [{ type: 'web_search' }] }
  refuses(openaiChat.cap?.(request as never, 100), 'payload_unsupported')
  for (const changed of [
    openaiChat.replace({ model: 'gpt-5', messages: [own, own] }, ['other', 'harmless']),
    openaiChat.cap?.({ model: 'gpt-5', messages: [own, own] }, 100),
  ]) {
    assert.ok(changed !== undefined)
    const texts = openaiChat.texts(changed).length
    const copy = openaiChat.snapshot(changed)
    own.content = 'harmful'
    assert.equal(openaiChat.texts(changed).at(-1)?.value, 'harmful')
    assert.equal(openaiChat.texts(copy).at(-1)?.value, 'harmless')
    assert.equal(openaiChat.texts(copy).length, texts)
    own.content = 'harmless'
  }
})

test('what was replaced or capped in a checked copy is not checked again', () => {
  const copy = openaiChat.snapshot(small)
  for (const changed of [openaiChat.replace(copy, ['other']), openaiChat.cap?.(copy, 100)]) {
    assert.notEqual(changed, copy)
    assert.equal(openaiChat.snapshot(changed), changed)
  }
})

test('names every text with its place, its speaker and its kind', () => {
  const texts = openaiChat.texts(openaiChat.snapshot(fullRequest()))
  const { identifiers, others } = apart(texts)
  assert.deepEqual(
    identifiers.map(({ value, path, role }) => `${role} ${path} ${value}`),
    [
      'data /model gpt-5-mini',
      'assistant /messages/3/tool_calls/0/function/name send_mail',
      'system /tools/0/function/name send_mail',
      'data /tool_choice/allowed_tools/tools/0/function/name send_mail',
    ],
  )
  const shown = others.map(({ value, path, role, kind }) => `${role} ${kind} ${path} ${value}`)
  assert.deepEqual(shown, [
    'system text /messages/0/content developer prose',
    'system text /messages/0/name developer name',
    'system text /messages/1/content/0/text system prose',
    'user text /messages/2/name user name',
    'user text /messages/2/content/0/text user prose',
    'user url /messages/2/content/1/image_url/url https://pictures.example/1?q=a',
    'user text /messages/2/content/4/file/filename file name.pdf',
    'assistant text /messages/3/content/0/text assistant prose',
    'assistant text /messages/3/content/1/refusal refusal prose',
    'assistant text /messages/3/refusal another refusal',
    'assistant text /messages/3/name assistant name',
    'assistant arguments /messages/3/tool_calls/0/function/arguments tool prose',
    'assistant arguments /messages/3/tool_calls/0/function/arguments odd key',
    'assistant arguments /messages/3/tool_calls/0/function/arguments 4111111111111111',
    'assistant arguments /messages/3/tool_calls/0/function/arguments a\nb',
    'assistant arguments /messages/3/tool_calls/1/custom/input custom prose',
    'assistant arguments /messages/4/function_call/arguments legacy prose',
    'tool text /messages/5/content tool result',
    'tool text /messages/6/content/0/text tool result part',
    'tool text /messages/7/content function result',
    'system text /tools/0/function/description tool description',
    'system text /tools/0/function/parameters/type object',
    'system text /tools/0/function/parameters/properties/to/type string',
    'system text /tools/0/function/parameters/properties/to/description parameter description',
    'system text /tools/0/function/parameters/properties/to/enum/0 enum prose',
    'system text /tools/0/function/parameters/properties/odd property odd property',
    'system text /tools/0/function/parameters/properties/odd property/const constant prose',
    'system text /tools/0/function/parameters/required/0 to',
    'system text /tools/1/custom/description custom description',
    'system text /tools/1/custom/format/grammar/definition grammar prose',
    'system text /functions/0/description function description',
    'system text /functions/0/parameters/title function title',
    'system text /response_format/json_schema/description schema description',
    'system text /response_format/json_schema/schema/title schema title',
    'data text /prediction/content/0/text predicted prose',
    'data text /stop/0 stop prose',
    'data text /stop/1 another stop',
    'data text /user user id',
    'data text /safety_identifier safety id',
    'data text /prompt_cache_key cache key',
    'data text /metadata/plain metadata prose',
    'data text /metadata/odd metadata odd metadata',
    'data text /metadata/odd metadata more metadata',
  ])
  assert.equal(new Set(texts.map(({ channel }) => channel)).size, texts.length)
  assert.ok(texts.every(({ whole }) => whole === true))
})

test('states the facts', () => {
  assert.deepEqual(openaiChat.facts(openaiChat.snapshot(fullRequest())), {
    model: 'gpt-5-mini',
    tools: ['send_mail', 'run', 'old'],
    stream: true,
    maxOutputTokens: 700,
    choices: 2,
    opaque: ['/messages/2/content/2/image_url/url', '/messages/2/content/3/input_audio/data', '/messages/2/content/4/file/file_data'],
  })
  assert.deepEqual(openaiChat.facts(openaiChat.snapshot(small)), { model: 'gpt-5', tools: [], stream: false, choices: 1, opaque: [] })
})

test('replacing texts with themselves gives the same object', () => {
  const copy = openaiChat.snapshot(fullRequest())
  const values = openaiChat.texts(copy).map(({ value }) => value)
  assert.equal(openaiChat.replace(copy, values), copy)
})

// A replacement that keeps two names apart.
const replacement = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 })

test('replacing texts changes them and nothing else, and tool arguments stay JSON', () => {
  const copy = openaiChat.snapshot(fullRequest())
  const texts = openaiChat.texts(copy)
  fc.assert(
    fc.property(fc.uniqueArray(replacement, { minLength: texts.length, maxLength: texts.length }), (random) => {
      const values = valuesFor(texts, ({ kind }, index) => `${kind === 'url' ? 'https://a.example/' : ''}${random[index]} ${index}`)
      const replaced = openaiChat.replace(copy, values)
      assert.deepEqual(
        openaiChat.texts(replaced).map(({ value }) => value),
        values,
      )
      // The other way round: with the old texts put back it is the old request.
      const back = openaiChat.replace(
        replaced,
        texts.map(({ value }) => value),
      )
      const { messages, ...others } = copy
      const { messages: messagesBack, ...othersBack } = back
      assert.deepEqual(othersBack, others)
      assert.deepEqual(json(messagesBack), json(messages))
      assert.ok(deeplyFrozen(replaced))
    }),
    { numRuns: 50 },
  )
})

// Arguments parsed, since a number that was replaced is a string from then on.
function json(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (name, member: unknown) =>
    name === 'arguments' ? JSON.parse(String(member).replace('"4111111111111111"', '4111111111111111')) : member,
  )
}

function deeplyFrozen(value: unknown): boolean {
  return typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(deeplyFrozen))
}

test('a replaced text must be there and well-formed', () => {
  const copy = openaiChat.snapshot(small)
  assert.throws(() => openaiChat.replace(copy, []), TypeError)
  assert.throws(() => openaiChat.replace(copy, ['a', 'b']), TypeError)
  assert.throws(() => openaiChat.replace(copy, ['\ud800']), { code: 'payload_invalid' })
})

test('an identifier or a number must stay what it is', () => {
  const metadata = { number: 4111111111111111 }
  const copy = openaiChat.snapshot({ ...fullRequest(), seed: 4111111111111111, metadata })
  const texts = openaiChat.texts(copy)
  const { identifiers } = apart(texts)
  assert.deepEqual(
    identifiers
      .map(({ path }) => path)
      .filter((path) => /seed|metadata/.test(path))
      .sort(),
    ['/metadata/number', '/seed'],
  )
  for (const { channel } of identifiers)
    assert.throws(
      () =>
        openaiChat.replace(
          copy,
          texts.map((text) => (text.channel === channel ? `${text.value}0` : text.value)),
        ),
      { code: 'payload_invalid' },
    )
})

test('short names and small numbers are passed over', () => {
  const numbers = { least: 100_000_000_000, most: -99_999_999_999 }
  const { identifiers } = apart(openaiChat.texts(openaiChat.snapshot({ ...small, model: 'm'.repeat(6), metadata: numbers })))
  assert.deepEqual(
    identifiers.map(({ path, value }) => [path, value]),
    [['/metadata/least', '100000000000']],
  )
  assert.equal(apart(openaiChat.texts(openaiChat.snapshot({ ...small, model: 'm'.repeat(7) }))).identifiers.length, 1)
})

test('an address stays an address', () => {
  const content = [{ type: 'image_url', image_url: { url: 'https://a.example' } }]
  const copy = openaiChat.snapshot({ ...small, messages: [{ role: 'user', content }] })
  for (const other of ['file-1', 'data:text/plain,x', '[URL]']) assert.throws(() => openaiChat.replace(copy, [other]), { code: 'payload_invalid' })
})

test('two members whose names become one are refused', () => {
  const copy = openaiChat.snapshot({ ...small, metadata: { 'a b': '1', 'c d': '2' } })
  const masked = openaiChat.texts(copy).map(({ value }) => (value.includes(' ') ? '[NAME]' : value))
  assert.throws(() => openaiChat.replace(copy, masked), { code: 'payload_invalid' })
  const proto = openaiChat.texts(copy).map(({ value }) => (value === 'a b' ? '__proto__' : value))
  assert.throws(() => openaiChat.replace(copy, proto), { code: 'payload_invalid' })
})

const prose = 'canary prose 4711'

// Whether what stands there is covered: its text can be replaced, or it is named as opaque.
function leaks(input: unknown, codes: readonly string[] = ['payload_invalid', 'payload_unsupported']): boolean {
  let copy: ChatRequest
  try {
    copy = openaiChat.snapshot(input)
  } catch (error) {
    assert.ok(isGuardError(error))
    assert.ok(codes.includes(error.code))
    assert.doesNotMatch(reasonOf(error), /canary|prose/)
    return false
  }
  const replaced = openaiChat.replace(
    copy,
    valuesFor(openaiChat.texts(copy), ({ kind }, index) => (kind === 'url' ? `https://covered.example/${index}` : `covered ${index}`)),
  )
  return JSON.stringify(replaced).includes('canary')
}

test('A15: prose in any place of a request is covered or refused', () => {
  const request = fullRequest()
  let covered = 0
  for (const place of placesOf(request)) {
    for (const put of [prose, [prose], { text: prose }, { type: 'text', text: prose }, { type: prose }, { role: prose, content: prose }])
      assert.ok(!leaks(withValue(request, place, put)), place.join('/'))
    if (typeof place.at(-1) === 'string') assert.ok(!leaks(withValue(request, place, undefined, prose)), `name ${place.join('/')}`)
    covered++
  }
  assert.ok(covered > 150)
})

// Whether nobody who looks at texts, or at identifiers, would see what stands there.
function hides(input: unknown, secret: string): boolean {
  try {
    const copy = openaiChat.snapshot(input)
    const isShown = openaiChat.texts(copy).some(({ value }) => value.includes(secret))
    return JSON.stringify(copy).includes(secret) && !isShown
  } catch (error) {
    assert.ok(isGuardError(error))
    return false
  }
}

test('A15: a key or a number in any place of a request is shown or refused', () => {
  const { messages, ...others } = fullRequest()
  // Without content that is named as opaque, in which neither would be seen.
  const request = { ...others, messages: messages.map((message) => (message.role === 'user' ? { role: 'user', content: 'user prose' } : message)) }
  const secret = 'canary4711Canary4711'
  const card = 5555555555554444
  for (const place of placesOf(request)) {
    for (const put of [secret, [secret], { text: secret }, { [secret]: 1 }])
      assert.ok(!hides(withValue(request, place, put), secret), place.join('/'))
    if (typeof place.at(-1) === 'string') assert.ok(!hides(withValue(request, place, undefined, secret), secret), `name ${place.join('/')}`)
    for (const put of [card, [card], { number: card }, -card, card + 0.5])
      assert.ok(!hides(withValue(request, place, put), String(card)), place.join('/'))
  }
})

test('A15: an unknown member of any object is covered or refused', () => {
  const request = fullRequest()
  for (const place of [[], ...placesOf(request)]) {
    const holder = place.reduce<unknown>((value, name) => (value as Record<string | number, unknown>)[name], request)
    if (typeof holder !== 'object' || holder === null || Array.isArray(holder)) continue
    for (const put of [prose, { text: prose }, [prose]]) assert.ok(!leaks(withValue(request, place, { ...holder, extra: put })), place.join('/'))
  }
})

test('refuses what it does not know', () => {
  for (const unknown of [
    { ...small, unknown_field: 1 },
    { ...small, messages: [{ role: 'critic', content: 'x' }] },
    { ...small, messages: [{ role: 'user', content: [{ type: 'video_url', video_url: { url: 'https://a.example' } }] }] },
    { ...small, messages: [{ role: 'system', content: [{ type: 'image_url', image_url: { url: 'https://a.example' } }] }] },
    { ...small, messages: [{ role: 'user', content: 'x', extra: 'y' }] },
    { ...small, reasoning_effort: 'extreme' },
    { ...small, response_format: { type: 'xml' } },
    { model: 'gpt-5', input: 'an input of the responses interface' },
    { model: 'text-embedding-3-small', input: ['a'] },
    { prompt: 'x' },
    'a plain text',
    ['a'],
    7,
    null,
    new Uint8Array(3),
  ])
    refuses(unknown, 'payload_unsupported')
})

test('refuses what runs or is kept at the vendor, and answers that nobody can cover', () => {
  const user = (part: unknown): unknown => ({ ...small, messages: [{ role: 'user', content: [part] }] })
  for (const hosted of [
    { ...small, web_search_options: {} },
    { ...small, tools: [{ type: 'web_search' }] },
    { ...small, tools: [{ type: 'mcp', server_url: 'https://a.example' }] },
    { ...small, tools: [{ type: 'code_interpreter' }] },
    { ...small, tool_choice: { type: 'web_search' } },
    { ...small, tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'mcp', server_label: 'x' }] } } },
    { ...small, store: true },
    { ...small, previous_response_id: 'resp_1' },
    user({ type: 'file', file: { file_id: 'file-1' } }),
    user({ type: 'image_url', image_url: { url: 'file-1' } }),
    user({ type: 'image_url', image_url: { url: 'gs://bucket/object' } }),
    user({ type: 'image_url', image_url: { url: ' data:text/plain,x' } }),
    user({ type: 'file', file: { file_data: 'prose, not data' } }),
    { ...small, messages: [{ role: 'assistant', audio: { id: 'audio_1' } }] },
    { ...small, modalities: ['text', 'audio'] },
    { ...small, audio: { voice: 'alloy', format: 'wav' } },
    { ...small, logprobs: true },
    { ...small, top_logprobs: 5 },
  ])
    refuses(hosted, 'payload_unsupported')
})

test('what asks for nothing is let through', () => {
  const nothing = {
    ...small,
    store: null,
    logprobs: null,
    top_logprobs: 0,
    audio: null,
    web_search_options: null,
    tools: null,
    stop: null,
    metadata: null,
  }
  assert.deepEqual(openaiChat.snapshot(nothing), nothing)
  assert.deepEqual(openaiChat.facts(openaiChat.snapshot(nothing)).tools, [])
})

test('an address in the place of data is an address', () => {
  const copy = openaiChat.snapshot({
    ...small,
    messages: [{ role: 'user', content: [{ type: 'file', file: { file_data: 'https://a.example/x.pdf' } }] }],
  })
  assert.deepEqual(
    openaiChat.texts(copy).map(({ kind, value }) => [kind, value]),
    [['url', 'https://a.example/x.pdf']],
  )
  assert.deepEqual(openaiChat.facts(copy).opaque, [])
})

test('the message of an answer can be put back into the conversation as it came, also as the helpers of the client make it', () => {
  const messages = [
    {
      role: 'assistant',
      content: 'x',
      refusal: null,
      annotations: [{ type: 'url_citation', url_citation: { start_index: 0, end_index: 1, title: 't', url: 'https://a.example' } }],
      audio: null,
      function_call: null,
      parsed: { name: 'parsed prose' },
      reasoning_content: 'thought',
      tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '', parsed_arguments: null } }],
    },
  ]
  const copy = openaiChat.snapshot({ ...small, messages })
  assert.deepEqual(
    openaiChat.texts(copy).map(({ value }) => value),
    ['x', 't', 'https://a.example', 'parsed prose', 'thought'],
  )
})

test('refuses what is malformed', () => {
  for (const malformed of [
    { model: 'gpt-5' },
    { messages: [] },
    { ...small, model: 'two words' },
    { ...small, model: 'someone@example.com' },
    { ...small, model: '' },
    { ...small, messages: 'hi' },
    { ...small, messages: ['hi'] },
    { ...small, messages: [{ content: 'hi' }] },
    { ...small, messages: [{ role: 'user' }] },
    { ...small, messages: [{ role: 'user', content: 7 }] },
    { ...small, messages: [{ role: 'user', content: [{ text: 'x' }] }] },
    { ...small, messages: [{ role: 'tool', content: 'x' }] },
    { ...small, messages: [{ role: 'assistant', tool_calls: [{ type: 'function', id: 'c', function: { name: 'f', arguments: '{"a":' } }] }] },
    { ...small, messages: [{ role: 'assistant', tool_calls: [{ type: 'function', id: 'c', function: { name: 'f', arguments: '{"a":1,"a":2}' } }] }] },
    { ...small, temperature: '0.2' },
    { ...small, stream: 'true' },
    { ...small, n: 0 },
    { ...small, n: 1.5 },
    { ...small, n: 1_000_000 },
    { ...small, max_tokens: -1 },
    { ...small, logit_bias: { 'some prose': 1 } },
    { ...small, logit_bias: { '1': 'x' } },
    { ...small, metadata: ['x'] },
    { ...small, messages: [{ role: 'user', content: '\ud800' }] },
    { ...small, metadata: { a: new Uint8Array(2) } },
  ])
    refuses(malformed, 'payload_invalid')
})

test('A16: odd values are refused with a reason', () => {
  const cycle: Record<string, unknown> = { ...small }
  cycle.metadata = cycle
  let deep: unknown = 'x'
  for (let level = 0; level < 100_000; level++) deep = [deep]
  const thrower = {
    ...small,
    get user(): string {
      throw new Error('a getter that throws')
    },
  }
  for (const odd of [
    { ...small, seed: 1n },
    cycle,
    { ...small, metadata: deep },
    { ...small, [Symbol('x')]: 1 },
    thrower,
    JSON.parse('{"model":"gpt-5","messages":[],"__proto__":{"store":true}}'),
    { ...small, user: Symbol('x') },
    { ...small, user: () => 'x' },
    { ...small, temperature: Number.NaN },
    { ...small, metadata: new Date() },
    { ...small, metadata: new Map([['a', 'b']]) },
  ])
    refuses(odd, 'payload_invalid')
  refuses({ ...small, user: 'x'.repeat(10_000_000) }, 'payload_too_large')
})

test('A17: names are bounded, one by one and altogether', () => {
  const under = (name: string, levels: number): unknown => {
    let metadata: unknown = 'x'
    for (let level = 0; level < levels; level++) metadata = { [name]: metadata }
    return { ...small, metadata }
  }
  assert.equal(openaiChat.texts(openaiChat.snapshot(under('k'.repeat(1024), 1))).at(-1)?.value, 'x')
  refuses(under('k'.repeat(1025), 1), 'payload_too_large')
  assert.equal(openaiChat.texts(openaiChat.snapshot(under('k'.repeat(1000), 4))).at(-1)?.value, 'x')
  assert.throws(() => openaiChat.texts(openaiChat.snapshot(under('k'.repeat(1020), 5))), { code: 'payload_too_large' })
})

test('caps what a request says, and says it where it says nothing', () => {
  const cap = (members: object, most: number): unknown => {
    const request = openaiChat.snapshot({ ...small, ...members })
    const { max_tokens, max_completion_tokens } = openaiChat.cap?.(request, most) ?? {}
    return [max_tokens, max_completion_tokens]
  }
  assert.deepEqual(cap({}, 100), [undefined, 100])
  assert.deepEqual(cap({ max_tokens: null, max_completion_tokens: null }, 100), [null, 100])
  assert.deepEqual(cap({ max_tokens: 500 }, 100), [100, undefined])
  assert.deepEqual(cap({ max_tokens: 50 }, 100), [50, undefined])
  assert.deepEqual(cap({ max_completion_tokens: 500 }, 100), [undefined, 100])
  assert.deepEqual(cap({ max_completion_tokens: 50, max_tokens: 500 }, 100), [100, 50])
  const request = openaiChat.snapshot({ ...small, max_tokens: 50 })
  assert.equal(openaiChat.cap?.(request, 100), request)
  for (const wrong of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) assert.throws(() => openaiChat.cap?.(request, wrong), TypeError)
})

test('parses and writes a body', () => {
  const body = new TextEncoder().encode(JSON.stringify(small))
  assert.deepEqual(openaiChat.wire?.parse(body), small)
  assert.equal(openaiChat.wire?.serialize(small), JSON.stringify(small))
  assert.throws(() => openaiChat.wire?.parse(new TextEncoder().encode('{"model":"a","model":"b"}')), { code: 'payload_invalid' })
})

test('A17: a megabyte of hostile text in any place ends at once', () => {
  const n = 1_000_000
  for (const hostile of [
    'a.'.repeat(n / 2),
    '1'.repeat(n),
    ' '.repeat(n),
    '['.repeat(n),
    '<'.repeat(n),
    `data:${'A='.repeat(n / 2)}`,
    `https://${'@'.repeat(n)}`,
    '~/'.repeat(n / 2),
  ]) {
    const part = (content: unknown): unknown => ({ ...small, messages: [{ role: 'user', content: [content] }] })
    for (const input of [
      { ...small, model: hostile },
      { ...small, messages: [{ role: hostile, content: '' }] },
      { ...small, messages: [{ role: 'user', content: hostile }] },
      {
        ...small,
        messages: [{ role: 'assistant', tool_calls: [{ type: 'function', id: hostile, function: { name: hostile, arguments: hostile } }] }],
      },
      { ...small, metadata: { [hostile]: hostile } },
      { ...small, [hostile]: 1 },
      part({ type: 'image_url', image_url: { url: hostile } }),
      part({ type: 'file', file: { file_data: hostile, filename: hostile } }),
    ])
      leaks(input, ['payload_invalid', 'payload_unsupported', 'payload_too_large'])
  }
  const many = openaiChat.snapshot({ ...small, messages: Array.from({ length: 50_000 }, () => small.messages[0]) })
  assert.equal(
    openaiChat.texts(
      openaiChat.replace(
        many,
        Array.from({ length: 50_000 }, () => 'x'),
      ),
    ).length,
    50_000,
  )
})
