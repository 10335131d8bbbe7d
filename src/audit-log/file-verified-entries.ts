import { checkOptions } from '../guard/check-options.ts'
import { systemClock, within } from '../guard/clock.ts'
import { join, resolve } from 'node:path'
import type { Checkpoint } from './audit-log.ts'
import { storedRows, type StoredRow, textOf } from './file-entries.ts'
import { hashEntry } from './file-journal.ts'
import { readKeyChain } from './file-key-chain.ts'
import { firstKept } from './file-prune.ts'
import { checkpointFile } from './file-recovery.ts'
import { maxNoteBytes, systemFiles } from './file-system.ts'
import { tileFetch } from './file-tiles.ts'
import { anchorTime } from './anchored-trees.ts'
import { type VerifyOptions, verifyChecks } from './file-verify.ts'
import type { KeyChain, KeyRotation } from './key-rotation.ts'
import { LogError, type LogErrorCode } from './log-error.ts'
import { rootOf, subtreesOf } from './merkle-proof.ts'
import { Frontier } from './merkle-tree.ts'
import { type AuditRecord, parseEntry } from './record.ts'
import { nativeSha256 } from './sha256.ts'
import { parseVerifierKey } from './signed-note.ts'
import { tileReader } from './tiles.ts'

/** What a log holds under its checkpoint, as texts, row by row. */
export interface VerifiedEntries extends AsyncIterable<readonly string[]> {
  /** What its key signed. */
  readonly checkpoint: Checkpoint
  /** Whether an anchor or an expected size ruled out a missing end. */
  readonly anchored: boolean
  /** The first entry that is given: those before it were removed when their period of retention was over. */
  readonly first: number
  /** How many more there were at the end that nothing proves: they are not given. Known when all others were read. */
  readonly unsigned: number
}

/** The records of a log under its checkpoint. */
export interface VerifiedRecords extends AsyncIterable<AuditRecord | undefined> {
  /** What its key signed. */
  readonly checkpoint: Checkpoint
  /** Whether an anchor or an expected size ruled out a missing end. */
  readonly anchored: boolean
}

/**
 * The records of a log in a folder, for whoever decides by them: the very bytes that are read are verified, in one go. Only
 * what the checkpoint covers is given. An entry that is no record is given as `undefined`.
 *
 * **Nothing counts before the last one came**: only then it is known whether they are those that were signed, and the
 * iteration ends with a `LogError` where they are not. Without an anchor or an expected size a missing end cannot be seen:
 * see `anchored`.
 *
 * ```ts
 * const records = await verifiedRecords('var/audit', { key: verifierKey, anchor })
 * const review = await accessReview(policy, records)
 * ```
 *
 * @throws LogError where there is no log, its checkpoint is not signed by this key, or the anchor remembers more or another
 * tree. TypeError for wrong options.
 */
export async function verifiedRecords(directory: string, options: VerifyOptions): Promise<VerifiedRecords> {
  const entries = await verifiedEntries(directory, options)
  const { checkpoint, anchored } = entries
  return {
    checkpoint,
    anchored,
    async *[Symbol.asyncIterator]() {
      for await (const texts of entries) for (const text of texts) yield parseEntry(text)
    },
  }
}

