import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { redisLimits } from '../../../src/adapters/redis/index.ts'
import type { Amounts, KeyedLimit, LimitStore, Refusal, Reservation } from '../../../src/limits/limit-store.ts'
import { planLimit } from '../../../src/limits/limit.ts'
import { clientLibraries, type TestClient } from './clients.ts'
import { type RedisServer, startRedis, withoutRedis } from './redis-server.ts'
import { until } from './told.ts'

const calls: KeyedLimit = { limit: planLimit({ name: 'calls', requests: 1_000, window: 1e9 }), key: 'ada' }
const tokens: KeyedLimit = { limit: planLimit({ name: 'tokens', tokens: 5_000, window: 'month' }), key: 'acme' }

describe('slices of limits in Redis', { skip: withoutRedis }, () => {
  let server: RedisServer
  const open: TestClient[] = []
  before(async () => {
    server = await startRedis()
  })
  after(async () => {
    for (const client of open) client.close()
    await server?.stop()
  })
  async function store(prefix: string, lease?: number): Promise<LimitStore> {
    const [library] = clientLibraries
    assert.ok(library !== undefined)
    const client = await library.connect(server.port)
    open.push(client)
    return redisLimits({ client: client.client, prefix, deadline: 2_000, ...(lease !== undefined && { lease }) })
  }
  const granted = async (answer: Promise<Reservation | Refusal> | Reservation | Refusal): Promise<Reservation> => {
    const given = await answer
    assert.ok(given.allowed, `refused: ${JSON.stringify(given)}`)
    return given
  }
  const left = async (of: LimitStore, limit: KeyedLimit): Promise<number | undefined> =>
    (await granted(of.reserve([limit], { [limit.limit.unit]: 0 }, 0))).limits[0]?.remaining

  test('what a process has taken ahead it grants at once; what it took counts at once', async () => {
    const [own, exact] = [await store('ahead', 100), await store('ahead')]
    const first = own.reserve([calls], { requests: 1 }, 0)
    assert.ok(first instanceof Promise)
    await granted(first)
    assert.equal(await left(exact, calls), 1_000 - 101)
    for (let call = 0; call < 100; call++) assert.ok(!(own.reserve([calls], { requests: 1 }, 0) instanceof Promise))
    assert.ok(own.reserve([calls], { requests: 1 }, 0) instanceof Promise)
    // What is left after a while is given back.
    await until(async () => (await left(exact, calls)) === 1_000 - 102)
  })

  test('several processes get what there is in all, and no more', async () => {
    const stores = await Promise.all([7, 50, 400, undefined].map((lease) => store('all', lease)))
    let had = 0
    const side = async (of: LimitStore): Promise<void> => {
      for (let misses = 0; misses < 3; ) {
        const answer = await of.reserve([calls, tokens], { requests: 1, tokens: 3 }, 0)
        if (answer.allowed) had++
        else {
          misses++
          // Until others have given back what they do not need.
          await setTimeout(600)
        }
      }
    }
    await Promise.all(stores.flatMap((of) => [side(of), side(of)]))
    assert.equal(had, 1_000)
    const [, , , exact] = stores
    assert.ok(exact !== undefined)
    await until(async () => (await left(exact, tokens)) === 5_000 - 3_000)
  })

  test('what a call does not need comes back, and what it owes is owed, before and after its slice is gone', async () => {
    for (const wait of [0, 1_200]) {
      const prefix = `settle-${wait}`
      const [own, exact] = [await store(prefix, 100), await store(prefix)]
      const saving = await granted(own.reserve([calls, tokens], { requests: 1, tokens: 50 }, 0))
      const owing = await granted(own.reserve([calls, tokens], { requests: 1, tokens: 10 }, 0))
      const released = await granted(own.reserve([tokens], { tokens: 30 }, 0))
      const growing = await granted(own.reserve([tokens], { tokens: 10 }, 0))
      await granted(growing.extend({ tokens: 150 }))
      await granted(growing.extend({ tokens: 20 }))
      await setTimeout(wait)
      const settle = async (of: Reservation, spent: Amounts): Promise<void> => {
        await of.settle(spent)
        await of.settle({})
        await assert.rejects(async () => of.extend({ tokens: 1 }), TypeError)
      }
      await settle(saving, { requests: 1, tokens: 5 })
      await settle(owing, { requests: 1, tokens: 400 })
      await released.release()
      await settle(growing, { tokens: 165 })
      await until(async () => (await left(exact, tokens)) === 5_000 - 5 - 400 - 165 && (await left(exact, calls)) === 1_000 - 2)
    }
  })

  test('the last units are still to be had, and a refusal names every limit in the way', async () => {
    const own = await store('last', 100)
    const few: KeyedLimit = { limit: planLimit({ name: 'few', requests: 30, window: 1e9 }), key: 'ada' }
    const none: KeyedLimit = { limit: planLimit({ name: 'none', tokens: 5, window: 1e9 }), key: 'ada' }
    for (let call = 0; call < 30; call++) await granted(own.reserve([few], { requests: 1 }, 0))
    const answer = await own.reserve([few, none, tokens], { requests: 1, tokens: 6 }, 0)
    assert.ok(!answer.allowed)
    assert.deepEqual(
      answer.violated.map(({ name }) => name),
      ['few', 'none'],
    )
  })

  test('places are never taken ahead', async () => {
    const own = await store('places', 100)
    const places: KeyedLimit = { limit: planLimit({ name: 'places', concurrent: 2 }), key: 'ada' }
    const answers = [0, 1, 2].map(() => own.reserve([places, calls], { concurrent: 1, requests: 1 }, 0))
    assert.ok(answers.every((answer) => answer instanceof Promise))
    assert.deepEqual(
      (await Promise.all(answers)).map(({ allowed }) => allowed),
      [true, true, false],
    )
  })
})
