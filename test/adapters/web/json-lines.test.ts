import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guardFetch, guardHandler } from '../../../src/index.ts'
import { GuardError } from '../../../src/guard/errors.ts'
import { chatOperation, chatRequest, chunk, post } from '../chat.ts'
import { door, type DoorOptions } from '../door.ts'

const encoder = new TextEncoder()

function linesOf(parts: readonly object[], size: number): ReadableStream<Uint8Array> {
  const bytes = encoder.encode(parts.map((part) => `${JSON.stringify(part)}\n`).join(''))
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) controller.close()
      else controller.enqueue(bytes.slice(at, (at += size)))
    },
  })
}

const parts = [chunk('sp'), chunk('ä'), chunk('m', 'stop')]

function serving(body: () => ReadableStream<Uint8Array>, type: string, options: DoorOptions = { shouts: true }) {
  const scene = door(options)
  const handler = guardHandler(scene.guard, chatOperation, () => new Response(body(), { headers: { 'content-type': type } }))
  return { ...scene, ask: () => handler(post(chatRequest('x', { stream: true }))) }
}

describe('answers in JSON lines', () => {
  for (const type of ['application/x-ndjson', 'application/jsonl', 'application/ndjson; charset=utf-8'])
    test(`${type}: every part goes through the controls, however the bytes are cut`, async () => {
      for (const size of [1, 7, 100_000]) {
        const response = await serving(() => linesOf(parts, size), type).ask()
        assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
        const lines = (await response.text()).trim().split('\n')
        const contents = lines.map((line) => (JSON.parse(line) as { choices: { delta: { content: string } }[] }).choices[0]?.delta.content)
        assert.deepEqual(contents, ['SP', 'Ä', 'M'])
      }
    })

  test('what is no line of JSON ends the answer with an error in its own line, and so does a refusal', async () => {
    const pieces = [`${JSON.stringify(chunk('a'))}\n`, '{"a":1,"a":2}\n'].map((piece) => encoder.encode(piece))
    const body = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          const piece = pieces.shift()
          if (piece === undefined) controller.close()
          else controller.enqueue(piece)
        },
      })
    const broken = await serving(body, 'application/jsonl').ask()
    const [first = '', last = ''] = (await broken.text()).trim().split('\n')
    assert.match(first, /"A"/)
    assert.equal((JSON.parse(last) as { error: { code: string } }).error.code, 'payload_invalid')
    const stopping = serving(() => linesOf(parts, 1_000), 'application/jsonl', { endAt: { part: 1, error: new GuardError('identity_revoked') } })
    const text = await (await stopping.ask()).text()
    assert.match(text, /"content":"sp"/)
    assert.match(text.trim().split('\n').at(-1) ?? '', /identity_revoked/)
    assert.doesNotMatch(text, /"content":"m"/)
  })

  test('A19: a reader that leaves lets go of the body', async () => {
    let cancelled = false
    const body = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(encoder.encode(`${JSON.stringify(chunk('a'))}\n`)),
        cancel: () => void (cancelled = true),
      })
    const scene = serving(body, 'application/jsonl')
    const response = await scene.ask()
    const reader = response.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    assert.ok(['left', 'aborted'].includes((await scene.ended(1)).outcome.ending))
    assert.equal(cancelled, true)
  })

  test('through a guarded fetch they stay lines', async () => {
    const { guard } = door({ shouts: true })
    const fetching = guardFetch(guard, {
      credentials: () => ({ authorization: 'Bearer ada' }),
      fetch: async () => new Response(linesOf(parts, 5), { headers: { 'content-type': 'application/x-ndjson' } }),
    })
    const response = await fetching('https://api.example/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(chatRequest('x', { stream: true })),
    })
    assert.match(await response.text(), /"SP".*\n.*"Ä".*\n.*"M"/)
  })
})
