import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import type { Identity } from '../../src/guard/context.ts'
import { type GuardError, type GuardErrorCode, reasonOf } from '../../src/guard/errors.ts'
import { opaque, type OpaqueOptions } from '../../src/identity/opaque.ts'
import type { Verifier } from '../../src/identity/verifier.ts'
import { dpopKey } from '../../src/testing/dpop-key.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'
import { type IntrospectionServer, introspectionServer, type Said } from './introspection-server.ts'

let clock: TestClock
let server: IntrospectionServer
let verifier: Verifier

const made = (options: Partial<OpaqueOptions> = {}): Verifier =>
  opaque({ issuer: server.issuer, introspection: server.url, client: server.client, clock, ...options })
const verify = (token: string, by = verifier): Promise<Identity> => by.verify({ authorization: `Bearer ${token}` })
const refused = (token: string, code: GuardErrorCode, by = verifier): Promise<void> => assert.rejects(verify(token, by), { code })

beforeEach(async (context) => {
  clock = testClock()
  server = await introspectionServer(context as TestContext, clock)
  verifier = made()
})
afterEach(() => assert.deepEqual(server.complaints, []))

describe('opaque', () => {
  test('gives the identity that the answer speaks of, deeply frozen (RFC 7662, section 2.2)', async () => {
    const exp = clock.now() / 1000 + 60
    const token = server.issue({
      exp,
      nbf: exp - 60,
      aud: ['api&1', 'https://other.example'],
      scope: 'read  write',
      roles: ['analyst'],
      groups: 'reader',
      tid: 'acme',
      jti: 'token-1',
      sid: 'session-1',
      acr: 'phr',
      amr: ['hwk', 'pin'],
      auth_time: 1_700_000_000,
      username: 'ada@example.org',
      act: { sub: 'agent-7' },
    })
    const identity = await verify(token)
    const { claims, ...rest } = identity
    assert.deepEqual(rest, {
      key: '18:https://id.exampleada',
      subject: 'ada',
      issuer: 'https://id.example',
      kind: 'user',
      tenant: 'acme',
      roles: ['analyst', 'reader'],
      scopes: ['read', 'write'],
      actors: [{ subject: 'agent-7' }],
      assurance: { acr: 'phr', amr: ['hwk', 'pin'], authenticatedAt: 1_700_000_000_000 },
      expiresAt: exp * 1000,
      tokenId: 'token-1',
    })
    assert.equal(claims.sid, 'session-1')
    assert.equal(claims.username, 'ada@example.org')
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
    assert.ok(frozen(identity))
    assert.ok(!JSON.stringify(identity).includes(token))
  })

  test('takes roles, tenant and kind from where it is told to', async () => {
    const own = made({ rolesClaim: 'groups', tenantClaim: 'org', kind: (claims) => (claims.bot === true ? 'agent' : 'user') })
    const { roles, tenant, kind } = await verify(server.issue({ groups: ['a'], roles: ['b'], org: 'acme', bot: true }), own)
    assert.deepEqual({ roles, tenant, kind }, { roles: ['a'], tenant: 'acme', kind: 'agent' })
    assert.equal((await verify(server.issue({ sub: 'web' }))).kind, 'service')
    assert.equal((await verify(server.issue(), made({ kind: 'device' }))).kind, 'device')
    await refused(server.issue(), 'identity_invalid', made({ kind: (async () => 'user') as never }))
  })

  test('without a subject, refuses, or takes a client for itself where it is told that this is meant', async () => {
    const token = server.issue({ sub: undefined })
    await refused(token, 'identity_invalid')
    const { subject, kind } = await verify(token, made({ withoutSubject: 'client' }))
    assert.deepEqual({ subject, kind }, { subject: 'web', kind: 'service' })
    assert.equal((await verify(server.issue(), made({ withoutSubject: 'client' }))).subject, 'ada')
    await refused(server.issue({ sub: undefined, client_id: undefined }), 'identity_invalid', made({ withoutSubject: 'client' }))
    await refused(server.issue({ sub: '' }), 'identity_invalid', made({ withoutSubject: 'client' }))
  })
})

