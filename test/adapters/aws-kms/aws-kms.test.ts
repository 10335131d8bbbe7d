import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { KMS } from '@aws-sdk/client-kms'
import { awsKms, type AwsKmsOptions } from '../../../src/adapters/aws-kms/index.ts'
import { rewrapAll, sealer } from '../../../src/index.ts'
import { arns, credentials, type KmsServer, region, startKms } from './kms-server.ts'

const acme = { tenant: 'acme' }
const refused = { code: 'decryption_failed' }
const unavailable = { code: 'keys_unavailable' }

describe('awsKms', () => {
  let server: KmsServer
  let client: KMS
  const keysOf = (options: Partial<AwsKmsOptions> = {}) => awsKms({ client, key: 'alias/notes', ...options })
  before(async () => {
    server = await startKms()
    client = new KMS({ region, endpoint: server.endpoint, credentials, maxAttempts: 1 })
  })
  beforeEach(() => {
    server.fail = undefined
    server.alias = arns[0]
    server.asked.length = 0
  })
  after(async () => {
    client.destroy()
    await server.close()
  })

  test('wraps and unwraps with the encryption context, over requests that are signed', async () => {
    const keys = keysOf()
    const { plaintext, wrapped } = await keys.generate(acme)
    assert.deepEqual(await keys.state(), { id: wrapped.id, version: wrapped.version })
    assert.equal(wrapped.id, arns[0])
    assert.match(wrapped.version, /^[0-9a-f]{64}$/)
    assert.deepEqual(await keys.unwrap(wrapped, acme), plaintext)
    assert.deepEqual(await keys.unwrap(await keys.wrap(plaintext, {}), {}), plaintext)
    await assert.rejects(async () => keys.unwrap(wrapped, { tenant: 'other' }), refused)
    for (const other of [
      { id: arns[1] },
      { id: 'arn' },
      { version: '1' },
      { bytes: new Uint8Array(6145) },
      { bytes: wrapped.bytes.map((byte) => byte ^ 1) },
    ])
      await assert.rejects(async () => keys.unwrap({ ...wrapped, ...other }, acme), refused)
    assert.deepEqual(server.unsigned, [])
    const forger = new KMS({ region, endpoint: server.endpoint, credentials: { ...credentials, secretAccessKey: 'other' }, maxAttempts: 1 })
    await assert.rejects(async () => keysOf({ client: forger }).generate(acme))
    assert.deepEqual(server.unsigned.splice(0), ['GenerateDataKey'])
    forger.destroy()
  })

  test('wraps anew inside KMS when the alias names another key; a key that is not listed opens nothing, whatever a header says', async () => {
    const sealed = await sealer({ keys: keysOf() }).seal({ a: 1 }, acme)
    server.alias = arns[1]
    await assert.rejects(sealer({ keys: keysOf() }).open(sealed, acme), refused)
    const keys = keysOf({ alsoOpens: [arns[0]] })
    server.asked.length = 0
    const renewed = await sealer({ keys }).rewrap(sealed, acme)
    assert.deepEqual(server.asked, ['ReEncrypt'])
    assert.deepEqual(await sealer({ keys: keysOf() }).open(renewed, acme), { a: 1 })
    assert.deepEqual(await sealer({ keys }).open(sealed, acme), { a: 1 })
  })

  test('wraps anew what older material of the same key wrapped, or what does not say by which it was, and nothing twice', async () => {
    const keys = keysOf()
    const box = sealer({ keys, dataKeys: { maxMessages: 1 } })
    const stored = new Map<string, Uint8Array>([['old', await box.seal('old', acme)]])
    const { plaintext, wrapped: old } = await keys.generate(acme)
    server.rotate()
    stored.set('new', await box.seal('new', acme))
    stored.set(
      'unsaid',
      await sealer({ keys: { ...keys, generate: async () => ({ plaintext, wrapped: await keys.wrap(plaintext, acme) }) } }).seal('unsaid', acme),
    )
    const run = () => rewrapAll({ box, keys, items: items(), write: (name, sealed) => stored.set(name, sealed) })
    const items = async function* (): AsyncGenerator<{ name: string; sealed: Uint8Array; context: typeof acme }> {
      for (const [name, sealed] of [...stored]) yield { name, sealed, context: acme }
    }
    server.asked.length = 0
    assert.deepEqual(await run(), { seen: 3, renewed: 2, current: 1, failed: [] })
    assert.deepEqual(server.asked, ['DescribeKey', 'ReEncrypt', 'ReEncrypt'])
    assert.deepEqual(await run(), { seen: 3, renewed: 0, current: 3, failed: [] })
    for (const [name, sealed] of stored) assert.equal(await box.open(sealed, acme), name)
    const renewed = await keys.rewrap(old, acme)
    assert.notEqual(renewed.version, old.version)
    for (const wrong of [
      { ...old, version: renewed.version },
      { ...renewed, version: old.version },
    ])
      for (const use of ['unwrap', 'rewrap'] as const) await assert.rejects(async () => keys[use](wrong, acme), refused)
  })

  test('A28: is asked again where it is throttled, and closed where it fails, hangs or is not allowed', async () => {
    let left = 2
    server.fail = () => (left-- > 0 ? { status: 400, type: 'ThrottlingException' } : undefined)
    const sealed = await sealer({ keys: keysOf() }).seal({ a: 1 }, acme)
    assert.equal(server.asked.length, 3)
    const once = { retries: 0 }
    for (const [status, type] of [
      [500, 'KMSInternalException'],
      [400, 'AccessDeniedException'],
      [400, 'DisabledException'],
      [400, 'KMSInvalidStateException'],
      [400, 'NotFoundException'],
    ] as const) {
      server.fail = () => ({ status, type })
      await assert.rejects(sealer({ keys: keysOf(), dataKeys: once }).open(sealed, acme), unavailable, type)
      await assert.rejects(sealer({ keys: keysOf(), dataKeys: once }).seal({ a: 1 }, acme), unavailable, type)
    }
    server.fail = () => 'hang'
    await assert.rejects(sealer({ keys: keysOf(), dataKeys: { ...once, deadline: 80 } }).open(sealed, acme), unavailable)
    server.fail = undefined
    assert.deepEqual(await sealer({ keys: keysOf() }).open(sealed, acme), { a: 1 })
  })

  test('is asked once for many messages', async () => {
    const box = sealer({ keys: keysOf() })
    const all = await Promise.all(Array.from({ length: 50 }, (_, index) => box.seal({ index }, { ...acme, field: `/${index}` })))
    await Promise.all(all.map((sealed, index) => box.open(sealed, { ...acme, field: `/${index}` })))
    assert.deepEqual(server.asked, ['GenerateDataKey', 'Decrypt'])
  })

  test('is not made with wrong options', () => {
    for (const wrong of [{ client: {} }, { key: '' }, { alsoOpens: 'a' }, { more: 1 }])
      assert.throws(() => awsKms({ client, key: 'k', ...wrong } as AwsKmsOptions), TypeError)
  })
})
