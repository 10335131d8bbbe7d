import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type CoazMcpOptions, coazMcp, coazToolCall } from '../../../src/adapters/authzen/index.ts'
import type { Attributes } from '../../../src/guard/context.ts'
import { reasonOf } from '../../../src/guard/errors.ts'

const token: Attributes = {
  sub: 'alice@example.com',
  client_id: 'http://agentprovider.com/agent-app-id',
  iss: 'https://auth.example.com',
  aud: 'https://mcp.example.com',
  exp: 1_750_000_000,
}
const subject = { type: 'identity', id: 'alice@example.com' }
const context = { agent: 'http://agentprovider.com/agent-app-id' }

describe('the default mappings', () => {
  const server = { type: 'mcp_server', id: 'https://mcp.example.com' }
  const methods: readonly [method: string, params: unknown, resource: object, more?: object][] = [
    ['initialize', { protocolVersion: '2025-11-25' }, server, { protocol_version: '2025-11-25' }],
    ['tools/list', undefined, server],
    ['tools/call', { name: 'get_customer', arguments: { id: 'cust-12345' } }, { type: 'tool', id: 'get_customer' }],
    ['resources/list', {}, server],
    ['resources/read', { uri: 'file:///a' }, { type: 'resource', id: 'file:///a' }],
    ['resources/subscribe', { uri: 'file:///a' }, { type: 'resource', id: 'file:///a' }],
    ['resources/unsubscribe', { uri: 'file:///a' }, { type: 'resource', id: 'file:///a' }],
    ['prompts/list', {}, server],
    ['prompts/get', { name: 'greet' }, { type: 'prompt', id: 'greet' }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'greet' } }, { type: 'prompt', id: 'greet' }],
    ['completion/complete', { ref: { type: 'ref/resource', uri: 'file:///{a}' } }, { type: 'resource', id: 'file:///{a}' }],
    ['logging/setLevel', { level: 'debug' }, server, { level: 'debug' }],
    ['tasks/get', { taskId: 't1' }, { type: 'task', id: 't1' }],
    ['tasks/result', { taskId: 't1' }, { type: 'task', id: 't1' }],
    ['tasks/cancel', { taskId: 't1' }, { type: 'task', id: 't1' }],
    ['tasks/list', {}, server],
  ]
  for (const [method, params, resource, more] of methods)
    test(`${method} about a ${(resource as { type: string }).type}`, () => {
      assert.deepEqual(coazMcp().questions({ method, params }, token), [
        { subject, action: { name: method }, resource, context: { ...context, ...more } },
      ])
    })

  test('ping and notifications are passed through', () => {
    for (const method of ['ping', 'notifications/initialized', 'notifications/cancelled'])
      assert.equal(coazMcp().questions({ method }, token), undefined)
  })

  test('whoever is nobody’s agent has none', () => {
    const { client_id: _, ...others } = token
    assert.deepEqual(coazMcp().questions({ method: 'tools/list' }, others)?.[0]?.context, {})
  })

  test('another claim may say whom a call is made for', () => {
    const [question] = coazMcp({ subjectClaim: 'act_for' }).questions({ method: 'tools/list' }, { ...token, act_for: 'bob' }) ?? []
    assert.equal(question?.subject.id, 'bob')
  })

  test('a server may say what it is called', () => {
    const [question] = coazMcp({ server: 'https://me.example' }).questions({ method: 'tools/list' }, { ...token, aud: ['a', 'b'] }) ?? []
    assert.equal(question?.resource.id, 'https://me.example')
  })

  const refused: readonly [what: string, method: string, params: unknown, claims: Attributes, code: string][] = [
    ['an unknown method', 'tools/steal', {}, token, 'denied'],
    ['a method in other letters', 'Tools/Call', { name: 'x' }, token, 'denied'],
    ['a method of an object', 'constructor', {}, token, 'denied'],
    ['what the server asks', 'sampling/createMessage', {}, token, 'denied'],
    ['a token of nobody', 'tools/list', {}, { aud: 'x' }, 'payload_invalid'],
    ['a token whose subject is a list', 'tools/list', {}, { ...token, sub: ['alice'] }, 'payload_invalid'],
    ['a token for two servers', 'tools/list', {}, { ...token, aud: ['a', 'b'] }, 'payload_invalid'],
    ['a token for none', 'tools/list', {}, { sub: 'alice' }, 'payload_invalid'],
    ['a call of no tool', 'tools/call', {}, token, 'payload_invalid'],
    ['a call of a tool that is a list', 'tools/call', { name: ['x'] }, token, 'payload_invalid'],
    ['an inherited name', 'tools/call', Object.create({ name: 'x' }), token, 'payload_invalid'],
    ['a resource without an address', 'resources/read', { uri: '' }, token, 'payload_invalid'],
    ['a level of no kind', 'logging/setLevel', { level: 1 }, token, 'payload_invalid'],
    ['a completion of nothing', 'completion/complete', {}, token, 'payload_invalid'],
  ]
  for (const [what, method, params, claims, code] of refused)
    test(`${what} is refused`, () => assert.throws(() => coazMcp().questions({ method, params }, claims), { code }))
})

