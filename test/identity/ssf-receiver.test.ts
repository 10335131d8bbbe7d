import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import { guard } from '../../src/guard/guard.ts'
import type { KeySource } from '../../src/keys/key-source.ts'
import { keysOf } from '../../src/identity/jwt-options.ts'
import { revocationList } from '../../src/identity/revocation-list.ts'
import { ssfReceiver, type SsfReceiverOptions } from '../../src/identity/ssf-receiver.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { memoryState } from '../../src/state/memory-state.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { identityOf } from '../../src/testing/identity-of.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'
import { caep, push, receiver, ssfScene, transmitter, verification } from './ssf-scene.ts'

const revoked = `${caep}session-revoked`

async function assertAnswer(response: Response, status: number, err?: string): Promise<string> {
  const text = await response.text()
  assert.equal(response.status, status, text)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  if (status === 202) {
    assert.equal(text, '', 'RFC 8935, section 2.2: without a body')
    return text
  }
  assert.equal(response.headers.get('content-type'), 'application/json')
  assert.equal(response.headers.get('content-language'), 'en')
  const body = JSON.parse(text) as Record<string, unknown>
  assert.equal(body.err, err, text)
  assert.equal(typeof body.description, 'string')
  return text
}

describe('a delivery (RFC 8935)', () => {
  test('of a valid token is accepted without a body, and carried out', async () => {
    const { token, deliver, revocation, somebody } = ssfScene()
    assert.equal(revocation.isRevoked(somebody()), false)
    await assertAnswer(await deliver(await token({ [revoked]: {} })), 202)
    assert.equal(revocation.isRevoked(somebody()), true)
  })

  test('section 2.1: comes with POST, in the one media type, and not compressed', async () => {
    const { token, deliver, receive, told } = ssfScene()
    const body = await token({ [revoked]: {} })
    const get = await receive(new Request(receiver))
    await assertAnswer(get, 405, 'invalid_request')
    assert.equal(get.headers.get('allow'), 'POST')
    for (const type of ['application/jwt', 'application/json', 'text/plain', 'application/secevent+jwt2', ''])
      await assertAnswer(await deliver(body, { 'content-type': type }), 415, 'invalid_request')
    await assertAnswer(await receive(new Request(receiver, { method: 'POST', body: new TextEncoder().encode(body) })), 415, 'invalid_request')
    await assertAnswer(await deliver(body, { 'content-encoding': 'gzip' }), 415, 'invalid_request')
    assert.equal(told.length, 0)
    await assertAnswer(await deliver(body, { 'content-type': 'Application/SecEvent+JWT; charset=utf-8' }), 202)
  })

  test('is read no further than a token is long', async () => {
    const { receive, deliver } = ssfScene()
    await assertAnswer(await deliver('a'.repeat(8_193)), 413, 'invalid_request')
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(4_096).fill(97))
      },
    })
    const init = { method: 'POST', body: endless, duplex: 'half', headers: { 'content-type': 'application/secevent+jwt' } }
    await assertAnswer(await receive(new Request(receiver, init as RequestInit)), 413, 'invalid_request')
    assert.ok(pulled < 8)
    await assertAnswer(await deliver('a.b.c', { 'content-length': '9000' }), 413, 'invalid_request')
  })

  test('whose body never ends, or breaks off, is refused in time', async () => {
    const { receive, clock } = ssfScene()
    const post = (body: ReadableStream): Request =>
      new Request(receiver, { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/secevent+jwt' } } as RequestInit)
    let asked = (): void => {}
    const isAsked = new Promise<void>((resolve) => (asked = resolve))
    const hanging = receive(
      post(
        new ReadableStream(
          {
            pull: () => {
              asked()
              return new Promise(() => {})
            },
          },
          { highWaterMark: 0 },
        ),
      ),
    )
    await isAsked
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(10_000)
    // A slow line is no wrong token: it is to be sent again.
    await assertAnswer(await hanging, 503)
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error('gone')) })
    await assertAnswer(await receive(post(broken)), 503)
  })

  test('must present what was agreed, where something was', async () => {
    const { token, deliver, told } = ssfScene({ authorization: ['Bearer new-secret', 'Bearer old-secret'] })
    const body = await token({ [revoked]: {} })
    for (const presented of ['', 'Bearer wrong', 'Bearer new-secre', 'Bearer new-secretx', 'bearer new-secret', 'Basic new-secret', 'new-secret']) {
      const response = await deliver(body, presented === '' ? {} : { authorization: presented })
      const text = await assertAnswer(response, 401, 'authentication_failed')
      assert.equal(response.headers.get('www-authenticate'), 'Bearer realm="security events"')
      assert.ok(!text.includes('secret'))
    }
    assert.equal(told.length, 0)
    await assertAnswer(await deliver(body, { authorization: 'Bearer old-secret' }), 202)
    await assertAnswer(await deliver(await token({ [revoked]: {} }), { authorization: 'Bearer new-secret' }), 202)
    assert.equal(told.length, 2)
  })

  test('that is repeated is accepted, and changes nothing', async () => {
    const { token, deliver, told, revocation, somebody } = ssfScene()
    const body = await token({ [revoked]: {} }, { sub_id: { format: 'opaque', id: 'session-1' } })
    await assertAnswer(await deliver(body), 202)
    assert.equal(revocation.isRevoked(somebody()), true)
    await revocation.lift({ session: 'session-1', issuer: transmitter })
    await revocation.lift({ subject: 'session-1', issuer: transmitter })
    await assertAnswer(await deliver(body), 202)
    assert.equal(revocation.isRevoked(somebody()), false)
    // Also one that was signed anew.
    const [first] = told
    const again = { jti: first?.tokenId, sub_id: { format: 'opaque', id: 'session-1' } }
    await assertAnswer(await deliver(await token({ [revoked]: {} }, again)), 202)
    assert.equal(told.length, 1)
    // But not one of the same name that says something else.
    await assertAnswer(await deliver(await token({ [revoked]: {} }, { jti: first?.tokenId, sub_id: { format: 'opaque', id: 'session-2' } })), 202)
    assert.equal(told.length, 2)
  })

  test('whose store says that nothing is there in a way of its own is not taken for done', async () => {
    const store = { add: () => true, get: () => [null] }
    const { token, deliver } = ssfScene({ store: store as never })
    await assertAnswer(await deliver(await token({ [revoked]: {} })), 503)
  })

  test('that the issuer signed and that cannot be carried out is told to whoever runs this', async () => {
    const errors: unknown[] = []
    const { token, deliver } = ssfScene({ onError: (error) => void errors.push(error) })
    for (const claims of [{ events: [] }, { exp: 4e9 }, { sub: 'ada' }, { iat: 1 }, { sub_id: 'ada' }])
      await assertAnswer(await deliver(await token({ [revoked]: {} }, claims)), 400, 'invalid_request')
    assert.equal(errors.length, 5)
    await deliver('nonsense')
    assert.equal(errors.length, 5)
  })

  test('that comes several times at once is carried out once', async () => {
    const { token, deliver, told } = ssfScene()
    const body = await token({ [revoked]: {} })
    for (const response of await Promise.all([deliver(body), deliver(body), deliver(body)])) await assertAnswer(response, 202)
    assert.equal(told.length, 1)
  })

  test('from another receiver of the same issuer on the same store is known too', async () => {
    const store = memoryState()
    const one = ssfScene({ store })
    const two = ssfScene({ store, keys: one.issuer.options.keys })
    const body = await one.token({ [revoked]: {} })
    await assertAnswer(await one.deliver(body), 202)
    await assertAnswer(await two.deliver(body), 202)
    assert.equal(two.told.length, 0)
  })
})

