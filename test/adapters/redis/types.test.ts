import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster, Redis } from 'ioredis'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import { redisState } from '../../../src/adapters/redis/index.ts'
import type { StateStore } from '../../../src/state/state-store.ts'

// Most of this file is for the compiler; that it compiles is the test. Nothing here connects.
test('clients of both libraries, of one server and of a cluster, need no cast', () => {
  const ioredis = new Redis({ lazyConnect: true })
  const cluster = new Cluster([], { lazyConnect: true })
  const nodeRedis = createClient()
  const resp2 = createClient({ RESP: 2, url: 'redis://127.0.0.1:1' })
  const nodeRedisCluster = createCluster({ rootNodes: [] })
  const stores: StateStore[] = [
    redisState({ client: ioredis }),
    redisState({ client: cluster, prefix: '{state}', deadline: 20 }),
    redisState({ client: nodeRedis }),
    redisState({ client: resp2 }),
    redisState({ client: nodeRedisCluster }),
    redisState({ client: createClientPool(), subscriber: nodeRedis.duplicate() }),
    redisState({ client: nodeRedisCluster, subscriber: ioredis.duplicate() }),
    redisState({ client: ioredis, subscriber: resp2 }),
  ]
  assert.deepEqual(
    stores.map((store) => store.describe()),
    stores.map((_, index) => ({
      kind: 'redis',
      prefix: index === 1 ? '{state}' : 'sallyport',
      deadline: index === 1 ? 20 : 50,
      cluster: [1, 4, 6].includes(index),
    })),
  )
  for (const client of [ioredis, cluster]) client.disconnect()
})

test('what is no client of one server or a cluster is a compile error, or a TypeError', () => {
  // @ts-expect-error a sentinel of node-redis sends commands otherwise
  void (() => redisState({ client: createSentinel({ name: 'a', sentinelRootNodes: [] }) }))
  // @ts-expect-error a client is wanted, not where it connects
  assert.throws(() => redisState({ client: 'redis://127.0.0.1' }), TypeError)
  // @ts-expect-error none
  assert.throws(() => redisState({}), TypeError)
  // @ts-expect-error no client
  assert.throws(() => redisState({ client: { get: () => '' } }), TypeError)
})
