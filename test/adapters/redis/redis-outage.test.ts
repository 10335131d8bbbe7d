import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { Cluster, Redis } from 'ioredis'
import { redisState, type RedisState } from '../../../src/adapters/redis/index.ts'
import { revocationList } from '../../../src/index.ts'
import { StateError } from '../../../src/state/state-store.ts'
import { identityOf } from '../identity-of.ts'
import { type ClientLibrary, clientLibraries } from './clients.ts'
import { type RedisServer, startRedis, startRedisCluster, withoutRedis } from './redis-server.ts'
import { told, until } from './told.ts'

const skip = withoutRedis
const never = Number.POSITIVE_INFINITY
const patience = 15_000
const unavailable = { name: 'StateError', code: 'unavailable' }

/** Every way to ask a store. */
const asks: readonly ((store: RedisState) => unknown)[] = [
  (store) => store.add('a', never, Date.now()),
  (store) => store.set('a', '1', never, Date.now()),
  (store) => store.get(['a', 'b'], Date.now()),
  (store) => store.delete('a'),
]

async function refusesAll(store: RedisState, expected: object = unavailable): Promise<void> {
  await Promise.all(asks.map((ask) => assert.rejects(async () => ask(store), expected)))
}

interface Scene {
  readonly server: RedisServer
  /** Time enough on a busy machine. */
  readonly store: RedisState
  /** The same store, for one who does not wait long. */
  readonly hasty: RedisState
  /** Asks past the store. */
  readonly admin: Redis
}

/** A server of the test's own, so that it can be ended, and a store in it. */
async function scene(library: ClientLibrary, options: readonly string[], play: (scene: Scene) => Promise<void>): Promise<void> {
  const server = await startRedis(...options)
  const admin = new Redis(server.port, { retryStrategy: () => 20 })
  admin.on('error', () => {})
  const connection = await library.connect(server.port)
  const store = redisState({ client: connection.client, deadline: patience })
  const hasty = redisState({ client: connection.client, deadline: 100 })
  try {
    await play({ server, store, hasty, admin })
  } finally {
    await store.close()
    await hasty.close()
    connection.close()
    admin.disconnect()
    await server.stop()
  }
}

async function untilUsed(store: RedisState): Promise<void> {
  await until(async () => {
    try {
      await store.get(['any'], Date.now())
      return true
    } catch {
      return false
    }
  })
}

