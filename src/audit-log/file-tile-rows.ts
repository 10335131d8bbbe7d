import { join } from 'node:path'
import type { FileSystem } from './file-system.ts'
import { readTile } from './file-tiles.ts'
import type { Hash } from './sha256.ts'
import { maxTileBytes, splitTile, tilePath, widthOf } from './tiles.ts'

/** Reads tiles for a verification, which goes through them in order: the newest of each level is held. */
export class TileRows {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #size: number
  readonly #held = new Map<number, { index: number; row: readonly Hash[] | undefined }>()
  readonly #missed = new Map<number, number>()

  constructor(files: FileSystem, directory: string, size: number) {
    this.#files = files
    this.#directory = directory
    this.#size = size
  }

  width(level: number, index: number): number {
    return widthOf(level, index, this.#size)
  }

  async row(level: number, index: number, width: number): Promise<readonly Hash[] | undefined> {
    const held = this.#held.get(level)
    if (held?.index === index) return held.row
    const exact = await this.#files.read(join(this.#directory, tilePath(level, index, width)), maxTileBytes(level))
    // A whole tile that took the place of the partial one is longer; the one that was asked for is not.
    const isRight = exact === undefined || exact.length === width * 32
    const bytes = exact ?? (await readTile(this.#files, this.#directory, level, index, width, this.#size))
    const row = isRight && bytes !== undefined ? splitTile(bytes)?.slice(0, width) : undefined
    this.#held.set(level, { index, row })
    return row
  }

  isFirstMiss(level: number, index: number): boolean {
    const first = this.#missed.get(level) !== index
    this.#missed.set(level, index)
    return first
  }
}
