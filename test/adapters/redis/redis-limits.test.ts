import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redisLimits, type RedisLimitsOptions } from '../../../src/adapters/redis/index.ts'
import { redisServers } from '../../../src/adapters/redis/redis-client.ts'
import { LimitsInRedis } from '../../../src/adapters/redis/redis-limits.ts'
import type { Amounts, KeyedLimit, LimitState, LimitStore, Refusal, Reservation } from '../../../src/limits/limit-store.ts'
import { type Limit, planLimit } from '../../../src/limits/limit.ts'
import { clientLibraries, type TestClient } from './clients.ts'
import { type RedisServer, startRedis, startRedisCluster, withoutRedis } from './redis-server.ts'

type Plan = Omit<Limit<never>, 'per'>
const keyed = (plan: Plan, key = 'ada'): KeyedLimit => ({ limit: planLimit(plan), key })

async function granted(answer: Promise<Reservation | Refusal> | Reservation | Refusal): Promise<Reservation> {
  const given = await answer
  assert.ok(given.allowed, `refused: ${JSON.stringify(given)}`)
  return given
}

async function refused(answer: Promise<Reservation | Refusal> | Reservation | Refusal): Promise<Refusal> {
  const given = await answer
  assert.ok(!given.allowed, 'granted')
  return given
}

const one: Amounts = { requests: 1, tokens: 1, cost: 1, concurrent: 1 }

