import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { Client as ClientTwo, StreamableHTTPClientTransport as HttpTwo } from '@modelcontextprotocol/client'
import { Client as ClientOne } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpOne } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer as ServerOne } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { createMcpHandler, McpServer as ServerTwo } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { guardServer, mcpCall, mcpHandler, type ServeMcp } from '../../../src/adapters/mcp/index.ts'
import { toNode } from '../../../src/adapters/node/index.ts'
import { listen } from '../loopback.ts'
import { bearer, issuer, mcpGuard, resource, rules } from './mcp-scene.ts'

const say = (text: string) => ({ content: [{ type: 'text' as const, text }] })
const servers = { authorizationServers: 'https://id.example', name: 'orders' }

/** The two ways in which servers are made and served: with sessions, and one for each request. */
const ways: readonly { readonly version: string; serve(base: ReturnType<typeof mcpGuard>['base']): ServeMcp }[] = [
  {
    version: '1',
    serve(base) {
      const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
      return async (request, options) => {
        const known = sessions.get(request.headers.get('mcp-session-id') ?? '')
        if (known !== undefined) return known.handleRequest(request, options)
        const server = guardServer(base, new ServerOne({ name: 'orders', version: '1.0.0' }), { name: 'orders' })
        server.registerTool('lookup', { inputSchema: { id: z.string() } }, ({ id }, extra) =>
          say(`${mcpCall(extra)?.identity.subject} ${id} ada@example.org`),
        )
        server.registerTool('pay', {}, () => say('paid'))
        const transport = new WebStandardStreamableHTTPServerTransport({
          sessionIdGenerator: () => crypto.randomUUID(),
          onsessioninitialized: (id) => void sessions.set(id, transport),
        })
        await server.connect(transport)
        return transport.handleRequest(request, options)
      }
    },
  },
  {
    version: '2',
    serve(base) {
      const handler = createMcpHandler(() => {
        const server = guardServer(base, new ServerTwo({ name: 'orders', version: '1.0.0' }), { name: 'orders' })
        server.registerTool('lookup', { inputSchema: z.object({ id: z.string() }) }, ({ id }, extra) =>
          say(`${mcpCall(extra)?.identity.subject} ${id} ada@example.org`),
        )
        server.registerTool('pay', {}, () => say('paid'))
        return server
      })
      return (request, options) => handler.fetch(request, options)
    },
  },
]

async function served(t: TestContext, version: string, own: readonly object[] = rules, options: object = {}) {
  const scene = mcpGuard(own)
  const way = ways.find((each) => each.version === version) ?? assert.fail()
  const handler = mcpHandler(scene.base, way.serve(scene.base), { resource, ...servers, ...options })
  const url = new URL('/mcp', await listen(t, toNode(handler)))
  return { ...scene, handler, url }
}

type Credentials = Readonly<Record<string, string>>

const clients: readonly { readonly version: string; connect(url: URL, headers: Credentials): Promise<ClientOne | ClientTwo> }[] = [
  {
    version: '1',
    async connect(url, headers) {
      const client = new ClientOne({ name: 'bot', version: '1.0.0' })
      await client.connect(new HttpOne(url, { requestInit: { headers } }) as Parameters<ClientOne['connect']>[0])
      return client
    },
  },
  {
    version: '2',
    async connect(url, headers) {
      const client = new ClientTwo({ name: 'bot', version: '1.0.0' })
      await client.connect(new HttpTwo(url, { requestInit: { headers } }))
      return client
    },
  },
]

function post(body: unknown, headers: Credentials = {}): Request {
  return new Request('https://mcp.example/mcp', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'bot', version: '1' } },
}

