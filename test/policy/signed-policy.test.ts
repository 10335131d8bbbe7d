import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { compactVerify, importJWK, type JWK } from 'jose'
import { localJwks } from '../../src/keys/jwks.ts'
import type { KeySource } from '../../src/keys/key-source.ts'
import { openPolicy, type PolicySignature } from '../../src/policy/open-policy.ts'
import { openPolicyNow } from '../../src/policy/open-policy-now.ts'
import { canonicalPolicy } from '../../src/policy/policy-digest.ts'
import type { PolicyErrorCode } from '../../src/policy/policy-error.ts'
import { signPolicy } from '../../src/policy/sign-policy.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { type SigningKeys, signAnything, signingKeys } from './signing-keys.ts'

const policy = { version: '7', id: 'support', rules: [{ id: 'all', effect: 'permit' }] }
const typ = 'policy+jws'
const iat = Math.floor(Date.now() / 1000)

let signer: SigningKeys
let other: SigningKeys
let text = ''
let trusted: { keys: { keys: JWK[] } }
before(async () => {
  ;[signer, other] = await Promise.all([signingKeys(), signingKeys('ES256', 'another')])
  trusted = { keys: { keys: [signer.publicKey] } }
  text = await signPolicy(policy, { key: signer.privateKey })
})

/** What must hold however it is opened. */
async function refused(signed: string, code: PolicyErrorCode, why: RegExp, signature: PolicySignature = trusted): Promise<void> {
  await assert.rejects(openPolicy(signed, signature), (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message)
    assert.match(error.message, why)
    return true
  })
  assert.throws(
    () => openPolicyNow(signed, signature),
    (error: Error) => {
      assert.ok(error instanceof TypeError)
      assert.match(error.message, why)
      return true
    },
  )
}

