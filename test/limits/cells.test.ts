import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cells } from '../../src/limits/cells.ts'

// Halves of a fingerprint that crowd a few places of the table, at its end too.
const half = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: -5, max: -1 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }))

test('what is there is found and what is not there is not, whatever came, drained and was swept in between', () => {
  const step = fc.record({ low: half, high: half, drains: fc.nat(40), wait: fc.nat(10) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const cells = new Cells(40)
      const model = new Map<string, number>()
      let time = 0
      for (const { low, high, drains, wait } of steps) {
        time += wait
        const name = `${low} ${high}`
        let slot = cells.find(low, high)
        const until = model.get(name)
        if (until !== undefined && until > time) assert.ok(slot >= 0, 'a live cell was forgotten')
        if (slot < 0) {
          if (!cells.hasRoom(1, time, false)) {
            const live = [...model.values()].filter((end) => end > time).length
            assert.ok(live >= 40, `refused with ${live} in use`)
            continue
          }
          assert.equal(cells.find(low, high), -1)
          slot = cells.add(low, high, 'bucket')
        } else assert.ok(model.has(name), 'a cell that never was')
        cells.setNumber(slot, time + drains)
        model.set(name, time + drains)
      }
      for (const [name, until] of model) {
        const [low = 0, high = 0] = name.split(' ').map(Number)
        const slot = cells.find(low, high)
        if (until > time) assert.equal(cells.number(slot), until)
      }
      assert.ok(cells.size <= 40)
    }),
  )
})

test('budgets are kept until they are over, places until they are given back', () => {
  const cells = new Cells(2)
  const budget = cells.add(1, 1, 'budget')
  cells.setNumber(budget, 5)
  cells.setExpiry(budget, 10)
  cells.setNumber(cells.add(2, 2, 'places'), 1)
  assert.equal(cells.hasRoom(1, 9_999, false), false)
  assert.equal(cells.hasRoom(1, 10_000, false), true)
  assert.equal(cells.find(1, 1), -1)
  assert.ok(cells.find(2, 2) >= 0)
  cells.setNumber(cells.find(2, 2), 0)
  assert.equal(cells.hasRoom(2, 10_000, false), true)
})

test('no life of a cell has the age of an earlier one, nor the one that follows on it', () => {
  const cells = new Cells(4)
  let last = -1
  for (let life = 1; life <= 50; life++) {
    const time = life * 1_000
    let slot = cells.find(7, 7)
    if (slot < 0) slot = cells.add(7, 7, 'bucket')
    cells.pour(slot, 100, time, 1e9)
    assert.ok(cells.age(slot) > last + 1, `${cells.age(slot)} after ${last}`)
    // Nearly all of it leaks away, and what comes then is so much more that its share must be written anew.
    if (life % 3 === 0) for (let pour = 1; pour <= 5; pour++) cells.pour(slot, 99.99, time + pour * 99.99, 1e9)
    last = cells.age(slot)
    if (life % 2 === 0) cells.hasRoom(1, time + 999, false)
  }
})

test('a share tells what is left, over any number of windows', () => {
  const cells = new Cells(4)
  const slot = cells.add(7, 7, 'bucket')
  const begun = cells.pour(slot, 100, 0, 1e9)
  const age = cells.age(slot)
  // Half of what is in it leaks away each time, and as much is poured in.
  for (let half = 1; half <= 15; half++) {
    cells.pour(slot, 50, half * 50, 1e9)
    const left = cells.share(slot, half * 50) / begun
    assert.equal(cells.age(slot), age)
    assert.ok(Math.abs(left * 2 ** half - 1) < 1e-5)
  }
  for (let half = 16; half <= 200; half++) cells.pour(slot, 50, half * 50, 1e9)
  assert.ok(cells.age(slot) > age + 1)
  assert.ok(Number.isFinite(cells.share(slot, 200 * 50)))
})
