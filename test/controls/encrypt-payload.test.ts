import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { CompactEncrypt, compactDecrypt } from 'jose'
import { guardHandler } from '../../src/adapters/web/guard-handler.ts'
import { encryptPayload, type EncryptPayloadOptions } from '../../src/controls/encrypt-payload.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { openAnswer, openAnswers, openReply } from '../../src/encryption/sealed-answer.ts'
import { type ReplyKey, type SealedRequest, sealRequest } from '../../src/encryption/seal-request.ts'
import type { Call, Identity, Known, Obligation } from '../../src/guard/context.ts'
import { builtIn, control, type Outcome } from '../../src/guard/control.ts'
import { reasonOf } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { address, athOf, makeReplyKey, makeService, now, type Service, sealByHand, token } from '../encryption/sealed-by-hand.ts'

const origin = 'https://api.example'

let service: Service
before(async () => {
  service = await makeService()
})

const identity: Identity = {
  key: '14:issuer.example' + 'ada',
  subject: 'ada',
  issuer: 'issuer.example',
  kind: 'user',
  roles: [],
  scopes: [],
  claims: {},
  actors: [],
  assurance: { amr: [] },
  expiresAt: Number.POSITIVE_INFINITY,
}

interface Setup {
  readonly options?: Partial<EncryptPayloadOptions>
  readonly obligations?: readonly Obligation[]
  /** Behind all others: the function's own answer passes it first. */
  readonly innermost?: (parts: AsyncIterable<unknown>) => AsyncIterable<unknown>
  readonly answer?: (input: string) => unknown
  readonly adapterOrigin?: string | undefined
}

interface Served {
  readonly post: (body: string, headers?: Record<string, string>, url?: string) => Promise<Response>
  readonly inputs: string[]
  readonly sealed: unknown[]
  readonly reasons: string[]
  readonly clock: TestClock
}

/** A chain whose other controls say yes. */
function guarded(
  clock: TestClock,
  encrypting: ReturnType<typeof encryptPayload>,
  obligations: readonly Obligation[] = [],
  refused?: (error: unknown) => void,
) {
  const decision = { allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations }
  const leave = ({ error }: Outcome): void => {
    if (error !== undefined) refused?.(error)
  }
  return guard({ clock, onError: () => {} })
    .use(unaudited())
    .use(control('watch', { leave }))
    .use(builtIn<Call, Pick<Known, 'identity'>>('verifyIdentity', { enter: () => ({ identity }) }, { adds: ['identity'] }, {}))
    .use(encrypting)
    .use(builtIn<Call, Pick<Known, 'decision'>>('authorize', { enter: () => ({ decision }) }, { adds: ['decision'] }, {}))
}

/** A real server handler around the control, and what it saw. */
function serve({ options = {}, obligations = [], innermost, answer = (input) => `echo ${input}`, ...rest }: Setup = {}): Served {
  const clock = testClock(now)
  const inputs: string[] = []
  const sealed: unknown[] = []
  const reasons: string[] = []
  const encrypting = encryptPayload({ keys: service.keys, direction: 'both', ...options })
  const base = guarded(clock, encrypting, obligations, (error) => reasons.push(reasonOf(error))).use(
    control('innermost', innermost === undefined ? {} : { response: innermost }),
  )
  const handler = guardHandler(
    base,
    { action: 'chat', resource: { type: 'model', id: 'm' }, codec: plainText },
    (_request, call) => {
      inputs.push(call.input)
      sealed.push(call.sealed)
      return answer(call.input) as string
    },
    { ...('adapterOrigin' in rest ? rest.adapterOrigin !== undefined && { origin: rest.adapterOrigin } : { origin }) },
  )
  const post: Served['post'] = (body, own = {}, url = 'http://internal.host/v1/chat?x=1') => {
    const credential: Record<string, string> = 'x-api-key' in own ? {} : { authorization: `Bearer ${token}` }
    const headers = { ...credential, 'content-type': 'application/jose', host: 'evil.example', ...own }
    return handler(new Request(url, { method: 'POST', body, headers }))
  }
  return { post, inputs, sealed, reasons, clock }
}

function seal(body: string, changes: Partial<Parameters<typeof sealRequest>[1]> = {}): Promise<SealedRequest> {
  return sealRequest(body, {
    publicKey: service.publicJwk,
    credential: token,
    url: address,
    contentType: 'text/plain',
    clock: testClock(now),
    ...changes,
  })
}

async function codeOf(response: Response): Promise<unknown> {
  assert.match(response.headers.get('content-type') ?? '', /problem\+json/)
  return ((await response.json()) as { code: unknown }).code
}

