import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planLimit } from '../../src/limits/limit.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { granted, keyed, refused, remaining } from './answers.ts'

const warsaw = { name: 'budget', cost: 1_000, window: 'day', zone: 'Europe/Warsaw' } as const
const at = (iso: string): number => Date.parse(iso)

test('a budget lasts to the end of the day where it is kept, and then there is a new one', () => {
  const store = memoryLimits()
  const limit = keyed(warsaw)
  // The day on which clocks are set back has 25 hours.
  const evening = at('2026-10-24T22:00Z')
  const first = granted(store.reserve([limit], { cost: 400 }, evening))
  const [state] = first.limits
  first.settle({ cost: 400 }, evening)
  assert.deepEqual(state, { name: 'budget', unit: 'cost', limit: 1_000, remaining: 600, reset: 25 * 3_600, window: 25 * 3_600 })
  const refusal = refused(store.reserve([limit], { cost: 601 }, at('2026-10-25T22:59:59Z')))
  assert.equal(refusal.retryAfter, 1)
  assert.equal(refused(store.reserve([limit], { cost: 1_001 }, at('2026-10-25T22:59:59Z'))).retryAfter, Number.POSITIVE_INFINITY)
  granted(store.reserve([limit], { cost: 600 }, at('2026-10-25T22:59:59.999Z')))
  assert.equal(remaining(store, limit, at('2026-10-25T23:00Z')), 1_000)
})

test('the calendar has a clock of its own', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'month', tokens: 100, window: 'month' })
  granted(store.reserve([limit], { tokens: 100 }, 5, at('2026-01-31T23:59Z')))
  assert.equal(refused(store.reserve([limit], { tokens: 1 }, 10, at('2026-01-31T23:59Z'))).retryAfter, 60)
  granted(store.reserve([limit], { tokens: 100 }, 60_005, at('2026-02-01T00:00Z')))
  assert.throws(() => store.reserve([limit], { tokens: 1 }, 60_005, Number.NaN), TypeError)
  assert.throws(() => store.reserve([limit], { tokens: 1 }, 60_005, 9e15), RangeError)
})

test('what is settled within the day comes back, what is settled after it does not', () => {
  const store = memoryLimits()
  const limit = keyed(warsaw)
  const noon = at('2026-05-05T10:00Z')
  granted(store.reserve([limit], { cost: 900 }, noon)).settle({ cost: 100 }, noon + 1)
  assert.equal(remaining(store, limit, noon + 2), 900)
  const late = granted(store.reserve([limit], { cost: 900 }, noon + 3))
  const tomorrow = noon + 86_400_000
  granted(store.reserve([limit], { cost: 700 }, tomorrow))
  late.settle({ cost: 0 }, tomorrow)
  assert.equal(remaining(store, limit, tomorrow), 300)
})

test('what is reserved more after midnight is of the new day, and only that comes back', () => {
  const store = memoryLimits()
  const limit = keyed(warsaw)
  const night = at('2026-05-05T21:59Z')
  const call = granted(store.reserve([limit], { cost: 900 }, night))
  granted(call.extend({ cost: 300 }, night + 120_000))
  assert.equal(remaining(store, limit, night + 120_000), 700)
  call.settle({ cost: 0 }, night + 120_000)
  assert.equal(remaining(store, limit, night + 120_000), 1_000)
})

test('what is owed is of the day on which it is settled', () => {
  const store = memoryLimits()
  const limit = keyed(warsaw)
  const night = at('2026-05-05T21:59Z')
  granted(store.reserve([limit], { cost: 100 }, night)).settle({ cost: 1_500 }, night + 120_000)
  refused(store.reserve([limit], { cost: 1 }, night + 120_000))
})

test('a clock that steps back brings no day back', () => {
  const store = memoryLimits()
  const limit = keyed({ name: 'day', requests: 1, window: 'day' })
  const now = at('2026-05-05T10:00Z')
  granted(store.reserve([limit], { requests: 1 }, now))
  for (const days of [1, 2, 100]) refused(store.reserve([limit], { requests: 1 }, now, now - days * 86_400_000))
  refused(store.reserve([limit], { requests: 1 }, now, now + 1))
})

test('a limit whose amount changes keeps what is spent as the same part of it; one whose window changes begins anew', () => {
  const store = memoryLimits()
  const plan = (requests: number, window: number) => [{ limit: planLimit({ name: 'plan', requests, window }), key: 'ada' }]
  for (let call = 0; call < 5; call++) granted(store.reserve(plan(10, 60), { requests: 1 }, 0))
  const [better] = plan(100, 60)
  assert.ok(better !== undefined)
  assert.equal(remaining(store, better, 0), 50)
  const [other] = plan(100, 3_600)
  assert.ok(other !== undefined)
  assert.equal(remaining(store, other, 0), 100)
})

test('what a call holds that is gone comes back, and of one that renews it nothing does', () => {
  const store = memoryLimits()
  const limit = keyed({ ...warsaw, lease: 60 })
  const noon = at('2026-05-05T10:00Z')
  granted(store.reserve([limit], { cost: 500 }, noon))
  const kept = granted(store.reserve([limit], { cost: 400 }, noon))
  granted(kept.extend({}, noon + 59_999))
  assert.equal(remaining(store, limit, noon + 59_999), 100)
  assert.equal(remaining(store, limit, noon + 60_000), 600)
  granted(kept.extend({ cost: 100 }, noon + 119_000))
  assert.equal(remaining(store, limit, noon + 178_999), 500)
  assert.equal(remaining(store, limit, noon + 179_000), 1_000)
})

test('what had come back is asked for again, and is spent all the same where it was', () => {
  const store = memoryLimits()
  const limit = keyed({ ...warsaw, lease: 60 })
  const noon = at('2026-05-05T10:00Z')
  const slow = granted(store.reserve([limit], { cost: 700 }, noon))
  granted(store.reserve([limit], { cost: 400 }, noon + 60_000)).settle({ cost: 400 }, noon + 60_000)
  // It is not there any more.
  assert.equal(refused(slow.extend({ cost: 1 }, noon + 60_000)).violated[0]?.remaining, 600)
  slow.settle({ cost: 650 }, noon + 60_001)
  assert.equal(remaining(store, limit, noon + 60_002), 0)
  const other = granted(store.reserve([limit], { cost: 0 }, noon + 60_002))
  other.settle({ cost: 0 }, noon + 60_002)
  const tomorrow = noon + 86_400_000
  const again = granted(store.reserve([limit], { cost: 600 }, tomorrow))
  granted(again.extend({ cost: 100 }, tomorrow + 60_000))
  assert.equal(remaining(store, limit, tomorrow + 60_000), 300)
  again.settle({ cost: 50 }, tomorrow + 60_001)
  assert.equal(remaining(store, limit, tomorrow + 60_002), 950)
})
