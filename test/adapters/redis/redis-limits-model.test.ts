import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { redisServers } from '../../../src/adapters/redis/redis-client.ts'
import { LimitsInRedis } from '../../../src/adapters/redis/redis-limits.ts'
import type { LimitStore, Reservation } from '../../../src/limits/limit-store.ts'
import { anyHappening, compareWithModel } from '../../limits/store-model.ts'
import { clientLibraries, type TestClient } from './clients.ts'
import { type RedisServer, startRedis, startRedisCluster, withoutRedis } from './redis-server.ts'

// Six in the evening in winter: no clock is set forth or back on the way.
const start = Date.UTC(2026, 0, 10, 17)

/** A store whose time is the model's. */
function timed(client: TestClient, prefix: string): LimitStore {
  let time = start
  const settings = { prefix, deadline: 5_000, lease: undefined }
  const inner = new LimitsInRedis(redisServers('test', client.client), settings, () => time)
  const set = (now?: number): void => {
    if (now !== undefined) time = start + now
  }
  const wrapped = (reservation: Reservation): Reservation => ({
    allowed: true,
    limits: reservation.limits,
    async extend(more, now) {
      set(now)
      const answer = await reservation.extend(more)
      return answer.allowed ? wrapped(answer) : answer
    },
    async settle(actual, now) {
      set(now)
      await reservation.settle(actual)
    },
    async release(now) {
      set(now)
      await reservation.release()
    },
  })
  return {
    async reserve(limits, amounts, now) {
      set(now)
      const answer = await inner.reserve(limits, amounts)
      return answer.allowed ? wrapped(answer) : answer
    },
  }
}

describe('limits in Redis', { skip: withoutRedis }, () => {
  let server: RedisServer
  let cluster: readonly RedisServer[]
  const open: TestClient[] = []
  before(async () => {
    ;[server, cluster] = await Promise.all([startRedis(), startRedisCluster(3)])
  })
  after(async () => {
    for (const client of open) client.close()
    for (const each of [server, ...cluster]) await each.stop()
  })

  let runs = 0
  for (const library of clientLibraries) {
    const agrees = async (client: TestClient, numRuns: number): Promise<void> => {
      open.push(client)
      await fc.assert(
        fc.asyncProperty(fc.array(anyHappening, { maxLength: 40, size: 'max' }), (happenings) =>
          compareWithModel(timed(client, `model-${runs++}`), happenings, start),
        ),
        { numRuns },
      )
    }
    test(`whatever happens in whatever order, they agree with a sequential model, by ${library.name}`, async () => {
      await agrees(await library.connect(server.port), 40)
    })
    test(`so they do in a cluster, by ${library.name}`, async () => {
      await agrees(await library.connectCluster(cluster.map(({ port }) => port)), 15)
    })
  }
})