/** The same of a refusal that is sealed. */
async function sealedCodeOf(response: Response, replyKey: ReplyKey): Promise<unknown> {
  const { status, mediaType, text } = await openReply(await response.text(), replyKey)
  assert.deepEqual([status, mediaType], [response.status, 'application/problem+json'])
  return (JSON.parse(text) as { code: unknown }).code
}

/** The data of an answer's events. */
async function* dataOf(response: Response): AsyncGenerator<string> {
  for (const block of (await response.text()).split('\n\n')) if (block !== '') yield block.slice('data: '.length)
}

async function* words(...texts: string[]): AsyncGenerator<string> {
  yield* texts
}

describe('encryptPayload opens a request and seals its answer', () => {
  test('whole', async () => {
    const server = serve()
    const { body, contentType, replyKey } = await seal('hello')
    const response = await server.post(body, { 'content-type': contentType })
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/jose'])
    assert.equal(await openAnswer(await response.text(), replyKey), 'echo hello')
    assert.deepEqual([server.inputs, server.sealed], [['hello'], [{ request: true, response: true }]])
  })

  test('streamed, event by event, to an end that is sealed as well', async () => {
    const server = serve({ answer: () => words('one ', 'two ', 'three') })
    const { body, replyKey } = await seal('hello')
    const response = await server.post(body)
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
    const events: string[] = []
    for await (const event of openAnswers(dataOf(response), replyKey)) events.push(event)
    assert.deepEqual(events, ['one ', 'two ', 'three'])
  })

  test('for a client that knows jose and no helper of ours', async () => {
    const server = serve()
    const reply = await makeReplyKey()
    const response = await server.post(await sealByHand(service, { body: 'by hand', header: { cty: 'text/plain', reply_jwk: reply.jwk } }))
    const { plaintext } = await compactDecrypt(await response.text(), reply.privateKey)
    assert.equal(new TextDecoder().decode(plaintext), 'echo by hand')
  })

  test('for an API key in a field of its own', async () => {
    const server = serve()
    const { body, replyKey } = await seal('hello', { credential: 'key-of-mine' })
    assert.equal(await openAnswer(await (await server.post(body, { 'x-api-key': 'key-of-mine' })).text(), replyKey), 'echo hello')
    assert.equal(
      await codeOf(await server.post((await seal('hello', { credential: 'key-of-mine' })).body, { 'x-api-key': 'another' })),
      'decryption_failed',
    )
  })

  test('after every other control has seen the answer in clear', async () => {
    const seen: unknown[] = []
    const server = serve({
      innermost: async function* (parts) {
        for await (const part of parts) {
          seen.push(part)
          yield `${String(part)}!`
        }
      },
    })
    const { body, replyKey } = await seal('hello')
    assert.equal(await openAnswer(await (await server.post(body)).text(), replyKey), 'echo hello!')
    assert.deepEqual(seen, ['echo hello'])
  })

  test('and carries out the duty to seal the answer', async () => {
    const server = serve({ obligations: [{ type: 'seal_response' }] })
    const { body, replyKey } = await seal('hello')
    assert.equal(await openAnswer(await (await server.post(body)).text(), replyKey), 'echo hello')
  })
})