describe('a signed policy', () => {
  test('is a JWS in compact form whose payload is the canonical policy, and says when it was signed', async () => {
    const clock = testClock(1_750_000_000_123)
    const signed = await signPolicy(policy, { key: signer.privateKey, clock })
    const { payload, protectedHeader } = await compactVerify(signed, await importJWK(signer.publicKey, 'ES256'))
    assert.equal(new TextDecoder().decode(payload), canonicalPolicy(policy))
    assert.deepEqual(protectedHeader, { alg: 'ES256', kid: 'policies-1', typ, iat: 1_750_000_000.123 })
  })

  for (const alg of ['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256', 'PS512', 'RS256'])
    test(`opens, also at once, where it was signed with ${alg}`, async () => {
      const keys = await signingKeys(alg)
      const signed = await signPolicy(policy, { key: keys.privateKey })
      const signature = { keys: { keys: [other.publicKey, keys.publicKey] } }
      assert.deepEqual(await openPolicy(signed, signature), policy)
      assert.deepEqual(openPolicyNow(signed, signature), policy)
      const bytes = [...signed]
      const place = signed.lastIndexOf('.') + 10
      bytes[place] = bytes[place] === 'A' ? 'B' : 'A'
      await refused(bytes.join(''), 'signature_invalid', /does not verify/, signature)
    })

  test('opens by a source of keys, and with a line break at its end', async () => {
    assert.deepEqual(await openPolicy(`${text}\n`, { keys: localJwks(trusted.keys) }), policy)
    assert.deepEqual(await openPolicy(`${text}\r\n`, trusted), policy)
    assert.deepEqual(openPolicyNow(`${text}\n`, trusted), policy)
  })

  test('opens without a kid where one key of the algorithm is there', async () => {
    const signed = await signAnything(canonicalPolicy(policy), signer.privateKey, { alg: 'ES256', typ, iat })
    assert.deepEqual(await openPolicy(signed, trusted), policy)
    assert.deepEqual(openPolicyNow(signed, trusted), policy)
    await refused(signed, 'signature_invalid', /none of the keys/, { keys: { keys: [signer.publicKey, other.publicKey] } })
  })

  test('is refused where any character of it is changed', async () => {
    for (let place = 0; place < text.length; place += 7) {
      const changed = text.slice(0, place) + (text[place] === 'A' ? 'B' : 'A') + text.slice(place + 1)
      await assert.rejects(openPolicy(changed, trusted), { name: 'PolicyError' }, `at ${place}`)
      assert.throws(() => openPolicyNow(changed, trusted), TypeError, `at ${place}`)
    }
  })

  test('is refused where it was cut', async () => {
    for (let length = 0; length < text.length; length += 11) {
      await assert.rejects(openPolicy(text.slice(0, length), trusted), { name: 'PolicyError' })
      assert.throws(() => openPolicyNow(text.slice(0, length), trusted), TypeError)
    }
  })

  test('A9: an unsigned one does not open', async () => {
    await refused(JSON.stringify(policy), 'unsigned', /not signed/)
    await refused('', 'unsigned', /not signed/)
    await refused(` ${text}`, 'unsigned', /not signed/)
    await refused(text.replace(/\.[^.]*$/, '.'), 'unsigned', /not signed/)
    await refused(`${text}\n\n`, 'unsigned', /not signed/)
  })

  test('is refused by another key, also under the same kid', async () => {
    const impostor = await signingKeys('ES256', 'policies-1')
    await refused(await signPolicy(policy, { key: impostor.privateKey }), 'signature_invalid', /does not verify/)
    await refused(await signPolicy(policy, { key: other.privateKey }), 'signature_invalid', /none of the keys/)
  })

  test('is refused as anything else that the key signs', async () => {
    const payload = canonicalPolicy(policy)
    for (const wrong of ['JWT', 'approval+jwt', 'POLICY+JWS', undefined])
      await refused(await signAnything(payload, signer.privateKey, { alg: 'ES256', kid: 'policies-1', typ: wrong, iat }), 'signature_invalid', /typ/)
  })

  test('is refused without a time, with a wrong one, and with one in the future', async () => {
    const payload = canonicalPolicy(policy)
    for (const wrong of [undefined, '1', -1, 8.65e12])
      await refused(await signAnything(payload, signer.privateKey, { alg: 'ES256', kid: 'policies-1', typ, iat: wrong }), 'signature_invalid', /iat/)
    await refused(
      await signAnything(payload, signer.privateKey, { alg: 'ES256', kid: 'policies-1', typ, iat: iat + 3600 }),
      'signature_invalid',
      /future/,
    )
  })

  test('is refused where it was signed before what still counts', async () => {
    await refused(text, 'signature_invalid', /since/, { ...trusted, since: Date.now() + 60_000 })
    assert.deepEqual(await openPolicy(text, { ...trusted, since: Date.now() - 60_000 }), policy)
  })

  test('is refused by an algorithm that is not allowed', async () => {
    await refused(text, 'signature_invalid', /algorithm/, { ...trusted, algorithms: ['EdDSA', 'ES384'] })
    assert.deepEqual(await openPolicy(text, { ...trusted, algorithms: 'ES256' }), policy)
  })

  test('is refused with no algorithm at all, and with an HMAC made of the public key', async () => {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const unsigned = `${part({ alg: 'none', kid: 'policies-1', typ, iat })}.${part(policy)}`
    await refused(`${unsigned}.`, 'unsigned', /not signed/)
    await refused(`${unsigned}.AAAA`, 'signature_invalid', /algorithm/)
    const secret: JWK = { kty: 'oct', k: Buffer.from(JSON.stringify(signer.publicKey)).toString('base64url'), alg: 'HS256' }
    await refused(
      await signAnything(canonicalPolicy(policy), secret, { alg: 'HS256', kid: 'policies-1', typ, iat }),
      'signature_invalid',
      /algorithm is not allowed/,
    )
  })

  test('is refused with an extension that must be understood', async () => {
    const header = { alg: 'ES256', kid: 'policies-1', typ, iat }
    await refused(
      await signAnything(canonicalPolicy(policy), signer.privateKey, { ...header, crit: ['urgent'], urgent: true }),
      'signature_invalid',
      /extension/,
    )
  })

  test('is refused where its header or its payload is no JSON in the strict form', async () => {
    const header = { alg: 'ES256', kid: 'policies-1', typ, iat }
    const malformed: readonly (readonly [string | Uint8Array, RegExp])[] = [
      ['{"id":"p","version":"1","rules":[],"rules":[]}', /twice/],
      ['{"__proto__":{}}', /__proto__/],
      ['{"id":"p"', /ends too early/],
      [new Uint8Array([0xff, 0xfe]), /UTF-8/],
    ]
    for (const [payload, why] of malformed) await refused(await signAnything(payload, signer.privateKey, header), 'malformed', why)
    const [, payload = '', signature = ''] = text.split('.')
    const doubled = Buffer.from(`{"alg":"ES256","alg":"none","kid":"policies-1","typ":"${typ}","iat":${iat}}`).toString('base64url')
    for (const head of [doubled, 'AAAA', Buffer.from('[]').toString('base64url'), 'A'.repeat(8192)])
      await refused(`${head}.${payload}.${signature}`, 'signature_invalid', /header/)
  })

  test('is refused with a kid that is no text', async () => {
    for (const kid of [7, 'x'.repeat(300)])
      await refused(await signAnything(canonicalPolicy(policy), signer.privateKey, { alg: 'ES256', kid, typ, iat }), 'signature_invalid', /kid/)
  })

  test('is not had where the keys cannot be had', async () => {
    const failing = (find: KeySource['find']): PolicySignature => ({ keys: { find, trusts: () => false, describe: () => ({}) } })
    const down = failing(() => Promise.reject(new Error('secret of the issuer')))
    await assert.rejects(openPolicy(text, down), { code: 'unavailable', message: /keys .* could not be had$/ })
    const secret = failing(() => ({ id: undefined, algorithm: 'ES256', load: () => new Uint8Array(32) }))
    await assert.rejects(openPolicy(text, secret), { code: 'signature_invalid', message: /secret/ })
    const clock = testClock()
    const hanging = openPolicy(text, { ...failing(() => new Promise(() => {})), clock: { ...clock, now: Date.now } })
    const rejected = assert.rejects(hanging, { code: 'unavailable' })
    clock.advance(10_000)
    await rejected
  })

  test('at once only by keys that are at hand', () => {
    assert.throws(() => openPolicyNow(text, { keys: localJwks(trusted.keys) }), /await openPolicy\(\)/)
    assert.throws(() => openPolicyNow(policy, trusted), /must be the signed text/)
  })

  test('at once only where the runtime can: else it says what to do', (context) => {
    context.mock.method(globalThis.process, 'getBuiltinModule', () => undefined)
    assert.throws(() => openPolicyNow(text, trusted), { name: 'TypeError', message: /cannot verify at once.*await openPolicy/ })
  })
})

