import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { generateKeyPairSync, createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { keysOf } from '../../src/identity/jwt-options.ts'
import type { VerificationKey } from '../../src/keys/key-source.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer, type MintOptions } from '../../src/testing/test-issuer.ts'
import { ada, caep, receiver, ssfScene, transmitter } from './ssf-scene.ts'

const events = { [`${caep}session-revoked`]: {} }

const claimsOf = ({ seconds }: ReturnType<typeof ssfScene>) => ({ sub: undefined, exp: undefined, iat: seconds(), sub_id: ada, events })

/** What a token with these claims, header and events is answered. */
async function answerTo(claims: object = {}, minted: MintOptions = {}, own: Readonly<Record<string, unknown>> = events): Promise<string> {
  const { token, deliver, told, revocation, somebody } = ssfScene()
  const response = await deliver(await token(own, { ...claims }, minted))
  const accepted = response.status === 202
  assert.equal(told.length > 0, accepted)
  if (!accepted) assert.equal(revocation.isRevoked(somebody()), false, 'a refused token revokes nothing')
  return accepted ? 'accepted' : String(((await response.json()) as { err: string }).err)
}

describe('a security event token (RFC 8417, SSF 1.0)', () => {
  test('that is right is accepted', async () => {
    assert.equal(await answerTo(), 'accepted')
    assert.equal(await answerTo({ aud: ['https://other.example', receiver] }), 'accepted')
    assert.equal(await answerTo({ txn: '8675309', nbf: 1, more: { nested: [1] } }), 'accepted', 'what is not understood is ignored')
  })

  test('has the explicit type (RFC 8417, section 2.3; SSF 4.1.1)', async () => {
    assert.equal(await answerTo({}, { header: { typ: 'application/SecEvent+JWT' } }), 'accepted')
    for (const typ of ['JWT', 'at+jwt', 'logout+jwt', 'secevent', 'application/secevent+jwt2', '', 7, null, undefined])
      assert.equal(await answerTo({}, { header: { typ } }), 'invalid_request', String(typ))
  })

  test('is signed with an allowed algorithm', async () => {
    for (const alg of ['ES384', 'RS256', 'EdDSA', 'es256', 'unknown', 7, undefined])
      assert.equal(await answerTo({}, { header: { alg } }), 'invalid_key')
    assert.equal(await answerTo({}, { header: { alg: 'none' } }), 'invalid_request', 'a signature is missing')
    const rsa = ssfScene({ algorithms: 'PS256' })
    assert.equal((await rsa.deliver(await rsa.token(events))).status, 400)
  })

  test('is not signed with a public key as a secret', async () => {
    const { token, deliver, issuer } = ssfScene()
    const body = await token(events, {}, { header: { alg: 'HS256' } })
    const input = body.slice(0, body.lastIndexOf('.'))
    const forged = `${input}.${createHmac('sha256', JSON.stringify(issuer.jwks.keys[0])).update(input).digest('base64url')}`
    assert.equal(((await (await deliver(forged)).json()) as { err: string }).err, 'invalid_key')
  })

  test('has no critical header, and a kid that is a text', async () => {
    assert.equal(await answerTo({}, { header: { crit: ['b64'], b64: true } }), 'invalid_request')
    assert.equal(await answerTo({}, { header: { crit: [] } }), 'invalid_request')
    for (const kid of [7, null, 'x'.repeat(257)]) assert.equal(await answerTo({}, { header: { kid } }), 'invalid_request')
    assert.equal(await answerTo({}, { header: { kid: 'unknown' } }), 'invalid_key')
    assert.equal(await answerTo({}, { header: { kid: undefined } }), 'accepted', 'the only key is meant')
  })

  test('is signed by a key of the issuer', async () => {
    const { token, deliver, issuer } = ssfScene()
    const stranger = testIssuer({ issuer: transmitter })
    assert.notDeepEqual(stranger.jwks, issuer.jwks)
    const forged = ssfScene({ keys: stranger.options.keys })
    const response = await forged.deliver(await forged.token(events))
    assert.equal(((await response.json()) as { err: string }).err, 'invalid_key')
    const body = await token(events)
    const [header = '', payload = '', signature = ''] = body.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
    const changed = Buffer.from(JSON.stringify({ ...claims, jti: 'another' })).toString('base64url')
    const flipped = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)
    for (const wrong of [`${header}.${changed}.${signature}`, `${header}.${payload}.${flipped}`, `${header}.${payload}.${signature.slice(0, 40)}`])
      assert.equal((await deliver(wrong)).status, 400)
    assert.equal((await deliver(body)).status, 202)
  })

  test('is not verified with a key for another algorithm, or with a secret, whatever a source gives', async () => {
    const { issuer } = ssfScene()
    const right = keysOf('test', issuer.options.keys, false)
    const query = { algorithm: 'ES256', id: 'test-1' }
    const key = await right.find(query, testClock())
    assert.ok(key !== undefined)
    const load = () => key.load()
    const given: [VerificationKey, number][] = [
      [{ ...query, load }, 202],
      [{ ...query, algorithm: 'ES384', load }, 400],
      [{ ...query, load: () => new Uint8Array(32) }, 400],
    ]
    for (const [found, status] of given) {
      const scene = ssfScene({ keys: { find: () => found, trusts: () => true, describe: () => ({}) } })
      assert.equal((await scene.deliver(await issuer.mint(claimsOf(scene), { header: { typ: 'secevent+jwt' } }))).status, status)
    }
  })

  test('never brings its own key', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const stranger = testIssuer({ issuer: transmitter, audience: receiver })
    const { deliver, clock } = ssfScene()
    const iat = Math.floor(clock.now() / 1000)
    for (const header of [{ jwk: publicKey.export({ format: 'jwk' }) }, { jku: 'https://evil.example' }, { x5u: 'https://evil.example' }]) {
      const forged = await stranger.mint({ sub: undefined, exp: undefined, iat, events }, { header: { typ: 'secevent+jwt', ...header } })
      assert.equal(((await (await deliver(forged)).json()) as { err: string }).err, 'invalid_key')
    }
  })

  test('is in the one spelling of the compact form', async () => {
    const { token, deliver } = ssfScene()
    const body = await token(events)
    const [header = '', payload = '', signature = ''] = body.split('.')
    const wrong = [
      '',
      'x',
      `${body}\n`,
      ` ${body}`,
      `${body}=`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${body}.x`,
      `.${payload}.${signature}`,
    ]
    const doubled = Buffer.from(`{"iss":"${transmitter}","iss":"${transmitter}"}`).toString('base64url')
    for (const text of [...wrong, `${header}.${doubled}.${signature}`, `${header}.${Buffer.from('[]').toString('base64url')}.${signature}`])
      assert.equal(((await (await deliver(text)).json()) as { err: string }).err, 'invalid_request', text.slice(0, 20))
  })

  test('is of the issuer, and for this audience', async () => {
    for (const iss of [`${transmitter}/`, 'https://other.example', 7, [transmitter], undefined])
      assert.equal(await answerTo({ iss }), 'invalid_issuer')
    for (const aud of ['https://other.example', [], [['x']], `${receiver}/`, 7, {}, undefined])
      assert.equal(await answerTo({ aud }), 'invalid_audience')
  })

  test('has neither exp nor sub (SSF 4.1.2, 4.1.7)', async () => {
    for (const exp of [4e9, 0, null]) assert.equal(await answerTo({ exp }), 'invalid_request')
    for (const sub of ['ada', null]) assert.equal(await answerTo({ sub }), 'invalid_request')
  })

  test('was issued lately, and not in the future', async () => {
    const now = ssfScene().seconds()
    assert.equal(await answerTo({ iat: now + 60 }), 'accepted')
    assert.equal(await answerTo({ iat: now - 604_800 }), 'accepted', 'it may have been sent again for days')
    for (const iat of [now + 61, now - 604_801, now * 1000, 0, '1', null, undefined, -1])
      assert.equal(await answerTo({ iat }), 'invalid_request', String(iat))
    assert.equal(await answerTo({ nbf: now + 61 }), 'invalid_request')
    assert.equal(await answerTo({ nbf: 'x' }), 'invalid_request')
    const { token, deliver, clock } = ssfScene({ maxAge: 10 })
    const body = await token(events)
    clock.advance(10_001)
    assert.equal((await deliver(body)).status, 400)
  })

  test('has an id', async () => {
    for (const jti of ['', 7, null, undefined, 'x'.repeat(257), '\ud800'])
      assert.equal(await answerTo({ jti }), 'invalid_request', String(jti).slice(0, 9))
    assert.equal(await answerTo({ jti: 'x'.repeat(256) }), 'accepted')
  })

  test('has one to eight events, each with an object', async () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`https://event.example/${index}`, {}]))
    assert.equal(await answerTo({}, {}, many(8)), 'accepted')
    assert.equal(await answerTo({}, {}, many(9)), 'invalid_request')
    for (const wrong of [{}, { a: null }, { a: [] }, { a: 'x' }, { a: 7 }])
      assert.equal(await answerTo({}, {}, wrong), 'invalid_request', JSON.stringify(wrong))
    for (const wrong of [undefined, null, [], 'x', 7]) assert.equal(await answerTo({ events: wrong }), 'invalid_request')
    for (const wrong of [null, [], 'ada', 7])
      for (const type of [`${caep}session-revoked`, 'https://event.example'])
        assert.equal(await answerTo({ sub_id: wrong }, {}, { [type]: {} }), 'invalid_request')
  })

  test('holds nothing that an application should not be given', async () => {
    assert.equal(await answerTo({}, {}, { [`${caep}session-revoked`]: { text: '\ud800' } }), 'invalid_request')
    const { token, deliver, told } = ssfScene()
    assert.equal((await deliver(await token({ 'https://event.example': { list: [{ a: 1 }] } }))).status, 202)
    assert.ok(Object.isFrozen(told[0]) && Object.isFrozen(told[0]?.payload) && Object.isFrozen(told[0]?.payload.list))
  })
})

test('keys are fetched from a URL, and a rotated one is found', async () => {
  const served = ssfScene()
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(served.issuer.jwks))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const own = ssfScene({ keys: new URL(`http://127.0.0.1:${port}/jwks`) })
    assert.equal(asked, 0, 'nothing is fetched before it is needed')
    assert.equal((await own.deliver(await served.token(events))).status, 202)
    assert.equal((await own.deliver(await served.token(events))).status, 202)
    assert.equal(asked, 1)
    served.issuer.rotate()
    own.clock.advance(60_000)
    assert.equal((await own.deliver(await served.token(events, { iat: own.seconds() }))).status, 202)
    assert.equal(asked, 2)
  } finally {
    server.close()
  }
})