const wrong: readonly { readonly name: string; readonly said: Said; readonly code?: GuardErrorCode }[] = [
  { name: 'that the server does not know', said: { active: false } },
  { name: 'of another issuer', said: { iss: 'https://evil.example' } },
  { name: 'of an issuer that is no text', said: { iss: ['https://id.example'] } },
  { name: 'of no issuer but null', said: { iss: null } },
  { name: 'for another audience', said: { aud: 'https://other.example' } },
  { name: 'for an audience that is no text', said: { aud: ['api&1', 7] } },
  { name: 'for no audience but an empty list', said: { aud: [] } },
  { name: 'without an expiry', said: { exp: undefined } },
  { name: 'with an expiry that is a text', said: { exp: '4000000000' } },
  { name: 'with an expiry that is null', said: { exp: null } },
  { name: 'that has expired, whatever active says', said: { exp: 1_600_000_000 }, code: 'identity_expired' },
  { name: 'that is not valid yet', said: { nbf: 4_000_000_000 } },
  { name: 'that was issued in the future', said: { iat: 4_000_000_000 } },
  { name: 'without a subject', said: { sub: undefined } },
  { name: 'with a subject that is a number', said: { sub: 7 } },
  { name: 'with a client that is a number', said: { client_id: 7 } },
  { name: 'with a scope that is a number', said: { scope: 7 } },
  { name: 'with an act that is a list', said: { act: [{ sub: 'x' }] } },
  { name: 'with an amr of numbers', said: { amr: [1] } },
  { name: 'with a jti that is a number', said: { jti: 1 } },
  { name: 'that has no type, as refresh tokens have none', said: { token_type: undefined } },
  { name: 'that says to be a refresh token', said: { token_type: 'refresh_token' } },
  { name: 'of a type that nobody takes here', said: { token_type: 'mac' } },
  { name: 'of a type that is no text', said: { token_type: ['Bearer'] } },
  { name: 'of another use', said: { token_use: 'refresh_token' } },
  { name: 'of another usage', said: { token_usage: 'urn:ietf:params:oauth:token-type:refresh_token' } },
  { name: 'that is an offline token', said: { typ: 'Offline' } },
  { name: 'that is an ID token by its typ', said: { typ: 'ID' } },
  { name: 'that has what only ID tokens have', said: { at_hash: 'x' } },
  { name: 'that is an event', said: { events: {} } },
  { name: 'that is bound to a key, and comes alone', said: { token_type: 'DPoP', cnf: { jkt: 'A'.repeat(43) } }, code: 'binding_invalid' },
  { name: 'that is said to be bound, and not to what', said: { token_type: 'DPoP' }, code: 'binding_invalid' },
  { name: 'that is bound to a key, and said to be its bearer’s', said: { cnf: { jkt: 'A'.repeat(43) } }, code: 'binding_invalid' },
  { name: 'that is bound to a certificate, and comes without', said: { cnf: { 'x5t#S256': 'A'.repeat(43) } }, code: 'binding_invalid' },
  { name: 'that is bound in an unknown way', said: { cnf: { kid: 'k' } }, code: 'binding_invalid' },
  { name: 'with a confirmation that says nothing', said: { cnf: {} }, code: 'binding_invalid' },
  { name: 'with a confirmation that is null', said: { cnf: null }, code: 'binding_invalid' },
]

describe('opaque refuses a token', () => {
  for (const { name, said, code = 'identity_invalid' } of wrong)
    test(name, async () => {
      const token = server.issue(said)
      for (const by of [verifier, verifier, made({ tokenType: 'optional', withoutSubject: 'refuse' })]) {
        if (by !== verifier && name.startsWith('that has no type')) continue
        await assert.rejects(verify(token, by), (error: GuardError) => {
          assert.equal(error.code, code, reasonOf(error))
          assert.ok(!reasonOf(error).includes(token), 'the token is not told')
          return true
        })
      }
      assert.equal((await verify(server.issue())).subject, 'ada', 'and nobody else')
    })

  test('for whatever else active is', async () => {
    for (const active of ['true', 1, null, [], {}, undefined]) {
      await refused(server.issue({ active }), 'keys_unavailable', made())
    }
  })

  test('that has no type, unless the server is one that never tells it', async () => {
    const lenient = made({ tokenType: 'optional' })
    assert.equal((await verify(server.issue({ token_type: undefined }), lenient)).subject, 'ada')
    for (const mark of [{ token_use: 'access_token' }, { token_usage: 'access_token' }, { typ: 'at+jwt' }, { typ: 'Bearer' }])
      assert.equal((await verify(server.issue({ token_type: undefined, ...mark }), lenient)).subject, 'ada')
    await refused(server.issue({ token_type: undefined, token_use: 'refresh_token' }), 'identity_invalid', lenient)
    await refused(server.issue({ token_type: 'refresh_token' }), 'identity_invalid', lenient)
  })
})

