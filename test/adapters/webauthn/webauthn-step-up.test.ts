import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as server from '@simplewebauthn/server'
import { webauthnStepUp, type WebauthnStepUpOptions } from '../../../src/adapters/webauthn/index.ts'
import { authorize } from '../../../src/controls/authorize.ts'
import { unaudited } from '../../../src/controls/unaudited.ts'
import type { CallOptions } from '../../../src/guard/call-options.ts'
import type { Call, Known } from '../../../src/guard/context.ts'
import { builtIn, control } from '../../../src/guard/control.ts'
import { type GuardError, isGuardError, reasonOf, toProblem } from '../../../src/guard/errors.ts'
import { guard } from '../../../src/guard/guard.ts'
import { makeIdentity } from '../../../src/identity/make-identity.ts'
import { policySet } from '../../../src/policy/policy-set.ts'
import { memoryState } from '../../../src/state/memory-state.ts'
import { testClock } from '../../../src/testing/test-clock.ts'
import { type Circumstances, type RequestOptions, SoftwareAuthenticator } from './software-authenticator.ts'

const origin = 'https://app.example.com'
const relyingParty = { id: 'example.com', origins: [origin, 'https://admin.example.com'] }
const transfer = { to: 'DE89370400440532013000', amount: 100, note: 'rent' }

interface SceneOptions extends Partial<WebauthnStepUpOptions> {
  readonly name?: string
  readonly clock?: ReturnType<typeof testClock>
  /** Whether policy wants a passkey. */
  readonly obliges?: boolean
}

function scene({ name = 'bank', clock = testClock(), obliges = true, ...options }: SceneOptions = {}) {
  const authenticator = new SoftwareAuthenticator()
  const used: [string, number][] = []
  let counter = 0
  let ran = 0
  const identified = builtIn<Call, Pick<Known, 'identity'>>(
    'verifyIdentity',
    {
      enter: ({ credentials }) => ({
        identity: makeIdentity({ subject: credentials?.apiKey ?? 'ada', issuer: 'https://id.example', expiresAt: Number.POSITIVE_INFINITY }),
      }),
    },
    { adds: ['identity'] },
    {},
  )
  const policy = policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit', ...(obliges && { obligations: [{ type: 'require_passkey' }] }) }] })
  const chain = guard({ name, clock, onError: () => {} })
    .use(unaudited())
    .use(identified)
    .use(authorize({ evaluator: policy }))
    .use(
      webauthnStepUp({
        server,
        relyingParty,
        credentials: () => [authenticator.passkey(counter)],
        onUsed(id, now) {
          used.push([id, now])
          counter = now
        },
        ...options,
      }),
    )
  const call = (input: unknown = transfer, request: CallOptions = {}, operation: { action?: string; resource?: string; owner?: string } = {}) => {
    const { action = 'transfer', resource = 'account-1', owner = 'ada' } = operation
    const run = chain.protect(
      (args: unknown) => {
        ran++
        return args
      },
      { action, resource: { type: 'account', id: resource, properties: { owner } } },
    )
    return run(input, request)
  }
  /** What the refused call asks for. */
  const ask = async (...args: Parameters<typeof call>): Promise<RequestOptions> => optionsIn(await refusal(call(...args)))
  /** An approval of the call, made under these circumstances. */
  const approve = async (circumstances: Circumstances = {}, ...args: Parameters<typeof call>): Promise<string> =>
    authenticator.assert(await ask(...args), origin, circumstances)
  return { chain, clock, authenticator, used, call, ask, approve, ran: () => ran }
}

async function refusal(call: Promise<unknown>): Promise<GuardError> {
  const error: unknown = await call.then(
    () => assert.fail('not refused'),
    (thrown: unknown) => thrown,
  )
  assert.ok(isGuardError(error), String(error))
  return error
}

function optionsIn(error: GuardError): RequestOptions {
  assert.equal(error.code, 'step_up_required')
  return JSON.parse(Buffer.from(error.headers['step-up-options'] ?? '', 'base64url').toString()) as RequestOptions
}

