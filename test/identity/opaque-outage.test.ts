import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Identity } from '../../src/guard/context.ts'
import { GuardError, type GuardErrorCode, reasonOf } from '../../src/guard/errors.ts'
import { opaque, type OpaqueOptions } from '../../src/identity/opaque.ts'
import type { Verifier } from '../../src/identity/verifier.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { type IntrospectionServer, introspectionServer } from './introspection-server.ts'

let clock: TestClock
let server: IntrospectionServer
let verifier: Verifier

const made = (options: Partial<OpaqueOptions> = {}): Verifier =>
  opaque({ issuer: server.issuer, introspection: server.url, client: server.client, clock, ...options })
const verify = (token: string, by = verifier): Promise<Identity> => by.verify({ authorization: `Bearer ${token}` })
const refused = (token: string, code: GuardErrorCode = 'keys_unavailable', by = verifier): Promise<void> =>
  assert.rejects(verify(token, by), { code })

beforeEach(async (context) => {
  clock = testClock()
  server = await introspectionServer(context as TestContext, clock)
  verifier = made()
})
afterEach(() => assert.deepEqual(server.complaints, []))

const json = { 'content-type': 'application/json' } as const
const good = (): string => JSON.stringify({ active: true, sub: 'ada', token_type: 'Bearer', exp: clock.now() / 1000 + 60 })

const useless: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'status 500': (response) => response.writeHead(500, json).end(good()),
  'status 503': (response) => response.writeHead(503).end(),
  'status 429': (response) => response.writeHead(429, { 'retry-after': '1' }).end(),
  'that this client is not taken': (response) => response.writeHead(401, json).end('{"error":"invalid_client"}'),
  'that it may not ask': (response) => response.writeHead(403, json).end(),
  'status 201': (response) => response.writeHead(201, json).end(good()),
  'status 204': (response) => response.writeHead(204).end(),
  'a redirect to itself': (response) => response.writeHead(307, { location: server.url.href, ...json }).end(good()),
  'a redirect to another': (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  'a page of HTML': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>please log in</html>'),
  'JSON that is called HTML': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(good()),
  'JSON that is called nothing': (response) => response.writeHead(200).end(good()),
  'a JWT': (response) => response.writeHead(200, { 'content-type': 'application/token-introspection+jwt' }).end('a.b.c'),
  'HTML that is called JSON': (response) => response.writeHead(200, json).end('<html></html>'),
  nothing: (response) => response.writeHead(200, json).end(),
  'half of it': (response) => {
    response.writeHead(200, { ...json, 'content-length': '1000' }).write(good().slice(0, 20))
    setTimeout(() => response.destroy(), 10)
  },
  'half of it, as if whole': (response) => response.writeHead(200, json).end(good().slice(0, 20)),
  'a list': (response) => response.writeHead(200, json).end(`[${good()}]`),
  true: (response) => response.writeHead(200, json).end('true'),
  'an object that does not say active': (response) => response.writeHead(200, json).end(good().replace('"active":true,', '')),
  'active as a text': (response) => response.writeHead(200, json).end(good().replace('true', '"true"')),
  'two answers in one': (response) => response.writeHead(200, json).end(good().replace('"active":true', '"active":false,"active":true')),
  'two subjects': (response) => response.writeHead(200, json).end(good().replace('"sub":"ada"', '"sub":"ada","sub":"bob"')),
  'one name in two spellings': (response) => response.writeHead(200, json).end(good().replace('"sub":"ada"', '"sub":"ada","s\\u0075b":"bob"')),
  'a prototype': (response) => response.writeHead(200, json).end(good().replace('"active"', '"__proto__":{"x":1},"active"')),
  'what is no UTF-8': (response) => response.writeHead(200, json).end(Buffer.from(good().replace('ada', 'ad\xe9'), 'latin1')),
  'a thousand levels': (response) => response.writeHead(200, json).end(good().replace('"ada"', `"ada","x":${'['.repeat(1000)}${']'.repeat(1000)}`)),
  'more than any answer': (response) => response.writeHead(200, json).end(good().replace('"ada"', `"ada","x":"${'y'.repeat(65_536)}"`)),
  'a closed door': (response) => response.destroy(),
}

