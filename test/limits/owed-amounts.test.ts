import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planLimit } from '../../src/limits/limit.ts'
import { OwedAmounts } from '../../src/limits/owed-amounts.ts'

const never = Number.POSITIVE_INFINITY
const minute = planLimit({ name: 'minute', tokens: 60, window: 60 })
const day = planLimit({ name: 'day', tokens: 60, window: 'day' })

test('what is owed under one key and limit adds up, and leaks away as it does in a store', () => {
  const owed = new OwedAmounts()
  owed.add({ limit: minute, key: 'a' }, 10, 0, never)
  owed.add({ limit: minute, key: 'a' }, 10, 5_000, never)
  owed.add({ limit: minute, key: 'b' }, 3, 5_000, never)
  assert.equal(owed.size, 2)
  assert.deepEqual(owed.take(10_000), { keyed: { limit: minute, key: 'a' }, units: 10, endsAt: never })
  // Nothing of the other is left.
  assert.equal(owed.take(10_000), undefined)
  assert.equal(owed.size, 0)
})

test('nothing is owed of a day that is over', () => {
  const owed = new OwedAmounts()
  owed.add({ limit: day, key: 'a' }, 10, 0, 1_000)
  owed.add({ limit: day, key: 'b' }, 10, 0, 2_000)
  owed.add({ limit: day, key: 'b' }, 0, 0, 9_000)
  assert.deepEqual(owed.take(1_000), { keyed: { limit: day, key: 'b' }, units: 10, endsAt: 2_000 })
  assert.equal(owed.take(1_000), undefined)
})

test('it is bounded', () => {
  const owed = new OwedAmounts()
  for (let key = 0; key < 100_000; key++) owed.add({ limit: minute, key: String(key) }, 1, 0, never)
  assert.ok(owed.isFull)
  while (owed.take(never) !== undefined);
  assert.equal(owed.size, 0)
})
