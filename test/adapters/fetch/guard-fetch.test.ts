import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guardFetch } from '../../../src/adapters/fetch/guard-fetch.ts'
import { authorize } from '../../../src/controls/authorize.ts'
import { unaudited } from '../../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../../src/controls/verify-identity.ts'
import type { Call } from '../../../src/guard/context.ts'
import { GuardError } from '../../../src/guard/errors.ts'
import { guard } from '../../../src/guard/guard.ts'
import { anonymous } from '../../../src/identity/verifier.ts'
import { openaiChat } from '../../../src/payload/openai-chat.ts'
import { plainText } from '../../../src/payload/plain-text.ts'
import { allowAll } from '../../../src/testing/allow-all.ts'
import { chatRequest, chunk, completion, eventsOf } from '../chat.ts'
import { door } from '../door.ts'

const chatUrl = 'https://vendor.test/v1/chat/completions'

interface Sent {
  readonly url: string
  readonly init: RequestInit
}

function vendor(answer: (sent: Sent) => Response | Promise<Response>): {
  fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>
  sent: Sent[]
} {
  const sent: Sent[] = []
  return {
    sent,
    fetch: async (url, init = {}) => {
      const one = { url: String(url), init }
      sent.push(one)
      return answer(one)
    },
  }
}

const json = (value: unknown, init: ResponseInit = {}): Response =>
  new Response(JSON.stringify(value), { ...init, headers: { 'content-type': 'application/json', ...init.headers } })

function init(body: unknown, more: RequestInit = {}): RequestInit {
  const { headers, ...rest } = more
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer vendor-key', ...(headers as Record<string, string>) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...rest,
  }
}

const credentials = () => ({ authorization: 'Bearer ada' })

async function refused(response: Response, status: number, code: string): Promise<void> {
  assert.equal(response.status, status)
  assert.equal(response.headers.get('x-should-retry'), 'false')
  const body = (await response.json()) as { code: string; error: { code: string } }
  assert.equal(body.code, code)
  assert.equal(body.error.code, code)
}

test('sends the rewritten request once, with the vendor key, and guards the answer', async () => {
  const { guard: base, seen } = door({ shouts: true })
  const { fetch, sent } = vendor(() => json(completion('soft'), { status: 200, headers: { 'x-request-id': 'r1', 'content-encoding': 'br' } }))
  const guarded = guardFetch(base, { credentials, fetch })
  const fine = await guarded(chatUrl, init(chatRequest('quiet', { model: 'gpt' })))
  assert.match(await fine.text(), /SOFT/)
  assert.equal(fine.headers.get('x-request-id'), 'r1')
  assert.equal(fine.headers.get('content-encoding'), null)
  assert.equal(sent.length, 1)
  const headers = new Headers(sent[0]?.init.headers)
  assert.equal(headers.get('authorization'), 'Bearer vendor-key')
  assert.match(String(sent[0]?.init.body), /QUIET/)
  assert.equal(sent[0]?.init.method, 'POST')
  assert.ok(sent[0]?.init.signal instanceof AbortSignal)
  assert.deepEqual([seen[0]?.action, seen[0]?.resource, seen[0]?.subject], ['chat', 'gpt', 'ada'])
})

test('never takes the vendor key for the credential of a caller', async () => {
  const { guard: base } = door()
  const { fetch, sent } = vendor(() => json(completion('x')))
  await refused(await guardFetch(base, { fetch })(chatUrl, init(chatRequest('x'))), 401, 'identity_missing')
  await refused(await guardFetch(base, { fetch, credentials: () => undefined })(chatUrl, init(chatRequest('x'))), 401, 'identity_missing')
  assert.equal(sent.length, 0)
})

