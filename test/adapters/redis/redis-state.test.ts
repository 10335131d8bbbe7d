import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'
import { redisState, type RedisState, type RedisStateOptions } from '../../../src/adapters/redis/index.ts'
import { authorize, guard, revocationList, unaudited, verifyIdentity } from '../../../src/index.ts'
import { allowAll, testIssuer } from '../../../src/testing/index.ts'
import { jwt } from '../../../src/identity/jwt.ts'
import { type StoreUnderTest, stateStoreSuite } from '../../state/state-store-suite.ts'
import { clientLibraries, type TestClient } from './clients.ts'
import { type RedisServer, startRedis, startRedisCluster, withoutRedis } from './redis-server.ts'
import { told, until } from './told.ts'

const skip = withoutRedis
const never = Number.POSITIVE_INFINITY
let server: RedisServer
let cluster: readonly RedisServer[]
let admin: Redis
const open: (TestClient | RedisState)[] = []

before(async () => {
  if (skip !== false) return
  ;[server, cluster] = await Promise.all([startRedis(), startRedisCluster(3)])
  admin = new Redis(server.port)
})
after(async () => {
  for (const each of open) await each.close()
  if (skip !== false) return
  admin.disconnect()
  for (const each of [server, ...cluster]) await each.stop()
})

async function connected(client: Promise<TestClient>, options: Omit<RedisStateOptions, 'client'> = {}): Promise<RedisState> {
  const connection = await client
  // Time enough on a busy machine; what is about deadlines sets its own.
  const store = redisState({ deadline: 2_000, ...options, client: connection.client })
  open.push(store, connection)
  return store
}

let opened = 0
for (const library of clientLibraries) {
  let state: Promise<RedisState> | undefined
  let stateOfCluster: Promise<RedisState> | undefined
  const onTest = (store: RedisState): StoreUnderTest => ({
    store,
    now: Date.now,
    pass: async (milliseconds) => void (await setTimeout(milliseconds)),
  })
  const prefix = (): string => `suite-${library.name}-${opened++}`
  stateStoreSuite(
    `in Redis, by ${library.name}`,
    async () => onTest(await (state ??= connected(library.connect(server.port), { prefix: prefix() }))),
    skip,
  )
  const ports = (): number[] => cluster.map(({ port }) => port)
  stateStoreSuite(
    `in a cluster, by ${library.name}`,
    async () => onTest(await (stateOfCluster ??= connected(library.connectCluster(ports()), { prefix: prefix() }))),
    skip,
  )
}

