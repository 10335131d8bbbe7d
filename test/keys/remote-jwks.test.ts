import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { readJwks } from '../../src/keys/jwks.ts'
import type { KeySource } from '../../src/keys/key-source.ts'
import { type RemoteJwksOptions, remoteJwks } from '../../src/keys/remote-jwks.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { type TestIssuer, testIssuer } from '../../src/testing/test-issuer.ts'
import { heldMemory } from './held-memory.ts'
import { type JwksServer, jwksServer, pour, settled } from './jwks-server.ts'

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

describe('keys at a URL', () => {
  test('are fetched when first needed, once for all who wait', async (context) => {
    const { clock, server, source, find } = await scene(context)
    assert.equal(server.requests, 0)
    const { keys } = readJwks(testIssuer().jwks)
    for (const key of keys) assert.equal(source.trusts(key, clock), false)
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

  test('a rotated key is found after the cool-down also where strangers asked for its id before it was there (A2)', async (context) => {
    const { clock, issuer, server, find } = await scene(context)
    await find('test-1')
    for (let turn = 0; turn < 10; turn++) {
      clock.advance(30_000)
      for (let index = 0; index < 20; index++) assert.equal(await find('test-2'), undefined)
      assert.equal(server.requests, 2 + turn)
    }
    assert.equal(issuer.rotate(), 'test-2')
    clock.advance(29_999)
    assert.equal(await find('test-2'), undefined, 'not there a moment ago: refused without a fetch')
    assert.equal(server.requests, 11)
    clock.advance(1)
    assert.equal(await find('test-2'), 'test-2')
  })

  test('a flood of unknown ids leaves nothing behind (A2)', async (context) => {
    const { clock, server, find } = await scene(context)
    const flood = async (from: number): Promise<void> => {
      for (let index = 0; index < 20_000; index++) await find(`made-up-${from + index}-${'x'.repeat(200)}`)
    }
    await flood(0)
    const before = await heldMemory()
    for (let turn = 1; turn <= 5; turn++) {
      clock.advance(30_000)
      await flood(turn * 20_000)
    }
    const more = (await heldMemory()) - before
    assert.ok(more < 1_000_000, `${more} bytes more after 100,000 ids`)
    assert.equal(server.requests, 6)
  })

  test('a failing issuer is asked no sooner by a flood of unknown ids than an answering one (A2)', async (context) => {
    const { clock, server, find } = await scene(context)
    await find('test-1')
    server.answer = (response) => void response.writeHead(503).end('busy')
    for (let second = 1; second <= 290; second++) {
      clock.advance(1000)
      const flood = await Promise.allSettled(Array.from({ length: 5 }, (_, index) => find(`made-up-${second}-${index}`)))
      for (const one of flood)
        if (one.status === 'rejected') assert.equal(one.reason.code, 'keys_unavailable')
        else assert.equal(second < 30 && one.value, second < 30 ? undefined : false)
      assert.equal(await find('test-1'), 'test-1')
      assert.equal(server.requests, 1 + Math.floor(second / 30))
    }
  })

  test('known keys are found at once while a set is fetched', async (context) => {
    const { clock, issuer, source, server } = await scene(context)
    const query = { algorithm: 'ES256', id: 'test-1' }
    const key = await source.find(query, clock)
    issuer.rotate()
    const late: (() => void)[] = []
    server.answer = (response) => void late.push(() => response.end(JSON.stringify(issuer.jwks)))
    clock.advance(300_001)
    for (let turn = 0; turn < 20; turn++) {
      assert.equal(source.find(query, clock), key)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await settled(() => late.length === 1)
    late[0]?.()
    await settled(() => clock.pending === 0)
    const rotated = source.find({ algorithm: 'ES256', id: 'test-2' }, clock)
    assert.ok(rotated !== undefined && 'algorithm' in rotated, 'without another fetch')
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
    await settled(() => server.requests === 2 && clock.pending === 0)
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

  test('a set is as old as the question for it, however late the answer came', async (context) => {
    const { clock, issuer, server, source, find } = await scene(context)
    const late: (() => void)[] = []
    server.answer = (response) => void late.push(() => response.end(JSON.stringify(issuer.jwks)))
    const waiting = source.find({ algorithm: 'ES256', id: 'test-1' }, clock)
    await settled(() => late.length === 1)
    clock.advance(4000)
    late[0]?.()
    const key = await waiting
    assert.ok(key !== undefined)
    clock.advance(26_000)
    const unknown = find('made-up')
    await settled(() => late.length === 2)
    clock.advance(5000)
    await assert.rejects(unknown, unavailable)
    server.answer = (response) => void response.writeHead(503).end()
    // Past the time for which a failure counts, so that only its own age does.
    clock.advance(565_000)
    assert.equal(source.trusts(key, clock), true)
    await settled(() => server.requests === 3 && clock.pending === 0)
    clock.advance(3_500_000)
    assert.equal(source.trusts(key, clock), false)
    assert.equal(await find('test-1'), 'test-1')
    clock.advance(100_000)
    assert.equal(await find('test-1'), 'test-1', '4,200 seconds old')
    clock.advance(1)
    await assert.rejects(find('test-1'), unavailable)
  })

  test('that an issuer failed long ago excuses nothing now', async (context) => {
    const { clock, issuer, server, source, find } = await scene(context)
    const key = await source.find({ algorithm: 'ES256', id: 'test-1' }, clock)
    assert.ok(key !== undefined)
    const { answer } = server
    server.answer = (response) => void response.writeHead(503).end('busy')
    clock.advance(590_000)
    assert.equal(source.trusts(key, clock), true)
    await settled(() => server.requests === 2 && clock.pending === 0)
    clock.advance(20_000)
    assert.equal(source.trusts(key, clock), true, 'it failed a moment ago')
    await settled(() => server.requests === 3 && clock.pending === 0)
    server.answer = answer
    issuer.rotate()
    issuer.retire('test-1')
    clock.advance(1_000_000)
    assert.equal(source.trusts(key, clock), false)
    assert.deepEqual(await Promise.all([find('test-1'), find('test-1'), find('test-2')]), [undefined, undefined, 'test-2'])
  })

  test('one call tries whether a failing issuer is back, and no crowd waits for it', async (context) => {
    const { clock, issuer, server, find } = await scene(context)
    server.answer = () => {}
    const first = [find('test-1'), find('test-1')]
    await settled(() => server.requests === 1)
    clock.advance(5000)
    for (const call of first) await assert.rejects(call, unavailable)
    clock.advance(1000)
    const trial = find('test-1')
    for (let turn = 0; turn < 100; turn++) await assert.rejects(find('test-1'), unavailable)
    await settled(() => server.requests === 2)
    clock.advance(5000)
    await assert.rejects(trial, unavailable)
    clock.advance(2000)
    server.answer = (response) => void response.end(JSON.stringify(issuer.jwks))
    assert.equal(await find('test-1'), 'test-1')
    assert.equal(server.requests, 3)
  })

  for (const [what, answer] of [
    ['a status that is not 200', (response) => void response.writeHead(404).end('{"keys":[]}')],
    ['a redirect', (response) => void response.writeHead(302, { location: '/jwks?again' }).end()],
    ['no JSON', (response) => void response.end('<html>')],
    ['text that is not UTF-8', (response) => void response.end(Buffer.from('{"keys":[],"x":"\xff"}', 'latin1'))],
    ['more keys than anybody rotates through', (response) => void response.end(JSON.stringify({ keys: Array(101).fill({ kty: 'EXT' }) }))],
    ['100,000 levels', (response) => void response.end('['.repeat(100_000))],
    ['a secret', (response) => void response.end('{"keys":[{"kty":"oct","k":"AA"}]}')],
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
      assert.equal(await find('test-1'), undefined, 'and it is back for good')
      assert.equal(server.requests, 2)
    })

  test('an answer without an end is not read to its end', async (context) => {
    const { server, find } = await scene(context, { maxBytes: 1000 })
    let closed = false
    server.answer = (response) => {
      response.on('close', () => {
        closed = true
      })
      pour(response)
    }
    await assert.rejects(find('test-1'), unavailable)
    await settled(() => closed)
  })

  test('an answer that drips is given up when its time is over, and its connection is closed', async (context) => {
    const { server, find, clock } = await scene(context)
    let dripped = 0
    let closed = false
    server.answer = (response) => {
      const timer = setInterval(() => response.write(' ', () => dripped++), 1)
      response.on('close', () => {
        clearInterval(timer)
        closed = true
      })
    }
    const waiting = find('test-1')
    for (let second = 1; second <= 5; second++) {
      const before = dripped
      await settled(() => dripped > before + 3)
      clock.advance(1000)
    }
    await assert.rejects(waiting, unavailable)
    await settled(() => closed)
    assert.equal(clock.pending, 0)
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
      { maxAge: Number.POSITIVE_INFINITY },
      { staleIfError: Number.POSITIVE_INFINITY },
      { timeout: Number.POSITIVE_INFINITY },
      { maxBytes: 1.5 },
      { maxAge: '600' as never },
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
