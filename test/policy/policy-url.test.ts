import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, type TestContext, test } from 'node:test'
import type { LivePolicyOptions } from '../../src/policy/live-policy-options.ts'
import { signPolicy } from '../../src/policy/sign-policy.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { type JwksServer, jwksServer, pour, settled } from '../keys/jwks-server.ts'
import { asking, policyOf, type Watched, watched } from './live.ts'
import { signingKeys } from './signing-keys.ts'

interface Served extends Watched {
  readonly server: JwksServer
  /** What is served; and with which entity tag, by its hash unless given. */
  policy: unknown
  tag: string | undefined
  readonly statuses: number[]
  readonly asked: (string | undefined)[]
}

/** A policy at a loopback address, behind entity tags. */
async function served(context: TestContext, options: Partial<LivePolicyOptions> = {}): Promise<Served> {
  const statuses: number[] = []
  const asked: (string | undefined)[] = []
  const server = await jwksServer(context, () => undefined)
  const state = { policy: policyOf('1') as unknown, tag: undefined as string | undefined }
  server.answer = (response, request) => {
    const text = typeof state.policy === 'string' ? state.policy : JSON.stringify(state.policy)
    const tag = state.tag ?? `"${createHash('sha256').update(text).digest('hex')}"`
    asked.push(request.headers['if-none-match'])
    const status = request.headers['if-none-match'] === tag ? 304 : 200
    statuses.push(status)
    response.writeHead(status, { etag: tag })
    response.end(status === 200 ? text : undefined)
  }
  const watch = watched(context, { load: server.url, every: Number.POSITIVE_INFINITY, ...options })
  return Object.assign(state, watch, { server, statuses, asked })
}