describe('two instances with one Redis', { skip }, () => {
  const pairs = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const
  for (const [one, other] of pairs) {
    const [here, there] = [clientLibraries[one], clientLibraries[other]]
    if (here === undefined || there === undefined) continue
    test(`of many who show one proof to both at once, one wins: ${here.name} and ${there.name}`, async () => {
      const stores = [await connected(here.connect(server.port)), await connected(there.connect(server.port))]
      const now = Date.now()
      const key = `proof of ${here.name} ${there.name}`
      const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => stores[index % 2]?.add(key, now + 60_000, now)))
      assert.equal(answers.filter((isNew) => isNew === true).length, 1)
      assert.equal(answers.filter((isNew) => isNew === false).length, 99)
    })

    test(`what is revoked at one ends a stream at the other: ${here.name} and ${there.name}`, async () => {
      const issuer = testIssuer()
      const prefix = `revoked-${here.name}-${there.name}`
      const [local, remote] = [await connected(here.connect(server.port), { prefix }), await connected(there.connect(server.port), { prefix })]
      const [revocation, elsewhere] = [revocationList({ store: local }), revocationList({ store: remote })]
      const ready = told(local)
      await ready.first
      const stream = guard()
        .use(unaudited())
        // So seldom that only a word from the other instance ends it.
        .use(verifyIdentity({ verifiers: [jwt(issuer.options)], revocation, recheck: { every: 60 } }))
        .use(authorize({ evaluator: allowAll() }))
        .protect(
          async function* (_input: null) {
            for (let index = 0; ; index++) {
              yield index
              await setTimeout(1)
            }
          },
          { action: 'chat', resource: { type: 'model', id: 'm' } },
        )
      const credentials = await issuer.bearer({ sub: 'ada' })
      const parts = await stream(null, { credentials })
      assert.deepEqual(await parts.next(), { done: false, value: 0 })
      await elsewhere.revoke({ subject: 'ada' })
      await assert.rejects(
        async () => {
          for await (const part of parts) assert.ok(part < 10_000)
        },
        { code: 'identity_revoked' },
      )
      await assert.rejects(stream(null, { credentials }), { code: 'identity_revoked' })
      ready.stop()
    })
  }

  for (const library of clientLibraries)
    test(`servers of a cluster pass on what is set: ${library.name}`, async () => {
      const ports = cluster.map(({ port }) => port)
      const stores = [await connected(library.connectCluster(ports)), await connected(library.connectCluster(ports))]
      const heard = stores.map((store) => told(store))
      for (const each of heard) await each.first
      const keys = Array.from({ length: 10 }, (_, index) => `${library.name} ${index}`)
      for (const [index, key] of keys.entries()) await stores[index % 2]?.set(key, '1', never, Date.now())
      for (const each of heard) {
        await until(() => each.keys.length === keys.length)
        assert.deepEqual(each.keys.sort(), keys)
        each.stop()
      }
    })

  test('apart by their prefix share nothing', async () => {
    const [library] = clientLibraries
    assert.ok(library !== undefined)
    const [one, other] = [
      await connected(library.connect(server.port), { prefix: 'one' }),
      await connected(library.connect(server.port), { prefix: 'other' }),
    ]
    const heard = told(other)
    await heard.first
    await one.set('k', '1', never, Date.now())
    await other.set('last', '1', never, Date.now())
    assert.deepEqual(await other.get(['k'], Date.now()), [])
    assert.equal(await other.add('k', never, Date.now()), true)
    await setTimeout(20)
    assert.deepEqual(heard.keys, ['last'])
    heard.stop()
  })
})

describe('what stands in Redis', { skip }, () => {
  for (const library of clientLibraries) {
    test(`has a versioned name, its text, and its time: ${library.name}`, async () => {
      const prefix = `layout-${library.name}`
      const store = await connected(library.connect(server.port), { prefix })
      const now = Date.now()
      await store.set('a', 'text', now + 60_000, now)
      await store.add('b', now + 60_000, now)
      await store.set('c', 'kept', never, now)
      assert.deepEqual(
        (await admin.keys(`${prefix}*`)).sort(),
        ['a', 'b', 'c'].map((key) => `${prefix}:1:state:${key}`),
      )
      assert.deepEqual(await admin.mget(`${prefix}:1:state:a`, `${prefix}:1:state:b`), ['text', ''])
      for (const key of ['a', 'b']) {
        const left = (await admin.call('PEXPIRETIME', `${prefix}:1:state:${key}`)) as number
        assert.ok(left >= now + 60_000, 'not before its time')
        assert.ok(left <= Date.now() + 62_000)
      }
      assert.equal(await admin.pttl(`${prefix}:1:state:c`), -1)
    })

    test(`is not forgotten sooner where the server's clock runs ahead: ${library.name}`, async () => {
      const store = await connected(library.connect(server.port), { prefix: `clock-${library.name}` })
      const now = Date.now() - 3_600_000
      assert.equal(await store.add('seen', now + 60_000, now), true)
      assert.equal(await store.add('seen', now + 60_000, now), false)
      await store.set('revoked', '1', now + 60_000, now)
      assert.deepEqual(await store.get(['revoked'], now), ['1'])
    })

    test(`is listened to on the connection that was given, which stays open: ${library.name}`, async () => {
      const prefix = `given-${library.name}`
      const { subscriber, close } = await library.connectSubscriber(server.port)
      const store = await connected(library.connect(server.port), { prefix, subscriber })
      const other = await connected(library.connect(server.port), { prefix })
      const heard = told(store)
      await heard.first
      await other.set('a', '1', never, Date.now())
      await until(() => heard.keys.includes('a'))
      heard.stop()
      await store.close()
      await until(async () => ((await admin.call('PUBSUB', 'NUMSUB', `${prefix}:1:state-set`)) as unknown[])[1] === 0)
      await assert.doesNotReject(subscriber.subscribe('still open', () => {}))
      close()
    })
  }
})