describe('webauthnStepUp', () => {
  test('asks for a passkey, and lets the same call pass that comes again with its assertion', async () => {
    const { call, authenticator, used, ran } = scene()
    const refused = await refusal(call())
    assert.deepEqual([refused.status, refused.message, ran()], [401, 'A stronger authentication is required.', 0])
    assert.equal(refused.headers['www-authenticate'], 'WebAuthn')
    const options = optionsIn(refused)
    assert.equal(Buffer.from(options.challenge, 'base64url').length, 56)
    const { rpId, userVerification, timeout, allowCredentials } = options
    assert.deepEqual(
      { rpId, userVerification, timeout, allowCredentials },
      {
        rpId: 'example.com',
        userVerification: 'required',
        timeout: 300_000,
        allowCredentials: [{ id: authenticator.id, type: 'public-key', transports: ['internal'] }],
      },
    )
    assert.deepEqual(await call(transfer, { approvals: [authenticator.assert(options, origin)] }), transfer)
    assert.deepEqual([used, ran()], [[[authenticator.id, 1]], 1])
  })

  test('asks nothing where policy does not', async () => {
    const credentials = () => assert.fail('asked')
    assert.deepEqual(await scene({ obliges: false, credentials }).call(), transfer)
  })

  test('takes an assertion from each origin, with its members in any order, and beside approvals of other kinds', async () => {
    const { call, approve } = scene()
    const approval = await approve({ origin: 'https://admin.example.com' })
    const reordered = { note: 'rent', amount: 100, to: transfer.to }
    assert.deepEqual(await call(reordered, { approvals: ['', 'ticket-7', 'e30', approval] }), reordered)
  })

  test('an authenticator that does not count is taken each time', async () => {
    const { call, approve } = scene()
    for (let round = 0; round < 3; round++) assert.deepEqual(await call(transfer, { approvals: [await approve({ counter: 0 })] }), transfer)
  })

  test('any instance with the same secret takes the assertion, once', async () => {
    const shared = { secret: new Uint8Array(32).fill(7), store: memoryState(), clock: testClock() }
    const one = scene(shared)
    const passkeys = { credentials: () => [one.authenticator.passkey(0)] }
    const [two, three] = [scene({ ...shared, ...passkeys }), scene({ ...shared, ...passkeys })]
    const approval = await one.approve()
    assert.deepEqual(await two.call(transfer, { approvals: [approval] }), transfer)
    assert.match(reasonOf(await refusal(three.call(transfer, { approvals: [approval] }))), /used before/)
    const stranger = scene({ clock: shared.clock, ...passkeys })
    assert.match(reasonOf(await refusal(stranger.call(transfer, { approvals: [await one.approve()] }))), /no challenge for this call/)
  })

  test('names so many passkeys as fit into a header field', async () => {
    const many = Array.from({ length: 200 }, () => new SoftwareAuthenticator().passkey())
    const refused = await refusal(scene({ credentials: () => many }).call())
    assert.ok((refused.headers['step-up-options'] ?? '').length < 6_000)
    assert.equal(optionsIn(refused).allowCredentials, undefined)
  })
})

describe('an assertion is good for one call only', () => {
  const refuses = (
    what: string,
    other: (one: ReturnType<typeof scene>, approvals: string[]) => Promise<unknown>,
    why: RegExp = /no challenge for this call/,
  ) =>
    test(what, async () => {
      const one = scene()
      const approval = await one.approve()
      const refused = await refusal(other(one, [approval]))
      assert.deepEqual([refused.code, one.ran(), one.used], ['step_up_required', 0, []])
      assert.match(reasonOf(refused), why)
      // It is still good for what it was made for.
      assert.deepEqual(await one.call(transfer, { approvals: [approval] }), transfer)
    })

  refuses('A13: not for arguments that differ by one character', ({ call }, approvals) =>
    call({ ...transfer, to: 'DE89370400440532013001' }, { approvals }),
  )
  refuses('A13: not for a number that is a text', ({ call }, approvals) => call({ ...transfer, amount: '100' }, { approvals }))
  refuses('A13: not with an argument more', ({ call }, approvals) => call({ ...transfer, urgent: null }, { approvals }))
  refuses('A13: not with an argument less', ({ call }, approvals) => call({ to: transfer.to, amount: 100 }, { approvals }))
  refuses('not for another caller', ({ call }, approvals) => call(transfer, { approvals, credentials: { apiKey: 'bob' } }))
  refuses('not for another action', ({ call }, approvals) => call(transfer, { approvals }, { action: 'delete' }))
  refuses('not for another resource', ({ call }, approvals) => call(transfer, { approvals }, { resource: 'account-2' }))
  refuses('not for the resource in another state', ({ call }, approvals) => call(transfer, { approvals }, { owner: 'bob' }))

  test('not for another guard', async () => {
    const shared = { secret: new Uint8Array(32), store: memoryState(), clock: testClock() }
    const one = scene(shared)
    const other = scene({ ...shared, name: 'bank-2', credentials: () => [one.authenticator.passkey(0)] })
    assert.match(reasonOf(await refusal(other.call(transfer, { approvals: [await one.approve()] }))), /no challenge for this call/)
    assert.equal(other.ran(), 0)
  })

  test('what was changed after the call was made changes nothing', async () => {
    const { call, approve } = scene()
    const input = { ...transfer }
    const approvals = [await approve()]
    const running = call(input, { approvals })
    input.to = 'DE00'
    approvals[0] = ''
    assert.deepEqual(await running, transfer)
  })

  test('and once: replayed, also at the same time', async () => {
    const { call, approve, used, ran } = scene({ onUsed: () => {} })
    const approvals = [await approve({ counter: 0 })]
    const ended = await Promise.allSettled([1, 2, 3].map(() => call(transfer, { approvals })))
    assert.equal(ended.filter(({ status }) => status === 'fulfilled').length, 1)
    const refused = await refusal(call(transfer, { approvals }))
    assert.match(reasonOf(refused), /used before/)
    assert.deepEqual([refused.code, ran(), used], ['step_up_required', 1, []])
  })

  test('and not for long', async () => {
    const { call, approve, clock } = scene({ maxAge: 60 })
    const [early, late] = [await approve(), await approve()]
    clock.advance(59_999)
    assert.deepEqual(await call(transfer, { approvals: [early] }), transfer)
    clock.advance(1)
    assert.match(reasonOf(await refusal(call(transfer, { approvals: [late] }))), /expired/)
  })
})