describe('redisLimits', { skip: withoutRedis }, () => {
  let server: RedisServer
  let cluster: readonly RedisServer[]
  let admin: Redis
  let client: TestClient
  let clusterClient: TestClient
  before(async () => {
    ;[server, cluster] = await Promise.all([startRedis(), startRedisCluster(3)])
    const [library] = clientLibraries
    assert.ok(library !== undefined)
    admin = new Redis(server.port)
    client = await library.connect(server.port)
    clusterClient = await library.connectCluster(cluster.map(({ port }) => port))
  })
  after(async () => {
    for (const each of [client, clusterClient]) each?.close()
    admin?.disconnect()
    for (const each of [server, ...(cluster ?? [])]) await each?.stop()
  })
  let made = 0
  const store = (more: Partial<RedisLimitsOptions> = {}): LimitStore =>
    redisLimits({ client: client.client, deadline: 2_000, prefix: `test-${made++}`, ...more })
  const inCluster = (): LimitStore => store({ client: clusterClient.client })
  const timed = (time: () => number): LimitStore =>
    new LimitsInRedis(redisServers('test', client.client), { prefix: `test-${made++}`, deadline: 2_000, lease: undefined }, time)
  const reserve = (of: LimitStore, limits: readonly KeyedLimit[], amounts: Amounts = one): Promise<Reservation | Refusal> =>
    Promise.resolve(of.reserve(limits, amounts, 0))
  const remaining = async (of: LimitStore, limit: KeyedLimit): Promise<number> =>
    ((await granted(reserve(of, [limit], { [limit.limit.unit]: 0 }))).limits[0] as LimitState).remaining

  test('two stores of one prefix count together, and of two prefixes apart', async () => {
    const limit = keyed({ name: 'hour', requests: 3, window: 3_600 })
    const [first, second] = [store({ prefix: 'shared' }), store({ prefix: 'shared' })]
    await granted(reserve(first, [limit]))
    await granted(reserve(second, [limit]))
    await granted(reserve(first, [limit]))
    const { violated, retryAfter } = await refused(reserve(second, [limit]))
    assert.deepEqual(
      violated.map(({ name, unit, limit: most, remaining: left, window }) => ({ name, unit, most, left, window })),
      [{ name: 'hour', unit: 'requests', most: 3, left: 0, window: 3_600 }],
    )
    assert.ok(retryAfter > 1_190 && retryAfter <= 1_200, `${retryAfter}`)
    await granted(reserve(store(), [limit]))
  })

  test('all limits of a call or none of them, and every one that is in the way is named', async () => {
    for (const of of [store(), inCluster()]) {
      const limits = [
        keyed({ name: 'calls', requests: 10, window: 3_600 }, 'ada'),
        keyed({ name: 'tokens', tokens: 100, window: 3_600 }, 'acme'),
        keyed({ name: 'budget', cost: 50, window: 'month' }, 'model'),
        keyed({ name: 'places', concurrent: 1 }, 'ada'),
      ]
      const [calls, tokens, budget] = limits as [KeyedLimit, KeyedLimit, KeyedLimit]
      const { violated } = await refused(reserve(of, limits, { requests: 1, tokens: 101, cost: 51, concurrent: 1 }))
      assert.deepEqual(
        violated.map(({ name }) => name),
        ['tokens', 'budget'],
      )
      // What was given back in another slot of a cluster is on its way.
      for (let tries = 0; tries < 100 && (await remaining(of, calls)) < 10; tries++) await setTimeout(5)
      assert.equal(await remaining(of, calls), 10)
      const reservation = await granted(reserve(of, limits, { requests: 1, tokens: 60, cost: 20, concurrent: 1 }))
      assert.deepEqual(
        reservation.limits.map(({ name, remaining: left }) => [name, left]),
        [
          ['calls', 9],
          ['tokens', 40],
          ['budget', 30],
          ['places', 0],
        ],
      )
      await reservation.settle({ requests: 1, tokens: 10, cost: 60 })
      assert.deepEqual([await remaining(of, calls), await remaining(of, tokens), await remaining(of, budget)], [9, 90, 0])
      await reserve(of, [limits[3] as KeyedLimit]).then(granted)
    }
  })

  test('every key expires, and holds nothing of what is in nobody`s way any more', async () => {
    const prefix = `ttl-${made++}`
    const of = store({ prefix })
    const limits = [
      keyed({ name: 'a', requests: 5, window: 0.2 }),
      keyed({ name: 'b', tokens: 5, window: 3_600 }),
      keyed({ name: 'c', cost: 5, window: 'day' }),
      keyed({ name: 'd', concurrent: 5, lease: 0.2 }),
    ]
    const reservation = await granted(reserve(of, limits))
    const keys = await admin.keys(`${prefix}:*`)
    // The cells, the places, and what is held of the day.
    assert.equal(keys.length, 3)
    for (const key of keys) assert.ok((await admin.pttl(key)) > 0, key)
    await setTimeout(300)
    assert.equal((await admin.keys(`${prefix}:*`)).length, 2)
    await reservation.release()
    const rest = await admin.keys(`${prefix}:*`)
    // What remembers that it was settled.
    assert.ok(rest.length === 1 && rest[0]?.includes(':settled/'), rest.join())
    assert.ok((await admin.pttl(rest[0] ?? '')) > 0)
  })

  test('fractions of a millisecond are not lost: cheap tokens are counted one by one', async () => {
    const of = timed(() => 1_790_000_000_123)
    const limit = keyed({ name: 'cheap', tokens: 50_000_000, window: 60 })
    // So much that it does not expire meanwhile.
    await granted(reserve(of, [limit], { tokens: 40_000_000 }))
    for (let call = 0; call < 200; call++) await granted(reserve(of, [limit], { tokens: 1 }))
    assert.equal(await remaining(of, limit), 10_000_000 - 200)
    await granted(reserve(of, [limit], { tokens: 10_000_000 - 200 }))
    await refused(reserve(of, [limit], { tokens: 1 }))
  })

  test('a settlement that is sent again changes nothing, and neither does a second one', async () => {
    const sent: string[][] = []
    const twice = new Redis(server.port)
    const call = twice.call.bind(twice)
    Object.assign(twice, {
      call: async (name: string, args: string[]) => {
        if (args.includes('settle')) {
          sent.push(args)
          await call(name, args)
        }
        return call(name, args)
      },
    })
    const of = store({ client: twice })
    const limit = keyed({ name: 'hour', tokens: 100, window: 3_600 })
    await granted(reserve(of, [limit], { tokens: 50 }))
    const second = await granted(reserve(of, [limit], { tokens: 40 }))
    await second.settle({ tokens: 0 })
    await second.settle({ tokens: 0 })
    await second.release()
    assert.equal(sent.length, 1)
    assert.equal(await remaining(of, limit), 50)
    await assert.rejects(async () => second.extend({ tokens: 1 }), TypeError)
    twice.disconnect()
  })

  test('places come back when their holder is gone, and renewing keeps them', async () => {
    const of = store()
    const limit = keyed({ name: 'places', concurrent: 2, lease: 0.3 })
    const kept = await granted(reserve(of, [limit]))
    await granted(reserve(of, [limit]))
    await refused(reserve(of, [limit]))
    for (let round = 0; round < 4; round++) {
      await setTimeout(100)
      await granted(kept.extend({}))
    }
    await granted(reserve(of, [limit]))
    await refused(reserve(of, [limit]))
    await kept.release()
    await granted(reserve(of, [limit]))
  })

  test('a day begins with the server`s clock, whatever the client believes', async () => {
    let time = Date.UTC(2026, 5, 1, 21, 59, 59)
    const of = timed(() => time)
    const limit = keyed({ name: 'day', cost: 10, window: 'day', zone: 'Europe/Warsaw' })
    const early = await granted(reserve(of, [limit], { cost: 10 }))
    assert.equal(early.limits[0]?.reset, 1)
    assert.equal((await refused(reserve(of, [limit], { cost: 1 }))).retryAfter, 1)
    time += 1_000
    await granted(reserve(of, [limit], { cost: 4 }))
    // Nothing of a day that is over comes back.
    await early.settle({ cost: 3 })
    assert.equal(await remaining(of, limit), 6)
  })

  test('keys that strangers choose are keys of their own, in one slot each', async () => {
    const keys = ['{', '}', '{}', '}{', 'a}b', 'a}c', '%7d;', '%', '\ud800', '\udc00', '\ufffd', 'a'.repeat(512), '\0', '\r\n', 'ä', ' ']
    for (const of of [store(), inCluster()]) {
      const plans = [{ name: 'calls', requests: 1, window: 3_600 } as const, { name: 'places', concurrent: 1 } as const]
      const limits = (key: string): KeyedLimit[] => plans.map((plan) => keyed(plan, key))
      for (const key of keys) await granted(reserve(of, limits(key)))
      for (const key of keys) assert.equal((await refused(reserve(of, limits(key)))).violated.length, 2, key)
    }
  })

  test('amounts that are none, and two limits of one name, are refused before Redis is asked', async () => {
    const limit = keyed({ name: 'hour', tokens: 10, window: 3_600 })
    for (const of of [store(), store({ lease: 10 })]) {
      for (const tokens of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1', undefined, null])
        await assert.rejects(async () => of.reserve([limit], { tokens } as Amounts, 0), TypeError)
      await assert.rejects(async () => of.reserve([limit, limit], one, 0), TypeError)
      const reservation = await granted(reserve(of, [limit]))
      for (const tokens of [-1, Number.NaN, '1']) {
        await assert.rejects(async () => reservation.extend({ tokens } as Amounts), TypeError)
        await assert.rejects(async () => reservation.extend({ tokens } as Amounts), TypeError)
      }
      await reservation.settle({ tokens: Number.NaN })
      for (const huge of [11, 1e15, Number.MAX_VALUE])
        assert.equal((await refused(reserve(of, [limit], { tokens: huge }))).retryAfter, Number.POSITIVE_INFINITY)
    }
  })

  test('who owes nonsense waits, but not for ever, and poisons no count', async () => {
    for (const window of [60, 'day'] as const) {
      let time = Date.UTC(2026, 5, 1)
      const of = timed(() => time)
      const limit = keyed({ name: 'debt', tokens: 1_000, window })
      for (let call = 0; call < 3; call++) await (await granted(reserve(of, [limit], { tokens: 0 }))).settle({ tokens: Number.MAX_VALUE })
      const { violated } = await refused(reserve(of, [limit], { tokens: 1 }))
      assert.equal(violated[0]?.remaining, 0)
      assert.ok(Number.isFinite(violated[0]?.retryAfter))
      time += 86_400_000 * 2
      assert.equal(await remaining(of, limit), 1_000)
    }
  })

  test('what stands in a key and is no count refuses', async () => {
    const prefix = `odd-${made++}`
    const of = store({ prefix })
    const limit = keyed({ name: 'hour', requests: 2, window: 3_600 })
    await granted(reserve(of, [limit]))
    const [key] = await admin.keys(`${prefix}:*`)
    assert.ok(key !== undefined)
    for (const value of ['', 'x', '5', '1 2 3', 'nan nan nan 1 1', Buffer.alloc(40, 0xff)]) {
      await admin.set(key, value)
      await assert.rejects(async () => reserve(of, [limit]), { code: 'unavailable' }, String(value))
    }
    await admin.del(key)
    await admin.rpush(key, 'list')
    await assert.rejects(async () => reserve(of, [limit]), { code: 'unavailable' })
  })

  test('calls that ask at the same moment go together, and each is answered for itself', async () => {
    const prefix = `together-${made++}`
    const of = store({ prefix })
    const limits = (key: string): KeyedLimit[] => [
      keyed({ name: 'calls', requests: 2, window: 3_600 }, key),
      keyed({ name: 'day', cost: 10, window: 'day' }, key),
      keyed({ name: 'places', concurrent: 5 }, key),
    ]
    await granted(reserve(of, limits('broken')))
    const names = await admin.keys(`${prefix}:*{broken}`)
    await admin.set(names[0] ?? '', 'x')
    const keys = Array.from({ length: 100 }, (_, index) => (index === 40 ? 'broken' : `caller ${index % 33}`))
    const before = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1])
    const answers = await Promise.allSettled(keys.map((key) => reserve(of, limits(key))))
    const asked = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]) - before
    assert.ok(asked <= 20, `${asked} commands`)
    const had = new Map<string, number>()
    for (const [index, answer] of answers.entries()) {
      if (index === 40) assert.ok(answer.status === 'rejected' && answer.reason.code === 'unavailable')
      else assert.ok(answer.status === 'fulfilled')
      if (answer.status === 'fulfilled' && answer.value.allowed) had.set(keys[index] ?? '', (had.get(keys[index] ?? '') ?? 0) + 1)
    }
    assert.equal(had.size, 33)
    for (const count of had.values()) assert.equal(count, 2)
  })

  test('a server that drops what it has is refused, and what it granted is given back', async () => {
    const dropping = await startRedis('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru')
    const [library] = clientLibraries
    const connection = await library?.connect(dropping.port)
    assert.ok(connection !== undefined)
    const of = store({ client: connection.client })
    await assert.rejects(async () => reserve(of, [keyed({ name: 'hour', requests: 2, window: 3_600 })]), /maxmemory-policy/)
    connection.close()
    await dropping.stop()
  })

  test('wrong options are refused when it is made, and a description holds no secret', () => {
    const good = { client: client.client }
    for (const more of [
      { deadline: 0 },
      { deadline: '50' },
      { lease: 1 },
      { lease: 1.5 },
      { replicas: -1 },
      { replicas: 1, client: clusterClient.client },
      { prefix: '' },
      { prefix: 'a{b}' },
      { client: {} },
      { x: 1 },
    ])
      assert.throws(() => redisLimits({ ...good, ...more } as never), TypeError)
    assert.deepEqual(redisLimits({ ...good, lease: 100 }).describe?.(), {
      kind: 'redis',
      cluster: false,
      prefix: 'sallyport',
      deadline: 50,
      lease: 100,
    })
  })
})
