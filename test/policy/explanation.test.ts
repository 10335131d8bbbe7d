import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Explanation, policySet } from '../../src/policy/policy-set.ts'
import { requestWith } from './asking.ts'

const set = policySet({
  id: 'p',
  version: '1',
  rules: [
    { id: 'elsewhere', effect: 'permit', action: 'embeddings' },
    { id: 'low-risk', effect: 'permit', action: 'chat', when: { 'context.risk': { lt: 0.5 }, 'subject.department': { eq: 'sales' } } },
    {
      id: 'night',
      effect: 'forbid',
      action: 'chat',
      when: { any: [{ 'context.hour': { gt: 22 } }, { not: { 'context.network': { cidr: '10.0.0.0/8' } } }] },
    },
    { id: 'open', effect: 'permit', resource: { type: 'model' } },
  ],
})

test('says which rules were in scope and which conditions did not hold, and shows no value', () => {
  const { decision, rules } = set.explain(requestWith({ context: { risk: 0.9, hour: 12, network: '10.1.1.1' }, attributes: { department: null } }))
  assert.equal(decision.allowed, true)
  assert.deepEqual(rules, [
    {
      rule: 'low-risk',
      effect: 'permit',
      outcome: 'false',
      conditions: [{ place: "policy.rules[1].when['context.risk'].lt", path: 'context.risk', operator: 'lt', outcome: 'false', found: 'number' }],
    },
    {
      rule: 'night',
      effect: 'forbid',
      outcome: 'false',
      conditions: [
        { place: "policy.rules[2].when.any[0]['context.hour'].gt", path: 'context.hour', operator: 'gt', outcome: 'false', found: 'number' },
        {
          place: "policy.rules[2].when.any[1].not['context.network'].cidr",
          path: 'context.network',
          operator: 'cidr',
          outcome: 'true',
          found: 'string',
        },
      ],
    },
    { rule: 'open', effect: 'permit', outcome: 'true', conditions: [] },
  ])
})

test('tells unknown from false, and why it is unknown', () => {
  const { decision, rules } = set.explain(requestWith({ context: { risk: '0.1', hour: Number.NaN }, attributes: { department: ['sales'] } }))
  assert.deepEqual(decision.reasons, [{ rule: 'night', effect: 'forbid' }])
  assert.deepEqual(
    rules.map(({ rule, outcome, conditions }) => [rule, outcome, conditions.map(({ path, outcome: own, found }) => [path, own, found])]),
    [
      [
        'low-risk',
        'unknown',
        [
          ['context.risk', 'unknown', 'string'],
          ['subject.department', 'unknown', 'list'],
        ],
      ],
      [
        'night',
        'unknown',
        [
          ['context.hour', 'unknown', 'no finite number'],
          ['context.network', 'unknown', 'nothing'],
        ],
      ],
      ['open', 'true', []],
    ],
  )
})

test('shows values when asked to, and nothing of what is no request', () => {
  const [lowRisk] = set.explain(requestWith({ context: { risk: 0.9 } }), { values: true }).rules
  assert.equal(lowRisk?.conditions[0]?.value, 0.9)
  assert.doesNotMatch(JSON.stringify(set.explain(requestWith({ context: { risk: 0.875 } }))), /0\.875/)
})

test('names the other attribute of a comparison', () => {
  const own = policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit', when: { 'subject.tenant': { eq: { path: 'resource.tenant' } } } }] })
  const request = requestWith({ attributes: { tenant: 'acme' }, resource: { properties: { tenant: 5 } } })
  const [condition] = own.explain(request).rules[0]?.conditions ?? []
  assert.deepEqual(condition, {
    place: "policy.rules[0].when['subject.tenant'].eq",
    path: 'subject.tenant',
    operator: 'eq',
    outcome: 'unknown',
    found: 'string',
    other: { path: 'resource.tenant', found: 'number' },
  })
  const shown = own.explain(request, { values: true }).rules[0]?.conditions[0]
  assert.deepEqual([shown?.value, shown?.other?.value], ['acme', 5])
})

