import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { verifyIdentity, type VerifyIdentityOptions } from '../../src/controls/verify-identity.ts'
import type { CallOptions } from '../../src/guard/call-options.ts'
import type { Call, Identity, Known } from '../../src/guard/context.ts'
import { type Outcome, control } from '../../src/guard/control.ts'
import { GuardError, reasonOf } from '../../src/guard/errors.ts'
import { type Guard, guard, type GuardOptions } from '../../src/guard/guard.ts'
import { anonymous, type Verifier } from '../../src/identity/verifier.ts'
import { apiKey } from '../../src/identity/api-key.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { revocationList } from '../../src/identity/revocation-list.ts'
import { remoteJwks } from '../../src/keys/remote-jwks.ts'
import { memoryState } from '../../src/state/memory-state.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { identityOf } from '../../src/testing/identity-of.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'
import { standIns } from '../guard/traced-chain.ts'
import { wrongCredentials } from '../identity/wrong-credentials.ts'
import { jwksServer } from '../keys/jwks-server.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'm' } } as const
const issuer = testIssuer()
const verifier = jwt(issuer.options)

interface Scene {
  readonly guarded: Guard<Call & Pick<Known, 'entry' | 'identity' | 'decision'>>
  readonly outcomes: Outcome[]
  ran: number
  call(options?: CallOptions): Promise<Identity>
  stream(options?: CallOptions): Promise<AsyncIterableIterator<number>>
}

function scene(options: Partial<VerifyIdentityOptions> = {}, guardOptions: GuardOptions = {}): Scene {
  const { audit, decision } = standIns()
  const outcomes: Outcome[] = []
  const guarded = guard({ name: 'bot', onError: () => {}, ...guardOptions })
    .use(audit)
    .use(control('watch', { leave: (outcome) => void outcomes.push(outcome) }))
    .use(verifyIdentity({ verifiers: [verifier], ...options }))
    .use(decision)
  const self: Scene = {
    guarded,
    outcomes,
    ran: 0,
    call: (request) =>
      guarded.protect((_input: null, call) => {
        self.ran++
        assert.equal(call.credentials, undefined)
        return call.identity
      }, operation)(null, request),
    stream: (request) =>
      guarded.protect(async function* (_input: null) {
        self.ran++
        for (let index = 0; ; index++) {
          yield index
          await sleep(0)
        }
      }, operation)(null, request),
  }
  return self
}

const challengeOf = async (call: Promise<unknown>): Promise<string | undefined> => {
  try {
    await call
  } catch (error) {
    if (error instanceof GuardError) return error.headers['www-authenticate']
    throw error
  }
  return assert.fail('not refused')
}

describe('verifyIdentity', () => {
  test('adds the identity, and credentials can no longer be read', async () => {
    const { call } = scene()
    assert.equal((await call({ credentials: await issuer.bearer({ sub: 'ada' }) })).key, '22:https://issuer.exampleada')
  })

  test('refuses every credential that is wrong in one thing, and the model is called 0 times (A1)', async () => {
    const own = scene()
    for (const { name, code, make } of wrongCredentials) {
      const credentials = await make(issuer)
      await assert.rejects(own.call({ credentials }), (error: GuardError) => {
        assert.equal(error.code, code, `${name}: ${reasonOf(error)}`)
        assert.equal(error.status, 401, name)
        assert.match(error.headers['www-authenticate'] ?? '', /^Bearer realm="bot"(, error="invalid_token", error_description="[A-Za-z .]+")?$/, name)
        return true
      })
    }
    assert.equal(own.ran, 0)
    assert.ok(own.outcomes.every(({ ending, ran }) => ending === 'refused' && !ran))
  })

  test('never confuses the callers of interleaved calls (A5)', async () => {
    const { call } = scene({ verifiers: [verifier, apiKey({ keys: [(await issuer.mintApiKey({ subject: 'k' })).entry] })] })
    const subjects = Array.from({ length: 40 }, (_, index) => `user-${index}`)
    const tokens = await Promise.all(subjects.map((sub) => issuer.bearer({ sub })))
    for (let round = 0; round < 3; round++) {
      const order = subjects.map((_subject, index) => (index * 7 + round) % subjects.length)
      const found = await Promise.all(order.map((index) => call(tokens[index] && { credentials: tokens[index] })))
      assert.deepEqual(
        found.map(({ subject }) => subject),
        order.map((index) => subjects[index]),
      )
    }
  })

  test('is told the time by its guard, verifier and keys included', async (context) => {
    const clock = testClock(Date.UTC(2040, 0, 1))
    const own = testIssuer({ clock })
    const server = await jwksServer(context, () => own.jwks)
    const { call } = scene({ verifiers: [jwt({ ...own.options, keys: remoteJwks(server.url) })] }, { clock })
    const credentials = await own.bearer()
    await call({ credentials })
    const id = own.rotate()
    await assert.rejects(call({ credentials: await own.bearer({}, { key: id }) }), { code: 'identity_invalid' })
    clock.advance(30_000)
    await call({ credentials: await own.bearer({}, { key: id }) })
    clock.advance(300_000)
    await assert.rejects(call({ credentials }), { code: 'identity_expired' })
  })

  test('refuses as unavailable, without a challenge, where the keys cannot be had', async (context) => {
    const server = await jwksServer(context, () => ({}))
    server.answer = (response) => void response.writeHead(503).end()
    const { call } = scene({ verifiers: [jwt({ ...issuer.options, keys: server.url })] })
    await assert.rejects(
      call({ credentials: await issuer.bearer() }),
      (error: GuardError) => error.code === 'keys_unavailable' && Object.keys(error.headers).length === 0,
    )
  })
})

