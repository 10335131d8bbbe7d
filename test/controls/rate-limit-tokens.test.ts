import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rateLimit, type RateLimitOptions } from '../../src/controls/rate-limit.ts'
import type { Codec, Usage } from '../../src/guard/codec.ts'
import type { Json } from '../../src/guard/context.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import type { LimitStore } from '../../src/limits/limit-store.ts'
import { planLimit } from '../../src/limits/limit.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { as, chunk, completion, type Identified, type LimitedGuard, limitedGuard } from './limited-guard.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } }
const text = { ...operation, codec: plainText }
const chat = { ...operation, codec: openaiChat }
const call = as('ada')

interface Metered extends LimitedGuard {
  /** Tokens that ada has left. */
  left(): number
}

function metered(tokens: number, more: Partial<RateLimitOptions<Identified>> = {}): Metered {
  const store = memoryLimits()
  const per = (call: Identified): string => call.identity.key
  const limits = [
    { name: 'tokens', per, tokens, window: 3_600_000 },
    { name: 'requests', per, requests: 1_000, window: 3_600_000 },
  ]
  const made = limitedGuard(rateLimit<Identified>({ limits, store, ...more }))
  const limit = planLimit({ name: 'tokens', tokens, window: 3_600_000 })
  return {
    ...made,
    left() {
      const answer = store.reserve([{ limit, key: '1:iada' }], { tokens: 0 }, made.clock.monotonic())
      return (answer.allowed && answer.limits[0]?.remaining) || 0
    },
  }
}

// 400 characters: 100 tokens.
const question = 'q'.repeat(400)

function request(more: Partial<ChatRequest> = {}): ChatRequest {
  return { model: 'm', messages: [{ role: 'user', content: 'hello' }], ...more }
}

/** The parts one by one, as a model would send them. */
async function* stream(parts: readonly Json[]): AsyncGenerator<Json> {
  yield* parts
}

test('a call is charged its input and what was delivered, where nobody reports', async () => {
  const { guard, left } = metered(10_000)
  await guard.protect((_input: string) => 'a'.repeat(200), text)(question, call)
  assert.equal(left(), 10_000 - 100 - 50)
})

test('a whole answer is charged as the vendor reports', async () => {
  const { guard, left } = metered(10_000)
  await guard.protect((_input: ChatRequest) => completion('hi', { prompt_tokens: 30, completion_tokens: 70 }), chat)(request(), call)
  assert.equal(left(), 9_900)
})

test('a streamed answer is charged as the vendor reports', async () => {
  const { guard, left } = metered(10_000)
  const ask = guard.protect(
    (_input: ChatRequest) => stream([chunk({ content: 'hi' }), chunk({}, { prompt_tokens: 30, completion_tokens: 70 })]),
    chat,
  )
  for await (const _ of await ask(request({ stream: true }), call));
  assert.equal(left(), 9_900)
})

const lies: readonly Usage[] = [
  { inputTokens: -1_000, outputTokens: -1_000 },
  { inputTokens: Number.NaN, outputTokens: Number.NaN },
  { inputTokens: Number.POSITIVE_INFINITY, outputTokens: Number.POSITIVE_INFINITY },
  { inputTokens: 1e300, outputTokens: 1e300 },
  { inputTokens: 0, outputTokens: 0 },
  { inputTokens: '5', outputTokens: null } as never,
]

for (const usage of lies)
  test(`a vendor that reports ${usage.inputTokens} tokens lowers nothing and raises nothing`, async () => {
    const { guard, left } = metered(10_000)
    const codec: Codec<string> = { ...plainText, answer: { ...plainText.answer, usage: () => usage } }
    await guard.protect((_input: string) => 'a'.repeat(200), { ...operation, codec })(question, call)
    assert.equal(left(), 9_850)
  })

test('a vendor that reports less than it delivered is not believed', async () => {
  const { guard, left } = metered(10_000)
  const ask = guard.protect((_input: ChatRequest) => completion('a'.repeat(400), { prompt_tokens: 100, completion_tokens: 1 }), chat)
  await ask(request(), call)
  assert.equal(left(), 10_000 - 100 - 100)
})

