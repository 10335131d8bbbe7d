import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import {
  audit,
  authorize,
  detectors,
  encryptPayload,
  guard,
  guardHandler,
  jwt,
  localKeys,
  maskData,
  openAnswer,
  openAnswers,
  policySet,
  type PublicKey,
  type ReplyKey,
  sealRequest,
  verifyIdentity,
} from '../../src/index.ts'
import { recordingLog } from '../../src/testing/index.ts'
import { chatRequest, chunksOf, completion, saidIn } from './chat-payloads.ts'
import { assertRefusal } from './refusals.ts'
import { address, post } from './served.ts'
import { analyst, chat, issuer, policy } from './whole-guard.ts'

const words = ['Write ', 'to ', 'ada.lovelace@', 'example.org', ', now.']

interface Sealed {
  readonly events: readonly string[]
  readonly replyKey: ReplyKey
  readonly raw: string
}

let publicKey: PublicKey | undefined
let handler: (request: Request) => Promise<Response>
let failAt = Number.POSITIVE_INFINITY

async function ask(stream: boolean): Promise<{ response: Response; replyKey: ReplyKey }> {
  assert.ok(publicKey)
  const { authorization } = await analyst()
  const credential = authorization.slice('Bearer '.length)
  const sealed = await sealRequest(JSON.stringify(chatRequest('hello', { stream })), { publicKey, credential, url: address })
  return { response: await handler(post(sealed.body, { authorization, 'content-type': sealed.contentType })), replyKey: sealed.replyKey }
}

async function sealedStream(): Promise<Sealed> {
  const { response, replyKey } = await ask(true)
  const raw = await response.text()
  return { raw, replyKey, events: [...raw.matchAll(/^data: (.*)$/gm)].map(([, data]) => data ?? '') }
}

/** What a reader gets of these events, and whether it was told that something is wrong. */
async function opened(events: readonly string[], replyKey: ReplyKey): Promise<{ said: string; error: unknown }> {
  const parts: unknown[] = []
  try {
    const source = (async function* () {
      yield* events
    })()
    for await (const data of openAnswers(source, replyKey)) parts.push(JSON.parse(data))
    return { said: saidIn(parts)['0/content'] ?? '', error: undefined }
  } catch (error) {
    return { said: saidIn(parts)['0/content'] ?? '', error }
  }
}

