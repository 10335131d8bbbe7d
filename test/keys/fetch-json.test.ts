import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { fetchJson, type JsonRequest } from '../../src/keys/fetch-json.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { type JwksServer, jwksServer, pour, settled } from './jwks-server.ts'

interface Scene {
  readonly clock: TestClock
  readonly server: JwksServer
  ask(more?: Partial<JsonRequest>): Promise<unknown>
}

async function scene(context: TestContext, answer: JwksServer['answer']): Promise<Scene> {
  const clock = testClock()
  const server = await jwksServer(context, () => undefined)
  server.answer = answer
  const ask = (more: Partial<JsonRequest> = {}): Promise<unknown> => fetchJson(server.url, { fetch, clock, timeout: 5000, maxBytes: 1000, ...more })
  return { clock, server, ask }
}

const plain = (message: RegExp) => (error: unknown) =>
  error instanceof Error && Object.getPrototypeOf(error) === Error.prototype && message.test(error.message) && error.cause === undefined

describe('a JSON document', () => {
  test('is asked for with a method, fields and a body, and nothing else of ours', async (context) => {
    const seen: unknown[] = []
    const { ask } = await scene(context, async (response, request) => {
      const body: string[] = []
      for await (const piece of request) body.push(String(piece))
      seen.push([request.method, request.headers.accept, request.headers.authorization, request.headers['content-type'], body.join('')])
      response.end('{"active":true}')
    })
    assert.deepEqual(await ask(), { active: true })
    const headers = { accept: 'application/json', authorization: 'Basic eDp5', 'content-type': 'application/x-www-form-urlencoded' }
    assert.deepEqual(await ask({ method: 'POST', headers, body: 'token=t' }), { active: true })
    assert.deepEqual(seen, [
      ['GET', 'application/json', undefined, undefined, ''],
      ['POST', 'application/json', 'Basic eDp5', 'application/x-www-form-urlencoded', 'token=t'],
    ])
  })

  test('is whole also where it comes in many pieces, each cut anywhere', async () => {
    const document = { text: 'żółw '.repeat(150), list: [1, 2, 3] }
    const bytes = new TextEncoder().encode(JSON.stringify(document))
    for (const size of [1, 7, 100, 5000]) {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let index = 0; index < bytes.length; index += size) controller.enqueue(bytes.slice(index, index + size))
          controller.close()
        },
      })
      const ask = fetchJson(new URL('https://x.example'), {
        fetch: async () => new Response(body),
        clock: testClock(),
        timeout: 1,
        maxBytes: bytes.length,
      })
      assert.deepEqual(await ask, document)
    }
  })

  test('may be as long as allowed and not one byte longer', async (context) => {
    const { ask, server } = await scene(context, (response) => void response.end(`"${'x'.repeat(998)}"`))
    assert.equal(String(await ask()).length, 998)
    server.answer = (response) => void response.end(`"${'x'.repeat(999)}"`)
    await assert.rejects(ask(), plain(/longer than 1000 bytes/))
    server.answer = (response) => void response.end('')
    await assert.rejects(ask(), plain(/no JSON/))
  })

  test('is measured after it was unpacked', async (context) => {
    const packed = gzipSync(Buffer.alloc(40_000_000, ' '))
    assert.ok(packed.length < 100_000)
    const { ask } = await scene(context, (response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed))
    await assert.rejects(ask({ maxBytes: 100_000 }), plain(/longer than 100000 bytes/))
  })

  test('is not read on once it is too long', async (context) => {
    const { ask, server } = await scene(context, pour)
    await assert.rejects(ask(), plain(/longer/))
    await settled(() => server.open === 0)
  })

  test('is no answer of another status, and a redirect is not followed', async (context) => {
    const { ask, server } = await scene(context, () => {})
    for (const status of [201, 204, 301, 302, 303, 307, 308, 400, 401, 404, 500, 503]) {
      server.answer = (response) => void response.writeHead(status, { location: '/elsewhere' }).end(status === 204 ? undefined : '{}')
      await assert.rejects(ask(), plain(new RegExp(`status ${status}$`)))
    }
    assert.ok(server.paths.every((path) => path === '/jwks'))
  })

  test('that cannot be read is not quoted', async (context) => {
    const { ask } = await scene(context, (response) => void response.end('{"sub":"ada@id.example"'))
    await assert.rejects(ask(), (error: unknown) => plain(/^the answer is no JSON$/)(error) && !JSON.stringify(Object(error).stack).includes('ada'))
  })

  test('that comes too late is not waited for, and its connection is closed', async (context) => {
    const { ask, server, clock } = await scene(context, (response) => void response.write('{"a":'))
    const waiting = ask()
    await settled(() => server.open === 1)
    clock.advance(4999)
    assert.equal(clock.pending, 1)
    clock.advance(1)
    await assert.rejects(waiting, plain(/within 5000 ms/))
    await settled(() => server.open === 0)
    assert.equal(clock.pending, 0)
  })

  test('is let go also where somebody’s own fetch heeds no signal', async () => {
    const clock = testClock()
    let isCancelled = false
    const body = new ReadableStream<Uint8Array>({
      cancel() {
        isCancelled = true
        throw new Error('no')
      },
    })
    const waiting = fetchJson(new URL('https://x.example'), { fetch: async () => new Response(body), clock, timeout: 5000, maxBytes: 10 })
    await new Promise((resolve) => setTimeout(resolve, 1))
    clock.advance(5000)
    await assert.rejects(waiting, plain(/within 5000 ms/))
    assert.equal(isCancelled, true)
    const late = fetchJson(new URL('https://x.example'), {
      fetch: () =>
        new Promise((resolve) => setTimeout(() => resolve(new Response(new ReadableStream({ cancel: () => void (isCancelled = true) }))), 5)),
      clock,
      timeout: 5000,
      maxBytes: 10,
    })
    isCancelled = false
    clock.advance(5000)
    await assert.rejects(late, plain(/within 5000 ms/))
    await settled(() => isCancelled)
  })
})
