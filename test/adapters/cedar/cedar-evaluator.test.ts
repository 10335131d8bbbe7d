import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CedarModule } from '../../../src/adapters/cedar/index.ts'
import { cedarEvaluator } from '../../../src/adapters/cedar/index.ts'
import { systemClock } from '../../../src/guard/clock.ts'
import type { Decision } from '../../../src/guard/context.ts'
import { reasonOf } from '../../../src/guard/errors.ts'
import { askEvaluator } from '../../../src/policy/ask-evaluator.ts'
import type { PolicyRequest } from '../../../src/policy/policy-evaluator.ts'
import { asking, cedar, decide, evaluatorOf, rulesOf } from './asking-cedar.ts'

const patience = { clock: systemClock, deadline: 1_000, signal: new AbortController().signal }

describe('what decides', () => {
  const policies = `
    @id("analysts-chat") permit(principal in Role::"analyst", action == Action::"chat", resource is model);
    @id("ada-reads") permit(principal == user::"ada", action in [Action::"read", Action::"list"], resource == document::"d1");
    @id("not-gpt-4") forbid(principal, action, resource == model::"gpt-4");`
  const evaluator = evaluatorOf(policies, { id: 'support', version: '7' })

  test('the policies that decided are the reasons, by their ids', () => {
    assert.deepEqual(decide(evaluator, asking()), {
      allowed: true,
      policy: { id: 'support', version: '7' },
      reasons: [{ rule: 'analysts-chat', effect: 'permit' }],
      obligations: [],
    })
  })

  test('a forbid wins, wherever it stands', () => {
    const request = asking({ resourceId: 'gpt-4' })
    const forbidden = { allowed: false, reasons: [{ rule: 'not-gpt-4', effect: 'forbid' }] }
    const parts = policies.trim().split('\n')
    for (const text of [policies, [...parts].reverse().join('\n')]) {
      const { allowed, reasons } = decide(evaluatorOf(text), request)
      assert.deepEqual({ allowed, reasons }, forbidden)
    }
  })

  test('what no policy permits is denied, without a reason', () => {
    const { allowed, reasons } = decide(evaluator, asking({ roles: [] }))
    assert.deepEqual({ allowed, reasons }, { allowed: false, reasons: [] })
  })

  const foreign: readonly [what: string, asked: Parameters<typeof asking>[0]][] = [
    ['an unknown action', { action: 'delete' }],
    ['another letter case', { action: 'Chat' }],
    ['another case of the resource type', { resourceType: 'Model' }],
    ['an unknown resource', { action: 'read', resourceType: 'document', resourceId: 'd2' }],
    ['a trailing slash', { action: 'read', resourceType: 'document', resourceId: 'd1/' }],
    ['an encoded slash', { action: 'read', resourceType: 'document', resourceId: 'd1%2f' }],
    ['a type that is no name in Cedar', { resourceType: 'model"; permit(principal,action,resource);//' }],
    ['a type that names another namespace', { resourceType: 'Other::model' }],
    ['an empty type', { resourceType: '' }],
    ['another kind of subject with the same id', { type: 'service', roles: [], action: 'read', resourceType: 'document', resourceId: 'd1' }],
  ]
  for (const [what, asked] of foreign) test(`${what} is denied`, () => assert.equal(decide(evaluator, asking(asked)).allowed, false))

  test('no policy at all denies', () => assert.equal(decide(evaluatorOf(''), asking()).allowed, false))

  test('an id is an id, whatever it holds', () => {
    const id = 'gpt-5"; permit(principal, action, resource); //'
    const policy = evaluatorOf({
      only: {
        effect: 'permit',
        principal: { op: 'All' },
        action: { op: 'All' },
        resource: { op: '==', entity: { type: 'model', id } },
        conditions: [],
      },
    })
    assert.equal(decide(policy, asking({ resourceId: id })).allowed, true)
    assert.equal(decide(policy, asking()).allowed, false)
  })

  test('policies are copied when they load', () => {
    const given = { all: 'permit(principal, action, resource);' }
    const evaluator = evaluatorOf(given)
    given.all = 'forbid(principal, action, resource);'
    assert.equal(decide(evaluator, asking()).allowed, true)
    const json = {
      effect: 'permit' as 'permit' | 'forbid',
      principal: { op: 'All' } as const,
      action: { op: 'All' } as const,
      resource: { op: 'All' } as const,
      conditions: [],
    }
    const other = evaluatorOf({ json })
    json.effect = 'forbid'
    assert.equal(decide(other, asking()).allowed, true)
  })

  test('two evaluators that share the module never see each other', () => {
    const [yes, no] = [evaluatorOf('permit(principal, action, resource);'), evaluatorOf('forbid(principal, action, resource);')]
    for (let round = 0; round < 3; round++) {
      assert.equal(decide(yes, asking()).allowed, true)
      assert.equal(decide(no, asking()).allowed, false)
    }
  })

  test('what it is can be read without reading the policy', () => {
    assert.deepEqual(evaluator.describe?.(), {
      kind: 'cedar',
      id: 'support',
      version: '7',
      policies: 3,
      permits: 2,
      forbids: 1,
      unscoped: 0,
      entities: 0,
      schema: false,
      onForbidError: 'deny',
    })
    assert.equal(evaluatorOf('permit(principal, action, resource);').describe?.().unscoped, 1)
  })
})

