import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { base64url, compactDecrypt, CompactEncrypt, decodeProtectedHeader } from 'jose'
import { type ReplyKey, sealRequest } from '../../src/encryption/seal-request.ts'
import { FrameOpener, FrameSealer } from '../../src/encryption/sealed-frames.ts'
import { openAnswer, openAnswers, openReply, type Recipient, sealAnswer, sealEvents } from '../../src/encryption/sealed-answer.ts'
import { systemClock } from '../../src/guard/clock.ts'
import { address, makeReplyKey, makeService, now, open, sealByHand, type Service, token } from './sealed-by-hand.ts'

const clock = { ...systemClock, now: () => now }
const refused = { code: 'decryption_failed' }

let service: Service
let replyKey: ReplyKey
let recipient: Recipient

async function exchange(own: Service = service): Promise<{ replyKey: ReplyKey; recipient: Recipient; body: Uint8Array; mediaType: string }> {
  const sealed = await sealRequest('{"ask":1}', { publicKey: own.publicJwk, credential: token, url: `${address}?q=1#f`, clock })
  const opened = await open(own, sealed.body)
  return { replyKey: sealed.replyKey, recipient: opened.recipient, body: opened.content.body, mediaType: opened.content.mediaType }
}

before(async () => {
  service = await makeService()
  ;({ replyKey, recipient } = await exchange())
})

async function* list<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const value of values) found.push(value)
  return found
}

const sealAll = (events: readonly string[], to: Recipient = recipient): Promise<string[]> => all(sealEvents(list(events), 'application/json', to))

describe('sealRequest', () => {
  for (const crv of ['P-256', 'X25519'] as const)
    for (const alg of ['ECDH-ES', 'ECDH-ES+A256KW'])
      test(`is opened and answered on ${crv} by ${alg}`, async () => {
        const own = await makeService(crv)
        const { replyKey, recipient, body, mediaType } = await exchange({ ...own, publicJwk: { ...own.publicJwk, alg } })
        assert.deepEqual([new TextDecoder().decode(body), mediaType], ['{"ask":1}', 'application/json'])
        assert.equal(await openAnswer(await sealAnswer('hello', 'text/plain', recipient), replyKey), 'hello')
        assert.deepEqual(await all(openAnswers(list(await sealAll(['a', 'b'], recipient)), replyKey)), ['a', 'b'])
      })

  test('seals to what a provider publishes', async () => {
    const [publicKey] = (await service.keys.publicKeys()).keys
    assert.ok(publicKey !== undefined)
    const { body } = await sealRequest(new Uint8Array([123, 125]), {
      publicKey,
      credential: token,
      url: new URL(address),
      contentType: 'Text/Plain; charset=utf-8',
      clock,
    })
    assert.equal((await open(service, body)).content.mediaType, 'text/plain')
  })

  test('makes new keys and a new id each time, and keys that cannot be exported', async () => {
    const one = await sealRequest('{}', { publicKey: service.publicJwk, credential: token, url: address })
    const other = await sealRequest('{}', { publicKey: service.publicJwk, credential: token, url: address })
    const [a, b] = [decodeProtectedHeader(one.body), decodeProtectedHeader(other.body)]
    for (const name of ['epk', 'reply_jwk', 'jti']) assert.notDeepEqual(a[name], b[name])
    assert.deepEqual([one.replyKey.key.extractable, one.replyKey.proof.extractable], [false, false])
    assert.deepEqual(Object.keys(a.reply_jwk as object).sort(), ['crv', 'kty', 'x', 'y'])
  })

  test('refuses options that cannot be meant', async () => {
    const { kid: _, ...nameless } = service.publicJwk
    const right = { publicKey: service.publicJwk, credential: token, url: address }
    const wrong = [
      { ...right, publicKey: nameless },
      { ...right, publicKey: service.privateJwk },
      { ...right, publicKey: { ...service.publicJwk, alg: 'RSA-OAEP' } },
      { ...right, credential: `Bearer ${token}` },
      { ...right, credential: '' },
      { ...right, url: 'file:///etc/passwd' },
      { ...right, url: '/v1/chat' },
      { ...right, contentType: '' },
    ]
    for (const options of wrong) await assert.rejects(sealRequest('{}', options), TypeError)
  })
})