describe('a policy at a URL', () => {
  test('is asked for with the entity tag of what came last', async (context) => {
    const scene = await served(context)
    await scene.live.ready
    assert.equal(await scene.live.refresh(), false)
    assert.equal(await scene.live.refresh(), false)
    scene.policy = policyOf('2')
    assert.equal(await scene.live.refresh(), true)
    assert.equal(scene.version(), '2')
    assert.equal(await scene.live.refresh(), false)
    assert.deepEqual(scene.statuses, [200, 304, 304, 200, 304])
    assert.equal(scene.asked[0], undefined)
  })

  test('what was refused is not fetched again and again, and stays refused while it stays the same', async (context) => {
    const scene = await served(context)
    await scene.live.ready
    scene.policy = '{"id":'
    await assert.rejects(scene.live.refresh(), { code: 'malformed' })
    await assert.rejects(scene.live.refresh(), { code: 'malformed' })
    assert.deepEqual(scene.statuses, [200, 200, 304])
    assert.equal(scene.refusals.length, 1)
    scene.policy = policyOf('1')
    assert.equal(await scene.live.refresh(), false)
    assert.equal(scene.live.describe().lastRefusal, undefined)
    assert.equal(scene.version(), '1')
  })

  test('an entity tag that is none is not sent back', async (context) => {
    const scene = await served(context)
    for (const tag of ['x', '""; drop', `"${'x'.repeat(2_000)}"`, 'W/"a', '']) {
      scene.tag = tag
      await scene.live.refresh()
    }
    scene.tag = 'W/"a"'
    await scene.live.refresh()
    await scene.live.refresh()
    assert.deepEqual(scene.asked.slice(0, 7), Array(7).fill(undefined))
    assert.equal(scene.asked.at(-1), 'W/"a"')
    assert.equal(scene.statuses.at(-1), 304)
  })

  test('signed, counts by its signature', async (context) => {
    const keys = await signingKeys()
    const scene = await served(context, { requireSignature: { keys: { keys: [keys.publicKey] } } })
    await assert.rejects(scene.live.ready, { code: 'unsigned' })
    scene.policy = await signPolicy(policyOf('1'), { key: keys.privateKey })
    assert.equal(await scene.live.refresh(), true)
    assert.equal(scene.live.evaluate(asking()).allowed, true)
  })

  const failures: readonly (readonly [name: string, answer: (response: ServerResponse, request: IncomingMessage) => void, message: RegExp])[] = [
    ['a redirect, which is not followed', (response) => void response.writeHead(302, { location: '/elsewhere' }).end(), /status 302/],
    ['not found', (response) => void response.writeHead(404).end('{}'), /status 404/],
    ['a failing server', (response) => void response.writeHead(503).end(JSON.stringify(policyOf('9'))), /status 503/],
    ['nothing', (response) => void response.writeHead(204).end(), /status 204/],
    ['not changed, where nobody said since when', (response) => void response.writeHead(304).end(), /status 304/],
    ['more than is allowed', (response) => void response.end(`"${'x'.repeat(20_000)}"`), /longer than 10000 bytes/],
    ['no end', pour, /longer than 10000 bytes/],
    ['a connection that breaks', (response) => void response.destroy(), /source failed/],
    [
      'a connection that breaks in the middle',
      (response) => {
        response.writeHead(200, { 'content-length': '1000' })
        response.write('{"id":"support"', () => response.destroy())
      },
      /source failed/,
    ],
  ]
  for (const [name, answer, message] of failures)
    test(`${name} leaves the last good one`, async (context) => {
      const scene = await served(context, { maxLength: 10_000 })
      scene.tag = 'none'
      await scene.live.ready
      const proper = scene.server.answer
      scene.server.answer = answer
      await assert.rejects(scene.live.refresh(), { code: 'unavailable', message })
      assert.equal(scene.version(), '1')
      assert.equal(scene.live.evaluate(asking()).allowed, true)
      assert.ok(!scene.server.paths.includes('/elsewhere'))
      scene.server.answer = proper
      scene.policy = policyOf('2')
      assert.equal(await scene.live.refresh(), true)
      await settled(() => scene.server.open === 0)
    })

  test('a server that says nothing is given up, and the connection with it', async (context) => {
    const clock = testClock()
    const scene = await served(context, { clock, timeout: 5 })
    await scene.live.ready
    for (const hang of [() => {}, (response: ServerResponse) => void response.writeHead(200).write('{"id":')]) {
      scene.server.answer = hang
      const looked = assert.rejects(scene.live.refresh(), { code: 'unavailable', message: /5000 ms/ })
      await settled(() => scene.server.open === 1)
      clock.advance(5_000)
      await looked
      assert.equal(scene.version(), '1')
      await settled(() => scene.server.open === 0)
    }
  })

  test('a body that drips is given up', async (context) => {
    const clock = testClock()
    const scene = await served(context, { clock, timeout: 5 })
    await scene.live.ready
    scene.server.answer = (response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write(' '), 2)
      response.once('close', () => clearInterval(drip))
    }
    const looked = assert.rejects(scene.live.refresh(), { code: 'unavailable' })
    await settled(() => scene.server.open === 1)
    clock.advance(5_000)
    await looked
    await settled(() => scene.server.open === 0)
  })

  test('a server that is down is asked again until it is back', async (context) => {
    const scene = await served(context)
    const proper = scene.server.answer
    scene.server.answer = (response) => void response.destroy()
    await assert.rejects(scene.live.ready, { code: 'unavailable' })
    scene.server.answer = proper
    assert.equal(await scene.live.refresh(), true)
  })

  test('is closed while it is fetched', async (context) => {
    const scene = await served(context)
    await scene.live.ready
    scene.server.answer = () => {}
    const looked = assert.rejects(scene.live.refresh(), { code: 'unavailable', message: /closed/ })
    await settled(() => scene.server.open === 1)
    await scene.live.close()
    await looked
    await settled(() => scene.server.open === 0)
    assert.deepEqual(scene.refusals, [])
  })

  test('is asked for with a fetch of one’s own, and describes itself without what stands behind the path', async (context) => {
    const seen: RequestInit[] = []
    const own = ((input: URL, init: RequestInit) => {
      seen.push(init)
      return fetch(input, init)
    }) as typeof fetch
    const server = await jwksServer(context, () => policyOf('1'))
    const { live } = watched(context, { load: new URL('?token=secret', server.url), fetch: own, clock: testClock() })
    await live.ready
    assert.equal(seen[0]?.redirect, 'manual')
    assert.equal(live.describe().every, 60)
    assert.deepEqual(live.describe().source, { kind: 'url', url: server.url.href })
  })

  test('a URL that is changed afterwards is still the one that was checked', async (context) => {
    const server = await jwksServer(context, () => policyOf('1'))
    const url = new URL(server.url)
    const { live } = watched(context, { load: url, every: Number.POSITIVE_INFINITY })
    url.href = 'http://elsewhere.example/'
    await live.ready
    await live.refresh()
    assert.equal(server.requests, 2)
  })
})