test('what a client makes other than text of an answer is nonsense', { skip }, async () => {
  const client = await createClient({
    socket: { port: server.port },
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  }).connect()
  await admin.set('sallyport:1:state:text', '1')
  await assert.rejects(async () => redisState({ client }).get(['text'], Date.now()), { name: 'StateError', code: 'unavailable' })
  client.destroy()
})

describe('the connection on which it listens', { skip }, () => {
  for (const library of clientLibraries)
    test(`is made for the first listener and closed after the last: ${library.name}`, async () => {
      // A server of its own, so that all its connections are known.
      const own = await startRedis()
      const [connection, looker] = [await library.connect(own.port), new Redis(own.port)]
      const store = redisState({ client: connection.client, deadline: 2_000 })
      const others = async (): Promise<number> =>
        String(await looker.client('LIST'))
          .trim()
          .split('\n').length - 2
      await store.set('a', '1', never, Date.now())
      assert.equal(await others(), 0)
      const heard = [told(store), told(store), told(store)]
      for (const each of heard) await each.first
      assert.equal(await others(), 1)
      for (const each of heard) each.stop()
      const again = told(store)
      await setTimeout(5)
      assert.equal(await others(), 1, 'a new listener takes over what is there')
      again.stop()
      await until(async () => (await others()) === 0)
      await told(store).first
      assert.equal(await others(), 1)
      told(store)
      await store.close()
      await until(async () => (await others()) === 0)
      const closed = { name: 'StateError', code: 'unavailable' }
      assert.throws(() => store.subscribe(() => {}), closed)
      await assert.rejects(async () => store.get(['a'], Date.now()), closed)
      await assert.rejects(async () => store.add('a', never, Date.now()), closed)
      await assert.rejects(async () => store.set('a', '2', never, Date.now()), closed)
      await assert.rejects(async () => store.delete('a'), closed)
      await store[Symbol.asyncDispose]()
      assert.equal(await looker.get('sallyport:1:state:a'), '1', 'the client is not closed')
      for (const each of [connection, { close: () => looker.disconnect() }, { close: () => own.stop() }]) await each.close()
    })

  test('is no business of a listener that throws', async () => {
    const [library] = clientLibraries
    assert.ok(library !== undefined)
    const store = await connected(library.connect(server.port), { prefix: 'throws' })
    const stop = store.subscribe(() => assert.fail('on purpose'))
    const heard = told(store)
    await heard.first
    await store.set('a', '1', never, Date.now())
    assert.deepEqual(heard.keys, ['a'])
    stop()
    heard.stop()
  })

  test('takes any word that is not its own as a reason to look again', async () => {
    const [library] = clientLibraries
    assert.ok(library !== undefined)
    const store = await connected(library.connect(server.port), { prefix: 'words' })
    const heard = told(store)
    await heard.first
    for (const word of ['', 'x', 'somebody a b']) await admin.publish('words:1:state-set', word)
    await until(() => heard.all.length === 4)
    assert.deepEqual(heard.all, ['', '', '', 'a b'])
    heard.stop()
  })
})

test('options that make no sense are a mistake', () => {
  const client = new Redis({ lazyConnect: true })
  for (const options of [
    { client, prefix: '' },
    { client, prefix: 'a b' },
    { client, deadline: 0 },
    { client, deadline: Number.NaN },
    { client, deadline: Number.POSITIVE_INFINITY },
    { client, subscriber: {} },
    { client, maxEntries: 1 },
    { client: {} },
    { client: { isOpen: true, sendCommand: async () => 'OK' } },
  ])
    assert.throws(() => redisState(options as never), TypeError)
  client.disconnect()
})
