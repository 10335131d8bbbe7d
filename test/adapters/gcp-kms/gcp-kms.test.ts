import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { crc32c } from '../../../src/adapters/gcp-kms/crc32c.ts'
import { gcpKms, type GcpKmsClient, type GcpKmsOptions } from '../../../src/adapters/gcp-kms/index.ts'
import { sealer } from '../../../src/index.ts'

const key = 'projects/p/locations/l/keyRings/r/cryptoKeys/notes'
const acme = { tenant: 'acme' }
const refused = { code: 'decryption_failed' }
const unavailable = { code: 'keys_unavailable' }

interface Service extends GcpKmsClient {
  rotate(): void
  destroy(version: number): void
  /** What goes wrong. */
  fault: 'checksum' | 'not verified' | 'down' | undefined
}

/** The service behind its client, by the published description of what it takes and answers. The client itself needs Google's network. */
function service(): Service {
  const versions: (Buffer | undefined)[] = [randomBytes(32)]
  const same = (bytes: Uint8Array, { value }: { readonly value: number }): boolean => crc32c(bytes) === value
  const checksum = (bytes: Uint8Array): { value: string } => ({ value: String(own.fault === 'checksum' ? 1 : crc32c(bytes)) })
  const up = (): void => {
    if (own.fault === 'down') throw Object.assign(new Error('14 UNAVAILABLE'), { code: 14 })
  }
  const own: Service = {
    fault: undefined,
    rotate: () => void versions.push(randomBytes(32)),
    destroy: (version) => void (versions[version - 1] = undefined),
    async encrypt({ name, plaintext, plaintextCrc32c, additionalAuthenticatedData: aad, additionalAuthenticatedDataCrc32c }) {
      up()
      assert.equal(name, key)
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', versions.at(-1) ?? Buffer.alloc(0), nonce).setAAD(aad)
      const ciphertext = Buffer.concat([Buffer.from([versions.length]), nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
      const isVerified = own.fault !== 'not verified' && same(plaintext, plaintextCrc32c) && same(aad, additionalAuthenticatedDataCrc32c)
      return [
        {
          name: `${key}/cryptoKeyVersions/${versions.length}`,
          ciphertext,
          ciphertextCrc32c: checksum(ciphertext),
          verifiedPlaintextCrc32c: isVerified,
          verifiedAdditionalAuthenticatedDataCrc32c: isVerified,
        },
      ]
    },
    async decrypt({ ciphertext, ciphertextCrc32c, additionalAuthenticatedData: aad }) {
      up()
      try {
        assert.ok(same(ciphertext, ciphertextCrc32c))
        const version = versions[(ciphertext[0] ?? 0) - 1]
        const decipher = createDecipheriv('aes-256-gcm', version ?? Buffer.alloc(0), ciphertext.subarray(1, 13)).setAAD(aad)
        decipher.setAuthTag(ciphertext.subarray(-16))
        const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(13, -16)), decipher.final()])
        return [{ plaintext, plaintextCrc32c: checksum(plaintext) }]
      } catch {
        throw Object.assign(new Error('3 INVALID_ARGUMENT'), { code: 3 })
      }
    },
    async getCryptoKey() {
      up()
      return [{ primary: { name: `${key}/cryptoKeyVersions/${versions.length}`, state: 'ENABLED' } }]
    },
  }
  return own
}

describe('gcpKms', () => {
  test('wraps and unwraps for one context, by the version that a header names', async () => {
    const keys = gcpKms({ client: service(), key })
    const { plaintext, wrapped } = await keys.generate(acme)
    assert.deepEqual([wrapped.id, wrapped.version], [key, '1'])
    assert.deepEqual(await keys.unwrap(wrapped, acme), plaintext)
    await assert.rejects(async () => keys.unwrap(wrapped, { tenant: 'other' }), refused)
    for (const other of [{ version: '2' }, { version: '' }, { id: `${key}2` }, { bytes: new Uint8Array(3) }])
      await assert.rejects(async () => keys.unwrap({ ...wrapped, ...other }, acme), refused)
    for (let at = 0; at < wrapped.bytes.length; at++) {
      const bytes = Uint8Array.from(wrapped.bytes)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      await assert.rejects(async () => keys.unwrap({ ...wrapped, bytes }, acme), refused, `byte ${at}`)
    }
  })

  test('wraps anew by the primary version', async () => {
    const client = service()
    const keys = gcpKms({ client, key })
    const sealed = await sealer({ keys }).seal({ a: 1 }, acme)
    client.rotate()
    const renewed = await sealer({ keys }).rewrap(sealed, acme)
    assert.deepEqual(await keys.state(), { id: key, version: '2' })
    client.destroy(1)
    assert.deepEqual(await sealer({ keys }).open(renewed, acme), { a: 1 })
    await assert.rejects(sealer({ keys }).open(sealed, acme), refused)
  })

  test('A28: is closed where the service is down, or where what is sent or answered does not arrive as it was', async () => {
    const client = service()
    const keys = gcpKms({ client, key })
    const sealed = await sealer({ keys }).seal({ a: 1 }, acme)
    for (const fault of ['down', 'checksum'] as const) {
      client.fault = fault
      await assert.rejects(sealer({ keys, dataKeys: { retries: 0 } }).open(sealed, acme), unavailable)
    }
    client.fault = 'not verified'
    await assert.rejects(sealer({ keys, dataKeys: { retries: 0 } }).seal({ a: 1 }, acme), unavailable)
  })

  test('counts checksums as RFC 3720 does', () => {
    assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283)
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  })

  test('is not made with wrong options', () => {
    for (const wrong of [{ key: 'notes' }, { key: `${key}/cryptoKeyVersions/1` }, { client: {} }, { more: 1 }])
      assert.throws(() => gcpKms({ client: service(), key, ...wrong } as GcpKmsOptions), TypeError)
  })
})