// Each has a server of its own, and waits most of the time.
describe('where Redis', { skip, concurrency: 6 }, () => {
  for (const library of clientLibraries)
    describe(`fails: ${library.name}`, () => {
      test('that hangs is waited for no longer than allowed, and used again when it goes on', () =>
        scene(library, [], async ({ server, store, hasty }) => {
          assert.equal(await store.add('first', never, Date.now()), true)
          // It stays stopped until everybody was refused, so that whoever waited for it would wait for ever.
          server.pause()
          await refusesAll(hasty)
          await refusesAll(hasty)
          const late = revocationList({ store: hasty })
          await assert.rejects(async () => late.isRevoked(identityOf('ada')), unavailable)
          await assert.rejects(late.revoke({ subject: 'ada' }), unavailable)
          server.resume()
          await untilUsed(hasty)
          const revocation = revocationList({ store })
          assert.equal(await store.add('first', never, Date.now()), false)
          await revocation.revoke({ subject: 'ada' })
          assert.equal(await revocation.isRevoked(identityOf('ada')), true)
        }))

      test('that ends and comes back is used again, and everybody is told to look again', () =>
        scene(library, [], async ({ server, store, hasty }) => {
          const heard = [told(store), told(store)]
          for (const each of heard) await each.first
          await store.set('a', '1', never, Date.now())
          for (let round = 0; round < 2; round++) {
            const before = heard.map(({ all }) => all.length)
            await server.kill()
            await refusesAll(hasty)
            assert.deepEqual(
              heard.map(({ all }) => all.length),
              before,
            )
            await server.start()
            for (const [index, { all }] of heard.entries()) await until(() => all.length > (before[index] ?? 0) && all.at(-1) === '')
            await untilUsed(store)
          }
          const other = await library.connect(server.port)
          await redisState({ client: other.client, deadline: patience }).set('b', '1', never, Date.now())
          for (const { all } of heard) await until(() => all.at(-1) === 'b')
          other.close()
        }))

      test('whose connection for listening alone is lost tells everybody to look again', () =>
        scene(library, [], async ({ store, admin }) => {
          const heard = told(store)
          await heard.first
          await admin.client('KILL', 'TYPE', 'PUBSUB')
          await until(() => heard.all.length === 2)
          await admin.publish('sallyport:1:state-set', 'somebody a')
          await until(() => heard.all.length === 3)
          assert.deepEqual(heard.all, ['', '', 'a'])
        }))

      test('tells whoever listens on a connection that was given', () =>
        scene(library, [], async ({ server }) => {
          const [connection, given] = [await library.connect(server.port), await library.connectSubscriber(server.port)]
          const store = redisState({ client: connection.client, subscriber: given.subscriber })
          const heard = told(store)
          await heard.first
          await server.kill()
          await server.start()
          await until(() => heard.all.length >= 2)
          await store.close()
          connection.close()
          given.close()
        }))

      test('and was never reached refuses, and is used when it comes', () =>
        scene(library, [], async ({ server, admin }) => {
          const connection = await library.connect(server.port)
          await server.kill()
          const store = redisState({ client: connection.client, deadline: patience })
          const heard = told(store)
          await refusesAll(redisState({ client: connection.client }))
          await server.start()
          await heard.first
          await untilUsed(store)
          await store.set('a', '1', never, Date.now())
          assert.equal(await admin.get('sallyport:1:state:a'), '1')
          await store.close()
          connection.close()
        }))

      test('whose client was closed refuses', () =>
        scene(library, [], async ({ server }) => {
          const connection = await library.connect(server.port)
          const store = redisState({ client: connection.client, deadline: patience })
          await store.get(['a'], Date.now())
          connection.close()
          await refusesAll(store)
          const heard = told(store)
          await setTimeout(20)
          heard.stop()
          await store.close()
        }))

      test('is asked no more while very many commands wait for it', () =>
        scene(library, [], async ({ server, hasty }) => {
          await untilUsed(hasty)
          server.pause()
          const results = await Promise.allSettled(Array.from({ length: 10_500 }, async () => hasty.delete('a')))
          const messages = new Set(results.map((result) => (result.status === 'rejected' ? String(result.reason.message) : 'fulfilled')))
          assert.deepEqual([...messages].sort(), ['10000 commands wait for Redis already', 'Redis did not answer within 100 ms'])
          await assert.rejects(async () => hasty.delete('a'), { message: '10000 commands wait for Redis already' })
          server.resume()
          await untilUsed(hasty)
        }))

      for (const policy of ['allkeys-lru', 'volatile-ttl'])
        test(`that may drop what has not expired is not relied on: ${policy}`, () =>
          scene(library, ['--maxmemory-policy', policy], async ({ store, admin }) => {
            const refused = { ...unavailable, message: new RegExp(`maxmemory-policy is ${policy}`) }
            for (const ask of asks.slice(0, 3)) await assert.rejects(async () => ask(store), refused)
            assert.equal(await admin.dbsize(), 0)
            await admin.config('SET', 'maxmemory-policy', 'noeviction')
            assert.equal(await store.add('a', never, Date.now()), true)
          }))

      test('that is full refuses what is new and keeps what it has', () =>
        scene(library, ['--maxmemory', '4mb'], async ({ store, admin }) => {
          await store.set('kept', '1', never, Date.now())
          await admin.config('SET', 'maxmemory', '1')
          const full = { name: 'StateError', code: 'full' }
          await assert.rejects(async () => store.add('new', never, Date.now()), full)
          await assert.rejects(async () => store.set('new', '1', never, Date.now()), full)
          assert.deepEqual(await store.get(['kept', 'new'], Date.now()), ['1', undefined])
          await admin.config('SET', 'maxmemory', '0')
          assert.equal(await store.add('new', never, Date.now()), true)
        }))

      test('that is a replica is not relied on', () =>
        scene(library, [], async ({ server }) =>
          scene(library, ['--replicaof', `127.0.0.1 ${server.port}`], async ({ store }) => {
            for (const ask of asks.slice(0, 3)) await assert.rejects(async () => ask(store), { ...unavailable, message: /replica/ })
          }),
        ))

      test('whose user may do only what is needed will do; one who may do less is refused', () =>
        scene(library, [], async ({ server, admin }) => {
          const least = [
            'on',
            '>secret',
            '~sallyport:*',
            '&sallyport:*',
            '+eval',
            '+time',
            '+set',
            '+get',
            '+mget',
            '+del',
            '+publish',
            '+subscribe',
            '+unsubscribe',
          ]
          const login = ['+hello', '+auth', '+client', '+ping']
          await admin.call('ACL', 'SETUSER', 'whole', ...least, ...login, '+info')
          await admin.call('ACL', 'SETUSER', 'blind', ...least, ...login, '+info', '-info')
          await admin.call('ACL', 'SETUSER', 'reader', ...least, ...login, '+info', '-set')
          const stores = new Map<string, RedisState>()
          const connections = []
          for (const username of ['whole', 'blind', 'reader']) {
            const connection = await library.connect(server.port, { username, password: 'secret' })
            connections.push(connection)
            stores.set(username, redisState({ client: connection.client, deadline: patience }))
          }
          for (const [username, store] of stores) {
            const heard = told(store)
            await heard.first
            if (username === 'reader') {
              await assert.rejects(async () => store.add(username, never, Date.now()), unavailable)
              await assert.rejects(async () => store.set(username, '1', never, Date.now()), unavailable)
            } else {
              assert.equal(await store.add(username, never, Date.now()), true)
              await store.set(username, '1', never, Date.now())
              assert.deepEqual(await store.get([username], Date.now()), ['1'])
            }
            await store.delete(username)
            await store.close()
          }
          for (const connection of connections) connection.close()
        }))

      test('and repeats what it was sent is not repeated', () =>
        scene(library, ['--rename-command', 'SET', 'NOT-SET'], async ({ store }) => {
          const error: unknown = await Promise.resolve(store.set('the-key', 'the-value', never, Date.now())).catch((reason: unknown) => reason)
          assert.ok(error instanceof StateError)
          assert.match(inspect(error, { depth: 9, showHidden: true }), /unknown (?:redis )?command/i)
          assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /the-key|the-value/)
        }))

      test('leaves nothing that keeps a process, or ends it', () =>
        scene(library, [], async ({ server }) => {
          const script = fileURLToPath(new URL('redis-process.ts', import.meta.url))
          const children = ['closed', 'left open'].map((store) => {
            const child = spawn(process.execPath, [...process.execArgv, script, library.name, String(server.port), store], {
              stdio: ['ignore', 'pipe', 'inherit'],
            })
            const self = { said: '', exit: once(child, 'exit') }
            child.stdout.on('data', (chunk) => {
              self.said += String(chunk)
            })
            return self
          })
          for (const child of children) await until(() => child.said.includes('listening'))
          await server.kill()
          for (const child of children) await until(() => child.said.includes('refused'))
          await server.start()
          for (const child of children) {
            assert.deepEqual(await child.exit, [0, null])
            assert.match(child.said, /told again\n$/)
          }
        }))
    })

  describe('is a cluster of which one server fails', { concurrency: 6 }, () => {
    for (const library of clientLibraries)
      test(`keeps what is on the others, and listens at another: ${library.name}`, async () => {
        const servers = await startRedisCluster(3)
        const connection = await library.connectCluster(servers.map(({ port }) => port))
        const store = redisState({ client: connection.client, deadline: patience })
        const hasty = redisState({ client: connection.client, deadline: 300 })
        const heard = told(store)
        await heard.first
        const keys = Array.from({ length: 12 }, (_, index) => `key ${index}`)
        for (const key of keys) await store.set(key, '1', never, Date.now())
        const admins = servers.map(({ port }) => new Redis(port, { retryStrategy: () => null }))
        for (const admin of admins) admin.on('error', () => {})
        const counts = await Promise.all(
          admins.map(async (admin) => Number(((await admin.call('PUBSUB', 'NUMSUB', 'sallyport:1:state-set')) as unknown[])[1])),
        )
        const listening = counts.indexOf(1)
        assert.notEqual(listening, -1)
        const before = heard.all.length
        await servers[listening]?.kill()
        await until(() => heard.all.length > before && heard.all.at(-1) === '')
        const found = new Set<string>()
        await until(async () => {
          const answers = await Promise.allSettled(keys.map(async (key) => ({ key, values: await hasty.get([key], Date.now()) })))
          for (const answer of answers)
            if (answer.status === 'rejected') assert.equal(answer.reason.code, 'unavailable')
            else {
              assert.deepEqual(answer.value.values, ['1'])
              found.add(answer.value.key)
            }
          return found.size > 0
        })
        assert.ok(found.size < keys.length)
        await assert.rejects(async () => hasty.get(keys, Date.now()), unavailable)
        await store.close()
        connection.close()
        for (const admin of admins) admin.disconnect()
        for (const server of servers) await server.stop()
      })

    test('is not read from its replicas', () => {
      const client = new Cluster([], { lazyConnect: true, scaleReads: 'slave' })
      assert.throws(() => redisState({ client }), { name: 'TypeError', message: /scaleReads/ })
      client.disconnect()
    })

    test('of which one may drop what has not expired is not relied on', async () => {
      const servers = await startRedisCluster(2)
      const ports = servers.map(({ port }) => port)
      const admin = new Redis(servers[1]?.port ?? 0)
      await admin.config('SET', 'maxmemory-policy', 'allkeys-random')
      for (const library of clientLibraries) {
        const connection = await library.connectCluster(ports)
        await assert.rejects(async () => redisState({ client: connection.client, deadline: patience }).add('a', never, Date.now()), {
          ...unavailable,
          message: /allkeys-random/,
        })
        connection.close()
      }
      admin.disconnect()
      for (const server of servers) await server.stop()
    })
  })
})
