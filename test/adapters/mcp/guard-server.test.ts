import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { approvals, type CallOptions, type Guard, type Call, type Trusted, signApproval } from '../../../src/index.ts'
import { guardServer, type GuardServerOptions, guardTool, mcpCall, pinsOf, type UnpinnedTool } from '../../../src/adapters/mcp/index.ts'
import { signingKey } from '../../conformance/signing-key.ts'
import { bearer, mcpGuard, rules } from './mcp-scene.ts'
import { type AnyClient, type AnyServer, type Sdk, sdks } from './sdks.ts'

interface Heard {
  readonly args: unknown
  readonly subject: string | undefined
  readonly extra: unknown
}

/** A server with tools, resources and prompts that the policy knows, and some that it does not. */
function ordersServer(sdk: Sdk): { readonly server: AnyServer; readonly heard: Heard[] } {
  const heard: Heard[] = []
  const server = sdk.server()
  const note = (args: unknown, extra: unknown) => void heard.push({ args, subject: mcpCall(extra)?.identity.subject, extra })
  const say = (text: string) => ({ content: [{ type: 'text', text }] })
  server.registerTool('lookup', { description: 'Finds an order', inputSchema: sdk.input({ id: z.string() }) }, (args: object, extra: object) => {
    note(args, extra)
    return say(`order of ada@example.org for ${JSON.stringify(args)}`)
  })
  server.registerTool('pay', { description: 'Pays', inputSchema: sdk.input({ amount: z.number() }) }, (args: object, extra: object) => {
    note(args, extra)
    return say('paid')
  })
  server.registerTool('shout', {}, (extra: object) => {
    note(undefined, extra)
    return { content: [{ type: 'image', data: 'aGVsbG8=', mimeType: 'image/png' }] }
  })
  server.registerTool('broken', {}, () => {
    throw new Error('ada@example.org broke it')
  })
  server.registerTool('slow', {}, (extra: { signal?: AbortSignal; mcpReq?: { signal: AbortSignal } }) => {
    note(undefined, extra)
    const signal = extra.signal ?? extra.mcpReq?.signal
    return new Promise((resolve) =>
      signal?.addEventListener('abort', () => resolve(heard.push({ args: 'aborted', subject: undefined, extra: undefined }))),
    )
  })
  for (const page of ['open', 'secret'])
    server.registerResource(page, `docs://${page}`, {}, () => ({ contents: [{ uri: `docs://${page}`, text: `${page}: ada@example.org` }] }))
  server.registerResource('blob', 'docs://blob', {}, () => ({ contents: [{ uri: 'docs://blob', blob: 'aGVsbG8=' }] }))
  for (const pattern of ['docs://{page}', 'secrets://{page}']) server.registerResource(pattern, sdk.template(pattern), {}, () => ({ contents: [] }))
  for (const name of ['greet', 'confess'])
    server.registerPrompt(name, {}, () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'I am ada@example.org' } }] }))
  return { server, heard }
}

async function connected(
  sdk: Sdk,
  base: Guard<Call & Trusted>,
  options: GuardServerOptions,
  server: AnyServer,
  client: AnyClient = sdk.client(),
): Promise<AnyClient> {
  guardServer(base, server, { name: 'orders', ...options })
  const [ours, theirs] = sdk.pair()
  await server.connect(theirs)
  await client.connect(ours)
  return client
}

function refusedWith(code: string) {
  return (error: unknown) => {
    const { data } = error as { data?: { code?: string } }
    assert.equal(data?.code, code, String(error))
    return true
  }
}

