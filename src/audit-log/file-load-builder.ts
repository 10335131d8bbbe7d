import type { FileSystem } from './file-system.ts'
import { edge, TileBuilder } from './file-tile-builder.ts'
import { missing, tileForms } from './file-tiles.ts'
import { LogError } from './log-error.ts'
import { Frontier } from './merkle-tree.ts'
import type { Hash, SyncHash } from './sha256.ts'
import { splitBundle, splitTile, tileWidth, widthOf } from './tiles.ts'

/**
 * A builder at the right edge of a tree whose tiles are on disk. `signed` is the size of the newest checkpoint, at least
 * `size`. Of several forms of a tile a power cut may have left some unfinished, so those are taken whose root is right by
 * `isRight`. Where none are, the first ones. Throws a `LogError` where a tile is not there or has a wrong form.
 */
export async function loadBuilder(
  files: FileSystem,
  directory: string,
  hash: SyncHash,
  size: number,
  signed: number,
  isRight: (root: Hash) => boolean,
): Promise<TileBuilder> {
  const places: { level: number; index: number; width: number }[] = []
  for (let level = 0; tileWidth ** level <= size; level++) {
    const index = Math.floor(size / tileWidth ** (level + 1))
    places.push({ level, index, width: widthOf(level, index, size) })
  }
  const formsOf = async ({ level, index, width }: (typeof places)[number], enough: number): Promise<(readonly Hash[])[]> => {
    if (width === 0) return [[]]
    const forms = new Map<string, readonly Hash[]>()
    for await (const bytes of tileForms(files, directory, level, index, width, signed)) {
      const row = splitTile(bytes)?.slice(0, width)
      if (row !== undefined) forms.set(row.join(''), row)
      if (forms.size >= enough) break
    }
    if (forms.size === 0) throw new LogError('truncated', missing(level, index))
    return [...forms.values()]
  }
  let rows: readonly (readonly Hash[])[] = (await Promise.all(places.map((place) => formsOf(place, 1)))).map(([form = []]) => form)
  const isRightRow = (some: typeof rows): boolean => isRight(new Frontier(hash, undefined, size, edge(hash, some)).root())
  if (!isRightRow(rows)) rows = combinations(await Promise.all(places.map((place) => formsOf(place, maxForms)))).find(isRightRow) ?? rows
  return new TileBuilder(hash, size, rows, await loadBundle(files, directory, hash, size, signed, rows[0] ?? []))
}

/** Forms of one tile that are tried. There is one in all but the moments after a power cut. */
const maxForms = 8

function combinations<T>(choices: readonly (readonly T[])[]): T[][] {
  let found: T[][] = [[]]
  for (const choice of choices) found = found.flatMap((before) => choice.map((one) => [...before, one]))
  return found
}

// The tile would be right and the bundle not: then this log would go on with entries that were never signed.
async function loadBundle(
  files: FileSystem,
  directory: string,
  hash: SyncHash,
  size: number,
  signed: number,
  leaves: readonly Hash[],
): Promise<Uint8Array> {
  const width = size % tileWidth
  if (width === 0) return new Uint8Array(0)
  const index = Math.floor(size / tileWidth)
  let differing: number | undefined
  for await (const bytes of tileForms(files, directory, 'entries', index, width, signed)) {
    const entries = splitBundle(bytes)?.slice(0, width) ?? []
    const found = entries.findIndex((entry, place) => hash(Buffer.concat([Buffer.of(0), entry])) !== leaves[place])
    if (found === -1)
      return bytes.subarray(
        0,
        entries.reduce((sum, entry) => sum + 2 + entry.length, 0),
      )
    differing ??= found
  }
  if (differing === undefined) throw new LogError('truncated', missing('entries', index))
  throw new LogError('root_mismatch', `Entry ${index * tileWidth + differing} is not the one that was signed. Run sallyport audit verify`)
}