describe('the choice of the verifier', () => {
  test('goes by scheme and issuer, and no second one is tried', async () => {
    const other = testIssuer({ issuer: 'https://other.example' })
    const { key, entry } = await issuer.mintApiKey({ subject: 'robot' }, { prefix: 'acme_' })
    const { call } = scene({ verifiers: [verifier, jwt(other.options), apiKey({ keys: [entry], prefix: 'acme_' }), anonymous()] })
    for (let turn = 0; turn < 2; turn++) {
      assert.equal((await call({ credentials: await issuer.bearer() })).issuer, issuer.issuer)
      assert.equal((await call({ credentials: await other.bearer() })).issuer, other.issuer)
      assert.equal((await call({ credentials: { apiKey: key } })).subject, 'robot')
      assert.equal((await call({ credentials: { authorization: `Bearer ${key}` } })).subject, 'robot')
      assert.equal((await call()).subject, 'anonymous')
    }
    // Each issuer's keys are good for its own name only.
    await assert.rejects(call({ credentials: await other.bearer({ iss: issuer.issuer }) }), { code: 'identity_invalid' })
  })

  test('never takes a bad credential for none', async () => {
    const { call } = scene({ verifiers: [verifier, anonymous()] })
    assert.equal((await call({ credentials: {} })).kind, 'user')
    for (const { code, name, make } of wrongCredentials)
      if (code !== 'identity_missing') await assert.rejects(call({ credentials: await make(issuer) }), { code }, name)
  })

  test('two that could take the same credential are a mistake of the set-up', async () => {
    const { entry } = await issuer.mintApiKey({ subject: 'a' })
    const keys = (prefix?: string): Verifier => apiKey({ keys: [entry], ...(prefix !== undefined && { prefix }) })
    const mistakes: (readonly Verifier[])[] = [
      [],
      [verifier, verifier],
      [verifier, jwt({ ...issuer.options, audience: 'https://elsewhere.example' })],
      [keys(), keys('a_')],
      [keys('a_'), keys('a_b_')],
      [anonymous(), anonymous()],
      [identityOf(), verifier],
      [{} as Verifier],
      [undefined as unknown as Verifier],
    ]
    for (const verifiers of mistakes) assert.throws(() => verifyIdentity({ verifiers }), TypeError)
    verifyIdentity({ verifiers: [keys('a_'), keys('b_'), verifier, anonymous()] })
  })

  test('own verifiers: what they give is checked and copied, two that accept one credential refuse, and what they throw refuses', async () => {
    const mine = (identity: unknown, accepts = true): Verifier => ({
      accepts: () => accepts,
      verify: async () => {
        if (identity instanceof Error) throw identity
        return identity as Identity
      },
      describe: () => ({ kind: 'mine' }),
      scheme: 'Negotiate',
    })
    const someone = { subject: 'ada', issuer: 'https://mine.example', key: 'forged', expiresAt: Number.POSITIVE_INFINITY }
    const { key, roles } = await scene({ verifiers: mine(someone) }).call()
    assert.deepEqual({ key, roles }, { key: '20:https://mine.exampleada', roles: [] })
    for (const nonsense of [
      undefined,
      null,
      {},
      { ...someone, subject: '' },
      { ...someone, expiresAt: Number.NaN },
      { ...someone, expiresAt: undefined },
      { ...someone, roles: 'admin' },
      new Error('secret'),
    ])
      await assert.rejects(scene({ verifiers: [mine(nonsense)] }).call(), { code: 'misconfigured' })
    await assert.rejects(scene({ verifiers: [mine({ ...someone, expiresAt: 1 })] }).call(), { code: 'identity_expired' })
    const both = scene({ verifiers: [mine(someone), mine(someone)] })
    await assert.rejects(both.call(), { code: 'misconfigured' })
    const beside = scene({ verifiers: [verifier, mine(someone)] })
    await assert.rejects(beside.call({ credentials: await issuer.bearer() }), { code: 'misconfigured' })
    assert.equal(await challengeOf(scene({ verifiers: [mine(new GuardError('identity_invalid'))] }).call()), 'Negotiate realm="bot"')
    assert.throws(() => verifyIdentity({ verifiers: [{ ...mine(someone), scheme: 'a b' }] }), TypeError)
  })
})

