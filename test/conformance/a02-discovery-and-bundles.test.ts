import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { discoveredKeys, jwt, jwtSvid, type KeySource, type RemoteJwksOptions, spiffeBundle, type Verifier } from '../../src/index.ts'
import { allowAll, testClock, type TestIssuer, testIssuer } from '../../src/testing/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { inTime } from './in-time.ts'
import { served } from './served.ts'
import { shortKey, smallExponent } from './weak-keys.ts'
import { wholeGuard } from './whole-guard.ts'

/** Who publishes keys, by what address each document is found, and what kind of token they sign. */
interface Publisher {
  readonly documents: (issuer: TestIssuer, more: object) => Readonly<Record<string, unknown>>
  readonly source: (options: RemoteJwksOptions) => KeySource
  readonly verifier: (keys: KeySource) => Verifier
  readonly claims: Readonly<Record<string, unknown>>
  readonly typ: string
}

const name = 'https://issuer.example'
const publishers: Readonly<Record<string, Publisher>> = {
  'keys found by discovery': {
    documents: (issuer, more) => ({
      [`${name}/.well-known/openid-configuration`]: { issuer: name, jwks_uri: 'https://keys.example/set', ...more },
      'https://keys.example/set': issuer.jwks,
    }),
    source: (options) => discoveredKeys({ issuer: name, ...options }),
    verifier: (keys) => jwt({ issuer: name, audience: 'https://api.example', keys }),
    claims: {},
    typ: 'at+jwt',
  },
  'keys in a SPIFFE bundle': {
    documents: (issuer, more) => ({
      'https://spire.example/bundle': { keys: issuer.jwks.keys.map((key) => ({ ...key, use: 'jwt-svid' })), ...more },
    }),
    source: (options) => spiffeBundle(new URL('https://spire.example/bundle'), options),
    verifier: (bundle) => jwtSvid({ trustDomain: 'example.org', audience: 'https://api.example', bundle }),
    claims: { iss: undefined, sub: 'spiffe://example.org/agent' },
    typ: 'JWT',
  },
}

/** A guarded server whose issuer publishes its keys so, and what was fetched. */
function scene({ documents, source, verifier, claims, typ }: Publisher) {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  const state = { fetched: [] as string[], more: {}, instead: undefined as (() => Response | Promise<Response>) | undefined }
  const fetch = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    state.fetched.push(String(input))
    assert.equal(init.redirect, 'manual')
    if (state.instead !== undefined) return state.instead()
    const document = documents(issuer, state.more)[String(input)]
    return document === undefined ? new Response(null, { status: 404 }) : Response.json(document)
  }
  const keys = source({ fetch, cooldown: 30, maxAge: 600, staleIfError: 60, timeout: 5 })
  const server = served(wholeGuard({ clock, identity: { verifiers: [verifier(keys)] }, policy: { evaluator: allowAll() } }))
  const mint = (options: { kid?: string; key?: string } = {}) => {
    const { kid, key } = options
    return issuer.bearer(claims, { expiresIn: 86_400, header: { typ, ...(kid !== undefined && { kid }) }, ...(key !== undefined && { key }) })
  }
  const ask = async (options: { kid?: string; key?: string } = {}): Promise<Response> => server.ask(chatRequest('hello'), await mint(options))
  /** How many times the keys themselves were fetched. */
  const fetches = (): number => state.fetched.filter((url) => !url.includes('.well-known')).length
  return { clock, issuer, state, server, mint, ask, fetches, ran: server.ran }
}

