import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import OpenAI from 'openai'
import { guardFetch } from '../../src/index.ts'
import { denyAll, recordingLog } from '../../src/testing/index.ts'
import { chatRequest, chunksOf, completion, eventResponse, eventsOf } from './chat-payloads.ts'
import { callEverything } from './every-method.ts'
import { vendor } from './served.ts'
import { analyst, type Parts, wholeGuard } from './whole-guard.ts'

const request = { model: 'gpt-5', messages: [{ role: 'user' as const, content: 'I am ada@example.org' }] }
const secret = 'bob@example.org'

/** The real client behind a guard, in front of a vendor that says an address. */
async function scene(parts: Parts = {}) {
  const log = recordingLog()
  const bodies: string[] = []
  const headers: Headers[] = []
  const { fetch, sent } = vendor((body, init) => {
    bodies.push(body)
    headers.push(new Headers(init.headers))
    if (!body.includes('"stream":true')) return Response.json(completion(`write to ${secret}`))
    const events = eventsOf(chunksOf([`write to ${secret.slice(0, 6)}`, secret.slice(6)]))
    return eventResponse([new TextEncoder().encode(events)])
  })
  const credentials = await analyst()
  const guarded = guardFetch(wholeGuard({ log, ...parts }), { credentials: () => credentials, fetch })
  let attempts = 0
  const client = new OpenAI({
    apiKey: 'vendor-key',
    baseURL: 'https://vendor.example/v1',
    fetch: (...rest) => {
      attempts++
      return guarded(...rest)
    },
  })
  return { client, sent, bodies, headers, log, attempts: () => attempts, credentials }
}

