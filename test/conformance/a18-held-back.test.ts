import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChatRequest } from '../../src/index.ts'
import { chatRequest, chunk, saidIn } from './chat-payloads.ts'
import { assertRefusal } from './refusals.ts'
import { analyst, chat, wholeGuard } from './whole-guard.ts'

/** Twice the longest finding, and what stands around it: one that is certain may wait for what begins in its last characters. */
const bound = 2 * 8_192 + 512

interface Read {
  /** The most characters that the model had said and the reader had not got, while nothing was masked. */
  readonly held: number
  /** The most characters in a row that the model said while the reader got nothing. */
  readonly silence: number
  readonly pushed: number
  readonly said: string
  readonly error: unknown
}

/** Streams a text in pieces, and looks after each what the reader has. */
async function read(text: string, size: number, delta: (piece: string) => object = (content) => ({ content })): Promise<Read> {
  let pushed = 0
  const run = wholeGuard().protect(async function* (_input: ChatRequest): AsyncGenerator<object> {
    for (let at = 0; at < text.length; at += size) {
      const piece = text.slice(at, at + size)
      pushed += piece.length
      yield chunk({ delta: delta(piece) })
    }
    yield chunk({ finish_reason: 'stop' })
  }, chat)
  let said = ''
  let held = 0
  let heardAt = 0
  let silence = 0
  let error: unknown
  try {
    for await (const part of await run(chatRequest('x', { stream: true }), { credentials: await analyst() })) {
      const more = Object.values(saidIn([part])).join('')
      if (more !== '') heardAt = pushed
      silence = Math.max(silence, pushed - heardAt)
      said += more
      held = Math.max(held, pushed - said.length)
    }
  } catch (thrown) {
    error = thrown
  }
  return { held, silence, pushed, said, error }
}

describe('A18: what is held back is bounded', () => {
  test('prose comes almost as it is said', async () => {
    const prose = 'The quick brown fox, aged 12, jumps over 3 lazy dogs at 10 o’clock — every day since 1987! '.repeat(20)
    for (const size of [1, 7, 100]) {
      const { held, said } = await read(prose, size)
      assert.equal(said, prose)
      assert.ok(held <= 128 + size, `${held} characters were held back`)
    }
  })

  test('a text that might for ever become a secret is held no longer than the longest one', async () => {
    const shapes = [
      'a',
      'a.',
      'a@',
      'ada@example.',
      '1',
      '1 ',
      '4111 ',
      '+1',
      'DE89 ',
      'sk-',
      'sk-a1',
      'eyJhbGciOi',
      'eyJhbGciOi.a.',
      '-----BEGIN ',
      '-----BEGIN PRIVATE KEY-----\nMIIB',
      '10.',
      // Alone they are taken out, and nothing is there to come.
      'é\u200b',
      '4\u200b',
      '１',
      'é@',
      'https://a',
      ' ',
    ]
    for (const shape of shapes) {
      const text = shape.repeat(Math.ceil(40_000 / shape.length))
      const { silence, error } = await read(text, 97)
      assert.equal(error, undefined, JSON.stringify(shape))
      assert.ok(silence <= bound + 97, `${JSON.stringify(shape)}: nothing came for ${silence} characters`)
    }
  })

  test('the arguments of a tool are held until they are whole, and no longer than a megabyte', async () => {
    const toolDelta = (piece: string): object => ({
      tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: piece } }],
    })
    const { error, pushed, said } = await read(`{"a":"${'x'.repeat(3 * 1024 * 1024)}`, 65_536, toolDelta)
    assertRefusal(error, 'payload_too_large')
    assert.ok(pushed <= 1024 * 1024 + 2 * 65_536, `${pushed} characters were taken`)
    assert.equal(said, '')
    const fine = await read(`{"a":"${'x'.repeat(500_000)}"}`, 65_536, toolDelta)
    assert.equal(fine.error, undefined)
    assert.equal(fine.said.length, 500_008)
  })

  test('many channels and many calls at once are bounded as well', async () => {
    for (const delta of [
      (index: number) => ({ tool_calls: [{ index, id: 'c', type: 'function', function: { name: 'f', arguments: '{' } }] }),
      (index: number) => ({
        tool_calls: [{ index: index % 1_000, id: 'c', type: 'function', function: { name: 'f', arguments: 'x'.repeat(2_000) } }],
      }),
    ]) {
      let pushed = 0
      const run = wholeGuard().protect(async function* (_input: ChatRequest): AsyncGenerator<object> {
        for (;;) yield chunk({ index: pushed % 128, delta: delta(pushed++) })
      }, chat)
      const reading = async (): Promise<void> => {
        for await (const part of await run(chatRequest('x', { stream: true }), { credentials: await analyst() })) assert.ok(part)
      }
      await assert.rejects(reading(), (error) => assertRefusal(error, (error as { code: 'payload_too_large' }).code))
      assert.ok(pushed < 2_000, `${pushed} parts were taken`)
    }
  })
})
