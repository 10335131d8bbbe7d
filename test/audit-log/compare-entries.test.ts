import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareEntries } from '../../src/audit-log/compare-entries.ts'

const expected = ['a', 'b', 'c', 'd', 'e']
const codes = (found: readonly string[]): string[] => compareEntries(found, expected, 100).map(({ code, index }) => `${code} ${index}`)

describe('the difference between entries and their hashes', () => {
  it('names what was done, and where', () => {
    assert.deepEqual(codes(expected), [])
    assert.deepEqual(codes(['a', 'b', 'x', 'd', 'e']), ['entry_changed 102'])
    assert.deepEqual(codes(['a', 'c', 'd', 'e']), ['entry_missing 101'])
    assert.deepEqual(codes(['b', 'c', 'd', 'e']), ['entry_missing 100'])
    assert.deepEqual(codes(['a', 'b', 'c']), ['entry_missing 103', 'entry_missing 104'])
    assert.deepEqual(codes(['a', 'b', 'x', 'c', 'd', 'e']), ['entry_inserted 102'])
    assert.deepEqual(codes(['a', 'b', 'c', 'd', 'e', 'x', 'y']), ['entry_inserted 105'])
    assert.deepEqual(codes(['b', 'a', 'c', 'd', 'e']), ['entry_moved 100', 'entry_moved 101'])
  })

  it('is there whenever the rows are not the same', () => {
    const row = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 })
    fc.assert(
      fc.property(row, row, (found, should) => {
        const isSame = found.length === should.length && found.every((hash, place) => hash === should[place])
        const differences = compareEntries(found, should, 0)
        assert.equal(differences.length === 0, isSame)
        for (const { index } of differences) assert.ok(index >= 0 && index <= should.length)
      }),
      { numRuns: 2_000 },
    )
  })
})