describe('an assertion must be genuine', () => {
  const cases: readonly [what: string, circumstances: Circumstances, why: RegExp][] = [
    ['made at another origin', { origin: 'https://app.example.com.evil.example' }, /does not verify/],
    ['made at the same origin without TLS', { origin: 'http://app.example.com' }, /does not verify/],
    ['made for another relying party', { rpId: 'evil.example' }, /does not verify/],
    ['made without verifying the user', { verified: false }, /does not verify/],
    ['made without the user', { present: false, verified: false }, /does not verify/],
    ['with a signature that was changed', { forged: true }, /does not verify/],
    ['made in a frame of another page', { client: { crossOrigin: true } }, /in a frame/],
    ['made below another page', { client: { topOrigin: 'https://evil.example' } }, /in a frame/],
    ['of a registration', { type: 'webauthn.create' }, /no challenge/],
    ['with a challenge that nobody issued', { challenge: Buffer.alloc(56, 1).toString('base64url') }, /no challenge/],
    ['with a challenge of another length', { challenge: Buffer.alloc(55, 1).toString('base64url') }, /no challenge/],
    ['with no challenge', { challenge: '' }, /no challenge/],
    ['with a challenge that is no text', { client: { challenge: 7 } }, /no challenge/],
  ]
  for (const [what, circumstances, why] of cases)
    test(`not ${what}`, async () => {
      const { call, approve, ran, used } = scene()
      const refused = await refusal(call(transfer, { approvals: [await approve(circumstances)] }))
      assert.match(reasonOf(refused), why)
      assert.deepEqual([ran(), used], [0, []])
      // Whatever was wrong, a caller is told the same.
      assert.deepEqual(Object.keys(refused.headers), ['www-authenticate', 'step-up-options'])
      assert.deepEqual([refused.code, refused.message], ['step_up_required', 'A stronger authentication is required.'])
      assert.doesNotMatch(JSON.stringify([toProblem(refused), refused]) + reasonOf(refused), /evil|example\.com/)
    })

  test('not with a challenge whose expiry was put off', async () => {
    const { call, approve, ask, ran } = scene()
    const bytes = Buffer.from((await ask()).challenge, 'base64url')
    bytes.writeBigUInt64BE(bytes.readBigUInt64BE(16) + 1_000n, 16)
    const approvals = [await approve({ challenge: bytes.toString('base64url') })]
    assert.match(reasonOf(await refusal(call(transfer, { approvals }))), /no challenge/)
    assert.equal(ran(), 0)
  })

  test('not of a passkey that the caller does not have', async () => {
    const { call, ask, ran } = scene()
    const approvals = [new SoftwareAuthenticator().assert(await ask(), origin)]
    assert.match(reasonOf(await refusal(call(transfer, { approvals }))), /does not have/)
    assert.equal(ran(), 0)
  })

  test('not of a passkey whose key signed nothing', async () => {
    const [own, other] = [new SoftwareAuthenticator(), new SoftwareAuthenticator()]
    const { call, ask } = scene({ credentials: () => [{ ...other.passkey(), id: own.id }] })
    assert.match(reasonOf(await refusal(call(transfer, { approvals: [own.assert(await ask(), origin)] }))), /does not verify/)
  })

  test('not with a counter that went back, or stood still', async () => {
    const { call, approve, authenticator, used } = scene()
    await call(transfer, { approvals: [await approve({ counter: 5 })] })
    for (const counter of [5, 4, 0])
      assert.match(reasonOf(await refusal(call(transfer, { approvals: [await approve({ counter })] }))), /does not verify/)
    await call(transfer, { approvals: [await approve({ counter: 6 })] })
    assert.deepEqual(
      used.map(([, counter]) => counter),
      [5, 6],
    )
    assert.equal(used[0]?.[0], authenticator.id)
  })

  test('what is no assertion is none', async () => {
    const { call, approve } = scene()
    const good = JSON.parse(Buffer.from(await approve(), 'base64url').toString()) as Record<string, unknown>
    const text = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
    const { response, ...rest } = good
    const wrong = [
      'null',
      '[]',
      '7',
      '{',
      '"x"',
      rest,
      { ...good, id: 7 },
      { ...good, rawId: undefined },
      { ...good, type: 'password' },
      { ...good, response: [] },
      { ...good, response: { ...(response as object), signature: 1 } },
      `{"id":"a","id":"b",${JSON.stringify(good).slice(1)}`,
      '['.repeat(10_000),
    ].map(text)
    for (const approvals of [['é', '%', '=', 'A', 'AAAAA'], wrong.slice(0, 8), wrong.slice(8)])
      assert.match(reasonOf(await refusal(call(transfer, { approvals }))), /no assertion came/)
    const differs = { ...good, rawId: 'AAAA' }
    assert.equal((await refusal(call(transfer, { approvals: [text(differs)] }))).code, 'step_up_required')
  })
})

