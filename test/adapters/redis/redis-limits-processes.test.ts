import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { KeyedLimit } from '../../../src/limits/limit-store.ts'
import { planLimit } from '../../../src/limits/limit.ts'
import { anyHappening, compareWithModel } from '../../limits/store-model.ts'
import { startWorker, storeOfWorkers, type Worker } from './limits-workers.ts'
import { type RedisServer, startRedis, withoutRedis } from './redis-server.ts'

const start = Date.UTC(2026, 0, 10, 17)

describe('limits in Redis, of several processes', { skip: withoutRedis }, () => {
  let server: RedisServer
  let workers: readonly Worker[]
  before(async () => {
    server = await startRedis()
    workers = await Promise.all(Array.from({ length: 8 }, (_, index) => startWorker(index % 2 === 0 ? 'ioredis' : 'redis', server.port)))
  })
  after(async () => {
    for (const worker of workers ?? []) worker.stop()
    await server?.stop()
  })

  test('places of a process that was killed come back when their lease is over, and not before', async () => {
    const holder = await startWorker('ioredis', server.port)
    const store = storeOfWorkers([holder], 'killed', start)
    const others = storeOfWorkers(workers, 'killed', start)
    const limits: readonly KeyedLimit[] = [{ limit: planLimit({ name: 'places', concurrent: 3, lease: 60 }), key: 'ada' }]
    for (let place = 0; place < 3; place++) assert.ok((await store.reserve(limits, { concurrent: 1 }, 0)).allowed)
    await holder.kill()
    assert.equal((await others.reserve(limits, { concurrent: 1 }, 59_999)).allowed, false)
    for (const allowed of [true, true, true, false]) assert.equal((await others.reserve(limits, { concurrent: 1 }, 60_000)).allowed, allowed)
  })

  test('what a process that was killed held of a day`s budget comes back when its lease is over, what it had settled does not', async () => {
    const holder = await startWorker('redis', server.port)
    const store = storeOfWorkers([holder], 'killed-budget', start)
    const others = storeOfWorkers(workers, 'killed-budget', start)
    const limits: readonly KeyedLimit[] = [{ limit: planLimit({ name: 'budget', cost: 100, window: 'day', lease: 60 }), key: 'acme' }]
    const remaining = async (now: number): Promise<number | undefined> => {
      const answer = await others.reserve(limits, { cost: 0 }, now)
      return answer.allowed ? answer.limits[0]?.remaining : undefined
    }
    const settled = await store.reserve(limits, { cost: 30 }, 0)
    assert.ok(settled.allowed)
    await settled.settle({ cost: 20 }, 0)
    for (let call = 0; call < 4; call++) assert.ok((await store.reserve(limits, { cost: 15 }, call * 1_000)).allowed)
    await holder.kill()
    assert.deepEqual([await remaining(59_999), await remaining(60_000), await remaining(62_999), await remaining(63_000)], [20, 35, 65, 80])
  })

  let runs = 0
  for (const count of [1, 2, 8]) {
    test(`whatever happens in whatever order, ${count} agree with a sequential model`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyHappening, { maxLength: 30, size: 'max' }), (happenings) =>
          compareWithModel(storeOfWorkers(workers.slice(0, count), `model-${runs++}`, start), happenings, start),
        ),
        { numRuns: 12 },
      )
    })

    test(`${count} that all ask at the same time get what there is and no more, and lose nothing of it`, async () => {
      const prefix = `hammer-${count}`
      const limits: readonly KeyedLimit[] = [
        { limit: planLimit({ name: 'calls', requests: 300, window: 1e9 }), key: 'ada' },
        { limit: planLimit({ name: 'tokens', tokens: 2_500, window: 'month' }), key: 'acme' },
        { limit: planLimit({ name: 'places', concurrent: 50 }), key: 'model' },
      ]
      // In rounds, so that places come back.
      let granted = 0
      let spent = 0
      for (let round = 0; round < 6; round++) {
        const asked = { what: 'hammer', prefix, limits, calls: Math.ceil(240 / count), time: start } as const
        for (const { hammered } of await Promise.all(workers.slice(0, count).map((worker) => worker.ask(asked)))) {
          granted += hammered?.granted ?? 0
          spent += hammered?.spent ?? 0
        }
      }
      assert.ok(granted <= 300 && spent <= 2_500, `${granted} calls, ${spent} tokens`)
      assert.ok(granted === 300 || spent > 2_485, `${granted} calls, ${spent} tokens`)
      const store = storeOfWorkers(workers.slice(0, 1), prefix, start)
      const answer = await store.reserve(limits, { requests: 0, tokens: 0, concurrent: 0 }, 0)
      assert.ok(answer.allowed)
      assert.deepEqual(
        answer.limits.map(({ remaining }) => remaining),
        [300 - granted, 2_500 - spent, 50],
      )
    })
  }
})