describe('A14: every path of the real OpenAI client', () => {
  test('no request leaves under a denial, whatever method is called', async () => {
    const { client, sent, attempts } = await scene({ policy: { evaluator: denyAll() } })
    const called = await callEverything(client.withOptions({ maxRetries: 0 }), request)
    assert.ok(called.size > 100, `${called.size} methods`)
    assert.ok(attempts() > 150, `${attempts()} attempts`)
    for (const name of [
      'batches.create',
      'chat.completions.stream',
      'chat.completions.parse',
      'beta.threads.create',
      'responses.create',
      'files.create',
      'embeddings.create',
    ])
      assert.ok(called.has(name), name)
    assert.deepEqual(sent, [])
  })

  test('no request leaves without credentials either', async () => {
    const { fetch, sent } = vendor(() => Response.json(completion('x')))
    const client = new OpenAI({
      apiKey: 'vendor-key',
      baseURL: 'https://vendor.example/v1',
      maxRetries: 0,
      fetch: guardFetch(wholeGuard(), { fetch }),
    })
    await callEverything(client.withOptions({ maxRetries: 0 }), request)
    assert.deepEqual(sent, [])
    // The client's own key is the vendor's, and never a caller's.
    const { authorization } = await analyst()
    const own = new OpenAI({
      apiKey: authorization.slice('Bearer '.length),
      baseURL: 'https://vendor.example/v1',
      fetch: guardFetch(wholeGuard(), { fetch }),
    })
    await assert.rejects(own.chat.completions.create(request), OpenAI.AuthenticationError)
    assert.deepEqual(sent, [])
  })

  test('under a permit nothing leaves but chat requests that were read and rewritten', async () => {
    const { client, sent, bodies, headers, credentials } = await scene()
    await callEverything(client.withOptions({ maxRetries: 0 }), request)
    assert.ok(sent.length > 0)
    for (const url of sent) assert.match(new URL(url).pathname, /^\/v1\/chat\/completions$/)
    for (const body of bodies) {
      assert.ok(body.includes('[EMAIL]') && !body.includes('ada@example.org'))
      assert.equal((JSON.parse(body) as { model: string }).model, 'gpt-5')
    }
    for (const fields of headers) {
      assert.equal(fields.get('authorization'), 'Bearer vendor-key')
      assert.equal(fields.get('x-sallyport-call'), null)
      assert.ok(!JSON.stringify([...fields]).includes(credentials.authorization))
    }
  })

  test("under a permit the client's own helpers work, and show nothing protected", async () => {
    const { client, log, sent } = await scene()
    const { completions } = client.chat
    const masked = 'write to [EMAIL]'
    assert.equal((await completions.create(request)).choices[0]?.message.content, masked)
    let text = ''
    for await (const part of await completions.create({ ...request, stream: true })) text += part.choices[0]?.delta.content ?? ''
    assert.equal(text, masked)
    assert.equal(await completions.stream(request).finalContent(), masked)
    assert.equal((await completions.parse(request)).choices[0]?.message.content, masked)
    const { data, response } = await completions.create(request).withResponse()
    assert.equal(data.choices[0]?.message.content, masked)
    assert.equal(response.status, 200)
    const raw = await (await completions.create({ ...request, stream: true }).asResponse()).text()
    assert.ok(raw.endsWith('data: [DONE]\n\n') && !/bob|example\.org/.test(raw))
    const runner = completions.runTools({ ...request, tools: [] })
    assert.equal(await runner.finalContent(), masked)
    assert.match(JSON.stringify(await client.post('/chat/completions', { body: request })), /\[EMAIL\]/)
    assert.equal(sent.length, 8)
    const endings = log.entries.flatMap((record) => (record.kind === 'outcome' ? [record.ending] : []))
    assert.deepEqual(
      endings,
      Array.from({ length: 8 }, () => 'completed'),
    )
    assert.ok(!JSON.stringify(log.entries).includes('example.org'))
  })

  test('a refusal is tried once, and arrives as the class of its status', async () => {
    const cases: readonly [Parts, new (...parts: never[]) => InstanceType<typeof OpenAI.APIError>, string][] = [
      [{ policy: { evaluator: denyAll('secret-rule') } }, OpenAI.PermissionDeniedError, 'denied'],
      [{ limits: { limits: { name: 'none', per: (call) => call.identity.key, tokens: 1, window: 1 } } }, OpenAI.RateLimitError, 'limit_exceeded'],
      [{ masking: { mode: 'block' } }, OpenAI.BadRequestError, 'payload_blocked'],
      [{ identity: { binding: 'any' } }, OpenAI.AuthenticationError, 'binding_required'],
    ]
    for (const [parts, type, code] of cases) {
      const { client, sent, attempts } = await scene(parts)
      for (const stream of [false, true])
        await assert.rejects(client.chat.completions.create({ ...request, stream }), (error) => {
          assert.ok(error instanceof type, String(error))
          assert.equal(error.code, code)
          assert.ok(!/secret-rule|ada@|none/.test(error.message))
          return true
        })
      assert.equal(attempts(), 2)
      assert.deepEqual(sent, [])
    }
  })

  test('another address, a redirect and a second body do not slip through', async () => {
    const credentials = await analyst()
    const redirecting = vendor(() => new Response(null, { status: 307, headers: { location: 'https://evil.example' } }))
    const guarded = guardFetch(wholeGuard(), { credentials: () => credentials, fetch: redirecting.fetch })
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request) }
    const response = await guarded('https://vendor.example/v1/chat/completions', init)
    assert.equal(response.status, 400)
    assert.equal(response.headers.get('location'), null)
    assert.equal(redirecting.sent.length, 1)

    const bodies: string[] = []
    const { fetch } = vendor((body) => {
      bodies.push(body)
      return Response.json(completion('x'))
    })
    const late = guardFetch(wholeGuard(), { credentials: () => credentials, fetch })
    const shifty = { ...init, body: JSON.stringify(request), headers: new Headers(init.headers) }
    const running = late(new Request('https://vendor.example/v1/chat/completions', shifty), {
      body: JSON.stringify(chatRequest('I am carl@example.org')),
    })
    shifty.body = 'late'
    shifty.headers.set('content-type', 'text/plain')
    assert.equal((await running).status, 200)
    assert.deepEqual(
      bodies.map((body) => (JSON.parse(body) as typeof request).messages[0]?.content),
      ['I am [EMAIL]'],
    )
  })
})
