import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import type { JWK } from 'jose'
import { systemClock } from '../../src/guard/clock.ts'
import type { KeySource } from '../../src/keys/key-source.ts'
import { type SpiffeBundle, spiffeBundle } from '../../src/keys/spiffe-bundle.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { type JwksServer, jwksServer, settled } from './jwks-server.ts'

const unavailable = { code: 'keys_unavailable', status: 503 }
const p256 = (): JWK => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }) as JWK
const svidKey = (kid: string, more: object = {}): JWK => ({ ...p256(), kid, use: 'jwt-svid', ...more })
const authority = (): JWK => ({ ...p256(), use: 'x509-svid', x5c: ['MIIB'] })

const query = (id: string | undefined) => ({ algorithm: 'ES256', id })
const found = async (bundle: SpiffeBundle, id: string | undefined): Promise<string | undefined> =>
  (await spiffeBundle(bundle).find(query(id), systemClock))?.id

describe('a SPIFFE bundle at hand', () => {
  test('gives the keys for JWT-SVIDs and leaves all others aside', async () => {
    const other = p256()
    const bundle = {
      spiffe_sequence: 3,
      spiffe_refresh_hint: 300,
      keys: [
        authority(),
        svidKey('a'),
        { ...authority(), kid: 'x' },
        { ...other, kid: 'none' },
        { ...other, kid: 'sig', use: 'sig' },
        { ...other, kid: 'wit', use: 'wit-svid' },
        { ...other, kid: 'case', use: 'JWT-SVID' },
        { kty: 'EXT', kid: 'ext', use: 'jwt-svid' },
      ],
    }
    assert.equal(await found(bundle, 'a'), 'a')
    assert.equal(await found(bundle, undefined), 'a', 'a JWT-SVID need not name its key')
    for (const id of ['x', 'none', 'sig', 'wit', 'case', 'ext', '']) assert.equal(await found(bundle, id), undefined, id)
    assert.deepEqual(spiffeBundle(bundle).describe(), { kind: 'spiffe', keys: [{ id: 'a', algorithm: 'ES256' }] })
  })

  test('is refused without such a key, with one that has no kid, with a kid twice, a weak key, a private one or a secret', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }) as JWK
    const { kid: _, ...nameless } = svidKey('a')
    for (const keys of [
      [],
      [authority()],
      [svidKey('a'), nameless],
      [svidKey('a'), svidKey('a')],
      [svidKey('a'), { ...rsa, kid: 'b', use: 'jwt-svid' }],
      [svidKey('a'), svidKey('b', { d: 'AAAA' })],
      [svidKey('a'), { ...authority(), d: 'AAAA' }],
      [svidKey('a'), { kty: 'oct', k: 'A'.repeat(43), alg: 'HS256', kid: 's', use: 'jwt-svid' }],
    ])
      assert.throws(() => spiffeBundle({ keys }), TypeError)
    for (const bundle of [{}, [], null, undefined, 'x', { keys: {} }]) assert.throws(() => spiffeBundle(bundle as never), TypeError)
  })

  test('takes no options that are for a URL, and no URL that can be listened to', () => {
    assert.throws(() => spiffeBundle({ keys: [svidKey('a')] }, { maxAge: 60 }), TypeError)
    for (const url of ['http://spire.example/bundle', 'spiffe://example.org', 'https://a:b@spire.example/'])
      assert.throws(() => spiffeBundle(new URL(url)), TypeError)
    for (const options of [{ maxAge: 0 }, { cooldown: 400 }, { hint: 1 }, null])
      assert.throws(() => spiffeBundle(new URL('https://spire.example/'), options as never), TypeError)
    const described = spiffeBundle(new URL('https://spire.example/bundle?token=x')).describe()
    assert.deepEqual(described, { kind: 'spiffe', url: 'https://spire.example/bundle', maxAge: 600, staleIfError: 3600 })
  })
})

interface Scene {
  readonly clock: TestClock
  readonly server: JwksServer
  readonly source: KeySource
  /** What is served. */
  readonly bundle: { keys: JWK[]; spiffe_sequence?: unknown; spiffe_refresh_hint?: unknown }
  find(id: string): Promise<string | undefined>
}

