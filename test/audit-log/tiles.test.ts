import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { inclusionPath, rootOf } from '../../src/audit-log/merkle-proof.ts'
import { splitBundle, splitTile, tilePath, tileReader, widthOf } from '../../src/audit-log/tiles.ts'
import { path, treeHash } from './naive-tree.ts'

describe('tiles (C2SP tlog-tiles)', () => {
  it('have the paths of the specification', () => {
    assert.equal(tilePath(0, 0), 'tile/0/000')
    assert.equal(tilePath(0, 1_234_067), 'tile/0/x001/x234/067')
    assert.equal(tilePath('entries', 1_000), 'tile/entries/x001/000')
    assert.equal(tilePath(2, 0, 1), 'tile/2/000.p/1')
    assert.equal(tilePath('entries', 999, 255), 'tile/entries/999.p/255')
    assert.equal(tilePath(0, 5, 256), 'tile/0/005')
  })

  it('have the widths of the example of the specification: a tree of 70,000', () => {
    const widths = (level: number | 'entries'): number[] => {
      const found: number[] = []
      for (let index = 0; widthOf(level, index, 70_000) > 0; index++) found.push(widthOf(level, index, 70_000))
      return found
    }
    assert.deepEqual(widths(0), [...Array(273).fill(256), 112])
    assert.deepEqual(widths('entries'), [...Array(273).fill(256), 112])
    assert.deepEqual(widths(1), [256, 17])
    assert.deepEqual(widths(2), [1])
    assert.deepEqual(widths(3), [])
    assert.equal(widthOf(1, 0, 256), 1)
    assert.equal(widthOf(0, 1, 256), 0)
  })

  it('give the hash of every whole subtree, so that roots and proofs come from them alone', async () => {
    const entries = Array.from({ length: 1_100 }, (_, index) => Buffer.from(`entry ${index}`))
    const hash = (level: number, index: number): string => treeHash(entries.slice(index * 256 ** level, (index + 1) * 256 ** level))
    for (const size of [1, 2, 255, 256, 257, 511, 700, 1_024, 1_100]) {
      const list = entries.slice(0, size)
      const fetched: string[] = []
      const read = tileReader(async (level, index, width) => {
        fetched.push(tilePath(level, index, width))
        assert.equal(width, widthOf(level, index, size))
        return Array.from({ length: width }, (_, place) => hash(level, index * 256 + place))
      }, size)
      assert.equal(await rootOf(read, size), treeHash(list))
      for (const index of [0, Math.floor(size / 2), size - 1]) assert.deepEqual(await inclusionPath(read, index, size), path(index, list))
      assert.equal(new Set(fetched).size, fetched.length, 'each tile is fetched once')
    }
  })

  it('do not give the hash of a subtree that is not whole', async () => {
    const read = tileReader(async (_level, _index, width) => Array(width).fill('x'), 5)
    await assert.rejects(async () => await read(2, 1), RangeError)
  })

  it('are rows of hashes and nothing else', () => {
    assert.deepEqual(splitTile(Buffer.alloc(64, 'a')), ['a'.repeat(32), 'a'.repeat(32)])
    assert.equal(splitTile(Buffer.alloc(63)), undefined)
    assert.equal(splitTile(Buffer.alloc(257 * 32)), undefined)
  })

  it('bundles hold their entries with a length before each', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), fc.nat(), (entries, cut) => {
        const bytes = Buffer.concat(entries.flatMap((entry) => [Buffer.of(entry.length >> 8, entry.length & 255), entry]))
        assert.deepEqual(
          splitBundle(bytes)?.map((entry) => [...entry]),
          entries.map((entry) => [...entry]),
        )
        // Cut anywhere but between two entries it is none.
        const at = cut % (bytes.length + 1)
        const ends = [0]
        for (const entry of entries) ends.push((ends.at(-1) ?? 0) + 2 + entry.length)
        if (!ends.includes(at)) assert.equal(splitBundle(bytes.subarray(0, at)), undefined)
      }),
    )
  })
})
