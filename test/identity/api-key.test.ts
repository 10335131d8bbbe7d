import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Credentials } from '../../src/guard/context.ts'
import { apiKey, type ApiKeyEntry, type ApiKeyOptions, hashApiKey, newApiKey } from '../../src/identity/api-key.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'

const issuer = testIssuer()
const ada = await issuer.mintApiKey({ subject: 'ada', roles: ['builder'], kind: 'user' }, { prefix: 'acme_' })
const bob = await issuer.mintApiKey({ subject: 'bob', issuer: 'https://keys.example', tenant: 'acme' }, { prefix: 'acme_' })
const plain = apiKey({ keys: [ada.entry, bob.entry] })
const prefixed = apiKey({ keys: [ada.entry, bob.entry], prefix: 'acme_' })
const invalid = { code: 'identity_invalid' }

describe('apiKey', () => {
  test('gives the identity whose key it is', async () => {
    const { roles, kind, issuer: from, tokenId, expiresAt } = await plain.verify({ apiKey: ada.key })
    assert.deepEqual(
      { roles, kind, from, tokenId, expiresAt },
      { roles: ['builder'], kind: 'user', from: 'urn:sallyport:api-key', tokenId: ada.entry.id, expiresAt: Number.POSITIVE_INFINITY },
    )
    const other = await plain.verify({ authorization: `ApiKey ${bob.key}` })
    assert.equal(other.key, '20:https://keys.examplebob')
    assert.deepEqual([other.kind, other.tenant], ['service', 'acme'])
  })

  test('takes a key as a bearer only where a prefix tells it from a token', async () => {
    const bearer = { authorization: `Bearer ${ada.key}` }
    assert.equal((await prefixed.verify(bearer)).subject, 'ada')
    assert.equal(plain.accepts(bearer), false)
    await assert.rejects(plain.verify(bearer), invalid)
    assert.equal(prefixed.accepts({ authorization: 'Bearer acme_a.b.c' }), false, 'a token has dots')
  })

  test('refuses what is no key, too short, too long, or odd, at once', async () => {
    const { key } = await newApiKey({ prefix: 'acme_' })
    const wrong = [
      key,
      ada.key.slice(0, -1),
      `${ada.key}A`,
      ada.key.toUpperCase(),
      '',
      'acme_',
      'acme_short',
      `acme_${'x'.repeat(300)}`,
      `${ada.key}\n`,
      ` ${ada.key}`,
      'acme_\u0000'.padEnd(40, 'x'),
      'acme_é'.padEnd(40, 'x'),
    ]
    for (const apiKey of wrong) await assert.rejects(prefixed.verify({ apiKey }), invalid, JSON.stringify(apiKey))
    await assert.rejects(prefixed.verify({ apiKey: ada.key.slice('acme_'.length) }), invalid)
    await assert.rejects(prefixed.verify({}), { code: 'identity_missing' })
    await assert.rejects(prefixed.verify({ apiKey: ada.key, authorization: `Bearer ${ada.key}` }), invalid)
    await assert.rejects(prefixed.verify({ apiKey: ada.key, dpop: 'a.b.c' }), { code: 'binding_invalid' })
    const hash = (await hashApiKey(ada.key)).slice('sha256:'.length)
    for (const apiKey of [hash, `sha256:${hash}`, `acme_${hash}`]) await assert.rejects(plain.verify({ apiKey }), invalid, 'the hash is not the key')
  })

  test('refuses a key that has expired', async () => {
    const clock = testClock()
    const own = apiKey({ keys: [{ ...ada.entry, expiresAt: clock.now() + 1000 }], clock })
    await own.verify({ apiKey: ada.key })
    clock.advance(1000)
    await assert.rejects(own.verify({ apiKey: ada.key }), { code: 'identity_expired' })
  })

  test('two keys of one holder are both good while one replaces the other', async () => {
    const next = await issuer.mintApiKey({ subject: 'ada' })
    const both = apiKey({ keys: [ada.entry, next.entry] })
    assert.equal((await both.verify({ apiKey: ada.key })).key, (await both.verify({ apiKey: next.key })).key)
  })

  test('finds each of many', async () => {
    const many = await Promise.all(Array.from({ length: 200 }, (_, index) => issuer.mintApiKey({ subject: `s${index}` })))
    const own = apiKey({ keys: many.map(({ entry }) => entry) })
    for (const [index, { key }] of many.entries()) assert.equal((await own.verify({ apiKey: key })).subject, `s${index}`)
    await assert.rejects(own.verify({ apiKey: ada.key }), invalid)
  })

  test('takes hashes in base64url and in hexadecimal, of the published vector', async () => {
    // FIPS 180-4: SHA-256 of "abc" twice would be too short, so of the 448-bit message.
    const key = 'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'
    const hex = '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1'
    assert.equal(await hashApiKey(key), `sha256:${Buffer.from(hex, 'hex').toString('base64url')}`)
    for (const hash of [`sha256:${hex}`, `sha256:${hex.toUpperCase()}`])
      await apiKey({ keys: [{ id: 'a', hash, identity: { subject: 'a' } }] }).verify({ apiKey: key })
  })

  test('is the same where the runtime cannot hash at once', async (context) => {
    context.mock.method(process, 'getBuiltinModule', () => undefined)
    assert.equal((await plain.verify({ apiKey: ada.key })).subject, 'ada')
    await assert.rejects(plain.verify({ apiKey: `${ada.key}x` }), invalid)
  })

  test('is described without hashes', () => {
    const text = JSON.stringify(prefixed.describe())
    assert.deepEqual(JSON.parse(text), { kind: 'apiKey', prefix: 'acme_', keys: [ada.entry.id, bob.entry.id] })
    assert.ok(!text.includes('sha256'))
  })

  test('is checked when it is made', () => {
    const entry: ApiKeyEntry = ada.entry
    const wrong: Partial<Record<keyof ApiKeyOptions, unknown>>[] = [
      { keys: [] },
      { keys: undefined },
      { keys: [null] },
      { keys: [entry, entry] },
      { keys: [entry, { ...bob.entry, id: entry.id }] },
      { keys: [entry, { ...bob.entry, hash: entry.hash }] },
      { keys: [{ ...entry, id: '' }] },
      { keys: [{ ...entry, hash: 'x' }] },
      { keys: [{ ...entry, hash: entry.hash.slice(0, -1) }] },
      { keys: [{ ...entry, hash: entry.hash.replace('sha256', 'sha1') }] },
      { keys: [{ ...entry, hash: 7 }] },
      { keys: [{ ...entry, identity: undefined }] },
      { keys: [{ ...entry, identity: { subject: '' } }] },
      { keys: [{ ...entry, identity: { subject: 'a', roles: 'admin' } }] },
      { keys: [{ ...entry, identity: { subject: 'a', kind: 'root' } }] },
      { keys: [{ ...entry, expiresAt: Number.NaN }] },
      { keys: [{ ...entry, expires: 1 }] },
      { keys: [{ ...entry, identity: { subject: 'a', role: ['admin'] } }] },
      { prefixes: 'a' } as never,
      { clock: {} },
      { prefix: 'a.b' },
      { prefix: '-a' },
      { prefix: 7 },
      { prefix: 'x'.repeat(40) },
    ]
    for (const option of wrong) assert.throws(() => apiKey({ keys: [entry], ...option } as ApiKeyOptions), TypeError, JSON.stringify(option))
  })

  test('says at a glance what is its to judge', () => {
    const glances: [Credentials, boolean][] = [
      [{ apiKey: ada.key }, true],
      [{ authorization: `apikey ${ada.key}` }, true],
      [{ authorization: `Basic ${ada.key}` }, false],
      [{ apiKey: 'other' }, false],
      [{}, false],
    ]
    for (const [credentials, accepted] of glances) assert.equal(prefixed.accepts(credentials), accepted)
  })
})

test('new keys are random, long, and begin as they should', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => newApiKey({ prefix: 'sk_' })))
  assert.equal(new Set(keys.map(({ key }) => key)).size, 20)
  for (const { key, hash } of keys) {
    assert.match(key, /^sk_[A-Za-z0-9_-]{43}$/)
    assert.equal(hash, await hashApiKey(key))
  }
})