test('a credential that is too long reaches no verifier, and one of the greatest length does', async () => {
  const seen: number[] = []
  const greedy: Verifier = {
    accepts: ({ authorization, apiKey }) => {
      seen.push((authorization ?? apiKey ?? '').length)
      return false
    },
    verify: () => Promise.reject(new GuardError('identity_invalid')),
    describe: () => ({}),
  }
  const { call } = scene({ verifiers: [greedy, verifier] })
  for (const length of [8193, 8192]) {
    for (const credentials of [{ authorization: `Bearer ${'x'.repeat(length)}` }, { apiKey: 'x'.repeat(length) }])
      await assert.rejects(call({ credentials }), { code: 'identity_invalid' })
  }
  assert.deepEqual(seen, [8199, 8192])
})

describe('a challenge', () => {
  test('names every scheme, and an error only to who tried a token (RFC 6750, section 3)', async () => {
    const { entry, key } = await issuer.mintApiKey({ subject: 'a' })
    const { call } = scene({ verifiers: [verifier, apiKey({ keys: [entry] })] })
    const none = 'Bearer realm="bot", ApiKey realm="bot"'
    assert.equal(await challengeOf(call()), none)
    assert.equal(await challengeOf(call({ credentials: { authorization: 'Basic x' } })), none)
    assert.equal(await challengeOf(call({ credentials: { apiKey: `${key}x` } })), none)
    assert.equal(
      await challengeOf(call({ credentials: await issuer.bearer({}, { expiresIn: -9 }) })),
      'Bearer realm="bot", error="invalid_token", error_description="The credential has expired.", ApiKey realm="bot"',
    )
  })

  test('cannot be broken out of, and echoes nothing of the input', async () => {
    const { call } = scene({}, { name: 'a"b\\c\r\nx: y\u0000é' })
    const found = await challengeOf(call({ credentials: { authorization: 'Bearer evil"\r\nset-cookie: a=b' } }))
    assert.equal(found, 'Bearer realm="abcx: y", error="invalid_token", error_description="The credential was not accepted."')
  })
})

