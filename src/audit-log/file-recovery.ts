import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import type { Anchor, Checkpoint } from './audit-log.ts'
import { type OpenedCheckpoint, openCheckpoint } from './checkpoint.ts'
import { hashEntry, listSegments, maxSegmentBytes, readBatches, seal } from './file-journal.ts'
import type { ReadBatch } from './file-journal.ts'
import { maxNoteBytes } from './file-system.ts'
import type { FileSystem } from './file-system.ts'
import { tileFetch } from './file-tiles.ts'
import type { TileBuilder } from './file-tile-builder.ts'
import { loadBuilder } from './file-load-builder.ts'
import { maxRotationsBytes, rotationsFile, rotationsIn, unverifiedRotation } from './key-rotation.ts'
import { LogError } from './log-error.ts'
import { rootOf } from './merkle-proof.ts'
import type { Hash, SyncHash } from './sha256.ts'
import { parseVerifierKey, type VerifierKey } from './signed-note.ts'
import { tileReader } from './tiles.ts'

/** The name of the checkpoint inside a log (C2SP `tlog-tiles`). */
export const checkpointFile = 'checkpoint'

/** A folder in which a log is, or will be. */
export interface LogFolder {
  readonly files: FileSystem
  readonly directory: string
  readonly hash: SyncHash
  readonly key: VerifierKey
  readonly sealKey: KeyObject
}

/** What start-up found. */
export interface Recovered {
  readonly builder: TileBuilder
  /** Entries that stand in the journal and not yet under the checkpoint. */
  readonly replayed: number
  /** A file of the journal with bytes at its end that nobody was told are written: how many to keep, and how many to cut. */
  readonly torn: { readonly path: string; readonly keep: number; readonly cut: number } | undefined
  /** The first entry whose tiles may not be on the disk yet. */
  readonly from: number
}

/** The newest checkpoint; `undefined` for a folder in which there never was a log. Throws a `LogError` for a wrong one. */
export async function readCheckpoint(folder: LogFolder): Promise<Checkpoint | undefined> {
  const { files, directory, key } = folder
  const note = await files.read(join(directory, checkpointFile), maxNoteBytes)
  if (note === undefined) {
    const rest = [...(await files.list(join(directory, 'tile'))), ...(await listSegments(files, directory))]
    // A log begins with a checkpoint of nothing, so entries without one had one.
    if (rest.length > 0)
      throw new LogError('checkpoint_missing', 'The folder holds a log whose checkpoint was removed: put it back, or begin a log in another folder')
    return undefined
  }
  const opened = await openCheckpoint(note.toString(), key)
  if ('checkpoint' in opened) return opened.checkpoint
  throw new LogError(
    opened.problem,
    opened.problem === 'key_unknown'
      ? 'The log was signed with another key or under another origin: use those, or begin a log in another folder'
      : 'The log has a checkpoint that was not made by its key: run sallyport audit verify',
  )
}

