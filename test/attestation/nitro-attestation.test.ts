import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { nitroAttestation, type NitroAttestationOptions, releaseRecipient, type ReleaseRecipient } from '../../src/attestation/index.ts'
import { testClock } from '../../src/testing/index.ts'
import { extension, issue, keysOf, usage } from '../identity/certificates.ts'
import { Raw, writeCbor } from './cbor-writer.ts'
import {
  type Making,
  type Members,
  nitroAuthority,
  nitroDocument,
  nitroLeaf,
  type NitroPlatform,
  nitroPlatform,
  p384,
  register,
  registers,
} from './nitro-documents.ts'

const now = Date.now()
const nonce = 'n'.repeat(72)
const text = new TextEncoder()
const hex = (byte: number): string => byte.toString(16).padStart(2, '0').repeat(48)
const pinned = { PCR0: hex(1), PCR1: hex(2), PCR2: hex(3) }

let platform: NitroPlatform
let recipient: ReleaseRecipient
before(async () => {
  platform = await nitroPlatform()
  recipient = await releaseRecipient()
})

const make = (members: Members = {}, making: Making = {}, from = platform): Promise<Uint8Array<ArrayBuffer>> =>
  nitroDocument(from, now, { public_key: recipient.publicKeyInfo, nonce: text.encode(nonce), ...members }, making)
const verifier = (options: Partial<NitroAttestationOptions> = {}) => nitroAttestation({ measurements: pinned, root: platform.root.pem, ...options })
const verify = (evidence: Uint8Array | string, options: Partial<NitroAttestationOptions> = {}, at = now) =>
  verifier(options).verify({ evidence }, nonce, testClock(at))

async function refused(verifying: Promise<unknown>, reason: RegExp, code = 'identity_invalid'): Promise<void> {
  await assert.rejects(verifying, (error: unknown) => {
    assert.ok(isGuardError(error))
    const { cause } = error.cause instanceof Error ? error.cause : { cause: undefined }
    assert.match(`${reasonOf(error)}: ${cause instanceof Error ? cause.message : ''}`, reason)
    assert.equal(error.code, code)
    return true
  })
}

describe('a Nitro document that is right', () => {
  test('tells what was measured, of which module, and its key', async () => {
    const workload = await verify(await make())
    assert.deepEqual([workload.kind, workload.subject, workload.key], ['nitro', 'i-0-enc0', recipient.publicKey])
    assert.deepEqual([workload.measurements.PCR0, workload.measurements.PCR15], [hex(1), hex(0)])
    assert.equal(workload.expiresAt, now + 300_000)
    assert.ok(Object.isFrozen(workload) && Object.isFrozen(workload.measurements))
  })

  for (const indefinite of [false, true])
    for (const tag of [undefined, 18])
      test(`${indefinite ? 'with indefinite lengths' : 'with definite lengths'}, ${tag === undefined ? 'untagged' : 'tagged'}`, async () => {
        await verify(await make({}, { indefinite, ...(tag !== undefined && { tag }) }))
      })

  test('without the optional members that are not needed, left out or null', async () => {
    await verify(await make({ user_data: undefined }))
    await verify(await make({ user_data: new Uint8Array() }))
  })

  test('of one of several images', async () => {
    const measurements = [{ PCR0: hex(9), PCR1: hex(2) }, pinned]
    await verify(await make(), { measurements })
  })

  test('of whoever signed the image', async () => {
    await verify(await make({ pcrs: registers({ 8: register(0x88) }) }), { measurements: { PCR8: hex(0x88) } })
  })

  test('with the user data that is wanted', async () => {
    await verify(await make({ user_data: Uint8Array.of(1, 2) }), { userData: Uint8Array.of(1, 2) })
  })

  for (const kind of ['P-256', 'X25519', 'RSA'] as const)
    test(`with a key of the kind ${kind}`, async () => {
      const { publicKey, publicKeyInfo } = await releaseRecipient({ kind })
      assert.deepEqual((await verify(await make({ public_key: publicKeyInfo }))).key, publicKey)
    })

  test('as long as its certificates are valid, where that is shorter', async () => {
    const notAfter = new Date(Math.floor(now / 1000) * 1000 + 60_000)
    const own = { ...platform, ...(await nitroLeaf(platform.authorities[3] ?? platform.root, { notAfter })) }
    assert.equal((await verify(await make({}, {}, own))).expiresAt, notAfter.getTime())
    await refused(verify(await make({ timestamp: now + 61_000 }, {}, own), {}, notAfter.getTime() + 1), /not valid at this time/)
  })
})

