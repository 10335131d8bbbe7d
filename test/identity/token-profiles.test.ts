import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import type { GuardError } from '../../src/guard/errors.ts'
import { jwtSvid, type JwtSvidOptions } from '../../src/identity/jwt-svid.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { oidcIdToken, type OidcIdTokenOptions } from '../../src/identity/oidc-id-token.ts'
import { type Verifier, VerifierChoice } from '../../src/identity/verifier.ts'
import { presentedIn } from '../../src/identity/presented.ts'
import type { KeySource } from '../../src/keys/key-source.ts'
import { localJwks } from '../../src/keys/jwks.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'

const issuer = testIssuer()
const idToken: OidcIdTokenOptions = { issuer: issuer.issuer, audience: 'web-app', keys: issuer.jwks }
const idClaims = { aud: 'web-app', client_id: undefined, jti: undefined, nonce: 'n', at_hash: 'x', auth_time: 1_700_000_000 }
const plain = { header: { typ: 'JWT' } }
const untyped = { header: { typ: undefined } }

const invalid = (verifier: Verifier, credentials: { authorization: string }, message?: string) =>
  assert.rejects(verifier.verify(credentials), { code: 'identity_invalid' } as Partial<GuardError>, message)

describe('oidcIdToken (OpenID Connect Core 1.0, section 3.1.3.7)', () => {
  const verifier = oidcIdToken(idToken)

  test('takes an ID token, with a typ and without', async () => {
    for (const options of [plain, untyped]) {
      const identity = await verifier.verify(await issuer.bearer({ ...idClaims, sub: 'ada' }, options))
      assert.deepEqual([identity.subject, identity.kind, identity.assurance.authenticatedAt], ['ada', 'user', 1_700_000_000_000])
    }
  })

  test('rule 2: another issuer', async () => invalid(verifier, await issuer.bearer({ ...idClaims, iss: 'https://other.example' }, plain)))
  test('rule 3: another audience', async () => {
    for (const aud of ['other-app', 'https://api.example', [], undefined]) await invalid(verifier, await issuer.bearer({ ...idClaims, aud }, plain))
  })
  test('rule 4: several audiences and no authorized party', async () => {
    const aud = ['web-app', 'other-app']
    await invalid(verifier, await issuer.bearer({ ...idClaims, aud }, plain))
    await verifier.verify(await issuer.bearer({ ...idClaims, aud, azp: 'web-app' }, plain))
  })
  test('rule 5: another authorized party', async () => {
    for (const azp of ['other-app', '', 5, null]) await invalid(verifier, await issuer.bearer({ ...idClaims, azp }, plain))
  })
  test('rule 6: a signature of another key', async () => {
    const other = testIssuer()
    await invalid(verifier, await other.bearer(idClaims, plain))
  })
  test('rule 7: another algorithm', async () => invalid(oidcIdToken({ ...idToken, algorithms: 'RS256' }), await issuer.bearer(idClaims, plain)))
  test('rule 8: secrets as keys', () => assert.throws(() => oidcIdToken({ ...idToken, algorithms: 'HS256' }), TypeError))
  test('rule 9: expired, and without an exp', async () => {
    await assert.rejects(verifier.verify(await issuer.bearer(idClaims, { ...plain, expiresIn: -1 })), { code: 'identity_expired' })
    await invalid(verifier, await issuer.bearer({ ...idClaims, exp: undefined }, plain))
  })
  test('rule 10: issued in the future, and too long ago', async () => {
    const now = Math.floor(Date.now() / 1000)
    await invalid(verifier, await issuer.bearer({ ...idClaims, iat: now + 60 }, plain))
    await invalid(verifier, await issuer.bearer({ ...idClaims, iat: undefined }, plain))
    const young = oidcIdToken({ ...idToken, maxTokenAge: 60 })
    await young.verify(await issuer.bearer({ ...idClaims, iat: now - 30 }, plain))
    await assert.rejects(young.verify(await issuer.bearer({ ...idClaims, iat: now - 61 }, plain)), { code: 'identity_expired' })
  })
  test('section 2: a subject that is missing or too long', async () => {
    for (const sub of [undefined, '', 'x'.repeat(256), 'zoë', 7]) await invalid(verifier, await issuer.bearer({ ...idClaims, sub }, plain))
  })

  test('takes no access token, no logout token and no bound token', async () => {
    await invalid(verifier, await issuer.bearer({ aud: 'web-app' }))
    for (const more of [{ scope: 'read' }, { scp: ['read'] }, { client_id: 'web-app' }, { events: {} }])
      await invalid(verifier, await issuer.bearer({ ...idClaims, ...more }, plain), JSON.stringify(more))
    for (const typ of ['at+jwt', 'logout+jwt', 'dpop+jwt', 'secevent+jwt', ''])
      await invalid(verifier, await issuer.bearer(idClaims, { header: { typ } }), typ)
    const bound = await issuer.bearer({ ...idClaims, cnf: { jkt: 'A'.repeat(43) } }, plain)
    await assert.rejects(verifier.verify(bound), { code: 'binding_invalid' })
  })

  test('is never taken for an access token, even where an issuer types both alike', async () => {
    const lenient = jwt({ ...issuer.options, audience: 'web-app', typ: 'JWT', claims: 'minimal' })
    await invalid(lenient, await issuer.bearer(idClaims, plain))
    await invalid(lenient, await issuer.bearer({ aud: 'web-app', events: {} }, plain))
    await lenient.verify(await issuer.bearer({ aud: 'web-app' }, plain))
    assert.throws(() => new VerifierChoice([lenient, verifier]), /tokens of/)
  })

  test('is told from other kinds by what its issuer calls it', async () => {
    const lenient = jwt({ ...issuer.options, audience: 'web-app', typ: 'JWT', claims: 'minimal' })
    for (const more of [{ typ: 'ID' }, { token_use: 'id' }, { typ: 'Refresh' }, { token_usage: 'id_token' }])
      await invalid(lenient, await issuer.bearer({ aud: 'web-app', ...more }, plain), JSON.stringify(more))
    await lenient.verify(await issuer.bearer({ aud: 'web-app', typ: 'Bearer' }, plain))
    for (const more of [{ typ: 'Bearer' }, { token_use: 'access' }, { appid: 'a' }, { idtyp: 'app' }])
      await invalid(verifier, await issuer.bearer({ ...idClaims, ...more }, plain), JSON.stringify(more))
    await verifier.verify(await issuer.bearer({ ...idClaims, typ: 'ID' }, plain))
  })

  test('stands beside access tokens of the same issuer: the type chooses', async () => {
    const access = jwt(issuer.options)
    const choice = new VerifierChoice([access, verifier])
    const chosen = async (claims: object, options: object) => {
      const credentials = await issuer.bearer({ ...claims }, options)
      return choice.of(presentedIn(credentials), credentials, undefined)
    }
    assert.equal(await chosen({}, {}), access)
    assert.equal(await chosen(idClaims, plain), verifier)
    assert.equal(await chosen(idClaims, untyped), verifier)
  })

  test('is checked when it is made', () => {
    for (const options of [{ issuer: '' }, { audience: [] }, { keys: undefined }, { algorithms: 'none' }, { kind: 'root' }, { typ: 'JWT' }])
      assert.throws(() => oidcIdToken({ ...idToken, ...options } as never), TypeError, JSON.stringify(options))
  })
})