describe('assurance', () => {
  const now = Math.floor(Date.now() / 1000)

  test('wants one of the classes, all of the methods, and a known and recent time', async () => {
    const { call } = scene({ assurance: { acr: ['phr', 'phrh'], amr: ['hwk', 'pin'], maxAge: 300 } })
    const strong = { acr: 'phr', amr: ['pin', 'hwk', 'face'], auth_time: now - 100 }
    await call({ credentials: await issuer.bearer(strong) })
    for (const weak of [
      { acr: undefined },
      { acr: 'pwd' },
      { acr: 'PHR' },
      { amr: undefined },
      { amr: ['hwk'] },
      { auth_time: undefined },
      { auth_time: now - 400 },
      { auth_time: now + 100 },
    ])
      await assert.rejects(
        call({ credentials: await issuer.bearer({ ...strong, ...weak }) }),
        { code: 'step_up_required', status: 401 },
        JSON.stringify(weak),
      )
  })

  test('tells what is wanted (RFC 9470, section 3)', async () => {
    const { call } = scene({ assurance: { acr: ['phr', 'phrh'], maxAge: 300 } })
    assert.equal(
      await challengeOf(call({ credentials: await issuer.bearer() })),
      'Bearer realm="bot", error="insufficient_user_authentication", error_description="A stronger authentication is required.", acr_values="phr phrh", max_age="300"',
    )
  })

  test('is checked when it is made', () => {
    for (const assurance of [{ acr: '' }, { acr: [] }, { acr: 'a"b' }, { acr: 'a b' }, { amr: [7] }, { maxAge: -1 }, { maxAge: Number.NaN }, null])
      assert.throws(() => verifyIdentity({ verifiers: [verifier], assurance: assurance as never }), TypeError)
  })
})

test('binding: refuses a credential that is not bound, or otherwise', async () => {
  for (const binding of ['dpop', 'mtls', 'any'] as const) {
    await assert.rejects(scene({ binding }).call({ credentials: await issuer.bearer() }), { code: 'binding_required', status: 401 })
    const bound = scene({ binding, verifiers: [identityOf({ binding: 'mtls' })] }).call()
    if (binding === 'dpop') await assert.rejects(bound, { code: 'binding_required' })
    else await bound
  }
  assert.throws(() => verifyIdentity({ verifiers: [verifier], binding: 'none' as never }), TypeError)
})

describe('a call on behalf of another', () => {
  test('takes its identity over, and judges it by its own measure', async () => {
    const revocation = revocationList()
    const strong = scene({ assurance: { acr: 'phr' } })
    const bound = scene({ binding: 'any' })
    const watched = scene({ revocation })
    const own = scene()
    const outer = own.guarded.protect(async (next: 'strong' | 'bound' | 'watched', call) => {
      const parent = call.identity
      const child = await { strong, bound, watched }[next].call({ onBehalfOf: call })
      assert.equal(child, parent)
      return child.subject
    }, operation)
    const weak = { credentials: await issuer.bearer({ sub: 'ada' }) }
    assert.equal(await outer('watched', weak), 'ada')
    assert.equal(await outer('strong', { credentials: await issuer.bearer({ sub: 'bob', acr: 'phr' }) }), 'bob')
    await assert.rejects(outer('strong', weak), { code: 'step_up_required' })
    await assert.rejects(outer('bound', weak), { code: 'binding_required' })
    await revocation.revoke({ subject: 'ada' })
    await assert.rejects(outer('watched', weak), { code: 'identity_revoked' })
    assert.deepEqual([strong.ran, bound.ran, watched.ran], [1, 0, 1])
  })

  test('is refused when the identity has expired meanwhile', async () => {
    const clock = testClock()
    const own = testIssuer({ clock })
    const { guarded, call } = scene({ verifiers: [jwt(own.options)] }, { clock })
    const outer = guarded.protect(async (_input: null, parent) => {
      clock.advance(60_000)
      return await call({ onBehalfOf: parent })
    }, operation)
    await assert.rejects(outer(null, { credentials: await own.bearer({}, { expiresIn: 60 }) }), { code: 'identity_expired' })
  })
})

