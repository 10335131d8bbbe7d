import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { policySet } from '../../src/policy/policy-set.ts'
import { decide, requestWith } from './asking.ts'

// As the documentation spells a policy.
const support = {
  id: 'support',
  version: '7',
  attributes: { 'subject.department': 'string', 'context.risk': 'number' },
  roles: { analyst: { inherits: ['reader'] } },
  rules: [
    {
      id: 'analysts-chat',
      effect: 'permit',
      subject: { roles: ['analyst'] },
      action: ['chat'],
      resource: { type: 'model', id: ['gpt-*'] },
      when: { 'context.risk': { lt: 0.7 }, 'subject.tenant': { eq: { path: 'resource.tenant' } } },
      obligations: [{ type: 'max_output_tokens', value: 2000 }],
    },
  ],
}
const ada = requestWith({
  attributes: { roles: ['analyst'], tenant: 'acme' },
  resource: { properties: { tenant: 'acme' } },
  context: { risk: 0.1 },
})

describe('a policy set', () => {
  test('permits what a rule permits, and says which and with what duties', () => {
    const decision = policySet(support).evaluate(ada)
    assert.deepEqual(decision, {
      allowed: true,
      policy: { id: 'support', version: '7' },
      reasons: [{ rule: 'analysts-chat', effect: 'permit' }],
      obligations: [{ type: 'max_output_tokens', value: 2000 }],
    })
    assert.ok(Object.isFrozen(decision) && Object.isFrozen(decision.obligations) && Object.isFrozen(decision.reasons[0]))
  })

  test('denies everything else, without a reason', () => {
    const set = policySet(support)
    const nothing = { allowed: false, policy: { id: 'support', version: '7' }, reasons: [], obligations: [] }
    const close = { attributes: { roles: ['analyst'], tenant: 'acme' }, resource: { properties: { tenant: 'acme' } }, context: { risk: 0.1 } }
    assert.equal(set.evaluate(requestWith(close)).allowed, true)
    for (const request of [
      requestWith({ ...close, action: 'embeddings' }),
      requestWith({ ...close, attributes: { roles: ['reader'], tenant: 'acme' } }),
      requestWith({ ...close, attributes: { roles: ['analyst'], tenant: 'other' } }),
      requestWith({ ...close, resource: { id: 'claude', properties: { tenant: 'acme' } } }),
      requestWith({ ...close, resource: { type: 'tool', properties: { tenant: 'acme' } } }),
      requestWith({ ...close, context: { risk: 0.7 } }),
    ])
      assert.deepEqual(set.evaluate(request), nothing)
    // What cannot be decided and carries a duty is named.
    for (const request of [requestWith({ ...close, context: {} }), requestWith({ ...close, attributes: { roles: ['analyst'] } })])
      assert.deepEqual(set.evaluate(request), { ...nothing, reasons: [{ rule: 'analysts-chat', effect: 'permit' }] })
    assert.deepEqual(policySet({ id: 'support', version: '7', rules: [] }).evaluate(ada), nothing)
  })

  test('gives an inherited role what the roles below it may, and not the other way round', () => {
    const roles = { head: { inherits: 'lead' }, lead: { inherits: ['reader', 'writer'] } }
    const rules = [{ id: 'readers', effect: 'permit', subject: { roles: 'reader' } }]
    for (const role of ['head', 'lead', 'reader']) assert.equal(decide(rules, requestWith({ roles: [role] }), { roles }).allowed, true, role)
    const above = [{ id: 'heads', effect: 'permit', subject: { roles: 'head' } }]
    for (const role of ['lead', 'reader', 'Head', 'hea', '', '__proto__', 'toString'])
      assert.equal(decide(above, requestWith({ roles: [role] }), { roles }).allowed, false, role)
  })

  test('A10: a forbid wins wherever it stands, and all that forbid are named', () => {
    const permit = { id: 'b-permit', effect: 'permit' }
    const forbid = { id: 'a-forbid', effect: 'forbid', action: 'chat' }
    const other = { id: 'c-forbid', effect: 'forbid', subject: { type: 'user' } }
    for (const rules of [
      [permit, forbid, other],
      [other, permit, forbid],
      [forbid, other, permit],
    ])
      assert.deepEqual(decide(rules, requestWith({})), {
        allowed: false,
        policy: { id: 'p', version: '1' },
        reasons: [
          { rule: 'a-forbid', effect: 'forbid' },
          { rule: 'c-forbid', effect: 'forbid' },
        ],
        obligations: [],
      })
  })

  test('a forbid that cannot be decided denies; a permit that cannot be is passed over', () => {
    const unknown = { when: { 'context.risk': { gt: 0.9 } } }
    assert.equal(
      decide(
        [
          { id: 'a', effect: 'permit' },
          { id: 'f', effect: 'forbid', ...unknown },
        ],
        requestWith({}),
      ).allowed,
      false,
    )
    assert.equal(
      decide(
        [
          { id: 'a', effect: 'permit' },
          { id: 'p', effect: 'permit', ...unknown },
        ],
        requestWith({}),
      ).allowed,
      true,
    )
    assert.equal(decide([{ id: 'p', effect: 'permit', ...unknown }], requestWith({})).allowed, false)
  })

  test('a permit that cannot be decided and carries a duty denies, and says that it did', () => {
    const rules = [
      { id: 'all', effect: 'permit' },
      { id: 'risky', effect: 'permit', when: { 'context.risk': { gt: 0.5 } }, obligations: [{ type: 'no_stream' }] },
    ]
    assert.deepEqual(decide(rules, requestWith({})).reasons, [{ rule: 'risky', effect: 'permit' }])
    assert.equal(decide(rules, requestWith({})).allowed, false)
    assert.deepEqual(decide(rules, requestWith({ context: { risk: 0.9 } })).obligations, [{ type: 'no_stream' }])
    assert.deepEqual(decide(rules, requestWith({ context: { risk: 0.1 } })).obligations, [])
    // Out of scope it is no matter whether it can be decided.
    assert.equal(
      decide(
        rules.map((rule) => (rule.id === 'risky' ? { ...rule, action: 'embeddings' } : rule)),
        requestWith({}),
      ).allowed,
      true,
    )
  })

  test('all, any and not have three values', () => {
    const yes = { 'context.yes': { eq: true } }
    const no = { 'context.yes': { eq: false } }
    const unknown = { 'context.nothing': { eq: true } }
    const context = { yes: true }
    const truth = (when: Record<string, unknown>): string => {
      const permitted = decide([{ id: 'r', effect: 'permit', when }], requestWith({ context })).allowed
      const refuted = decide([{ id: 'r', effect: 'permit', when: { not: when } }], requestWith({ context })).allowed
      assert.ok(!(permitted && refuted))
      return permitted ? 'yes' : refuted ? 'no' : 'unknown'
    }
    assert.equal(truth({ all: [yes, yes] }), 'yes')
    assert.equal(truth({ all: [unknown, no] }), 'no')
    assert.equal(truth({ all: [no, unknown] }), 'no')
    assert.equal(truth({ all: [yes, unknown] }), 'unknown')
    assert.equal(truth({ any: [unknown, yes] }), 'yes')
    assert.equal(truth({ any: [no, unknown] }), 'unknown')
    assert.equal(truth({ any: [no, no] }), 'no')
    assert.equal(truth({ not: unknown }), 'unknown')
    assert.equal(truth({ ...yes, not: no }), 'yes')
    assert.equal(truth({ ...yes, any: [no, unknown] }), 'unknown')
  })

  test('unites the duties of all permits that matched, the strictest of each', () => {
    const rules = [
      {
        id: 'a',
        effect: 'permit',
        obligations: [
          { type: 'max_output_tokens', value: 2000 },
          { type: 'allow_tools', value: ['search', 'mail'] },
        ],
      },
      {
        id: 'b',
        effect: 'permit',
        obligations: [{ type: 'max_output_tokens', value: 500 }, { type: 'allow_tools', value: ['mail', 'files'] }, { type: 'no_stream' }],
      },
      { id: 'c', effect: 'permit', obligations: [{ type: 'no_stream' }] },
      { id: 'd', effect: 'permit', action: 'embeddings', obligations: [{ type: 'require_approval' }] },
    ]
    const expected = [{ type: 'allow_tools', value: ['mail'] }, { type: 'max_output_tokens', value: 500 }, { type: 'no_stream' }]
    assert.deepEqual(decide(rules, requestWith({})).obligations, expected)
    assert.deepEqual(decide(rules.toReversed(), requestWith({})).obligations, expected)
  })

  test('a rule is named once, by however many names it was found', () => {
    const rule = { id: 'r', effect: 'permit', subject: { roles: ['a', 'b'] }, action: ['chat', 'ch*', '*'], resource: { id: ['gpt-*', 'gpt-5'] } }
    assert.deepEqual(decide([rule, { id: 's', effect: 'permit' }], requestWith({ roles: ['a', 'b'] })).reasons, [
      { rule: 'r', effect: 'permit' },
      { rule: 's', effect: 'permit' },
    ])
  })

  test('a rule with long lists in every place still fits exactly what it names', () => {
    const places = ['role', 'subject', 'action', 'type', 'id'] as const
    // The longest list is the first that the index leaves to the rule itself.
    for (const longest of places) {
      const names = (place: string): string[] => Array.from({ length: place === longest ? 80 : 40 }, (_, index) => `${place}-${index}`)
      for (const roles of [undefined, names('role')]) {
        for (const id of [undefined, names('subject')]) {
          const subject = { type: 'user', ...(roles && { roles }), ...(id && { id }) }
          const rule = { id: 'r', effect: 'permit', subject, action: names('action'), resource: { type: names('type'), id: names('id') } }
          const set = policySet({ id: 'p', version: '1', rules: [rule] })
          const ask = (other?: string): boolean => {
            const name = (place: string): string => (place === other ? 'other' : `${place}-7`)
            return set.evaluate(
              requestWith({
                subject: { id: name('subject'), properties: { roles: [name('role')] } },
                action: name('action'),
                resource: { type: name('type'), id: name('id') },
              }),
            ).allowed
          }
          assert.equal(ask(), true)
          for (const place of places) {
            const isFree = (place === 'role' && roles === undefined) || (place === 'subject' && id === undefined)
            assert.equal(ask(place), isFree, `${place}, longest ${longest}`)
          }
        }
      }
    }
  })

  test('keeps its own copy: a policy that is changed afterwards changes nothing', () => {
    const rules = [
      {
        id: 'r',
        effect: 'permit',
        subject: { roles: ['reader'] },
        when: { 'context.risk': { in: [1, 2] } },
        obligations: [{ type: 'own', list: [1] }],
      },
    ]
    const policy = { id: 'p', version: '1', roles: { analyst: { inherits: ['reader'] } }, rules }
    const set = policySet(policy)
    const before = set.evaluate(requestWith({ roles: ['analyst'], context: { risk: 1 } }))
    rules[0]?.subject.roles.splice(0, 1, 'nobody')
    rules[0]?.when['context.risk'].in.splice(0, 2, 9)
    rules[0]?.obligations[0]?.list.push(2)
    policy.roles.analyst.inherits.length = 0
    policy.id = 'other'
    rules.length = 0
    assert.deepEqual(set.evaluate(requestWith({ roles: ['analyst'], context: { risk: 1 } })), before)
    assert.equal(before.allowed, true)
    assert.deepEqual(before.obligations, [{ type: 'own', list: [1] }])
  })

  test('describes itself by id, version and numbers, and by no attribute', () => {
    const set = policySet({
      ...support,
      rules: [...support.rules, { id: 'all', effect: 'forbid', when: { 'subject.department': { eq: 'secret-department' } } }],
    })
    assert.deepEqual(set.describe(), {
      kind: 'policySet',
      id: 'support',
      version: '7',
      rules: 2,
      permits: 1,
      forbids: 1,
      expiring: 0,
      unscoped: 1,
      unscopedRules: ['all'],
      openPermits: [],
      widePermits: [],
      attributes: 2,
      obligations: ['max_output_tokens'],
    })
    assert.deepEqual(set.obliges, ['max_output_tokens'])
    assert.ok(Object.isFrozen(set))
  })

  test('takes a policy from JSON, and one without a version', () => {
    assert.equal(policySet(JSON.parse(JSON.stringify(support))).evaluate(ada).allowed, true)
    assert.equal(policySet({ id: 'p', rules: [] }).describe().version, 'unversioned')
  })

  test('answers what is no request with a denial', () => {
    const set = policySet({ id: 'p', version: '1', rules: [{ id: 'all', effect: 'permit' }] })
    assert.equal(set.evaluate(requestWith({})).allowed, true)
    const broken: unknown[] = [
      undefined,
      null,
      'chat',
      [],
      {},
      requestWith({ action: {} }),
      requestWith({ action: '' }),
      requestWith({ subject: { id: 5 } }),
    ]
    broken.push(requestWith({ subject: { type: null } }), requestWith({ resource: { id: ['gpt-5'] } }), Object.create(requestWith({})))
    for (const roles of [null, 'admin', {}, ['admin', 5], [null], Object.assign(new Array(2), { 1: 'admin' }), 5, true])
      broken.push(requestWith({ attributes: { roles } }))
    for (const request of broken) assert.equal(set.evaluate(request as never).allowed, false, JSON.stringify(request))
  })
})