describe('jwtSvid (SPIFFE JWT-SVID)', () => {
  const keys = issuer.jwks.keys.map((key) => ({ ...key, use: 'jwt-svid' }))
  const options: JwtSvidOptions = { trustDomain: 'example.org', audience: 'spiffe://example.org/chat', bundle: { keys } }
  const verifier = jwtSvid(options)
  const claims = { iss: undefined, client_id: undefined, jti: undefined, sub: 'spiffe://example.org/agent', aud: 'spiffe://example.org/chat' }

  test('gives the workload by its SPIFFE ID, vouched for by its trust domain', async () => {
    for (const typ of ['JWT', 'JOSE', undefined]) {
      const identity = await verifier.verify(await issuer.bearer(claims, { header: { typ } }))
      assert.deepEqual([identity.subject, identity.issuer, identity.kind], ['spiffe://example.org/agent', 'spiffe://example.org', 'service'])
    }
    await verifier.verify(await issuer.bearer({ ...claims, iat: undefined }, plain))
  })

  test('section 2.1: algorithms that the standard does not have', async () => {
    assert.throws(() => jwtSvid({ ...options, algorithms: ['EdDSA'] }), TypeError)
    const other = testIssuer({ algorithm: 'EdDSA' })
    await invalid(
      jwtSvid({ ...options, bundle: { keys: other.jwks.keys.map((key) => ({ ...key, use: 'jwt-svid' })) } }),
      await other.bearer(claims, plain),
    )
  })
  test('section 2.3: another type', async () => {
    for (const typ of ['at+jwt', 'dpop+jwt', '']) await invalid(verifier, await issuer.bearer(claims, { header: { typ } }))
  })
  test('section 3.1: a subject of another trust domain, or none', async () => {
    for (const sub of [
      'spiffe://example.com/agent',
      'spiffe://example.org.evil.com/agent',
      'spiffe://example.org',
      'spiffe://example.org/',
      'spiffe://example.org/a//b',
      'spiffe://example.org/../root',
      'spiffe://example.org/a?b',
      'SPIFFE://example.org/agent',
      'ada',
      undefined,
    ])
      await invalid(verifier, await issuer.bearer({ ...claims, sub }, plain), String(sub))
  })
  test('section 3.2: another audience, or none', async () => {
    for (const aud of ['spiffe://example.org/mail', [], undefined]) await invalid(verifier, await issuer.bearer({ ...claims, aud }, plain))
  })
  test('section 3.3: expired, and without an exp', async () => {
    await assert.rejects(verifier.verify(await issuer.bearer(claims, { ...plain, expiresIn: -1 })), { code: 'identity_expired' })
    await invalid(verifier, await issuer.bearer({ ...claims, exp: undefined }, plain))
  })
  test('section 4.2: keys of the bundle for other uses', async () => {
    for (const use of ['x509-svid', 'sig', undefined]) {
      const other = [...keys.map((key) => ({ ...key, kid: 'other' })), ...issuer.jwks.keys.map((key) => ({ ...key, use }))]
      const bundle = { keys: other.map((key) => JSON.parse(JSON.stringify(key)) as (typeof keys)[number]) }
      await invalid(jwtSvid({ ...options, bundle }), await issuer.bearer(claims, plain), String(use))
    }
  })
  test('stands beside a verifier of the issuer that a token names', async () => {
    const access = jwt({ ...issuer.options, typ: 'JWT' })
    const choice = new VerifierChoice([verifier, access])
    const credentials = await issuer.bearer({ ...claims, iss: issuer.issuer }, plain)
    assert.equal(choice.of(presentedIn(credentials), credentials, undefined), access)
  })
  test('is checked when it is made', () => {
    for (const wrong of [
      { trustDomain: 'Example.org' },
      { trustDomain: 'spiffe://example.org' },
      { audience: [] },
      { bundle: undefined },
      { issuer: 'x' },
    ])
      assert.throws(() => jwtSvid({ ...options, ...wrong } as never), TypeError, JSON.stringify(wrong))
  })
})