describe('what it rests on', () => {
  test('a caller without a passkey is denied', async () => {
    const refused = await refusal(scene({ credentials: async () => [] }).call())
    assert.deepEqual([refused.code, refused.status, refused.headers], ['denied', 403, {}])
  })

  test('passkeys that cannot be had refuse', async () => {
    const broken = [
      () => Promise.reject(new Error('down')),
      () => {
        throw new Error('down')
      },
    ]
    for (const credentials of broken) assert.equal((await refusal(scene({ credentials }).call())).code, 'keys_unavailable')
  })

  test('passkeys that do not answer refuse', async () => {
    const { call, clock } = scene({ credentials: () => new Promise(() => {}) })
    const running = refusal(call())
    await new Promise((resolve) => setTimeout(resolve, 20))
    clock.advance(5_000)
    assert.equal((await running).code, 'keys_unavailable')
  })

  test('passkeys that make no sense refuse', async () => {
    const good = new SoftwareAuthenticator().passkey()
    for (const nonsense of [
      null,
      {},
      [null],
      [{}],
      [{ ...good, id: 'a b' }],
      [{ ...good, publicKey: 'AAAA' }],
      [{ ...good, counter: -1 }],
      [{ ...good, counter: Number.NaN }],
      [{ ...good, transports: 'usb' }],
      [{ ...good, transports: [7] }],
    ])
      assert.equal((await refusal(scene({ credentials: () => nonsense as never }).call())).code, 'misconfigured', JSON.stringify(nonsense))
  })

  test('a store that fails, is full or answers nonsense refuses, and so does onUsed', async () => {
    const full = memoryState({ maxEntries: 1 })
    await full.add('x', Number.POSITIVE_INFINITY, 0)
    const describeIt = () => ({})
    const failing: [Partial<WebauthnStepUpOptions>, string][] = [
      [{ store: full }, 'keys_unavailable'],
      [{ store: { add: () => Promise.reject(new Error('down')), describe: describeIt } }, 'keys_unavailable'],
      [{ store: { add: () => 1 as never, describe: describeIt } }, 'step_up_required'],
      [{ onUsed: () => Promise.reject(new Error('down')) }, 'keys_unavailable'],
    ]
    for (const [options, code] of failing) {
      const { call, approve, ran } = scene(options)
      assert.deepEqual([(await refusal(call(transfer, { approvals: [await approve()] }))).code, ran()], [code, 0])
    }
  })

  test('a server that does not look at the challenge, or does not say that it verified, refuses', async () => {
    const real = server.verifyAuthenticationResponse
    const lazy: (typeof real)[] = [
      (options) => real({ ...options, expectedChallenge: () => true }),
      async (options) => ({ ...(await real(options)), verified: false }),
      async (options) => ({ ...(await real(options)), verified: 1 as never }),
      async (options) => {
        const found = await real(options)
        return { ...found, authenticationInfo: { ...found.authenticationInfo, userVerified: false } }
      },
    ]
    for (const verifyAuthenticationResponse of lazy) {
      const { call, approve, ran } = scene({ server: { ...server, verifyAuthenticationResponse } })
      assert.deepEqual([(await refusal(call(transfer, { approvals: [await approve()] }))).code, ran()], ['step_up_required', 0])
    }
  })

  test('a guard without it does not start where policy wants a passkey, and it stands behind authorize', () => {
    const policy = policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit', obligations: [{ type: 'require_passkey' }] }] })
    const identified = guard().use(unaudited()).use(control('x', {}))
    assert.throws(() => identified.use(webauthnStepUp({ server, relyingParty, credentials: () => [] }) as never), /put verifyIdentity\(\) before it/)
    const chain = scene().chain
    assert.doesNotThrow(() => chain.protect(() => 1, { action: 'a', resource: { type: 't', id: 'i' } }))
    const bare = guard()
      .use(unaudited())
      .use(builtIn<Call, Pick<Known, 'identity'>>('verifyIdentity', {}, { adds: ['identity'] }, {}))
      .use(authorize({ evaluator: policy }))
    assert.throws(() => bare.protect(() => 1, { action: 'a', resource: { type: 't', id: 'i' } }), /obliges to 'require_passkey'/)
  })

  test('a call on behalf of an approved one needs its own approval', async () => {
    const { chain, approve } = scene()
    const inner = chain.protect(() => 'inner', { action: 'chat', resource: { type: 'model', id: 'm' } })
    const outer = chain.protect((_input: unknown, call) => inner({}, { onBehalfOf: call }), {
      action: 'transfer',
      resource: { type: 'account', id: 'account-1', properties: { owner: 'ada' } },
    })
    assert.equal((await refusal(outer(transfer, { approvals: [await approve()] }))).code, 'step_up_required')
  })

  test('is not shared without the memory of what was used', () => {
    assert.throws(() => scene({ secret: new Uint8Array(32) }), TypeError)
  })

  test('describes itself without secrets', () => {
    const { chain } = scene({ secret: new Uint8Array(32).fill(65), store: memoryState() })
    const [described] = chain.describe().controls.filter(({ name }) => name === 'webauthnStepUp')
    assert.deepEqual(described, {
      name: 'webauthnStepUp',
      adds: [],
      fulfills: ['require_passkey'],
      options: { relyingParty, maxAge: 300, store: { kind: 'memory', maxEntries: 100_000 } },
    })
  })

  test('is checked when it is made', () => {
    const good = { server, relyingParty, credentials: () => [] }
    assert.doesNotThrow(() => webauthnStepUp({ ...good, relyingParty: { id: 'localhost', origins: 'http://localhost:3000' } }))
    assert.doesNotThrow(() => webauthnStepUp({ ...good, relyingParty: { id: 'example.com', origins: ['android:apk-key-hash:abc_-9'] } }))
    for (const wrong of [
      { server: undefined },
      { server: {} },
      { relyingParty: undefined },
      { relyingParty: { id: '', origins: origin } },
      { relyingParty: { id: 'https://example.com', origins: origin } },
      { relyingParty: { id: 'Example.com', origins: origin } },
      { relyingParty: { id: 'example.com:443', origins: origin } },
      { relyingParty: { id: 'example.com', origins: [] } },
      { relyingParty: { id: 'example.com', origins: 'https://app.example.com/' } },
      { relyingParty: { id: 'example.com', origins: 'http://app.example.com' } },
      { relyingParty: { id: 'example.com', origins: [origin, 7] } },
      { relyingParty: { id: 'example.com', origins: origin, name: 'x' } },
      { credentials: [] },
      { onUsed: true },
      { store: {} },
      { maxAge: 0 },
      { maxAge: Number.NaN },
      { maxAge: 86_401 },
      { secret: new Uint8Array(31) },
      { secret: 'x'.repeat(32) },
      { other: 1 },
    ])
      assert.throws(() => webauthnStepUp({ ...good, ...wrong } as never), TypeError, JSON.stringify(wrong))
  })
})
