import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { apiKey, type ApiKeyEntry, type GuardErrorCode, newApiKey } from '../../src/index.ts'
import { recordingLog, testClock } from '../../src/testing/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { wholeGuard } from './whole-guard.ts'

/** A server that takes these keys. */
function scene(keys: readonly ApiKeyEntry[], prefix = 'sp_') {
  const clock = testClock()
  const log = recordingLog()
  const server = served(wholeGuard({ clock, log, identity: { verifiers: [apiKey({ prefix, keys })] } }))
  const ask = (key: string): Promise<Response> => server.ask(chatRequest('x'), { 'x-api-key': key })
  const refused = async (key: string, code: GuardErrorCode = 'identity_invalid'): Promise<void> =>
    assertRefused(await ask(key), code, key.length > 8 ? [key] : [])
  return { clock, log, server, ask, refused }
}

async function newKey(id: string, more: Partial<ApiKeyEntry> = {}): Promise<{ readonly key: string; readonly entry: ApiKeyEntry }> {
  const { key, hash } = await newApiKey({ prefix: 'sp_' })
  return { key, entry: { id, hash, identity: { subject: 'robot', roles: ['analyst'] }, ...more } }
}

describe('A1: API keys', () => {
  test('a key that is not exactly one of them is none', async () => {
    const { key, entry } = await newKey('one')
    const { server, ask, refused } = scene([entry])
    for (const wrong of [
      key.slice(0, -1),
      `${key}x`,
      key.slice(3),
      key.toUpperCase(),
      key.replace('sp_', 'SP_'),
      `${key}, ${key}`,
      `"${key}"`,
      'sp_',
      '',
      entry.hash,
      entry.id,
      'x'.repeat(10_000),
      (await newKey('two')).key,
    ])
      await refused(wrong)
    for (const authorization of [`ApiKey ${key}x`, `Bearer ${key}x`, `Basic ${btoa(`robot:${key}`)}`, `Bearer ${key}.`, key])
      await assertRefused(await server.ask(chatRequest('x'), { authorization }), 'identity_invalid', [key])
    await assertRefused(await server.ask(chatRequest('x'), { 'x-api-key': key, dpop: 'x.y.z' }), 'binding_invalid', [key])
    assert.equal(server.ran.length, 0)
    for (const headers of [{ 'x-api-key': key }, { authorization: `ApiKey ${key}` }, { authorization: `Bearer ${key}` }])
      assert.equal((await server.ask(chatRequest('x'), headers)).status, 200)
    assert.equal((await ask(key)).status, 200)
  })

  test('two keys of one holder are good while one replaces the other, and are one caller; each ends by itself', async () => {
    const clock = testClock()
    const [old, next] = [await newKey('old', { expiresAt: clock.now() + 60_000 }), await newKey('next', { expiresAt: clock.now() + 120_000 })]
    const { clock: own, log, server, ask, refused } = scene([old.entry, next.entry])
    assert.equal((await ask(old.key)).status, 200)
    assert.equal((await ask(next.key)).status, 200)
    const subjects = log.entries.flatMap((record) => (record.kind === 'decision' ? [record.subject] : []))
    assert.deepEqual(
      subjects.map((subject) => [subject?.subject, subject?.token]),
      [
        ['robot', 'old'],
        ['robot', 'next'],
      ],
    )
    assert.equal(subjects[0]?.key, subjects[1]?.key)
    own.advance(59_999)
    assert.equal((await ask(old.key)).status, 200)
    own.advance(1)
    await refused(old.key, 'identity_expired')
    assert.equal((await ask(next.key)).status, 200)
    own.advance(60_000)
    await refused(next.key, 'identity_expired')
    assert.equal(server.ran.length, 4)
  })

  test('a key that was taken out is none, and what it may do is what its entry says', async () => {
    const [mine, guests] = [await newKey('mine'), await newKey('guests', { identity: { subject: 'guest', roles: ['guest'] } })]
    const { server, ask, refused } = scene([guests.entry])
    await refused(mine.key)
    await assertRefused(await ask(guests.key), 'denied', ['guest'])
    assert.equal(server.ran.length, 0)
  })

  test('a set-up with keys that cannot be told apart, or in clear, is none', async () => {
    const { key, entry } = await newKey('one')
    const other = await newKey('two')
    for (const keys of [
      [],
      [entry, entry],
      [entry, { ...other.entry, id: entry.id }],
      [entry, { ...entry, id: 'two' }],
      [{ ...entry, hash: key }],
      [{ ...entry, hash: '' }],
      [{ ...entry, hash: `md5:${'0'.repeat(32)}` }],
      [{ ...entry, expiresAt: Number.NaN }],
      [{ ...entry, expires: 5 }],
      [{ ...entry, identity: { subject: '' } }],
      [{ ...entry, identity: { subject: 'x', role: 'admin' } }],
    ])
      assert.throws(() => apiKey({ keys: keys as ApiKeyEntry[] }), TypeError)
  })
})