describe('a mapping that a server declares', () => {
  const of =
    (mapping: unknown, others: Partial<CoazMcpOptions> = {}, claims: Attributes = token) =>
    (params: object) =>
      coazMcp({ mappings: { tool: mapping }, ...others }).questions({ method: 'tools/call', params: { name: 'tool', ...params } }, claims)
  const evaluation = (question: object) => ({
    evaluation: { subject: { id: '$token.sub' }, action: { name: 'use' }, resource: { type: 'thing', id: '1' }, ...question },
  })

  test('puts one question', () => {
    const mapping = {
      evaluation: {
        subject: { type: 'identity', id: '$token.sub' },
        action: { name: 'get_customer' },
        resource: { type: 'customer', id: '$params.arguments.id' },
        context: { agent: '$token.?client_id', case: '$params.arguments.case' },
      },
    }
    assert.deepEqual(of(mapping)({ arguments: { id: 'cust-12345', case: 'case-67890' } }), [
      { subject, action: { name: 'get_customer' }, resource: { type: 'customer', id: 'cust-12345' }, context: { ...context, case: 'case-67890' } },
    ])
  })

  test('puts several, with what they share', () => {
    const mapping = {
      evaluations: {
        subject: { type: 'identity', id: '$token.sub' },
        context: { agent: '$token.?client_id' },
        evaluations: [
          { action: { name: 'read' }, resource: { type: 'storage_object', id: '$params.arguments.source' } },
          { action: { name: 'write' }, resource: { type: 'storage_object', id: '$params.arguments.destination' } },
        ],
      },
    }
    assert.deepEqual(of(mapping)({ arguments: { source: '/a', destination: '/b' } }), [
      { subject, action: { name: 'read' }, resource: { type: 'storage_object', id: '/a' }, context },
      { subject, action: { name: 'write' }, resource: { type: 'storage_object', id: '/b' }, context },
    ])
  })

  test('is for its tool alone', () => {
    const coaz = coazMcp({ mappings: { tool: evaluation({}) } })
    assert.equal(coaz.questions({ method: 'tools/call', params: { name: 'other' } }, token)?.[0]?.action.name, 'tools/call')
    assert.equal(coaz.questions({ method: 'tools/call', params: { name: 'toString' } }, token)?.[0]?.action.name, 'tools/call')
    assert.equal(coaz.questions({ method: 'prompts/get', params: { name: 'tool' } }, token)?.[0]?.action.name, 'prompts/get')
  })

  test('holds literals, also such as look like expressions, and selections of all kinds', () => {
    const [question] =
      of(
        evaluation({
          context: {
            price: '$$50',
            n: 10,
            yes: true,
            nothing: null,
            dashed: '$params.arguments["customer-id"]',
            quoted: "$params.arguments['customer-id']",
            second: '$params.arguments.list[1]',
            missing: '$params.arguments.?gone',
            deeper: '$params.?gone.further',
            list: ['a', '$token.sub', '$token.?gone'],
            whole: '$params.arguments.map',
          },
        }),
      )({ arguments: { 'customer-id': 'c1', list: ['x', 'y'], map: { a: 1 } } }) ?? []
    assert.deepEqual(question?.context, {
      price: '$50',
      n: 10,
      yes: true,
      nothing: null,
      dashed: 'c1',
      quoted: 'c1',
      second: 'y',
      list: ['a', 'alice@example.com'],
      whole: { a: 1 },
    })
  })

  test('that does not say for whom is for whom the token says', () => {
    const mapping = { evaluation: { action: { name: 'use' }, resource: { type: 'thing', id: '1' } } }
    assert.deepEqual(of(mapping)({})?.[0]?.subject, subject)
    assert.deepEqual(
      of(evaluation({ subject: { type: 'user', properties: { tier: '$params.arguments.tier' } } }))({ arguments: { tier: 'gold' } })?.[0]?.subject,
      {
        type: 'user',
        id: 'alice@example.com',
        properties: { tier: 'gold' },
      },
    )
  })

  test('needs an evaluator for what is more than a selection', () => {
    const mapping = evaluation({ action: { name: "$params.arguments.currency == 'USD' ? 'domestic' : 'international'" } })
    assert.throws(() => of(mapping)({ arguments: { currency: 'USD' } }), { code: 'payload_invalid' })
    const seen: unknown[] = []
    const cel: CoazMcpOptions['cel'] = (expression, variables) => {
      seen.push(expression, variables)
      return 'domestic'
    }
    assert.equal(of(mapping, { cel })({ arguments: { currency: 'USD' } })?.[0]?.action.name, 'domestic')
    assert.deepEqual(seen, [
      "params.arguments.currency == 'USD' ? 'domestic' : 'international'",
      { params: { name: 'tool', arguments: { currency: 'USD' } }, token },
    ])
  })

  const failing: readonly [what: string, question: object, params: object, others?: Partial<CoazMcpOptions>][] = [
    ['that names another subject', { subject: { id: '$params.arguments.user' } }, { arguments: { user: 'root' } }],
    ['that names another subject outright', { subject: { id: 'root' } }, {}],
    ['of a parameter that is missing', { resource: { type: 'thing', id: '$params.arguments.id' } }, { arguments: {} }],
    ['of an inherited parameter', { resource: { type: 'thing', id: '$params.arguments.id' } }, { arguments: Object.create({ id: '1' }) }],
    [
      'of a parameter behind a getter',
      { resource: { type: 'thing', id: '$params.arguments.id' } },
      { arguments: Object.defineProperty({}, 'id', { get: () => '1', enumerable: true }) },
    ],
    ['of the prototype', { resource: { type: 'thing', id: '$params.constructor.name' } }, {}],
    ['of the length of a list', { resource: { type: 'thing', id: '$params.arguments.length' } }, { arguments: ['a'] }],
    ['whose id is a number', { resource: { type: 'thing', id: '$params.arguments.id' } }, { arguments: { id: 5 } }],
    ['whose id is a list', { resource: { type: 'thing', id: '$params.arguments.id' } }, { arguments: { id: ['a', 'b'] } }],
    ['whose id is left out', { resource: { type: 'thing', id: '$params.arguments.?id' } }, { arguments: {} }],
    ['whose id is null', { resource: { type: 'thing', id: '$params.arguments.id' } }, { arguments: { id: null } }],
    ['of a variable that nobody knows', { context: { a: '$request.path' } }, {}],
    ['of nothing', { context: { a: '$' } }, {}],
    ['that calls something', { context: { a: '$token.sub.size()' } }, {}],
    ['whose evaluator throws', { context: { a: '$1 + 1' } }, {}, { cel: () => assert.fail('secret') }],
    ['without an action', { action: {} }, {}],
  ]
  for (const [what, question, params, others] of failing)
    test(`a mapping ${what} fails`, () => {
      assert.throws(
        () => of(evaluation(question), others)(params),
        (error: unknown) =>
          (error as { code?: string }).code === 'payload_invalid' &&
          /^payload_invalid|COAZ/.test(reasonOf(error)) &&
          !reasonOf(error).includes('root'),
      )
    })

  const wrong: readonly [what: string, mapping: unknown, message: RegExp][] = [
    ['nothing', {}, /one member/],
    ['two envelopes', { ...evaluation({}), evaluations: { evaluations: [] } }, /one member/],
    ['another envelope', { search: {} }, /one member/],
    ['a list', [], /must be an object/],
    ['an unknown member', evaluation({ obligations: [] }), /unknown key 'obligations'/],
    ['no evaluations', { evaluations: { evaluations: [] } }, /must not be empty/],
    ['evaluations that are missing', { evaluations: { subject: {} } }, /evaluations: must be a list/],
    ['a subject in an evaluation', { evaluations: { evaluations: [{ subject: { id: '$token.sub' } }] } }, /must not have a subject of its own/],
    ['a resource that is a text', evaluation({ resource: '$params.arguments' }), /resource: must be an object/],
    ['a function', evaluation({ context: { a: () => 1 } }), /must be a JSON value/],
    ['NaN', evaluation({ context: { a: Number.NaN } }), /must be a JSON value/],
    ['an own __proto__', evaluation(JSON.parse('{"context":{"__proto__":{}}}')), /__proto__/],
    ['too many levels', evaluation({ context: { a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]] } }), /too deep/],
  ]
  for (const [what, mapping, message] of wrong)
    test(`a mapping that holds ${what} does not load`, () =>
      assert.throws(() => coazMcp({ mappings: { tool: mapping } }), { name: 'TypeError', message }))

  test('is copied', () => {
    const mapping = evaluation({})
    const coaz = coazMcp({ mappings: { tool: mapping } })
    mapping.evaluation.action = { name: 'everything' }
    assert.equal(coaz.questions({ method: 'tools/call', params: { name: 'tool' } }, token)?.[0]?.action.name, 'use')
  })

  test('a long expression is read in no time', () => {
    for (const piece of ['.a', '["a"]', '[0]', '.', '[', '"'])
      assert.throws(() => of(evaluation({ context: { a: `$params${piece.repeat(50_000)}` } }))({}), { code: 'payload_invalid' })
  })
})

