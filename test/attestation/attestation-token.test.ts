import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { isGuardError, reasonOf } from '../../src/guard/errors.ts'
import {
  attestationProfiles,
  attestationToken,
  type AttestationTokenOptions,
  releaseRecipient,
  type ReleaseRecipient,
} from '../../src/attestation/index.ts'
import { testClock, type TestIssuer, testIssuer } from '../../src/testing/index.ts'

const clock = testClock()
const now = clock.now()
const nonce = 'n'.repeat(72)
const issuer = 'https://attest.example'
const audience = 'https://keys.example'
const digest = `sha256:${'ab'.repeat(32)}`

let service: TestIssuer
let recipient: ReleaseRecipient
let other: ReleaseRecipient
before(async () => {
  service = testIssuer({ issuer, audience, algorithm: 'RS256', clock })
  recipient = await releaseRecipient()
  other = await releaseRecipient({ kind: 'RSA' })
})

type Claims = Readonly<Record<string, unknown>>
type Minting = Parameters<TestIssuer['mint']>[1]

const space = (): Claims => ({
  sub: 'https://www.googleapis.com/compute/v1/projects/p/zones/z/instances/i',
  eat_nonce: [nonce, recipient.thumbprint],
  dbgstat: 'disabled-since-boot',
  swname: 'CONFIDENTIAL_SPACE',
  secboot: true,
  hwmodel: 'GCP_INTEL_TDX',
  submods: {
    confidential_space: { support_attributes: ['LATEST', 'STABLE', 'USABLE'] },
    container: { image_digest: digest, image_reference: 'r', image_id: 'sha256:id' },
    gce: { project_id: 'p', zone: 'z' },
  },
})
const runtime = (): Claims => ({ nonce, keys: [recipient.publicKey] })
const profiles = {
  confidentialSpace: { claims: space, measurements: { image_digest: digest }, sendsKey: true },
  azureSevSnp: {
    claims: (): Claims => ({
      aud: undefined,
      'x-ms-attestation-type': 'sevsnpvm',
      'x-ms-compliance-status': 'azure-compliant-uvm',
      'x-ms-sevsnpvm-is-debuggable': false,
      'x-ms-sevsnpvm-hostdata': 'aa',
      'x-ms-sevsnpvm-launchmeasurement': 'bb',
      'x-ms-runtime': runtime(),
    }),
    measurements: { hostdata: 'aa', launchmeasurement: 'bb' },
    sendsKey: false,
  },
  azureSgx: {
    claims: (): Claims => ({
      aud: undefined,
      'x-ms-attestation-type': 'sgx',
      'x-ms-sgx-is-debuggable': false,
      'x-ms-sgx-mrenclave': 'cc',
      'x-ms-sgx-product-id': 1,
      'x-ms-runtime': runtime(),
    }),
    measurements: { mrenclave: 'cc', 'product-id': '1' },
    sendsKey: false,
  },
  trustAuthorityTdx: {
    claims: (): Claims => ({
      aud: undefined,
      tdx: {
        attester_type: 'TDX',
        attester_tcb_status: 'UpToDate',
        tdx_is_debuggable: false,
        tdx_mrtd: 'dd',
        tdx_rtmr1: 'ee',
        attester_runtime_data: runtime(),
      },
    }),
    measurements: { mrtd: 'dd', rtmr1: 'ee' },
    sendsKey: false,
  },
} as const

type Name = keyof typeof profiles
const options = (name: Name): AttestationTokenOptions => ({
  profile: name,
  issuer,
  ...(attestationProfiles[name].audience && { audience }),
  keys: service.jwks,
  algorithms: 'RS256',
  measurements: profiles[name].measurements,
})
const typ = { header: { typ: 'JWT' } }
const mint = (name: Name, claims: Claims = {}, minting: Minting = typ): Promise<string> =>
  service.mint({ ...profiles[name].claims(), ...claims }, minting)
const verify = (
  name: Name,
  evidence: string | Uint8Array,
  more: Partial<AttestationTokenOptions> = {},
  at = clock,
  key: unknown = recipient.publicKey,
) => attestationToken({ ...options(name), ...more }).verify({ evidence, ...(profiles[name].sendsKey && { key }) }, nonce, at)

async function refused(verifying: Promise<unknown>, reason: RegExp, code = 'identity_invalid'): Promise<void> {
  await assert.rejects(verifying, (error: unknown) => {
    assert.ok(isGuardError(error))
    assert.match(reasonOf(error), reason)
    assert.equal(error.code, code)
    return true
  })
}

