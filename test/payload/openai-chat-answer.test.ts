import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Text } from '../../src/guard/codec.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import { apart, call, chunk, fullCompletion, placesOf, usageChunk, valuesFor, withValue } from './chat-payloads.ts'

const { answer } = openaiChat

function refuses(part: unknown, streamed: boolean, code = 'payload_unsupported'): void {
  assert.throws(
    () => answer.snapshot(part, streamed),
    (error: unknown) => isGuardError(error) && error.code === code,
  )
}

test('takes a whole answer, and names its texts, all of which are whole', () => {
  const copy = answer.snapshot(fullCompletion(), false)
  assert.deepEqual(copy, fullCompletion())
  const texts = answer.texts(copy)
  const { identifiers, others } = apart(texts)
  assert.deepEqual(
    identifiers.map(({ path, value }) => `${path} ${value}`),
    [
      '/id chatcmpl-1',
      '/model gpt-5-mini-2025-08-07',
      '/service_tier default',
      '/choices/0/finish_reason tool_calls',
      '/choices/0/message/tool_calls/0/function/name send_mail',
      '/choices/1/finish_reason function_call',
    ],
  )
  assert.deepEqual(
    others.map(({ role, kind, path, value }) => `${role} ${kind} ${path} ${value}`),
    [
      'assistant text /choices/0/message/content content prose',
      'assistant text /choices/0/message/refusal refusal prose',
      'assistant text /choices/0/message/annotations/0/url_citation/title title prose',
      'assistant url /choices/0/message/annotations/0/url_citation/url https://source.example/a b',
      'assistant arguments /choices/0/message/tool_calls/0/function/arguments tool prose',
      'assistant arguments /choices/0/message/tool_calls/0/function/arguments odd key',
      'assistant arguments /choices/0/message/tool_calls/0/function/arguments b',
      'assistant arguments /choices/0/message/tool_calls/1/custom/input custom prose',
      'assistant arguments /choices/1/message/function_call/arguments legacy prose',
    ],
  )
  assert.ok(texts.every(({ whole }) => whole === true))
  assert.deepEqual(answer.ends(copy), [])
})

test('replacing texts changes them and nothing else', () => {
  const copy = answer.snapshot(fullCompletion(), false)
  const texts = answer.texts(copy)
  assert.equal(
    answer.replace(
      copy,
      texts.map(({ value }) => value),
    ),
    copy,
  )
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: texts.length, maxLength: texts.length }), (random) => {
      const values = valuesFor(texts, (_, index) => `${random[index]} `)
      const replaced = answer.replace(copy, values)
      assert.deepEqual(
        answer.texts(replaced).map(({ value }) => value),
        values,
      )
      const back = answer.replace(
        replaced,
        texts.map(({ value }) => value),
      )
      assert.deepEqual(back, copy)
    }),
    { numRuns: 50 },
  )
})

test('an identifier must stay what it is', () => {
  for (const part of [answer.snapshot(fullCompletion(), false), answer.snapshot(chunk({ role: 'assistant' }, 'tool_calls'), true)]) {
    const texts = answer.texts(part)
    for (const { kind, channel } of apart(texts).identifiers) {
      assert.equal(kind, 'identifier')
      assert.throws(
        () =>
          answer.replace(
            part,
            texts.map((text) => (text.channel === channel ? `${text.value}x` : text.value)),
          ),
        { code: 'payload_invalid' },
      )
    }
  }
})

test('short names and small numbers are passed over', () => {
  const texts = answer.texts(answer.snapshot({ ...fullCompletion(), id: 'c'.repeat(6), model: 'm'.repeat(7), created: 99_999_999_999 }, false))
  const { identifiers } = apart(texts)
  assert.ok(!identifiers.some(({ path }) => path === '/id' || path === '/created'))
  assert.ok(identifiers.some(({ path }) => path === '/model'))
  assert.deepEqual(
    apart(answer.texts(answer.snapshot({ ...fullCompletion(), created: 100_000_000_000 }, false)))
      .identifiers.filter(({ path }) => path === '/created')
      .map(({ value }) => value),
    ['100000000000'],
  )
})

const prose = 'canary prose 4711'

function leaks(part: unknown, streamed: boolean): boolean {
  let copy: unknown
  let texts: readonly Text[]
  try {
    copy = answer.snapshot(part, streamed)
    texts = answer.texts(copy)
  } catch (error) {
    assert.ok(isGuardError(error))
    return false
  }
  const replaced = answer.replace(
    copy,
    valuesFor(texts, (_, index) => `covered ${index}`),
  )
  return JSON.stringify(replaced).includes('canary')
}