for (const sdk of sdks)
  describe(`guardServer, SDK ${sdk.version}`, () => {
    const scene = async (request: (extra: unknown) => CallOptions, options: GuardServerOptions = {}) => {
      const { base, endings, log } = mcpGuard()
      const { server, heard } = ordersServer(sdk)
      const client = await connected(sdk, base, { request, ...options }, server)
      return { client, server, heard, endings, log }
    }
    const asAda = async (options: GuardServerOptions = {}) => {
      const credentials = await bearer()
      return scene(() => ({ credentials }), options)
    }

    test('a tool runs for whoever may, with the verified caller, and its result goes out through the controls', async () => {
      const { client, heard, endings } = await asAda()
      const { content } = await client.callTool({ name: 'lookup', arguments: { id: 'for bob@example.org' } })
      assert.deepEqual(content, [{ type: 'text', text: 'order of [EMAIL] for {"id":"for [EMAIL]"}' }])
      assert.deepEqual([heard[0]?.subject, heard[0]?.args], ['ada', { id: 'for [EMAIL]' }])
      assert.ok(endings().includes('execute_tool lookup completed'), endings().join())
    })

    test('lists show what their caller may use, and nothing else', async () => {
      const { client } = await asAda()
      const names = (await client.listTools()).tools.map(({ name }) => name)
      assert.deepEqual(names.sort(), ['broken', 'lookup', 'shout', 'slow'])
      assert.deepEqual((await client.listResources()).resources.map(({ uri }) => uri).sort(), ['docs://blob', 'docs://open'])
      assert.deepEqual(
        (await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate),
        ['docs://{page}'],
      )
      assert.deepEqual(
        (await client.listPrompts()).prompts.map(({ name }) => name),
        ['greet'],
      )
    })

    test('what is not listed is refused as well, and nothing of it runs', async () => {
      const { client, heard, endings } = await asAda()
      await assert.rejects(client.callTool({ name: 'pay', arguments: { amount: 1 } }), refusedWith('denied'))
      await assert.rejects(client.callTool({ name: 'nobody-knows' }), refusedWith('denied'))
      await assert.rejects(client.readResource({ uri: 'docs://secret' }), refusedWith('denied'))
      await assert.rejects(client.getPrompt({ name: 'confess' }), refusedWith('denied'))
      assert.deepEqual(heard, [])
      assert.ok(endings().includes('execute_tool pay denied'), endings().join())
    })

    test('resources and prompts go out through the controls; bytes do not', async () => {
      const { client } = await asAda()
      assert.deepEqual((await client.readResource({ uri: 'docs://open' })).contents, [{ uri: 'docs://open', text: 'open: [EMAIL]' }])
      const { messages } = await client.getPrompt({ name: 'greet' })
      assert.deepEqual(messages, [{ role: 'user', content: { type: 'text', text: 'I am [EMAIL]' } }])
      await assert.rejects(client.readResource({ uri: 'docs://blob' }), refusedWith('payload_unsupported'))
      await assert.rejects(client.callTool({ name: 'shout' }), refusedWith('payload_unsupported'))
    })

    test('A8: without a caller there is not even a connection, nor with one that policy does not know', async () => {
      await assert.rejects(
        scene(() => ({})),
        refusedWith('identity_missing'),
      )
      await assert.rejects(
        scene(() => ({ credentials: { authorization: 'Bearer nonsense' } })),
        refusedWith('identity_invalid'),
      )
      const { base } = mcpGuard(rules.slice(1))
      const credentials = await bearer()
      await assert.rejects(connected(sdk, base, { request: () => ({ credentials }) }, ordersServer(sdk).server), refusedWith('denied'))
    })

    test('A3: what a client writes into a request makes it nobody else', async () => {
      const credentials = await bearer('bob', ['visitor'])
      const { client, heard } = await scene(() => ({ credentials }))
      const claims = { identity: { roles: ['analyst'] }, authInfo: { token: 'x', scopes: ['all'] }, roles: ['analyst'] }
      for (const extra of [{ _meta: claims }, { _meta: { 'io.modelcontextprotocol/authInfo': claims } }, claims])
        await assert.rejects(client.callTool({ name: 'lookup', arguments: { id: '1', ...claims }, ...extra }))
      assert.deepEqual(heard, [])
    })

    test('A13: what is authorized is what runs, whatever becomes of the message meanwhile', async () => {
      const { base } = mcpGuard()
      const { server, heard } = ordersServer(sdk)
      const credentials = await bearer()
      guardServer(base, server, { name: 'orders', request: () => ({ credentials }) })
      const [ours, theirs] = sdk.pair()
      await server.connect(theirs)
      await sdk.client().connect(ours)
      const args = { id: 'a' }
      let reads = 0
      const shifting = {
        get id() {
          return reads++ === 0 ? 'a' : 'b'
        },
      }
      const wire = theirs as { onmessage(message: object): void }
      wire.onmessage({ jsonrpc: '2.0', id: 'one', method: 'tools/call', params: { name: 'lookup', arguments: args } })
      wire.onmessage({ jsonrpc: '2.0', id: 'two', method: 'tools/call', params: { name: 'lookup', arguments: shifting } })
      args.id = 'b'
      while (heard.length < 2) await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual(
        heard.map(({ args: own }) => own),
        [{ id: 'a' }, { id: 'a' }],
      )
    })

    test('A14: no method passes by, whatever it is called and however it is sent', async () => {
      const { client, heard } = await asAda()
      const methods = [
        'tools/run',
        'Tools/call',
        'tools/call ',
        'tasks/get',
        'tasks/result',
        'sampling/createMessage',
        'constructor',
        '__proto__',
        'toString',
      ]
      const answers: unknown[] = []
      const transport = client.transport as unknown as { send(message: object): Promise<void>; onmessage: (message: object) => void }
      transport.onmessage = (message) => answers.push(message)
      for (const [index, method] of methods.entries())
        await transport.send({ jsonrpc: '2.0', id: `m${index}`, method, params: { name: 'pay', arguments: { amount: 1 }, taskId: 'x' } })
      // As notifications, without an id, with an id that is none, and as what is no object.
      await transport.send({ jsonrpc: '2.0', method: 'tools/call', params: { name: 'pay', arguments: { amount: 1 } } })
      await transport.send({ jsonrpc: '2.0', id: null, method: 'tools/call', params: { name: 'pay', arguments: { amount: 1 } } })
      await transport.send({ jsonrpc: '2.0', id: 'sallyport:1', method: 'tools/call', params: { name: 'lookup', arguments: { id: 'x' } } })
      await transport.send([{ jsonrpc: '2.0', id: 77, method: 'tools/call', params: { name: 'lookup', arguments: { id: 'x' } } }])
      await transport.send({ jsonrpc: '2.0', id: 99, result: { content: [] } })
      await new Promise((resolve) => setImmediate(resolve))
      assert.equal(answers.length, methods.length + 1)
      assert.ok(answers.every((answer) => typeof answer === 'object' && answer !== null && 'error' in answer))
      assert.deepEqual(heard, [])
    })

    test('A8: a resource has one spelling', async () => {
      const { base } = mcpGuard([
        ...rules,
        { id: 'docs', effect: 'permit', action: ['read'], resource: { type: 'mcp_resource', id: ['file:///public/*'] } },
      ])
      const { server } = ordersServer(sdk)
      server.registerResource('salaries', 'file:///private/salaries', {}, () => ({ contents: [{ uri: 'file:///private/salaries', text: 'secret' }] }))
      const credentials = await bearer()
      const client = await connected(sdk, base, { request: () => ({ credentials }) }, server)
      for (const uri of [
        'file:///private/salaries',
        'file:///public/../private/salaries',
        'file:///public/%2e%2e/private/salaries',
        'file:///public/x/..\\../private/salaries',
      ])
        await assert.rejects(client.readResource({ uri }), uri)
    })

    test('A16: hostile parameters are refused, and the server lives', async () => {
      const { client, heard } = await asAda()
      const deep: Record<string, unknown> = {}
      let at = deep
      for (let depth = 0; depth < 100; depth++) at = at.next = {} as Record<string, unknown>
      const transport = client.transport as unknown as { send(message: object): Promise<void>; onmessage: (message: object) => void }
      const answered = new Promise<unknown[]>((resolve) => {
        const answers: unknown[] = []
        transport.onmessage = (message) => {
          if (answers.push(message) === 9) resolve(answers)
        }
      })
      const hostile: readonly unknown[] = [
        [],
        'text',
        7,
        { name: 7 },
        { name: 'lookup', arguments: 'x' },
        { name: 'lookup', arguments: deep },
        { name: 'lookup', arguments: { id: 'x'.repeat(9 * 1024 * 1024) } },
        { name: 'lookup', arguments: JSON.parse('{"__proto__":{"id":"x"}}') as object },
        { name: 'lookup', arguments: { id: 'x' }, task: { ttl: 1 } },
      ]
      for (const [index, params] of hostile.entries()) await transport.send({ jsonrpc: '2.0', id: index + 1_000, method: 'tools/call', params })
      for (const answer of await answered) assert.ok(typeof answer === 'object' && answer !== null && 'error' in answer)
      assert.deepEqual(heard, [])
    })

    test('a handler sees no credentials, and what it throws is masked', async () => {
      const { client, heard } = await asAda()
      await client.callTool({ name: 'lookup', arguments: { id: 'x' } })
      assert.doesNotMatch(
        JSON.stringify(heard, (_name, value: unknown) => (typeof value === 'function' || value instanceof AbortSignal ? null : value)),
        /eyJ|Bearer/,
      )
      const broken = await client.callTool({ name: 'broken' })
      assert.equal(broken.isError, true)
      assert.deepEqual(broken.content, [{ type: 'text', text: '[EMAIL] broke it' }])
    })

    test('A19: a client that gives up ends the call and the handler', async () => {
      const { client, heard, endings } = await asAda()
      const leaving = new AbortController()
      const options = { signal: leaving.signal }
      const calling = sdk.version === '1' ? client.callTool({ name: 'slow' }, undefined, options) : client.callTool({ name: 'slow' }, options)
      while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve))
      leaving.abort()
      await assert.rejects(calling)
      while (heard.length < 2) await new Promise((resolve) => setImmediate(resolve))
      while (!endings().includes('execute_tool slow aborted')) await new Promise((resolve) => setImmediate(resolve))
    })

    test('A4: a caller whose right expires meanwhile gets no answer', async () => {
      const credentials = await bearer('ada', ['analyst'], { exp: Math.floor(Date.now() / 1000) + 3_600 })
      const { client } = await scene(() => ({ credentials, deadline: 60 }))
      await assert.rejects(client.callTool({ name: 'slow' }), refusedWith('deadline_exceeded'))
    })

    test('an approval is for exactly these arguments, whatever id they are asked under', async () => {
      const key = await signingKey('grace-1')
      const grace = { issuer: 'https://id.example', subject: 'grace' }
      const requests: Parameters<typeof signApproval>[0][] = []
      const approving = approvals({ approvers: [{ ...grace, keys: key.jwks }], onRequest: (request) => void requests.push(request) })
      const own = [
        ...rules,
        {
          id: 'pay',
          effect: 'permit',
          action: ['execute_tool'],
          resource: { type: 'tool', id: ['pay'] },
          obligations: [{ type: 'require_approval' }],
        },
      ]
      const { base } = mcpGuard(own, { approvals: approving })
      const { server, heard } = ordersServer(sdk)
      const credentials = await bearer()
      const client = await connected(sdk, base, { request: () => ({ credentials }) }, server)
      await assert.rejects(client.callTool({ name: 'pay', arguments: { amount: 1 } }), (error) => {
        const { data } = error as { data?: { code?: string; headers?: Record<string, string> } }
        assert.equal(data?.code, 'approval_required')
        assert.ok(data?.headers?.['approval-request'])
        return true
      })
      const text = await signApproval(requests[0] ?? assert.fail(), { ...grace, key: { ...key.jwk, alg: 'ES256' } })
      const _meta = { 'sallyport/approvals': [text] }
      await assert.rejects(client.callTool({ name: 'pay', arguments: { amount: 2 }, _meta }), refusedWith('approval_required'))
      await client.callTool({ name: 'pay', arguments: { amount: 1 }, _meta })
      await assert.rejects(client.callTool({ name: 'pay', arguments: { amount: 1 }, _meta }), refusedWith('approval_required'))
      assert.deepEqual(
        heard.map(({ args }) => args),
        [{ amount: 1 }],
      )
    })

    test('pins: a tool whose descriptor has changed is neither listed nor run, until somebody approves it', async () => {
      const { base } = mcpGuard()
      const { server, heard } = ordersServer(sdk)
      const credentials = await bearer()
      const told: UnpinnedTool[] = []
      let pins = {}
      const extra = server.registerTool('late', { description: 'one' }, () => ({ content: [] }))
      extra.remove()
      const client = await connected(sdk, base, { request: () => ({ credentials }), pins: () => pins, onUnpinned: (tool) => told.push(tool) }, server)
      assert.deepEqual((await client.listTools()).tools, [])
      await assert.rejects(client.callTool({ name: 'lookup', arguments: { id: 'x' } }), refusedWith('denied'))
      const approved = told.find(({ name }) => name === 'lookup')
      pins = { lookup: approved?.digest }
      assert.deepEqual(
        (await client.listTools()).tools.map(({ name }) => name),
        ['lookup'],
      )
      await client.callTool({ name: 'lookup', arguments: { id: 'x' } })
      assert.equal(heard.length, 1)
      assert.deepEqual(await pinsOf([approved?.descriptor as { name: string }]), pins)
    })

    test('the server’s own requests and log lines stay inside, unless they are named', async () => {
      for (const unscanned of [[], ['notifications/message', 'roots/list']]) {
        const { base } = mcpGuard()
        const { server } = ordersServer(sdk)
        const credentials = await bearer()
        const client = sdk.client({ capabilities: { roots: {} } }) as AnyClient & {
          setNotificationHandler(...parameters: readonly unknown[]): void
          setRequestHandler(...parameters: readonly unknown[]): void
          fallbackNotificationHandler?: (notification: object) => Promise<void>
        }
        const lines: object[] = []
        client.fallbackNotificationHandler = async (line) => void lines.push(line)
        await connected(sdk, base, { request: () => ({ credentials }), unscanned }, server, client)
        await server.server.notification({ method: 'notifications/message', params: { level: 'info', data: 'ada@example.org' } })
        await new Promise((resolve) => setImmediate(resolve))
        assert.equal(lines.length, unscanned.length === 0 ? 0 : 1)
        const asking = server.server.request({ method: 'roots/list' }, ...(sdk.version === '1' ? [z.looseObject({})] : []))
        await assert.rejects(asking, unscanned.length === 0 ? /lets no such request through/ : /Method not found/)
      }
    })

    test('a ping is answered, and a server is guarded once', async () => {
      const { client, server } = await asAda()
      await client.ping()
      const { base } = mcpGuard()
      assert.throws(() => guardServer(base, server), TypeError)
      assert.throws(() => guardServer(base, {} as never), TypeError)
      assert.throws(() => guardServer(base, sdk.server(), { pins: { lookup: 'sha1:x' } }), TypeError)
      assert.throws(() => guardServer(base, sdk.server(), { pin: {} } as object), TypeError)
      const late = sdk.server()
      const [ours, theirs] = sdk.pair()
      await late.connect(theirs)
      assert.throws(() => guardServer(base, late), TypeError)
      void ours
    })

    test('guardTool: one handler behind the guard', async () => {
      const { base, endings } = mcpGuard()
      const server = sdk.server()
      const heard: unknown[] = []
      const credentials = await bearer()
      let options: CallOptions = { credentials }
      const handler = (args: { id: string }, extra: unknown) => {
        heard.push(args, mcpCall(extra)?.identity.subject)
        return { content: [{ type: 'text' as const, text: 'ada@example.org' }] }
      }
      server.registerTool('lookup', { inputSchema: sdk.input({ id: z.string() }) }, guardTool(base, 'lookup', handler, { request: () => options }))
      server.registerTool(
        'pay',
        {},
        guardTool(base, 'pay', (_extra: unknown) => ({ content: [] }), { request: () => options }),
      )
      const [ours, theirs] = sdk.pair()
      await server.connect(theirs)
      const client = sdk.client()
      await client.connect(ours)
      assert.deepEqual((await client.callTool({ name: 'lookup', arguments: { id: 'x' } })).content, [{ type: 'text', text: '[EMAIL]' }])
      assert.deepEqual(heard, [{ id: 'x' }, 'ada'])
      assert.equal((await client.callTool({ name: 'pay' })).isError, true)
      options = {}
      assert.equal((await client.callTool({ name: 'lookup', arguments: { id: 'x' } })).isError, true)
      assert.deepEqual(endings().slice(0, 2), ['execute_tool lookup completed', 'execute_tool pay denied'])
    })
  })