describe('A20: a sealed stream that somebody tampers with', () => {
  before(async () => {
    const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true })
    const keys = localKeys({ jwks: { keys: [await exportJWK(privateKey)] } })
    publicKey = (await keys.publicKeys()).keys[0]
    const base = guard({ onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
      .use(encryptPayload({ keys, direction: 'both', origin: 'https://api.example' }))
      .use(authorize({ evaluator: policySet(policy) }))
      .use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))
    handler = guardHandler(
      base,
      chat,
      (_request, call) =>
        call.input.stream === true
          ? (async function* () {
              for (const [index, part] of chunksOf(words).entries()) {
                if (index === failAt) throw new Error('the model broke')
                yield part
              }
            })()
          : completion('Write to ada.lovelace@example.org'),
      { origin: 'https://api.example' },
    )
  })

  test('opens when nobody did, and nothing of it can be read on the way', async () => {
    const { events, replyKey, raw } = await sealedStream()
    assert.deepEqual(await opened(events, replyKey), { said: 'Write to [EMAIL], now.', error: undefined })
    // In the bytes that are encoded, and beside them: by chance four letters of an encoding spell a word.
    const clear = /Write|EMAIL|gpt-5|DONE|chat\.completion/
    assert.ok(!clear.test(raw.replaceAll(/^data: [\w.-]*$/gm, '')))
    for (const event of events) for (const segment of event.split('.')) assert.ok(!clear.test(Buffer.from(segment, 'base64url').toString('latin1')))
    const { response, replyKey: key } = await ask(false)
    assert.match(await openAnswer(await response.text(), key), /Write to \[EMAIL\]/)
    const behind = await opened([...events, events[0] ?? '', 'nonsense'], replyKey)
    assert.deepEqual(behind, { said: 'Write to [EMAIL], now.', error: undefined })
  })

  test('each event left out, repeated, moved, or taken from another answer', async () => {
    const { events, replyKey } = await sealedStream()
    const other = await sealedStream()
    assert.equal(events.length, other.events.length)
    const tampered: [string, readonly string[]][] = []
    for (let at = 0; at < events.length; at++) {
      tampered.push([`without ${at}`, events.toSpliced(at, 1)])
      // What stands behind the end is read by nobody.
      if (at < events.length - 1) tampered.push([`${at} twice`, events.toSpliced(at, 0, events[at] ?? '')])
      tampered.push([`${at} of another`, events.with(at, other.events[at] ?? '')])
      if (at > 0) tampered.push([`${at} first`, [events[at] ?? '', ...events.toSpliced(at, 1)]])
      tampered.push([`cut after ${at}`, events.slice(0, at)])
      if (at < events.length - 1) tampered.push([`end after ${at}`, [...events.slice(0, at), events.at(-1) ?? '']])
      tampered.push([`in clear at ${at}`, events.with(at, JSON.stringify({ choices: [{ index: 0, delta: { content: 'evil' } }] }))])
      for (let next = at + 1; next < events.length; next++)
        tampered.push([`${at} and ${next} swapped`, events.with(at, events[next] ?? '').with(next, events[at] ?? '')])
    }
    for (const [what, list] of tampered) {
      const { error, said } = await opened(list, replyKey)
      assert.ok(error !== undefined, `${what}: the reader was not told`)
      assertRefusal(error, 'decryption_failed')
      // What was given out before is a beginning of what was said.
      assert.ok('Write to [EMAIL], now.'.startsWith(said), `${what}: ${said}`)
    }
  })

  test('any character of it changed', async () => {
    const { events, replyKey } = await sealedStream()
    const first = events[1] ?? ''
    for (let at = 0; at < first.length; at += 7) {
      const changed = `${first.slice(0, at)}${first[at] === 'A' ? 'B' : 'A'}${first.slice(at + 1)}`
      const { error } = await opened(events.with(1, changed), replyKey)
      assert.ok(error !== undefined, `character ${at}`)
    }
    for (const changed of [`${first} `, ` ${first}`, `${first}.`, first.slice(0, -1), '', '.', '....', first.toUpperCase(), '[DONE]'])
      assert.ok((await opened(events.with(1, changed), replyKey)).error !== undefined)
  })

  test('the whole of another answer, or an answer that somebody else sealed', async () => {
    const { events } = await sealedStream()
    const other = await sealedStream()
    assert.ok((await opened(events, other.replyKey)).error !== undefined)
    const { response, replyKey } = await ask(false)
    const wholly = await response.text()
    await assert.rejects(openAnswer(wholly, other.replyKey), { code: 'decryption_failed' })
    assert.ok((await opened([wholly], replyKey)).error !== undefined)
    await assert.rejects(openAnswer(other.events[0] ?? '', other.replyKey), { code: 'decryption_failed' })
    // Anybody can seal to the key that stands in the request. Only who opened the request can prove that it is the answer.
    const again = await ask(false)
    await assert.rejects(openAnswer(await again.response.text(), replyKey), { code: 'decryption_failed' })
  })

  test('a model that fails in the middle: the reader gets an error, and never an end', async () => {
    for (let at = 0; at < words.length + 2; at++) {
      failAt = at
      const { response, replyKey } = await ask(true)
      const raw = await response.text()
      failAt = Number.POSITIVE_INFINITY
      const events = [...raw.matchAll(/^data: (.*)$/gm)].map(([, data]) => data ?? '')
      assert.ok(!raw.includes('the model broke') && !/Write|EMAIL/.test(raw))
      if (response.status !== 200) continue
      const { error, said } = await opened(events, replyKey)
      assert.ok(error !== undefined, `failed at ${at} and the reader was not told`)
      assert.ok('Write to [EMAIL], now.'.startsWith(said))
    }
  })
})