describe('an attestation token that is right', () => {
  for (const name of Object.keys(profiles) as readonly Name[])
    test(`of the profile ${name}`, async () => {
      const workload = await verify(name, await mint(name))
      assert.deepEqual([workload.kind, workload.key, workload.expiresAt], [name, recipient.publicKey, now + 300_000])
      for (const [pinned, value] of Object.entries(profiles[name].measurements)) assert.equal(workload.measurements[pinned], value)
    })

  test('an Entity Attestation Token (RFC 9711) of a profile of one’s own', async () => {
    const profile = {
      ...attestationProfiles.eat,
      algorithms: ['RS256'],
      measurements: { ...attestationProfiles.eat.measurements, image: ['submods', 'app', 'digest'] },
      program: ['image'],
    }
    const attestation = attestationToken({ profile, issuer, audience, keys: service.jwks, measurements: { image: 'x', eat_profile: 'urn:p' } })
    const claims = {
      eat_nonce: nonce,
      dbgstat: 'disabled-permanently',
      eat_profile: 'urn:p',
      cnf: { jwk: recipient.publicKey },
      submods: { app: { digest: 'x' } },
    }
    for (const header of [{ typ: 'eat+jwt' }, { typ: 'application/eat+jwt' }, { typ: undefined }])
      assert.deepEqual((await attestation.verify({ evidence: await service.mint(claims, { header }) }, nonce, clock)).key, recipient.publicKey)
    for (const dbgstat of ['enabled', 'disabled', undefined, false, 3, ['enabled', 'enabled']])
      await refused(attestation.verify({ evidence: await service.mint({ ...claims, dbgstat }, typ) }, nonce, clock), /looked into/, 'denied')
  })

  test('is not taken for longer than it lives, or than its age allows', async () => {
    const evidence = await mint('confidentialSpace', {}, { ...typ, expiresIn: 60 })
    assert.equal((await verify('confidentialSpace', evidence)).expiresAt, now + 60_000)
    await refused(verify('confidentialSpace', evidence, {}, testClock(now + 60_000)), /expired/, 'identity_expired')
    const long = await mint('confidentialSpace', {}, { ...typ, expiresIn: 3600 })
    await verify('confidentialSpace', long, {}, testClock(now + 299_000))
    await refused(verify('confidentialSpace', long, {}, testClock(now + 300_000)), /too long ago/, 'identity_expired')
  })
})

