import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { Credentials } from '../../src/guard/context.ts'
import { type GuardError, reasonOf } from '../../src/guard/errors.ts'
import type { JwtOptions } from '../../src/identity/jwt-options.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { localJwks } from '../../src/keys/jwks.ts'
import type { KeySource } from '../../src/keys/key-source.ts'
import { remoteJwks } from '../../src/keys/remote-jwks.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { type TestAlgorithm, testIssuer } from '../../src/testing/test-issuer.ts'
import { jwksServer } from '../keys/jwks-server.ts'
import { wrongCredentials } from './wrong-credentials.ts'

const issuer = testIssuer()
const verifier = jwt(issuer.options)

describe('jwt', () => {
  test('gives the identity that the claims speak of, deeply frozen', async () => {
    const identity = await verifier.verify(
      await issuer.bearer({
        sub: 'ada',
        roles: ['analyst', 'reader'],
        groups: 'reader',
        scope: 'read  write',
        scp: ['write', 'admin'],
        tid: 'acme',
        acr: 'phr',
        amr: ['hwk', 'pin'],
        auth_time: 1_700_000_000,
        jti: 'token-1',
        exp: 4_000_000_000,
        act: { sub: 'agent-7', iss: 'https://agents.example', act: { sub: 'agent-6' } },
        department: { name: 'research' },
      }),
    )
    const { claims, ...rest } = identity
    assert.deepEqual(rest, {
      key: '22:https://issuer.exampleada',
      subject: 'ada',
      issuer: 'https://issuer.example',
      kind: 'user',
      tenant: 'acme',
      roles: ['analyst', 'reader'],
      scopes: ['read', 'write', 'admin'],
      actors: [{ subject: 'agent-7', issuer: 'https://agents.example' }, { subject: 'agent-6' }],
      assurance: { acr: 'phr', amr: ['hwk', 'pin'], authenticatedAt: 1_700_000_000_000 },
      expiresAt: 4_000_000_000_000,
      tokenId: 'token-1',
    })
    assert.deepEqual(claims.department, { name: 'research' })
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
    assert.ok(frozen(identity))
  })

  test('takes what the claims leave out for nothing, and a client of its own name for a service', async () => {
    const { roles, scopes, actors, assurance, kind, tenant, binding } = await verifier.verify(await issuer.bearer({ sub: 'test-client' }))
    assert.deepEqual({ roles, scopes, actors, assurance, kind }, { roles: [], scopes: [], actors: [], assurance: { amr: [] }, kind: 'service' })
    assert.equal(tenant ?? binding, undefined)
  })

  for (const algorithm of ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'] as const satisfies readonly TestAlgorithm[])
    test(`verifies ${algorithm}, and the tokens of the test issuer are those that jose verifies`, async () => {
      const other = testIssuer({ algorithm })
      const token = await other.mint({ sub: 'ada' })
      const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...other.jwks.keys] }), {
        typ: 'at+jwt',
        issuer: other.issuer,
        audience: other.audience,
      })
      assert.equal(payload.sub, 'ada')
      assert.equal((await jwt(other.options).verify({ authorization: `Bearer ${token}` })).subject, 'ada')
      await assert.rejects(verifier.verify({ authorization: `Bearer ${token}` }), { code: 'identity_invalid' })
    })

  test('takes other spellings that standards call equal: the scheme, the long type, a list of audiences', async () => {
    const token = await issuer.mint({}, { header: { typ: 'application/AT+jwt' } })
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) await verifier.verify({ authorization: `${scheme} ${token}` })
    await verifier.verify(await issuer.bearer({ aud: ['https://other.example', 'https://api.example'] }))
    await jwt({ ...issuer.options, audience: ['https://a.example', 'https://api.example'] }).verify(await issuer.bearer())
  })

  test('takes Ed25519 by either of its names, and only by those that are allowed (RFC 9864)', async () => {
    const other = testIssuer({ algorithm: 'EdDSA' })
    const credentials = await other.bearer({}, { header: { alg: 'Ed25519' } })
    await jwt(other.options).verify(credentials)
    await assert.rejects(jwt({ ...other.options, algorithms: 'EdDSA' }).verify(credentials), { code: 'identity_invalid' })
  })

  test('without a kid, takes the only key that fits, and none where there are two', async () => {
    const other = testIssuer()
    const credentials = await other.bearer({}, { header: { kid: undefined } })
    await jwt(other.options).verify(credentials)
    other.rotate()
    await assert.rejects(jwt(other.options).verify(credentials), { code: 'identity_invalid' })
  })
})

