import { dirname, join } from 'node:path'
import type { FileSystem } from './file-system.ts'
import { syncFile, writeFile } from './file-system.ts'
import { Frontier } from './merkle-tree.ts'
import { putOctets } from './sha256.ts'
import type { Hash, SyncHash } from './sha256.ts'
import { splitBundle, splitTile, tilePath, tileWidth, widthOf } from './tiles.ts'
import { LogError } from './log-error.ts'

type Level = number | 'entries'

/** A tile or a bundle that is to be written. */
export interface TileFile {
  readonly level: Level
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

// The whole subtrees of a tree, the largest first: each unfinished tile falls into subtrees by the bits of its width.
function edge(hash: SyncHash, rows: readonly (readonly Hash[])[]): Hash[] {
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

/**
 * A builder at the right edge of a tree whose tiles are on disk. `signed` is the size of the newest checkpoint, at least
 * `size`. Throws a `LogError` where a tile is not there or has a wrong form; whether its content is right shows in the root.
 */
export async function loadBuilder(files: FileSystem, directory: string, hash: SyncHash, size: number, signed: number): Promise<TileBuilder> {
  const rows: (readonly Hash[])[] = []
  for (let level = 0; tileWidth ** level <= size; level++) {
    const index = Math.floor(size / tileWidth ** (level + 1))
    const width = widthOf(level, index, size)
    const row = width === 0 ? [] : splitTile((await readTile(files, directory, level, index, width, signed)) ?? new Uint8Array(1))
    if (row === undefined) throw new LogError('truncated', missing(level, index))
    rows.push(row.slice(0, width))
  }
  const width = size % tileWidth
  if (width === 0) return new TileBuilder(hash, size, rows, new Uint8Array(0))
  const index = Math.floor(size / tileWidth)
  const bytes = await readTile(files, directory, 'entries', index, width, signed)
  const entries = bytes === undefined ? undefined : splitBundle(bytes)
  // The tile would be right and the bundle not: then this log would go on with entries that were never signed.
  if (bytes === undefined || entries === undefined || entries.length < width) throw new LogError('truncated', missing('entries', index))
  const kept = entries.slice(0, width)
  for (const [place, entry] of kept.entries()) {
    const leaf = hash(Buffer.concat([Buffer.of(0), entry]))
    if (leaf !== rows[0]?.[place])
      throw new LogError('root_mismatch', `Entry ${index * tileWidth + place} is not the one that was signed. Run sallyport audit verify`)
  }
  const length = kept.reduce((sum, entry) => sum + 2 + entry.length, 0)
  return new TileBuilder(hash, size, rows, bytes.subarray(0, length))
}

function missing(level: Level, index: number): string {
  return `The file ${tilePath(level, index)} of a signed log is not there or is damaged. Run sallyport audit verify, and put it back from a copy`
}

/**
 * A tile or a bundle with at least that width: whole, or the partial one that the checkpoint needs, or any other that is
 * wide enough. `undefined` where there is none.
 */
export async function readTile(
  files: FileSystem,
  directory: string,
  level: Level,
  index: number,
  width: number,
  size: number,
): Promise<Uint8Array | undefined> {
  const expected = widthOf(level, index, size)
  const names = new Set([tilePath(level, index, expected), tilePath(level, index)])
  for (const name of names) {
    const bytes = await files.read(join(directory, name))
    if (bytes !== undefined && isWideEnough(level, bytes, width)) return bytes
  }
  const folder = `${tilePath(level, index)}.p`
  for (const name of await files.list(join(directory, folder))) {
    if (!/^[1-9]\d{0,2}$/.test(name) || Number(name) < width) continue
    const bytes = await files.read(join(directory, folder, name))
    if (bytes !== undefined && isWideEnough(level, bytes, width)) return bytes
  }
  return undefined
}

function isWideEnough(level: Level, bytes: Uint8Array, width: number): boolean {
  if (level !== 'entries') return bytes.length % 32 === 0 && bytes.length >= width * 32
  return (splitBundle(bytes)?.length ?? 0) >= width
}

/** Writes tiles below a log's folder. Remembers which folders are there, and which tiles have partial forms. */
export class TileWriter {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #folders = new Set<string>()
  readonly #partial = new Set<string>()

  constructor(files: FileSystem, directory: string) {
    this.#files = files
    this.#directory = directory
  }

  /** Writes them, a few at a time. With `compare`, what is there already and right stays untouched. */
  async write(tiles: readonly TileFile[], compare = false): Promise<void> {
    let next = 0
    const worker = async (): Promise<void> => {
      for (let tile = tiles[next++]; tile !== undefined; tile = tiles[next++]) await this.#writeOne(tile, compare)
    }
    await Promise.all([worker(), worker(), worker()])
  }

  /** Brings the whole tiles of a range of entries to the disk, and the partial ones that a checkpoint of that size needs. */
  async sync(from: number, to: number, signed: number): Promise<void> {
    const folders = new Set<string>()
    const levels: Level[] = ['entries']
    for (let level = 0; tileWidth ** level <= signed; level++) levels.push(level)
    for (const level of levels) {
      const span = tileWidth ** (level === 'entries' ? 1 : level + 1)
      for (let index = Math.floor(from / span); index * span < to; index++) {
        const width = widthOf(level, index, signed)
        if (width === 0) continue
        const path = join(this.#directory, tilePath(level, index, width))
        await syncFile(this.#files, path)
        for (let folder = dirname(path); folder.length >= this.#directory.length && !folders.has(folder); folder = dirname(folder))
          folders.add(folder)
      }
    }
    for (const folder of folders) await this.#files.syncFolder(folder)
  }

  async #writeOne(tile: TileFile, compare: boolean): Promise<void> {
    const whole = tilePath(tile.level, tile.index)
    const path = join(this.#directory, tilePath(tile.level, tile.index, tile.width))
    await this.#folder(dirname(path))
    const isThere = compare && ((await this.#files.read(path))?.equals(tile.bytes) ?? false)
    const hasPartial = tile.width === tileWidth && this.#partial.has(whole)
    if (!isThere) await writeFile(this.#files, path, tile.bytes, hasPartial)
    if (tile.width < tileWidth) this.#partial.add(whole)
    if (!hasPartial) return
    // The whole one is on the disk, so the partial ones may go ("partial tiles", C2SP tlog-tiles).
    await this.#files.syncFolder(dirname(path))
    await this.#files.remove(`${path}.p`)
    this.#partial.delete(whole)
  }

  async #folder(path: string): Promise<void> {
    if (this.#folders.has(path)) return
    await this.#files.makeFolder(path)
    // Partial forms come and go, and each has its own folder: only those of whole tiles are worth remembering.
    if (!path.endsWith('.p')) this.#folders.add(path)
  }
}

/** Hashes of a tile of a log on disk, for proofs. */
export function tileFetch(
  files: FileSystem,
  directory: string,
  size: number,
): (level: number, index: number, width: number) => Promise<readonly Hash[]> {
  return async (level, index, width) => {
    const bytes = await readTile(files, directory, level, index, width, size)
    const hashes = bytes === undefined ? undefined : splitTile(bytes)
    if (hashes === undefined) throw new LogError('truncated', missing(level, index))
    return hashes.slice(0, width)
  }
}