describe('a failure is never an acceptance, and the transmitter sends again', () => {
  async function assertRetried(options: Partial<SsfReceiverOptions>, mend: () => void): Promise<void> {
    const scene = ssfScene(options)
    const body = await scene.token({ [revoked]: {} })
    const response = await scene.deliver(body)
    const text = await assertAnswer(response, 503)
    assert.equal(response.headers.get('retry-after'), '30')
    assert.ok(!text.includes('private'))
    assert.equal(scene.failures.length, 1)
    mend()
    await assertAnswer(await scene.deliver(body), 202)
    assert.equal(await (options.revocation ?? scene.revocation).isRevoked(scene.somebody()), true)
  }

  function breakable(store: StateStore = memoryState()) {
    const state = { isBroken: true }
    const broken = (): void => {
      if (state.isBroken) throw new Error('private: connection refused')
    }
    const own: StateStore = {
      ...silent,
      add(...given) {
        broken()
        return store.add(...given)
      },
      set(...given) {
        broken()
        return store.set(...given)
      },
      async get(...given) {
        broken()
        return store.get(...given)
      },
    }
    return { own, mend: () => void (state.isBroken = false) }
  }

  test('of the store that remembers tokens', async () => {
    const { own, mend } = breakable()
    await assertRetried({ store: own }, mend)
  })

  test('of a store that can be read and takes no more', async () => {
    const store = memoryState({ maxEntries: 1 })
    const now = Date.UTC(2026, 0, 1)
    store.set('other', 'x', Number.POSITIVE_INFINITY, now)
    await assertRetried({ store }, () => void store.delete('other'))
  })

  test('of the list of revocations', async () => {
    const { own, mend } = breakable()
    await assertRetried({ revocation: revocationList({ store: own }) }, mend)
  })

  test('of the key source, and of one that answers nonsense', async () => {
    for (const answer of [() => Promise.reject(new Error('private')), () => 'a key' as never, () => ({ algorithm: 'ES256' }) as never]) {
      let find: KeySource['find'] = answer
      const keys: KeySource = { find: (...given) => find(...given), trusts: () => true, describe: () => ({}) }
      const scene = ssfScene({ keys })
      const good = keysOf('test', scene.issuer.options.keys, false)
      const body = await scene.token({ [revoked]: {} })
      await assertAnswer(await scene.deliver(body), 503)
      assert.equal(scene.failures.length, 1)
      find = (...given) => good.find(...given)
      await assertAnswer(await scene.deliver(body), 202)
    }
  })

  test('of what the application does with an event', async () => {
    let isBroken = true
    await assertRetried(
      {
        onEvent: async () => {
          if (isBroken) throw new Error('private')
        },
      },
      () => void (isBroken = false),
    )
  })

  test('of whoever does not answer at all', async () => {
    for (const who of ['onEvent', 'store'] as const) {
      let asked = (): void => {}
      const isAsked = new Promise<void>((resolve) => (asked = resolve))
      const hang = (): Promise<never> => {
        asked()
        return new Promise(() => {})
      }
      const { token, receive, clock } = ssfScene(who === 'store' ? { store: { ...silent, get: hang } } : { onEvent: hang })
      const waiting = receive(push(await token({ [revoked]: {} })))
      await isAsked
      // Who asks arms its deadline in the same turn.
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(10_000)
      await assertAnswer(await waiting, 503)
    }
  })

  test('of who is told of failures changes nothing', async () => {
    const { token, deliver } = ssfScene({
      store: breakable().own,
      onError: () => {
        throw new Error('again')
      },
    })
    await assertAnswer(await deliver(await token({ [revoked]: {} })), 503)
  })
})

