import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counters, limitCounters } from '../../src/limits/limit-counters.ts'
import { planLimit } from '../../src/limits/limit.ts'

test('what is read is a copy of the counts', () => {
  const counters = new Counters()
  const counter = counters.of(planLimit({ name: 'minute', requests: 5, window: 60 }))
  counter.granted += 2
  const [read] = counters.read()
  assert.deepEqual(read, { name: 'minute', unit: 'requests', granted: 2, refused: 0, degraded: 0, spent: 0, owed: 0, cut: 0 })
  counter.granted++
  assert.equal(read?.granted, 2)
  assert.equal(counters.of(planLimit({ name: 'minute', requests: 9, window: 1 })), counter)
  assert.notEqual(counters.of(planLimit({ name: 'minute', tokens: 9, window: 1 })), counter)
  assert.deepEqual(limitCounters().read(), [])
})

test('names that come from data are bounded', () => {
  const counters = new Counters()
  for (let index = 0; index < 5_000; index++) counters.of(planLimit({ name: `limit ${index}`, requests: 5, window: 60 })).granted++
  const counts = counters.read()
  assert.ok(counts.length <= 1_001)
  assert.equal(counts.find(({ name }) => name === 'others')?.granted, 4_000)
})