for (const [what, publisher] of Object.entries(publishers))
  describe(`A2: ${what}`, () => {
    test('are fetched when they are first needed, and once for however many callers', async () => {
      const { state, ask, fetches, ran } = scene(publisher)
      assert.deepEqual(state.fetched, [])
      const answers = await Promise.all(Array.from({ length: 50 }, () => ask()))
      assert.ok(answers.every(({ status }) => status === 200))
      assert.equal(fetches(), 1)
      assert.equal(new Set(state.fetched).size, state.fetched.length)
      assert.equal(ran.length, 50)
    })

    test('a flood of ids that nobody knows fetches once in a cool-down, and a rotated key is found amid it', async () => {
      const { clock, issuer, state, ask, fetches, ran } = scene(publisher)
      assert.equal((await ask()).status, 200)
      for (let round = 0; round < 3; round++) {
        clock.advance(30_000)
        const flood = await Promise.all(Array.from({ length: 100 }, (_, number) => ask({ kid: `made-up-${round}-${number}` })))
        for (const response of flood) await assertRefused(response, 'identity_invalid', ['made-up'])
        assert.equal(fetches(), 2 + round)
      }
      const id = issuer.rotate()
      await assertRefused(await ask({ key: id }), 'identity_invalid')
      clock.advance(30_000)
      const answers = await Promise.all([...Array.from({ length: 50 }, (_, number) => ask({ kid: `x${number}` })), ask({ key: id })])
      assert.equal(answers.at(-1)?.status, 200)
      assert.equal(fetches(), 5)
      assert.ok(state.fetched.length <= 6, 'where the keys are is not asked with every fetch')
      assert.equal(ran.length, 2)
    })

    test('one that was withdrawn verifies nothing any more, also not what it verified before', async () => {
      const { clock, issuer, server, mint, ask, ran } = scene(publisher)
      const before = await mint()
      assert.equal((await server.ask(chatRequest('x'), before)).status, 200)
      issuer.rotate()
      issuer.retire('test-1')
      clock.advance(600_001)
      await assertRefused(await server.ask(chatRequest('x'), before), 'identity_invalid')
      await assertRefused(await ask({ key: 'test-1' }), 'identity_invalid')
      assert.equal((await ask()).status, 200)
      assert.equal(ran.length, 2)
    })

    test('an outage locks nobody out whose key is known, for as long as was said and no longer, and lets nobody in', async () => {
      const outages: readonly (() => Response | Promise<Response>)[] = [
        () => new Response(null, { status: 503 }),
        () => new Response(null, { status: 302, headers: { location: 'https://evil.example/set' } }),
        () => Promise.reject(new TypeError('connect ECONNREFUSED 10.0.0.7')),
        () => new Promise(() => {}),
        () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) })),
      ]
      for (const outage of outages) {
        const { clock, state, server, mint, ask, ran } = scene(publisher)
        const known = await mint()
        assert.equal((await server.ask(chatRequest('x'), known)).status, 200)
        const before = state.fetched.length
        state.instead = outage
        for (let turn = 1; turn <= 60; turn++) {
          clock.advance(10_000)
          assert.equal((await server.ask(chatRequest('x'), known)).status, 200)
        }
        assert.ok(state.fetched.length - before <= 25, `${state.fetched.length - before} fetches`)
        clock.advance(60_001)
        for (const call of [server.ask(chatRequest('x'), known), ask(), ask({ kid: 'made-up' })])
          await assertRefused(await inTime(clock, call), 'keys_unavailable', ['10.0.0.7', 'issuer.example', 'spire.example', 'keys.example'])
        assert.equal(ran.length, 61)
        state.instead = undefined
        clock.advance(30_000)
        assert.equal((await inTime(clock, ask())).status, 200)
      }
    })
  })

