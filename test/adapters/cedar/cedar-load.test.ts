import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cedarEvaluator, type CedarOptions } from '../../../src/adapters/cedar/index.ts'
import { asking, cedar, decide, evaluatorOf } from './asking-cedar.ts'

const permit = 'permit(principal, action, resource);'
const obligation = (json: string): string => `@obligation("${json.replaceAll('"', '\\"')}") ${permit}`

describe('policies that do not load', () => {
  const bad: readonly (readonly [what: string, policies: unknown, message: RegExp])[] = [
    ['no policies', undefined, /policies: must be a Cedar text/],
    ['a list', [permit], /policies: must be a Cedar text/],
    ['a text that is none', 'permit(principal, action)', /policies: unexpected end of input/],
    ['an unknown effect', { one: 'allow(principal, action, resource);' }, /'one': failed to parse/],
    ['an unknown function', { one: 'permit(principal, action, resource) when { equals(context.a, 1) };' }, /'one': .*equals/],
    ['a policy that is neither', { one: 5 }, /'one': must be a text/],
    [
      'JSON with an unknown key',
      { one: { effect: 'permit', principal: { op: 'All' }, action: { op: 'All' }, resource: { op: 'All' }, conditions: [], extra: 1 } },
      /'one': .*extra/,
    ],
    [
      'JSON with an unknown operator',
      { one: { effect: 'permit', principal: { op: 'All' }, action: { op: 'All' }, resource: { op: 'like' }, conditions: [] } },
      /'one': .*like/,
    ],
    ['a template', 'permit(principal == ?principal, action, resource);', /templates are not supported/],
    ['a template by its id', { one: 'permit(principal == ?principal, action, resource);' }, /'one': .*template/],
    ['two in one', { one: `${permit} ${permit}` }, /'one': /],
    ['an id twice', `@id("a") ${permit} @id("a") ${permit}`, /two policies have the id 'a'/],
    ['another id than its own', { one: `@id("two") ${permit}` }, /'one': @id says 'two'/],
    ['an empty id', `@id("") ${permit}`, /@id must be a text/],
    ['an id without one', `@id ${permit}`, /@id must be a text/],
    ['duties under another name', { one: `@obligations("[]") ${permit}` }, /'one': @obligations means nothing/],
    ['a duty that is no JSON', { one: obligation('no_stream') }, /'one': @obligation: must be JSON/],
    ['a duty without a value', { one: `@obligation ${permit}` }, /'one': @obligation: must be JSON/],
    ['a duty that says a name twice', { one: obligation('{"type":"no_stream","type":"x"}') }, /must be JSON/],
    ['a duty that is a text', { one: obligation('"no_stream"') }, /'one': @obligation: must be an object/],
    ['a duty without a type', { one: obligation('{"value":1}') }, /'one': @obligation\.type/],
    ['a duty with an unknown key', { one: obligation('{"type":"no_stream","vaule":1}') }, /'one': @obligation: has an unknown key 'vaule'/],
    ['a duty with a wrong value', { one: obligation('{"type":"max_output_tokens","value":"many"}') }, /'one': @obligation\.value/],
    ...['no_stream', 'require_approval', 'require_passkey', 'limit'].map(
      (type) =>
        [
          `a forbid with the duty ${type}`,
          { one: obligation(`{"type":"${type}"}`).replace(permit, 'forbid(principal, action, resource);') },
          /'one': @obligation\.type: '\w+' (?:shapes a call that is permitted|would turn a denial into a permit)/,
        ] as const,
    ),
    ['a name that means something to JavaScript', JSON.parse(`{"__proto__":"${permit}"}`), /must not have the key '__proto__'/],
    ['a getter', Object.defineProperty({}, 'one', { get: () => permit, enumerable: true }), /must be a value, not a getter/],
  ]
  for (const [what, policies, message] of bad)
    test(what, () => assert.throws(() => cedarEvaluator({ cedar, policies } as CedarOptions), refusal(message)))
})

describe('options that are wrong', () => {
  const bad: readonly [what: string, options: object, message: RegExp][] = [
    ['no module', { cedar: undefined }, /cedar: must be a module/],
    ['a module of others', { cedar: { isAuthorized: () => true } }, /cedar: must be a module/],
    ['an unknown option', { policy: 'x' }, /no option policy/],
    ['an empty version', { version: '' }, /version/],
    ['a namespace that is none', { namespace: 'a-b' }, /namespace/],
    ['a type that is none', { types: { user: 'a b' } }, /types/],
    ['both a mapping and names', { map: () => undefined, namespace: 'Acme' }, /map: stands instead/],
    ['another way to fail', { onForbidError: 'allow' }, /onForbidError: must be 'deny' or 'skip'/],
    ['entities that are none', { entities: [{ uid: 'x' }] }, /entities: /],
    ['entities that are in each other', { entities: [entity('a', 'b'), entity('b', 'a')] }, /entities: .*cycle/],
    [
      'an entity twice',
      {
        entities: [
          { ...entity('a'), attrs: { n: 1 } },
          { ...entity('a'), attrs: { n: 2 } },
        ],
      },
      /entities: .*duplicate/,
    ],
    ['a schema that is none', { schema: 'entity;' }, /schema: /],
    ['a schema with an unknown type', { schema: 'entity user { a: Text };' }, /schema: .*Text/],
  ]
  for (const [what, options, message] of bad)
    test(what, () => assert.throws(() => cedarEvaluator({ cedar, policies: permit, ...options } as CedarOptions), refusal(message)))
})