// Whether nobody who looks at texts, or at identifiers, would see what stands there.
function hides(part: unknown, streamed: boolean, secret: string): boolean {
  try {
    const copy = answer.snapshot(part, streamed)
    return JSON.stringify(copy).includes(secret) && !answer.texts(copy).some(({ value }) => value.includes(secret))
  } catch (error) {
    assert.ok(isGuardError(error))
    return false
  }
}

const parts: readonly (readonly [unknown, boolean])[] = [
  [fullCompletion(), false],
  [chunk({ role: 'assistant', content: 'a', refusal: 'b', reasoning_content: 'c', reasoning: 'd' }, 'stop'), true],
  [chunk({ ...call(0, '{"a":"x","odd key":1}', { id: 'call_1', name: 'f' }), annotations: fullCompletion().choices[0]?.message.annotations }), true],
  [{ ...usageChunk(), obfuscation: 'abc', x_groq: { id: 'r', usage: {} }, citations: ['https://a.example'], error: { message: 'm' } }, true],
  [{ error: { message: 'm', type: 't', param: null, code: 'c', metadata: { raw: ['x'] } } }, true],
  [{ error: 'm' }, false],
]

test('A15: prose in any place of an answer, and in any unknown member, is covered or refused', () => {
  let covered = 0
  for (const [part, streamed] of parts) {
    assert.deepEqual(answer.snapshot(part, streamed), part)
    for (const place of placesOf(part)) {
      for (const put of [prose, [prose], { text: prose }, { type: prose }, { content: prose, token: prose }])
        assert.ok(!leaks(withValue(part, place, put), streamed), place.join('/'))
      if (typeof place.at(-1) === 'string') assert.ok(!leaks(withValue(part, place, undefined, prose), streamed), `name ${place.join('/')}`)
      covered++
    }
    for (const place of [[], ...placesOf(part)]) {
      const holder = place.reduce<unknown>((value, name) => (value as Record<string | number, unknown>)[name], part)
      if (typeof holder !== 'object' || holder === null || Array.isArray(holder)) continue
      for (const put of [prose, { text: prose }, [prose]])
        assert.ok(!leaks(withValue(part, place, { ...holder, extra: put }), streamed), place.join('/'))
    }
  }
  assert.ok(covered > 80)
})

test('A15: a key or a number in any place of an answer is shown or refused', () => {
  const secret = 'canary4711Canary4711'
  const card = 5555555555554444
  for (const [part, streamed] of parts)
    for (const place of placesOf(part)) {
      for (const put of [secret, [secret], { text: secret }, { [secret]: 1 }])
        assert.ok(!hides(withValue(part, place, put), streamed, secret), place.join('/'))
      if (typeof place.at(-1) === 'string') assert.ok(!hides(withValue(part, place, undefined, secret), streamed, secret), `name ${place.join('/')}`)
      for (const put of [card, [card], { number: card }, -card, card + 0.5])
        assert.ok(!hides(withValue(part, place, put), streamed, String(card)), place.join('/'))
    }
})

test('logprobs, which hold the text once more, do not pass', () => {
  const tokens = [{ token: 'secret', bytes: [115], logprob: 0, top_logprobs: [{ token: 'secret', bytes: [115], logprob: 0 }] }]
  const whole = fullCompletion()
  const withTokens = { ...whole, choices: whole.choices.map((choice) => ({ ...choice, logprobs: { content: tokens, refusal: null } })) }
  assert.deepEqual(answer.snapshot(withTokens, false), whole)
  const piece = chunk({ content: 'secret' })
  const pieceWithTokens = { ...piece, choices: piece.choices.map((choice) => ({ ...choice, logprobs: { content: tokens, refusal: null } })) }
  assert.deepEqual(answer.snapshot(pieceWithTokens, true), piece)
})