for (const { version } of ways)
  describe(`mcpHandler, servers of SDK ${version}`, () => {
    for (const client of clients)
      test(`a client of SDK ${client.version} calls what it may, as whom its token says`, async (t) => {
        const { url, endings } = await served(t, version)
        const connected = await client.connect(url, { ...(await bearer()) })
        const { tools } = await connected.listTools()
        assert.deepEqual(
          tools.map(({ name }) => name),
          ['lookup'],
        )
        const { content } = await connected.callTool({ name: 'lookup', arguments: { id: 'x' } })
        assert.deepEqual(content, [{ type: 'text', text: 'ada x [EMAIL]' }])
        await assert.rejects(
          connected.callTool({ name: 'pay', arguments: {} }),
          (error) => (error as { data?: { code?: string } }).data?.code === 'denied',
        )
        await connected.close()
        assert.ok(endings().includes('execute_tool lookup completed'), endings().join())
      })

    test('who proves nothing is told where to get a token, before anything is read', async (t) => {
      const { handler } = await served(t, version)
      for (const request of [
        post(initialize),
        post('{"no json'),
        new Request('https://mcp.example/mcp'),
        post(initialize, { authorization: 'Bearer nonsense' }),
      ]) {
        const response = await handler(request)
        assert.equal(response.status, 401)
        const challenge = response.headers.get('www-authenticate') ?? ''
        assert.match(challenge, /^Bearer /)
        assert.match(challenge, /resource_metadata="https:\/\/mcp\.example\/\.well-known\/oauth-protected-resource\/mcp"/)
        assert.equal(response.headers.get('cache-control'), 'no-store')
      }
      const metadata = await handler(new Request('https://mcp.example/.well-known/oauth-protected-resource/mcp'))
      const document: unknown = await metadata.json()
      assert.deepEqual(document, { resource, authorization_servers: ['https://id.example'], bearer_methods_supported: ['header'] })
    })

    test('a token for another resource is none, whatever the verifier takes', async (t) => {
      const { base } = mcpGuard()
      const other = mcpHandler(base, () => assert.fail('served'), { ...servers, resource: 'https://mcp.example/other' })
      const response = await other(post(initialize, { ...(await bearer()) }))
      assert.equal(response.status, 401)
      assert.match(response.headers.get('www-authenticate') ?? '', /error="invalid_token".*resource_metadata/)
      void t
    })

    test('whoever policy does not let connect is refused, as is a page of another origin', async (t) => {
      const { handler } = await served(t, version, rules.slice(1))
      assert.equal((await handler(post(initialize, { ...(await bearer()) }))).status, 403)
      const open = await served(t, version, rules, { allowedOrigins: ['https://app.example'] })
      const credentials = await bearer()
      assert.equal((await open.handler(post(initialize, { ...credentials, origin: 'https://evil.example' }))).status, 403)
      const allowed = await open.handler(post(initialize, { ...credentials, origin: 'https://app.example' }))
      assert.equal(allowed.status, 200, await allowed.text())
    })

    test('A16: bodies are strict JSON of a bounded length, and of its type', async (t) => {
      const { handler } = await served(t, version, rules, { maxBodyBytes: 1_000 })
      const credentials = await bearer()
      const cases: readonly [string | object, Credentials, number][] = [
        ['{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}', {}, 400],
        ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{"__proto__":{}}}', {}, 400],
        [`{"a":${'['.repeat(200)}${']'.repeat(200)}}`, {}, 400],
        ['not json', {}, 400],
        ['x'.repeat(1_001), {}, 413],
        [initialize, { 'content-type': 'text/plain' }, 400],
        [initialize, { 'content-type': 'application/json; charset=latin1' }, 400],
        [initialize, { 'content-encoding': 'gzip' }, 400],
      ]
      for (const [body, headers, status] of cases) {
        const response = await handler(post(body, { ...credentials, ...headers }))
        assert.equal(response.status, status, JSON.stringify(body).slice(0, 80))
        assert.equal(response.headers.get('content-type'), 'application/problem+json')
      }
    })
  })