describe('jwt refuses (A1)', () => {
  for (const { name, code, make } of wrongCredentials)
    test(name, async () => {
      const credentials = await make(issuer)
      const refusal = (error: GuardError): boolean => {
        assert.equal(error.code, code, reasonOf(error))
        const told = `${error.message} ${reasonOf(error)} ${JSON.stringify(error)}`
        for (const secret of Object.values(credentials))
          if (secret.length > 16) assert.ok(!told.includes(secret.slice(-16)), 'the credential is not told')
        return true
      }
      await assert.rejects(verifier.verify(credentials), refusal)
      await assert.rejects(verifier.verify(credentials), refusal, 'also when it comes again')
    })

  test('what it does not accept at a glance, and never throws for', async () => {
    assert.equal(verifier.accepts(await issuer.bearer()), true)
    assert.equal(verifier.accepts(await issuer.bearer({ iss: 'https://other.example' })), false)
    for (const credentials of [{}, { authorization: '' }, { apiKey: 'k' }, { authorization: 'Bearer x', apiKey: 'k' }])
      assert.equal(verifier.accepts(credentials), false)
  })

  test('any text at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }),
          fc.base64String().map((text) => `Bearer ${text}.${text}.${text}`),
        ),
        async (authorization) => {
          await assert.rejects(verifier.verify({ authorization }), { code: 'identity_invalid' })
        },
      ),
    )
  })

  test('a good token with one character changed anywhere', async () => {
    const token = await issuer.mint()
    const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ']
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...alphabet), async (place, character) => {
        fc.pre(token[place] !== character)
        const changed = `${token.slice(0, place)}${character}${token.slice(place + 1)}`
        // A character of the claims can put `exp` into the past, and that is refused before any key is asked for.
        const codes = ['identity_invalid', ...(saysItIsExpired(changed) ? ['identity_expired'] : [])]
        await assert.rejects(verifier.verify({ authorization: `Bearer ${changed}` }), (error: GuardError) => codes.includes(error.code))
      }),
    )
  })

  test('before any key is looked up: what is malformed, of another issuer, type or algorithm', async () => {
    let asked = 0
    const keys: KeySource = { find: () => void asked++, trusts: () => false, describe: () => ({}) }
    const counting = jwt({ ...issuer.options, keys })
    const cheap: Credentials[] = [
      await issuer.bearer({ iss: 'https://evil.example' }),
      await issuer.bearer({}, { header: { typ: 'JWT' } }),
      await issuer.bearer({}, { header: { alg: 'HS256' } }),
      await issuer.bearer({}, { header: { alg: 'none' } }),
      await issuer.bearer({}, { header: { crit: ['x'] } }),
      await issuer.bearer({ pad: 'x'.repeat(9000) }),
      { authorization: 'Bearer a.b.c' },
    ]
    for (const credentials of cheap) await assert.rejects(counting.verify(credentials), { code: 'identity_invalid' })
    assert.equal(asked, 0)
    await assert.rejects(counting.verify(await issuer.bearer()), { code: 'identity_invalid' })
    assert.equal(asked, 1)
  })

  test('the clock of an issuer may be a little ahead, and an expiry is exact', async () => {
    const clock = testClock()
    const other = testIssuer({ clock })
    const now = clock.now() / 1000
    const strict = jwt({ ...other.options, clock, clockTolerance: 0 })
    const lenient = jwt({ ...other.options, clock, clockTolerance: 10 })
    for (const claim of ['iat', 'nbf']) {
      await lenient.verify(await other.bearer({ [claim]: now + 10 }))
      await assert.rejects(lenient.verify(await other.bearer({ [claim]: now + 11 })), { code: 'identity_invalid' })
      await assert.rejects(strict.verify(await other.bearer({ [claim]: now + 1 })), { code: 'identity_invalid' })
    }
    await assert.rejects(lenient.verify(await other.bearer({ exp: now })), { code: 'identity_expired' })
  })

  test('a token that a remembered one became when it expired, or when its key was withdrawn', async (context) => {
    const clock = testClock()
    const other = testIssuer({ clock })
    const server = await jwksServer(context, () => other.jwks)
    const remote = jwt({ ...other.options, keys: remoteJwks(server.url), clock })
    const short = await other.bearer({}, { expiresIn: 60 })
    const long = await other.bearer({}, { expiresIn: 6000 })
    assert.equal(await remote.verify(long), await remote.verify(long), 'one identity for one token')
    await remote.verify(short)
    clock.advance(59_999)
    await remote.verify(short)
    clock.advance(1)
    await assert.rejects(remote.verify(short), { code: 'identity_expired' })
    const before = await remote.verify(long)
    clock.advance(600_000)
    assert.equal(await remote.verify(long), before, 'asked again, and the very key is still there')
    assert.equal(server.requests, 2)
    other.rotate()
    other.retire('test-1')
    clock.advance(600_001)
    await assert.rejects(remote.verify(long), { code: 'identity_invalid' })
  })

  test('when the keys cannot be had: as unavailable, and never as an impostor', async (context) => {
    const server = await jwksServer(context, () => issuer.jwks)
    server.answer = (response) => void response.writeHead(500).end()
    const remote = jwt({ ...issuer.options, keys: server.url })
    await assert.rejects(remote.verify(await issuer.bearer()), { code: 'keys_unavailable', status: 503 })
    const broken: KeySource = {
      find: () => ({ id: 'a', algorithm: 'ES256', load: () => Promise.reject(new Error('no')) }),
      trusts: () => true,
      describe: () => ({}),
    }
    await assert.rejects(jwt({ ...issuer.options, keys: broken }).verify(await issuer.bearer()), { code: 'keys_unavailable' })
  })

  test('more tokens at once than may wait for an issuer that takes its time, and none once it has answered', async () => {
    let answer = (_key: undefined): void => {}
    const slow = new Promise<undefined>((resolve) => (answer = resolve))
    const keys: KeySource = { find: () => slow, trusts: () => false, describe: () => ({}) }
    const own = jwt({ ...issuer.options, keys })
    const [header, , signature] = ((await issuer.bearer({})).authorization ?? '').slice('Bearer '.length).split('.')
    const forged = (number: number): Credentials => {
      const claims = { iss: 'https://issuer.example', aud: issuer.options.audience, sub: `mallory${number}`, exp: 4_000_000_000, iat: 1_700_000_000 }
      return { authorization: `Bearer ${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}` }
    }
    const waiting = Array.from(
      { length: 10_000 },
      async (_, number) => await assert.rejects(own.verify(forged(number)), { code: 'identity_invalid' }),
    )
    await assert.rejects(own.verify(forged(10_000)), { code: 'keys_unavailable' })
    answer(undefined)
    await Promise.all(waiting)
    await assert.rejects(own.verify(forged(10_000)), { code: 'identity_invalid' })
  })

  test('a key that a source gives for another algorithm', async () => {
    const source = localJwks(issuer.jwks)
    const key = await source.find({ algorithm: 'ES256', id: 'test-1' }, testClock())
    assert.ok(key !== undefined)
    const confused: KeySource = { ...source, find: () => ({ id: 'a', algorithm: 'RS256', load: () => key.load() }) }
    await assert.rejects(jwt({ ...issuer.options, keys: confused }).verify(await issuer.bearer()), { code: 'identity_invalid' })
  })

  test('an RSA key of 1024 bits that an own source brings', async () => {
    const { publicKey, privateKey } = (await crypto.subtle.generateKey(
      { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
      false,
      ['sign', 'verify'],
    )) as CryptoKeyPair
    const [, payload] = (await issuer.mint()).split('.')
    const input = `${Buffer.from('{"alg":"RS256","typ":"at+jwt"}').toString('base64url')}.${payload}`
    const signature = Buffer.from(await crypto.subtle.sign('RSASSA-PKCS1-v1_5', privateKey, new TextEncoder().encode(input))).toString('base64url')
    const keys: KeySource = { find: () => ({ id: undefined, algorithm: 'RS256', load: () => publicKey }), trusts: () => true, describe: () => ({}) }
    await assert.rejects(jwt({ ...issuer.options, keys }).verify({ authorization: `Bearer ${input}.${signature}` }), { code: 'identity_invalid' })
  })
})