describe('a Nitro document is refused', () => {
  const spoiled: readonly (readonly [what: string, members: Members, making: Making, reason: RegExp, code?: string])[] = [
    ['for another nonce', { nonce: text.encode('m'.repeat(72)) }, {}, /another nonce/],
    ['for the beginning of the nonce', { nonce: text.encode('n'.repeat(71)) }, {}, /another nonce/],
    ['without a nonce', { nonce: null }, {}, /another nonce/],
    ['from the future', { timestamp: now + 5001 }, {}, /in the future/],
    ['that is old', { timestamp: now - 300_000 }, {}, /too long ago/, 'identity_expired'],
    ['without a key', { public_key: null }, {}, /names no key/],
    ['with a key of no kind', { public_key: Uint8Array.of(48, 0) }, {}, /names no key/],
    ['made for something else', { user_data: Uint8Array.of(1) }, {}, /user data/, 'denied'],
    [
      'of an enclave that was started for debugging',
      { pcrs: registers({ 0: register(0), 1: register(0), 2: register(0) }) },
      {},
      /debugging/,
      'denied',
    ],
    ['of one whose image is not measured', { pcrs: new Map([[8, register(8)]]) }, {}, /debugging/, 'denied'],
    ['with one register of the image zero', { pcrs: registers({ 2: register(0) }) }, {}, /debugging/, 'denied'],
    ['of another image', { pcrs: registers({ 0: register(7) }) }, {}, /none of the workloads/, 'denied'],
    ['of another application', { pcrs: registers({ 2: register(7) }) }, {}, /none of the workloads/, 'denied'],
    ['without a module', { module_id: undefined }, {}, /malformed.*module/],
    ['with a module without a name', { module_id: '' }, {}, /malformed.*module/],
    ['with a module that is bytes', { module_id: Uint8Array.of(1) }, {}, /malformed.*module/],
    ['with another digest', { digest: 'SHA256' }, {}, /malformed.*digest/],
    ['without a time', { timestamp: undefined }, {}, /malformed.*time/],
    ['with the time zero', { timestamp: 0 }, {}, /malformed.*time/],
    ['with a time before all times', { timestamp: -1 }, {}, /malformed.*time/],
    ['with a time beyond all numbers', { timestamp: 2n ** 64n - 1n }, {}, /malformed.*time/],
    ['with a time as a text', { timestamp: String(now) }, {}, /malformed.*time/],
    ['without registers', { pcrs: new Map() }, {}, /malformed.*registers/],
    ['with registers in a list', { pcrs: [register(1)] }, {}, /malformed.*registers/],
    ['with a register that there is not', { pcrs: new Map([[32, register(1)]]) }, {}, /malformed.*register/],
    ['with a register by a text', { pcrs: new Map([['0', register(1)]]) }, {}, /malformed.*register/],
    ['with a register of another digest', { pcrs: new Map([[0, new Uint8Array(32).fill(1)]]) }, {}, /malformed.*register/],
    ['with a register that is null', { pcrs: new Map([[0, null]]) }, {}, /malformed.*register/],
    ['without a certificate', { certificate: undefined }, {}, /malformed.*no bytes/],
    ['with a certificate that is null', { certificate: null }, {}, /malformed.*no bytes/],
    ['with a certificate that is too long', { certificate: new Uint8Array(1025) }, {}, /malformed.*too long/],
    ['without authorities', { cabundle: [] }, {}, /malformed.*authorities/],
    ['with authorities that are one', { cabundle: Uint8Array.of(1) }, {}, /malformed.*authorities/],
    ['with user data that is too long', { user_data: new Uint8Array(1025) }, {}, /malformed.*too long/],
    ['with user data that is a text', { user_data: 'a' }, {}, /malformed.*no bytes/],
    ['with a member that is not known', { more: 1 }, {}, /malformed.*not known/],
    ['that is no map', {}, { payload: writeCbor([1]) }, /malformed.*no map/],
    ['with something behind it', {}, { payload: Uint8Array.of(0xa0, 0) }, /malformed.*belong to nothing/],
    ['with a tag of another kind', {}, { tag: 98 }, /malformed.*another kind/],
    ['by another algorithm', {}, { header: writeCbor(new Map([[1, -7]])) }, /malformed.*algorithm/],
    ['by an algorithm of a name', {}, { header: writeCbor(new Map([[1, 'ES384']])) }, /malformed.*algorithm/],
    ['by no algorithm', {}, { header: writeCbor(new Map()) }, /malformed.*algorithm/],
    ['by an empty header', {}, { header: new Uint8Array() }, /malformed.*without an end/],
    [
      'with more in its header',
      {},
      {
        header: writeCbor(
          new Map<number, number | Uint8Array>([
            [1, -35],
            [4, Uint8Array.of(1)],
          ]),
        ),
      },
      /malformed.*algorithm/,
    ],
    ['with an algorithm that nobody signs', {}, { unprotected: new Map([[1, -35]]) }, /malformed.*nobody signs/],
    ['with a signature of another length', {}, { signature: new Uint8Array(95) }, /malformed.*length/],
    ['without a signature', {}, { signature: new Uint8Array(96) }, /not signed by its certificate/],
  ]
  for (const [what, members, making, reason, code] of spoiled) test(what, async () => refused(verify(await make(members, making)), reason, code))

  test('signed over another hash', async () => refused(verify(await make({}, { hash: 'SHA-256' })), /not signed by its certificate/))

  test('signed by another key', async () => {
    const { privateKey } = await keysOf(p384)
    await refused(verify(await make({}, { signingKey: privateKey })), /not signed by its certificate/)
  })

  test('with its members twice', async () => {
    const whole = new Map<string, Uint8Array>([['nonce', text.encode(nonce)]])
    const once = writeCbor(whole).subarray(1)
    const payload = Uint8Array.from([0xa2, ...once, ...once])
    await refused(verify(await make({}, { payload })), /malformed.*twice/)
  })

  test('that is huge, or deep', async () => {
    await refused(verify(new Uint8Array(16_641)), /malformed.*too long/)
    await refused(verify(new Uint8Array(16_000).fill(0x81)), /malformed.*too deep/)
    await refused(verify(await make({ module_id: new Raw(new Uint8Array(10_000).fill(0x9f)) })), /malformed.*too deep/)
  })

  test('that is a text, and one with a key beside it', async () => {
    await refused(verify('aGk'), /is bytes/)
    const evidence = await make()
    await refused(verifier().verify({ evidence, key: recipient.publicKey }, nonce, testClock(now)), /names its key itself/)
  })

  test('of half of one image and half of another', async () => {
    const evidence = await make({ pcrs: registers({ 2: register(0x33) }) })
    await refused(verify(evidence, { measurements: [pinned, { PCR0: hex(0x11), PCR1: hex(2), PCR2: hex(0x33) }] }), /none of the workloads/, 'denied')
  })

  test('without the user data that is wanted, with other and with more', async () => {
    const userData = Uint8Array.of(1, 2)
    for (const given of [null, Uint8Array.of(1, 3), Uint8Array.of(1, 2, 3)])
      await refused(verify(await make({ user_data: given }), { userData }), /user data/, 'denied')
  })

  test('with any byte of it changed', async () => {
    const whole = await make()
    await verify(whole)
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = whole.slice()
        changed[at] = (changed[at] ?? 0) ^ change
        await assert.rejects(verify(changed), { name: 'GuardError' })
      }),
    )
  })

  test('cut anywhere', async () => {
    const whole = await make()
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => assert.rejects(verify(whole.subarray(0, length)), { name: 'GuardError' })),
    )
  })
})