describe('opaque refuses for now, and calls nobody an impostor, where the server answers', () => {
  for (const [name, answer] of Object.entries(useless))
    test(name, async () => {
      server.instead = answer
      const token = server.issue()
      await assert.rejects(verify(token), (error: GuardError) => {
        assert.equal(error.code, 'keys_unavailable')
        assert.equal(error.status, 503)
        const told = `${reasonOf(error)} ${JSON.stringify(error)}`
        for (const secret of [token, server.client.secret, 'please log in']) assert.ok(!told.includes(secret))
        return true
      })
      assert.equal(server.asked.length, 1)
      // A moment later nobody is asked.
      await refused(server.issue())
      assert.equal(server.asked.length, 1)
      server.instead = undefined
      clock.advance(500)
      assert.equal((await verify(token)).subject, 'ada')
    })

  test('as well as it should, and is asked as one should ask', async () => {
    server.instead = (response) => response.writeHead(200, { 'content-type': 'Application/JSON ; charset=utf-8' }).end(good())
    assert.equal((await verify(server.issue())).subject, 'ada')
  })

  test('that it does not take this question, which says nothing about others', async () => {
    const bad = server.issue()
    server.instead = (response) => response.writeHead(400, json).end('{"error":"unsupported_token_type"}')
    await refused(bad)
    server.instead = undefined
    assert.equal((await verify(server.issue())).subject, 'ada')
    await refused(bad)
    assert.equal(server.asked.length, 2)
    clock.advance(5_000)
    assert.equal((await verify(bad)).subject, 'ada')
  })
})

