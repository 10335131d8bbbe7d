import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { anyHappening, compareWithModel, modelLimits } from './store-model.ts'

// Six in the evening in winter: no clock is set forth or back on the way.
const start = Date.UTC(2026, 0, 10, 17)

test('whatever happens in whatever order, the store agrees with a sequential model: never over, never leaking, all or nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyHappening, { maxLength: 60, size: 'max' }), (happenings) => compareWithModel(memoryLimits(), happenings, start)),
    { numRuns: 400 },
  )
})

test('the model notices a store that gives back too much, grants too much, or keeps a place for ever', async () => {
  const broken: readonly ((store: ReturnType<typeof memoryLimits>) => ReturnType<typeof memoryLimits>)[] = [
    // Twice what was not needed.
    (store) => ({
      ...store,
      size: 0,
      describe: () => ({}),
      reserve(...given) {
        const answer = store.reserve(...given)
        if (!answer.allowed) return answer
        const settle: typeof answer.settle = (actual, now) => answer.settle({ ...actual, tokens: Math.max(0, 2 * (actual.tokens ?? 0) - 120) }, now)
        return {
          allowed: true,
          limits: answer.limits,
          extend: (more, now) => answer.extend(more, now),
          settle,
          release: (now) => answer.release(now),
        }
      },
    }),
    // One limit alone.
    (store) => ({ size: 0, describe: () => ({}), reserve: (limits, ...more) => store.reserve(limits.slice(0, 1), ...more) }),
    // Leases that never run out.
    (store) => ({
      size: 0,
      describe: () => ({}),
      reserve: (limits, ...more) =>
        store.reserve(
          limits.map((each) => (each.limit.lease ? { ...each, limit: endless } : each)),
          ...more,
        ),
    }),
  ]
  const places = modelLimits.find(({ lease }) => lease !== undefined)
  assert.ok(places !== undefined)
  const endless = { ...places, lease: 1e12 }
  for (const wrap of broken)
    await assert.rejects(
      fc.assert(
        fc.asyncProperty(fc.array(anyHappening, { maxLength: 60, size: 'max' }), (happenings) =>
          compareWithModel(wrap(memoryLimits()), happenings, start),
        ),
        { numRuns: 400, endOnFailure: true },
      ),
    )
})
