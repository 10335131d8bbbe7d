import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Call, Identity, Known } from '../../src/guard/context.ts'
import { guard } from '../../src/guard/guard.ts'
import { countFactors } from '../../src/identity/factors.ts'
import { delegated, type DelegatedOptions } from '../../src/identity/delegated.ts'
import { type DelegateOptions, delegator, type DelegatorOptions } from '../../src/identity/delegator.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { type RevocationList, type RevocationTarget, revocationList } from '../../src/identity/revocation-list.ts'
import type { Verifier } from '../../src/identity/verifier.ts'
import { plainText } from '../../src/payload/plain-text.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { dpopKey } from '../../src/testing/dpop-key.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'

const { privateKey } = await generateKeyPair('ES256', { extractable: true })
const key: JWK = { ...(await exportJWK(privateKey)), kid: 'bot-1' }
const files = 'https://files.example'
const wanted: DelegateOptions = { scopes: 'read', ttl: 60, audience: files }

function scene(
  options: { clock?: TestClock; revocation?: RevocationList; delegator?: Partial<DelegatorOptions>; verifier?: Partial<DelegatedOptions> } = {},
) {
  const { clock = testClock() } = options
  const issuer = testIssuer({ clock })
  const maker = delegator({ issuer: 'https://bot.example', key, clock, ...options.delegator })
  const verifier = delegated({
    issuer: 'https://bot.example',
    subjectsOf: issuer.issuer,
    audience: files,
    keys: maker.jwks,
    clock,
    ...options.verifier,
  })
  const guardOf = (...verifiers: Verifier[]) =>
    guard({ name: 'support-bot', clock, onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers, ...(options.revocation && { revocation: options.revocation }) }))
      .use(authorize({ evaluator: allowAll() }))
  const base = guardOf(jwt({ ...issuer.options, clock }))
  const run = async <T>(task: (call: Call & Pick<Known, 'identity'>) => Promise<T>, claims: object = {}, expiresIn = 300): Promise<T> => {
    let result: { readonly value: T } | undefined
    const protectedTask = base.protect(
      async (_input: string, call) => {
        result = { value: await task(call) }
        return ''
      },
      { action: 'invoke_agent', resource: { type: 'agent', id: 'a' }, codec: plainText },
    )
    await protectedTask('go', {
      credentials: await issuer.bearer({ sub: 'ada', scope: 'read write', roles: ['analyst'], sid: 's1', jti: 't1', ...claims }, { expiresIn }),
    })
    assert.ok(result)
    return result.value
  }
  const make = (more: Partial<DelegateOptions> = {}, claims: object = {}, expiresIn?: number) =>
    run((call) => maker.delegate(call, { ...wanted, ...more }), claims, expiresIn)
  const verify = (token: string): Promise<Identity> => verifier.verify({ authorization: `Bearer ${token}` })
  return { clock, issuer, maker, verifier, guardOf, run, make, verify }
}

const claimsOf = (token: string): Record<string, unknown> => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as never

