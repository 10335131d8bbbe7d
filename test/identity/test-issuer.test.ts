import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jwt } from '../../src/identity/jwt.ts'
import { identityOf } from '../../src/testing/identity-of.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { type TestAlgorithm, testIssuer } from '../../src/testing/test-issuer.ts'

test('a test issuer: rotates its keys, and a retired one can still sign', async () => {
  const issuer = testIssuer()
  assert.deepEqual(
    issuer.jwks.keys.map(({ kid }) => kid),
    ['test-1'],
  )
  assert.equal(issuer.rotate(), 'test-2')
  const verifier = jwt(issuer.options)
  await verifier.verify(await issuer.bearer())
  await verifier.verify(await issuer.bearer({}, { key: 'test-1' }))
  issuer.retire('test-1')
  assert.deepEqual(
    issuer.jwks.keys.map(({ kid }) => kid),
    ['test-2'],
  )
  await assert.rejects(jwt(issuer.options).verify(await issuer.bearer({}, { key: 'test-1' })), { code: 'identity_invalid' })
  await assert.rejects(issuer.mint({}, { key: 'none' }), TypeError)
  assert.throws(() => issuer.retire('none'), TypeError)
  assert.throws(() => testIssuer({ algorithm: 'HS256' as TestAlgorithm }), TypeError)
})

test('a test issuer: its set has no private member, and its time is its clock', async () => {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  assert.deepEqual(Object.keys(issuer.jwks.keys[0] ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  const { expiresAt } = await jwt({ ...issuer.options, clock }).verify(await issuer.bearer())
  assert.equal(expiresAt, clock.now() + 300_000)
})

test('a verifier of one identity: takes whatever comes, and nothing', async () => {
  const verifier = identityOf({ subject: 'ada', roles: ['analyst'] })
  for (const credentials of [{}, { authorization: 'Bearer x' }, { apiKey: 'x' }]) {
    assert.equal(verifier.accepts(credentials), true)
    const { subject, issuer, key, roles, expiresAt } = await verifier.verify(credentials)
    assert.deepEqual(
      { subject, issuer, key, roles, expiresAt },
      { subject: 'ada', issuer: 'urn:sallyport:test', key: '18:urn:sallyport:testada', roles: ['analyst'], expiresAt: Number.POSITIVE_INFINITY },
    )
  }
  assert.deepEqual(verifier.describe(), { kind: 'identityOf', subject: 'ada' })
})

test('a test issuer as a server: found by its metadata, it gives out whatever token it is asked for', async () => {
  const issuer = testIssuer({ issuer: 'http://localhost:9000' })
  const ask = async (path: string): Promise<Response> => issuer.handler(new Request(`http://localhost:9000${path}`))
  assert.deepEqual(await (await ask('/.well-known/openid-configuration')).json(), { issuer: issuer.issuer, jwks_uri: 'http://localhost:9000/jwks' })
  assert.deepEqual(await (await ask('/jwks')).json(), issuer.jwks)
  const token = await (await ask('/token?sub=ada&roles=staff,admin&tenant=acme')).text()
  const { subject, roles, claims } = await jwt(issuer.options).verify({ authorization: `Bearer ${token}` })
  assert.deepEqual([subject, roles, claims.tenant], ['ada', ['staff', 'admin'], 'acme'])
  const plain = await (await ask('/token')).text()
  assert.deepEqual((await jwt(issuer.options).verify({ authorization: `Bearer ${plain}` })).roles, [])
  assert.equal((await ask('/')).status, 404)
})