describe('the options of jwt', () => {
  test('choose the claims', async () => {
    const other = testIssuer()
    const minimal = jwt({
      ...other.options,
      claims: 'minimal',
      typ: 'JWT',
      rolesClaim: 'permissions',
      tenantClaim: ['org'],
      kind: (claims) => (claims.bot === true ? 'agent' : 'user'),
    })
    const identity = await minimal.verify(
      await other.bearer(
        { client_id: undefined, jti: undefined, permissions: ['a'], roles: ['b'], org: 'acme', tenant: 'x', bot: true },
        { header: { typ: 'JWT' } },
      ),
    )
    const { roles, tenant, kind, tokenId } = identity
    assert.deepEqual({ roles, tenant, kind, tokenId }, { roles: ['a'], tenant: 'acme', kind: 'agent', tokenId: undefined })
    await assert.rejects(minimal.verify(await other.bearer()), { code: 'identity_invalid' }, 'and one kind of token is not another')
    const odd = jwt({ ...other.options, kind: (() => 'root') as never })
    await assert.rejects(odd.verify(await other.bearer()), { code: 'identity_invalid' })
    assert.equal((await jwt({ ...other.options, kind: 'device' }).verify(await other.bearer())).kind, 'device')
  })

  test('allow secrets only by name, at hand, and never beside public keys', async () => {
    const secret = { kty: 'oct', kid: 's', alg: 'HS256', k: Buffer.alloc(32, 7).toString('base64url') }
    const { createHmac } = await import('node:crypto')
    const [, payload] = (await issuer.mint()).split('.')
    const input = `${Buffer.from('{"alg":"HS256","typ":"at+jwt","kid":"s"}').toString('base64url')}.${payload}`
    const token = `${input}.${createHmac('sha256', Buffer.alloc(32, 7)).update(input).digest('base64url')}`
    await jwt({ ...issuer.options, keys: { keys: [secret] }, algorithms: 'HS256' }).verify({ authorization: `Bearer ${token}` })
    for (const options of [
      { keys: { keys: [secret] } },
      { keys: { keys: [secret] }, algorithms: ['HS256', 'ES256'] },
      { keys: issuer.jwks, algorithms: 'HS256' },
      { keys: new URL('https://id.example/jwks'), algorithms: 'HS256' },
      { keys: localJwks({ keys: [secret] }), algorithms: 'HS256' },
    ] satisfies Partial<JwtOptions>[])
      assert.throws(() => jwt({ ...issuer.options, ...options }), TypeError)
  })

  test('are checked when it is made', () => {
    const wrong: Partial<Record<keyof JwtOptions, unknown>>[] = [
      { issuer: '' },
      { issuer: 7 },
      { issuer: 'urn:sallyport:anonymous' },
      { audience: '' },
      { audience: [] },
      { audience: undefined },
      { audience: ['a', 7] },
      { algorithms: [] },
      { algorithms: 'none' },
      { algorithms: ['ES256', 'none'] },
      { algorithms: 'ES256K' },
      { typ: '' },
      { claims: 'all' },
      { clockTolerance: -1 },
      { clockTolerance: Number.NaN },
      { clockTolerance: 1e9 },
      { maxCached: -1 },
      { maxCached: 1.5 },
      { kind: 'root' },
      { rolesClaim: [] },
      { keys: 'https://id.example/jwks' },
      { keys: undefined },
      { keys: {} },
      { keys: { keys: [] } },
      { keys: new URL('http://id.example/jwks') },
    ]
    for (const option of wrong) assert.throws(() => jwt({ ...issuer.options, ...option } as JwtOptions), TypeError, JSON.stringify(option))
    assert.throws(() => jwt(undefined as unknown as JwtOptions), TypeError)
  })

  test('are copied', async () => {
    const audience = ['https://api.example']
    const own = jwt({ ...issuer.options, audience })
    audience[0] = 'https://evil.example'
    await own.verify(await issuer.bearer())
  })

  test('are described without keys', () => {
    assert.deepEqual(jwt({ ...issuer.options, algorithms: 'ES256' }).describe(), {
      kind: 'jwt',
      issuer: 'https://issuer.example',
      audience: ['https://api.example'],
      algorithms: ['ES256'],
      typ: 'at+jwt',
      claims: 'rfc9068',
      clockTolerance: 5,
      maxCached: 10_000,
      dpop: {
        maxAge: 60,
        tolerance: 5,
        algorithms: ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'],
        nonces: false,
        store: { kind: 'memory', maxEntries: 100_000 },
      },
      keys: { kind: 'local', keys: [{ id: 'test-1', algorithm: 'ES256' }] },
    })
  })

  test('keep no token where nothing is to be remembered, and forget the oldest where there are too many', async () => {
    const credentials = await issuer.bearer()
    const forgetful = jwt({ ...issuer.options, maxCached: 0 })
    assert.notEqual(await forgetful.verify(credentials), await forgetful.verify(credentials))
    const narrow = jwt({ ...issuer.options, maxCached: 1 })
    const first = await narrow.verify(credentials)
    await narrow.verify(await issuer.bearer())
    assert.notEqual(await narrow.verify(credentials), first)
  })
})

