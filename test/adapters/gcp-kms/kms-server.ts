import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { crc32c } from '../../../src/adapters/gcp-kms/crc32c.ts'
import type { GcpKmsClient } from '../../../src/adapters/gcp-kms/index.ts'

export const key = 'projects/p/locations/l/keyRings/r/cryptoKeys/notes'

export interface Service extends GcpKmsClient {
  rotate(): void
  destroy(version: number): void
  /** What goes wrong. */
  fault: 'checksum' | 'not verified' | 'down' | undefined
}

/** The service behind its client, by the published description of what it takes and answers. */
export function service(): Service {
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

/** The same over HTTP on loopback, as the REST form of the API has it. */
export async function startKms(own: Service): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const say = (status: number, value: unknown): void => {
      const text = JSON.stringify(value, (_name, part: unknown) =>
        typeof part === 'object' && part !== null && 'type' in part && part.type === 'Buffer' && 'data' in part
          ? Buffer.from(part.data as number[]).toString('base64')
          : part,
      )
      response.writeHead(status, { 'content-type': 'application/json' }).end(text)
    }
    try {
      const { pathname } = new URL(request.url ?? '', 'http://kms')
      const body = Buffer.concat((await request.toArray()) as Buffer[]).toString()
      const [, name = '', operation] = /^\/v1\/([^:]+)(?::(encrypt|decrypt))?$/.exec(pathname) ?? []
      if (operation === undefined) return say(200, (await own.getCryptoKey({ name }))[0])
      const sent = JSON.parse(body) as Record<string, string>
      const bytes = (member: string): Buffer => Buffer.from(sent[member] ?? '', 'base64')
      const checksum = (member: string): { value: number } => ({ value: Number(sent[member]) })
      const aad = {
        additionalAuthenticatedData: bytes('additionalAuthenticatedData'),
        additionalAuthenticatedDataCrc32c: checksum('additionalAuthenticatedDataCrc32c'),
      }
      const [answer] =
        operation === 'encrypt'
          ? await own.encrypt({ name, plaintext: bytes('plaintext'), plaintextCrc32c: checksum('plaintextCrc32c'), ...aad })
          : await own.decrypt({ name, ciphertext: bytes('ciphertext'), ciphertextCrc32c: checksum('ciphertextCrc32c'), ...aad })
      // A checksum is a number of 64 bits, and so a text.
      const flat = Object.entries(answer).map(([member, value]) => [
        member,
        /Crc32c$/.test(member) && typeof value === 'object' ? value?.value : value,
      ])
      say(200, Object.fromEntries(flat))
    } catch (error) {
      const isInvalid = error instanceof Error && 'code' in error && error.code === 3
      const status = isInvalid ? 400 : 500
      say(status, { error: { code: status, message: 'no', status: isInvalid ? 'INVALID_ARGUMENT' : 'INTERNAL' } })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
