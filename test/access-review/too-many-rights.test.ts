import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accessReview } from '../../src/access-review/access-review.ts'

const policy = {
  id: 'p',
  version: '1',
  rules: [{ id: 'chat', effect: 'permit', subject: { roles: ['reader', 'guest'] }, action: ['chat', 'embed'] }],
}

function* log(distinct: number): Generator<unknown> {
  const record = (index: number, subject: string, role: string, action: string, id: string): unknown => ({
    version: 1,
    kind: 'decision',
    id: `call-${subject}-${index}`,
    time: 1_700_000_000_000 + index,
    guard: 'g',
    action,
    resource: { type: 'model', id },
    allowed: true,
    policy: { id: 'p', version: '1' },
    rules: [{ rule: 'chat', effect: 'permit' }],
    subject: { key: subject, subject, issuer: 'i', kind: 'user', roles: [role] },
  })
  for (let index = 0; index < 100; index++) yield record(index, 'colleague', 'reader', 'embed', `m${index}`)
  for (let index = 0; index < distinct; index++) yield record(index, 'mallory', 'guest', 'chat', `x${index}`)
}

test('a flood of rights does not make those of a colleague look unused', async () => {
  const [few] = (await accessReview(policy, log(50))).rules
  assert.deepEqual(few?.unused, {})
  const [many] = (await accessReview(policy, log(20_005))).rules
  assert.deepEqual(many?.unused, {})
})
