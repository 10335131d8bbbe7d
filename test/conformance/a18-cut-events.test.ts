import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guardFetch } from '../../src/index.ts'
import { chop } from '../../src/testing/index.ts'
import { chatRequest, chunk, chunksOf, completion, eventResponse, eventsOf, partsIn, type Said, saidIn } from './chat-payloads.ts'
import { piecesOf, secrets } from './secrets.ts'
import { served, vendor } from './served.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const text = `Pay ${secrets.IBAN} by ${secrets.CARD}, or ask ${secrets.EMAIL}.`
const masked = 'Pay [IBAN] by [CARD], or ask [EMAIL].'
const short = `to ${secrets.EMAIL} é🙂`
const shortMasked = 'to [EMAIL] é🙂'
const encode = (body: string): Uint8Array => new TextEncoder().encode(body)

/** Two doors that read a vendor's bytes: a guarded fetch, and a guarded server that passes an answer on. */
async function doors() {
  const credentials = await analyst()
  const base = wholeGuard()
  let pieces: readonly Uint8Array[] = []
  const respond = (): Response => eventResponse(pieces)
  const guarded = guardFetch(base, { credentials: () => credentials, fetch: vendor(respond).fetch })
  const server = served(base, respond)
  const body = chatRequest('x', { stream: true })
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const read = async (response: Response): Promise<{ said: Said; isWhole: boolean; raw: string }> => {
    const raw = await response.text()
    const { parts, isWhole } = partsIn(raw)
    return { said: saidIn(parts), isWhole, raw }
  }
  return {
    async fetch(given: readonly Uint8Array[]) {
      pieces = given
      return read(await guarded('https://vendor.example/v1/chat/completions', init))
    },
    async serve(given: readonly Uint8Array[]) {
      pieces = given
      return read(await server.ask(body, credentials))
    },
  }
}

function cutBytes(bytes: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size))
  return pieces
}

describe('A18: a secret that is cut across events and bytes', () => {
  test('at every byte of the body of a stream, and into every size of piece', async () => {
    const { fetch } = await doors()
    const bytes = encode(eventsOf([...piecesOf(short, 17).map((content) => chunk({ delta: { content } })), chunk({ finish_reason: 'stop' })]))
    const expected = { '0/content': shortMasked }
    for (let at = 1; at < bytes.length; at++) {
      const { said, isWhole } = await fetch([bytes.slice(0, at), bytes.slice(at)])
      assert.deepEqual(said, expected, `cut at byte ${at}`)
      assert.ok(isWhole)
    }
    for (let size = 1; size < 40; size++) assert.deepEqual((await fetch(cutBytes(bytes, size))).said, expected, `pieces of ${size}`)
  })

  test('as unkindly as a network can, through a guarded fetch and a guarded server', async () => {
    const { fetch, serve } = await doors()
    for (let seed = 0; seed < 8; seed++) {
      const body = eventsOf(chunksOf(chop(text, seed).filter((piece) => piece.isWellFormed())))
      const pieces = chop(encode(body), seed + 1)
      for (const door of [fetch, serve]) {
        const { said, isWhole, raw } = await door(pieces)
        assert.deepEqual(said, { '0/content': masked }, `seed ${seed}`)
        assert.ok(isWhole)
        for (const secret of Object.values(secrets)) assert.ok(!raw.includes(secret))
      }
    }
  })

  test('with other line ends, comments, fields, blank lines and data in several lines', async () => {
    const { fetch } = await doors()
    const plain = eventsOf(chunksOf(piecesOf(short, 11)))
    const forms: readonly string[] = [
      plain.replaceAll('\n', '\r\n'),
      plain.replaceAll('\n', '\r'),
      plain.replaceAll('data: ', 'data:'),
      plain.replaceAll('data: ', ': keep-alive\nevent: message\nid: 7\nretry: 10\ndata: '),
      plain.replaceAll('\n\n', '\n\n\n\n: x\n\n'),
      plain.replaceAll(',"choices"', ',\ndata: "choices"'),
      `\ufeff${plain}`,
      plain.replaceAll('data: {', 'unknown: x\ndata: {'),
    ]
    for (const [index, form] of forms.entries())
      for (const size of [1, 3, 64, 100_000]) {
        const { said, isWhole, raw } = await fetch(cutBytes(encode(form), size))
        assert.deepEqual(said, { '0/content': shortMasked }, `form ${index} in pieces of ${size}`)
        assert.ok(isWhole && !/keep-alive|retry|^id:/m.test(raw), `form ${index}`)
      }
  })

  test('in a stream that breaks off: what was held back is masked, and the end is not made up', async () => {
    const { fetch, serve } = await doors()
    const events = chunksOf(piecesOf(`Here is ${secrets.EMAIL} and so on`, 4)).map((part) => eventsOf([part], ''))
    for (let count = 1; count < events.length; count++)
      for (const door of [fetch, serve]) {
        const { said, isWhole } = await door([encode(events.slice(0, count).join(''))])
        const whole = piecesOf(`Here is ${secrets.EMAIL} and so on`, 4)
          .slice(0, count - 1)
          .join('')
        const content = said['0/content'] ?? ''
        assert.equal(isWhole, false)
        // What stands there is what the same words give as a whole.
        const expected = await maskedAsWhole(whole)
        assert.equal(content, expected, `after ${count} events`)
      }
  })

  test('in an error of the vendor, whole and in mid-stream', async () => {
    const { fetch, serve } = await doors()
    const error = { error: { message: `no quota for ${secrets.EMAIL}`, type: 'x', param: secrets.IBAN, code: 'y' } }
    for (const door of [fetch, serve]) {
      const { raw } = await door([encode(eventsOf([chunk({ delta: { content: 'to ' } }), error], ''))])
      for (const secret of Object.values(secrets)) assert.ok(!raw.includes(secret), raw)
    }
  })
})

const wholes = new Map<string, Promise<string>>()

function maskedAsWhole(content: string): Promise<string> {
  const known = wholes.get(content) ?? askWhole(content)
  wholes.set(content, known)
  return known
}

async function askWhole(content: string): Promise<string> {
  const response = await served(wholeGuard(), () => completion(content)).ask(chatRequest('x'), await analyst())
  return ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? ''
}