const silent: StateStore = { add: () => true, set: () => {}, get: () => [], delete: () => {}, subscribe: () => () => {}, describe: () => ({}) }

describe('the set-up', () => {
  test('that is wrong is a TypeError when it is made', () => {
    const { issuer, revocation } = ssfScene()
    const right = { issuer: transmitter, audience: receiver, keys: issuer.options.keys, revocation }
    ssfReceiver(right)
    const wrong: Record<string, unknown>[] = [
      { issuer: '' },
      { issuer: 7 },
      { audience: [] },
      { audience: undefined },
      { keys: 'https://id.example/jwks' },
      { keys: {} },
      { keys: { keys: [] } },
      { keys: { keys: [{ kty: 'oct', alg: 'HS256', k: 'A'.repeat(43) }] } },
      { keys: new URL('http://id.example/jwks') },
      { revocation: {} },
      { revocation: undefined },
      { subjectsOf: [] },
      { authorization: 'secret' },
      { authorization: 'Bearer a\nb' },
      { authorization: ['Bearer a', ''] },
      { algorithms: ['none'] },
      { algorithms: 'HS256' },
      { algorithms: ['HS256', 'ES256'] },
      { maxAge: 0 },
      { maxAge: Number.POSITIVE_INFINITY },
      { tokenLifetime: -1 },
      { store: {} },
      { subjectOfEmail: {} },
      { deviceOf: 'x' },
      { onEvent: true },
      { clock: {} },
      { audiences: 'x' },
    ]
    for (const options of wrong) assert.throws(() => ssfReceiver({ ...right, ...options } as never), TypeError, JSON.stringify(options))
    assert.throws(() => ssfReceiver(undefined as never), TypeError)
  })

  test('is copied: what is changed afterwards changes nothing', async () => {
    const subjectsOf = [transmitter]
    const { token, deliver } = ssfScene({ subjectsOf })
    subjectsOf.push('https://other.example')
    const body = await token({ [revoked]: {} }, { sub_id: { format: 'iss_sub', iss: 'https://other.example', sub: 'ada' } })
    await assertAnswer(await deliver(body), 400, 'access_denied')
  })
})