async function scene(context: TestContext, more: object): Promise<Scene> {
  const clock = testClock()
  const bundle = { keys: [authority(), svidKey('a')], ...more }
  const server = await jwksServer(context, () => bundle)
  const source = spiffeBundle(server.url)
  return { clock, server, source, bundle, find: async (id) => (await source.find(query(id), clock))?.id }
}

describe('a SPIFFE bundle at a URL', () => {
  test('is fetched when first needed, and gives the keys for JWT-SVIDs alone', async (context) => {
    const { server, bundle, find } = await scene(context, {})
    bundle.keys.push({ ...p256(), kid: 'b' }, { ...p256(), kid: 'c', use: 'sig' })
    assert.equal(server.requests, 0)
    assert.equal(await find('a'), 'a')
    assert.equal(await find('b'), undefined)
    assert.equal(await find('c'), undefined)
    assert.equal(server.requests, 1)
  })

  test('loses a key without a kid and a weak one, and all where a kid stands twice', async (context) => {
    const { clock, bundle, find } = await scene(context, {})
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }) as JWK
    bundle.keys.push({ ...p256(), use: 'jwt-svid' }, { ...rsa, kid: 'b', use: 'jwt-svid' })
    assert.equal(await find('a'), 'a')
    bundle.keys.push(svidKey('c'), svidKey('c'))
    clock.advance(30_000)
    await assert.rejects(find('c'), unavailable)
    assert.equal(await find('a'), 'a')
  })

  test('never goes back: an older one than the last is no answer, nor is one that no longer says', async (context) => {
    const { clock, bundle, source, find } = await scene(context, { spiffe_sequence: 7 })
    const key = await source.find(query('a'), clock)
    assert.ok(key !== undefined)
    const withdrawn = bundle.keys.splice(1)
    bundle.keys.push(svidKey('b'))
    for (const sequence of [6, 0, undefined]) {
      bundle.spiffe_sequence = sequence
      clock.advance(30_000)
      await assert.rejects(find('b'), unavailable)
      assert.equal(source.trusts(key, clock), true, 'the last one stands')
    }
    bundle.spiffe_sequence = 8
    clock.advance(30_000)
    assert.equal(await find('b'), 'b')
    assert.equal(source.trusts(key, clock), false)
    bundle.keys.push(...withdrawn)
    bundle.spiffe_sequence = 7
    clock.advance(30_000)
    await assert.rejects(find('a'), unavailable, 'a withdrawn key does not come back with an old bundle')
    bundle.spiffe_sequence = 8
    clock.advance(30_000)
    assert.equal(await find('a'), 'a', 'as new as the last')
  })

  test('without a sequence is taken as it comes', async (context) => {
    const { clock, bundle, find } = await scene(context, {})
    assert.equal(await find('a'), 'a')
    bundle.keys.push(svidKey('b'))
    clock.advance(30_000)
    assert.equal(await find('b'), 'b')
  })

  test('is refused with numbers that are none', async (context) => {
    for (const more of [
      { spiffe_sequence: '7' },
      { spiffe_sequence: -1 },
      { spiffe_sequence: 1.5 },
      { spiffe_sequence: null },
      { spiffe_refresh_hint: '300' },
      { spiffe_refresh_hint: -1 },
      { spiffe_refresh_hint: 0.5 },
      { spiffe_refresh_hint: {} },
    ]) {
      const { find } = await scene(context, more)
      await assert.rejects(find('a'), unavailable, JSON.stringify(more))
    }
    const { find } = await scene(context, { spiffe_sequence: 2 ** 63, spiffe_refresh_hint: 0 })
    assert.equal(await find('a'), 'a')
  })

  test('is fetched again as often as it hints, within the bounds of the options', async (context) => {
    for (const [hint, after] of [
      [120, 120_000],
      [1, 30_000],
      [0, 30_000],
      [2_419_200, 300_000],
      [undefined, 300_000],
    ] as const) {
      const { clock, server, find } = await scene(context, { spiffe_refresh_hint: hint })
      await find('a')
      clock.advance(after)
      assert.equal(await find('a'), 'a')
      assert.equal(clock.pending, 0, `${hint}: not yet`)
      clock.advance(1)
      assert.equal(await find('a'), 'a')
      await settled(() => server.requests === 2 && clock.pending === 0)
    }
  })
})