describe('a whole answer', () => {
  test('is a JWE that any library opens with the reply key', async () => {
    const reply = await makeReplyKey('X25519')
    const { recipient } = await open(service, await sealByHand(service, { header: { reply_jwk: reply.jwk, alg: 'ECDH-ES' } }))
    const { plaintext, protectedHeader } = await compactDecrypt(
      await sealAnswer('{"a":"\u{1f510}"}', 'application/json', recipient),
      reply.privateKey,
    )
    assert.equal(new TextDecoder().decode(plaintext), '{"a":"\u{1f510}"}')
    assert.deepEqual([protectedHeader.alg, protectedHeader.cty, protectedHeader.req], ['ECDH-ES', 'application/json', 'first-use'])
  })

  test('is text as it was, also where it is empty or begins with a byte order mark', async () => {
    for (const text of ['', '\u{feff}x', '\u{0}']) assert.equal(await openAnswer(await sealAnswer(text, 'text/plain', recipient), replyKey), text)
  })

  test('says its status, which cannot be changed, and is opened as an answer only where it is one of success', async () => {
    for (const status of [200, 299, 300, 403, 503]) {
      const sealed = await sealAnswer('text', 'text/plain', recipient, status)
      assert.deepEqual(await openReply(sealed, replyKey), { status, mediaType: 'text/plain', text: 'text' })
      if (status < 300) assert.equal(await openAnswer(sealed, replyKey), 'text')
      else await assert.rejects(openAnswer(sealed, replyKey), refused)
      // Whoever seals it anew, with a key of its own and the genuine proof of another status.
      for (const sts of [200, 403, 500, undefined, '200', 199, 600, 200.5].filter((other) => other !== status)) {
        const forged = await new CompactEncrypt(new TextEncoder().encode('text'))
          .setProtectedHeader({ ...decodeProtectedHeader(sealed), alg: replyKey.alg, enc: 'A256GCM', sts })
          .encrypt(recipient.key)
        await assert.rejects(openReply(forged, replyKey), refused)
      }
    }
  })

  test('is refused where another party sealed it, who knows all that the request shows', async () => {
    const genuine = decodeProtectedHeader(await sealAnswer('yes', 'text/plain', recipient))
    const forged = await new CompactEncrypt(new TextEncoder().encode('no'))
      .setProtectedHeader({ ...genuine, alg: replyKey.alg, enc: 'A256GCM' })
      .encrypt(recipient.key)
    await assert.rejects(openAnswer(forged, replyKey), refused)
  })

  test('is refused where it answers another request, or comes in clear, or is an event', async () => {
    const other = await exchange()
    const answer = await sealAnswer('yes', 'text/plain', recipient)
    await assert.rejects(openAnswer(answer, other.replyKey), refused)
    await assert.rejects(openAnswer(answer, { ...other.replyKey, request: replyKey.request }), refused)
    for (const clear of ['yes', '{"yes":1}', '', ...(await sealAll([]))]) await assert.rejects(openAnswer(clear, replyKey), refused)
    await assert.rejects(all(openAnswers(list([answer]), replyKey)), refused)
  })

  test('survives no changed character', async () => {
    const answer = await sealAnswer('yes', 'text/plain', recipient)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: answer.length - 1 }), fc.constantFrom('A', 'b', '3', '_', '.'), async (at, letter) => {
        fc.pre(answer[at] !== letter)
        await assert.rejects(openAnswer(answer.slice(0, at) + letter + answer.slice(at + 1), replyKey), refused)
      }),
      { numRuns: 60 },
    )
  })
})