describe('A2: documents that say something else', () => {
  test('the metadata of another issuer, and a place for keys that is not secure, are not believed', async () => {
    const discovery = publishers['keys found by discovery']
    assert.ok(discovery)
    for (const more of [
      { issuer: 'https://evil.example' },
      { issuer: `${name}/` },
      { issuer: undefined },
      { jwks_uri: 'http://keys.example/set' },
      { jwks_uri: 'http://127.0.0.1/set' },
      { jwks_uri: 'https://user:password@keys.example/set' },
      { jwks_uri: '/set' },
      { jwks_uri: undefined },
      { jwks_uri: ['https://keys.example/set'] },
    ]) {
      const { state, ask, fetches, ran } = scene(discovery)
      state.more = more
      await assertRefused(await ask(), 'keys_unavailable', ['evil.example'])
      assert.equal(fetches(), 0, JSON.stringify(more))
      assert.equal(ran.length, 0)
    }
  })

  test('a bundle that is older than the last one does not bring a withdrawn key back', async () => {
    const bundle = publishers['keys in a SPIFFE bundle']
    assert.ok(bundle)
    const { clock, issuer, state, ask, ran } = scene(bundle)
    state.more = { spiffe_sequence: 7 }
    const old = issuer.jwks
    issuer.rotate()
    issuer.retire('test-1')
    assert.equal((await ask()).status, 200)
    clock.advance(60_000)
    const replayed = { keys: old.keys.map((key) => ({ ...key, use: 'jwt-svid' })), spiffe_sequence: 6 }
    state.instead = () => Response.json(replayed)
    await assertRefused(await ask({ key: 'test-1' }), 'keys_unavailable')
    assert.equal((await ask()).status, 200)
    assert.equal(ran.length, 2)
  })

  test('a key of a bundle that is for something else, or does not say for what, verifies no token', async () => {
    for (const use of ['x509-svid', 'sig', undefined]) {
      const clock = testClock()
      const issuer = testIssuer({ clock })
      const other = testIssuer({ clock })
      const keys = [...issuer.jwks.keys.map((key) => ({ ...key, use })), ...other.jwks.keys.map((key) => ({ ...key, kid: 'other', use: 'jwt-svid' }))]
      const source = spiffeBundle(new URL('https://spire.example/bundle'), { fetch: async () => Response.json({ keys }) })
      const verifiers = [jwtSvid({ trustDomain: 'example.org', audience: 'https://api.example', bundle: source })]
      const server = served(wholeGuard({ clock, identity: { verifiers }, policy: { evaluator: allowAll() } }))
      const claims = { iss: undefined, sub: 'spiffe://example.org/agent' }
      await assertRefused(await server.ask(chatRequest('x'), await issuer.bearer(claims, { header: { typ: 'JWT' } })), 'identity_invalid')
      const right = await other.bearer(claims, { header: { typ: 'JWT', kid: 'other' } })
      assert.equal((await server.ask(chatRequest('x'), right)).status, 200)
      assert.equal(server.ran.length, 1)
    }
  })

  test('weak keys, private ones and doubled ids are not used', async () => {
    const [key] = testIssuer().jwks.keys
    assert.ok(key)
    const sets: readonly object[] = [
      { keys: [{ ...key, d: 'AAAA' }] },
      { keys: [key, key] },
      { keys: [key, { kty: 'oct', k: 'c2VjcmV0LW9mLXRoaXJ0eS10d28tYnl0ZXMtYXQtbGVhc3Q', kid: 'x' }] },
      { keys: Array.from({ length: 101 }, (_, number) => ({ ...key, kid: `k${number}` })) },
    ]
    for (const document of sets) {
      const discovery = publishers['keys found by discovery']
      assert.ok(discovery)
      const { ask, ran } = scene({
        ...discovery,
        documents: (issuer, more) => ({ ...discovery.documents(issuer, more), 'https://keys.example/set': document }),
      })
      await assertRefused(await ask(), 'keys_unavailable')
      assert.equal(ran.length, 0)
    }
    // Others of the same set are used all the same.
    for (const weak of [shortKey(), smallExponent()]) {
      const discovery = publishers['keys found by discovery']
      assert.ok(discovery)
      const documents: Publisher['documents'] = (issuer, more) => ({
        ...discovery.documents(issuer, more),
        'https://keys.example/set': { keys: [...issuer.jwks.keys, weak.jwk] },
      })
      const { clock, issuer, server, ask, ran } = scene({ ...discovery, documents })
      assert.equal((await ask()).status, 200)
      const now = Math.floor(clock.now() / 1000)
      const claims = { iss: name, aud: issuer.audience, sub: 'root', client_id: 'c', jti: 'j', iat: now, exp: now + 300 }
      const authorization = `Bearer ${weak.sign({ typ: 'at+jwt' }, claims)}`
      await assertRefused(await server.ask(chatRequest('x'), { authorization }), 'identity_invalid')
      assert.equal(ran.length, 1)
      assert.throws(() => jwt({ ...issuer.options, keys: { keys: [weak.jwk] } }), TypeError)
    }
    // A secret that is shorter than the hash, and secrets beside public keys.
    const secret = { kty: 'oct', kid: 's', alg: 'HS256', k: Buffer.alloc(31, 'x').toString('base64url') }
    const options = { issuer: name, audience: 'https://api.example', algorithms: 'HS256' }
    assert.throws(() => jwt({ ...options, keys: { keys: [secret] } }), TypeError)
    jwt({ ...options, keys: { keys: [{ ...secret, k: Buffer.alloc(32, 'x').toString('base64url') }] } })
    assert.throws(() => jwt({ ...options, algorithms: ['HS256', 'ES256'], keys: { keys: [key] } }), TypeError)
  })
})