describe('a delegated token (RFC 8693, section 4.1; A6)', () => {
  test('speaks of the caller, by the same key, and of who acts for it', async () => {
    const { make, verify, clock } = scene()
    const identity = await verify(
      await make({ roles: 'analyst' }, { act: { sub: 'front', iss: 'https://front.example' }, tenant: 'acme', acr: 'phr', amr: ['hwk'] }),
    )
    const { claims, expiresAt, tokenId, ...rest } = identity
    assert.deepEqual(rest, {
      key: '22:https://issuer.exampleada',
      subject: 'ada',
      issuer: 'https://issuer.example',
      kind: 'user',
      tenant: 'acme',
      roles: ['analyst'],
      scopes: ['read'],
      actors: [
        { subject: 'support-bot', issuer: 'https://bot.example' },
        { subject: 'front', issuer: 'https://front.example' },
      ],
      assurance: { acr: 'phr', amr: ['hwk'] },
    })
    assert.equal(expiresAt, clock.now() + 60_000)
    assert.ok(tokenId !== undefined && tokenId !== 't1')
    assert.equal(claims.aud, files)
  })

  test('holds nothing that was not asked for, and nothing that the caller does not have', async () => {
    const { make, verify, run, maker } = scene()
    const identity = await verify(await make({ scopes: [] }))
    assert.deepEqual([identity.scopes, identity.roles], [[], []])
    for (const more of [{ scopes: 'admin' }, { scopes: ['read', 'admin'] }, { roles: 'owner' }, { scopes: 'READ' }])
      await run((call) => assert.rejects(maker.delegate(call, { ...wanted, ...more }), { code: 'denied' }))
  })

  test('is always shorter than what it was made from', async () => {
    const { make, clock } = scene()
    for (const [ttl, expiresIn] of [
      [60, 300],
      [299, 300],
      [300, 300],
      [1e9, 20],
      [1e9, 5_000],
    ] as const) {
      const { exp } = claimsOf(await make({ ttl }, {}, expiresIn))
      assert.ok(typeof exp === 'number')
      const left = exp - Math.floor(clock.now() / 1000)
      assert.ok(left < expiresIn && left <= ttl && left <= 300 && left > 0, `${ttl} of ${expiresIn}: ${left}`)
    }
    await assert.rejects(make({}, {}, 1), { code: 'identity_expired' })
  })

  test('is for one audience, of one issuer, by its own verifier, and for subjects that it was trusted with', async () => {
    const { make, maker, issuer, verify, clock } = scene()
    const token = await make()
    await verify(token)
    const refused = (verifier: Verifier) => assert.rejects(verifier.verify({ authorization: `Bearer ${token}` }), { code: 'identity_invalid' })
    const options = { issuer: 'https://bot.example', subjectsOf: issuer.issuer, audience: files, keys: maker.jwks, clock }
    await refused(delegated({ ...options, audience: 'https://mail.example' }))
    await refused(delegated({ ...options, subjectsOf: 'https://other.example' }))
    await refused(delegated({ ...options, issuer: 'https://other.example' }))
    await refused(jwt({ issuer: 'https://bot.example', audience: files, keys: maker.jwks, clock }))
    await refused(jwt({ issuer: 'https://bot.example', audience: files, keys: maker.jwks, claims: 'minimal', typ: 'JWT', clock }))
    await refused(jwt({ ...issuer.options, clock }))
    const { publicKey } = await generateKeyPair('ES256')
    await refused(delegated({ ...options, keys: { keys: [{ ...(await exportJWK(publicKey)), kid: 'bot-1' }] } }))
  })

  test('expires by itself', async () => {
    const { make, verify, clock } = scene()
    const token = await make()
    clock.advance(59_999)
    await verify(token)
    clock.advance(1)
    await assert.rejects(verify(token), { code: 'identity_expired' })
  })

  test('cannot be made larger by whoever holds it', async () => {
    const { make, verify } = scene()
    const [header = '', , signature = ''] = (await make()).split('.')
    const claims = claimsOf(await make())
    for (const more of [{ scope: 'read write' }, { sub: 'root' }, { exp: 4e9 }, { act: {} }, { made_of: [] }]) {
      const forged = Buffer.from(JSON.stringify({ ...claims, ...more })).toString('base64url')
      await assert.rejects(verify(`${header}.${forged}.${signature}`), { code: 'identity_invalid' })
    }
  })

  test('is refused where a claim is missing or malformed, even when it is signed', async () => {
    const { make, verify } = scene()
    const claims = claimsOf(await make())
    const signed = (more: object) =>
      new SignJWT(JSON.parse(JSON.stringify({ ...claims, ...more })) as never)
        .setProtectedHeader({ alg: 'ES256', typ: 'delegation+jwt', kid: 'bot-1' })
        .sign(privateKey)
    await verify(await signed({}))
    for (const name of Object.keys(claims).filter((name) => !['scope', 'roles', 'sid'].includes(name)))
      await assert.rejects(verify(await signed({ [name]: undefined })), { code: 'identity_invalid' }, name)
    for (const more of [
      { sub: 'root' },
      { sub_id: { format: 'opaque', id: 'ada' } },
      { sub_id: { format: 'iss_sub', iss: 'https://evil.example', sub: 'ada' } },
      { made_of: [] },
      { made_of: [{ jti: 'x' }] },
      { made_of: [{ iss: 'x', jti: 5 }] },
      { made_of: Array.from({ length: 20 }, () => ({ iss: 'x' })) },
      { kind: 'root' },
      { act: 'me' },
    ])
      await assert.rejects(verify(await signed(more)), { code: 'identity_invalid' }, JSON.stringify(more))
  })

  test('falls with whatever it was made from, and with whoever acts', async () => {
    const targets: RevocationTarget[] = [
      { token: 't1' },
      { token: 't1', issuer: 'https://issuer.example' },
      { session: 's1' },
      { subject: 'ada' },
      { subject: '22:https://issuer.exampleada' },
      { issuer: 'https://issuer.example' },
      { key: 'test-1' },
      { issuer: 'https://bot.example' },
      { key: 'bot-1' },
      { subject: 'support-bot' },
    ]
    for (const target of targets) {
      const revocation = revocationList()
      const { make, guardOf, verifier } = scene({ revocation })
      const token = await make()
      let ran = 0
      const call = guardOf(verifier).protect(() => `${++ran}`, { action: 'x', resource: { type: 'y', id: 'z' }, codec: plainText })
      await call('x', { credentials: { authorization: `Bearer ${token}` } })
      await revocation.revoke(target)
      await assert.rejects(call('x', { credentials: { authorization: `Bearer ${token}` } }), { code: 'identity_revoked' }, JSON.stringify(target))
      assert.equal(ran, 1)
    }
  })

  test('falls when what was issued before a time is revoked, though it was itself made later', async () => {
    const revocation = revocationList()
    const { make, guardOf, verifier, clock, run, maker } = scene({ revocation })
    const call = guardOf(verifier).protect(() => 'x', { action: 'x', resource: { type: 'y', id: 'z' }, codec: plainText })
    const issuedAt = clock.now()
    const token = await run(async (own) => {
      clock.advance(10_000)
      return maker.delegate(own, wanted)
    })
    await call('x', { credentials: { authorization: `Bearer ${token}` } })
    await revocation.revoke({ subject: 'ada', issuedBefore: issuedAt + 5_000 })
    await assert.rejects(call('x', { credentials: { authorization: `Bearer ${token}` } }), { code: 'identity_revoked' })
    assert.ok(await make())
  })

  test('can be delegated further, narrower each time, and only so deep', async () => {
    const clock = testClock()
    const revocation = revocationList({ clock })
    const { make, guardOf, verifier, maker } = scene({ clock, revocation, delegator: { maxDepth: 2 } })
    const second = guardOf(verifier)
    const hop = async (token: string, more: Partial<DelegateOptions> = {}): Promise<string> => {
      let made = ''
      const task = second.protect(
        async (_input: string, call) => {
          made = await maker.delegate(call, { ...wanted, actor: 'sub-agent', ...more })
          return ''
        },
        { action: 'x', resource: { type: 'y', id: 'z' }, codec: plainText },
      )
      await task('x', { credentials: { authorization: `Bearer ${token}` } })
      return made
    }
    const first = await make()
    const deeper = await hop(first)
    const identity = await verifier.verify({ authorization: `Bearer ${deeper}` })
    assert.deepEqual(
      identity.actors.map(({ subject }) => subject),
      ['sub-agent', 'support-bot'],
    )
    assert.ok(identity.expiresAt < clock.now() + 60_000)
    await assert.rejects(hop(first, { scopes: 'write' }), { code: 'denied' })
    await assert.rejects(hop(deeper), { code: 'denied' })
    // The token in the middle is revoked by its own id.
    await revocation.revoke({ token: first })
    await assert.rejects(hop(deeper), { code: 'identity_revoked' })
  })

  test('of a caller that is bound to a key is bound as well', async () => {
    const { issuer, maker, clock, verifier } = scene()
    const mine = await dpopKey({ clock })
    const theirs = await dpopKey({ clock })
    const token = await issuer.mint({ sub: 'ada', scope: 'read', cnf: { jkt: mine.jkt } })
    const bound = guard({ clock, onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options, clock })] }))
      .use(authorize({ evaluator: allowAll() }))
    let made = ''
    const task = bound.protect(
      async (_input: string, call) => {
        await assert.rejects(async () => maker.delegate(call, wanted), TypeError)
        made = await maker.delegate(call, { ...wanted, jkt: theirs.jkt })
        return ''
      },
      { action: 'x', resource: { type: 'y', id: 'z' }, codec: plainText },
    )
    const request = { method: 'POST', url: 'https://api.example/chat' }
    await task('x', {
      credentials: { authorization: `DPoP ${token}`, dpop: await mine.proof({ ...request, token }) },
      channel: { secure: true, ...request },
    })
    await assert.rejects(verifier.verify({ authorization: `Bearer ${made}` }), { code: 'binding_invalid' })
    const there = { method: 'GET', url: `${files}/list` }
    const proof = await theirs.proof({ ...there, token: made })
    const identity = await verifier.verify({ authorization: `DPoP ${made}`, dpop: proof }, { secure: true, ...there })
    assert.equal(identity.binding, 'dpop')
    const stolen = await mine.proof({ ...there, token: made })
    await assert.rejects(verifier.verify({ authorization: `DPoP ${made}`, dpop: stolen }, { secure: true, ...there }), { code: 'binding_invalid' })
  })
})

