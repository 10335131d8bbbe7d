import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ElapsedTime } from '../../src/limits/elapsed-time.ts'

test('time passes as the clock says', () => {
  const time = new ElapsedTime()
  assert.deepEqual(
    [5_000, 5_000, 5_250, 9_000].map((now) => time.at(now)),
    [0, 0, 250, 4_000],
  )
  assert.equal(time.at(undefined), 4_000)
})

test('a step back is no time, and time goes on from there', () => {
  const time = new ElapsedTime()
  assert.deepEqual(
    [10_000_000, 10_001_000, 1_000, 1_500, 2_000].map((now) => time.at(now)),
    [0, 1_000, 1_000, 1_500, 2_000],
  )
})

test('times that come out of order do not add up to more than passed', () => {
  const time = new ElapsedTime()
  for (const now of [100, 101, 100, 102, 99, 103, 101, 104]) time.at(now)
  assert.equal(time.at(105), 5)
})

test('two clocks in turns do not make time run', () => {
  const time = new ElapsedTime()
  for (let tick = 0; tick < 100; tick++) {
    time.at(1_800_000_000_000 + tick)
    time.at(50 + tick)
  }
  assert.ok(time.at(200) <= 400)
})

test('time never runs back and never faster than the clock ran forward', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -100_000, max: 100_000 }), { minLength: 1, maxLength: 100, size: 'max' }), (steps) => {
      const time = new ElapsedTime()
      let now = 0
      let forward = 0
      let before = time.at(now)
      for (const step of steps) {
        now += step
        forward += Math.max(0, step)
        const elapsed = time.at(now)
        assert.ok(elapsed >= before && elapsed <= forward)
        before = elapsed
      }
    }),
  )
})

test('a time that is no time is refused', () => {
  for (const now of [Number.NaN, Number.POSITIVE_INFINITY, '5']) assert.throws(() => new ElapsedTime().at(now as number), TypeError)
})