describe('what no longer holds (A4)', () => {
  test('an authentication that becomes too old, or a token, ends an open stream and withholds a whole answer', async () => {
    const clock = testClock()
    const own = testIssuer({ clock })
    const authenticated = { auth_time: Math.floor(clock.now() / 1000) }
    for (const [options, code] of [
      [{ verifiers: [jwt(own.options)], assurance: { maxAge: 30 } }, 'step_up_required'],
      [{ verifiers: [jwt({ ...own.options, maxTokenAge: 30 })] }, 'identity_expired'],
    ] as const) {
      const { guarded, outcomes, stream } = scene(options, { clock })
      const credentials = await own.bearer(authenticated, { expiresIn: 600 })
      const answer = await stream({ credentials })
      await answer.next()
      clock.advance(31_000)
      await assert.rejects(answer.next(), { code, status: 401 })
      assert.equal(outcomes[0]?.ending, 'refused')
      const whole = guarded.protect((_input: null) => {
        clock.advance(31_000)
        return 'secret'
      }, operation)
      const fresh = await own.bearer({ auth_time: Math.floor(clock.now() / 1000) }, { expiresIn: 600 })
      await assert.rejects(whole(null, { credentials: fresh }), { code })
    }
  })

  test('a revoked identity is refused at the next call, and an open stream ends at once', async () => {
    const clock = testClock()
    const revocation = revocationList({ clock })
    const own = scene({ revocation, verifiers: [jwt({ ...issuer.options, clock })] }, { clock: { ...clock, now: Date.now } })
    const credentials = await issuer.bearer({ sub: 'ada' })
    const other = { credentials: await issuer.bearer({ sub: 'bob' }) }
    const [ada, bob] = [await own.stream({ credentials }), await own.stream(other)]
    await ada.next()
    await bob.next()
    await revocation.revoke({ subject: 'ada' })
    // Without a tick of the clock, and before the reader asks again.
    await sleep(1)
    assert.equal(own.outcomes[0]?.ending, 'refused')
    await assert.rejects(ada.next(), { code: 'identity_revoked', status: 401 })
    assert.equal((await bob.next()).done, false)
    await bob.return?.()
    await assert.rejects(own.call({ credentials }), { code: 'identity_revoked' })
    await own.call(other)
    assert.equal(clock.pending, 0, 'no timer is left behind')
  })

  test('an identity that expires ends its stream then, also where the wall clock steps', async () => {
    for (const step of [false, true]) {
      const clock = testClock()
      const own = testIssuer({ clock })
      const { stream, outcomes } = scene({ verifiers: [jwt(own.options)], recheck: { every: 0.5 } }, { clock })
      const parts = await stream({ credentials: await own.bearer({}, { expiresIn: 100 }) })
      await parts.next()
      if (step) {
        clock.set(clock.now() + 100_000)
        clock.advance(500)
      } else {
        clock.advance(99_999)
        await parts.next()
        clock.advance(1)
      }
      await assert.rejects(parts.next(), { code: 'identity_expired' })
      assert.equal(outcomes.length, 1)
      assert.equal(clock.pending, 0)
    }
  })

  test('a slow look every so often still ends a stream when its identity expires', async () => {
    const clock = testClock()
    const own = testIssuer({ clock })
    const { stream } = scene({ verifiers: [jwt(own.options)], recheck: { every: 3600 } }, { clock })
    const parts = await stream({ credentials: await own.bearer({}, { expiresIn: 10 }) })
    await parts.next()
    clock.advance(10_000)
    await assert.rejects(parts.next(), { code: 'identity_expired' })
  })

  test('what another process revoked is found at the next look', async () => {
    const clock = testClock()
    const near = memoryState()
    // A store that several processes share and that tells nobody.
    const shared: StateStore = {
      add: () => true,
      set: async (...given) => near.set(...given),
      get: async (...given) => near.get(...given),
      delete: () => {},
      subscribe: () => () => {},
      describe: () => ({}),
    }
    const { stream } = scene({ revocation: revocationList({ store: shared, clock }), verifiers: [identityOf({ subject: 'ada' })] }, { clock })
    const parts = await stream()
    await parts.next()
    await revocationList({ store: shared, clock }).revoke({ subject: 'ada' })
    clock.advance(500)
    await sleep(1)
    await assert.rejects(parts.next(), { code: 'identity_revoked' })
  })

  test('a revocation between the check and the answer ends the stream before its first part', async () => {
    const revocation = revocationList()
    const { guarded } = scene({ revocation, verifiers: [identityOf({ subject: 'ada' })] })
    const calling = guarded.protect(async (_input: null) => {
      await revocation.revoke({ subject: 'ada' })
      return (async function* () {
        yield 'secret'
      })()
    }, operation)(null)
    await assert.rejects(
      calling.then((parts) => parts.next()),
      { code: 'identity_revoked' },
    )
  })

  test('a revocation while the function runs aborts it, though its answer is no stream', async () => {
    const revocation = revocationList()
    const { guarded } = scene({ revocation, verifiers: [identityOf({ subject: 'ada' })] })
    const aborted: unknown[] = []
    const running = guarded.protect(async (_input: null, call) => {
      call.signal.addEventListener('abort', () => aborted.push(call.signal.reason))
      await new Promise(() => {})
    }, operation)(null)
    await sleep(1)
    await revocation.revoke({ subject: 'ada' })
    await assert.rejects(running, { code: 'identity_revoked' })
    assert.equal(aborted.length, 1)
  })

  test("what an application's own verifier changes of an identity still rests on what it was made of", async () => {
    const revocation = revocationList()
    const issuer = testIssuer()
    const inner = jwt(issuer.options)
    const own: Verifier = {
      accepts: (credentials, channel) => inner.accepts(credentials, channel),
      verify: async (credentials, channel) => ({ ...(await inner.verify(credentials, channel)), tenant: 'acme' }),
      describe: () => ({ kind: 'own' }),
    }
    const { guarded } = scene({ revocation, verifiers: [own] })
    const run = guarded.protect((_input: null, call) => call.identity.tenant, operation)
    const credentials = await issuer.bearer()
    assert.equal(await run(null, { credentials }), 'acme')
    await revocation.revoke({ key: 'test-1' })
    await assert.rejects(run(null, { credentials }), { code: 'identity_revoked' })
  })

  test('a list that fails, hangs or answers nonsense refuses, and ends what streams', async () => {
    const clock = testClock()
    const verdicts: Record<string, () => never> = {
      fails: (() => Promise.reject(new Error('down'))) as never,
      throws: () => {
        throw new Error('down')
      },
      nonsense: (() => 'no') as never,
      nothing: (() => undefined) as never,
    }
    let verdict: () => boolean | Promise<boolean> = () => false
    const revocation = { ...revocationList(), isRevoked: () => verdict(), revoke: async () => {}, subscribe: () => () => {}, describe: () => ({}) }
    const { call, stream, outcomes } = scene({ revocation, verifiers: [identityOf()] }, { clock })
    for (const [name, next] of Object.entries(verdicts)) {
      verdict = () => false
      const parts = await stream()
      await parts.next()
      verdict = next
      clock.advance(500)
      await sleep(1)
      await assert.rejects(parts.next(), (error: GuardError) => ['keys_unavailable', 'identity_revoked'].includes(error.code), name)
      await assert.rejects(call(), (error: GuardError) => ['keys_unavailable', 'identity_revoked', 'misconfigured'].includes(error.code), name)
    }
    verdict = () => false
    const parts = await stream()
    await parts.next()
    verdict = () => new Promise(() => {})
    clock.advance(500)
    await sleep(1)
    clock.advance(450)
    await sleep(1)
    await assert.rejects(parts.next(), { code: 'keys_unavailable' }, 'within a second')
    assert.ok(outcomes.every(({ ending }) => ending === 'refused'))
    assert.equal(clock.pending, 0)
  })

  test('a stream that ends well leaves no timer and no listener', async () => {
    const clock = testClock()
    let listeners = 0
    const list = revocationList({ clock })
    const revocation = {
      revoke: list.revoke.bind(list),
      isRevoked: list.isRevoked.bind(list),
      describe: list.describe.bind(list),
      subscribe: (listener: () => void) => {
        listeners++
        const stop = list.subscribe(listener)
        return () => {
          listeners--
          stop()
        }
      },
    }
    const { guarded } = scene({ revocation, verifiers: [identityOf()] }, { clock })
    const parts = await guarded.protect(async function* (_input: null) {
      yield* [1, 2]
    }, operation)(null)
    assert.equal(listeners, 1)
    for await (const _part of parts);
    assert.equal(listeners, 0)
    assert.equal(clock.pending, 0)
    await guarded.protect((_input: null) => 'whole', operation)(null)
    assert.equal(clock.pending, 0)
  })

  test('how it is looked at is checked when it is made', () => {
    for (const every of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1'])
      assert.throws(() => verifyIdentity({ verifiers: [verifier], recheck: { every: every as number } }), TypeError)
    assert.throws(() => verifyIdentity({ verifiers: [verifier], revocation: {} as never }), TypeError)
  })
})

test('is described as plain data', () => {
  const { guarded } = scene({
    verifiers: [identityOf({ subject: 'ada' })],
    assurance: { acr: 'phr', maxAge: 60 },
    binding: 'any',
    revocation: revocationList(),
    recheck: { every: 5 },
  })
  const [found] = guarded.describe().controls.filter(({ name }) => name === 'verifyIdentity')
  assert.deepEqual(JSON.parse(JSON.stringify(found?.options)), {
    verifiers: [{ kind: 'identityOf', subject: 'ada' }],
    assurance: { acr: ['phr'], maxAge: 60 },
    binding: 'any',
    revocation: { kind: 'revocationList', store: { kind: 'memory', maxEntries: 100_000 } },
    recheck: { every: 5 },
  })
})

describe('a whole answer', () => {
  const scenes = (ending: (clock: ReturnType<typeof testClock>, list: ReturnType<typeof revocationList>) => unknown, revocation = true) => {
    const clock = testClock()
    const list = revocationList({ clock })
    const expiresAt = clock.now() + 10_000
    const { guarded, outcomes } = scene(
      { ...(revocation && { revocation: list }), verifiers: [identityOf({ subject: 'ada', expiresAt })] },
      { clock },
    )
    const ask = guarded.protect(async (_input: null) => {
      await ending(clock, list)
      return 'secret'
    }, operation)
    return { ask, outcomes, clock }
  }

  test('is withheld from a caller who was revoked while it was made', async () => {
    const { ask, outcomes } = scenes((_clock, list) => list.revoke({ subject: 'ada' }))
    await assert.rejects(ask(null), (error: GuardError) => {
      assert.equal(error.code, 'identity_revoked')
      assert.match(error.headers['www-authenticate'] ?? '', /invalid_token/)
      return true
    })
    assert.deepEqual(
      outcomes.map(({ ending, ran }) => ({ ending, ran })),
      [{ ending: 'refused', ran: true }],
    )
  })

  test('is withheld from a caller whose identity expired while it was made', async () => {
    for (const revocation of [true, false]) {
      const { ask, outcomes } = scenes((clock) => clock.advance(10_000), revocation)
      await assert.rejects(ask(null), { code: 'identity_expired' })
      assert.equal(outcomes[0]?.ending, 'refused')
    }
  })

  test('is withheld where the list of revocations no longer answers', async () => {
    let isDown = false
    const list = revocationList()
    const { guarded } = scene({
      verifiers: [identityOf()],
      revocation: {
        subscribe: list.subscribe.bind(list),
        describe: list.describe.bind(list),
        isRevoked: async () => {
          if (isDown) throw new Error('down')
          return false
        },
      },
    })
    const ask = guarded.protect((_input: null, _call) => {
      isDown = true
      return 'secret'
    }, operation)
    await assert.rejects(ask(null), { code: 'keys_unavailable' })
  })

  test('is released to a caller who still stands, and an error of the function stays what it is', async () => {
    assert.equal(await scenes((clock) => clock.advance(9_999)).ask(null), 'secret')
    const failing = scenes((clock) => {
      clock.advance(10_000)
      throw new Error('its own')
    })
    await assert.rejects(failing.ask(null), /its own/)
  })
})

describe('a verifier of somebody else', () => {
  test('that promises to accept has not accepted', async () => {
    for (const accepts of [async () => true, async () => Promise.reject(new Error('down')), () => 1, () => 'yes']) {
      const lax = { accepts: accepts as never, verify: () => Promise.reject(new Error('asked')), describe: () => ({}) }
      const { call } = scene({ verifiers: [lax] })
      await assert.rejects(call({ credentials: { authorization: 'Bearer x' } }), { code: 'identity_invalid' })
    }
    await sleep(1)
  })

  test('a list of revocations that cannot be unsubscribed from ends no stream later, so it begins none', async () => {
    const list = revocationList()
    const subscribe = (async () => Promise.reject(new Error('down'))) as never
    const { stream } = scene({
      verifiers: [identityOf()],
      revocation: { isRevoked: list.isRevoked.bind(list), describe: list.describe.bind(list), subscribe },
    })
    await assert.rejects(
      stream().then((parts) => parts.next()),
      { code: 'misconfigured' },
    )
    await sleep(1)
  })
})

test('an option that is not known is refused when it is made', () => {
  for (const options of [
    { revocations: revocationList() },
    { recheck: { every: 1, evry: 1 } },
    { assurance: { maxage: 60 } },
    { assurance: { acr: 'a', amrs: 'b' } },
  ])
    assert.throws(() => verifyIdentity({ verifiers: [verifier], ...options } as never), TypeError, JSON.stringify(options))
})
