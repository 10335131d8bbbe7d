import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { KeySource } from '../../src/keys/key-source.ts'
import { type RemoteJwksOptions, remoteJwks } from '../../src/keys/remote-jwks.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { type TestIssuer, testIssuer } from '../../src/testing/test-issuer.ts'
import { type JwksServer, jwksServer } from './jwks-server.ts'

const unavailable = { code: 'keys_unavailable', status: 503 }

interface Scene {
  readonly clock: TestClock
  readonly issuer: TestIssuer
  readonly server: JwksServer
  readonly source: KeySource
  find(id: string): Promise<string | undefined>
}

async function scene(context: TestContext, options: RemoteJwksOptions = {}): Promise<Scene> {
  const clock = testClock()
  const issuer = testIssuer()
  const server = await jwksServer(context, () => issuer.jwks)
  const source = remoteJwks(server.url, options)
  return { clock, issuer, server, source, find: async (id) => (await source.find({ algorithm: 'ES256', id }, clock))?.id }
}

// Until the background fetch that is on its way has been answered.
async function settled(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !condition(); turn++) await new Promise((resolve) => setTimeout(resolve, 1))
  assert.ok(condition())
  await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('keys at a URL', () => {
  test('are fetched when first needed, once for all who wait', async (context) => {
    const { server, find } = await scene(context)
    assert.equal(server.requests, 0)
    assert.deepEqual(await Promise.all([find('test-1'), find('test-1'), find('none'), find('test-1')]), ['test-1', 'test-1', undefined, 'test-1'])
    await find('test-1')
    assert.equal(server.requests, 1)
  })

  test('a flood of unknown ids causes one fetch in a cool-down (A2)', async (context) => {
    const { clock, server, find } = await scene(context)
    await find('test-1')
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(30_000)
      await Promise.all(Array.from({ length: 500 }, (_, index) => find(`made-up-${turn}-${index}`)))
      for (let index = 0; index < 50; index++) assert.equal(await find(`late-${index}`), undefined)
      assert.equal(server.requests, 2 + turn)
    }
  })

  test('a rotated key is found without a restart, also in a flood (A2)', async (context) => {
    const { clock, issuer, find } = await scene(context)
    await find('test-1')
    const id = issuer.rotate()
    await find('made-up')
    assert.equal(await find(id), undefined, 'the issuer was asked a moment ago')
    clock.advance(30_000)
    assert.deepEqual(await Promise.all([find('made-up'), find(id)]), [undefined, id])
  })

  test('a withdrawn key is trusted until the set is too old, and one that stays keeps its object', async (context) => {
    const { clock, issuer, source, server } = await scene(context)
    issuer.rotate()
    const [first, second] = await Promise.all(['test-1', 'test-2'].map(async (id) => await source.find({ algorithm: 'ES256', id }, clock)))
    assert.ok(first !== undefined && second !== undefined)
    issuer.retire('test-1')
    assert.equal(source.trusts(first, clock), true)
    clock.advance(300_001)
    assert.equal(source.trusts(first, clock), true, 'fetched again in the background')
    await settled(() => server.requests === 2)
    assert.equal(source.trusts(first, clock), false)
    assert.equal(source.trusts(second, clock), true)
  })

  test('a set that is too old is not used before it was fetched again', async (context) => {
    const { clock, issuer, source, find } = await scene(context)
    const key = await source.find({ algorithm: 'ES256', id: 'test-1' }, clock)
    issuer.rotate()
    issuer.retire('test-1')
    clock.advance(600_001)
    assert.equal(key && source.trusts(key, clock), false)
    assert.equal(await find('test-1'), undefined)
    assert.equal(await find('test-2'), 'test-2')
  })

  test('while the issuer fails, known keys are trusted for a time, unknown ones are nobody to blame for, and it is asked ever more rarely', async (context) => {
    const { clock, server, source, find } = await scene(context)
    const key = await source.find({ algorithm: 'ES256', id: 'test-1' }, clock)
    assert.ok(key !== undefined)
    server.answer = (response) => void response.writeHead(503).end('busy')
    clock.advance(600_001)
    assert.equal(await find('test-1'), 'test-1', 'waits for the issuer, then takes what there is')
    await assert.rejects(find('made-up'), unavailable)
    const before = server.requests
    for (let second = 0; second < 600; second++) {
      clock.advance(1000)
      assert.equal(source.trusts(key, clock), true)
      await find('test-1')
      if (second % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    assert.ok(server.requests - before <= 45, `${server.requests - before} fetches in ten minutes`)
    clock.advance(3_000_000)
    assert.equal(source.trusts(key, clock), false, 'not for ever')
    await assert.rejects(find('test-1'), unavailable)
    server.answer = (response) => void response.end('{"keys":[]}')
    clock.advance(60_000)
    assert.equal(await find('test-1'), undefined, 'the issuer is back, and has no such key')
  })

  for (const [what, answer] of [
    ['a status that is not 200', (response) => void response.writeHead(404).end('{"keys":[]}')],
    ['a redirect', (response) => void response.writeHead(302, { location: '/jwks?again' }).end()],
    ['no JSON', (response) => void response.end('<html>')],
    ['no set', (response) => void response.end('[]')],
    ['a private key', (response) => void response.end('{"keys":[{"kty":"EC","d":"x"}]}')],
    [
      'a kid that stands twice',
      (response) => void response.end(JSON.stringify({ keys: [testIssuer(), testIssuer()].flatMap(({ jwks }) => jwks.keys) })),
    ],
    [
      'an answer that breaks off',
      (response) => void response.writeHead(200, { 'content-length': '100' }).write('{"keys":', () => response.destroy()),
    ],
    ['nothing', (response) => void response.writeHead(204).end()],
  ] as const satisfies readonly (readonly [string, JwksServer['answer']])[])
    test(`${what} is no set of keys, and never makes a caller an impostor`, async (context) => {
      const { server, find, clock } = await scene(context)
      server.answer = answer
      await assert.rejects(find('test-1'), unavailable)
      await assert.rejects(find('test-1'), unavailable)
      assert.equal(server.requests, 1, 'not asked again at once, and no redirect followed')
      server.answer = (response) => void response.end('{"keys":[]}')
      clock.advance(1000)
      assert.equal(await find('test-1'), undefined)
    })

  test('an answer without an end is not read to its end', async (context) => {
    const { server, find } = await scene(context, { maxBytes: 1000 })
    let closed = false
    server.answer = (response) => {
      response.on('close', () => {
        closed = true
      })
      const pour = (): void => void (response.destroyed || response.write(' '.repeat(10_000), pour))
      pour()
    }
    await assert.rejects(find('test-1'), unavailable)
    await settled(() => closed)
  })

  test('an issuer that hangs is given up', async (context) => {
    const { server, find, clock } = await scene(context)
    server.answer = () => {}
    const waiting = find('test-1')
    await settled(() => server.requests === 1)
    clock.advance(5000)
    await assert.rejects(waiting, unavailable)
    assert.equal(clock.pending, 0)
  })

  test('a fetch that heeds no signal is given up as well', async () => {
    const clock = testClock()
    const source = remoteJwks(new URL('https://id.example/jwks'), { fetch: () => new Promise(() => {}) })
    const waiting = Promise.resolve(source.find({ algorithm: 'ES256', id: 'a' }, clock))
    clock.advance(5000)
    await assert.rejects(waiting, unavailable)
  })

  test('are asked for without a credential, and without following anything', async () => {
    const issuer = testIssuer()
    const seen: RequestInit[] = []
    const source = remoteJwks(new URL('https://id.example/jwks'), {
      fetch: async (_url, init) => {
        seen.push(init ?? {})
        return Response.json(issuer.jwks)
      },
    })
    await source.find({ algorithm: 'ES256', id: 'test-1' }, testClock())
    assert.equal(seen[0]?.redirect, 'manual')
    assert.deepEqual(Object.keys(seen[0]?.headers ?? {}), ['accept'])
  })

  test('refuses a set-up that could be listened to, or makes no sense', () => {
    for (const url of [
      'http://id.example/jwks',
      'ftp://id.example',
      'http://127.0.0.1.evil.example/',
      'https://user:pass@id.example/',
      'data:application/json,{}',
    ])
      assert.throws(() => remoteJwks(new URL(url)), TypeError, url)
    for (const url of ['https://id.example/', 'http://localhost:1/', 'http://127.0.0.1:1/', 'http://[::1]:1/']) remoteJwks(new URL(url))
    assert.throws(() => remoteJwks('https://id.example/' as unknown as URL), TypeError)
    const url = new URL('https://id.example/jwks?secret=1')
    for (const options of [
      { maxAge: 0 },
      { maxAge: Number.NaN },
      { cooldown: 0 },
      { cooldown: 400 },
      { timeout: -1 },
      { maxBytes: 0 },
      { staleIfError: -1 },
      { fetch: 'x' as never },
      { maxAges: 5 } as never,
    ])
      assert.throws(() => remoteJwks(url, options), TypeError)
    assert.deepEqual(remoteJwks(url).describe(), { kind: 'remote', url: 'https://id.example/jwks', maxAge: 600, staleIfError: 3600 })
  })
})