test('says that a rule has ended, or that nobody stated the time', () => {
  const own = policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit', expires: '2026-12-31T23:00:00Z' }] })
  const explain = (context: object) => own.explain(requestWith({ context })).rules[0]
  const condition = { place: 'policy.rules[0].expires', path: 'context.time', operator: 'before' }
  assert.deepEqual(explain({ time: Date.parse('2027-01-01T00:00:00Z') })?.conditions, [{ ...condition, outcome: 'false', found: 'number' }])
  assert.deepEqual(explain({})?.conditions, [{ ...condition, outcome: 'unknown', found: 'nothing' }])
  assert.equal(explain({ time: 0 })?.outcome, 'true')
})

test('says what is wrong with what is no request, and shows nothing of it', () => {
  const nothing = set.explain({ subject: { type: 'user', id: 'secret' } } as never, { values: true })
  assert.equal(nothing.decision.allowed, false)
  assert.deepEqual([nothing.rules, nothing.nearest], [[], []])
  assert.equal(nothing.malformed, 'action.name, resource.type, resource.id must be a text that is not empty')
  assert.match(set.explain(requestWith({ roles: 'secret' })).malformed ?? '', /^subject\.properties\.roles must be/)
  assert.equal(set.explain(requestWith({})).malformed, undefined)
})