test('what other vendors add passes: names, figures, filter results', () => {
  for (const part of [
    { ...chunk({ content: 'a' }), provider: 'Some Vendor', system_fingerprint: null, service_tier: 'on_demand' },
    { ...chunk({ content: 'a' }), timings: { predicted_ms: 1.5, cache: { hits: 3 } }, prompt_logprobs: null },
    {
      ...chunk({}),
      object: '',
      model: '',
      id: '',
      choices: [],
      prompt_filter_results: [{ prompt_index: 0, content_filter_results: { hate: { filtered: false, severity: 'safe' } } }],
    },
    {
      ...chunk({}),
      choices: [
        {
          index: 0,
          delta: { content: 'a', role: null, tool_calls: null },
          finish_reason: null,
          content_filter_results: {},
          stop_reason: 'a stop',
          native_finish_reason: 'end_turn',
        },
      ],
    },
  ])
    assert.deepEqual(answer.snapshot(part, true), part)
  const whole = fullCompletion()
  assert.equal(answer.texts(answer.snapshot({ ...whole, provider: 'Some Vendor' }, false)).at(-1)?.value, 'Some Vendor')
})

test('refuses what it does not know', () => {
  for (const unknown of [
    'text',
    7,
    null,
    undefined,
    [],
    {},
    { choices: [] },
    { object: 'response', output: [] },
    { type: 'message', content: [] },
    new Uint8Array(2),
  ]) {
    refuses(unknown, false, unknown === undefined ? 'payload_invalid' : 'payload_unsupported')
    refuses(unknown, true, unknown === undefined ? 'payload_invalid' : 'payload_unsupported')
  }
  refuses(fullCompletion(), true)
  refuses(chunk({ content: 'a' }), false)
  refuses(chunk({ audio: { id: 'a', data: 'UklGRg==' } }), true)
  refuses(chunk({ thinking: 'prose' }), true)
  refuses(chunk({ tool_calls: [{ index: 0, type: 'web_search' as 'function' }] }), true)
  refuses({ ...chunk({}), token_ids: [115, 101] }, true)
  refuses({ ...usageChunk(), obfuscation: 'two words' }, true)
  const whole = fullCompletion()
  refuses({ ...whole, choices: [{ index: 0, message: { role: 'assistant', content: 'a', audio: { id: 'a', data: 'UklGRg==' } } }] }, false)
})

test('refuses what is malformed', () => {
  for (const index of [-1, 1.5, 128, 1e9, '0', null, undefined])
    refuses({ ...chunk({}), choices: [{ index, delta: {}, finish_reason: null }] }, true, 'payload_invalid')
  refuses({ ...chunk({}), choices: {} }, true, 'payload_invalid')
  refuses(chunk({ content: '\ud800' }), true, 'payload_invalid')
  refuses(chunk({ tool_calls: [{ index: 5000 }] }), true, 'payload_invalid')
  refuses({ ...fullCompletion(), choices: [{ index: 0 }] }, false, 'payload_invalid')
})

test('an error of the vendor is an answer too, whatever it says', () => {
  const error = answer.snapshot(
    { error: { message: 'Incorrect key: sk-abc', type: 'invalid_request_error', param: null, code: 'invalid_api_key' } },
    false,
  )
  assert.deepEqual(
    answer.texts(error).map(({ path, value }) => [path, value]),
    [
      ['/error/message', 'Incorrect key: sk-abc'],
      ['/error/type', 'invalid_request_error'],
      ['/error/code', 'invalid_api_key'],
    ],
  )
})

test('broken arguments pass unread, and are refused when their texts are read', () => {
  const whole = fullCompletion()
  const broken = {
    ...whole,
    choices: [
      { ...whole.choices[1], message: { role: 'assistant', content: null, refusal: null, function_call: { name: 'old', arguments: '{"x":' } } },
    ],
  }
  const copy = answer.snapshot(broken, false)
  assert.throws(() => answer.texts(copy), { code: 'payload_invalid' })
})

test('reports usage, and nonsense as none', () => {
  assert.deepEqual(answer.usage(answer.snapshot(fullCompletion(), false)), { inputTokens: 10, outputTokens: 20, reasoningTokens: 4 })
  assert.deepEqual(answer.usage(answer.snapshot(usageChunk(), true)), { inputTokens: 10, outputTokens: 20 })
  assert.deepEqual(answer.usage({ ...chunk({}), x_groq: { usage: { prompt_tokens: 1, completion_tokens: 2 } } }), { inputTokens: 1, outputTokens: 2 })
  for (const usage of [
    null,
    undefined,
    7,
    {},
    { prompt_tokens: -1, completion_tokens: 2 },
    { prompt_tokens: 1.5, completion_tokens: 2 },
    { prompt_tokens: '1', completion_tokens: 2 },
    { prompt_tokens: Number.POSITIVE_INFINITY, completion_tokens: 2 },
  ])
    assert.equal(answer.usage({ ...usageChunk(), usage }), undefined)
  assert.equal(answer.usage('text'), undefined)
})
