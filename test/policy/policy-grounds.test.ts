import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decisionCache } from '../../src/policy/decision-cache.ts'
import { policyGrounds } from '../../src/policy/policy-grounds.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { groundsIn } from '../access-review/recorded.ts'
import { anyPolicy, anyRequest } from './arbitraries.ts'
import { requestWith } from './asking.ts'

describe('what a decision is made of', () => {
  it('is every attribute that a rule in scope reads, whatever the policy and the request', () =>
    fc.assert(
      fc.property(anyPolicy, anyRequest as unknown as fc.Arbitrary<PolicyRequest>, (policy, request) => {
        const made = policyGrounds(policySet(policy), request, [])
        const expected = groundsIn(policy)(request)
        assert.deepEqual(made?.paths ?? [], expected.paths)
        assert.deepEqual(made?.values() ?? [], expected.values())
      }),
      { numRuns: 300 },
    ))

  const policy = policySet({
    id: 'p',
    rules: [
      {
        id: 'a',
        effect: 'permit',
        action: 'chat',
        when: { any: [{ 'context.risk': { lt: 1 } }, { 'subject.team': { eq: { path: 'resource.team' } } }] },
      },
      { id: 'b', effect: 'forbid', when: { 'context.risk': { gt: 5 }, 'context.ip': { cidr: '10.0.0.0/8' } } },
      { id: 'c', effect: 'permit', action: 'other', when: { 'context.other': { exists: true } } },
      { id: 'd', effect: 'permit', action: 'chat' },
    ],
  })

  it('holds also what judging did not come to, once, in order, with what is missing', () => {
    const made = policyGrounds(policy, requestWith({ attributes: { team: 'x' }, context: { risk: 0 } }), [])
    assert.deepEqual(made?.paths, ['context.ip', 'context.risk', 'resource.team', 'subject.team'])
    assert.deepEqual(made?.values(), [undefined, 0, undefined, 'x'])
  })

  it('is that of the policy behind a cache, and of no engine of others', () => {
    const request = requestWith({ context: { risk: 0 } })
    assert.deepEqual(policyGrounds(decisionCache(policy), request, [])?.paths, policyGrounds(policy, request, [])?.paths)
    assert.equal(policyGrounds(allowAll(), request, []), undefined)
    assert.equal(policyGrounds(policySet({ id: 'p', rules: [{ id: 'a', effect: 'permit' }] }), request, []), undefined)
    const none = policyGrounds(policy, {} as PolicyRequest, [])
    assert.deepEqual([none?.paths, none?.values()], [[], []])
  })

  it('is read off the rules by which it was decided, whatever names hold', () => {
    const odd = policySet({
      id: 'p',
      rules: [
        { id: 'a', effect: 'permit', action: 'one', when: { 'context.a': { eq: 1 }, 'context.b': { eq: 1 } } },
        { id: 'b', effect: 'permit', action: 'two', when: { 'context.a\ncontext.b': { eq: 1 } } },
        { id: 'c', effect: 'permit', action: 'three', when: { 'context.a","context.b': { eq: 1 } } },
      ],
    })
    const pathsOf = (action: string): unknown => policyGrounds(odd, { ...requestWith({}), action: { name: action } }, [])?.paths
    assert.deepEqual(pathsOf('one'), ['context.a', 'context.b'])
    assert.deepEqual(pathsOf('two'), ['context.a\ncontext.b'])
    assert.deepEqual(pathsOf('three'), ['context.a","context.b'])
  })

  it('names the roles that are held for a while, also where nothing else is known', () => {
    const made = policyGrounds(allowAll(), requestWith({}), ['admin'])
    assert.deepEqual([made?.paths, made?.values(), made?.elevated], [[], [], ['admin']])
    assert.deepEqual(policyGrounds(policy, requestWith({}), ['admin'])?.elevated, ['admin'])
  })
})