test('while a call runs, all that it may take is reserved', async () => {
  const { guard, left } = metered(10_000)
  const during: number[] = []
  const ask = guard.protect((_input: ChatRequest) => {
    during.push(left())
    return completion('hi', { prompt_tokens: 10, completion_tokens: 10 })
  }, chat)
  await ask(request({ max_completion_tokens: 500, n: 2 }), call)
  assert.ok((during[0] ?? 0) <= 9_000 && (during[0] ?? 0) > 8_900)
  assert.equal(left(), 9_980)
})

test('a hundred calls at the same time never take more than the limit', async () => {
  const { guard, left } = metered(1_000)
  let delivered = 0
  const ask = guard.protect(async (_input: ChatRequest) => {
    await new Promise((resolve) => setImmediate(resolve))
    delivered += 100
    return completion('hi', { prompt_tokens: 20, completion_tokens: 80 })
  }, chat)
  const input = request({ max_completion_tokens: 90 })
  const results = await Promise.allSettled(Array.from({ length: 100 }, () => ask(input, call)))
  const granted = results.filter(({ status }) => status === 'fulfilled').length
  assert.ok(granted > 0)
  assert.equal(delivered, granted * 100)
  assert.equal(left(), 1_000 - delivered)
})

test('what policy refuses takes no tokens, and what the limit refuses nothing', async () => {
  const { guard, left, policy } = metered(10_000)
  const ask = guard.protect((_input: ChatRequest) => completion('hi'), chat)
  policy.denies = true
  await assert.rejects(ask(request(), call), { code: 'denied' })
  policy.denies = false
  await assert.rejects(ask(request({ max_completion_tokens: 10_000 }), call), { code: 'limit_exceeded' })
  assert.equal(left(), 10_000)
})

test('more than a limit ever grants is refused with a time all the same', async () => {
  const { guard } = metered(100)
  await assert.rejects(guard.protect((_input: string) => 'hi', text)('q'.repeat(4_000), call), (error: { headers?: Record<string, string> }) => {
    assert.equal(error.headers?.['retry-after'], '3600000')
    return true
  })
})

test('a call that failed before any answer is charged what it reserved: nobody knows what it took', async () => {
  const { guard, left } = metered(10_000)
  const ask = guard.protect((_input: ChatRequest): Json => {
    throw new Error('upstream')
  }, chat)
  await assert.rejects(ask(request({ max_completion_tokens: 500 }), call), { message: 'upstream' })
  assert.ok(left() <= 9_500)
})

test('an answer that nothing can read is charged what was reserved', async () => {
  const { guard, left } = metered(10_000)
  const codec: Codec<string> = { ...plainText, answer: { ...plainText.answer, snapshot: (part) => part, texts: () => [], usage: () => undefined } }
  const readable = guard.protect((_input: string) => ({ hidden: 'x' }), { ...operation, codec })
  await readable(question, call)
  assert.equal(left(), 9_900)
})

test('a whole answer beyond its reservation is delivered, and owed', async () => {
  const { guard, left } = metered(1_000)
  const ask = guard.protect((_input: ChatRequest) => completion('hi', { prompt_tokens: 500, completion_tokens: 2_500 }), chat)
  await ask(request(), call)
  assert.equal(left(), 0)
  await assert.rejects(ask(request({ max_completion_tokens: 1 }), call), (error: { headers?: Record<string, string> }) => {
    assert.ok(Number(error.headers?.['retry-after']) > 7_200_000)
    return true
  })
})

test('a stream that outruns its reservation reserves more', async () => {
  const { guard, left } = metered(100_000)
  const ask = guard.protect((_input: string) => stream(Array.from({ length: 100 }, () => 'a'.repeat(400))), text)
  let length = 0
  for await (const part of await ask(question, call)) length += String(part).length
  assert.equal(length, 40_000)
  assert.equal(left(), 100_000 - 100 - 10_000)
})