test('refuses every other endpoint, method and body, and records it', async () => {
  const { guard: base, seen } = door()
  const { fetch, sent } = vendor(() => json(completion('x')))
  const guarded = guardFetch(base, { credentials, fetch })
  const urls = [
    'https://vendor.test/v1/batches',
    'https://vendor.test/v1/responses',
    'https://vendor.test/v1/embeddings',
    'https://vendor.test/v1/files',
    'https://vendor.test/v1/chat/completions/',
    'https://vendor.test/v1/Chat/Completions',
    'https://vendor.test/v1/chat%2Fcompletions',
    'https://vendor.test/v1/files/..%2f/chat/completions',
    'https://vendor.test/v1//chat/completions',
    'https://vendor.test/v1/chat/completions/c1',
    'https://vendor.test/?path=/chat/completions',
    'https://vendor.test/openai/deployments/other/chat/completions',
  ]
  for (const url of urls) await refused(await guarded(url, init(chatRequest('x'))), 400, 'payload_unsupported')
  for (const method of ['GET', 'DELETE', 'PUT']) {
    const response = await guarded(chatUrl, method === 'GET' ? { method } : init(chatRequest('x'), { method }))
    await refused(response, 400, 'payload_unsupported')
  }
  await refused(await guarded(chatUrl, init({ prompt: 'old' })), 400, 'payload_unsupported')
  await refused(await guarded(chatUrl, init('{"model":"a","model":"b","messages":[]}')), 400, 'payload_invalid')
  await refused(await guarded(chatUrl, init(chatRequest('x'), { headers: { 'content-encoding': 'gzip' } })), 400, 'payload_unsupported')
  await refused(await guarded(chatUrl, { method: 'POST', body: new FormData() }), 400, 'payload_unsupported')
  await refused(await guardFetch(base, { credentials, fetch, maxBodyBytes: 10 })(chatUrl, init(chatRequest('x'))), 413, 'payload_too_large')
  assert.equal(sent.length, 0)
  assert.equal(seen.length, urls.length + 8)
  assert.equal(seen[0]?.action, 'unresolved')
  assert.equal((await guarded('https://vendor.test/openai/deployments/m/chat/completions?api-version=1', init(chatRequest('x')))).status, 200)
})

test('does what the operation says, for any address, where there is one', async () => {
  const { guard: base, seen } = door()
  const { fetch, sent } = vendor(() => new Response('fine', { headers: { 'content-type': 'text/plain' } }))
  const operation = { action: 'summarise', resource: { type: 'service', id: 's' }, codec: plainText } as const
  const guarded = guardFetch(base, { credentials, fetch, operation })
  const response = await guarded('https://vendor.test/any', { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: 'text' })
  assert.equal(await response.text(), 'fine')
  assert.deepEqual([seen[0]?.action, seen[0]?.resource], ['summarise', 's'])
  await refused(await guarded('https://vendor.test/any'), 400, 'payload_unsupported')
  const chat = guardFetch(base, {
    credentials,
    fetch: vendor(() => json(completion('x'))).fetch,
    operation: { action: 'ask', resource: { type: 'model', id: 'm' } },
  })
  assert.equal((await chat(chatUrl, init(chatRequest('x')))).status, 200)
  await refused(await chat('https://vendor.test/any', init(chatRequest('x'))), 400, 'payload_unsupported')
  assert.equal(sent.length, 1)
})

test('guards streamed answers, says that they were whole only where the vendor did, and stops upstream when the reader leaves', async () => {
  const { guard: base, ended } = door({ shouts: true })
  const events = { headers: { 'content-type': 'text/event-stream' } }
  const whole = guardFetch(base, { credentials, fetch: vendor(() => new Response(eventsOf([chunk('ab'), chunk('cd', 'stop')]), events)).fetch })
  assert.match(await (await whole(chatUrl, init(chatRequest('x', { stream: true })))).text(), /"AB".*"CD".*\[DONE\]\n\n$/s)
  const cut = guardFetch(base, { credentials, fetch: vendor(() => new Response(eventsOf([chunk('ab')], ''), events)).fetch })
  assert.doesNotMatch(await (await cut(chatUrl, init(chatRequest('x', { stream: true })))).text(), /DONE/)

  let signal: AbortSignal | null | undefined
  let cancelled = false
  const endless = vendor(({ init: given }) => {
    signal = given.signal
    return new Response(
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new TextEncoder().encode(eventsOf([chunk('x')], ''))),
        cancel: () => void (cancelled = true),
      }),
      events,
    )
  })
  const response = await guardFetch(base, { credentials, fetch: endless.fetch })(chatUrl, init(chatRequest('x', { stream: true })))
  const reader = response.body?.getReader()
  await reader?.read()
  await reader?.cancel()
  assert.equal((await ended(3)).outcome.ending, 'left')
  assert.equal(signal?.aborted, true)
  assert.equal(cancelled, true)
})

