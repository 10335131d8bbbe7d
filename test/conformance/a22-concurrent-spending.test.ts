import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  audit,
  authorize,
  type ChatRequest,
  guard,
  identityKey,
  jwt,
  type LimitStore,
  memoryLimits,
  type PlannedLimit,
  planLimit,
  policySet,
  rateLimit,
  type Reservation,
  verifyIdentity,
} from '../../src/index.ts'
import { recordingLog, testClock, testIssuer } from '../../src/testing/index.ts'
import { chatRequest, chunk, chunksOf, completion } from './chat-payloads.ts'
import { assertRefusal, assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { analyst, chat, issuer as sharedIssuer, type Parts, policy, wholeGuard } from './whole-guard.ts'

const window = 1e9
const per = (call: { readonly identity: { readonly key: string } }): string => call.identity.key
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * 5))

/** A store that takes its time for every answer, as one on another machine does. */
function slow(store: LimitStore): LimitStore {
  const wrapped = (reservation: Reservation): Reservation => ({
    allowed: true,
    limits: reservation.limits,
    async extend(more, now) {
      await pause()
      const answer = await reservation.extend(more, now)
      return answer.allowed ? wrapped(answer) : answer
    },
    async settle(actual, now) {
      await pause()
      await reservation.settle(actual, now)
    },
    async release(now) {
      await pause()
      await reservation.release(now)
    },
  })
  return {
    async reserve(limits, amounts, now) {
      await pause()
      const answer = await store.reserve(limits, amounts, now)
      await pause()
      return answer.allowed ? wrapped(answer) : answer
    },
  }
}

function scene(limits: NonNullable<Parts['limits']>) {
  const clock = testClock(Date.now())
  const issuer = testIssuer({ clock })
  const base = wholeGuard({ clock, limits, identity: { verifiers: [jwt(issuer.options)] } })
  const key = identityKey(issuer.issuer, 'ada')
  const left = (store: LimitStore, limit: PlannedLimit): number => {
    const answer = store.reserve([{ limit, key }], { [limit.unit]: 0 }, clock.monotonic())
    assert.ok(!(answer instanceof Promise) && 'limits' in answer)
    return answer.limits[0]?.remaining ?? 0
  }
  return { clock, base, left, credentials: () => issuer.bearer({ sub: 'ada', roles: ['analyst'] }, { expiresIn: 5e8 }) }
}

