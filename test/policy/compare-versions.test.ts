import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareVersions } from '../../src/policy/compare-versions.ts'

test('versions that are numbers are compared as numbers, part by part', () => {
  for (const [older, newer] of [
    ['7', '8'],
    ['9', '10'],
    ['1.9', '1.10'],
    ['1', '1.0.1'],
    ['1.2.3', '2'],
    ['20260301', '20260302'],
    ['2026-03-01', '2026-03-02'],
    ['2025-12-31', '2026-01-01'],
  ] as const) {
    assert.ok((compareVersions(older, newer) ?? 0) < 0, `${older} is older than ${newer}`)
    assert.ok((compareVersions(newer, older) ?? 0) > 0, `${newer} is newer than ${older}`)
  }
  for (const [one, other] of [
    ['7', '7'],
    ['1', '1.0'],
    ['01', '1'],
    ['a', 'a'],
  ] as const)
    assert.equal(compareVersions(one, other), 0)
})

test('other versions have no order', () => {
  for (const [one, other] of [
    ['7', 'unversioned'],
    ['a', 'b'],
    ['1.0.0-1', '1.0.0'],
    ['v1', 'v2'],
    ['2026-03-01', '7'],
    ['1.', '2.'],
    ['-1', '1'],
    ['1e3', '2'],
    ['1'.repeat(16), '2'],
    ['1.1.1.1.1.1.1.1.1', '2'],
  ] as const)
    assert.equal(compareVersions(one, other), undefined, `${one}, ${other}`)
})

test('the order is one', () => {
  const version = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      const order = (one: string, other: string): number => Math.sign(compareVersions(one, other) ?? Number.NaN)
      assert.equal(order(a, b), 0 - order(b, a))
      if (order(a, b) <= 0 && order(b, c) <= 0) assert.ok(order(a, c) <= 0)
    }),
  )
})