describe('opaque and whom a token is for', () => {
  test('without an audience: what the server lets this client see, and no other name', async () => {
    await verify(server.issue({ aud: undefined }))
    await verify(server.issue({ aud: 'api&1' }))
    await refused(server.issue({ aud: 'https://api.example' }), 'identity_invalid')
  })

  test('with one: only what names it', async () => {
    const strict = made({ audience: ['https://api.example', 'https://api2.example'] })
    await verify(server.issue({ aud: ['https://x.example', 'https://api2.example'] }), strict)
    for (const aud of [undefined, 'api&1', 'https://api.example/']) await refused(server.issue({ aud }), 'identity_invalid', strict)
  })

  test('any, where it is said', async () => {
    for (const aud of [undefined, 'https://x.example', ['y']]) await verify(server.issue({ aud }), made({ audience: 'any' }))
  })
})

describe('opaque takes', () => {
  test('what is no JWT, by its looks alone', async () => {
    const jwt = await testIssuer().mint()
    const takes = (authorization: string, by = verifier): boolean => by.accepts({ authorization })
    assert.ok(takes(`Bearer ${server.issue()}`) && takes(`DPoP ${server.issue()}`) && takes(`bearer ${server.issue()}`))
    assert.ok(!takes(`Bearer ${jwt}`) && !takes('Bearer with.a.dot.in.it') && !takes(`ApiKey ${server.issue()}`) && !takes(`Basic ${server.issue()}`))
    assert.ok(!verifier.accepts({}) && !verifier.accepts({ apiKey: server.issue() }))
    const prefixed = made({ prefix: 'ey' })
    assert.ok(takes('Bearer ey.with.a.dot', prefixed) && takes('Bearer eyAbc', prefixed))
    assert.ok(!takes(`Bearer ${jwt}`, prefixed) && !takes('Bearer other', prefixed))
    await assert.rejects(verifier.verify({}), { code: 'identity_missing' })
    assert.equal(server.asked.length, 0)
  })

  test('no malformed token, and asks nobody about it (RFC 6750, section 2.1)', async () => {
    const long = 'A'.repeat(20)
    for (const token of ['', 'x', 'A'.repeat(15), 'A'.repeat(4097), `${long} `, `${long}=A`, '='.repeat(20), `${long}é`, `${long}"`, `${long}\n`])
      await refused(token, 'identity_invalid')
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 16, maxLength: 64, unit: 'binary' }).filter((text) => !/^[A-Za-z0-9._~+/-]+=*$/.test(text)),
        (text) => refused(text, 'identity_invalid'),
      ),
      { numRuns: 50 },
    )
    assert.equal(server.asked.length, 0)
    for (const token of ['A'.repeat(16), 'A'.repeat(4096), '-_~+/AbcdEfgh1234=='])
      await assert.rejects(verify(token), (error: GuardError) => reasonOf(error).includes('does not call the token active'))
    assert.deepEqual(server.asked, ['A'.repeat(16), 'A'.repeat(4096), '-_~+/AbcdEfgh1234=='], 'whole and as they came')
  })

  test('a bound token with its proof, each time a new one, and asks about the token once (RFC 9449, sections 6.2 and 7.1)', async () => {
    const key = await dpopKey({ clock })
    const token = server.issue({ token_type: 'DPoP', cnf: { jkt: key.jkt } })
    const channel = { secure: true, method: 'POST', url: 'https://api.example/chat' } as const
    const proof = (): Promise<string> => key.proof({ method: 'POST', url: channel.url, token })
    const authorization = `DPoP ${token}`
    const first = await proof()
    const identity = await verifier.verify({ authorization, dpop: first }, channel)
    assert.equal(identity.binding, 'dpop')
    assert.equal(identity.device?.id, key.jkt)
    assert.equal(await verifier.verify({ authorization, dpop: await proof() }, channel), identity)
    await assert.rejects(verifier.verify({ authorization, dpop: first }, channel), { code: 'replayed' })
    await assert.rejects(verifier.verify({ authorization, dpop: await (await dpopKey({ clock })).proof({ ...channel, token }) }, channel), {
      code: 'binding_invalid',
    })
    assert.equal(server.asked.length, 1)
  })

  test('no scheme without its proof and no proof without its scheme, and asks nobody', async () => {
    const key = await dpopKey({ clock })
    const token = server.issue({ token_type: 'DPoP', cnf: { jkt: key.jkt } })
    const dpop = await key.proof({ method: 'POST', url: 'https://api.example/chat', token })
    for (const credentials of [{ authorization: `DPoP ${token}` }, { authorization: `Bearer ${token}`, dpop }])
      await assert.rejects(verifier.verify(credentials), { code: 'binding_invalid' })
    assert.equal(server.asked.length, 0)
    await assert.rejects(verifier.verify({ authorization: `DPoP ${server.issue()}`, dpop }), { code: 'binding_invalid' }, 'a token that is not bound')
  })
})

