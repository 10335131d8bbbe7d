import { dirname, join } from 'node:path'
import type { FileSystem } from './file-system.ts'
import { syncFile, writeFile } from './file-system.ts'
import type { TileFile } from './file-tile-builder.ts'
import { LogError } from './log-error.ts'
import type { Hash } from './sha256.ts'
import { maxTileBytes, splitBundle, splitTile, tilePath, tileWidth, widthOf } from './tiles.ts'

type Level = TileFile['level']

/** What to say of a file that is not there. */
export function missing(level: Level, index: number): string {
  return `The file ${tilePath(level, index)} of a signed log is not there or is damaged. Run sallyport audit verify, and put it back from a copy`
}

/**
 * A tile or a bundle with at least that width: the form that the checkpoint needs, or the whole one, or any other that is
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
  for await (const bytes of tileForms(files, directory, level, index, width, size)) return bytes
  return undefined
}

/** Every form of a tile or a bundle that is wide enough, in the order in which `readTile` prefers them. */
export async function* tileForms(
  files: FileSystem,
  directory: string,
  level: Level,
  index: number,
  width: number,
  size: number,
): AsyncGenerator<Uint8Array> {
  const usual = new Set([tilePath(level, index, widthOf(level, index, size)), tilePath(level, index)])
  for (const name of usual) {
    const bytes = await files.read(join(directory, name), maxTileBytes(level))
    if (bytes !== undefined && isWideEnough(level, bytes, width)) yield bytes
  }
  const folder = `${tilePath(level, index)}.p`
  for (const name of await files.list(join(directory, folder))) {
    if (!/^[1-9]\d{0,2}$/.test(name) || Number(name) < width || usual.has(`${folder}/${name}`)) continue
    const bytes = await files.read(join(directory, folder, name), maxTileBytes(level))
    if (bytes !== undefined && isWideEnough(level, bytes, width)) yield bytes
  }
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
    const isThere = compare && ((await this.#files.read(path, maxTileBytes(tile.level)))?.equals(tile.bytes) ?? false)
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
