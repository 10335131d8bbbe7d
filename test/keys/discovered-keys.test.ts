import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type DiscoveredKeysOptions, discoveredKeys } from '../../src/keys/discovered-keys.ts'
import type { KeySource } from '../../src/keys/key-source.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { type TestIssuer, testIssuer } from '../../src/testing/test-issuer.ts'
import { type JwksServer, jwksServer, settled } from './jwks-server.ts'

const unavailable = { code: 'keys_unavailable', status: 503 }

interface Scene {
  readonly clock: TestClock
  readonly keys: TestIssuer
  readonly server: JwksServer
  readonly source: KeySource
  readonly issuer: string
  /** What the issuer tells about itself. A test may change it. */
  readonly metadata: Record<string, unknown>
  /** Paths that are not served now. */
  readonly down: Set<string>
  find(id: string): Promise<string | undefined>
}

async function scene(context: TestContext, path = '', options: Partial<DiscoveredKeysOptions> = {}): Promise<Scene> {
  const clock = testClock()
  const keys = testIssuer()
  const down = new Set<string>()
  const server = await jwksServer(context, () => undefined)
  const issuer = server.url.origin + path
  const metadata: Record<string, unknown> = { issuer, jwks_uri: server.url.href, token_endpoint: 'https://elsewhere.example/token' }
  server.answer = (response, { url = '' }) => {
    if (down.has(url)) response.writeHead(503).end()
    else if (url.includes('/.well-known/')) response.end(JSON.stringify(metadata))
    else if (url === new URL(String(metadata.jwks_uri)).pathname) response.end(JSON.stringify(keys.jwks))
    else response.writeHead(404).end()
  }
  const source = discoveredKeys({ issuer, ...options })
  return { clock, keys, server, source, issuer, metadata, down, find: async (id) => (await source.find({ algorithm: 'ES256', id }, clock))?.id }
}

const openid = '/.well-known/openid-configuration'