describe('a path of certificates is refused', () => {
  const authority = (length?: number) => [extension.authority(length), extension.uses(usage.keyCertSign | usage.cRLSign)]
  const under = async (...authorities: readonly NitroPlatform['root'][]): Promise<NitroPlatform> => {
    const [root = platform.root] = authorities
    return { root, authorities, ...(await nitroLeaf(authorities.at(-1) ?? root)) }
  }
  const path = async (from: NitroPlatform, reason: RegExp, options: Partial<NitroAttestationOptions> = {}): Promise<void> =>
    refused(verify(await make({}, {}, from), options), reason)

  test('of another root with the same names', async () => {
    await path(await nitroPlatform(), /another root/)
    // Also where the pinned root stands before it, as if it had issued what the other one did.
    const other = await nitroPlatform()
    await path({ ...other, authorities: [platform.root, ...other.authorities.slice(1)] }, /not signed/)
  })

  test('of the root of AWS, where it is another', async () => {
    const attestation = nitroAttestation({ measurements: pinned })
    await refused(attestation.verify({ evidence: await make() }, nonce, testClock(now)), /another root/)
  })

  test('that begins below the root, or behind it', async () => {
    const [root = platform.root, ...others] = platform.authorities
    await path({ ...platform, authorities: others }, /another root/)
    await path({ ...platform, authorities: [root, root, ...others] }, /issued itself/)
    await path({ ...platform, authorities: [root, ...others.slice(1)] }, /another issuer/)
    await path({ ...platform, authorities: [...platform.authorities].reverse() }, /another root/)
    await path({ ...platform, authorities: [root] }, /another issuer/)
  })

  test('of more authorities than any has', async () => {
    await path({ ...platform, authorities: Array.from({ length: 9 }, () => platform.root) }, /too many/)
  })

  test('longer than an authority allows', async () => {
    const narrow = await nitroAuthority('CN=narrow', platform.root, { extensions: authority(0) })
    await verify(await make({}, {}, await under(platform.root, narrow)))
    const below = await nitroAuthority('CN=below', narrow, { extensions: authority() })
    await path(await under(platform.root, narrow, below), /longer than an authority allows/)
  })

  test('of an authority that is none, that says so only in passing, or whose key is for something else', async () => {
    const leaf = await nitroAuthority('CN=leaf', platform.root, { extensions: [extension.leaf(), extension.uses(usage.keyCertSign)] })
    await path(await under(platform.root, leaf), /none of an authority/)
    const nothing = await nitroAuthority('CN=leaf', platform.root, { extensions: [extension.uses(usage.keyCertSign)] })
    await path(await under(platform.root, nothing), /none of an authority/)
    const passing = await nitroAuthority('CN=p', platform.root, {
      extensions: [extension.raw('2.5.29.19', false, '30030101ff'), extension.uses(usage.keyCertSign)],
    })
    await path(await under(platform.root, passing), /malformed/)
    for (const uses of [usage.digitalSignature, usage.cRLSign]) {
      const other = await nitroAuthority('CN=o', platform.root, { extensions: [extension.authority(), extension.uses(uses)] })
      await path(await under(platform.root, other), /not for certificates/)
    }
    const silent = await nitroAuthority('CN=s', platform.root, { extensions: [extension.authority()] })
    await path(await under(platform.root, silent), /not for certificates/)
  })

  test('to an authority, or to a key that is not for signatures', async () => {
    const instance = platform.authorities[3] ?? platform.root
    const wrong = [
      [authority(), /in the place of what it vouches for/],
      [[extension.raw('2.5.29.19', true, '3003020100'), extension.signs()], /in the place of what it vouches for|malformed/],
      [[extension.leaf(), extension.uses(usage.keyEncipherment)], /not for signatures/],
      [[extension.leaf(), extension.uses(usage.digitalSignature | usage.keyCertSign)], /not for signatures/],
      [[extension.leaf()], /not for signatures/],
      [[extension.leaf(), extension.signs(), extension.raw('1.2.3.4', true, '0500')], /malformed/],
    ] as const
    for (const [extensions, reason] of wrong) await path({ ...platform, ...(await nitroLeaf(instance, { extensions: [...extensions] })) }, reason)
  })

  test('with a certificate that is not valid yet or any more, at either end', async () => {
    const hour = 3_600_000
    const early = { notBefore: new Date(now + hour / 2) }
    const late = { notAfter: new Date(now - 2000) }
    for (const wanted of [early, late]) {
      const instance = platform.authorities[3] ?? platform.root
      await path({ ...platform, ...(await nitroLeaf(instance, wanted)) }, /not valid at this time/)
      await path(await under(platform.root, await nitroAuthority('CN=a', platform.root, wanted)), /not valid at this time/)
      const root = await nitroAuthority('CN=r', undefined, wanted)
      await path(await under(root), /not valid at this time/, { root: root.der })
    }
  })

  test('signed over another hash, or on another curve', async () => {
    const instance = platform.authorities[3] ?? platform.root
    await path({ ...platform, ...(await nitroLeaf(instance, { signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } })) }, /malformed/)
    const keys = await keysOf({ name: 'ECDSA', namedCurve: 'P-256' })
    await path({ ...platform, ...(await nitroLeaf(instance, { keys })) }, /malformed/)
  })

  test('signed by another key under the name of its issuer', async () => {
    const name = platform.authorities[3]?.name ?? ''
    const keys = await keysOf(p384)
    await path({ ...platform, ...(await nitroLeaf({ name, keys })) }, /not signed/)
    await path({ ...platform, ...(await nitroLeaf({ name: 'CN=other', keys: platform.authorities[3]?.keys ?? keys })) }, /another issuer/)
  })

  test('with something behind a certificate', async () => {
    const longer = { ...platform.leaf, der: Uint8Array.from([...platform.leaf.der, 0]) }
    await path({ ...platform, leaf: longer }, /malformed/)
  })
})