test('ends a stream that must stop with the error event of the protocol', async () => {
  const { guard: base } = door({ endAt: { part: 1, error: new GuardError('identity_revoked') } })
  const { fetch } = vendor(() => new Response(eventsOf([chunk('ab'), chunk('cd', 'stop')]), { headers: { 'content-type': 'text/event-stream' } }))
  const text = await (await guardFetch(base, { credentials, fetch })(chatUrl, init(chatRequest('x')))).text()
  assert.match(text, /"ab".*"code":"identity_revoked"/s)
  assert.doesNotMatch(text, /"cd"|DONE/)
})

test('hands on errors of the vendor through the controls, and drops bodies that no control can read', async () => {
  const { guard: base } = door({ shouts: true })
  const known = guardFetch(base, {
    credentials,
    fetch: vendor(() => json({ error: { message: 'slow down' } }, { status: 429, headers: { 'retry-after': '3' } })).fetch,
  })
  const limited = await known(chatUrl, init(chatRequest('x')))
  assert.equal(limited.status, 429)
  assert.equal(limited.headers.get('retry-after'), '3')
  assert.equal(limited.headers.get('x-should-retry'), null)
  assert.match(await limited.text(), /SLOW DOWN/)
  const html = guardFetch(base, {
    credentials,
    fetch: vendor(() => new Response('<p>secret</p>', { status: 502, headers: { 'content-type': 'text/html' } })).fetch,
  })
  const broken = await html(chatUrl, init(chatRequest('x')))
  assert.equal(broken.status, 502)
  assert.equal(await broken.text(), '')
  const odd = guardFetch(base, {
    credentials,
    fetch: vendor(() => new Response('<p>secret</p>', { headers: { 'content-type': 'text/html' } })).fetch,
  })
  await refused(await odd(chatUrl, init(chatRequest('x'))), 400, 'payload_unsupported')
})

test('hands on no field of the vendor that a text could stand in, and no reason phrase', async () => {
  const { guard: base } = door()
  const kept = {
    date: 'Wed, 25 Nov 2026 02:00:00 GMT',
    'request-id': 'req_011CSHoEeqs5C35K2UUqR7Fy',
    'retry-after-ms': '1500.5',
    'x-ratelimit-limit-requests': '10000',
    'x-ratelimit-remaining-tokens': '149984',
    'x-ratelimit-reset-requests': '6m0s',
    'x-ratelimit-reset-tokens': '120ms',
    'x-request-id': '0191d3a0-6b1e-7c3e-9a53-3e7c0d6c8d11',
    'x-should-retry': 'true',
    ratelimit: '"minute";r=59;t=1, "calls";r=3',
    'ratelimit-policy': '"minute";q=60;w=60, "calls";q=5;qu="concurrent-requests"',
    'retry-after': 'Wed, 25 Nov 2026 02:00:00 GMT',
  }
  const lost = {
    link: '<https://evil.example/?4111111111111111>; rel=preload',
    location: 'https://evil.example/ada@example.org',
    'set-cookie': 'track=ada@example.org',
    'x-debug': 'ada@example.org',
    'www-authenticate': 'Bearer realm="ada@example.org"',
    'x-ratelimit-note': '1',
  }
  const headersOf = async (headers: Record<string, string>): Promise<Headers> => {
    const { fetch } = vendor(() => json(completion('x'), { statusText: 'card 4111111111111111', headers }))
    const response = await guardFetch(base, { credentials, fetch })(chatUrl, init(chatRequest('x')))
    assert.equal(response.statusText, '')
    return response.headers
  }
  const fields = await headersOf({ ...kept, ...lost })
  assert.deepEqual(Object.fromEntries(fields), { 'content-type': 'application/json', ...kept })
  const texts = [
    'ada@example.org',
    '4111111111111111',
    '4111-1111-1111-1111',
    'a b',
    'caf\u00e9',
    'r'.repeat(300),
    '"4111111111111111";r=1',
    '"a b";r=1',
  ]
  for (const text of texts) {
    const fields = await headersOf(Object.fromEntries(Object.keys(kept).map((name) => [name, text])))
    assert.deepEqual([...fields.keys()], ['content-type'], text)
  }
  const long = Array.from({ length: 20 }, () => '"minute";r=59;t=1').join(', ')
  assert.equal((await headersOf({ ratelimit: long })).get('ratelimit'), null)
})

