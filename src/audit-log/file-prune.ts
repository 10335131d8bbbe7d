import { join } from 'node:path'
import { maxNoteBytes } from './file-system.ts'
import type { FileSystem } from './file-system.ts'
import { parseEntry } from './record.ts'
import { maxTileBytes, splitBundle, tilePath, tileWidth } from './tiles.ts'

/** Where it says which entries were removed, for whoever reads: the first one that was kept, a multiple of 256. */
export const prunedFile = 'pruned'

/** The first entry that was kept, by the folder's own word: what proves it is the record of kind `log` that says so. */
export async function firstKept(files: FileSystem, directory: string): Promise<number> {
  const text = (await files.read(join(directory, prunedFile), maxNoteBytes))?.toString() ?? ''
  const kept = /^(0|[1-9]\d{0,14})\n$/.test(text) ? Number(text) : 0
  return kept % tileWidth === 0 ? kept : 0
}

/** The first entry to keep: that of the first bundle, from `first` on and below `end`, which holds a record that is not older. */
export async function firstToKeep(
  files: FileSystem,
  directory: string,
  { first, end, before }: { first: number; end: number; before: number },
): Promise<number> {
  let kept = first
  for (; kept + tileWidth <= end; kept += tileWidth) {
    const bytes = await files.read(join(directory, tilePath('entries', kept / tileWidth)), maxTileBytes('entries'))
    // What was removed before a crash could say so.
    if (bytes === undefined) continue
    const entries = splitBundle(bytes)
    // An entry whose time nobody can read is kept, and all after it.
    const isOver = (entry: Uint8Array): boolean => {
      const time = parseEntry(Buffer.from(entry).toString())?.time
      return time !== undefined && time < before
    }
    if (entries === undefined || !entries.every(isOver)) break
  }
  return kept
}

/** Removes the bundles of these entries. Hashes of them stay. */
export async function removeBundles(files: FileSystem, directory: string, first: number, kept: number): Promise<void> {
  for (let bundle = first / tileWidth; bundle < kept / tileWidth; bundle++) {
    const path = join(directory, tilePath('entries', bundle))
    await files.remove(path)
    await files.remove(`${path}.p`)
  }
}