describe('what cannot be evaluated', () => {
  const forbid = 'forbid(principal, action, resource) when { context.risk > 5 };'
  const permit = 'permit(principal, action, resource);'

  test('a forbid denies, and is the reason', () => {
    const decision = decide(evaluatorOf({ permit, forbid }), asking({ context: {} }))
    assert.equal(decision.allowed, false)
    assert.deepEqual(decision.reasons, [{ rule: 'forbid', effect: 'forbid' }])
  })

  test('a forbid is skipped only where somebody said so', () => {
    assert.equal(decide(evaluatorOf({ permit, forbid }, { onForbidError: 'skip' }), asking({ context: {} })).allowed, true)
  })

  test('a permit is skipped', () => {
    const { allowed, reasons } = decide(evaluatorOf({ permit: 'permit(principal, action, resource) when { context.risk < 5 };' }), asking())
    assert.deepEqual({ allowed, reasons }, { allowed: false, reasons: [] })
  })

  test('a permit with duties denies: leaving an attribute out must not shed a duty', () => {
    const withDuty = '@obligation("{\\"type\\":\\"no_stream\\"}") permit(principal, action, resource) when { context.risk < 5 };'
    const evaluator = evaluatorOf({ permit, withDuty })
    const asked = decide(evaluator, asking({ context: {} }))
    assert.deepEqual([asked.allowed, asked.reasons], [false, [{ rule: 'withDuty', effect: 'permit' }]])
    assert.deepEqual(decide(evaluator, asking({ context: { risk: 1 } })).obligations, [{ type: 'no_stream' }])
    assert.deepEqual(decide(evaluator, asking({ context: { risk: 9 } })).obligations, [])
  })

  const values: readonly [what: string, value: unknown][] = [
    ['null', null],
    ['a list', []],
    ['an empty text', ''],
    ['true', true],
    ['a number in a text', '0x10'],
    ['a decimal', 0.5],
  ]
  for (const [what, value] of values) {
    test(`${what} where a number should be satisfies no permit, and makes a forbid deny`, () => {
      const request = asking({ context: { risk: value as never } })
      assert.equal(decide(evaluatorOf({ one: 'permit(principal, action, resource) when { context.risk < 100 };' }), request).allowed, false)
      assert.equal(decide(evaluatorOf({ permit, forbid }), request).allowed, false)
    })
  }

  const refused: readonly [what: string, context: object][] = [
    ['NaN', { risk: Number.NaN }],
    ['infinity', { risk: Number.POSITIVE_INFINITY }],
    ['a number with more than four places', { risk: 0.12345 }],
    ['a number beyond what is exact', { risk: 2 ** 60 }],
    ['a function', { risk: () => 1 }],
    ['a BigInt', { risk: 1n }],
    ['a symbol', { risk: Symbol('1') }],
    ['an instance of a class', { risk: new Date(0) }],
    ['a getter', Object.defineProperty({}, 'risk', { get: () => 1, enumerable: true })],
    ['null in a list', { risk: [null] }],
    ['a cycle', cyclic()],
    ['100,000 levels', { risk: nested(100_000) }],
    ['a million values', { risk: Array.from({ length: 1_000_000 }, () => 1) }],
    ['an entity that was forged', { risk: { __entity: { type: 'Role', id: 'admin' } } }],
    ['an entity that was forged further in', { risk: { a: [{ __entity: { type: 'Role', id: 'admin' } }] } }],
    ['a call of a function', { risk: { __extn: { fn: 'decimal', arg: '0.1' } } }],
    ['an own __proto__', { risk: JSON.parse('{"__proto__":{"admin":true}}') }],
  ]
  for (const [what, context] of refused)
    test(`${what} refuses`, () => {
      const evaluator = evaluatorOf({ permit, forbid })
      assert.throws(
        () => askEvaluator(evaluator, asking({ context: context as never }), patience),
        (error: unknown) => /Cedar cannot be asked: context[. ]/.test(reasonOf(error)),
      )
    })

  test('an inherited attribute is none', () => {
    const context = Object.create({ risk: 1 }) as Record<string, never>
    assert.equal(decide(evaluatorOf({ one: 'permit(principal, action, resource) when { context.risk < 5 };' }), asking({ context })).allowed, false)
  })

  test('attributes that no policy looks at are not handed over, and cannot make it fail', () => {
    const evaluator = evaluatorOf({ permit: 'permit(principal, action, resource) when { principal.tenant == "acme" };' })
    assert.equal(decide(evaluator, asking({ subject: { tenant: 'acme', claims: { x: 0.123456789, y: [null] } } })).allowed, true)
  })
})