describe('keys found by an issuer’s name', () => {
  test('are where its metadata say, which are asked for first and kept', async (context) => {
    const { clock, server, find } = await scene(context)
    assert.deepEqual(server.paths, [])
    assert.deepEqual(await Promise.all([find('test-1'), find('none'), find('test-1')]), ['test-1', undefined, 'test-1'])
    assert.deepEqual(server.paths, [openid, '/jwks'])
    for (let turn = 1; turn <= 3; turn++) {
      clock.advance(30_000)
      for (let index = 0; index < 20; index++) await find(`made-up-${index}`)
      assert.equal(server.requests, 2 + turn, 'one fetch in a cool-down (A2)')
    }
  })

  test('have their metadata at the path of the standard that is asked for', async (context) => {
    for (const [path, metadata, expected] of [
      ['', 'openid', openid],
      ['/', 'openid', openid],
      ['/tenant/a', 'openid', `/tenant/a${openid}`],
      ['/tenant/a/', 'openid', `/tenant/a${openid}`],
      ['', 'oauth', '/.well-known/oauth-authorization-server'],
      ['/', 'oauth', '/.well-known/oauth-authorization-server'],
      ['/tenant/a', 'oauth', '/.well-known/oauth-authorization-server/tenant/a'],
      ['/tenant/a/', 'oauth', '/.well-known/oauth-authorization-server/tenant/a'],
    ] as const) {
      const { server, find } = await scene(context, path, { metadata })
      assert.equal(await find('test-1'), 'test-1')
      assert.equal(server.paths[0], expected)
    }
  })

  test('are nobody else’s: the metadata name the very same issuer (OpenID Connect Discovery 1.0, 4.3; RFC 8414, 3.3)', async (context) => {
    const { clock, server, issuer, metadata, find } = await scene(context, '/a')
    for (const other of [`${issuer}/`, issuer.toUpperCase(), issuer.replace('/a', '/b'), 'https://id.example', '', undefined, null, [issuer]]) {
      metadata.issuer = other
      await assert.rejects(find('test-1'), unavailable)
      clock.advance(60_000)
    }
    assert.ok(!server.paths.includes('/jwks'), 'nothing is asked of where they point')
    metadata.issuer = issuer
    assert.equal(await find('test-1'), 'test-1')
  })

  test('are fetched where nobody can listen, and nowhere else', async () => {
    const issuer = 'https://id.example'
    const wrong = [
      'http://id.example/jwks',
      'https://a:b@id.example/jwks',
      'ftp://id.example/',
      'data:application/json,{}',
      '/jwks',
      '',
      7,
      null,
      undefined,
    ]
    for (const jwks_uri of wrong) {
      const asked: string[] = []
      const fetch = async (url: URL | RequestInfo): Promise<Response> => {
        asked.push(String(url))
        return Response.json({ issuer, jwks_uri })
      }
      const find = async (): Promise<unknown> => await discoveredKeys({ issuer, fetch }).find({ algorithm: 'ES256', id: 'test-1' }, testClock())
      await assert.rejects(find(), unavailable, String(jwks_uri))
      assert.deepEqual(asked, [`${issuer}${openid}`])
    }
  })

  test('are not on this machine because somebody far away says so', async () => {
    const issuer = 'https://id.example'
    for (const [jwks_uri, isAllowed] of [
      ['http://127.0.0.1:9/jwks', false],
      ['http://localhost/jwks', false],
      ['https://keys.example/jwks', true],
    ] as const) {
      const asked: string[] = []
      const fetch = async (url: URL | RequestInfo): Promise<Response> => {
        asked.push(String(url))
        return Response.json(asked.length === 1 ? { issuer, jwks_uri } : testIssuer().jwks)
      }
      const find = async (): Promise<unknown> => await discoveredKeys({ issuer, fetch }).find({ algorithm: 'ES256', id: 'test-1' }, testClock())
      if (isAllowed) assert.ok((await find()) !== undefined)
      else await assert.rejects(find(), unavailable)
      assert.deepEqual(asked, [`${issuer}${openid}`, ...(isAllowed ? [jwks_uri] : [])])
    }
  })

  for (const [what, body] of Object.entries({ 'no JSON': '<html>', 'a list': '[]', 'a text': '"x"', nothing: 'null', 'no members': '{}' }))
    test(`metadata that are ${what} find nothing`, async (context) => {
      const { server, find } = await scene(context)
      server.answer = (response) => void response.end(body)
      await assert.rejects(find('test-1'), unavailable)
      assert.equal(server.requests, 1)
    })

  test('are found where they moved to, at the latest when the metadata are old', async (context) => {
    const { clock, keys, server, metadata, down, find } = await scene(context)
    assert.equal(await find('test-1'), 'test-1')
    metadata.jwks_uri = new URL('/moved', server.url).href
    keys.rotate()
    clock.advance(30_000)
    await assert.rejects(find('test-2'), unavailable, 'they are no longer where they were')
    clock.advance(30_000)
    assert.equal(await find('test-2'), 'test-2', 'so the metadata were asked again')
    assert.deepEqual(server.paths, [openid, '/jwks', '/jwks', openid, '/moved'])
    metadata.jwks_uri = new URL('/again', server.url).href
    clock.advance(600_001)
    assert.equal(await find('test-2'), 'test-2')
    assert.deepEqual(server.paths.slice(5), [openid, '/again'])
    assert.equal(down.size, 0)
  })

  test('are fetched on while only the metadata cannot be had, for as long as a set would be trusted', async (context) => {
    const { clock, keys, server, source, down, find } = await scene(context)
    const first = await source.find({ algorithm: 'ES256', id: 'test-1' }, clock)
    assert.ok(first !== undefined)
    down.add(openid)
    let rotated = 1
    while (clock.monotonic() < 4_000_000) {
      clock.advance(100_000)
      const id = keys.rotate()
      rotated++
      // Once in vain at most, and then by the metadata that are known.
      for (let turn = 0; turn < 2 && (await find(id).catch(() => undefined)) === undefined; turn++) clock.advance(30_000)
      assert.equal(await find(id), id)
      assert.equal(source.trusts(first, clock), true)
    }
    assert.ok(rotated > 20)
    const asked = server.paths.filter((path) => path === '/jwks').length
    clock.advance(700_000)
    for (let turn = 0; turn < 10; turn++) {
      keys.rotate()
      await find(`test-${rotated + turn + 1}`).catch(() => undefined)
      await settled(() => clock.pending === 0)
      clock.advance(30_000)
    }
    assert.equal(server.paths.filter((path) => path === '/jwks').length, asked, 'metadata that are too old lead nowhere')
    assert.equal(source.trusts(first, clock), true, 'the set has its own time')
    clock.advance(4_200_000)
    await assert.rejects(find('test-1'), unavailable)
  })

  test('rotate, and are withdrawn, as at a URL', async (context) => {
    const { clock, keys, server, source, find } = await scene(context)
    const first = await source.find({ algorithm: 'ES256', id: 'test-1' }, clock)
    assert.ok(first !== undefined)
    const id = keys.rotate()
    keys.retire('test-1')
    assert.equal(await find(id), undefined)
    clock.advance(30_000)
    assert.equal(await find(id), id)
    assert.equal(source.trusts(first, clock), false)
    clock.advance(300_001)
    assert.equal(await find(id), id)
    await settled(() => clock.pending === 0)
    assert.equal(server.requests, 4)
  })

  test('refuse a set-up that could be listened to, or makes no sense', () => {
    for (const issuer of [
      'http://id.example',
      'https://id.example?tenant=a',
      'https://id.example#a',
      'https://id.example?',
      'https://a:b@id.example',
      'https://id.example\\a',
      'https://id.example/ a',
      'id.example',
      'urn:x',
      '',
      new URL('https://id.example'),
      undefined,
    ])
      assert.throws(() => discoveredKeys({ issuer } as DiscoveredKeysOptions), TypeError, String(issuer))
    const issuer = 'https://id.example'
    for (const options of [{ metadata: 'oidc' }, { maxAge: 0 }, { cooldown: 400 }, { timeout: Number.NaN }, { jwksUri: 'x' }])
      assert.throws(() => discoveredKeys({ issuer, ...options } as DiscoveredKeysOptions), TypeError)
    assert.throws(() => discoveredKeys(undefined as never), TypeError)
    assert.deepEqual(discoveredKeys({ issuer }).describe(), { kind: 'discovered', issuer, metadata: 'openid', maxAge: 600, staleIfError: 3600 })
  })
})
