import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import OpenAI from 'openai'
import { guardFetch } from '../../../src/adapters/fetch/guard-fetch.ts'
import { GuardError } from '../../../src/guard/errors.ts'
import { chunk, completion, eventsOf } from '../chat.ts'
import { type Door, type DoorOptions, door } from '../door.ts'
import { listen } from '../loopback.ts'

const credentials = () => ({ authorization: 'Bearer ada' })
const request = { model: 'm', messages: [{ role: 'user' as const, content: 'hello there' }] }

interface Vendor extends Door {
  readonly client: OpenAI
  /** What reached the vendor. */
  readonly hits: { readonly url: string | undefined; readonly headers: IncomingMessage['headers']; readonly body: string; closed: boolean }[]
  readonly attempts: () => number
}

/** The real client in front of a server that speaks the vendor's wire format. */
async function vendor(t: TestContext, options: DoorOptions = {}): Promise<Vendor> {
  const own = door(options)
  const hits: Vendor['hits'] = []
  const origin = await listen(t, async (incoming, response) => {
    let body = ''
    for await (const piece of incoming) body += piece
    const hit = { url: incoming.url, headers: incoming.headers, body, closed: false }
    hits.push(hit)
    response.on('close', () => (hit.closed = true))
    if (body.includes('FAIL') || body.includes('fail')) {
      response.writeHead(429, { 'content-type': 'application/json', 'x-should-retry': 'false' })
      return response.end(JSON.stringify({ error: { message: 'slow down', type: 'requests', code: 'rate_limit_exceeded', param: null } }))
    }
    if (!body.includes('"stream":true')) {
      response.writeHead(200, { 'content-type': 'application/json', 'x-request-id': 'req_1' })
      return response.end(JSON.stringify(completion('good day')))
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    if (!/endless/i.test(body)) return response.end(eventsOf([chunk('good '), chunk('day'), chunk('', 'stop')]))
    const timer = setInterval(() => response.write(eventsOf([chunk('x')], '')), 1)
    return response.on('close', () => clearInterval(timer))
  })
  let attempts = 0
  const guarded = guardFetch(own.guard, { credentials })
  const client = new OpenAI({
    apiKey: 'vendor-key',
    baseURL: `${origin}/v1`,
    fetch: (...rest) => {
      attempts++
      return guarded(...rest)
    },
  })
  return { ...own, client, hits, attempts: () => attempts }
}

test('the openai client works whole, streamed, raw and with its helpers', async (t) => {
  const { client, hits, seen } = await vendor(t, { shouts: true })
  const { completions } = client.chat
  const whole = await completions.create(request)
  assert.equal(whole.choices[0]?.message.content, 'GOOD DAY')
  assert.equal(whole._request_id, 'req_1')
  assert.match(hits[0]?.body ?? '', /HELLO THERE/)
  assert.equal(hits[0]?.headers.authorization, 'Bearer vendor-key')

  let text = ''
  for await (const part of await completions.create({ ...request, stream: true })) text += part.choices[0]?.delta.content ?? ''
  assert.equal(text, 'GOOD DAY')

  const { data, response } = await completions.create(request).withResponse()
  assert.equal(data.choices[0]?.message.content, 'GOOD DAY')
  assert.equal(response.headers.get('x-request-id'), 'req_1')
  assert.match(await (await completions.create(request).asResponse()).text(), /GOOD DAY/)
  assert.equal(await completions.stream(request).finalContent(), 'GOOD DAY')
  assert.equal((await completions.parse(request)).choices[0]?.message.content, 'GOOD DAY')
  assert.match(JSON.stringify(await client.post('/chat/completions', { body: request })), /GOOD DAY/)
  assert.match(JSON.stringify(await client.withOptions({ timeout: 5000 }).chat.completions.create(request)), /GOOD DAY/)
  assert.equal(hits.length, 8)
  assert.equal(seen.length, 8)
  for (const { outcome } of seen) assert.equal(outcome.ending, 'completed')
})

test('a refusal arrives as the error class of the client, after one attempt', async (t) => {
  const cases = [
    [{ deny: true }, OpenAI.PermissionDeniedError, 'denied'],
    [{ limited: 'ada' }, OpenAI.RateLimitError, 'limit_exceeded'],
  ] as const
  for (const [options, type, code] of cases) {
    const { client, hits, attempts } = await vendor(t, options)
    for (const stream of [false, true])
      await assert.rejects(client.chat.completions.create({ ...request, stream }), (error) => {
        assert.ok(error instanceof type)
        assert.equal(error.code, code)
        assert.doesNotMatch(error.message, /secret|no body/)
        return true
      })
    assert.equal(attempts(), 2)
    assert.equal(hits.length, 0)
  }
  const { client } = await vendor(t)
  await assert.rejects(client.responses.create({ model: 'm', input: 'x' }), OpenAI.BadRequestError)
})

test('errors of the vendor and a stream that is ended arrive as errors of the client', async (t) => {
  const { client, hits } = await vendor(t, { shouts: true })
  await assert.rejects(client.chat.completions.create({ ...request, messages: [{ role: 'user', content: 'fail' }] }), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError)
    assert.match(error.message, /429 SLOW DOWN/)
    return true
  })
  assert.equal(hits.length, 1)
  const cut = await vendor(t, { endAt: { part: 1, error: new GuardError('identity_expired') } })
  await assert.rejects(
    async () => {
      for await (const part of await cut.client.chat.completions.create({ ...request, stream: true })) assert.ok(part)
    },
    (error) => error instanceof OpenAI.APIError && error.code === 'identity_expired',
  )
})