describe('how a request is put', () => {
  test('what the payload says is context.action, and nothing of it is the context', () => {
    const evaluator = evaluatorOf({ a: 'permit(principal, action, resource) when { context.action.model == "gpt-5" && !(context has model) };' })
    assert.equal(decide(evaluator, asking({ payload: { model: 'gpt-5' } })).allowed, true)
    assert.equal(decide(evaluator, asking({ payload: { model: 'gpt-5' }, context: { model: 'x' } })).allowed, false)
  })

  test('an application that states an action of its own is refused', () => {
    const evaluator = evaluatorOf('permit(principal, action, resource);')
    assert.throws(() => decide(evaluator, asking({ context: { action: { model: 'gpt-5' } } })), { code: 'misconfigured' })
  })

  test('roles are groups, and groups are in what the entities say', () => {
    const entities = [
      { uid: { type: 'Role', id: 'analyst' }, attrs: {}, parents: [{ type: 'Role', id: 'reader' }] },
      { uid: { type: 'Role', id: 'reader' }, attrs: {}, parents: [{ type: 'Role', id: 'anybody' }] },
    ]
    const evaluator = evaluatorOf('permit(principal in Role::"anybody", action, resource);', { entities })
    assert.equal(decide(evaluator, asking()).allowed, true)
    assert.equal(decide(evaluator, asking({ roles: ['guest'] })).allowed, false)
    assert.equal(decide(evaluatorOf('permit(principal in Role::"anybody", action, resource);'), asking()).allowed, false)
  })

  test('roles that are no list of names refuse', () => {
    const evaluator = evaluatorOf('permit(principal, action, resource);')
    for (const roles of ['analyst', [1], { analyst: true }])
      assert.throws(() => decide(evaluator, asking({ roles: roles as never })), { code: 'policy_unavailable' })
  })

  test('what is known of an entity and what the request says of it come together; the request counts', () => {
    const entities = [
      {
        uid: { type: 'user', id: 'ada' },
        attrs: { level: 3, tenant: 'old', boss: { __entity: { type: 'user', id: 'eve' } } },
        parents: [{ type: 'Team', id: 'red' }],
      },
      { uid: { type: 'user', id: 'eve' }, attrs: { level: 9 }, parents: [] },
    ]
    const policy = (condition: string) =>
      evaluatorOf({ one: `permit(principal in Team::"red", action, resource) when { ${condition} };` }, { entities })
    const request = asking({ subject: { tenant: 'acme' } })
    assert.equal(decide(policy('principal.level == 3'), request).allowed, true)
    assert.equal(decide(policy('principal.tenant == "acme"'), request).allowed, true)
    assert.equal(decide(policy('principal.boss.level == 9'), request).allowed, true)
    assert.equal(decide(policy('user::"eve".level == 9'), request).allowed, true)
    assert.equal(decide(policy('user::"eve".level == 3'), request).allowed, false)
  })

  test('actions are in groups that the entities say', () => {
    const entities = [{ uid: { type: 'Action', id: 'chat' }, attrs: {}, parents: [{ type: 'Action', id: 'use' }] }]
    const evaluator = evaluatorOf('permit(principal, action in Action::"use", resource);', { entities })
    assert.equal(decide(evaluator, asking()).allowed, true)
    assert.equal(decide(evaluator, asking({ action: 'train' })).allowed, false)
  })

  test('names can be Cedar-like', () => {
    const evaluator = evaluatorOf(
      'permit(principal is Acme::User in Acme::Role::"analyst", action == Acme::Action::"chat", resource is Acme::model);',
      {
        namespace: 'Acme',
        types: { user: 'User' },
      },
    )
    assert.equal(decide(evaluator, asking()).allowed, true)
    assert.equal(decide(evaluator, asking({ type: 'service' })).allowed, false)
  })

  test('a subject that is its own resource is one entity, unless the two contradict each other', () => {
    const evaluator = evaluatorOf(
      'permit(principal, action == Action::"read", resource) when { principal == resource && resource.verified && principal.tenant == "acme" };',
    )
    const self = { action: 'read', resourceType: 'user', resourceId: 'ada', subject: { tenant: 'acme' } }
    assert.equal(decide(evaluator, asking({ ...self, resource: { verified: true } })).allowed, true)
    assert.throws(() => decide(evaluator, asking({ ...self, resource: { verified: true, tenant: 'other' } })), { code: 'policy_unavailable' })
  })

  test('a mapping of one’s own puts it altogether differently', () => {
    const evaluator = evaluatorOf('permit(principal == Person::"ADA", action == Action::"ask", resource) when { context.n == 1 && resource.open };', {
      map: ({ subject }: PolicyRequest) =>
        subject.type === 'user'
          ? {
              principal: { type: 'Person', id: subject.id.toUpperCase() },
              action: { type: 'Action', id: 'ask' },
              resource: { type: 'Thing', id: '1' },
              context: { n: 1 },
              entities: [{ uid: { type: 'Thing', id: '1' }, attrs: { open: true }, parents: [] }],
            }
          : undefined,
    })
    assert.equal(decide(evaluator, asking()).allowed, true)
    assert.equal(decide(evaluator, asking({ type: 'service' })).allowed, false)
  })

  test('a request is left as it was', () => {
    const request = asking({ subject: { tenant: 'acme' }, context: { risk: 1 } })
    const before = structuredClone(request)
    decide(evaluatorOf('permit(principal, action, resource) when { principal.tenant == "acme" };'), request)
    assert.deepEqual(request, before)
  })
})

