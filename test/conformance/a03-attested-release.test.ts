import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { localKeys, sealer } from '../../src/index.ts'
import { attestationToken, attestedKeys, type KeyRequest, nitroAttestation, releasePolicy, releaseRecipient } from '../../src/attestation/index.ts'
import { testClock, testIssuer } from '../../src/testing/index.ts'
import { type Members, nitroDocument, type NitroPlatform, nitroPlatform, register, registers } from '../attestation/nitro-documents.ts'

const now = Date.now()
const clock = testClock(now)
const context = { tenant: 'acme' }
const keys = localKeys({ primary: 'k1', keys: { k1: Uint8Array.from({ length: 32 }, (_, index) => index) } })
const image = '01'.repeat(48)
const digest = `sha256:${'ab'.repeat(32)}`

let platform: NitroPlatform
let asked: KeyRequest
before(async () => {
  platform = await nitroPlatform()
  asked = { wrapped: (await keys.generate(context)).wrapped, context }
})

const nitro = (members: (key: Uint8Array) => Members = () => ({}), from = platform) => ({
  attestation: nitroAttestation({ measurements: { PCR0: image }, root: platform.root.der }),
  sendKey: false,
  attest: (nonce: string, publicKeyInfo: Uint8Array) =>
    nitroDocument(from, now, { nonce: new TextEncoder().encode(nonce), public_key: publicKeyInfo, ...members(publicKeyInfo) }),
})

function space(claims: (thumbprint: string, nonce: string) => Readonly<Record<string, unknown>> = () => ({})) {
  const issuer = testIssuer({ algorithm: 'ES256', clock })
  return {
    attestation: attestationToken({ ...issuer.options, profile: 'confidentialSpace', algorithms: 'ES256', measurements: { image_digest: digest } }),
    sendKey: true,
    attest: (nonce: string, _info: Uint8Array, thumbprint: string) =>
      issuer.mint(
        {
          eat_nonce: [nonce, thumbprint],
          dbgstat: 'disabled-since-boot',
          swname: 'CONFIDENTIAL_SPACE',
          secboot: true,
          submods: { confidential_space: { support_attributes: ['STABLE'] }, container: { image_digest: digest } },
          ...claims(thumbprint, nonce),
        },
        { header: { typ: 'JWT' } },
      ),
  }
}

type Platform = ReturnType<typeof nitro> | ReturnType<typeof space>

/** A workload that asks for the data key of what was sealed elsewhere. */
async function workload({ attestation, sendKey, attest }: Platform, kind: 'P-256' | 'X25519' | 'RSA' = 'P-256') {
  const release = releasePolicy({ keys, attestation, clock, permits: (_workload, { context: of }) => of.tenant === 'acme' })
  const recipient = await releaseRecipient({ kind })
  return attestedKeys({ recipient, release, sendKey, attest: (nonce) => attest(nonce, recipient.publicKeyInfo, recipient.thumbprint) })
}

describe('A3: a data key for nobody but an attested workload', () => {
  for (const kind of ['P-256', 'X25519', 'RSA'] as const)
    test(`which opens with it what was sealed elsewhere (${kind})`, async () => {
      const sealed = await sealer({ keys }).seal({ note: 1 }, context)
      for (const on of [nitro(), space()]) assert.deepEqual(await sealer({ keys: await workload(on, kind) }).open(sealed, context), { note: 1 })
    })

  test('never for one that is debugged, another one, or not the one whose evidence it is', async () => {
    const other = await releaseRecipient()
    const wrong: readonly (readonly [on: Platform, code: string])[] = [
      [nitro(() => ({ pcrs: registers({ 0: register(0), 1: register(0), 2: register(0) }) })), 'denied'],
      [nitro(() => ({ pcrs: registers({ 0: register(9) }) })), 'denied'],
      [nitro(() => ({ user_data: Uint8Array.of(1) })), 'denied'],
      [nitro(() => ({ nonce: new Uint8Array(72) })), 'identity_invalid'],
      [nitro(() => ({ public_key: null })), 'identity_invalid'],
      [nitro(() => ({ public_key: other.publicKeyInfo })), 'decryption_failed'],
      [nitro(() => ({ timestamp: now - 300_000 })), 'identity_expired'],
      [nitro(() => ({}), await nitroPlatform()), 'identity_invalid'],
      [space(() => ({ dbgstat: 'enabled' })), 'denied'],
      [space(() => ({ swname: 'GCE' })), 'denied'],
      [space(() => ({ submods: {} })), 'denied'],
      [space((_thumbprint, nonce) => ({ eat_nonce: [nonce, other.thumbprint] })), 'identity_invalid'],
      [space((thumbprint) => ({ eat_nonce: [thumbprint] })), 'identity_invalid'],
      [space(() => ({ aud: 'https://other.example' })), 'identity_invalid'],
      [space(() => ({ iss: 'https://other.example' })), 'identity_invalid'],
    ]
    for (const [on, code] of wrong) await assert.rejects(async () => (await workload(on)).unwrap(asked.wrapped, context), { code })
  })

  test('never for a document with any part of it changed', async () => {
    const whole = await nitro().attest('', new Uint8Array())
    for (let at = 0; at < whole.length; at += 97)
      await assert.rejects(
        async () =>
          (await workload({ ...nitro(), attest: async (nonce: string, info: Uint8Array) => spoil(await nitro().attest(nonce, info), at) })).unwrap(
            asked.wrapped,
            context,
          ),
        { name: 'GuardError' },
      )
  })
})

function spoil(bytes: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
  bytes[at] = (bytes[at] ?? 0) ^ 0x11
  return bytes
}
