import { Frontier } from './merkle-tree.ts'
import { putOctets } from './sha256.ts'
import type { Hash, SyncHash } from './sha256.ts'
import { tileWidth } from './tiles.ts'

/** A tile or a bundle that is to be written. */
export interface TileFile {
  readonly level: number | 'entries'
  readonly index: number
  readonly width: number
  readonly bytes: Uint8Array
}

/** Makes tiles and bundles of entries as they come. Holds one unfinished tile of each level and what nobody took yet. */
export class TileBuilder {
  readonly #frontier: Frontier
  // The hashes of the unfinished tile of each level.
  readonly #rows: Hash[][] = []
  #bundle: Buffer = Buffer.allocUnsafe(64 * 1024)
  #bundleLength = 0
  #finished: TileFile[] = []
  #finishedBytes = 0

  /** Begins at the right edge of a tree: the unfinished tiles, and the unfinished bundle. */
  constructor(hash: SyncHash, size: number, rows: readonly (readonly Hash[])[], bundle: Uint8Array) {
    this.#frontier = new Frontier(hash, (level, subtree) => this.#put(level, subtree), size, edge(hash, rows))
    for (const row of rows) this.#rows.push([...row])
    this.#append(bundle)
  }

  get size(): number {
    return this.#frontier.size
  }

  /** Bytes of whole tiles and bundles that wait to be taken. */
  get finishedBytes(): number {
    return this.#finishedBytes
  }

  root(): Hash {
    return this.#frontier.root()
  }

  push(leaf: Hash, entry: Uint8Array): void {
    this.#reserve(2 + entry.length)
    this.#bundle.writeUInt16BE(entry.length, this.#bundleLength)
    this.#bundleLength += 2
    this.#append(entry)
    // Before the tree: the push may complete a tile, whose index is counted by the size.
    const index = this.#frontier.size
    const row = (this.#rows[0] ??= [])
    row.push(leaf)
    if (row.length === tileWidth) {
      this.#finish({ level: 0, index: Math.floor(index / tileWidth), width: tileWidth, bytes: tileBytes(row) })
      row.length = 0
      this.#finish({
        level: 'entries',
        index: Math.floor(index / tileWidth),
        width: tileWidth,
        bytes: Buffer.from(this.#bundle.subarray(0, this.#bundleLength)),
      })
      this.#bundleLength = 0
    }
    this.#frontier.push(leaf)
  }

  /** The whole tiles and bundles since the last time. */
  take(): readonly TileFile[] {
    const taken = this.#finished
    this.#finished = []
    this.#finishedBytes = 0
    return taken
  }

  /** Takes back what could not be written. */
  putBack(tiles: readonly TileFile[]): void {
    this.#finished.unshift(...tiles)
    for (const tile of tiles) this.#finishedBytes += tile.bytes.length
  }

  /** The unfinished tiles and the unfinished bundle, as a checkpoint of this size needs them. */
  partial(): readonly TileFile[] {
    const tiles: TileFile[] = []
    for (const [level, row] of this.#rows.entries()) {
      const index = Math.floor(this.size / tileWidth ** (level + 1))
      if (row.length > 0) tiles.push({ level, index, width: row.length, bytes: tileBytes(row) })
    }
    const width = this.size % tileWidth
    if (width > 0)
      tiles.push({
        level: 'entries',
        index: Math.floor(this.size / tileWidth),
        width,
        bytes: Buffer.from(this.#bundle.subarray(0, this.#bundleLength)),
      })
    return tiles
  }

  #put(level: number, hash: Hash): void {
    const row = (this.#rows[level] ??= [])
    row.push(hash)
    if (row.length < tileWidth) return
    // The entry that completes this tile is not counted yet.
    this.#finish({ level, index: Math.floor(this.size / tileWidth ** (level + 1)), width: tileWidth, bytes: tileBytes(row) })
    row.length = 0
  }

  #finish(tile: TileFile): void {
    this.#finished.push(tile)
    this.#finishedBytes += tile.bytes.length
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bundle.set(bytes, this.#bundleLength)
    this.#bundleLength += bytes.length
  }

  #reserve(more: number): void {
    const needed = this.#bundleLength + more
    if (needed <= this.#bundle.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bundle.length * 2))
    this.#bundle.copy(larger, 0, 0, this.#bundleLength)
    this.#bundle = larger
  }
}

function tileBytes(row: readonly Hash[]): Uint8Array {
  const bytes = new Uint8Array(row.length * 32)
  for (const [index, hash] of row.entries()) putOctets(bytes, index * 32, hash)
  return bytes
}

/** The whole subtrees of a tree, the largest first: each unfinished tile falls into subtrees by the bits of its width. */
export function edge(hash: SyncHash, rows: readonly (readonly Hash[])[]): Hash[] {
  const subtrees: Hash[] = []
  for (const row of [...rows].reverse()) {
    let at = 0
    for (let width = tileWidth / 2; width >= 1; width /= 2) {
      if ((row.length & width) === 0) continue
      const part = new Frontier(hash)
      for (const leaf of row.slice(at, at + width)) part.push(leaf)
      subtrees.push(part.root())
      at += width
    }
  }
  return subtrees
}