describe('a tool call under a guard', () => {
  const asked = {
    subject: { type: 'user', id: 'alice', properties: { claims: { client_id: 'agent-1', email: 'a@example.com' }, roles: ['x'] } },
    action: { name: 'execute_tool', properties: { tools: [] } },
    resource: { type: 'tool', id: 'get_customer', properties: { tenant: 'acme' } },
    context: { secure: true },
  }

  test('is put by the default mapping, and tells nothing more', () => {
    assert.deepEqual(coazToolCall(asked), {
      subject: { type: 'identity', id: 'alice' },
      action: { name: 'tools/call' },
      resource: { type: 'tool', id: 'get_customer' },
      context: { agent: 'agent-1' },
    })
  })

  test('names whoever acts for the subject', () => {
    assert.deepEqual(coazToolCall({ ...asked, subject: { ...asked.subject, properties: { actor: 'agent-2' } } }).context, { agent: 'agent-2' })
    assert.deepEqual(coazToolCall({ ...asked, subject: { type: 'user', id: 'alice' } }).context, {})
  })

  test('other questions stay as they are', () => {
    const chat = { ...asked, action: { name: 'chat' } }
    assert.equal(coazToolCall(chat), chat)
    const other = { ...asked, resource: { type: 'model', id: 'x' } }
    assert.equal(coazToolCall(other), other)
  })
})

test('wrong options are refused at once', () => {
  for (const options of [{ subjectClaim: '' }, { server: 1 }, { cel: 'cel' }, { mappings: [] }, { mappings: 'x' }, { tools: {} }])
    assert.throws(() => coazMcp(options as unknown as CoazMcpOptions), TypeError, JSON.stringify(options))
})