describe('opaque does not start', () => {
  test('with options that are wrong', () => {
    const bad: Readonly<Record<string, unknown>>[] = [
      { issuer: '' },
      { issuer: 'urn:sallyport:x' },
      { introspection: 'https://id.example/introspect' },
      { introspection: new URL('http://id.example/introspect') },
      { introspection: new URL('https://user:password@id.example/introspect') },
      { client: undefined },
      { client: { id: 'a' } },
      { client: { id: '', secret: 's' } },
      { client: { id: 'a', secret: 's', method: 'none' } },
      { client: { id: 'a', secret: 's', token: () => 't' } },
      { client: { id: 'a', secret: 's', other: 1 } },
      { client: { token: 'text' } },
      { client: { token: () => 't' } },
      { client: { id: 'a', key: {}, algorithm: 'ES256' } },
      { audience: [] },
      { prefix: 'with space' },
      { cache: -1 },
      { cache: Number.NaN },
      { maxCached: 0 },
      { maxPending: 0 },
      { timeout: 0 },
      { tokenType: 'whatever' },
      { withoutSubject: 'sub' },
      { clockTolerance: 301 },
      { kind: 'robot' },
      { dpop: { maxAge: 0 } },
      { fetch: 'fetch' },
      { clock: {} },
      { unknown: 1 },
    ]
    for (const options of bad) assert.throws(() => made(options as never), TypeError, JSON.stringify(options))
    assert.throws(() => opaque(undefined as never), TypeError)
  })

  test('but with right ones, and shows nothing secret of them', () => {
    const { secret } = server.client
    const described = JSON.stringify([
      verifier.describe(),
      made({ client: { id: 'x', secret: 'very-secret', method: 'post' } }).describe(),
      made({ client: { token: () => 'very-secret', id: 'x' } }).describe(),
    ])
    assert.ok(!described.includes(secret) && !described.includes('very-secret') && !described.includes('realm=one'))
    assert.match(described, /"client":\{"method":"basic","id":"api&1"\}/)
    assert.match(described, /"dpop":\{/)
  })

  test('and keeps to the options that it was given', async () => {
    const client = { ...server.client }
    const introspection = new URL(server.url)
    const audience = ['https://api.example']
    const own = made({ client, introspection, audience })
    client.secret = 'other'
    introspection.pathname = '/other'
    audience[0] = 'https://evil.example'
    await verify(server.issue({ aud: 'https://api.example' }), own)
    let read = 0
    const changing = {
      issuer: server.issuer,
      introspection: server.url,
      client: server.client,
      clock,
      get audience(): string {
        return read++ === 0 ? 'https://api.example' : 'any'
      },
    }
    await refused(server.issue({ aud: 'https://other.example' }), 'identity_invalid', opaque(changing))
  })
})