describe('mcpHandler', () => {
  test('a session is its caller’s: for everybody else there is none', async (t) => {
    const { handler } = await served(t, '1')
    const ada = { ...(await bearer('ada')) }
    const begun = await handler(post(initialize, ada))
    assert.equal(begun.status, 200, await begun.text())
    const session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? assert.fail() }
    const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' }
    const own = await handler(post(list, { ...ada, ...session }))
    assert.match(await own.text(), /lookup/)
    for (const request of [
      post(list, { ...(await bearer('eve')), ...session }),
      post(list, { ...ada, 'mcp-session-id': 'guessed' }),
      new Request('https://mcp.example/mcp', { headers: { ...(await bearer('eve')), ...session, accept: 'text/event-stream' } }),
      new Request('https://mcp.example/mcp', { method: 'DELETE', headers: { ...(await bearer('eve')), ...session } }),
    ]) {
      const response = await handler(request)
      assert.equal(response.status, 404)
      assert.doesNotMatch(await response.text(), /lookup/)
    }
    // It has not been ended by somebody else.
    assert.match(await (await handler(post(list, { ...ada, ...session }))).text(), /lookup/)
    const ended = await handler(new Request('https://mcp.example/mcp', { method: 'DELETE', headers: { ...ada, ...session } }))
    assert.equal(ended.status, 200)
    await ended.text()
    assert.equal((await handler(post(list, { ...ada, ...session }))).status, 404)
  })

  test('events of an earlier stream are not given once more', async () => {
    const { base } = mcpGuard()
    const seen: (string | null)[] = []
    const serve = (request: Request): Response => {
      seen.push(request.headers.get('last-event-id'), request.headers.get('authorization'))
      return new Response(null, { status: 405 })
    }
    const handler = mcpHandler(base, serve, { resource, ...servers })
    const response = await handler(new Request('https://mcp.example/mcp', { headers: { ...(await bearer()), 'last-event-id': 'somebody-elses_1' } }))
    assert.equal(response.status, 405)
    assert.deepEqual(seen, [null, null])
  })

  test('A4: an open answer ends when its caller’s right does', async (t) => {
    const { handler, endings, revocation } = await served(t, '1')
    const ada = { ...(await bearer('ada')) }
    const begun = await handler(post(initialize, ada))
    await begun.text()
    const session = begun.headers.get('mcp-session-id') ?? assert.fail()
    const open = await handler(
      new Request('https://mcp.example/mcp', { headers: { ...ada, 'mcp-session-id': session, accept: 'text/event-stream' } }),
    )
    assert.equal(open.status, 200)
    const reading = assert.rejects(open.text())
    await revocation.revoke({ subject: 'ada', issuer: issuer.issuer })
    await reading
    assert.ok(endings().includes('connect orders identity_revoked'), endings().join())
  })

  test('A19: a client that leaves ends what it left', async (t) => {
    const { handler, endings } = await served(t, '1')
    const ada = { ...(await bearer('ada')) }
    const begun = await handler(post(initialize, ada))
    await begun.text()
    const session = begun.headers.get('mcp-session-id') ?? assert.fail()
    const open = await handler(
      new Request('https://mcp.example/mcp', { headers: { ...ada, 'mcp-session-id': session, accept: 'text/event-stream' } }),
    )
    await open.body?.cancel()
    while (!endings().includes('connect orders aborted')) await new Promise((resolve) => setImmediate(resolve))
  })

  test('what the server throws tells nobody anything', async () => {
    const { base } = mcpGuard()
    const handler = mcpHandler(base, () => Promise.reject(new Error('secret reason')), { resource, ...servers })
    const response = await handler(post(initialize, { ...(await bearer()) }))
    assert.equal(response.status, 500)
    assert.doesNotMatch(await response.text(), /secret/)
  })

  test('a wrong set-up is a TypeError', () => {
    const { base } = mcpGuard()
    const serve = () => new Response()
    for (const options of [
      { ...servers, resource: 'http://mcp.example/mcp' },
      { ...servers, resource: 'https://mcp.example/mcp#a' },
      { resource },
      { ...servers, resource, allowedOrigins: 'https://app.example' },
      { ...servers, resource, sessionTtl: 0 },
      { ...servers, resource, more: 1 },
      undefined,
    ])
      assert.throws(() => mcpHandler(base, serve, options as never), TypeError, JSON.stringify(options))
    assert.throws(() => mcpHandler(base, undefined as never, { ...servers, resource }), TypeError)
  })
})