describe('A22: a hundred calls at once', () => {
  for (const isSlow of [false, true]) {
    const where = isSlow ? 'in a store that takes its time' : 'in memory'

    test(`never make more requests than the limit, and the refused spend nothing, ${where}`, async () => {
      const store = memoryLimits()
      const limit = { name: 'requests', requests: 10, window }
      const own = scene({ store: isSlow ? slow(store) : store, limits: { ...limit, per } })
      const server = served(own.base, async () => {
        await pause()
        return completion('x')
      })
      const credentials = await own.credentials()
      const answers = await Promise.all(Array.from({ length: 100 }, () => server.ask(chatRequest('x'), credentials)))
      assert.equal(answers.filter(({ status }) => status === 200).length, 10)
      for (const answer of answers)
        if (answer.status !== 200) {
          for (const field of ['retry-after', 'ratelimit', 'ratelimit-policy']) assert.ok(answer.headers.has(field), field)
          await assertRefused(answer, 'limit_exceeded')
        }
      assert.equal(server.ran.length, 10)
      assert.equal(own.left(store, planLimit(limit)), 0)
      // Had the ninety spent anything, a tenth of the window would not give one back.
      own.clock.advance(window * 100 + 1)
      const later = await Promise.all(Array.from({ length: 5 }, () => server.ask(chatRequest('x'), credentials)))
      assert.equal(later.filter(({ status }) => status === 200).length, 1)
    })

    test(`never take more tokens than the limit, whole and streamed, ${where}`, async () => {
      for (const stream of [false, true]) {
        const store = memoryLimits()
        const limit = { name: 'tokens', tokens: 1_000, window }
        const own = scene({ store: isSlow ? slow(store) : store, limits: { ...limit, per }, estimate: () => ({ input: 10, output: 40 }) })
        let delivered = 0
        // Each says more than it was expected to.
        const words = Array.from({ length: 60 }, () => 'four')
        const run = own.base.protect((_input: ChatRequest, call): object => {
          assert.ok(call.quota)
          return stream
            ? (async function* () {
                for (const part of chunksOf(words)) {
                  if (Math.random() < 0.1) await pause()
                  yield part
                }
              })()
            : pause().then(() => ({ ...completion('x'), usage: { prompt_tokens: 10, completion_tokens: 40 } }))
        }, chat)
        const credentials = await own.credentials()
        const endings = await Promise.all(
          Array.from({ length: 100 }, async () => {
            try {
              const answer: unknown = await run(chatRequest('x', { stream }), { credentials })
              if (stream)
                for await (const part of answer as AsyncIterable<{ choices: { delta: { content?: string } }[] }>)
                  delivered += (part.choices[0]?.delta.content ?? '').length / 4
              else delivered += 50
              return 'completed'
            } catch (error) {
              assertRefusal(error, 'limit_exceeded')
              return 'refused'
            }
          }),
        )
        assert.ok(endings.includes('refused'), 'nobody was refused')
        assert.ok(stream || endings.includes('completed'), 'nobody was served')
        assert.ok(delivered <= 1_000, `${delivered} tokens were delivered`)
        assert.ok(delivered >= 500, `only ${delivered} tokens were delivered`)
        assert.ok(own.left(store, planLimit(limit)) >= 0, 'more was spent than there is')
      }
    })

    test(`never run more at the same time than the limit, and give every place back, ${where}`, async () => {
      const store = memoryLimits()
      const limit = { name: 'places', concurrent: 7 }
      const own = scene({ store: isSlow ? slow(store) : store, limits: { ...limit, per } })
      let running = 0
      let most = 0
      const server = served(own.base, async () => {
        most = Math.max(most, ++running)
        await pause()
        running--
        if (Math.random() < 0.3) throw new Error('the model broke')
        return completion('x')
      })
      const credentials = await own.credentials()
      for (let round = 0; round < 3; round++) {
        const answers = await Promise.all(Array.from({ length: 100 }, () => server.ask(chatRequest('x'), credentials)))
        assert.ok(answers.some(({ status }) => status === 429))
        assert.equal(own.left(store, planLimit(limit)), 7)
      }
      assert.ok(most <= 7 && most > 0, `${most} at once`)
    })
  }

  test('all limits or none: what one of them refuses is not spent from the others', async () => {
    const store = memoryLimits()
    const many = { name: 'many', requests: 1_000, window }
    const few = { name: 'few', requests: 3, window }
    const places = { name: 'places', concurrent: 1_000 }
    const own = scene({ store: slow(store), limits: [many, few, places].map((limit) => ({ ...limit, per })) })
    const server = served(own.base)
    const credentials = await own.credentials()
    await Promise.all(Array.from({ length: 100 }, () => server.ask(chatRequest('x'), credentials)))
    assert.equal(server.ran.length, 3)
    assert.equal(own.left(store, planLimit(many)), 997)
    assert.equal(own.left(store, planLimit(few)), 0)
    assert.equal(own.left(store, planLimit(places)), 1_000)
  })

  test('two limits in a chain, by address and by caller: the second refusing does not spend the first', async () => {
    const outer = memoryLimits()
    const first = { name: 'address', requests: 50, window }
    const base = guard({ onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(rateLimit({ store: outer, limits: { ...first, per: () => '192.0.2.1' } }))
      .use(verifyIdentity({ verifiers: [jwt(sharedIssuer.options)] }))
      .use(rateLimit({ limits: { name: 'caller', requests: 2, window, per: (call) => call.identity.key } }))
      .use(authorize({ evaluator: policySet(policy) }))
    let ran = 0
    const run = base.protect((_input: ChatRequest) => completion(String(++ran)), chat)
    const credentials = await analyst()
    const settled = await Promise.allSettled(Array.from({ length: 20 }, () => run(chatRequest('x'), { credentials })))
    assert.equal(settled.filter(({ status }) => status === 'fulfilled').length, 2)
    assert.equal(ran, 2)
    const answer = outer.reserve([{ limit: planLimit(first), key: '192.0.2.1' }], { requests: 0 }, performance.now())
    assert.ok(answer.allowed)
    assert.equal(answer.limits[0]?.remaining, 48)
  })

  test('what is refused by policy or payload costs a request, so that probing costs', async () => {
    const store = memoryLimits()
    const limit = { name: 'requests', requests: 10, window }
    const own = scene({ store, limits: { ...limit, per } })
    const server = served(own.base)
    const credentials = await own.credentials()
    await assertRefused(await server.ask(chatRequest('x', { model: 'gpt-6' }), credentials), 'denied')
    await assertRefused(await server.ask({ ...chatRequest('x'), unknown: 1 }, credentials), 'payload_unsupported')
    const probed = 10 - own.left(store, planLimit(limit))
    assert.ok(probed >= 1, `${probed} requests were spent`)
    const answers = await Promise.all(Array.from({ length: 50 }, () => server.ask(chatRequest('x', { model: 'gpt-6' }), credentials)))
    assert.ok(answers.filter(({ status }) => status === 403).length <= 9)
    assert.equal(server.ran.length, 0)
  })

  test('a stream that outruns what it reserved is cut, and no part beyond the limit is delivered', async () => {
    const store = memoryLimits()
    const own = scene({ store: slow(store), limits: { name: 'tokens', tokens: 300, window, per }, estimate: () => ({ input: 0, output: 1 }) })
    const server = served(own.base, () =>
      (async function* () {
        for (;;) {
          await new Promise((resolve) => setImmediate(resolve))
          yield chunk({ delta: { content: 'four' } })
        }
      })(),
    )
    const text = await (await server.ask(chatRequest('x', { stream: true }), await own.credentials())).text()
    assert.match(text, /"code":"limit_exceeded"/)
    assert.ok(!text.includes('[DONE]'))
    const words = text.split('four').length - 1
    assert.ok(words <= 300 && words > 100, `${words} tokens were delivered`)
  })
})