describe('encryptPayload refuses', () => {
  for (const direction of ['request', 'response', 'both'] as const)
    test(`what comes in clear (direction ${direction})`, async () => {
      const server = serve({ options: { direction } })
      assert.equal(await codeOf(await server.post('hello', { 'content-type': 'text/plain' })), 'decryption_failed')
      assert.deepEqual([server.inputs, server.reasons], [[], ['the payload must arrive sealed']])
    })

  test("a clear request with a sealed one's duty, also where clear ones may come", async () => {
    const server = serve({ options: { required: false }, obligations: [{ type: 'seal_response' }] })
    assert.equal(await codeOf(await server.post('hello', { 'content-type': 'text/plain' })), 'obligation_unmet')
    assert.deepEqual(server.inputs, [])
  })

  test("another caller's sealed request, and one that was taken to another path", async () => {
    const server = serve()
    const { body } = await seal('hello')
    assert.equal(await codeOf(await server.post(body, { authorization: 'Bearer another' })), 'decryption_failed')
    assert.equal(await codeOf(await server.post(body, {}, 'https://api.example/v1/embeddings')), 'decryption_failed')
    assert.equal(await codeOf(await server.post((await seal('hello', { url: 'http://internal.host/v1/chat' })).body)), 'decryption_failed')
    assert.equal(await codeOf(await server.post((await seal('hello', { url: 'https://evil.example/v1/chat' })).body)), 'decryption_failed')
    assert.deepEqual(server.inputs, [])
    assert.equal((await server.post(body)).status, 200)
  })

  test('a request that was opened before, also where the first one was refused further in', async () => {
    const server = serve()
    const { body } = await seal('hello')
    assert.equal((await server.post(body)).status, 200)
    assert.equal(await codeOf(await server.post(body)), 'replayed')
    assert.equal(server.inputs.length, 1)
  })

  test('a request that is older than it may be', async () => {
    const server = serve({ options: { maxAge: 10 } })
    const { body } = await seal('hello')
    server.clock.advance(10_000)
    assert.equal(await codeOf(await server.post(body)), 'decryption_failed')
  })

  test('everything that cannot be opened in the same words', async () => {
    const server = serve()
    const { body } = await seal('hello')
    const other = await makeService()
    const bodies = [
      'not sealed at all',
      `${body.slice(0, -4)}AAAA`,
      (await seal('hello', { publicKey: other.publicJwk })).body,
      (await seal('hello', { publicKey: { ...service.publicJwk, kid: 'unknown' } })).body,
      await sealByHand(service, { header: { ath: athOf('x') } }),
      await sealByHand(service, { header: { crit: ['reply_jwk', 'ath', 'htu', 'iat', 'jti', 'new'], new: 1 } }),
      await sealByHand(service, { omit: ['reply_jwk'], header: { crit: ['ath', 'htu', 'iat', 'jti'] } }),
      await new CompactEncrypt(new TextEncoder().encode('hello'))
        .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', kid: 'k1' })
        .encrypt(service.publicKey),
    ]
    const answers = await Promise.all(bodies.map(async (sealed) => (await server.post(sealed)).text()))
    assert.equal(new Set(answers).size, 1)
    assert.equal(new Set(server.reasons).size > 1, true)
    assert.deepEqual(server.inputs, [])
  })

  test('what is sealed and is no payload of the operation', async () => {
    const server = serve()
    const other = await seal('{}', { contentType: 'application/json' })
    assert.equal(await sealedCodeOf(await server.post(other.body), other.replyKey), 'payload_unsupported')
    const broken = await sealRequest(new Uint8Array([0xff]), {
      publicKey: service.publicJwk,
      credential: token,
      url: address,
      contentType: 'text/plain',
      clock: testClock(now),
    })
    assert.equal(await sealedCodeOf(await server.post(broken.body), broken.replyKey), 'payload_invalid')
    assert.deepEqual(server.inputs, [])
  })

  test('when it cannot know where the request came to', async () => {
    const server = serve({ adapterOrigin: undefined })
    assert.equal(await codeOf(await server.post((await seal('hello')).body)), 'misconfigured')
  })

  test('when the keys are not to be had', async () => {
    const keys = { ...service.keys, decryptionKey: () => Promise.reject(new Error('down')) }
    const server = serve({ options: { keys } })
    const response = await server.post((await seal('hello')).body)
    assert.deepEqual([response.status, await codeOf(response)], [503, 'keys_unavailable'])
  })
})

describe('who asked sealed is never answered in clear', () => {
  test('not where the answer cannot be written', async () => {
    const server = serve({ answer: () => 42 })
    const { body, replyKey } = await seal('hello')
    assert.equal(await sealedCodeOf(await server.post(body), replyKey), 'payload_unsupported')
  })

  test('not where a control further in refuses, nor where the handler throws', async () => {
    const duties: readonly [Setup, string, number][] = [
      [{ obligations: [{ type: 'nobody_knows' }] }, 'obligation_unmet', 403],
      [{ answer: () => Promise.reject(new Error('needle')) }, 'misconfigured', 500],
    ]
    for (const [setup, code, status] of duties) {
      const { body, replyKey } = await seal('hello')
      const response = await serve(setup).post(body)
      assert.deepEqual([response.status, response.headers.get('content-type')], [status, 'application/jose'])
      const reply = await openReply(await response.text(), replyKey)
      assert.deepEqual([reply.status, reply.mediaType, JSON.parse(reply.text).code], [status, 'application/problem+json', code])
    }
  })

  test('not where a handler answers with an error or with nothing, and its status is sealed', async () => {
    const answers: readonly (readonly [() => Response, status: number, wire: number, text: string])[] = [
      [() => new Response('not there', { status: 404, headers: { 'content-type': 'text/plain' } }), 404, 404, 'not there'],
      [() => new Response('<html>', { status: 502, headers: { 'content-type': 'text/html' } }), 502, 502, ''],
      [() => new Response(null, { status: 204 }), 204, 200, ''],
      [() => new Response('made', { status: 201, headers: { 'content-type': 'text/plain' } }), 201, 201, 'made'],
    ]
    for (const [answer, status, wire, text] of answers) {
      const { body, replyKey } = await seal('hello')
      const response = await serve({ answer }).post(body)
      const reply = await openReply(await response.clone().text(), replyKey)
      assert.deepEqual([response.status, reply.status, reply.text], [wire, status, text])
      if (status < 300) assert.equal(await openAnswer(await response.text(), replyKey), text)
      else await assert.rejects(openAnswer(await response.text(), replyKey), { code: 'decryption_failed' })
    }
  })

  test('not where a stream fails in its middle: it has no end then', async () => {
    const server = serve({
      answer: async function* () {
        yield 'one '
        throw new Error('the model went away')
      } as () => unknown,
    })
    const { body, replyKey } = await seal('hello')
    const response = await server.post(body)
    const events: string[] = []
    await assert.rejects(
      async () => {
        for await (const event of openAnswers(dataOf(response), replyKey)) events.push(event)
      },
      { code: 'decryption_failed' },
    )
    assert.deepEqual(events, ['one '])
  })

  test('whatever the direction', async () => {
    for (const direction of ['request', 'response', 'both'] as const)
      for (const required of [true, false]) {
        const server = serve({ options: { direction, required } })
        const { body, replyKey } = await seal('hello')
        assert.equal(await openAnswer(await (await server.post(body)).text(), replyKey), 'echo hello')
      }
  })
})