// The certificate that AWS publishes as AWS_NitroEnclaves_Root-G1.
const awsRoot =
  'MIICETCCAZagAwIBAgIRAPkxdWgbkK/hHUbMtOTn+FYwCgYIKoZIzj0EAwMwSTELMAkGA1UEBhMCVVMxDzANBgNVBAoMBkFtYXpvbjEMMAoGA1UECwwDQVdTMRswGQYDVQQDDBJhd3Mubml0cm8tZW5jbGF2ZXMwHhcNMTkxMDI4MTMyODA1WhcNNDkxMDI4MTQyODA1WjBJMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGQW1hem9uMQwwCgYDVQQLDANBV1MxGzAZBgNVBAMMEmF3cy5uaXRyby1lbmNsYXZlczB2MBAGByqGSM49AgEGBSuBBAAiA2IABPwCVOumCMHzaHDimtqQvkY4MpJzbolL//Zy2YlES1BR5TSksfbb48C8WBoyt7F2Bw7eEtaaP+ohG2bnUs990d0JX28TcPQXCEPZ3BABIeTPYwEoCWZEh8l5YoQwTcU/9KNCMEAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUkCW1DdkFR+eWw5b6cp3PmanfS5YwDgYDVR0PAQH/BAQDAgGGMAoGCCqGSM49BAMDA2kAMGYCMQCjfy+Rocm9Xue4YnwWmNJVA44fA0P5W2OpYow9OYCVRaEevL8uO1XYru5xtMPWrfMCMQCi85sWBbJwKKXdS6BptQFuZbT73o/gBh1qUxl/nNr12UO8Yfwr6wPLb+6NIwLz3/Y='