const schema = `
  entity Role;
  entity user in [Role] { tenant: String, clearance?: decimal, manager?: user };
  entity model { tenant: String, owner?: user };
  action use;
  action chat, train in [use] appliesTo {
    principal: [user], resource: [model],
    context: { secure: Bool, at?: datetime, risk?: decimal, ip?: ipaddr, action?: { model?: String, tools?: Set<String> } } };`

describe('a schema', () => {
  const mistakes: readonly [what: string, policy: string, message: RegExp][] = [
    ['an unknown type', 'permit(principal is person, action, resource);', /'one': .*unrecognized entity type `person`/],
    ['an unknown action', 'permit(principal, action == Action::"chatt", resource);', /'one': .*unrecognized action/],
    ['an unknown attribute', 'permit(principal, action, resource) when { principal.tenannt == "a" };', /'one': .*tenannt/],
    ['a comparison of two types', 'permit(principal, action, resource) when { context.secure < 1 };', /'one': .*unexpected type/],
    [
      'an attribute that may be missing',
      'forbid(principal, action, resource) when { principal.manager.tenant == "a" };',
      /'one': .*optional attribute/,
    ],
    ['a forbid that can never be', 'forbid(principal, action, resource) when { context.secure && false };', /'one': .*impossible/],
    ['a policy that never applies', 'forbid(principal is model, action, resource);', /'one': .*impossible|unable to find/],
  ]
  for (const [what, policy, message] of mistakes)
    test(`refuses ${what}, and names the policy`, () => assert.throws(() => evaluatorOf({ good: permit, one: policy }, { schema }), refusal(message)))

  const evaluator = evaluatorOf(
    {
      chat: 'permit(principal in Role::"analyst", action in Action::"use", resource) when { principal.tenant == resource.tenant && context.secure };',
      clearance:
        'permit(principal, action == Action::"train", resource) when { principal has clearance && principal.clearance.greaterThan(decimal("2.5")) };',
      night: 'forbid(principal, action, resource) when { context has at && context.at < datetime("2026-01-01") };',
      risk: 'forbid(principal, action, resource) when { context has risk && context.risk.greaterThan(decimal("0.7")) };',
      owner: 'permit(principal, action, resource) when { resource has owner && resource.owner == principal };',
      net: 'forbid(principal, action, resource) when { context has ip && !context.ip.isInRange(ip("10.0.0.0/8")) };',
      model: 'forbid(principal, action, resource) when { context has action && context.action has model && context.action.model like "evil-*" };',
    },
    { schema },
  )
  const asked = (others: Parameters<typeof asking>[0]) =>
    asking({
      subject: { tenant: 'acme', key: 'k', claims: { anything: [null, 0.123456] } },
      resource: { tenant: 'acme' },
      context: { secure: true },
      ...others,
    })
  const cases: readonly [what: string, asked: Parameters<typeof asking>[0], rules: readonly string[] | undefined][] = [
    ['attributes that it does not declare stay behind', {}, ['chat']],
    ['a group of actions is known from it', { action: 'train' }, ['chat']],
    ['a number becomes a decimal, whole or not', { action: 'train', subject: { tenant: 'x', clearance: 3 } }, ['clearance']],
    ['a number that is too small', { action: 'train', subject: { tenant: 'x', clearance: 2.4 } }, undefined],
    ['milliseconds become a moment', { context: { secure: true, at: Date.parse('2025-06-01') } }, undefined],
    ['a later moment', { context: { secure: true, at: Date.parse('2026-06-01') } }, ['chat']],
    ['a risk', { context: { secure: true, risk: 0.71 } }, undefined],
    ['a text becomes the entity that it names', { roles: [], resource: { tenant: 'x', owner: 'ada' } }, ['owner']],
    ['the entity of another', { roles: [], resource: { tenant: 'x', owner: 'eve' } }, undefined],
    ['an address', { context: { secure: true, ip: '10.1.2.3' } }, ['chat']],
    ['an address from elsewhere', { context: { secure: true, ip: '192.0.2.1' } }, undefined],
    ['what the payload says', { payload: { model: 'evil-1', tools: [], stream: true } }, undefined],
    ['an unknown action', { action: 'delete' }, undefined],
    ['an unknown type of subjects', { type: 'service' }, undefined],
    ['an unknown type of resources', { resourceType: 'document' }, undefined],
    ['a type that an action is not for', { resourceType: 'user', resourceId: 'bob' }, undefined],
  ]
  for (const [what, others, rules] of cases)
    test(what, () => {
      const { allowed, reasons } = decide(evaluator, asked(others))
      assert.equal(allowed, rules !== undefined)
      if (rules !== undefined)
        assert.deepEqual(
          reasons.map(({ rule }) => rule),
          rules,
        )
    })

  test('a request that does not fit it is refused, not guessed at', () => {
    for (const others of [{ context: {} }, { context: { secure: 'yes' } }, { subject: {} }, { context: { secure: true, ip: 'nowhere' } }])
      assert.throws(() => decide(evaluator, asked(others)), { code: 'policy_unavailable' }, JSON.stringify(others))
  })

  test('may be in JSON', () => {
    const json = cedar.schemaToJson(schema)
    assert.ok(json.type === 'success')
    assert.equal(decide(evaluatorOf({ one: permit }, { schema: json.json }), asked({})).allowed, true)
  })

  test('checks the entities as well', () => {
    assert.throws(
      () => evaluatorOf({ one: permit }, { schema, entities: [{ uid: { type: 'user', id: 'a' }, attrs: { tenant: 1 }, parents: [] }] }),
      refusal(/entities: /),
    )
  })

  test('goes with entities that are in groups of groups', () => {
    const nested = `entity Group in [Group]; entity user in [Group]; entity model; action chat appliesTo { principal: [user], resource: [model], context: {} };`
    const entities = [
      { uid: { type: 'user', id: 'ada' }, attrs: {}, parents: [{ type: 'Group', id: 'a' }] },
      { uid: { type: 'Group', id: 'a' }, attrs: {}, parents: [{ type: 'Group', id: 'b' }] },
      { uid: { type: 'Group', id: 'b' }, attrs: {}, parents: [] },
    ]
    const evaluator = evaluatorOf('permit(principal in Group::"b", action, resource);', { schema: nested, entities })
    assert.equal(decide(evaluator, asking()).allowed, true)
    assert.equal(decide(evaluator, asking({ id: 'eve' })).allowed, false)
  })

  test('holds the names of a namespace', () => {
    const named = `namespace Acme { type Place = { city: String }; entity Role; entity User in [Role] { home?: Place, score?: decimal }; entity model; action chat appliesTo { principal: [User], resource: [model], context: {} }; }`
    const evaluator = evaluatorOf(
      'permit(principal, action == Acme::Action::"chat", resource) when { principal has home && principal.home.city == "Gdynia" && principal has score && principal.score.lessThan(decimal("2.0")) };',
      { schema: named, namespace: 'Acme', types: { user: 'User' } },
    )
    assert.equal(decide(evaluator, asking({ subject: { home: { city: 'Gdynia', street: null }, score: 1 } })).allowed, true)
    assert.equal(decide(evaluator, asking({ subject: { home: { city: 'Sopot' }, score: 1 } })).allowed, false)
  })
})