describe('tokens that are written with padding', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'padded' }] }
  const strict = jwt({ ...issuer.options, keys })
  const lenient = jwt({ ...issuer.options, keys, padding: 'strip' })

  const pad = (text: string): string => text + '='.repeat((4 - (text.length % 4)) % 4)
  const encode = (value: object): string => pad(Buffer.from(JSON.stringify(value)).toString('base64url'))
  // Signed as it is written, as those issuers do.
  const mint = async (): Promise<string> => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: issuer.issuer, aud: issuer.audience, sub: 'ada', client_id: 'c', jti: 'j', iat: now, exp: now + 300 }
    const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'padded' })}.${encode(claims)}`
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, new TextEncoder().encode(input))
    return `${input}.${pad(Buffer.from(signature).toString('base64url'))}`
  }

  test('are refused unless that is said', async () => {
    const token = await mint()
    assert.ok(token.includes('='))
    await invalid(strict, { authorization: `Bearer ${token}` })
    assert.equal((await lenient.verify({ authorization: `Bearer ${token}` })).subject, 'ada')
  })

  test('are remembered without it, and only by their own padding', async () => {
    const token = await mint()
    const first = await lenient.verify({ authorization: `Bearer ${token}` })
    assert.equal(await lenient.verify({ authorization: `Bearer ${token}` }), first)
    for (const other of [
      `${token}=`,
      `=${token}`,
      token.replace('.', '=.'),
      token.replace('=', '=='),
      token.replaceAll('=', '%3D'),
      `${token}\n`,
      ` ${token}`,
    ])
      if (other !== token) await invalid(lenient, { authorization: `Bearer ${other}` }, other)
  })

  test('do not answer for each other: one that was padded by somebody keeps nobody out', async () => {
    const token = await issuer.mint()
    const own = jwt({ ...issuer.options, padding: 'strip' })
    const spoiled = token.split('.').map(pad).join('.')
    await own.verify({ authorization: `Bearer ${spoiled}` }).catch(() => {})
    await own.verify({ authorization: `Bearer ${token}` })
  })

  test('are judged like any other', async () => {
    const [header = '', claims = '', signature = ''] = (await mint()).split('.')
    await invalid(lenient, { authorization: `Bearer ${header}.${claims}.${pad('A'.repeat(86))}` })
    await invalid(lenient, { authorization: `Bearer ${encode({ alg: 'none', typ: 'at+jwt' })}.${claims}.${signature}` })
    const other = await issuer.mint()
    await invalid(lenient, { authorization: `Bearer ${other}` })
  })
})

describe('what is remembered of tokens', () => {
  test('a token that comes many times at once is verified once', async () => {
    const inner = localJwks(issuer.jwks as never)
    let asked = 0
    const keys: KeySource = {
      async find(query, clock) {
        asked++
        return inner.find(query, clock)
      },
      trusts: inner.trusts,
      describe: () => ({}),
    }
    const verifier = jwt({ ...issuer.options, keys })
    const credentials = await issuer.bearer()
    const identities = await Promise.all(Array.from({ length: 50 }, () => verifier.verify(credentials)))
    assert.equal(new Set(identities).size, 1)
    assert.equal(asked, 1)
    const bad = { authorization: `${credentials.authorization.slice(0, -4)}AAAA` }
    await Promise.all(Array.from({ length: 50 }, () => invalid(verifier, bad)))
    assert.equal(asked, 2)
  })

  test('a token whose signature did not verify is refused again, and taken where the issuer got the key', async () => {
    const other = testIssuer()
    const credentials = await other.bearer()
    let current = localJwks(issuer.jwks as never)
    const keys: KeySource = {
      find: (query, clock) => current.find(query, clock),
      trusts: (key, clock) => current.trusts(key, clock),
      describe: () => ({}),
    }
    const verifier = jwt({ ...issuer.options, keys })
    for (let time = 0; time < 3; time++) await invalid(verifier, credentials)
    current = localJwks(other.jwks as never)
    await verifier.verify(credentials)
  })

  test('a token that was young enough is not remembered for longer than that', async () => {
    const clock = testClock()
    const own = testIssuer({ clock })
    const verifier = jwt({ ...own.options, clock, maxTokenAge: 60 })
    const credentials = await own.bearer()
    await verifier.verify(credentials)
    clock.advance(60_000)
    await assert.rejects(verifier.verify(credentials), { code: 'identity_expired' })
  })
})
