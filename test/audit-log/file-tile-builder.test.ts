import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TileBuilder, type TileFile } from '../../src/audit-log/file-tile-builder.ts'
import { Frontier } from '../../src/audit-log/merkle-tree.ts'
import { type Hash, nativeSha256, type SyncHash } from '../../src/audit-log/sha256.ts'
import { splitBundle, splitTile, tilePath, widthOf } from '../../src/audit-log/tiles.ts'

const found = nativeSha256()
assert.ok(found)
const hash: SyncHash = found
const size = 66_000
const entries = Array.from({ length: size }, (_, index) => Buffer.from(`${index}`))
const leaves = entries.map((entry) => hash(Buffer.concat([Buffer.of(0), entry])))
// What the specification says that a tile holds: the roots of whole subtrees of 256 hashes of the level below.
const levels: Hash[][] = [leaves]
for (let level = 1; level < 3; level++) {
  const below = levels[level - 1] ?? []
  levels.push(Array.from({ length: Math.floor(below.length / 256) }, (_, index) => rootOf(below.slice(index * 256, (index + 1) * 256))))
}

describe('tiles that are made as entries come', () => {
  it('are those of the specification, whole and unfinished, at every level', () => {
    const builder = new TileBuilder(hash, 0, [], new Uint8Array(0))
    const written = new Map<string, TileFile>()
    for (let index = 0; index < size; index++) {
      builder.push(leaves[index] ?? '', entries[index] ?? Buffer.of())
      if (index % 1_000 === 999) for (const tile of builder.take()) written.set(tilePath(tile.level, tile.index), tile)
    }
    for (const tile of [...builder.take(), ...builder.partial()]) written.set(tilePath(tile.level, tile.index), tile)
    assert.equal(builder.size, size)
    assert.equal(builder.root(), rootOf(leaves))
    let count = 0
    for (const [level, hashes] of levels.entries())
      for (let index = 0; widthOf(level, index, size) > 0; index++) {
        const tile = written.get(tilePath(level, index))
        assert.equal(tile?.width, widthOf(level, index, size))
        assert.deepEqual(splitTile(tile?.bytes ?? Buffer.of()), hashes.slice(index * 256, (index + 1) * 256))
        count++
      }
    for (let index = 0; widthOf('entries', index, size) > 0; index++) {
      const bundle = splitBundle(written.get(tilePath('entries', index))?.bytes ?? Buffer.of())
      assert.deepEqual(
        bundle?.map((entry) => Buffer.from(entry).toString()),
        entries.slice(index * 256, (index + 1) * 256).map(String),
      )
      count++
    }
    assert.equal(written.size, count, 'and there are no others')
  })

  it('go on from the right edge as if they had never stopped', () => {
    for (const at of [0, 1, 255, 256, 257, 65_535, 65_536, 65_537]) {
      const rows = levels.map((row, level) => row.slice(Math.floor(at / 256 ** (level + 1)) * 256, Math.floor(at / 256 ** level)))
      const kept = entries.slice(Math.floor(at / 256) * 256, at)
      const bundle = Buffer.concat(kept.flatMap((entry) => [Buffer.of(0, entry.length), entry]))
      const builder = new TileBuilder(hash, at, rows, bundle)
      assert.equal(builder.root(), rootOf(leaves.slice(0, at)), `root at ${at}`)
      const whole = new TileBuilder(hash, 0, [], new Uint8Array(0))
      const to = Math.min(at + 300, size)
      for (let index = 0; index < to; index++) whole.push(leaves[index] ?? '', entries[index] ?? Buffer.of())
      for (let index = at; index < to; index++) builder.push(leaves[index] ?? '', entries[index] ?? Buffer.of())
      assert.deepEqual(builder.partial().map(plain), whole.partial().map(plain))
      const newest = whole.take().slice(-builder.take().length)
      assert.ok(newest.every((tile) => tile.width === 256))
    }
  })

  it('that could not be written come again', () => {
    const builder = new TileBuilder(hash, 0, [], new Uint8Array(0))
    for (let index = 0; index < 256; index++) builder.push(leaves[index] ?? '', entries[index] ?? Buffer.of())
    const taken = builder.take()
    assert.equal(taken.length, 2)
    assert.equal(builder.finishedBytes, 0)
    builder.putBack(taken)
    assert.ok(builder.finishedBytes > 0)
    for (let index = 256; index < 512; index++) builder.push(leaves[index] ?? '', entries[index] ?? Buffer.of())
    assert.deepEqual(
      builder.take().map(({ level, index }) => tilePath(level, index)),
      ['tile/0/000', 'tile/entries/000', 'tile/0/001', 'tile/entries/001'],
    )
  })
})

function rootOf(hashes: readonly Hash[]): Hash {
  const frontier = new Frontier(hash)
  for (const one of hashes) frontier.push(one)
  return frontier.root()
}

function plain({ level, index, width, bytes }: TileFile): unknown {
  return { level, index, width, bytes: Buffer.from(bytes).toString('base64') }
}