describe('nitroAttestation', () => {
  test('knows the root of AWS, and what it did not sign', async () => {
    const der = Uint8Array.from(Buffer.from(awsRoot, 'base64'))
    const authorities = [{ ...platform.root, der }, ...platform.authorities.slice(1)]
    const evidence = await make({}, {}, { ...platform, authorities })
    // The names are the same here; what is signed is not.
    const attestation = nitroAttestation({ measurements: pinned })
    await refused(attestation.verify({ evidence }, nonce, testClock(now)), /another issuer|not signed/)
    assert.equal(nitroAttestation({ measurements: pinned, root: der }).describe().root, 'given')
  })

  test('wants options that are right', async () => {
    const wrong: readonly (readonly [options: unknown, message: RegExp])[] = [
      [undefined, /must be an object/],
      [{}, /measurements/],
      [{ measurements: {} }, /must pin something/],
      [{ measurements: [] }, /1 to 32 sets/],
      [{ measurements: [{}] }, /must pin something/],
      [{ measurements: [null] }, /must be an object/],
      [{ measurements: { PCR3: hex(1) } }, /PCR0 or PCR8/],
      [{ measurements: [pinned, { PCR4: hex(1) }] }, /PCR0 or PCR8/],
      [{ measurements: { PCR0: hex(0) } }, /all zero/],
      [{ measurements: { PCR0: hex(1), PCR7: hex(0) } }, /all zero/],
      [{ measurements: { PCR0: hex(0xab).toUpperCase() } }, /96 digits/],
      [{ measurements: { PCR0: 'ab' } }, /96 digits/],
      [{ measurements: { PCR0: 1 } }, /must be a text/],
      [{ measurements: { PCR0: hex(1), PCR32: hex(1) } }, /no register/],
      [{ measurements: { PCR0: hex(1), PCR00: hex(1) } }, /no register/],
      [{ measurements: pinned, root: 'root' }, /root/],
      [{ measurements: pinned, root: platform.leaf.der }, /root/],
      [{ measurements: pinned, root: (await issue(platform.root)).der }, /root/],
      [{ measurements: pinned, userData: 'a' }, /userData/],
      [{ measurements: pinned, userData: new Uint8Array() }, /userData/],
      [{ measurements: pinned, maxAge: 0 }, /maxAge/],
      [{ measurements: pinned, maxAge: Number.POSITIVE_INFINITY }, /maxAge/],
      [{ measurements: pinned, clockTolerance: -1 }, /clockTolerance/],
      [{ measurements: pinned, allowDebug: true }, /no option allowDebug/],
    ]
    for (const [options, message] of wrong)
      assert.throws(
        () => nitroAttestation(options as NitroAttestationOptions),
        (error: unknown) => error instanceof TypeError && message.test(error.message),
        String(message),
      )
  })

  test('is not changed by what its options become, and describes itself', async () => {
    const measurements = { ...pinned }
    const userData = Uint8Array.of(1)
    const attestation = nitroAttestation({ measurements, userData, root: platform.root.der })
    measurements.PCR0 = hex(9)
    userData[0] = 9
    await attestation.verify({ evidence: await make({ user_data: Uint8Array.of(1) }) }, nonce, testClock(now))
    assert.deepEqual(attestation.describe(), {
      kind: 'nitro',
      measurements: [pinned],
      root: 'given',
      userData: true,
      maxAge: 300,
      clockTolerance: 5,
    })
  })
})
