import { join, resolve } from 'node:path'
import { parseHead } from './checkpoint.ts'
import { listSegments, maxSegmentBytes, readBatches } from './file-journal.ts'
import { firstKept } from './file-prune.ts'
import { checkpointFile } from './file-recovery.ts'
import { maxNoteBytes, systemFiles } from './file-system.ts'
import { readTile } from './file-tiles.ts'
import { LogError } from './log-error.ts'
import { unverifiedText } from './signed-note.ts'
import { splitBundle, tilePath, tileWidth, widthOf } from './tiles.ts'

/** An entry as it stands in a folder. Nothing here is verified. */
export interface StoredEntry {
  readonly index: number
  /** Canonical JSON of the record. */
  readonly text: string
  /** Whether the checkpoint covers it. */
  readonly signed: boolean
}

/** How many entries the checkpoint of a folder covers, by its own word. Throws a `LogError` where there is none. */
export async function storedSize(directory: string): Promise<number> {
  const note = await systemFiles.read(join(resolve(directory), checkpointFile), maxNoteBytes)
  if (note === undefined) throw new LogError('checkpoint_missing', `There is no log in ${directory}`)
  const text = unverifiedText(note.toString())
  const head = text === undefined ? undefined : parseHead(text)
  if (head === undefined) throw new LogError('checkpoint_malformed', `The checkpoint in ${directory} is damaged`)
  return head.size
}

/** The entries of a log from an index on, in order: those under the checkpoint, then those that the journal has more. */
export async function* storedEntries(directory: string, from = 0): AsyncGenerator<StoredEntry> {
  for await (const { index, entries, signed } of storedRows(directory, from))
    for (const [place, entry] of entries.entries()) yield { index: index + place, text: textOf(entry), signed }
}

/** Entries that follow each other. */
export interface StoredRow {
  /** Of the first of them. */
  readonly index: number
  readonly entries: readonly Uint8Array[]
  readonly signed: boolean
}

/** The same row by row, as bytes. */
export async function* storedRows(directory: string, from = 0): AsyncGenerator<StoredRow> {
  const folder = resolve(directory)
  // Before the tiles: what leaves the journal afterwards is in tiles that a newer checkpoint covers, and the next reading finds it.
  const segments = await listSegments(systemFiles, folder)
  const size = await storedSize(folder)
  // Older ones were removed when their time was over.
  let next = Math.max(from, await firstKept(systemFiles, folder))
  // While one bundle is looked at, the next one is read.
  let ahead = next < size ? readBundle(folder, Math.floor(next / tileWidth), size) : undefined
  while (ahead !== undefined) {
    const bundle = await ahead
    const following = Math.floor(next / tileWidth) + 1
    ahead = following * tileWidth < size ? readBundle(folder, following, size) : undefined
    // Whoever stops before it comes to it need not hear of it.
    ahead?.catch(() => {})
    const entries = bundle.slice(next % tileWidth)
    yield { index: next, entries, signed: true }
    next += entries.length
  }
  for (const segment of segments) {
    const bytes = await systemFiles.read(segment.path, maxSegmentBytes)
    let index = segment.start
    for (const batch of bytes === undefined ? [] : readBatches(bytes)) {
      if (batch.seal === undefined) continue
      const entries = index <= next ? batch.entries.slice(next - index) : []
      if (entries.length > 0) yield { index: next, entries, signed: false }
      next += entries.length
      index += batch.entries.length
    }
  }
}

async function readBundle(folder: string, bundle: number, size: number): Promise<readonly Uint8Array[]> {
  const width = widthOf('entries', bundle, size)
  const bytes = await readTile(systemFiles, folder, 'entries', bundle, width, size)
  const entries = bytes === undefined ? undefined : splitBundle(bytes)?.slice(0, width)
  if (entries === undefined)
    throw new LogError('truncated', `The file ${tilePath('entries', bundle, width)} is missing or damaged: run sallyport audit verify`)
  return entries
}

/** An entry's text. */
export function textOf(entry: Uint8Array): string {
  return Buffer.from(entry.buffer, entry.byteOffset, entry.length).toString()
}