describe('a delegated token of a device', () => {
  const operation = { action: 'x', resource: { type: 'y', id: 'z' }, codec: plainText }

  /** A user with a bound token, an agent that acts for it, and a second agent that acts for both: each with a key of its own. */
  async function chain() {
    const clock = testClock()
    const revocation = revocationList({ clock })
    const { issuer, maker, verifier, guardOf } = scene({ clock, revocation })
    const keys = [await dpopKey({ clock }), await dpopKey({ clock }), await dpopKey({ clock })] as const
    const at = { method: 'POST', url: `${files}/x` }
    const present = async (token: string, key: (typeof keys)[number]) => ({
      credentials: { authorization: `DPoP ${token}`, dpop: await key.proof({ ...at, token }) },
      channel: { secure: true, ...at },
    })
    const hand = async (from: ReturnType<typeof guardOf>, options: object, jkt: string): Promise<string> => {
      let made = ''
      const task = from.protect(async (_input: string, call) => {
        made = await maker.delegate(call, { ...wanted, jkt })
        return ''
      }, operation)
      await task('x', options)
      return made
    }
    const user = await issuer.mint({ sub: 'ada', scope: 'read', cnf: { jkt: keys[0].jkt } })
    const first = await hand(guardOf(jwt({ ...issuer.options, clock })), await present(user, keys[0]), keys[1].jkt)
    const second = await hand(guardOf(verifier), await present(first, keys[1]), keys[2].jkt)
    const run = guardOf(verifier).protect(() => 'in', operation)
    return {
      revocation,
      keys,
      run,
      first: async () => run('x', await present(first, keys[1])),
      second: async () => run('x', await present(second, keys[2])),
    }
  }

  test('falls with the device of the caller, and of any party between', async () => {
    const own = await chain()
    assert.equal(await own.first(), 'in')
    assert.equal(await own.second(), 'in')
    await own.revocation.revoke({ device: own.keys[1].jkt })
    await assert.rejects(own.first(), { code: 'identity_revoked' })
    await assert.rejects(own.second(), { code: 'identity_revoked' })
    const other = await chain()
    await other.revocation.revoke({ device: other.keys[0].jkt })
    await assert.rejects(other.first(), { code: 'identity_revoked' })
    await assert.rejects(other.second(), { code: 'identity_revoked' })
  })

  test('has as many factors as the caller had, whatever its holder is bound to', async () => {
    const { issuer, maker, verifier, guardOf, clock } = scene()
    const holder = await dpopKey({ clock })
    let made = ''
    const task = guardOf(jwt({ ...issuer.options, clock })).protect(async (_input: string, call) => {
      made = await maker.delegate(call, { ...wanted, jkt: holder.jkt })
      return ''
    }, operation)
    await task('x', { credentials: await issuer.bearer({ sub: 'test-client', scope: 'read' }) })
    const at = { method: 'POST', url: `${files}/x` }
    const identity = await verifier.verify(
      { authorization: `DPoP ${made}`, dpop: await holder.proof({ ...at, token: made }) },
      { secure: true, ...at },
    )
    assert.deepEqual([identity.kind, identity.binding, countFactors(identity)], ['service', 'dpop', 1])
  })
})