/** Brings the tree to where the journal ends. Changes nothing on disk. Throws a `LogError` for a log that was changed or cut. */
export async function replay(folder: LogFolder, signed: Checkpoint): Promise<Recovered> {
  const { files, directory, hash, sealKey } = folder
  const segments: { path: string; start: number; bytes: Buffer }[] = []
  for (const { path, start } of await listSegments(files, directory)) {
    const bytes = await files.read(path, maxSegmentBytes)
    if (bytes !== undefined && bytes.length > 0) segments.push({ path, start, bytes })
  }
  let from = segments[0]?.start ?? signed.size
  if (from > signed.size) throw new LogError('truncated', 'The journal begins after the newest checkpoint: a part of it was removed')
  // Where the tree has this size the root is signed, or the journal that begins there is sealed over it.
  const load = async (size: number): Promise<TileBuilder> => {
    const first = segments.find((segment) => segment.start === size)
    const [batch] = first === undefined ? [] : readBatches(first.bytes)
    const loaded = await loadBuilder(files, directory, hash, size, signed.size, (root) =>
      size === signed.size ? btoa(root) === signed.root : batch !== undefined && isSealed(folder, seal(sealKey, root, size, []), size, batch),
    )
    check(loaded, signed)
    return loaded
  }
  let builder = await load(from)
  let torn: Recovered['torn']
  for (const [place, segment] of segments.entries()) {
    // A journal is let go when all that was in it is in tiles on the disk, and after a crash a name of it may be back.
    if (segment.start > builder.size && segment.start <= signed.size) builder = await load((from = segment.start))
    if (segment.start !== builder.size) throw new LogError('truncated', 'A part of the journal was removed')
    let chain = seal(sealKey, builder.root(), builder.size, [])
    const batches = [...readBatches(segment.bytes)]
    for (const [number, batch] of batches.entries()) {
      if (batch.seal === undefined || !isSealed(folder, chain, builder.size, batch)) {
        // One batch at a time is on its way to the disk, and before it those that need not be there at once. What more than that
        // follows was acknowledged.
        const later = batches.slice(number + 1).filter(({ seal: said }) => said?.durable === true).length
        const isLast = place === segments.length - 1 && later === 0
        if (!isLast)
          throw new LogError(
            'root_mismatch',
            `The journal was changed or damaged at entry ${builder.size}, and acknowledged records follow: keep the folder as it is, and begin a log in another one`,
          )
        torn = { path: segment.path, keep: batch.from, cut: segment.bytes.length - batch.from }
        break
      }
      for (const entry of batch.entries) builder.push(hashEntry(hash, entry), entry)
      chain = batch.seal.mac
      check(builder, signed)
    }
  }
  if (builder.size < signed.size) {
    if (torn !== undefined) throw new LogError('truncated', `The journal ends at entry ${builder.size}, and ${signed.size} were signed`)
    builder = await load((from = signed.size))
  }
  return { builder, replayed: builder.size - signed.size, torn, from }
}

function isSealed({ hash, sealKey }: LogFolder, chain: Hash, size: number, batch: ReadBatch): boolean {
  const after = size + batch.entries.length
  const leaves = batch.entries.map((entry) => hashEntry(hash, entry))
  return batch.seal?.size === after && batch.seal.mac === seal(sealKey, chain, after, leaves)
}

function check(builder: TileBuilder, signed: Checkpoint): void {
  if (builder.size === signed.size && btoa(builder.root()) !== signed.root)
    throw new LogError('root_mismatch', 'The entries are not those that were signed: run sallyport audit verify')
}

/** Throws a `LogError` where the anchor knows more than the log, or something else. The log's tiles must be on disk. */
export async function checkAnchor(folder: LogFolder, anchor: Anchor, signed: Checkpoint): Promise<void> {
  let note: string | undefined
  try {
    note = await anchor.latest()
  } catch (cause) {
    if (cause instanceof LogError && (cause.code === 'rolled_back' || cause.code === 'forked')) throw cause
    throw new LogError('anchor_unavailable', 'The anchor cannot be asked, so it cannot be known whether the log is whole', { cause })
  }
  if (note === undefined) return
  const opened = await openAnchored(folder, note)
  if ('problem' in opened)
    throw new LogError('forked', 'The anchor remembers a checkpoint that is not signed by this log: it belongs to another log, or was changed')
  const anchored = opened.checkpoint
  if (anchored.size > signed.size)
    throw new LogError(
      'rolled_back',
      `The anchor remembers ${anchored.size} entries and the log has ${signed.size}: an older copy was put back, or its end was cut off`,
    )
  const fetch = tileFetch(folder.files, folder.directory, signed.size)
  const root = await rootOf(tileReader(fetch, anchored.size), anchored.size)
  if (btoa(root) !== anchored.root) throw new LogError('forked', 'The anchor remembers another log of this name')
}

// The anchor may remember what a key before this one signed. That key is named in the log; what counts is that its tree is in ours.
async function openAnchored({ files, directory, key }: LogFolder, note: string): Promise<OpenedCheckpoint> {
  const opened = await openCheckpoint(note, key)
  if ('checkpoint' in opened) return opened
  for (const rotation of rotationsIn((await files.read(join(directory, rotationsFile), maxRotationsBytes))?.toString()) ?? []) {
    const said = await unverifiedRotation(rotation)
    const before = said === undefined ? undefined : await parseVerifierKey(said.from).catch(() => undefined)
    if (said === undefined || before === undefined || before.name !== key.name) continue
    const older = await openCheckpoint(note, before)
    if ('checkpoint' in older && older.checkpoint.size <= said.size) return older
  }
  return opened
}
