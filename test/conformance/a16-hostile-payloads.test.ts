import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import {
  audit,
  authorize,
  guard,
  type GuardErrorCode,
  guardFetch,
  isGuardError,
  jwt,
  openaiChat,
  plainText,
  policySet,
  verifyIdentity,
} from '../../src/index.ts'
import { recordingLog, testClock } from '../../src/testing/index.ts'
import { chatRequest, chunk, completion, eventResponse, eventsOf } from './chat-payloads.ts'
import { bytes, canary, hostile, isLarge } from './hostile-payloads.ts'
import { assertRefusal, assertRefused, statuses } from './refusals.ts'
import { served, vendor } from './served.ts'
import { analyst, issuer, policy, wholeGuard } from './whole-guard.ts'

const payloadCodes: readonly GuardErrorCode[] = ['payload_invalid', 'payload_unsupported', 'payload_too_large']

describe('A16: hostile payloads are refused with a reason, and the process lives', () => {
  const uncaught: unknown[] = []
  const note = (error: unknown): void => void uncaught.push(error)
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  after(() => {
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
    assert.deepEqual(uncaught, [])
    assert.ok(!('admin' in {}) && !('stream' in {}))
  })

  test('as values, with each codec and with none', async () => {
    const credentials = await analyst()
    let ran = 0
    const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' } }
    const log = recordingLog()
    const masked = wholeGuard({ log })
    for (const codec of [openaiChat, plainText, 'auto'] as const) {
      const run = masked.protect(() => String(++ran), { ...operation, codec: codec as never })
      for (const [what, make] of Object.entries(hostile)) {
        const payloads =
          codec === plainText || isLarge(what)
            ? [make()]
            : [make(), { ...chatRequest('x'), metadata: { a: make() } }, { ...chatRequest('x'), messages: [make()] }, chatRequest(make() as string)]
        for (const payload of payloads) {
          // Whatever cannot be told from a text is one, however long a text may be.
          await assert.rejects(run(payload, { credentials }), (error) => {
            assert.ok(isGuardError(error), `${what}: ${String(error)}`)
            assert.ok(payloadCodes.includes(error.code), `${what}: ${error.code}`)
            return assertRefusal(error, error.code, [canary])
          })
        }
      }
    }
    assert.equal(ran, 0)
    assert.ok(!JSON.stringify(log.entries).includes(canary))
    const refused = log.entries.filter((record) => record.kind === 'decision')
    assert.ok(refused.length > 100 && refused.every((record) => record.kind === 'decision' && !record.allowed && record.reason !== undefined))
  })

  test('as JSON values without a codec: what JSON holds passes, the rest does not', async () => {
    const credentials = await analyst()
    const plain = guard({ onError: () => {} })
      .use(audit({ log: recordingLog(), content: 'digest' }))
      .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
      .use(authorize({ evaluator: policySet(policy) }))
    const heard: unknown[] = []
    const run = plain.protect((input: unknown) => heard.push(input), { action: 'chat', resource: { type: 'model', id: 'gpt-5' } })
    for (const [what, make] of Object.entries(hostile))
      for (const payload of [make(), { a: [make()] }])
        await assert.rejects(run(payload, { credentials }), (error) => {
          assert.ok(isGuardError(error) && payloadCodes.includes(error.code), `${what}: ${String(error)}`)
          return assertRefusal(error, error.code, [canary])
        })
    assert.equal(heard.length, 0)
    await run({ a: [null, true, 1.5, 'x', new Uint8Array([1])], b: {}, c: undefined }, { credentials })
    assert.deepEqual(heard, [{ a: [null, true, 1.5, 'x', new Uint8Array([1])], b: {} }])
  })

  test('as bytes over a wire', async () => {
    const credentials = await analyst()
    const log = recordingLog()
    const server = served(wholeGuard({ log }))
    const larger = served(wholeGuard(), undefined, { maxBodyBytes: 64 * 1024 * 1024 })
    for (const [what, body] of Object.entries(bytes))
      for (const door of [server, larger]) {
        const response = await door.ask(body, credentials)
        const { code } = (await response.clone().json()) as { code: GuardErrorCode }
        assert.ok(payloadCodes.includes(code), `${what}: ${code}`)
        await assertRefused(response, code, ['gpt-4'])
        assert.equal(door.ran.length, 0, what)
      }
    for (const record of log.entries) if (record.kind === 'decision') assert.ok(record.reason, 'a reason')
    await assertRefused(await server.ask(bytes['10 MB'] ?? '', credentials), 'payload_too_large')
    assert.equal(statuses.payload_too_large, 413)
    assert.equal((await server.ask(chatRequest('x'), credentials)).status, 200)
  })

  test('as a body that lies about its length, never ends, or breaks off', async () => {
    const credentials = await analyst()
    const server = served(wholeGuard())
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(64 * 1024).fill(0x20))
      },
    })
    const init = { headers: { ...credentials, 'content-type': 'application/json' }, method: 'POST', duplex: 'half' as const }
    await assertRefused(await server.handler(new Request('https://api.example/x', { ...init, body: endless })), 'payload_too_large')
    assert.ok(pulled < 40, `${pulled} pieces were read`)
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode('{"model"'))
        controller.error(new Error(canary))
      },
    })
    await assertRefused(await server.handler(new Request('https://api.example/x', { ...init, body: broken })), 'aborted', [canary])
    const strange = new ReadableStream({
      start(controller) {
        controller.enqueue('{"model":"gpt-5"}')
        controller.close()
      },
    })
    const response = await server.handler(new Request('https://api.example/x', { ...init, body: strange }))
    assert.ok(response.status >= 400)
    const clock = testClock(Date.now())
    const patient = served(wholeGuard({ clock, deadline: 5_000 }))
    let cancelled = 0
    let isAsked = (): void => {}
    const asked = new Promise<void>((resolve) => (isAsked = resolve))
    const pull = (): Promise<void> => {
      isAsked()
      return new Promise(() => {})
    }
    const silent = new ReadableStream<Uint8Array>({ pull, cancel: () => void cancelled++ }, { highWaterMark: 0 })
    const waiting = patient.handler(new Request('https://api.example/x', { ...init, body: silent }))
    await asked
    clock.advance(5_001)
    await assertRefused(await waiting, 'deadline_exceeded')
    assert.equal(cancelled, 1)
    assert.equal(patient.ran.length, 0)
    const declared = { ...init, headers: { ...init.headers, 'content-length': '99999999999' }, body: JSON.stringify(chatRequest('x')) }
    await assertRefused(await server.handler(new Request('https://api.example/x', declared)), 'payload_too_large')
    assert.equal(server.ran.length, 0)
  })

  test('as answers of the model', async () => {
    const credentials = await analyst()
    let given: unknown
    const server = served(wholeGuard(), () => given as object)
    for (const [what, make] of Object.entries(hostile)) {
      // A stream is an answer of its own, and one that never says anything is waited for.
      if (what === 'a readable stream') continue
      for (const wrap of [
        (value: unknown) => value,
        (value: unknown) => ({ ...completion('x'), citations: value }),
        (value: unknown) => completion(value as string),
      ].slice(0, isLarge(what) ? 1 : 3)) {
        given = wrap(make())
        const response = await server.ask(chatRequest('x'), credentials)
        const text = await response.text()
        assert.ok(response.status >= 400 || text === 'data: [DONE]\n\n', `${what}: ${response.status}`)
        assert.ok(!text.includes(canary), what)
      }
      given = (async function* () {
        yield chunk({ delta: { content: 'x' } })
        yield { ...chunk(), citations: make() }
      })()
      const streamed = await (await server.ask(chatRequest('x', { stream: true }), credentials)).text()
      assert.match(streamed, /"error":\{"message"/, what)
      assert.ok(!streamed.includes(canary) && !streamed.includes('[DONE]'), what)
    }
    given = new Response(JSON.stringify(completion('x')), { headers: { 'content-type': 'application/json' } })
    assert.equal((await server.ask(chatRequest('x'), credentials)).status, 200)
  })

  test('as bytes of a vendor', async () => {
    const credentials = await analyst()
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(chatRequest('x')) }
    const events: readonly (string | Uint8Array)[] = [
      ...Object.values(bytes).filter((body) => body.length > 4 && String(body).trim() !== ''),
      `data: ${'x'.repeat(5 * 1024 * 1024)}\n\n`,
      'data'.repeat(2 * 1024 * 1024),
    ]
    for (const body of events)
      for (const type of ['application/json', 'text/event-stream']) {
        const data = typeof body === 'string' ? new TextEncoder().encode(body) : body
        const framed =
          type === 'application/json' || String(body).startsWith('data') ? data : Buffer.concat([Buffer.from('data: '), data, Buffer.from('\n\n')])
        const { fetch, sent } = vendor(() =>
          type === 'application/json' ? new Response(framed as BodyInit, { headers: { 'content-type': type } }) : eventResponse([framed]),
        )
        const response = await guardFetch(wholeGuard(), { credentials: () => credentials, fetch })('https://vendor.example/v1/chat/completions', init)
        const text = await response.text()
        assert.ok(response.status >= 400 || text.includes('"error":{"message"') || text === '', `${type}: ${text.slice(0, 100)}`)
        assert.ok(!text.includes('[DONE]'))
        assert.equal(sent.length, 1)
      }
    const good = eventsOf([chunk({ delta: { content: 'x' } })])
    const { fetch } = vendor(() => eventResponse([new TextEncoder().encode(good)]))
    const fine = await guardFetch(wholeGuard(), { credentials: () => credentials, fetch })('https://vendor.example/v1/chat/completions', init)
    assert.match(await fine.text(), /\[DONE\]/)
  })
})
