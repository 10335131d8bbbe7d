import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guardFetch } from '../../src/index.ts'
import { chatRequest, chunk, completion, eventResponse, eventsOf } from './chat-payloads.ts'
import { answer, changed, loadedWith, part, request, secret, valuesIn } from './full-payloads.ts'
import { assertRefused } from './refusals.ts'
import { served, vendor } from './served.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const leaked = /lovelace|example\.org/

// Also behind the escapes of JSON, however often it was quoted.
function holds(text: string): boolean {
  return leaked.test(text) || leaked.test(text.replaceAll(/\\+u0061/g, 'a').replaceAll(/\\+u0040/g, '@'))
}

describe('A15: covered or refused, never passed', () => {
  test('a secret at any place of a request', async () => {
    const credentials = await analyst()
    const server = served(wholeGuard())
    const clean = await server.ask(request, credentials)
    assert.equal(clean.status, 200, await clean.text())
    let covered = 0
    let refused = 0
    const leaks: string[] = []
    for (const [what, payload] of loadedWith(request)) {
      const before = server.ran.length
      const response = await server.ask(payload, credentials)
      const text = await response.text()
      if (holds(text)) leaks.push(`answer: ${what}`)
      if (response.status === 200) {
        covered++
        if (holds(JSON.stringify(server.ran.at(-1)))) leaks.push(what)
      } else {
        refused++
        assert.ok([400, 403].includes(response.status), `${what}: ${response.status}`)
        assert.equal(server.ran.length, before, what)
      }
    }
    assert.deepEqual(leaks, [])
    assert.ok(covered > 150 && refused > 100, `${covered} covered, ${refused} refused`)
  })

  test('a secret at any place of an answer, whole and streamed', async () => {
    const credentials = await analyst()
    const leaks: string[] = []
    let given: Response = new Response()
    const server = served(wholeGuard(), () => given)
    let covered = 0
    let refused = 0
    const look = async (what: string, body: string, isStream: boolean): Promise<void> => {
      given = isStream ? eventResponse([new TextEncoder().encode(body)]) : new Response(body, { headers: { 'content-type': 'application/json' } })
      const response = await server.ask(chatRequest('x', { stream: isStream }), credentials)
      const text = await response.text()
      if (holds(text)) leaks.push(what)
      if (response.status === 200 && !text.includes('"error":{"message"')) covered++
      else refused++
    }
    await look('clean', JSON.stringify(answer), false)
    await look('clean', eventsOf([part as object]), true)
    assert.equal(covered, 2)
    for (const [what, payload] of loadedWith(answer)) await look(what, JSON.stringify(payload), false)
    for (const [what, payload] of loadedWith(part))
      await look(`streamed ${what}`, eventsOf([payload as object, chunk({ finish_reason: 'stop' })]), true)
    assert.deepEqual(leaks, [])
    assert.ok(covered > 100 && refused > 100, `${covered} covered, ${refused} refused`)
  })

  test('a secret in the form of a name, wherever the caller or the model can choose one', async () => {
    const credentials = await analyst()
    const key = 'ghp_abcdefghijklmnopqrstuvwxyz0123456789'
    const leaks: string[] = []
    const server = served(wholeGuard())
    for (const [place, value] of valuesIn(request)) {
      if (typeof value !== 'string' || place.join('.') === 'model') continue
      const response = await server.ask(
        changed(request, place, () => key),
        credentials,
      )
      if (response.status === 200 && JSON.stringify(server.ran.at(-1)).includes(key)) leaks.push(place.join('.'))
    }
    let given: Response = new Response()
    const saying = served(wholeGuard(), () => given)
    for (const [place, value] of valuesIn(answer)) {
      // What the vendor writes around an answer is the vendor's own; the message is what the model wrote.
      if (typeof value !== 'string' || !place.includes('message')) continue
      given = Response.json(changed(answer, place, () => key))
      if ((await (await saying.ask(chatRequest('x'), credentials)).text()).includes(key)) leaks.push(`answer: ${place.join('.')}`)
    }
    assert.deepEqual(leaks, [])
  })

  test('a number that is a card, and a name that is an address, in the arguments of a tool', async () => {
    const credentials = await analyst()
    const server = served(wholeGuard())
    const call = (args: string) => ({
      ...chatRequest('x'),
      messages: [
        { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'pay', arguments: args } }] },
        { role: 'tool', tool_call_id: 'c', content: 'paid' },
      ],
    })
    for (const args of [
      '{"card":4111111111111111}',
      '{"card":[4111111111111111]}',
      '{"card":"4111 1111 1111 1111"}',
      '{"4111111111111111":1}',
      '{"card":"4111\\u00201111 1111 1111"}',
      '{"card":"４１１１ 1111 1111 1111"}',
      '{"card":"4111\u200b 1111 1111 1111"}',
    ]) {
      assert.equal((await server.ask(call(args), credentials)).status, 200, args)
      const heard = JSON.stringify(server.ran.at(-1))
      assert.ok(heard.includes('[CARD]'), `${args} became ${heard}`)
      assert.doesNotMatch(heard.replaceAll(/\D/g, ''), /1111111111/, args)
    }
    for (const args of ['{', 'card 4111111111111111', '{"a":1,"a":2}', '{"a":1e999}', '[[', '{"a":"\\ud800"}'])
      await assertRefused(await server.ask(call(args), credentials), 'payload_invalid', ['4111'])
  })

  test('pictures, sound, files and data that cannot be read, unless it is said by name', async () => {
    const credentials = await analyst()
    const parts: readonly object[] = [
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
      { type: 'image_url', image_url: { url: `data:text/plain,${secret}` } },
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      { type: 'file', file: { file_data: 'data:application/pdf;base64,AAAA', filename: 'x.pdf' } },
    ]
    const server = served(wholeGuard())
    const passing = served(wholeGuard({ masking: { opaque: 'pass' } }))
    for (const content of parts) {
      const message = { ...chatRequest('x'), messages: [{ role: 'user', content: [content] }] }
      await assertRefused(await server.ask(message, credentials), 'payload_unsupported', ['lovelace'])
      assert.equal((await passing.ask(message, credentials)).status, 200)
    }
    assert.equal(server.ran.length, 0)
    for (const content of [
      { type: 'image_url', image_url: { url: 'file:///etc/passwd' } },
      { type: 'image_url', image_url: { url: 'javascript:alert(1)' } },
      { type: 'image_url', image_url: { url: secret } },
      { type: 'file', file: { file_id: 'file-1' } },
      { type: 'video_url', video_url: { url: 'https://x.example' } },
      { type: 'input_text', text: secret },
    ])
      for (const door of [server, passing]) {
        const before = door.ran.length
        await assertRefused(
          await door.ask({ ...chatRequest('x'), messages: [{ role: 'user', content: [content] }] }, credentials),
          'payload_unsupported',
        )
        assert.equal(door.ran.length, before)
      }
  })

  test("what runs or is kept at the vendor, and another vendor's shape", async () => {
    const credentials = await analyst()
    const server = served(wholeGuard({ masking: { opaque: 'pass' } }))
    for (const more of [
      { store: true },
      { web_search_options: {} },
      { tools: [{ type: 'web_search' }] },
      { tools: [{ type: 'mcp', server_url: 'https://evil.example' }] },
      { tools: [{ type: 'code_interpreter' }] },
      { audio: { voice: 'x' } },
      { modalities: ['text', 'audio'] },
      { logprobs: true },
      { top_logprobs: 5 },
      { previous_response_id: 'resp_1' },
      { extra_body: { x: 1 } },
      { input: 'x' },
      { prompt: 'x' },
      { system: 'x' },
      { contents: [] },
      { cache_control: {} },
      { MESSAGES: [] },
    ])
      await assertRefused(await server.ask(chatRequest('x', more), credentials), 'payload_unsupported')
    for (const body of [
      {},
      { model: 'gpt-5' },
      { messages: [] },
      { model: 'gpt-5', messages: {} },
      { model: 'gpt-5', messages: ['x'] },
      { model: 5, messages: [] },
    ]) {
      const response = await server.ask(body, credentials)
      assert.equal(response.status, 400)
      assert.ok(['payload_invalid', 'payload_unsupported'].includes(((await response.json()) as { code: string }).code))
    }
    for (const body of [[], 'x', 5, null, true]) await assertRefused(await server.ask(JSON.stringify(body), credentials), 'payload_unsupported')
    assert.equal(server.ran.length, 0)
  })

  test('an answer in a shape, a media type or an encoding that nobody can read', async () => {
    const credentials = await analyst()
    const bodies: readonly [string, string, number][] = [
      [secret, 'text/plain', 200],
      [secret, 'text/html', 200],
      [`{"text":"${secret}"}`, 'application/json', 200],
      [`"${secret}"`, 'application/json', 200],
      [JSON.stringify(completion(secret)), 'text/plain', 200],
      [JSON.stringify(completion(secret)), 'application/json; charset=utf-16', 200],
      [secret, 'application/octet-stream', 206],
      [secret, 'text/plain', 500],
      [`{"detail":"${secret}"}`, 'application/json', 502],
      [`{"error":{"message":"${secret}"}}`, 'application/json', 429],
      [eventsOf([completion(secret)]), 'text/event-stream', 200],
      [`data: ${secret}\n\n`, 'text/event-stream', 200],
      [`: ${secret}\n\nevent: ${secret}\ndata: ${JSON.stringify(chunk())}\nid: ${secret}\n\n`, 'text/event-stream', 200],
      [`data: ${JSON.stringify(chunk())}\n\ndata: [DONE]\n\ndata: ${secret}\n\n`, 'text/event-stream', 200],
    ]
    for (const [body, type, status] of bodies) {
      const respond = (): Response => new Response(body, { status, headers: { 'content-type': type } })
      const { fetch } = vendor(respond)
      const guarded = guardFetch(wholeGuard(), { credentials: () => credentials, fetch })
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(chatRequest('x')) }
      for (const response of [
        await served(wholeGuard(), respond).ask(chatRequest('x'), credentials),
        await guarded('https://vendor.example/v1/chat/completions', init),
      ]) {
        const text = await response.text().catch(() => 'cut')
        assert.doesNotMatch(text, leaked, `${body} as ${type}`)
        assert.doesNotMatch(JSON.stringify([...response.headers]), leaked)
      }
    }
  })

  test('a header field or a reason phrase of an answer that was fetched', async () => {
    const credentials = await analyst()
    const fields = [
      'x-note',
      'set-cookie',
      'location',
      'link',
      'etag',
      'server',
      'via',
      'x-request-id',
      'retry-after',
      'ratelimit',
      'date',
      'content-disposition',
      'warning',
      'x-sallyport-call',
    ]
    for (const status of [200, 400, 500])
      for (const value of [secret, encodeURIComponent(secret), `"${secret}"`, `x=${secret}; path=/`]) {
        const headers = new Headers(fields.map((name): [string, string] => [name, value]))
        headers.set('content-type', 'application/json')
        const { fetch } = vendor(() => new Response(JSON.stringify(completion('x')), { status, statusText: secret, headers }))
        const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(chatRequest('x')) }
        const response = await guardFetch(wholeGuard(), { credentials: () => credentials, fetch })('https://vendor.example/v1/chat/completions', init)
        assert.doesNotMatch(JSON.stringify([...response.headers, response.statusText]), leaked)
      }
  })
})