describe('opaque and a server that', () => {
  test('hangs before its first byte, or after it, or drips', async () => {
    const hangs: ((response: ServerResponse) => void)[] = [
      () => {},
      (response) => response.writeHead(200, json).flushHeaders(),
      (response) => void response.writeHead(200, json).write('{"active":'),
      (response) => {
        response.writeHead(200, json)
        const timer = setInterval(() => response.write(' '), 1)
        response.on('close', () => clearInterval(timer))
      },
    ]
    for (const hang of hangs) {
      const own = made({ timeout: 2 })
      let closed = false
      server.instead = (response) => {
        response.on('close', () => (closed = true))
        hang(response)
      }
      const asked = server.asked.length
      const waiting = assert.rejects(verify(server.issue(), own), { code: 'keys_unavailable' })
      while (server.asked.length === asked) await sleep(1)
      await sleep(20)
      clock.advance(2_000)
      await waiting
      while (!closed) await sleep(1)
    }
  })

  test('sends 40 MB, is not listened to', async () => {
    let sent = 0
    let closed = false
    server.instead = (response) => {
      response.on('close', () => (closed = true)).writeHead(200, json)
      const chunk = Buffer.alloc(65_536, ' ')
      const pump = (): void => {
        while (sent < 640 && !response.destroyed) {
          sent++
          if (!response.write(chunk)) return void response.once('drain', pump)
        }
        response.end()
      }
      pump()
    }
    await refused(server.issue())
    for (let waited = 0; !closed && waited < 500; waited += 5) await sleep(5)
    assert.ok(closed, 'the connection is given up')
    assert.ok(sent < 640, `${sent} of 640 pieces were taken`)
  })

  test('sends 40 MB in a kilobyte, is not listened to either', async () => {
    const { gzipSync } = await import('node:zlib')
    const bomb = gzipSync(Buffer.from(good().replace('"ada"', `"ada","x":"${'y'.repeat(40_000_000)}"`)))
    server.instead = (response) => void response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(bomb)
    await refused(server.issue())
  })

  for (const who of ['one whom it knows', 'strangers'] as const)
    test(`fails for ten minutes, is asked once for each step of the back-off, by ${who}`, async () => {
      const known = server.issue({ exp: clock.now() / 1000 + 3_600 })
      await verify(known)
      server.instead = (response) => response.writeHead(503).end()
      const times: number[] = []
      for (let elapsed = 0; elapsed < 600_000; elapsed += 1_000) {
        clock.advance(1_000)
        const before = server.asked.length
        const outcomes = await Promise.allSettled(
          who === 'strangers' ? [verify(server.issue()), verify(server.issue())] : [verify(known), verify(known)],
        )
        // What was remembered counts as long as it does without an outage.
        const isRefused = who === 'strangers' || elapsed >= 4_000
        for (const outcome of outcomes)
          if (isRefused) assert.ok(outcome.status === 'rejected' && outcome.reason.code === 'keys_unavailable')
          else assert.equal(outcome.status, 'fulfilled')
        assert.ok(server.asked.length - before <= (times.length === 0 ? 2 : 1), 'one at a time')
        if (server.asked.length > before) times.push(elapsed)
      }
      const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0))
      assert.ok(
        pauses.slice(6).every((pause) => pause >= 4_000 && pause <= 9_000),
        pauses.join(),
      )
      assert.ok(times.length < 600 / 4 + 10 && times.length > 600 / 9)
      // It is found soon after it is back, and everybody with it.
      server.instead = undefined
      clock.advance(8_000)
      if (who === 'strangers') await verify(server.issue())
      assert.equal((await verify(known)).subject, 'ada')
      await Promise.all(Array.from({ length: 10 }, () => verify(server.issue())))
    })

  test('fails for what strangers send, still answers for whom it knows, and then for everybody', async () => {
    const known = server.issue({ exp: clock.now() / 1000 + 3_600 })
    await verify(known)
    server.instead = (response) => void response.writeHead(500).end()
    for (let round = 0; round < 5; round++) {
      await refused(server.issue())
      clock.advance(10_000)
    }
    await refused(server.issue())
    server.instead = undefined
    await refused(server.issue())
    assert.equal((await verify(known)).subject, 'ada')
    assert.equal((await verify(server.issue())).subject, 'ada')
  })

  test('fails for many at once, counts as one that failed once', async () => {
    // It answers when all have asked: on a busy machine the first answer could be there before the last question.
    const waiting: ServerResponse[] = []
    server.instead = (response) => {
      if (waiting.push(response) === 20) for (const one of waiting) one.writeHead(503).end()
    }
    await Promise.allSettled(Array.from({ length: 20 }, () => verify(server.issue())))
    assert.equal(server.asked.length, 20)
    server.instead = undefined
    clock.advance(500)
    await verify(server.issue())
  })

  test('cannot be reached at all, or whose client throws, refuses and tells nothing of why', async () => {
    const secret = 'what-no-log-should-hold'
    const throwing = (): never => {
      throw new Error(secret)
    }
    const unreachable: Partial<OpaqueOptions>[] = [
      { introspection: new URL('http://127.0.0.1:1/introspect') },
      { fetch: throwing },
      { fetch: () => Promise.reject(new Error(secret)) },
      { fetch: () => Promise.resolve(undefined as never) },
      { fetch: () => Promise.reject(new GuardError('identity_invalid', { reason: 'of another guard' })) },
      { client: { token: throwing, id: 'x' } },
      { client: { token: () => Promise.reject(new Error(secret)), id: 'x' } },
      { client: { token: () => `${secret}\r\nx: y`, id: 'x' } },
      { client: { token: () => undefined as never, id: 'x' } },
    ]
    for (const options of unreachable)
      await assert.rejects(verify(server.issue(), made(options)), (error: GuardError) => {
        assert.equal(error.code, 'keys_unavailable')
        assert.ok(!reasonOf(error).includes(secret), reasonOf(error))
        return true
      })
    assert.equal(server.asked.length, 0)
  })

  test('is asked with a fetch that heeds no signal, or with a token that comes too late, is waited for no longer', async () => {
    for (const options of [{ fetch: () => new Promise<never>(() => {}) }, { client: { token: () => new Promise<never>(() => {}), id: 'x' } }]) {
      const own = made(options)
      const waiting = assert.rejects(verify(server.issue(), own), { code: 'keys_unavailable' })
      await sleep(20)
      clock.advance(5_000)
      await waiting
    }
    let give = (_token: string): void => {}
    let fetched = 0
    const deaf = (): Promise<never> => {
      fetched++
      return new Promise<never>(() => {})
    }
    const late = made({ client: { token: () => new Promise<string>((resolve) => (give = resolve)), id: 'x' }, fetch: deaf })
    const waiting = assert.rejects(verify(server.issue(), late), { code: 'keys_unavailable' })
    await sleep(20)
    clock.advance(5_000)
    await waiting
    give('token')
    await sleep(20)
    assert.equal(fetched, 0)
  })
})
