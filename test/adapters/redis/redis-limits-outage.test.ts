import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redisLimits } from '../../../src/adapters/redis/index.ts'
import { systemClock } from '../../../src/guard/clock.ts'
import type { KeyedLimit, Refusal, Reservation } from '../../../src/limits/limit-store.ts'
import { planLimit } from '../../../src/limits/limit.ts'
import { type OnStoreFailure, StoreAccess } from '../../../src/limits/store-access.ts'
import { clientLibraries, type TestClient } from './clients.ts'
import { type RedisServer, startRedis, withoutRedis } from './redis-server.ts'
import { until } from './told.ts'

const most = 100
// So long that nothing leaks away meanwhile.
const limits: readonly KeyedLimit[] = [{ limit: planLimit({ name: 'calls', requests: most, window: 1e9 }), key: 'ada' }]
const one = { requests: 1 }

interface Scene {
  readonly server: RedisServer
  readonly access: StoreAccess
  /** Asks once: granted, refused by the limit, or refused since the store is away. */
  ask(): Promise<'granted' | 'limited' | 'unavailable'>
  /** Asks from many sides until nobody is granted anything any more. How often it was granted. */
  exhaust(): Promise<number>
}

describe('redisLimits while Redis is away', { skip: withoutRedis }, () => {
  const closing: (() => unknown)[] = []
  after(async () => {
    for (const close of closing) await close()
  })

  async function scene(library: (typeof clientLibraries)[number], onFailure: OnStoreFailure, ...options: readonly string[]): Promise<Scene> {
    const server = await startRedis(...options)
    const connection: TestClient = await library.connect(server.port)
    closing.push(
      () => connection.close(),
      () => server.resume(),
      () => server.stop(),
    )
    const access = new StoreAccess(redisLimits({ client: connection.client, deadline: 50 }), onFailure, 1_000)
    const ask: Scene['ask'] = async () => {
      try {
        const answer: Reservation | Refusal = await access.reserve(limits, one, systemClock)
        return answer.allowed ? 'granted' : 'limited'
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'limits_unavailable')
        return 'unavailable'
      }
    }
    return {
      server,
      access,
      ask,
      async exhaust() {
        let granted = 0
        const side = async (): Promise<void> => {
          for (let misses = 0; misses < 5; ) {
            if ((await ask()) === 'granted') granted++
            else misses++
          }
        }
        await Promise.all(Array.from({ length: 8 }, side))
        return granted
      },
    }
  }

  for (const library of clientLibraries) {
    test(`refuses by default when Redis hangs, without waiting for it, and serves again when it does, by ${library.name}`, async () => {
      const own = await scene(library, 'refuse')
      await until(async () => (await own.ask()) === 'granted')
      own.server.pause()
      // All of them are decided while it still hangs.
      for (const answer of await Promise.all(Array.from({ length: 50 }, own.ask))) assert.equal(answer, 'unavailable')
      assert.equal(await own.ask(), 'unavailable')
      own.server.resume()
      await until(async () => (await own.ask()) === 'granted')
      // What was given up does not count: only what was granted.
      const [state] = (await allowed(own)).limits
      await until(async () => ((await allowed(own)).limits[0]?.remaining ?? 0) >= Math.max(most - 10, state?.remaining ?? 0))
    })

    test(`refuses by default when nobody answers at its address, and begins at the limit when it has lost everything, by ${library.name}`, async () => {
      const own = await scene(library, 'refuse')
      await until(async () => (await own.ask()) === 'granted')
      await own.server.kill()
      for (const answer of await Promise.all(Array.from({ length: 50 }, own.ask))) assert.equal(answer, 'unavailable')
      await own.server.start()
      await until(async () => (await own.ask()) === 'granted')
      // No more than a new server has.
      const granted = await own.exhaust()
      assert.ok(granted <= most, `${granted}`)
      assert.equal(await own.ask(), 'limited')
    })

    test(`keeps a fraction of the limits while Redis hangs, and no more in all than the limit and that fraction, by ${library.name}`, async () => {
      const own = await scene(library, { local: 0.2 })
      await until(async () => (await own.ask()) === 'granted')
      own.server.pause()
      const without = await own.exhaust()
      assert.equal(without, most * 0.2)
      assert.equal(await own.ask(), 'limited')
      own.server.resume()
      await until(async () => (await own.ask()) === 'granted')
      const after = await own.exhaust()
      assert.ok(2 + without + after <= most * 1.2, `${without} and ${after}`)
    })
  }

  const [library] = clientLibraries
  assert.ok(library !== undefined)

  test('what was settled while Redis was away is told to it when it is back', async () => {
    const own = await scene(library, { local: 0.2 })
    await until(async () => (await own.ask()) === 'granted')
    own.server.pause()
    const calls: Reservation[] = []
    for (;;) {
      const answer = await own.access.reserve(limits, one, systemClock)
      if (!answer.allowed) break
      calls.push(answer)
    }
    assert.ok(calls.length >= 19)
    for (const call of calls) await own.access.settle(call, one, systemClock)
    own.server.resume()
    await until(async () => {
      const answer = await own.access.reserve(limits, { requests: 0 }, systemClock)
      return answer.allowed && !own.access.isLocal(answer) && (answer.limits[0]?.remaining ?? most) <= most - 1 - calls.length
    })
    // Now in all no more than the limit.
    const after = await own.exhaust()
    assert.ok(calls.length + after <= most, `${calls.length} and ${after}`)
  })

  test('a server that ends and comes back with what it had, under load, grants no more than the limit and the fraction', async () => {
    const own = await scene(library, { local: 0.1 }, '--appendonly', 'yes', '--appendfsync', 'always')
    await until(async () => (await own.ask()) === 'granted')
    let granted = 1
    let isOver = false
    const side = async (): Promise<void> => {
      while (!isOver) {
        if ((await own.ask()) === 'granted') granted++
        await setTimeout(1)
      }
    }
    const load = Array.from({ length: 4 }, side)
    for (let round = 0; round < 2; round++) {
      await setTimeout(30)
      await own.server.kill()
      await setTimeout(30)
      await own.server.start()
    }
    await setTimeout(200)
    isOver = true
    await Promise.all(load)
    granted += await own.exhaust()
    assert.ok(granted <= most * 1.1, `${granted}`)
  })

  test('a server that is flushed begins anew, scripts and all', async () => {
    const own = await scene(library, 'refuse')
    assert.equal(await own.exhaust(), most)
    const admin = new Redis(own.server.port)
    await admin.call('SCRIPT', 'FLUSH')
    await admin.flushall()
    admin.disconnect()
    assert.equal(await own.exhaust(), most)
  })

  test('a slow server is asked within the deadline or not at all, and what it grants too late is given back', async () => {
    const own = await scene(library, 'refuse')
    await until(async () => (await own.ask()) === 'granted')
    let granted = most - ((await allowed(own)).limits[0]?.remaining ?? 0)
    for (let round = 0; round < 5; round++) {
      own.server.pause()
      const asked = Promise.all(Array.from({ length: 5 }, own.ask))
      await setTimeout(round * 20)
      own.server.resume()
      for (const answer of await asked) if (answer === 'granted') granted++
    }
    await until(async () => (await allowed(own)).limits[0]?.remaining === most - granted)
  })

  test('what could not be settled of a budget is settled when Redis is back, once', async () => {
    const own = await scene(library, 'refuse')
    const budget: readonly KeyedLimit[] = [{ limit: planLimit({ name: 'budget', cost: 1_000, window: 'month' }), key: 'acme' }]
    const remaining = async (): Promise<number | undefined> => {
      const answer = await own.access.reserve(budget, { cost: 0 }, systemClock)
      return answer.allowed ? answer.limits[0]?.remaining : undefined
    }
    await until(async () => (await own.ask()) === 'granted')
    const calls = await Promise.all([100, 200].map((cost) => own.access.reserve(budget, { cost }, systemClock)))
    assert.equal(await remaining(), 700)
    own.server.pause()
    for (const call of calls) {
      assert.ok(call.allowed)
      await assert.rejects(async () => own.access.settle(call, { cost: 10 }, systemClock))
    }
    own.server.resume()
    await until(async () => (await remaining().catch(() => undefined)) === 980)
    // Nothing of it is settled twice.
    await setTimeout(1_200)
    assert.equal(await remaining(), 980)
  })

  async function allowed(own: Scene): Promise<Reservation> {
    for (;;) {
      try {
        const answer = await own.access.reserve(limits, { requests: 0 }, systemClock)
        if (answer.allowed) return answer
      } catch {
        // Not yet.
      }
    }
  }
})