// Where the calls of WebAssembly are built into the code that reads 10,000 answers, V8 ends the process about every second time.
test('ten thousand policies load, and the process lives', () => {
  const policies = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, index) => [
      `p${index}`,
      `${index % 10 === 9 ? 'forbid' : 'permit'}(principal in Role::"analyst", action == Action::"a${index % 10}", resource == model::"m${index}") when { principal.tenant == resource.tenant };`,
    ]),
  )
  const evaluator = evaluatorOf(policies)
  for (const [index, allowed] of [
    [3, true],
    [9_999, false],
  ] as const) {
    const { reasons, ...decision } = decide(
      evaluator,
      asking({ action: `a${index % 10}`, resourceId: `m${index}`, subject: { tenant: 'acme' }, resource: { tenant: 'acme' } }),
    )
    assert.deepEqual([decision.allowed, reasons.map(({ rule }) => rule)], [allowed, [`p${index}`]])
  }
})

test('what becomes of the module later changes nothing', () => {
  const module = { ...cedar }
  const evaluator = cedarEvaluator({ cedar: module, policies: 'forbid(principal, action, resource);' })
  module.statefulIsAuthorized = () => ({
    type: 'success',
    response: { decision: 'allow', diagnostics: { reason: ['p0'], errors: [] } },
    warnings: [],
  })
  assert.equal(decide(evaluator, asking()).allowed, false)
})

function refusal(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof TypeError, String(error))
    assert.match(error.message, message)
    assert.match(error.message, /^cedarEvaluator: /)
    return true
  }
}

function entity(id: string, ...parents: readonly string[]) {
  return { uid: { type: 'group', id }, attrs: {}, parents: parents.map((parent) => ({ type: 'group', id: parent })) }
}