test('a source of keys that promises its trust has not given it', async () => {
  const inner = localJwks(issuer.jwks as never)
  for (const trusts of [async () => true, () => Promise.reject(new Error('down')), () => 1]) {
    let isWithdrawn = false
    const keys: KeySource = {
      find: async (query, clock) => (isWithdrawn ? undefined : inner.find(query, clock)),
      trusts: trusts as never,
      describe: () => ({}),
    }
    const own = jwt({ ...issuer.options, keys })
    const credentials = await issuer.bearer({ sub: 'ada' })
    assert.equal((await own.verify(credentials)).subject, 'ada')
    assert.equal((await own.verify(credentials)).subject, 'ada')
    isWithdrawn = true
    await assert.rejects(own.verify(credentials), { code: 'identity_invalid' })
  }
  await new Promise((resolve) => setImmediate(resolve))
})

test('a kind that is a promise refuses the token, and its failure harms nobody', async () => {
  const own = jwt({ ...issuer.options, kind: (() => Promise.reject(new Error('down'))) as never })
  await assert.rejects(own.verify(await issuer.bearer({})), { code: 'identity_invalid' })
  await new Promise((resolve) => setImmediate(resolve))
})

test('an option that is not known is refused when it is made', () => {
  for (const options of [{ audiences: 'x' }, { clockTolerence: 1 }]) assert.throws(() => jwt({ ...issuer.options, ...options } as never), TypeError)
})

function saysItIsExpired(token: string): boolean {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return exp <= Date.now() / 1000
  } catch {
    return false
  }
}