describe('duties', () => {
  test('are those of all permits that decided, and numbers take the strictest', () => {
    const evaluator = evaluatorOf({
      a: `@obligation("[{\\"type\\":\\"max_output_tokens\\",\\"value\\":2000},{\\"type\\":\\"no_stream\\"}]") permit(principal, action, resource);`,
      b: `@obligation("{\\"type\\":\\"max_output_tokens\\",\\"value\\":500}") permit(principal, action, resource);`,
      c: `@obligation("{\\"type\\":\\"require_acr\\",\\"value\\":\\"phr\\"}") permit(principal, action == Action::"train", resource);`,
    })
    const { obligations } = decide(evaluator, asking())
    assert.deepEqual(obligations, [{ type: 'max_output_tokens', value: 500 }, { type: 'no_stream' }])
    assert.deepEqual(evaluator.obliges, ['max_output_tokens', 'no_stream', 'require_acr'])
  })

  test('can come with a forbid', () => {
    const evaluator = evaluatorOf({ f: `@obligation("{\\"type\\":\\"notify\\",\\"to\\":\\"soc\\"}") forbid(principal, action, resource);` })
    assert.deepEqual(decide(evaluator, asking()).obligations, [{ type: 'notify', to: 'soc' }])
  })

  test('of a forbid send nobody to authenticate in vain, where another forbids for good', () => {
    const mendable = `@obligation("{\\"type\\":\\"require_acr\\",\\"value\\":\\"phr\\"}") forbid(principal, action, resource);`
    const duty = { type: 'require_acr', value: ['phr'] }
    assert.deepEqual(decide(evaluatorOf({ f: mendable }), asking()).obligations, [duty])
    assert.deepEqual(decide(evaluatorOf({ f: mendable, g: mendable }), asking()).obligations, [duty])
    assert.deepEqual(decide(evaluatorOf({ f: mendable, g: 'forbid(principal, action, resource);' }), asking()).obligations, [])
  })
})