for (const [kind, slow] of [
  ['at once', false],
  ['later', true],
] as const)
  test(`a stream that outruns the limit is cut, when the store answers ${kind}`, async () => {
    const inner = memoryLimits()
    const store: LimitStore = {
      reserve(...given) {
        const answer = inner.reserve(...given)
        if (!answer.allowed || !slow) return answer
        const extend: typeof answer.extend = answer.extend.bind(answer)
        return {
          allowed: true,
          limits: answer.limits,
          extend: async (more, now) => extend(more, now),
          settle: async (actual, now) => answer.settle(actual, now),
          release: async (now) => answer.release(now),
        }
      },
    }
    const { guard, clock } = metered(1_000, { store })
    let aborted = false
    const ask = guard.protect(async function* (_input: string, { signal }) {
      signal.addEventListener('abort', () => (aborted = true))
      for (;;) yield 'a'.repeat(40)
    }, text)
    const parts = await ask(question, call)
    let length = 0
    await assert.rejects(
      async () => {
        for await (const part of parts) length += part.length
      },
      { code: 'limit_exceeded', status: 429 },
    )
    // All of it, and not a token more.
    assert.equal(length, 4 * (1_000 - 100))
    assert.ok(aborted)
    assert.equal((await parts.next()).done, true)
    const limit = planLimit({ name: 'tokens', tokens: 1_000, window: 3_600_000 })
    const state = inner.reserve([{ limit, key: '1:iada' }], { tokens: 0 }, clock.monotonic())
    assert.equal(state.allowed && state.limits[0]?.remaining, 0)
  })

test('a call that ends while its stream reserves more settles after that, once', async () => {
  const inner = memoryLimits()
  const done: string[] = []
  let answer = (): void => {}
  const store: LimitStore = {
    reserve(...given) {
      const reservation = inner.reserve(...given)
      if (!reservation.allowed) return reservation
      return {
        allowed: true,
        limits: reservation.limits,
        extend: () =>
          new Promise((resolve) => {
            answer = () => {
              done.push('extended')
              resolve(reservation)
            }
          }),
        settle: (actual) => void done.push(`settled at ${actual.tokens}`),
        release: () => void done.push('released'),
      }
    },
  }
  const { guard } = metered(10_000, { store })
  const ask = guard.protect((_input: string) => stream(['a'.repeat(4_000), 'a'.repeat(4_000), 'a'.repeat(4_000)]), text)
  const parts = await ask(question, call)
  await parts.next()
  const waiting = parts.next()
  await new Promise((resolve) => setImmediate(resolve))
  const leaving = parts.return?.()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(done, [])
  answer()
  assert.equal((await waiting).done, true)
  await leaving
  assert.deepEqual(done, ['extended', 'settled at 2100'])
})

test('a reader that leaves early is charged what it got', async () => {
  const { guard, left } = metered(10_000)
  const ask = guard.protect((_input: string) => stream(Array.from({ length: 100 }, () => 'a'.repeat(40))), text)
  let parts = 0
  for await (const _ of await ask(question, call)) if (++parts === 5) break
  assert.equal(left(), 10_000 - 100 - 50)
})

test('a stream that nobody reads is charged its input', async () => {
  const { guard, left, clock } = metered(10_000)
  const ask = guard.protect((_input: string) => stream(['a'.repeat(400)]), text)
  await ask(question, { ...call, deadline: 10 })
  assert.ok(left() < 9_000)
  clock.advance(10)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(left(), 9_900)
})

test('a stream that breaks is charged what it gave', async () => {
  const { guard, left } = metered(10_000)
  const ask = guard.protect(async function* (_input: string) {
    yield 'a'.repeat(40)
    throw new Error('upstream')
  }, text)
  await assert.rejects(
    async () => {
      for await (const _ of await ask(question, call));
    },
    { message: 'upstream' },
  )
  assert.equal(left(), 10_000 - 100 - 10)
})

test('pieces of tool arguments are counted, though they are no texts yet', async () => {
  const { guard, left } = metered(100_000)
  const piece = (args: string): Json => chunk({ tool_calls: [{ index: 0, function: { arguments: args } }] })
  const parts = [
    chunk({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'send', arguments: '' } }] }),
    piece('{"a":"'),
    ...Array.from({ length: 100 }, () => piece('x'.repeat(40))),
    piece('"}'),
  ]
  for await (const _ of await guard.protect((_input: ChatRequest) => stream(parts), chat)(request({ stream: true }), call));
  const spent = 100_000 - left()
  assert.ok(spent >= 1_000 && spent < 1_100, `${spent}`)
})

