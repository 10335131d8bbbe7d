import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redisLimits } from '../../src/adapters/redis/index.ts'
import { type LimitCounters, limitCounters } from '../../src/index.ts'
import { clientLibraries } from '../adapters/redis/clients.ts'
import { type RedisServer, startRedis, withoutRedis } from '../adapters/redis/redis-server.ts'
import { until } from '../adapters/redis/told.ts'
import { chatRequest } from './chat-payloads.ts'
import { served } from './served.ts'
import { type SwitchingProxy, switchingProxy } from './switching-proxy.ts'
import { analyst, type Parts, wholeGuard } from './whole-guard.ts'

const most = 200
/** How many ask at the same time. */
const sides = 8
// So long that nothing leaks away meanwhile.
const limit: NonNullable<NonNullable<Parts['limits']>['limits']> = { name: 'calls', per: (call) => call.identity.key, requests: most, window: 1e9 }

/** What was answered: let through, over the limit, or refused since the store is away. */
type Status = 200 | 429 | 503

interface Scene {
  readonly server: RedisServer
  /** What the guard's client asks: the server, or what it is led to. */
  readonly proxy: SwitchingProxy
  readonly counters: LimitCounters
  ask(): Promise<Status>
  /** How many of so many calls, all at the same time, were let through. None of them is left waiting. */
  asked(calls: number): Promise<Readonly<Record<Status, number>>>
  /** Asks from many sides until nothing is let through any more. */
  exhaust(): Promise<number>
  /** Calls that were let through by now, all together. */
  admitted(): number
}

const none = { 200: 0, 429: 0, 503: 0 }

const modes = [
  { name: 'refuses by default', onStoreFailure: 'refuse', share: 0 },
  { name: 'keeps a tenth here', onStoreFailure: { local: 0.1 }, share: 0.1 },
] as const