test('where clear requests may come they are answered in clear, and the context says so', async () => {
  const server = serve({ options: { required: false } })
  const response = await server.post('hello', { 'content-type': 'text/plain' })
  assert.equal(await response.text(), 'echo hello')
  assert.deepEqual(server.sealed, [{ request: false, response: false }])
})

test('calls that are interleaved each get their own answer under their own key', async () => {
  const server = serve({ answer: (input) => words(input, ' ', input) })
  await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const { body, replyKey } = await seal(`call ${index}`)
      let text = ''
      for await (const event of openAnswers(dataOf(await server.post(body)), replyKey)) text += event
      assert.equal(text, `call ${index} call ${index}`)
    }),
  )
})

describe('the set-up of encryptPayload', () => {
  test('is refused at once where it is wrong', () => {
    const right = { keys: service.keys, direction: 'both' }
    const wrong: readonly (readonly [options: unknown, message: RegExp])[] = [
      [undefined, /options must be an object/],
      [{ direction: 'both' }, /keys: must be the AgreementKeys/],
      [{ ...right, keys: {} }, /keys: /],
      [{ keys: service.keys }, /direction: /],
      [{ ...right, direction: 'all' }, /direction: /],
      [{ ...right, origin: 'https://api.example/' }, /origin: /],
      [{ ...right, origin: 'https://api.example/v1' }, /origin: /],
      [{ ...right, origin: 'file:///x' }, /origin: /],
      [{ ...right, required: 'no' }, /required: /],
      [{ ...right, maxAge: 0 }, /maxAge: /],
      [{ ...right, maxAge: Number.NaN }, /maxAge: /],
      [{ ...right, maxAge: 7200 }, /maxAge: /],
      [{ ...right, replay: {} }, /replay: /],
      [{ ...right, fields: ['/messages/*/content'] }, /keys: must be a KeyProvider/],
      [{ ...right, context: () => ({}) }, /no option context/],
    ]
    for (const [options, message] of wrong)
      assert.throws(
        () => encryptPayload(options as EncryptPayloadOptions),
        (error: unknown) => error instanceof TypeError && error.message.startsWith('encryptPayload: ') && message.test(error.message),
      )
  })

  test('is told without a secret', () => {
    const { details, needs, adds, fulfills, traits } = encryptPayload({ keys: service.keys, direction: 'both', origin })
    assert.deepEqual([needs, adds, fulfills], [['identity'], ['sealed'], ['seal_response']])
    assert.deepEqual(traits, { opens: true, wireOnly: true, rewrites: true })
    assert.ok(!JSON.stringify(details).includes(service.privateJwk.d ?? '?'))
    assert.deepEqual(details.keys, { kind: 'local', keys: [{ kid: 'k1', curve: 'P-256' }] })
  })

  test('takes an origin that stands above what the adapter states', async () => {
    const server = serve({ options: { origin }, adapterOrigin: 'http://internal.host' })
    assert.equal((await server.post((await seal('hello')).body)).status, 200)
  })

  test('does not go under protect, where no bytes arrive', () => {
    const base = guarded(testClock(now), encryptPayload({ keys: service.keys, direction: 'both' }))
    assert.throws(
      () => base.protect((input: string) => input, { action: 'chat', resource: { type: 'model', id: 'm' } }),
      /works on bytes from a wire/,
    )
  })
})
