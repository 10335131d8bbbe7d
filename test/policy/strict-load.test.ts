import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { policySet } from '../../src/policy/policy-set.ts'
import { empty, goodPolicies, wrongPolicies } from './policies.ts'

describe('A9: a policy that is not exactly one does not load', () => {
  for (const [name, policy, message] of wrongPolicies) {
    test(name, () => {
      assert.throws(
        () => policySet(policy),
        (error) => (error instanceof TypeError && message.test(error.message)) || assert.fail(String(error)),
      )
    })
  }

  test('an option that nobody knows, and a signature that could not be checked', () => {
    assert.throws(() => policySet(empty, { signed: 'x' } as never), /'signed' is no option/)
    for (const signature of ['x', undefined, {}]) assert.throws(() => policySet(empty, { signature } as never), TypeError)
  })
})

test('what is exactly a policy loads', () => {
  for (const policy of goodPolicies) assert.doesNotThrow(() => policySet(policy))
})

test('a message holds no value of a condition', () => {
  try {
    policySet({ ...empty, rules: [{ id: 'r', effect: 'permit', when: { 'context.risk': { eq: ['the-secret-value'] } } }] })
    assert.fail('it loaded')
  } catch (error) {
    assert.doesNotMatch(String(error), /the-secret-value/)
  }
})
