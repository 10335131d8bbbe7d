import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, test } from 'node:test'
import OpenAI from 'openai'
import { toNode } from '../../src/adapters/node/index.ts'
import {
  type ChatRequest,
  control,
  type Fetch,
  guardFetch,
  guardHandler,
  identityKey,
  jwt,
  memoryLimits,
  type OutcomeRecord,
  planLimit,
} from '../../src/index.ts'
import { recordingLog, testClock, testIssuer } from '../../src/testing/index.ts'
import { chatRequest, chunk, eventsOf } from './chat-payloads.ts'
import { assertRejects } from './refusals.ts'
import { post } from './served.ts'
import { chat, wholeGuard } from './whole-guard.ts'

const stream = chatRequest('go on', { stream: true })

const million = 1_000_000

/** A guard with one place and a million tokens, a control that counts its leaves, and a model that talks until it is stopped. */
function scene(options: { deadline?: number } = {}) {
  const clock = testClock(Date.now())
  const issuer = testIssuer({ clock })
  const log = recordingLog()
  const store = memoryLimits()
  const left: string[] = []
  const model = { started: 0, said: 0, aborted: 0, returned: 0 }
  const base = wholeGuard({
    clock,
    log,
    deadline: options.deadline ?? 60_000,
    identity: { verifiers: [jwt(issuer.options)] },
    limits: {
      store,
      estimate: () => ({ input: 10, output: 100 }),
      limits: [
        { name: 'place', per: (call) => call.identity.key, concurrent: 1 },
        { name: 'tokens', per: (call) => call.identity.key, tokens: million, window: 1e12 },
      ],
    },
  }).use(control('counting', { leave: (outcome) => void left.push(outcome.ending) }))
  async function* talk(signal: AbortSignal): AsyncGenerator<object> {
    model.started++
    const note = (): void => void model.aborted++
    signal.addEventListener('abort', note)
    try {
      for (;;) {
        model.said++
        await new Promise((resolve) => setImmediate(resolve))
        yield chunk({ delta: { content: 'word word word word ' } })
      }
    } finally {
      model.returned++
    }
  }
  const run = base.protect((_input: ChatRequest, call) => talk(call.signal), chat)
  const handler = guardHandler(base, chat, (_request, call) => talk(call.signal))
  const credentials = () => issuer.bearer({ sub: 'ada', roles: ['analyst'] }, { expiresIn: 86_400 })
  /** What may still be had: nothing is left reserved, and the place is free again. */
  const remaining = (): Readonly<Record<string, number>> => {
    const key = store.reserve([{ limit: planLimit({ name: 'tokens', tokens: million, window: 1e12 }), key: keyOf }], { tokens: 0 }, clock.monotonic())
    const place = store.reserve([{ limit: planLimit({ name: 'place', concurrent: 1 }), key: keyOf }], { concurrent: 1 }, clock.monotonic())
    if (place.allowed) place.release()
    return { tokens: key.allowed ? (key.limits[0]?.remaining ?? 0) : 0, place: place.allowed ? 1 : 0 }
  }
  const keyOf = identityKey(issuer.issuer, 'ada')
  return { clock, base, log, left, model, run, handler, credentials, remaining, issuer }
}

type Scene = ReturnType<typeof scene>

const outcomes = ({ log }: Scene): readonly OutcomeRecord[] => log.entries.flatMap((record) => (record.kind === 'outcome' ? [record] : []))

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2_000 && !condition(); turn++) await new Promise((resolve) => setTimeout(resolve, 1))
  assert.ok(condition(), 'it never came about')
}

/** One call has ended in this way: once for the control, once in the log, upstream is stopped, and nothing stays reserved. */
async function assertEnded(own: Scene, ending: OutcomeRecord['ending'], isStarted = true): Promise<void> {
  await until(() => outcomes(own).length > 0)
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(own.left, [ending])
  const [outcome, ...others] = outcomes(own)
  assert.equal(others.length, 0)
  assert.equal(outcome?.ending, ending)
  assert.equal(outcome?.ran, true)
  assert.equal(outcome?.streamed, true)
  assert.equal(own.log.entries.filter(({ kind }) => kind === 'decision').length, 1)
  if (isStarted) {
    assert.equal(own.model.aborted, 1)
    const { said } = own.model
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(own.model.said <= said + 1, 'the model goes on')
  } else assert.equal(own.model.said, 0)
  const { tokens, place } = own.remaining()
  assert.equal(place, 1)
  // The input, and what was delivered; not what was reserved.
  const spent = million - (tokens ?? 0)
  assert.ok(spent >= 10 && spent < 110, `${spent} tokens are spent`)
}

