import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { authorize } from '../../src/controls/authorize.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Decision } from '../../src/guard/context.ts'
import { guard } from '../../src/guard/guard.ts'
import { type DifferencesOptions, differences } from '../../src/policy/differences.ts'
import type { PolicyEvaluator } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { identityOf } from '../../src/testing/identity-of.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { requestWith } from './asking.ts'
import { turns } from './live.ts'

const rule = (id: string, effect: 'permit' | 'forbid', others: Record<string, unknown> = {}): Record<string, unknown> => ({ id, effect, ...others })
const policyWith = (...rules: Record<string, unknown>[]) => policySet({ id: 'p', version: '1', rules })
const all = policyWith(rule('all', 'permit'))
const none = policyWith()
const capped = policyWith(rule('all', 'permit', { obligations: [{ type: 'no_stream' }] }))
const request = requestWith({ roles: ['secret-role'], context: { risk: 0.4 } })
const decide = (evaluator: PolicyEvaluator): Decision => evaluator.evaluate(request) as Decision

describe('differences', () => {
  test('are told apart by what would become of the call', () => {
    const clock = testClock()
    const seen = differences({ clock })
    seen({ request, active: decide(none), candidate: decide(all) })
    clock.advance(1_000)
    seen({ request, active: decide(none), candidate: decide(all) })
    seen({ request, active: decide(all), candidate: decide(none) })
    seen({ request, active: decide(all), candidate: decide(capped) })
    seen({ request, active: decide(all), candidate: undefined })
    const { total, counts, groups, ungrouped, asked } = seen.report()
    assert.deepEqual(
      { total, counts, ungrouped, asked },
      { total: 5, counts: { would_allow: 2, would_deny: 1, obligations: 1, failed: 1 }, ungrouped: 0, asked: 0 },
    )
    assert.deepEqual(groups[0], {
      kind: 'would_allow',
      count: 2,
      action: 'chat',
      subjectType: 'user',
      resourceType: 'model',
      active: [],
      candidate: ['all'],
      obligations: { active: [], candidate: [] },
      attributes: ['subject.roles', 'context.risk'],
      firstAt: clock.now() - 1_000,
      lastAt: clock.now(),
    })
    assert.deepEqual(groups.find(({ kind }) => kind === 'obligations')?.obligations, { active: [], candidate: ['no_stream'] })
  })

  test('hold no value', () => {
    const seen = differences()
    seen({ request, active: decide(none), candidate: decide(all) })
    const text = JSON.stringify(seen.report())
    for (const value of ['secret-role', '0.4', 'ada', 'gpt-5']) assert.ok(!text.includes(value), value)
  })

  test('of one call count once, however often it is asked about', () => {
    const seen = differences()
    for (let turn = 0; turn < 3; turn++) seen({ request, active: decide(all), candidate: decide(none) }, { id: 'call-1' })
    seen({ request, active: decide(all), candidate: undefined }, { id: 'call-1' })
    seen({ request, active: decide(all), candidate: decide(none) }, { id: 'call-2' })
    assert.deepEqual(seen.report().counts, { would_allow: 0, would_deny: 2, obligations: 0, failed: 1 })
  })

  test('take a bounded room, and are all counted', () => {
    const seen = differences({ max: 10 })
    for (let index = 0; index < 20_000; index++)
      seen({ request: requestWith({ action: `made-up-${index}` }), active: decide(none), candidate: decide(all) }, { id: String(index) })
    const { groups, ungrouped, total } = seen.report()
    assert.deepEqual([groups.length, ungrouped, total], [10, 19_990, 20_000])
  })

  test('a report is a copy', () => {
    const seen = differences()
    seen({ request, active: decide(none), candidate: decide(all) })
    const [group] = seen.report().groups as unknown as { count: number }[]
    if (group !== undefined) group.count = 99
    assert.equal(seen.report().groups[0]?.count, 1)
  })

  test('are collected from live traffic, with how often was asked', async () => {
    const failing: PolicyEvaluator = { evaluate: () => Promise.reject(new Error('down')) }
    for (const [candidate, counts] of [
      [all, { would_allow: 0, would_deny: 0, obligations: 0, failed: 0 }],
      [policyWith(rule('embed', 'permit', { action: 'embed' })), { would_allow: 0, would_deny: 3, obligations: 0, failed: 0 }],
      [capped, { would_allow: 0, would_deny: 0, obligations: 3, failed: 0 }],
      [failing, { would_allow: 0, would_deny: 0, obligations: 0, failed: 3 }],
    ] as const) {
      const seen = differences()
      const chat = guard()
        .use(unaudited())
        .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
        .use(authorize({ evaluator: all, shadow: seen.shadow(candidate), onDifference: seen }))
        .protect((text: string) => text, { action: 'chat', resource: { type: 'model', id: 'gpt-5' } })
      for (let call = 0; call < 3; call++) assert.equal(await chat('hello', { credentials: { authorization: 'Bearer x' } }), 'hello')
      await turns()
      const report = seen.report()
      assert.equal(report.asked, 3)
      assert.deepEqual(report.counts, counts)
    }
  })

  test('refuse wrong options', () => {
    for (const options of [{ max: 0 }, { max: 1.5 }, { clock: {} }, { limit: 1 }])
      assert.throws(() => differences(options as DifferencesOptions), { name: 'TypeError', message: /^differences/ })
  })
})