test('refuses a path that names another model than the payload, in whatever way', async () => {
  const { guard: base } = door()
  const { fetch, sent } = vendor(() => json(completion('x')))
  const guarded = guardFetch(base, { credentials, fetch })
  const at = (path: string): Promise<Response> => guarded(`https://vendor.test/openai/${path}/chat/completions`, init(chatRequest('x')))
  const others = [
    'deployments/other',
    'Deployments/other',
    'DEPLOYMENTS/other',
    'deployments/m/deployments/other',
    'deployments/other/deployments/m',
    'deployments/m/other',
    'deployments/M',
    'deployments/x/../other',
    'engines/other',
    'models/other',
    'Models/m/other',
    'deployments/m/engines/m',
    'models',
  ]
  for (const path of others) await refused(await at(path), 400, 'payload_unsupported')
  const twofold = init(chatRequest('x', { model: 'm/deployments/other' }))
  await refused(await guarded('https://vendor.test/deployments/m/deployments/other/chat/completions', twofold), 400, 'payload_unsupported')
  assert.equal(sent.length, 0)
  for (const path of ['deployments/m', 'Deployments/m', 'engines/m', 'v1/models/m', 'v1']) assert.equal((await at(path)).status, 200, path)
})

test('ends a call whose answer cannot be handed on', async () => {
  const { guard: base, seen } = door()
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) })
  const response = new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  // No response of this status has a body.
  const { fetch } = vendor(() => Object.defineProperty(response, 'status', { value: 204 }))
  await assert.rejects(guardFetch(base, { credentials, fetch })(chatUrl, init(chatRequest('x'))))
  await base.close()
  assert.equal(seen[0]?.outcome.ending, 'left')
  assert.equal(cancelled, true)
})

test('follows no redirect', async () => {
  const { guard: base } = door()
  const { fetch, sent } = vendor(() => new Response(null, { status: 307, headers: { location: 'https://elsewhere.test/' } }))
  await refused(await guardFetch(base, { credentials, fetch })(chatUrl, init(chatRequest('x'), { redirect: 'follow' })), 400, 'payload_unsupported')
  assert.equal(sent[0]?.init.redirect, 'manual')
})

test('rethrows what the network throws, and the reason of a client that gives up', async () => {
  const { guard: base, seen } = door()
  const down = new TypeError('fetch failed')
  const broken = guardFetch(base, { credentials, fetch: () => Promise.reject(down) })
  await assert.rejects(broken(chatUrl, init(chatRequest('x'))), (error) => error === down)
  assert.equal(seen[0]?.outcome.ending, 'failed')

  const half = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(eventsOf([chunk('ab')], ''))),
    pull: () => Promise.reject(down),
  })
  const streaming = guardFetch(base, {
    credentials,
    fetch: vendor(() => new Response(half, { headers: { 'content-type': 'text/event-stream' } })).fetch,
  })
  await assert.rejects((await streaming(chatUrl, init(chatRequest('x')))).text(), (error) => error === down)

  const controller = new AbortController()
  const reason = new Error('enough')
  const hanging = guardFetch(base, { credentials, fetch: () => new Promise(() => {}) })
  const answer = hanging(chatUrl, init(chatRequest('x'), { signal: controller.signal }))
  setImmediate(() => controller.abort(reason))
  await assert.rejects(answer, (error) => error === reason)
  await assert.rejects(hanging(chatUrl, init(chatRequest('x'), { signal: controller.signal })), (error) => error === reason)
  await assert.rejects(hanging('no address'), TypeError)
})