test('the expected tokens are the application to say', async () => {
  const during: number[] = []
  for (const estimate of [() => 700, () => ({ input: 200, output: 500 })]) {
    const made = metered(1_000, { estimate })
    await made.guard.protect((_input: string) => {
      during.push(made.left())
      return 'hi'
    }, text)(question, call)
  }
  assert.deepEqual(during, [300, 300])
})

for (const estimate of [
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '5',
  null,
  undefined,
  {},
  { input: 1, output: -1 },
  { input: Number.NaN, output: 1 },
  Promise.resolve(5),
])
  test(`an estimate of ${estimate instanceof Promise ? 'a promise' : JSON.stringify(estimate)} ${String(estimate)} refuses`, async () => {
    const { guard, left } = metered(1_000, { estimate: () => estimate as number })
    let ran = 0
    await assert.rejects(guard.protect((_input: string) => String(++ran), text)(question, call), { code: 'misconfigured' })
    assert.deepEqual([ran, left()], [0, 1_000])
  })

const capped = [{ type: 'max_output_tokens', value: 50 }]

test('policy caps what a request asks for', async () => {
  const { guard, policy } = metered(10_000)
  policy.obligations = capped
  const asked: unknown[] = []
  const ask = guard.protect((input: ChatRequest) => {
    asked.push(input.max_completion_tokens)
    return completion('hi')
  }, chat)
  await ask(request(), call)
  await ask(request({ max_completion_tokens: 2_000 }), call)
  await ask(request({ max_completion_tokens: 20 }), call)
  assert.deepEqual(asked, [50, 50, 20])
  policy.obligations = [...capped, { type: 'max_output_tokens', value: 10 }]
  await ask(request(), call)
  assert.equal(asked[3], 10)
})

test('a cap that the payload cannot carry refuses', async () => {
  const { guard, policy, left } = metered(10_000)
  policy.obligations = capped
  let ran = 0
  await assert.rejects(guard.protect((_input: string) => String(++ran), text)(question, call), { code: 'obligation_unmet' })
  await assert.rejects(guard.protect((_input: string) => String(++ran), operation)(question, call), { code: 'obligation_unmet' })
  assert.deepEqual([ran, left()], [0, 10_000])
})

test('a cap that is none refuses', async () => {
  const { guard, policy } = metered(10_000)
  const ask = guard.protect((_input: ChatRequest) => completion('hi'), chat)
  for (const value of [0, -5, 1.5, '50', null, Number.NaN]) {
    policy.obligations = [...capped, { type: 'max_output_tokens', value }]
    await assert.rejects(ask(request(), call), { code: 'obligation_unmet' })
  }
})

test('an answer beyond the cap ends the call, whole or streamed, reported or counted', async () => {
  const { guard, policy } = metered(100_000)
  policy.obligations = capped
  const read = async (parts: readonly Json[]): Promise<number> => {
    let count = 0
    for await (const _ of await guard.protect((_input: ChatRequest) => stream(parts), chat)(request({ stream: true }), call)) count++
    return count
  }
  assert.equal(await read([chunk({ content: 'a'.repeat(200) }), chunk({}, { prompt_tokens: 5, completion_tokens: 50 })]), 2)
  await assert.rejects(read(Array.from({ length: 1_000 }, () => chunk({ content: 'aaaa' }))), { code: 'obligation_unmet' })
  await assert.rejects(read([chunk({ content: 'hi' }), chunk({}, { prompt_tokens: 5, completion_tokens: 51 })]), { code: 'obligation_unmet' })
  const whole = guard.protect((_input: ChatRequest) => completion('a'.repeat(4_000)), chat)
  await assert.rejects(whole(request(), call), { code: 'obligation_unmet' })
})

test('who counts only calls reads no payload, whatever its shape', async () => {
  const { guard } = limitedGuard(rateLimit<Identified>({ limits: { name: 'a', per: (c) => c.identity.key, requests: 5, window: 1 } }))
  assert.equal(guard.describe().codec, 'json')
  assert.deepEqual(await guard.protect((input: { a: number }) => input.a, operation)({ a: 5 }, call), 5)
})
