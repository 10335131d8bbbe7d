import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { redisLimits } from '../../../src/adapters/redis/index.ts'
import { rateLimit } from '../../../src/controls/rate-limit.ts'
import { guard } from '../../../src/guard/guard.ts'
import { unaudited } from '../../../src/controls/unaudited.ts'
import type { LimitStore } from '../../../src/limits/limit-store.ts'
import { planLimit } from '../../../src/limits/limit.ts'
import { as, believe, chunk, completion, decideBy, type Identified } from '../../controls/limited-guard.ts'
import { ada, chat, perCaller, read, request, stream, streamed, words } from '../../controls/metered-guard.ts'
import { clientLibraries, type TestClient } from './clients.ts'
import { type RedisServer, startRedis, withoutRedis } from './redis-server.ts'
import { until } from './told.ts'

const window = 1e9
const limits = [
  { name: 'places', concurrent: 20 },
  { name: 'tokens', tokens: 100_000, window },
  { name: 'calls', requests: 10_000, window },
] as const

describe('rateLimit over Redis', { skip: withoutRedis }, () => {
  let server: RedisServer
  let client: TestClient
  before(async () => {
    server = await startRedis()
    const [library] = clientLibraries
    assert.ok(library !== undefined)
    client = await library.connect(server.port)
  })
  after(async () => {
    client?.close()
    await server?.stop()
  })

  function guarded(prefix: string, lease?: number) {
    const store = redisLimits({ client: client.client, prefix, deadline: 5_000, ...(lease !== undefined && { lease }) })
    // The system's clock: what Redis does takes real time.
    const made = guard({ onError: () => {} })
      .use(unaudited())
      .use(believe())
      .use(rateLimit<Identified>({ limits: limits.map((limit) => ({ ...limit, per: perCaller })), store, deadline: 10_000 }))
      .use(decideBy({ denies: false, obligations: [] }))
    return { made, store }
  }

  const left = async (store: LimitStore, index: number): Promise<number | undefined> => {
    const limit = planLimit(limits[index] as (typeof limits)[number])
    const answer = await store.reserve([{ limit, key: '1:iada' }], { [limit.unit]: 0 }, 0)
    return answer.allowed ? answer.limits[0]?.remaining : undefined
  }

  test('a stream settles what the vendor reports, and one that outruns everything is cut', async () => {
    const { made, store } = guarded('settles')
    const parts = [...words(10), chunk({}, { prompt_tokens: 30, completion_tokens: 12 })]
    assert.equal(await read(made.protect(() => stream(parts), chat)(streamed, ada)), 11)
    await until(async () => (await left(store, 1)) === 100_000 - 42)
    assert.equal(await left(store, 0), 20)
    await made.protect(() => completion('hi', { prompt_tokens: 8, completion_tokens: 20 }), chat)(request(), ada)
    assert.equal(await left(store, 1), 100_000 - 70)
    // A thousand tokens a part: more than there are.
    const endless = made.protect(async function* () {
      for (;;) yield chunk({ content: 'four'.repeat(1_000) })
    }, chat)
    await assert.rejects(read(endless(streamed, ada)), { code: 'limit_exceeded' })
    await until(async () => (await left(store, 0)) === 20)
    const rest = (await left(store, 1)) ?? -1
    assert.ok(rest >= 0 && rest <= 1_000, `${rest}`)
  })

  test('a thousand streams that are given up leave every place free and nothing reserved', async () => {
    const { made, store } = guarded('aborted')
    const endless = made.protect(async function* () {
      for (;;) {
        yield chunk({ content: 'four' })
        await setTimeout(1)
      }
    }, chat)
    const ways: readonly ((controller: AbortController) => Promise<unknown>)[] = [
      async ({ signal }) => void (await (await endless(streamed, { ...ada, signal })).next()),
      async () => (await endless(streamed, ada)).return?.(),
      async () => {
        const parts = await endless(streamed, ada)
        await parts.next()
        await parts.return?.()
      },
      async (controller) => {
        const asked = endless(streamed, { ...ada, signal: controller.signal })
        controller.abort()
        await asked
      },
    ]
    for (let round = 0; round < 50; round++) {
      const controller = new AbortController()
      await Promise.allSettled(Array.from({ length: 20 }, (_, index) => ways[index % ways.length]?.(controller)))
      controller.abort()
      await until(async () => (await left(store, 0)) === 20)
    }
    const spent = 100_000 - ((await left(store, 1)) ?? 0)
    assert.ok(spent <= 1_000 * 10, `${spent} tokens are spent`)
  })

  test('callers are told apart, and what each is told is its own', async () => {
    const { made } = guarded('apart')
    const told: unknown[] = []
    const ask = made.protect((_input, call) => {
      told.push(call.quota.remaining?.requests, call.quota.degraded)
      return completion('hi')
    }, chat)
    for (const subject of ['ada', 'ada', 'grace']) await ask(request(), as(subject))
    assert.deepEqual(told, [9_999, false, 9_998, false, 9_999, false])
  })
})