describe('the set-up of signatures', () => {
  const wrong: readonly (readonly [name: string, options: unknown, message: RegExp])[] = [
    ['no keys', {}, /keys/],
    ['an unknown option', { keys: { keys: [] }, key: 1 }, /no option key/],
    ['an empty set', { keys: { keys: [] } }, /no key/],
    ['an unknown algorithm', { keys: { keys: [] }, algorithms: ['ES257'] }, /algorithms/],
    ['no algorithm', { keys: { keys: [] }, algorithms: [] }, /algorithms/],
    ['a symmetric algorithm', { keys: { keys: [] }, algorithms: ['HS256'] }, /algorithms/],
    ['a secret', { keys: { keys: [{ kty: 'oct', alg: 'HS256', k: 'A'.repeat(43) }] } }, /no secrets/],
    ['a time that is none', { keys: { keys: [] }, since: 'yesterday' }, /since/],
  ]
  for (const [name, options, message] of wrong)
    test(`refuses ${name}`, async () => {
      await assert.rejects(openPolicy(text, options as PolicySignature), { name: 'TypeError', message })
      assert.throws(() => openPolicyNow(text, options as PolicySignature), { name: 'TypeError', message })
    })

  test('refuses private keys', async () => {
    await assert.rejects(openPolicy(text, { keys: { keys: [signer.privateKey] } }), { name: 'TypeError', message: /private/ })
  })

  test('signs nothing that does not load', async () => {
    await assert.rejects(signPolicy({ ...policy, rules: [{ id: 'all', effect: 'allow' }] }, { key: signer.privateKey }), {
      name: 'TypeError',
      message: /^policy\.rules\[0\]\.effect/,
    })
  })

  test('signs with a private key alone that says what it is', async () => {
    const { kid: _kid, ...nameless } = signer.privateKey
    const { alg: _alg, ...unclear } = signer.privateKey
    const secret: JWK = { kty: 'oct', k: 'A'.repeat(43), alg: 'HS256', kid: 's' }
    for (const key of [signer.publicKey, nameless, unclear, secret, { ...signer.privateKey, alg: 'none' }, undefined])
      await assert.rejects(signPolicy(policy, { key: key as JWK }), { name: 'TypeError', message: /^signPolicy: key/ })
  })
})