if (withoutRedis === false)
  describe('A23: Redis that is refused, hung, flushed, slow, or fails over under load', () => {
    async function scene(
      t: TestContext,
      library: (typeof clientLibraries)[number],
      onStoreFailure: (typeof modes)[number]['onStoreFailure'],
      replicas: number,
    ): Promise<Scene> {
      const server = await startRedis()
      const proxy = await switchingProxy(server.port)
      const connection = await library.connect(proxy.port)
      t.after(async () => {
        connection.close()
        proxy.close()
        server.resume()
        await server.stop()
      })
      const credentials = await analyst()
      const counters = limitCounters()
      const store = redisLimits({ client: connection.client, deadline: 50, replicas })
      const { ask: send } = served(wholeGuard({ limits: { store, limits: limit, onStoreFailure, counters } }))
      let admitted = 0
      const ask = async (): Promise<Status> => {
        const { status } = await send(chatRequest('x'), credentials)
        if (status === 200) admitted++
        assert.ok(status === 200 || status === 429 || status === 503, `${status}`)
        return status
      }
      return {
        server,
        proxy,
        counters,
        ask,
        async asked(calls) {
          const counts = { ...none }
          for (const status of await Promise.all(Array.from({ length: calls }, ask))) counts[status]++
          return counts
        },
        async exhaust() {
          let granted = 0
          const side = async (): Promise<void> => {
            for (let misses = 0; misses < 5; )
              if ((await ask()) === 200) granted++
              else misses++
          }
          await Promise.all(Array.from({ length: sides }, side))
          return granted
        },
        admitted: () => admitted,
      }
    }

    /** Asks from many sides until it is stopped. */
    function load({ ask }: Scene): () => Promise<unknown> {
      let isOver = false
      const side = async (): Promise<void> => {
        while (!isOver) {
          await ask()
          await setTimeout(1)
        }
      }
      const running = Promise.all(Array.from({ length: sides }, side))
      return () => {
        isOver = true
        return running
      }
    }

    // By turns, so that each library meets each way.
    for (const [index, { name, onStoreFailure, share }] of modes.entries()) {
      const library = clientLibraries[index % clientLibraries.length] as (typeof clientLibraries)[number]
      const away = share * most
      const bound = most * (1 + share)
      const make = async (t: TestContext): Promise<Scene> => {
        const made = await scene(t, library, onStoreFailure, 0)
        await until(async () => (await made.ask()) === 200)
        return made
      }

      test(`refused: ${name}`, async (t) => {
        const { server, asked, ask, exhaust, admitted } = await make(t)
        await server.kill()
        const counts = await asked(50)
        assert.equal(counts[200], away)
        assert.equal(share === 0 ? counts[503] : counts[429], 50 - away)
        assert.ok(admitted() <= bound)
        await server.start()
        // It has lost everything, and begins at the limit: not beyond it.
        const before = admitted()
        await until(async () => (await ask()) === 200)
        await exhaust()
        assert.ok(admitted() - before <= most, `${admitted() - before}`)
      })

      test(`hung: ${name}`, async (t) => {
        const { server, asked, ask, exhaust, admitted, counters } = await make(t)
        const before = admitted()
        server.pause()
        const counts = await asked(50)
        assert.equal(counts[200], away)
        // Decided at once, where it is known to hang.
        assert.notEqual(await ask(), 200)
        server.resume()
        await until(async () => (await ask()) === 200)
        await exhaust()
        assert.ok(admitted() <= bound, `${admitted()}, ${before} before`)
        assert.equal((counters.read()[0]?.degraded ?? 0) > 0, share > 0)
      })

      test(`flushed under load: ${name}, and begins at the limit, scripts and all`, async (t) => {
        const own = await make(t)
        const stop = load(own)
        const admin = new Redis(own.server.port)
        await until(() => own.admitted() > most / 4)
        const before = own.admitted()
        await admin.script('FLUSH')
        await admin.flushall()
        admin.disconnect()
        await until(() => own.admitted() > before)
        await stop()
        await own.exhaust()
        // Those that were being decided when it was flushed count on either side.
        assert.ok(own.admitted() - before <= bound + sides, `${own.admitted()}, ${before} before`)
      })

      test(`slow under load: ${name}, and what it grants too late is given back`, async (t) => {
        const own = await make(t)
        const stop = load(own)
        for (let round = 0; round < 6; round++) {
          own.server.pause()
          await setTimeout(20 + round * 15)
          own.server.resume()
          await setTimeout(10)
        }
        await stop()
        await until(async () => (await own.exhaust()) === 0)
        assert.ok(own.admitted() <= bound, `${own.admitted()}`)
        // No more is lost than what could not be given back, since that was late as well.
        assert.ok(own.admitted() >= most - 6 * sides, `${own.admitted()}`)
      })

      test(`failing over under load: ${name}, and counts on at the replica that knows most`, async (t) => {
        const own = await scene(t, library, onStoreFailure, 1)
        const primary = String(own.server.port)
        const replicas = await Promise.all([0, 1].map(async () => startRedis('--replicaof', '127.0.0.1', primary, '--repl-timeout', '60')))
        const admins = replicas.map(({ port }) => new Redis(port))
        t.after(async () => {
          for (const admin of admins) admin.disconnect()
          for (const replica of replicas) await replica.stop()
        })
        const said = async (admin: Redis, name: string): Promise<string | undefined> =>
          new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(await admin.info('replication'))?.[1]
        const areUp = async (): Promise<boolean> =>
          (await Promise.all(admins.map((admin) => said(admin, 'master_link_status')))).every((is) => is === 'up')
        await until(areUp)
        await until(async () => (await own.ask()) === 200)
        const stop = load(own)
        await until(() => own.admitted() > most / 4)
        await own.server.kill()
        // What it leads to is a replica yet, which may not count.
        const offsets = await Promise.all(admins.map(async (admin) => Number(await said(admin, 'slave_repl_offset'))))
        const next = (offsets[0] ?? 0) >= (offsets[1] ?? 0) ? 0 : 1
        own.proxy.lead(replicas[next]?.port ?? 0)
        const atKill = own.admitted()
        for (let round = 0; round < 3; round++) await own.asked(50)
        assert.ok(own.admitted() - atKill <= away, `${own.admitted() - atKill}`)
        await admins[next]?.replicaof('NO', 'ONE')
        await admins[1 - next]?.replicaof('127.0.0.1', replicas[next]?.port ?? 0)
        const before = own.admitted()
        await until(() => own.admitted() > before || own.admitted() >= most)
        await stop()
        await until(async () => (await own.exhaust()) === 0)
        assert.ok(own.admitted() <= bound, `${own.admitted()}`)
      })
    }
  })