test('through carries a live call into a request, and never reaches the wire', async () => {
  const { guard: base, seen } = door()
  const { fetch, sent } = vendor(() => json(completion('x')))
  const guarded = guardFetch(base, { fetch })
  let kept: Record<string, string> = {}
  const task = base.protect(
    async (_input: string, call: Call) => {
      kept = guarded.through(call)
      assert.deepEqual(guarded.through(call), kept)
      const response = await guarded(chatUrl, init(chatRequest('x'), { headers: kept }))
      assert.equal(response.status, 200)
      return 'done'
    },
    { action: 'task', resource: { type: 'task', id: 't' } },
  )
  await task('x', { credentials: { authorization: 'Bearer ada' } })
  assert.match(Object.values(kept)[0] ?? '', /^[0-9a-f]{32}$/)
  assert.equal(sent.length, 1)
  assert.deepEqual([...new Headers(sent[0]?.init.headers).keys()], ['authorization', 'content-type'])
  assert.deepEqual([seen[0]?.subject, seen[1]?.subject], ['ada', 'ada'])

  // Dead with its call; also never replaced by what else would be at hand.
  const withCredentials = guardFetch(base, { fetch, credentials })
  await refused(await guarded(chatUrl, init(chatRequest('x'), { headers: kept })), 401, 'identity_missing')
  for (const handle of ['0'.repeat(32), 'x', `${Object.values(kept)[0]}, ${Object.values(kept)[0]}`]) {
    const response = await withCredentials(chatUrl, init(chatRequest('x'), { headers: { 'x-sallyport-call': handle } }))
    assert.equal(response.status, 401)
  }
  assert.equal(sent.length, 1)
  assert.throws(() => guarded.through(undefined as never), TypeError)
})

test('takes a Request, and what is changed after the call changes nothing', async () => {
  const { guard: base } = door()
  const { fetch, sent } = vendor(() => json(completion('x')))
  const guarded = guardFetch(base, { credentials, fetch })
  await guarded(new Request(chatUrl, init(chatRequest('one'))))
  const bytes = new TextEncoder().encode(JSON.stringify(chatRequest('two')))
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  const given: RequestInit = { method: 'POST', headers, body: bytes }
  const answer = guarded(chatUrl, given)
  bytes.fill(0)
  headers.authorization = 'late'
  given.method = 'GET'
  assert.equal((await answer).status, 200)
  assert.match(String(sent[0]?.init.body), /one/)
  assert.match(String(sent[1]?.init.body), /two/)
  assert.equal(new Headers(sent[1]?.init.headers).get('authorization'), null)
})

test('refuses and records a call whose credentials fail', async () => {
  const { guard: base, seen } = door()
  const { fetch, sent } = vendor(() => json(completion('x')))
  const broken = [
    () => {
      throw new Error('secret')
    },
    () => ({ authorization: 7 }) as never,
    () => null as never,
    () => new Headers({ authorization: 'Bearer ada' }) as never,
    (async () => ({ authorization: 'Bearer ada' })) as never,
    (() => Promise.reject(new Error('secret'))) as never,
    () => ({ authorization: Promise.reject(new Error('secret')) }) as never,
  ]
  for (const own of broken) {
    const response = await guardFetch(base, { fetch, credentials: own })(chatUrl, init(chatRequest('x')))
    assert.ok(response.status >= 400)
    assert.doesNotMatch(await response.text(), /secret/)
    // Nor is a caller whose credentials nobody could read one that has none.
    const open = guard({ onError: () => {} })
      .use(unaudited())
      .use(verifyIdentity({ verifiers: [anonymous()] }))
      .use(authorize({ evaluator: allowAll() }))
    assert.equal((await guardFetch(open, { fetch, credentials: own })(chatUrl, init(chatRequest('x')))).status, 500)
  }
  assert.equal(sent.length, 0)
  assert.equal(seen.length, broken.length)
  for (const { subject } of seen) assert.equal(subject, undefined)
})

test('a wrong set-up is a TypeError when it is made', () => {
  const { guard: base } = door()
  const makes: (() => unknown)[] = [
    () => guardFetch({} as never),
    () => guardFetch(guard() as never),
    () => guardFetch(base, null as never),
    () => guardFetch(base, { fetch: 'x' as never }),
    () => guardFetch(base, { credentials: {} as never }),
    () => guardFetch(base, { maxAnswerBytes: -1 }),
    () => guardFetch(base, { codec: plainText }),
    () => guardFetch(base, { codec: { ...openaiChat, wire: undefined } as never, operation: { action: 'a', resource: { type: 't', id: 'i' } } }),
    () => guardFetch(base, { operation: { action: '', resource: { type: 't', id: 'i' } } }),
  ]
  for (const make of makes) assert.throws(make, TypeError)
})