test('the verification event (SSF 1.0, section 8.1.4.1) is told with its state, and revokes nothing', async () => {
  const { token, deliver, told, revocation, somebody } = ssfScene()
  const body = await token({ [verification]: { state: 'VGhpcw==' } }, { sub_id: { format: 'opaque', id: 'stream-1' }, jti: 'v1' })
  await assertAnswer(await deliver(body), 202)
  assert.equal(told[0]?.type, verification)
  assert.equal(told[0]?.tokenId, 'v1')
  assert.deepEqual(told[0]?.payload, { state: 'VGhpcw==' })
  assert.deepEqual(told[0]?.revoked, [])
  assert.equal(revocation.isRevoked(somebody()), false)
})

test('what strangers send is told to nobody, and what the issuer meant and is not done is', async () => {
  const { token, deliver, failures, seconds } = ssfScene()
  const stranger = testIssuer({ issuer: transmitter, audience: receiver })
  const forged = await stranger.mint(
    { sub: undefined, exp: undefined, iat: seconds(), events: { [revoked]: {} } },
    { header: { typ: 'secevent+jwt' } },
  )
  await assertAnswer(await deliver(forged), 400, 'invalid_key')
  await assertAnswer(await deliver('x'), 400, 'invalid_request')
  assert.equal(failures.length, 0)
  await assertAnswer(
    await deliver(await token({ [revoked]: {} }, { sub_id: { format: 'phone_number', phone_number: '+1' } })),
    400,
    'invalid_request',
  )
  assert.equal(failures.length, 1)
})

test('a stream that runs through a guard ends when its session is revoked; the model is aborted, and it is recorded', async () => {
  const { token, deliver, revocation, clock, seconds } = ssfScene()
  const log = recordingLog()
  const claims = { sid: 'session-1', iat: seconds() - 60 }
  const base = guard({ clock, deadline: 3_600_000 })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada', issuer: transmitter, claims })], revocation }))
    .use(authorize({ evaluator: allowAll(), recheck: { every: 10_000 } }))
  let aborted = 0
  const say = base.protect(
    (_input: string, { signal }) => {
      signal.addEventListener('abort', () => aborted++)
      return (async function* () {
        yield 'word '
        await new Promise(() => {})
      })()
    },
    { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText },
  )
  const stream = await say('go on')
  assert.equal((await stream.next()).value, 'word ')
  const next = stream.next()
  await assertAnswer(await deliver(await token({ [revoked]: {} }, { sub_id: { format: 'opaque', id: 'another' } })), 202)
  assert.equal(aborted, 0)
  await assertAnswer(await deliver(await token({ [revoked]: {} }, { sub_id: { format: 'opaque', id: 'session-1' } })), 202)
  // No time passes.
  await assert.rejects(next, { code: 'identity_revoked' })
  assert.equal(aborted, 1)
  const { last } = log
  assert.ok(last?.kind === 'outcome' && last.code === 'identity_revoked' && last.ending === 'refused' && last.ran)
  await assert.rejects(say('again'), { code: 'identity_revoked' })
})