/** The same as texts, without reading what is in them. */
export async function verifiedEntries(directory: string, options: VerifyOptions): Promise<VerifiedEntries> {
  checkOptions('verifiedRecords', options, verifyChecks)
  if (typeof directory !== 'string' || directory === '') throw new TypeError('verifiedRecords: give the path of a folder')
  const first = await parseVerifierKey(options.key)
  const hash = nativeSha256()
  if (hash === undefined) throw new TypeError('verifiedRecords: this runtime has no native SHA-256')
  const folder = resolve(directory)
  const key = await readKeyChain(systemFiles, folder, first)
  const rotations = new Map(key.rotations.map((rotation) => [rotation.size, rotation]))
  // Before the checkpoint: the log may be written meanwhile, and has then at least what was anchored before.
  const known = options.anchor === undefined ? undefined : await anchoredBy(options.anchor, key)
  const note = await systemFiles.read(join(folder, checkpointFile), maxNoteBytes)
  if (note === undefined) throw new LogError('checkpoint_missing', `There is no log in ${directory}`)
  const checkpoint = await signedBy(key, note.toString(), 'The checkpoint is not signed by this key, or it was changed')
  const least = Math.max(options.expectedSize ?? 0, known?.size ?? 0)
  if (least > checkpoint.size)
    throw refusal(
      known?.size === least ? 'rolled_back' : 'truncated',
      `The log has ${checkpoint.size} entries and must have ${least}: its end was cut off`,
    )
  let unsigned = 0
  const from = Math.min(await firstKept(systemFiles, folder), checkpoint.size)
  return {
    checkpoint,
    first: from,
    anchored: known !== undefined || options.expectedSize !== undefined,
    get unsigned() {
      return unsigned
    },
    async *[Symbol.asyncIterator]() {
      // Of what was removed the hashes are there, and the root that is signed says whether they are right.
      const tiles = tileReader(tileFetch(systemFiles, folder, checkpoint.size), checkpoint.size)
      const before = await Promise.all(subtreesOf(from).map(([height, place]) => tiles(height, place)))
      const read = new Frontier(hash, undefined, from, before)
      let isSaid = from === 0
      unsigned = 0
      if (known !== undefined && known.size < from && btoa(await rootOf(tiles, known.size)) !== known.root)
        throw refusal('forked', 'The anchor remembers another tree of this name')
      for await (const row of storedRows(folder, from)) {
        const entries = covered(row, checkpoint.size)
        unsigned += row.entries.length - entries.length
        for (const entry of entries) {
          const rotation = rotations.get(read.size)
          if (rotation !== undefined) checkRotation(rotation, read, entry)
          read.push(hashEntry(hash, entry))
          if (read.size === known?.size && btoa(read.root()) !== known.root) throw refusal('forked', 'The anchor remembers another tree of this name')
        }
        isSaid ||= entries.some((entry) => hasPruned(entry, from))
        if (entries.length > 0) yield entries.map(textOf)
      }
      if (!isSaid) throw refusal('truncated', `The first ${from} entries are missing, and the log does not say that their time was over`)
      if (read.size !== checkpoint.size) throw refusal('truncated', `The log ends at entry ${read.size}, and ${checkpoint.size} were signed`)
      if (btoa(read.root()) !== checkpoint.root) throw refusal('root_mismatch', 'The entries are not those that were signed')
    },
  }
}

const prunedMark = Buffer.from('"event":"pruned"')

function hasPruned(entry: Uint8Array, from: number): boolean {
  if (!Buffer.from(entry.buffer, entry.byteOffset, entry.length).includes(prunedMark)) return false
  const record = parseEntry(textOf(entry))
  return record?.kind === 'log' && record.event === 'pruned' && (record.kept ?? 0) >= from
}

function checkRotation(rotation: KeyRotation, read: Frontier, entry: Uint8Array): void {
  const record = parseEntry(textOf(entry))
  const isSaid = record?.kind === 'log' && record.event === 'key_rotated' && record.endorsement === rotation.note
  if (!isSaid || btoa(read.root()) !== rotation.root) throw refusal('root_mismatch', 'A key was followed by another one over another tree')
}

function covered({ index, entries }: StoredRow, size: number): readonly Uint8Array[] {
  return entries.slice(0, Math.max(0, size - index))
}

async function anchoredBy(anchor: NonNullable<VerifyOptions['anchor']>, key: KeyChain): Promise<Checkpoint> {
  const note = await within(systemClock, anchorTime, 'The anchor', anchor.latest()).catch((error: unknown) => {
    if (error instanceof LogError && (error.code === 'rolled_back' || error.code === 'forked')) throw error
    return undefined
  })
  if (note === undefined) throw new LogError('anchor_unavailable', 'The anchor could not be asked, or remembers nothing')
  return signedBy(key, note, 'The anchor remembers a checkpoint that this key did not sign')
}

async function signedBy(key: KeyChain, note: string, otherwise: string): Promise<Checkpoint> {
  const opened = await key.open(note)
  if ('checkpoint' in opened) return opened.checkpoint
  throw refusal(opened.problem, otherwise)
}

function refusal(code: LogErrorCode, message: string): LogError {
  return new LogError(code, `${message}. sallyport audit verify says more`)
}