test('leaving a stream stops upstream and ends the call once', async (t) => {
  const { client, ended, seen, hits } = await vendor(t)
  const endless = { ...request, messages: [{ role: 'user' as const, content: 'endless' }], stream: true as const }
  for await (const part of await client.chat.completions.create(endless)) {
    assert.ok(part)
    break
  }
  assert.match((await ended(1)).outcome.ending, /^(left|aborted)$/)
  const stream = client.chat.completions.stream(endless)
  stream.on('chunk', () => stream.abort())
  await assert.rejects(stream.done(), OpenAI.APIUserAbortError)
  assert.match((await ended(2)).outcome.ending, /^(left|aborted)$/)
  while (!hits.every(({ closed }) => closed)) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(seen.length, 2)
})

test('through passes from a call into a request of the client', async (t) => {
  const { client, guard, hits, seen } = await vendor(t)
  const guarded = guardFetch(guard)
  const own = client.withOptions({ fetch: guarded })
  const task = guard.protect(
    (_input: string, call) => own.chat.completions.create(request, { headers: guarded.through(call) }).then(({ id }) => id),
    { action: 'task', resource: { type: 'task', id: 't' } },
  )
  assert.equal(await task('x', { credentials: { authorization: 'Bearer bob' } }), 'c1')
  assert.deepEqual(
    seen.map(({ subject, action }) => [action, subject]),
    [
      ['chat', 'bob'],
      ['task', 'bob'],
    ],
  )
  assert.equal(hits[0]?.headers['x-sallyport-call'], undefined)
  await assert.rejects(own.chat.completions.create(request), OpenAI.AuthenticationError)
})

test('A14: under a denial no request leaves, whatever method of the client is called', async (t) => {
  const { client, hits, attempts } = await vendor(t, { deny: true })
  const called = await callEverything(client)
  assert.ok(called.size > 100, `${called.size} methods`)
  assert.ok(attempts() > 150, `${attempts()} attempts`)
  for (const name of ['batches.create', 'chat.completions.stream', 'beta.threads.create', 'responses.create', 'files.create'])
    assert.ok(called.has(name), name)
  assert.equal(hits.length, 0)
})

test('A14: under a permit nothing leaves but chat requests that were read', async (t) => {
  const { client, hits } = await vendor(t)
  await callEverything(client)
  assert.ok(hits.length > 0)
  for (const { url, body } of hits) {
    assert.equal(url, '/v1/chat/completions')
    assert.match(body, /^\{"model":"m","messages":/)
  }
})

async function callEverything(client: OpenAI): Promise<Set<string>> {
  const called = new Set<string>()
  const running: Promise<unknown>[] = []
  const call = (name: string, make: () => unknown): void => {
    called.add(name)
    running.push(settled(make))
  }
  for (const [path, resource] of resourcesOf(client)) {
    for (const method of methodsOf(resource)) {
      const run = Reflect.get(resource, method) as (...args: unknown[]) => unknown
      const body = {
        ...request,
        stream: false,
        input: 'x',
        file: new File(['x'], 'x.jsonl'),
        files: [new File(['x'], 'x')],
        thread_id: 't',
        run_id: 'r',
        tools: [],
      }
      call(`${path}.${method}`, () => run.call(resource, body, body))
      call(`${path}.${method}`, () => run.call(resource, 'id_1', body, body))
      call(`${path}.${method}`, () => run.call(resource, 'id_1', { ...body, stream: true }))
    }
  }
  for (const method of ['get', 'post', 'put', 'patch', 'delete'] as const) call(method, () => client[method]('/chat/completions', { body: request }))
  call('request', () => client.request({ method: 'post', path: '/chat/completions', body: request }).asResponse())
  call('withOptions', () => client.withOptions({ maxRetries: 5 }).chat.completions.create(request))
  await Promise.all(running)
  return called
}

async function settled(make: () => unknown): Promise<void> {
  try {
    const value: unknown = await make()
    if (typeof value !== 'object' || value === null) return
    if ('done' in value && typeof value.done === 'function') await value.done()
    else if (Symbol.asyncIterator in value) for await (const _ of value as AsyncIterable<unknown>);
  } catch {
    // Refused, or called with nonsense: either way nothing may have left.
  }
}

// Everything that hangs on the client and sends requests through it.
function resourcesOf(client: OpenAI): [string, object][] {
  const found: [string, object][] = []
  const look = (path: string, holder: object): void => {
    for (const [name, value] of Object.entries(holder))
      if (name !== '_client' && typeof value === 'object' && value !== null && '_client' in value) {
        found.push([path + name, value])
        look(`${path}${name}.`, value)
      }
  }
  look('', client)
  return found
}

function methodsOf(resource: object): string[] {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(resource))
  return names.filter((name) => name !== 'constructor' && typeof Reflect.get(resource, name) === 'function')
}