describe('A19: a reader that stops, never starts, or goes', () => {
  test('a consumer that stops early', async () => {
    const own = scene()
    let parts = 0
    for await (const part of await own.run(stream, { credentials: await own.credentials() })) {
      assert.ok(part)
      if (++parts === 3) break
    }
    await assertEnded(own, 'left')
    assert.equal(own.model.returned, 1)
    assert.equal(outcomes(own)[0]?.parts, 3)
  })

  test('a consumer that throws, or calls return and throw again and again', async () => {
    for (const leave of [
      async (parts: AsyncIterableIterator<unknown>) => {
        await Promise.all([parts.return?.(), parts.return?.(), parts.next().catch(() => {}), parts.return?.()])
      },
      async (parts: AsyncIterableIterator<unknown>) => {
        await assert.rejects(async () => parts.throw?.(new Error('mine')), /mine/)
        await parts.return?.()
      },
    ]) {
      const own = scene()
      const parts = await own.run(stream, { credentials: await own.credentials() })
      await parts.next()
      await leave(parts)
      await assertEnded(own, 'left')
      assert.deepEqual(await parts.next(), { done: true, value: undefined })
    }
  })

  test('a consumer that never starts: the deadline finds it', async () => {
    const own = scene({ deadline: 5_000 })
    const parts = await own.run(stream, { credentials: await own.credentials() })
    own.clock.advance(4_999)
    assert.equal(outcomes(own).length, 0)
    own.clock.advance(2)
    await assertEnded(own, 'left', false)
    await assertRejects(parts.next(), 'deadline_exceeded')
  })

  test('a consumer that stops asking in the middle: the deadline finds it', async () => {
    const own = scene({ deadline: 5_000 })
    const parts = await own.run(stream, { credentials: await own.credentials() })
    await parts.next()
    own.clock.advance(5_001)
    await assertEnded(own, 'deadline')
    await assertRejects(parts.next(), 'deadline_exceeded')
    assert.deepEqual(await parts.next(), { done: true, value: undefined })
  })

  test('a caller that aborts, before, in the middle and after', async () => {
    const own = scene()
    const abort = new AbortController()
    const parts = await own.run(stream, { credentials: await own.credentials(), signal: abort.signal })
    await parts.next()
    abort.abort(new Error('mine'))
    await assertRejects(parts.next(), 'aborted', ['mine'])
    await assertEnded(own, 'aborted')
    const before = scene()
    await assertRejects(before.run(stream, { credentials: await before.credentials(), signal: AbortSignal.abort() }) as Promise<unknown>, 'aborted')
    assert.equal(before.model.started, 0)
    assert.equal(before.remaining().place, 1)
  })

  test('a web response whose body is cancelled, or never read', async () => {
    const own = scene()
    const response = await own.handler(post(stream, await own.credentials()))
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    await assertEnded(own, 'left')
    const untouched = scene()
    await (await untouched.handler(post(stream, await untouched.credentials()))).body?.cancel()
    await assertEnded(untouched, 'left', false)
    const forgotten = scene({ deadline: 5_000 })
    assert.ok(await forgotten.handler(post(stream, await forgotten.credentials())))
    forgotten.clock.advance(5_001)
    await assertEnded(forgotten, 'left', false)
  })

  test('a client whose connection goes, in the middle of an answer and before it', async (t) => {
    const own = scene()
    let waiting = 0
    const silent = guardHandler(own.base, chat, (_request, call) => {
      waiting++
      call.signal.addEventListener('abort', () => own.model.aborted++)
      return new Promise<never>(() => {})
    })
    const server = createServer(toNode((request) => (request.url.endsWith('/silent') ? silent : own.handler)(request)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.closeAllConnections())
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const body = JSON.stringify(stream)
    const { authorization } = await own.credentials()
    const fields = ['host: x', 'content-type: application/json', `content-length: ${body.length}`, `authorization: ${authorization}`].join('\r\n')
    const socket = connect(port, '127.0.0.1', () => socket.write(`POST / HTTP/1.1\r\n${fields}\r\n\r\n${body}`))
    let heard = ''
    socket.on('data', (data: Buffer) => {
      heard += data.toString()
      if (heard.includes('word')) socket.destroy()
    })
    socket.on('error', () => {})
    await until(() => outcomes(own).length > 0)
    const [outcome] = outcomes(own)
    assert.match(String(outcome?.ending), /^(left|aborted)$/)
    assert.equal(own.left.length, 1)
    assert.equal(own.model.aborted, 1)
    assert.equal(own.remaining().place, 1)
    const second = connect(port, '127.0.0.1', () => second.write(`POST /silent HTTP/1.1\r\n${fields}\r\n\r\n${body}`))
    second.on('error', () => {})
    await until(() => waiting === 1)
    second.destroy()
    await until(() => outcomes(own).length === 2)
    assert.deepEqual(own.left.slice(1), ['aborted'])
    assert.equal(own.model.aborted, 2)
    assert.equal(own.remaining().place, 1)
  })

  test('the real openai client: leaving its stream, and aborting it', async () => {
    for (const leave of ['break', 'abort'] as const) {
      const own = scene()
      let upstream: AbortSignal | undefined
      const fetch: Fetch = async (_url, init) => {
        upstream = init?.signal ?? undefined
        upstream?.addEventListener('abort', () => own.model.aborted++)
        const body = new ReadableStream<Uint8Array>({
          async pull(controller) {
            own.model.said++
            await new Promise((resolve) => setImmediate(resolve))
            controller.enqueue(new TextEncoder().encode(eventsOf([chunk({ delta: { content: 'word word word word ' } })], '')))
          },
        })
        return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
      }
      const credentials = await own.credentials()
      const client = new OpenAI({
        apiKey: 'k',
        baseURL: 'https://v.example/v1',
        fetch: guardFetch(own.base, { credentials: () => credentials, fetch }),
      })
      const request = { model: 'gpt-5', messages: [{ role: 'user' as const, content: 'x' }], stream: true as const }
      const parts = await client.chat.completions.create(request)
      let heard = 0
      try {
        for await (const part of parts) {
          assert.ok(part)
          if (++heard < 3) continue
          if (leave === 'break') break
          parts.controller.abort()
        }
      } catch (error) {
        assert.ok(error instanceof OpenAI.APIUserAbortError)
      }
      await until(() => outcomes(own).length > 0)
      assert.match(String(outcomes(own)[0]?.ending), /^(left|aborted)$/)
      assert.equal(own.left.length, 1)
      assert.equal(upstream?.aborted, true)
      assert.equal(own.remaining().place, 1)
    }
  })

  test('a hundred readers that go at once', async () => {
    const own = scene()
    const credentials = await own.credentials()
    for (let number = 0; number < 100; number++) {
      const parts = await own.run(stream, { credentials })
      if (number % 3 > 0) await parts.next()
      if (number % 3 === 1) void parts.next()
      await parts.return?.()
    }
    await until(() => outcomes(own).length === 100)
    assert.equal(own.left.length, 100)
    assert.equal(own.remaining().place, 1)
    await own.base.close()
  })

  test('a guard that closes: what runs may end, what comes is refused', async () => {
    const own = scene()
    const credentials = await own.credentials()
    const parts = await own.run(stream, { credentials })
    await parts.next()
    let closed = false
    const closing = own.base.close().then(() => (closed = true))
    await assertRejects(own.run(stream, { credentials }) as Promise<unknown>, 'switched_off')
    assert.equal(own.model.started, 1)
    assert.equal((await parts.next()).done, false)
    assert.equal(closed, false)
    await parts.return?.()
    await closing
    assert.deepEqual(own.left, ['left'])
  })
})