describe('A20: a sealed stream', () => {
  test('is refused where an event is cut, repeated, moved, left out or foreign, and where the end is missing', async () => {
    const events = await sealAll(['a', 'b', 'c'])
    const foreign = await sealAll(['a', 'b', 'c'], (await exchange()).recipient)
    const change = fc.oneof(
      fc.record({ kind: fc.constant('drop'), at: fc.nat(4), to: fc.constant(0) }),
      fc.record({ kind: fc.constant('repeat'), at: fc.nat(4), to: fc.nat(4) }),
      fc.record({ kind: fc.constant('swap'), at: fc.nat(4), to: fc.nat(4) }),
      fc.record({ kind: fc.constant('cut'), at: fc.nat(4), to: fc.nat(400) }),
      fc.record({ kind: fc.constant('foreign'), at: fc.nat(4), to: fc.nat(4) }),
      fc.record({ kind: fc.constant('truncate'), at: fc.nat(4), to: fc.constant(0) }),
    )
    await fc.assert(
      fc.asyncProperty(change, async ({ kind, at, to }) => {
        const changed = [...events]
        const event = events[at] ?? ''
        if (kind === 'drop') changed.splice(at, 1)
        else if (kind === 'repeat') changed.splice(to, 0, event)
        else if (kind === 'swap') [changed[at], changed[to]] = [events[to] ?? '', event]
        else if (kind === 'cut') changed[at] = event.slice(0, to)
        else if (kind === 'foreign') changed[at] = foreign[to] ?? ''
        else changed.length = at
        // What comes after the end is not read, and a copy of the next event in its own place is that event.
        const counted = changed.slice(0, events.length)
        fc.pre(counted.length !== events.length || counted.some((other, index) => other !== events[index]))
        const given: string[] = []
        await assert.rejects(async () => {
          for await (const text of openAnswers(list(changed), replyKey)) given.push(text)
        }, refused)
        assert.deepEqual(given, ['a', 'b', 'c'].slice(0, given.length))
      }),
      { numRuns: 80 },
    )
  })

  test('does not end where it is emptied, or where only an end from elsewhere stands', async () => {
    const [start = '', end = ''] = await sealAll([])
    assert.deepEqual(await all(openAnswers(list([start, end]), replyKey)), [])
    const events = await sealAll(['a'])
    for (const wrong of [[], [start], [end], [events[0] ?? '', end], [start, events[1] ?? '', end], [...events.slice(0, 2), end]])
      await assert.rejects(all(openAnswers(list(wrong), replyKey)), refused)
  })

  test('cannot be started, ended or continued by who only sees it', async () => {
    const [start = '', first = '', end = ''] = await sealAll(['a'])
    const header = { ...decodeProtectedHeader(start), alg: replyKey.alg, enc: 'A256GCM' }
    const own = await new CompactEncrypt(new Uint8Array(56).fill(7)).setProtectedHeader(header).encrypt(recipient.key)
    const frames = await FrameSealer.start(new Uint8Array(56).fill(7), recipient.request, 'response')
    const forged = base64url.encode(await frames.seal(new TextEncoder().encode('evil'), true))
    await assert.rejects(all(openAnswers(list([own, forged]), replyKey)), refused)
    const flagged = base64url.decode(first)
    flagged[0] = 1
    await assert.rejects(all(openAnswers(list([start, base64url.encode(flagged)]), replyKey)), refused)
    const unflagged = base64url.decode(end)
    unflagged[0] = 0
    await assert.rejects(all(openAnswers(list([start, first, base64url.encode(unflagged)]), replyKey)), refused)
    await assert.rejects(openAnswer(start, replyKey), refused)
  })

  test('is opened for the request that it names only', async () => {
    await assert.rejects(all(openAnswers(list(await sealAll(['a'])), { ...replyKey, request: 'other' })), refused)
  })

  test('refuses an event in clear, and reads nothing behind the end', async () => {
    const events = await sealAll(['a'])
    assert.deepEqual(await all(openAnswers(list([...events, '[DONE]']), replyKey)), ['a'])
    await assert.rejects(all(openAnswers(list([events[0] ?? '', '[DONE]']), replyKey)), refused)
  })

  test('has no end where its source fails', async () => {
    async function* failing(): AsyncGenerator<string> {
      yield 'a'
      throw new Error('the model went away')
    }
    const events: string[] = []
    await assert.rejects(async () => {
      for await (const event of sealEvents(failing(), 'application/json', recipient)) events.push(event)
    }, /went away/)
    await assert.rejects(all(openAnswers(list(events), replyKey)), refused)
  })

  test('shows nothing of its text, and the same text never looks the same', async () => {
    const [start = '', ...frames] = await sealAll(['needle-in-clear', 'needle-in-clear'])
    const other = await sealAll(['needle-in-clear', 'needle-in-clear'])
    assert.equal(new Set([...frames, ...other.slice(1)]).size, 6)
    const shown = start.split('.').map((segment) => Buffer.from(segment, 'base64url').toString('latin1'))
    assert.doesNotMatch([...shown, ...frames.map((frame) => Buffer.from(frame, 'base64url').toString('latin1'))].join(), /needle/)
  })
})

describe('frames', () => {
  const secret = (): Uint8Array => Uint8Array.from({ length: 56 }, (_, index) => index)
  const text = new TextEncoder().encode('frame')

  test('A20: open in their order, direction and type alone, and no bit may change', async () => {
    const sealer = await FrameSealer.start(secret(), 'r', 'response')
    const [first, second] = [await sealer.seal(text, false, 'delta'), await sealer.seal(text, true)]
    const opener = await FrameOpener.start(secret(), 'r', 'response')
    assert.deepEqual(await opener.open(first, 'delta'), { text, isLast: false })
    assert.deepEqual(await opener.open(second), { text, isLast: true })
    await assert.rejects(async () => opener.open(second), refused)
    const wrong: readonly (() => Promise<unknown>)[] = [
      async () => (await FrameOpener.start(secret(), 'r', 'response')).open(second),
      async () => (await FrameOpener.start(secret(), 'r', 'response')).open(first),
      async () => (await FrameOpener.start(secret(), 'r', 'response')).open(first, 'other'),
      async () => (await FrameOpener.start(secret(), 'r', 'request')).open(first, 'delta'),
      async () => (await FrameOpener.start(secret(), 's', 'response')).open(first, 'delta'),
      async () => (await FrameOpener.start(secret().fill(1), 'r', 'response')).open(first, 'delta'),
      async () => FrameOpener.start(new Uint8Array(55), 'r', 'response'),
    ]
    for (const each of wrong) await assert.rejects(each, refused)
    for (let bit = 0; bit < first.length * 8; bit++) {
      const changed = Uint8Array.from(first)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await assert.rejects(async () => (await FrameOpener.start(secret(), 'r', 'response')).open(changed, 'delta'), refused)
    }
    for (let length = 0; length < first.length; length++)
      await assert.rejects(async () => (await FrameOpener.start(secret(), 'r', 'response')).open(first.subarray(0, length), 'delta'), refused)
  })

  test('are none after the last one, and none once the stream was given up', async () => {
    const sealer = await FrameSealer.start(secret(), 'r', 'response')
    await sealer.seal(text, true)
    assert.throws(() => sealer.seal(text, false))
    const other = await FrameSealer.start(secret(), 'r', 'response')
    other.end()
    assert.throws(() => other.seal(text, false))
  })
})