describe('delegating', () => {
  test('needs a call that is alive', async () => {
    const { run, maker } = scene()
    const finished = await run(async (call) => call)
    for (const call of [finished, { ...finished }, {}, null, undefined, { identity: { scopes: ['read'] } }])
      assert.throws(() => maker.delegate(call as never, wanted), TypeError)
    await run(async (call) => assert.throws(() => maker.delegate({ ...call }, wanted), TypeError))
  })

  test('makes nothing for a call that ended while it was asked about, and nothing by an option that changes', async () => {
    const clock = testClock()
    let answer = (_revoked: boolean): void => {}
    const slow = { isRevoked: () => new Promise<boolean>((resolve) => (answer = resolve)), subscribe: () => () => {}, describe: () => ({}) }
    const { run, maker } = scene({ clock, delegator: { revocation: slow } })
    let late: Promise<string> | undefined
    await run(async (call) => {
      late = maker.delegate(call, wanted)
      late.catch(() => {})
    })
    answer(false)
    await assert.rejects(async () => late, TypeError)
    const steady = scene()
    const audiences = [files, ['https://a.example', 'https://b.example']]
    const shifty = {
      ...wanted,
      get audience() {
        return audiences.shift() as string
      },
    }
    const token = await steady.run((call) => steady.maker.delegate(call, shifty))
    assert.equal(claimsOf(token).aud, files)
  })

  test('asks whether the caller was revoked meanwhile', async () => {
    const revocation = revocationList()
    const { run, maker } = scene({ delegator: { revocation } })
    await run(async (call) => {
      await revocation.revoke({ subject: 'ada' })
      await assert.rejects(maker.delegate(call, wanted), { code: 'identity_revoked' })
    })
  })

  test('is checked: options of the delegator, of the verifier and of each delegation', async () => {
    const { run, maker, issuer } = scene()
    const { d: _, ...publicHalf } = key
    for (const options of [
      { issuer: '' },
      { key: publicHalf },
      { key: { ...key, kid: undefined } },
      { maxTtl: 0 },
      { maxDepth: 9 },
      { unknown: 1 },
      { issuer: 'urn:sallyport:x' },
    ])
      assert.throws(() => delegator({ issuer: 'https://bot.example', key, ...options } as never), TypeError, JSON.stringify(options))
    for (const options of [{ subjectsOf: [] }, { subjectsOf: undefined }, { audience: undefined }, { keys: undefined }, { unknown: 1 }])
      assert.throws(
        () => delegated({ issuer: 'https://bot.example', subjectsOf: issuer.issuer, audience: files, keys: maker.jwks, ...options } as never),
        TypeError,
      )
    for (const options of [
      { ttl: 0 },
      { ttl: Number.NaN },
      { ttl: undefined },
      { audience: [files] },
      { audience: undefined },
      { scopes: undefined },
      { scopes: 'a b' },
      { jkt: 'short' },
      { unknown: 1 },
    ])
      await run(async (call) => assert.throws(() => maker.delegate(call, { ...wanted, ...options } as never), TypeError, JSON.stringify(options)))
  })

  test('publishes the public key and nothing else of it', () => {
    const { maker } = scene()
    assert.deepEqual(maker.jwks, { keys: [{ kty: 'EC', crv: 'P-256', x: key.x, y: key.y, kid: 'bot-1', alg: 'ES256', use: 'sig' }] })
    assert.ok(!JSON.stringify(maker).includes(String(key.d)))
  })
})