describe('an engine that cannot be trusted', () => {
  const policies = { permit: 'permit(principal, action, resource);', forbid: 'forbid(principal, action, resource) when { context.bad };' }
  const reasonsOf = (statefulIsAuthorized: () => unknown): unknown => {
    const evaluator = cedarEvaluator({ cedar: { ...cedar, statefulIsAuthorized } as CedarModule, policies })
    try {
      return askEvaluator(evaluator, asking({ context: { bad: false } }), patience)
    } catch (error) {
      return reasonOf(error)
    }
  }
  const answers: readonly [what: string, answer: unknown, reason: RegExp][] = [
    ['nothing', undefined, /no decision/],
    ['a text', 'allow', /no decision/],
    ['a failure', { type: 'failure', errors: [{ message: 'secret' }] }, /does not take the request/],
    ['another word', { type: 'success', response: { decision: 'ALLOW', diagnostics: { reason: ['p0'], errors: [] } } }, /no decision/],
    ['an allow for no reason', { type: 'success', response: { decision: 'allow', diagnostics: { reason: [], errors: [] } } }, /do not lead/],
    [
      'an allow because of a forbid',
      { type: 'success', response: { decision: 'allow', diagnostics: { reason: ['p1'], errors: [] } } },
      /do not lead/,
    ],
    ['a policy of others', { type: 'success', response: { decision: 'allow', diagnostics: { reason: ['p7'], errors: [] } } }, /not asked about/],
    ['errors that are none', { type: 'success', response: { decision: 'allow', diagnostics: { reason: ['p0'] } } }, /no reasons/],
    ['an error of nobody', { type: 'success', response: { decision: 'allow', diagnostics: { reason: ['p0'], errors: [{}] } } }, /not asked about/],
    [
      'what it inherits',
      Object.create({ type: 'success', response: { decision: 'allow', diagnostics: { reason: ['p0'], errors: [] } } }),
      /no decision/,
    ],
  ]
  for (const [what, answer, reason] of answers)
    test(`that answers ${what} refuses`, () => {
      const said = reasonsOf(() => answer)
      assert.match(String(said), reason)
      assert.doesNotMatch(String(said), /secret/)
    })

  test('that throws refuses', () => {
    assert.match(String(reasonsOf(() => assert.fail('unreachable'))), /evaluator threw/)
  })

  test('one that is sound is believed', () => {
    const said = reasonsOf(() => ({ type: 'success', response: { decision: 'allow', diagnostics: { reason: ['p0'], errors: [] } } })) as Decision
    assert.deepEqual(rulesOf(said), ['permit'])
  })
})

function cyclic(): object {
  const risk: Record<string, unknown> = {}
  risk.risk = risk
  return { risk }
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = [value]
  return value
}