describe('an attestation token is refused', () => {
  const nested = (change: (claims: { submods: Record<string, Record<string, unknown>> }) => void): Claims => {
    const claims = structuredClone(space()) as { submods: Record<string, Record<string, unknown>> }
    change(claims)
    return claims
  }
  const spoiled: readonly (readonly [what: string, claims: () => Claims, reason: RegExp, code?: string])[] = [
    ['of another issuer', () => ({ iss: 'https://evil.example' }), /issuer/],
    ['of an issuer with a slash more', () => ({ iss: `${issuer}/` }), /issuer/],
    ['without an issuer', () => ({ iss: undefined }), /issuer/],
    ['for another audience', () => ({ aud: 'https://sts.googleapis.com' }), /audience/],
    ['without an audience', () => ({ aud: undefined }), /audience/],
    ['for an audience of another type', () => ({ aud: [audience, 1] }), /audience/],
    ['for another nonce', () => ({ eat_nonce: ['m'.repeat(72), recipient.thumbprint] }), /nonce/],
    ['without a nonce', () => ({ eat_nonce: undefined }), /nonce/],
    ['with nonces of another type', () => ({ eat_nonce: [nonce, recipient.thumbprint, 1] }), /nonce/],
    ['with the nonce in a claim of another name', () => ({ eat_nonce: recipient.thumbprint, nonce }), /nonce/],
    ['from the future', () => ({ iat: now / 1000 + 6 }), /future/],
    ['that is not valid yet', () => ({ nbf: now / 1000 + 6 }), /future/],
    ['without a time', () => ({ iat: undefined }), /iat/],
    ['without an end', () => ({ exp: undefined }), /exp/],
    ['whose end is a text', () => ({ exp: '9999999999' }), /exp/],
    ['that may be debugged', () => ({ dbgstat: 'enabled' }), /looked into/, 'denied'],
    ['that says both', () => ({ dbgstat: ['enabled', 'disabled-since-boot'] }), /looked into/, 'denied'],
    ['that does not say whether it may be', () => ({ dbgstat: undefined }), /looked into/, 'denied'],
    ['that says so by a word nobody knows', () => ({ dbgstat: 'DISABLED-SINCE-BOOT' }), /looked into/, 'denied'],
    ['of another platform', () => ({ swname: 'GCE' }), /swname/, 'denied'],
    ['without secure boot', () => ({ secboot: 'true' }), /secboot/, 'denied'],
    [
      'of a platform that is not stable',
      () => nested(({ submods }) => ({ ...(submods.confidential_space = { support_attributes: ['USABLE'] }) })),
      /support/,
      'denied',
    ],
    [
      'of another image',
      () => nested(({ submods }) => ({ ...(submods.container = { image_digest: 'sha256:other' }) })),
      /none of the workloads/,
      'denied',
    ],
    ['without an image', () => nested(({ submods }) => ({ ...(submods.container = {}) })), /none of the workloads/, 'denied'],
    [
      'with its image in another place',
      () => ({ ...nested(({ submods }) => ({ ...(submods.container = {}) })), image_digest: digest }),
      /none of the workloads/,
      'denied',
    ],
    [
      'with an image that is a list',
      () => nested(({ submods }) => ({ ...(submods.container = { image_digest: [digest] }) })),
      /none of the workloads/,
      'denied',
    ],
    ['that names no key', () => ({ eat_nonce: [nonce] }), /names no key/],
    ['that names another key', () => ({ eat_nonce: [nonce, other.thumbprint] }), /names no key/],
  ]
  for (const [what, claims, reason, code] of spoiled)
    test(what, async () => refused(verify('confidentialSpace', await mint('confidentialSpace', claims())), reason, code))

  test('with a key beside it that it does not name, that is none, or that is missing', async () => {
    const evidence = await mint('confidentialSpace')
    const { publicKey } = other
    for (const key of [publicKey, undefined, {}, 'key', null, { ...recipient.publicKey, d: recipient.publicKey.x }])
      await refused(attestationToken(options('confidentialSpace')).verify({ evidence, key }, nonce, clock), /names no key/)
  })

  test('with a key beside it where it names one itself', async () => {
    for (const name of ['azureSevSnp', 'azureSgx', 'trustAuthorityTdx'] as const) {
      const evidence = await mint(name)
      await refused(attestationToken(options(name)).verify({ evidence, key: recipient.publicKey }, nonce, clock), /names no key/)
    }
  })

  test('that names no key, two, one that signs, or a weak one', async () => {
    const { publicKey } = recipient
    const short = await crypto.subtle.generateKey(
      { name: 'RSA-OAEP', modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' },
      true,
      ['encrypt', 'decrypt'],
    )
    const weak = await crypto.subtle.exportKey('jwk', short.publicKey)
    const sets: readonly unknown[] = [
      undefined,
      [],
      {},
      publicKey,
      [publicKey, other.publicKey],
      [publicKey, publicKey],
      [{ ...publicKey, use: 'sig' }],
      [{ ...publicKey, key_ops: ['sign'] }],
      [{ ...publicKey, key_ops: ['deriveBits', 'verify'] }],
      [{ ...publicKey, alg: 'ES256' }],
      [{ ...publicKey, crv: 'P-384' }],
      [{ ...publicKey, d: publicKey.x }],
      [{ kty: 'oct', k: 'AAAA' }],
      [{ kty: 'RSA', n: weak.n, e: weak.e }],
      [{ ...other.publicKey, e: 'Aw' }],
      [{ ...other.publicKey, alg: 'RSA1_5' }],
      [{ ...other.publicKey, n: `AA${other.publicKey.n}` }],
    ]
    for (const keys of sets) await refused(verify('azureSevSnp', await mint('azureSevSnp', { 'x-ms-runtime': { nonce, keys } })), /names no key/)
    // A key that is for something else does not make the other ambiguous.
    await verify(
      'azureSevSnp',
      await mint('azureSevSnp', { 'x-ms-runtime': { nonce, keys: [{ ...other.publicKey, key_ops: ['sign'] }, publicKey] } }),
    )
  })

  test('whose nonce the hardware did not sign, though the service took it', async () => {
    await refused(verify('azureSevSnp', await mint('azureSevSnp', { nonce, 'x-ms-runtime': { keys: [recipient.publicKey] } })), /nonce/)
  })

  test('of a virtual machine that may be debugged, of each vendor', async () => {
    for (const value of [true, 'false', 0, null, undefined, [false]]) {
      await refused(verify('azureSevSnp', await mint('azureSevSnp', { 'x-ms-sevsnpvm-is-debuggable': value })), /looked into/, 'denied')
      await refused(verify('azureSgx', await mint('azureSgx', { 'x-ms-sgx-is-debuggable': value })), /looked into/, 'denied')
      const tdx = { ...(profiles.trustAuthorityTdx.claims().tdx as Claims), tdx_is_debuggable: value }
      await refused(verify('trustAuthorityTdx', await mint('trustAuthorityTdx', { tdx })), /looked into/, 'denied')
    }
    for (const status of ['OutOfDate', 'SWHardeningNeeded', undefined]) {
      const tdx = { ...(profiles.trustAuthorityTdx.claims().tdx as Claims), attester_tcb_status: status }
      await refused(verify('trustAuthorityTdx', await mint('trustAuthorityTdx', { tdx })), /attester_tcb_status/, 'denied')
    }
  })

  test('of a technology under the profile of another', async () => {
    await refused(verify('azureSgx', await mint('azureSgx', { 'x-ms-attestation-type': 'sevsnpvm' })), /attestation-type/, 'denied')
    await refused(verify('azureSevSnp', await mint('azureSgx', {})), /looked into/, 'denied')
  })

  test('by an algorithm that is not allowed: none, by a secret, by another, or that of another key (alg confusion)', async () => {
    for (const alg of ['none', 'ES256', 'PS256', 'RS384', 'HS256', 'rs256', undefined])
      await refused(verify('confidentialSpace', await mint('confidentialSpace', {}, { header: { typ: 'JWT', alg } })), /algorithm|no token/)
    // An HMAC made with the public key, as its text.
    const [key = {}] = service.jwks.keys
    const forged = await new SignJWT({ ...space(), iss: issuer, aud: audience, iat: now / 1000, exp: now / 1000 + 60 })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...(typeof key.kid === 'string' && { kid: key.kid }) })
      .sign(new TextEncoder().encode(JSON.stringify(key)))
    await refused(verify('confidentialSpace', forged), /algorithm/)
    await refused(verify('confidentialSpace', forged, { algorithms: ['ES256', 'RS256'] }), /algorithm/)
  })

  test('by a key that it brings along, or that the service does not have', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
    const jwk: JWK = { ...(await exportJWK(publicKey)), alg: 'RS256' }
    const sign = (header: Claims): Promise<string> =>
      new SignJWT({ ...space(), iss: issuer, aud: audience, iat: now / 1000, exp: now / 1000 + 60 })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...header })
        .sign(privateKey)
    const kid = service.jwks.keys[0]?.kid
    for (const header of [{ jwk }, { jku: 'https://evil.example/certs' }, { x5c: ['AA'] }, { kid }, { kid, jwk }])
      await refused(verify('confidentialSpace', await sign(header)), /signature does not verify|no such key/)
    await refused(verify('confidentialSpace', await sign({ kid: 'other' })), /no such key/)
    await refused(verify('confidentialSpace', await sign({ kid: 'k'.repeat(257) })), /kid/)
  })

  test('with a critical parameter, a payload that is not encoded, or a type of another kind', async () => {
    for (const header of [
      { typ: 'JWT', crit: ['b64'], b64: true },
      { typ: 'JWT', crit: [] },
      { typ: 'JWT', b64: false },
      { typ: 'at+jwt' },
      { typ: '' },
      { typ: 1 },
    ])
      await refused(verify('confidentialSpace', await mint('confidentialSpace', {}, { header })), /algorithm or the type/)
  })

  test('that is none', async () => {
    const token = await mint('confidentialSpace')
    const [head = '', claims = ''] = token.split('.')
    for (const evidence of [
      '',
      'a',
      'a.b',
      `${token}.`,
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      `${head}.${claims}.`,
      `.${claims}.AA`,
      `a.${claims}.AA`,
      'x'.repeat(40_000),
    ])
      await refused(verify('confidentialSpace', evidence), /no token|malformed/)
    await refused(verify('confidentialSpace', new TextEncoder().encode(token)), /no token/)
    const twice = Buffer.from(`{"iss":"${issuer}","iss":"${issuer}"}`).toString('base64url')
    await refused(verify('confidentialSpace', `${head}.${twice}.AA`), /malformed/)
    const deep = Buffer.from(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`).toString('base64url')
    await refused(verify('confidentialSpace', `${head}.${deep}.AA`), /malformed/)
  })

  test('with any character of it changed', async () => {
    const token = await mint('confidentialSpace')
    await verify('confidentialSpace', token)
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'ABCxyz019-_.='), async (at, character) => {
        fc.pre(token[at] !== character)
        await assert.rejects(verify('confidentialSpace', token.slice(0, at) + character + token.slice(at + 1)), { name: 'GuardError' })
      }),
    )
  })

  test('while the keys of the service cannot be had', async () => {
    const keys = { find: () => Promise.reject(new Error('down')), trusts: () => false, describe: () => ({}) }
    await refused(verify('confidentialSpace', await mint('confidentialSpace'), { keys }), /could not be had/, 'keys_unavailable')
    // A source that hands out a secret hands out nothing.
    const secret = { find: () => ({ id: undefined, algorithm: 'RS256', load: () => new Uint8Array(64) }), trusts: () => true, describe: () => ({}) }
    await refused(verify('confidentialSpace', await mint('confidentialSpace'), { keys: secret }), /no such key/)
  })
})

describe('attestationToken', () => {
  test('wants options that are right', () => {
    const right = options('confidentialSpace')
    const { audience: _, ...without } = right
    const eat = { ...attestationProfiles.eat, measurements: { image: ['image'] }, program: ['image'] }
    const wrong: readonly (readonly [options: unknown, message: RegExp])[] = [
      [undefined, /must be an object/],
      [{ ...right, profile: 'nitro' }, /must be an AttestationProfile/],
      [{ ...right, profile: '__proto__' }, /must be an AttestationProfile/],
      [{ ...right, profile: {} }, /must be an AttestationProfile/],
      [{ ...right, profile: { ...eat, debug: [] } }, /must be an AttestationProfile/],
      [{ ...right, profile: { ...eat, debug: [{ claim: [], values: [false] }] } }, /must be an AttestationProfile/],
      [{ ...right, profile: { ...eat, debug: [{ claim: ['dbgstat'], values: [undefined] }] } }, /must be an AttestationProfile/],
      [{ ...right, profile: { ...eat, key: {} } }, /must be an AttestationProfile/],
      [{ ...right, profile: { ...eat, key: { jwk: ['a'], jwks: ['b'] } } }, /must be an AttestationProfile/],
      [{ ...right, profile: { ...eat, nonce: 'eat_nonce' } }, /must be an AttestationProfile/],
      [{ ...right, profile: { ...eat, algorithms: [] } }, /must be an AttestationProfile/],
      [{ ...right, profile: 'eat' }, /no measurement of this profile/],
      [{ ...right, profile: 'eat', measurements: { swname: 'a' } }, /must name what says so/],
      [{ ...right, issuer: '' }, /issuer/],
      [without, /audience: must be given/],
      [{ ...options('azureSgx'), audience }, /audience: must be left out/],
      [{ ...right, algorithms: [] }, /algorithms/],
      [{ ...right, algorithms: 'none' }, /algorithm/],
      [{ ...right, algorithms: 'HS256' }, /attest itself/],
      [{ ...right, measurements: {} }, /must pin something/],
      [{ ...right, measurements: { hwmodel: 'GCP_INTEL_TDX' } }, /must pin what runs/],
      [{ ...right, measurements: [{ image_digest: digest }, { zone: 'z' }] }, /must pin what runs/],
      [{ ...right, measurements: { image_digest: digest, more: 'a' } }, /no measurement/],
      [{ ...right, measurements: { image_digest: digest, toString: 'a' } }, /no measurement/],
      [{ ...right, measurements: { image_digest: '' } }, /must be a text/],
      [{ ...right, keys: undefined }, /keys/],
      [{ ...right, keys: {} }, /KeySource/],
      [{ ...right, keys: { keys: [{ kty: 'oct', k: 'A'.repeat(86), alg: 'HS256' }] } }, /secret/],
      [{ ...right, maxAge: 3601 }, /maxAge/],
      [{ ...right, clockTolerance: 301 }, /clockTolerance/],
      [{ ...right, allowDebug: true }, /no option allowDebug/],
    ]
    for (const [given, message] of wrong)
      assert.throws(
        () => attestationToken(given as AttestationTokenOptions),
        (error: unknown) => error instanceof TypeError && message.test(error.message),
        String(message),
      )
  })

  test('is not changed by what its options become, and describes itself', async () => {
    const measurements: Record<string, string> = { image_digest: digest }
    const audiences = [audience]
    const attestation = attestationToken({ ...options('confidentialSpace'), measurements, audience: audiences })
    measurements.image_digest = 'other'
    audiences[0] = 'other'
    await attestation.verify({ evidence: await mint('confidentialSpace'), key: recipient.publicKey }, nonce, clock)
    const { keys: _, ...described } = attestation.describe()
    assert.deepEqual(described, {
      kind: 'attestationToken',
      profile: 'confidentialSpace',
      issuer,
      audience: [audience],
      algorithms: ['RS256'],
      measurements: [{ image_digest: digest }],
      maxAge: 300,
      clockTolerance: 5,
    })
  })
})
