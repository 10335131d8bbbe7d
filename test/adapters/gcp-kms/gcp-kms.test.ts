import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { crc32c } from '../../../src/adapters/gcp-kms/crc32c.ts'
import { gcpKms, type GcpKmsClient, type GcpKmsOptions } from '../../../src/adapters/gcp-kms/index.ts'
import { sealer } from '../../../src/index.ts'
import { key, type Service, service, startKms } from './kms-server.ts'

const acme = { tenant: 'acme' }
const refused = { code: 'decryption_failed' }
const unavailable = { code: 'keys_unavailable' }

interface Realm {
  readonly own: Service
  readonly client: GcpKmsClient
  close(): Promise<void>
}

type RealClient = new (options: object) => GcpKmsClient & { close(): Promise<void> }

// What signs requests for Google, which nobody here checks.
const auth = {
  getUniverseDomain: async () => 'googleapis.com',
  getProjectId: async () => 'p',
  getClient: async () => ({ getRequestHeaders: async () => ({}) }),
  fetch: (url: string, options: RequestInit) => fetch(url, options),
}

const realms: Readonly<Record<string, (() => Promise<Realm>) | undefined>> = {
  'a client as it is described': async () => {
    const own = service()
    return { own, client: own, close: async () => {} }
  },
  'the client of @google-cloud/kms': realClient(),
}

// A tree of its own, which `test/install-services.sh` brings.
function realClient(): (() => Promise<Realm>) | undefined {
  let Client: RealClient
  try {
    Client = (createRequire(import.meta.url)('@google-cloud/kms') as { KeyManagementServiceClient: RealClient }).KeyManagementServiceClient
  } catch {
    return undefined
  }
  return async () => {
    const own = service()
    const server = await startKms(own)
    const client = new Client({ fallback: true, protocol: 'http', apiEndpoint: '127.0.0.1', port: server.port, auth })
    const close = async (): Promise<void> => {
      await client.close()
      await server.close()
    }
    return { own, client, close }
  }
}

for (const [name, open] of Object.entries(realms)) {
  if (open === undefined) {
    test(`gcpKms with ${name}`, { skip: 'no @google-cloud/kms' }, () => {})
    continue
  }
  describe(`gcpKms with ${name}`, () => {
    let own: Service
    let client: GcpKmsClient
    let close: Realm['close']
    beforeEach(async () => {
      const realm = await open()
      own = realm.own
      client = realm.client
      close = realm.close
    })
    afterEach(() => close())

    test('wraps and unwraps for one context, by the version that a header names', async () => {
      const keys = gcpKms({ client, key })
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
      const keys = gcpKms({ client, key })
      const sealed = await sealer({ keys }).seal({ a: 1 }, acme)
      own.rotate()
      const renewed = await sealer({ keys }).rewrap(sealed, acme)
      assert.deepEqual(await keys.state(), { id: key, version: '2' })
      own.destroy(1)
      assert.deepEqual(await sealer({ keys }).open(renewed, acme), { a: 1 })
      await assert.rejects(sealer({ keys }).open(sealed, acme), refused)
    })

    test('A28: is closed where the service is down, or where what is sent or answered does not arrive as it was', async () => {
      const keys = gcpKms({ client, key })
      const sealed = await sealer({ keys }).seal({ a: 1 }, acme)
      for (const fault of ['down', 'checksum'] as const) {
        own.fault = fault
        await assert.rejects(sealer({ keys, dataKeys: { retries: 0 } }).open(sealed, acme), unavailable)
      }
      own.fault = 'not verified'
      await assert.rejects(sealer({ keys, dataKeys: { retries: 0 } }).seal({ a: 1 }, acme), unavailable)
    })
  })
}

describe('gcpKms', () => {
  test('leaves no key of its own in memory, also where the client throws before it promises anything', async () => {
    for (const isThrown of [true, false]) {
      const seen: Uint8Array[] = []
      const own = service()
      const client: GcpKmsClient = {
        getCryptoKey: (request) => own.getCryptoKey(request),
        decrypt: (request) => own.decrypt(request),
        encrypt(request) {
          seen.push(request.plaintext)
          if (isThrown) throw new Error('not connected')
          return own.encrypt(request)
        },
      }
      const wrapping = Promise.resolve(gcpKms({ client, key }).wrap(new Uint8Array(32).fill(7), acme))
      await (isThrown ? assert.rejects(wrapping) : wrapping)
      assert.deepEqual(seen, [new Uint8Array(32)])
    }
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
