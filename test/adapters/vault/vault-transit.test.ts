import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { vaultTransit, type VaultTransitOptions } from '../../../src/adapters/vault/index.ts'
import { sealer } from '../../../src/index.ts'
import { startVault, type VaultServer, vaultToken } from './vault-server.ts'

const acme = { tenant: 'acme' }
const refused = { code: 'decryption_failed' }
const unavailable = { code: 'keys_unavailable' }

describe('vaultTransit', () => {
  let vault: VaultServer
  const keysOf = (options: Partial<VaultTransitOptions> = {}) => vaultTransit({ address: vault.address, token: vaultToken, key: 'notes', ...options })
  before(async () => {
    vault = await startVault()
  })
  beforeEach(() => {
    vault.fail = undefined
    vault.asked.length = 0
  })
  after(() => vault.close())

  test('wraps and unwraps for one context, by the version that a header names', async () => {
    const keys = keysOf()
    const { plaintext, wrapped } = await keys.generate(acme)
    assert.deepEqual([wrapped.id, wrapped.version], ['vault:transit/notes', '1'])
    assert.deepEqual(await keys.unwrap(wrapped, acme), plaintext)
    await assert.rejects(async () => keys.unwrap(wrapped, { tenant: 'other' }), refused)
    for (const other of [{ version: '2' }, { version: '' }, { id: 'vault:transit/other' }, { bytes: new Uint8Array(3) }])
      await assert.rejects(async () => keys.unwrap({ ...wrapped, ...other }, acme), refused)
    // Letters whose last bits nobody reads are not the ciphertext's, and cannot change what is opened.
    for (let at = 0; at < wrapped.bytes.length; at++) {
      const bytes = Uint8Array.from(wrapped.bytes)
      bytes[at] = (bytes[at] ?? 0) ^ 0x40
      await assert.rejects(async () => keys.unwrap({ ...wrapped, bytes }, acme), refused, `byte ${at}`)
    }
  })

  test('has Vault wrap anew by its new version, and sees no data key then', async () => {
    const keys = keysOf()
    const box = sealer({ keys })
    const sealed = await box.seal({ a: 1 }, acme)
    vault.rotate()
    vault.asked.length = 0
    const renewed = await box.rewrap(sealed, acme)
    assert.deepEqual(vault.asked, ['POST /v1/transit/rewrap/notes'])
    assert.deepEqual(await keys.state(), { id: 'vault:transit/notes', version: '2', opens: ['1', '2'] })
    vault.setMinimum(2)
    const later = sealer({ keys: keysOf() })
    assert.deepEqual(await later.open(renewed, acme), { a: 1 })
    await assert.rejects(later.open(sealed, acme), refused)
    assert.deepEqual((await keys.state()).opens, ['2'])
    vault.setMinimum(1)
  })

  test('A28: is asked again where it is throttled, and closed where it fails, hangs, or does not know the token', async () => {
    let left = 2
    vault.fail = () => (left-- > 0 ? 429 : undefined)
    const box = sealer({ keys: keysOf() })
    const sealed = await box.seal({ a: 1 }, acme)
    assert.equal(vault.asked.length, 3)
    for (const failure of [500, 503, 403, 400] as const) {
      vault.fail = () => failure
      await assert.rejects(sealer({ keys: keysOf(), dataKeys: { retries: 0 } }).seal({ a: 1 }, acme), unavailable)
    }
    vault.fail = () => 503
    await assert.rejects(sealer({ keys: keysOf(), dataKeys: { retries: 1 } }).open(sealed, acme), unavailable)
    vault.fail = () => 'hang'
    await assert.rejects(sealer({ keys: keysOf(), dataKeys: { retries: 0, deadline: 60 } }).open(sealed, acme), unavailable)
    vault.fail = undefined
    await assert.rejects(sealer({ keys: keysOf({ token: 'other' }), dataKeys: { retries: 0 } }).open(sealed, acme), unavailable)
    const gone = keysOf({ address: new URL('http://127.0.0.1:1'), fetch: () => Promise.reject(new TypeError('fetch failed')) })
    await assert.rejects(sealer({ keys: gone, dataKeys: { retries: 0 } }).open(sealed, acme), unavailable)
    assert.deepEqual(await sealer({ keys: keysOf({ token: async () => vaultToken }) }).open(sealed, acme), { a: 1 })
  })

  test('takes no answer that is none', async () => {
    for (const answer of ['', '{}', '{"data":5}', '{"data":{"plaintext":"AAAA","ciphertext":"vault:v1:AAAA"}}', '{"data":{"plaintext":"*"}}']) {
      const keys = keysOf({ fetch: async () => new Response(answer) })
      await assert.rejects(sealer({ keys, dataKeys: { retries: 0 } }).seal({ a: 1 }, acme), unavailable, answer)
    }
  })

  test('is not made with wrong options, and tells no token', () => {
    const right = { address: vault.address, token: vaultToken, key: 'notes' }
    for (const wrong of [
      { address: 'http://127.0.0.1' },
      { address: new URL('http://vault.example') },
      { token: '' },
      { key: '../sys' },
      { mount: '/a' },
      { more: 1 },
    ])
      assert.throws(() => vaultTransit({ ...right, ...wrong } as VaultTransitOptions), TypeError)
    assert.ok(!JSON.stringify(vaultTransit(right).describe()).includes(vaultToken))
  })
})