describe('the nearest permits', () => {
  const rules = [
    { id: 'in-scope', effect: 'permit', action: 'chat', when: { 'context.a': { eq: 1 }, 'context.b': { eq: 1 } } },
    { id: 'role', effect: 'permit', subject: { roles: ['analyst', 'admin'] }, action: 'chat' },
    { id: 'id', effect: 'permit', action: 'chat', resource: { type: 'model', id: 'claude-*' } },
    { id: 'type', effect: 'permit', action: 'chat', resource: { type: 'tool' } },
    { id: 'action', effect: 'permit', action: ['embeddings', 'train'], subject: { id: 'ada' } },
    { id: 'subject', effect: 'permit', subject: { id: 'bob', type: ['service', 'user'] }, resource: { id: 'gpt-5' } },
    { id: 'kind', effect: 'permit', subject: { type: 'agent' }, action: 'chat' },
    { id: 'two', effect: 'permit', action: 'train', resource: { type: 'dataset' } },
    { id: 'forbid', effect: 'forbid', action: 'train' },
  ]
  const own = policySet({ id: 'p', rules })
  const request = requestWith({ roles: ['reader'] })
  const named = (nearest: Explanation['nearest']): unknown[] => nearest.map(({ rule, scope = [] }) => [rule, ...scope.map(({ part }) => part)])

  test('are those that miss by one thing, whichever it is, and then those that miss by more', () => {
    for (const thorough of [true, false])
      assert.deepEqual(named(own.explain(request, { nearest: 9, thorough }).nearest), [
        ['action', 'action'],
        ['id', 'resource.id'],
        ['kind', 'subject.type'],
        ['role', 'subject.roles'],
        ['subject', 'subject.id'],
        ['type', 'resource.type'],
        ['in-scope'],
        ...(thorough ? [['two', 'action', 'resource.type']] : []),
      ])
  })

  test('say what they are for, and only on request what was asked', () => {
    const [first] = own.explain(requestWith({ roles: ['reader'] }), { nearest: 9 }).nearest.filter(({ rule }) => rule === 'role')
    const wanted = { part: 'subject.roles', wanted: ['analyst', 'admin'] }
    assert.deepEqual(first, { rule: 'role', effect: 'permit', outcome: 'false', conditions: [], scope: [wanted] })
    const shown = own.explain(request, { nearest: 9, values: true }).nearest.find(({ rule }) => rule === 'role')
    assert.deepEqual(shown?.scope, [{ ...wanted, value: ['reader'] }])
    const secret = requestWith({
      roles: ['secret'],
      action: 'secret',
      subject: { id: 'secret', type: 'secret' },
      resource: { id: 'secret', type: 'secret' },
    })
    assert.doesNotMatch(JSON.stringify(own.explain(secret, { nearest: 9, thorough: true })), /secret/)
  })

  test('are as many as asked for, three unless said otherwise, and none where something permits', () => {
    assert.equal(own.explain(request).nearest.length, 3)
    assert.equal(own.explain(request, { nearest: 1 }).nearest.length, 1)
    assert.deepEqual(own.explain(request, { nearest: 0 }).nearest, [])
    assert.deepEqual(own.explain(requestWith({ roles: ['admin'] })).nearest, [])
    // A forbid decided, and nothing would have permitted either.
    const forbidden = own.explain(requestWith({ action: 'train', subject: { id: 'eve' } }))
    assert.deepEqual(forbidden.decision.reasons, [{ rule: 'forbid', effect: 'forbid' }])
    assert.equal(forbidden.nearest.length, 3)
    for (const nearest of [-1, 0.5, Number.NaN, Infinity, '1']) assert.throws(() => own.explain(request, { nearest: nearest as number }), TypeError)
  })

  test('count a condition that does not hold as one thing more', () => {
    const failing = rules.map((rule) => (rule.id === 'role' ? { ...rule, when: { 'context.a': { eq: 1 } } } : rule))
    const { nearest } = policySet({ id: 'p', rules: failing }).explain(request, { nearest: 9, thorough: true })
    assert.deepEqual(named(nearest).slice(-3), [['in-scope'], ['role', 'subject.roles'], ['two', 'action', 'resource.type']])
    assert.deepEqual(
      nearest.find(({ rule }) => rule === 'role')?.conditions.map(({ path }) => path),
      ['context.a'],
    )
  })

  test('are the same ones in whatever order the rules stand, and are found among ten thousand', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      id: `other-${index}`,
      effect: 'permit',
      subject: { roles: `role-${index % 100}` },
      action: `action-${index % 50}`,
      resource: { type: 'model', id: `model-${index}` },
    }))
    const all = [...rules, ...many]
    const explain = (listed: typeof all) => policySet({ id: 'p', rules: listed }).explain(request, { nearest: 20 })
    const forwards = explain(all)
    assert.deepEqual(
      explain(all.toReversed()).nearest.map(({ rule }) => rule),
      forwards.nearest.map(({ rule }) => rule),
    )
    for (const id of ['role', 'id', 'type', 'action', 'subject', 'kind'])
      assert.ok(
        forwards.nearest.some(({ rule }) => rule === id),
        id,
      )
  })

  test('name sixteen of a long list, and a rule with long lists says which of them does not fit', () => {
    const names = (place: string): string[] => Array.from({ length: 50 }, (_, index) => `${place}-${index}`)
    const long = policySet({
      id: 'p',
      rules: [
        {
          id: 'long',
          effect: 'permit',
          subject: { roles: names('role'), id: names('subject') },
          action: names('action'),
          resource: { type: names('type'), id: names('id') },
        },
      ],
    })
    const ask = (parts: Record<string, string>) =>
      long.explain(
        requestWith({
          subject: { id: parts.subject ?? 'subject-7', properties: { roles: [parts.role ?? 'role-7'] } },
          action: parts.action ?? 'action-7',
          resource: { type: parts.type ?? 'type-7', id: parts.id ?? 'id-7' },
        }),
      )
    for (const [part, own] of [
      ['action', 'action'],
      ['type', 'resource.type'],
      ['id', 'resource.id'],
      ['subject', 'subject.id'],
      ['role', 'subject.roles'],
    ] as const) {
      const { nearest } = ask({ [part]: 'other' })
      assert.deepEqual(named(nearest), [['long', own]])
      assert.equal(nearest[0]?.scope?.[0]?.wanted.length, 16)
    }
    assert.deepEqual(ask({}).nearest, [])
  })
})
