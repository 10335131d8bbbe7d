import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Anchor, Checkpoint } from './audit-log.ts'
import { openCheckpoint } from './checkpoint.ts'
import type { CheckpointProblem } from './checkpoint.ts'
import { compareEntries } from './compare-entries.ts'
import type { EntryProblem } from './compare-entries.ts'
import { hashEntry, listSegments, readBatches } from './file-journal.ts'
import { checkpointFile } from './file-recovery.ts'
import type { FileSystem } from './file-system.ts'
import { systemFiles } from './file-system.ts'
import { readTile } from './file-tiles.ts'
import { Frontier } from './merkle-tree.ts'
import { parseEntry } from './record.ts'
import { nativeSha256 } from './sha256.ts'
import type { Hash, SyncHash } from './sha256.ts'
import { parseVerifierKey } from './signed-note.ts'
import type { VerifierKey } from './signed-note.ts'
import { splitBundle, splitTile, tilePath, tileWidth, widthOf } from './tiles.ts'

/** What can be wrong with a log. */
export type ProblemCode =
  | CheckpointProblem
  | EntryProblem
  | 'log_missing'
  | 'checkpoint_missing'
  /** The entries are not those that were signed: somebody without the key wrote them anew. */
  | 'root_mismatch'
  /** The end is missing: entries that were signed, or that were expected. */
  | 'truncated'
  /** A file in the middle is missing or has a wrong form. */
  | 'bundle_missing'
  | 'tile_missing'
  /** A file of hashes does not fit the entries, which are as they were signed. */
  | 'tile_changed'
  | 'journal_changed'
  /** The anchor remembers more than there is. */
  | 'rolled_back'
  /** The anchor remembers another tree. */
  | 'forked'
  | 'anchor_unavailable'
  | 'unreadable'
  /** Warnings: they do not make a log false. */
  | 'record_malformed'
  | 'time_reversed'
  | 'torn_tail'
  | 'unsigned'

/** Something that a verification found. */
export interface Problem {
  readonly code: ProblemCode
  /** A `warning` is worth knowing, and says nothing against what is signed. */
  readonly severity: 'error' | 'warning'
  /** The entry that it begins with. */
  readonly index?: number
  readonly message: string
}

/** What a verification found. */
export interface Report {
  /** Whether the log is what its key signed, and what the anchor and the expected size say. No problem is an error. */
  readonly ok: boolean
  /** How many entries the checkpoint covers. */
  readonly entries: number
  /** How many are on disk and not yet under a checkpoint: nothing proves them. None after `close()`. */
  readonly unsigned: number
  /** Whether an anchor or an expected size ruled out a missing end. */
  readonly anchored: boolean
  /** At most a hundred; the last one says how many more there are. */
  readonly problems: readonly Problem[]
  readonly checkpoint: Checkpoint | undefined
}

/** Options of `verifyLog`. */
export interface VerifyOptions {
  /** The log's verifier key, from a place that whoever can change the log cannot change. */
  readonly key: string
  readonly anchor?: Anchor
  /** How many entries there must be at least. */
  readonly expectedSize?: number
}

const maxProblems = 100
/** Milliseconds by which a record may be older than one before it: calls that run at once make records at once. */
const timeTolerance = 1_000

/**
 * Verifies a log in a folder from its first entry to its last: that the entries are those that its key signed, and that
 * nothing is missing as far as an anchor or an expected size can tell. Reads a few tiles at a time, whatever the size.
 *
 * A log that does not hold gives a report that says so; nothing that is found on the disk makes this throw.
 *
 * @throws TypeError for a wrong key or a wrong expected size.
 */
export async function verifyLog(directory: string, options: VerifyOptions): Promise<Report> {
  const { key, anchor, expectedSize } = options
  const hash = nativeSha256()
  if (hash === undefined) throw new TypeError('verifyLog: this runtime has no native SHA-256')
  if (typeof directory !== 'string' || directory === '') throw new TypeError('verifyLog: give the path of a folder')
  if (typeof key !== 'string') throw new TypeError('verifyLog: key must be the verifier key: name+id+base64')
  if (expectedSize !== undefined && (!Number.isSafeInteger(expectedSize) || expectedSize < 0))
    throw new TypeError('verifyLog: expectedSize must be a whole number')
  const verification = new Verification(systemFiles, resolve(directory), await parseVerifierKey(key), hash)
  return verification.run(anchor, expectedSize)
}

class Verification {
  readonly #files: FileSystem
  readonly #directory: string
  readonly #key: VerifierKey
  readonly #hash: SyncHash
  readonly #problems: Problem[] = []
  #more = 0
  #ok = true
  #newest = -Infinity

  constructor(files: FileSystem, directory: string, key: VerifierKey, hash: SyncHash) {
    this.#files = files
    this.#directory = directory
    this.#key = key
    this.#hash = hash
  }

  async run(anchor: Anchor | undefined, expectedSize: number | undefined): Promise<Report> {
    let checkpoint: Checkpoint | undefined
    let anchored = false
    let unsigned = 0
    try {
      checkpoint = await this.#checkpoint()
      // After the checkpoint, a log that is being written has moved on: never before it.
      const known = anchor === undefined ? undefined : await this.#anchor(anchor)
      anchored = known !== undefined || expectedSize !== undefined
      if (known !== undefined && checkpoint !== undefined && known.size > checkpoint.size) await this.#behind(known, checkpoint)
      if (expectedSize !== undefined && checkpoint !== undefined && expectedSize > checkpoint.size)
        this.#found('truncated', `${expectedSize} entries were expected and ${checkpoint.size} are signed`, checkpoint.size)
      if (checkpoint !== undefined) {
        await this.#tree(checkpoint, known)
        unsigned = await this.#journal(checkpoint.size)
      }
    } catch (error) {
      this.#found('unreadable', `The log could not be read: ${error instanceof Error ? error.message : 'unknown error'}`)
    }
    if (this.#more > 0) this.#problems.push({ code: 'unreadable', severity: 'warning', message: `${this.#more} more problems are not listed` })
    return { ok: this.#ok, entries: checkpoint?.size ?? 0, unsigned, anchored, problems: this.#problems, checkpoint }
  }

  #found(code: ProblemCode, message: string, index?: number, severity: Problem['severity'] = 'error'): void {
    if (severity === 'error') this.#ok = false
    if (this.#problems.length >= maxProblems) this.#more++
    else this.#problems.push({ code, severity, ...(index !== undefined && { index }), message })
  }

  async #checkpoint(): Promise<Checkpoint | undefined> {
    const note = await this.#files.read(join(this.#directory, checkpointFile))
    if (note === undefined) {
      const isFolder = await stat(this.#directory).then(
        (found) => found.isDirectory(),
        () => false,
      )
      if (isFolder) this.#found('checkpoint_missing', 'The folder has no checkpoint: it was removed, or this is no log')
      else this.#found('log_missing', 'There is no such folder')
      return undefined
    }
    const opened = await openCheckpoint(note.toString(), this.#key)
    if ('checkpoint' in opened) return opened.checkpoint
    this.#found(opened.problem, explain[opened.problem])
    return undefined
  }

  async #anchor(anchor: Anchor): Promise<Checkpoint | undefined> {
    let note: string | undefined
    try {
      note = await anchor.latest()
    } catch {
      this.#found('anchor_unavailable', 'The anchor could not be asked')
      return undefined
    }
    if (note === undefined) {
      this.#found('anchor_unavailable', 'The anchor remembers nothing')
      return undefined
    }
    const opened = await openCheckpoint(note, this.#key)
    if ('checkpoint' in opened) return opened.checkpoint
    this.#found('forked', 'The anchor remembers a checkpoint that this key did not sign')
    return undefined
  }

  // The anchor may have been told of a newer checkpoint while this ran.
  async #behind(known: Checkpoint, checkpoint: Checkpoint): Promise<void> {
    const note = await this.#files.read(join(this.#directory, checkpointFile))
    const again = note === undefined ? undefined : await openCheckpoint(note.toString(), this.#key)
    if (again !== undefined && 'checkpoint' in again && again.checkpoint.size >= known.size) return
    this.#found(
      'rolled_back',
      `The anchor remembers ${known.size} entries and the log has ${checkpoint.size}: its end was cut off, or an older copy was put back`,
      checkpoint.size,
    )
  }

  async #tree(checkpoint: Checkpoint, known: Checkpoint | undefined): Promise<void> {
    const { size } = checkpoint
    // The tree of the hashes on disk, and that of the entries where they differ.
    const above: { level: number; hash: Hash }[] = []
    const byTiles = new Frontier(this.#hash, (level, hash) => void above.push({ level, hash }))
    let byEntries: Frontier | undefined
    const pending: { code: EntryProblem; index: number; message: string }[] = []
    const rows = new TileRows(this.#files, this.#directory, size)
    for (let bundle = 0; bundle * tileWidth < size; bundle++) {
      const width = widthOf('entries', bundle, size)
      const entries = await this.#entries(bundle, width, size)
      const stored = await rows.row(0, bundle, width)
      const leaves = entries?.map((entry) => hashEntry(this.#hash, entry))
      const hashes = stored ?? leaves?.slice(0, width)
      if (stored === undefined) this.#found('tile_missing', `The file ${tilePath(0, bundle, width)} is missing or damaged`, bundle * tileWidth)
      if (hashes === undefined || hashes.length < width) return
      const differing = leaves === undefined ? [] : compareEntries(leaves, hashes, bundle * tileWidth)
      pending.push(...differing.slice(0, maxProblems - pending.length))
      if (differing.length > 0) byEntries ??= byTiles.copy()
      for (let place = 0; place < width; place++) {
        byTiles.push(hashes[place] ?? '')
        byEntries?.push(leaves?.[place] ?? hashes[place] ?? '')
        if (known !== undefined && byTiles.size === known.size && btoa(byTiles.root()) !== known.root)
          this.#found('forked', 'The anchor remembers another tree of this name', known.size)
      }
      for (const { level, hash } of above.splice(0)) await this.#compareAbove(rows, level, hash, byTiles.size)
      this.#times(entries ?? [], bundle * tileWidth)
    }
    if (size === 0 && btoa(byTiles.root()) !== checkpoint.root) this.#found('root_mismatch', 'The checkpoint of an empty log has a root')
    else if (btoa(byTiles.root()) === checkpoint.root) for (const { code, index, message } of pending) this.#found(code, message, index)
    else if (byEntries !== undefined && btoa(byEntries.root()) === checkpoint.root)
      this.#found('tile_changed', 'Hashes on disk were changed; the entries are as they were signed', pending[0]?.index)
    else {
      for (const { code, index, message } of pending) this.#found(code, message, index)
      this.#found('root_mismatch', 'The entries are not those that were signed: they were written anew without the key')
    }
  }

  // The entries of a bundle; more than `width` where a checkpoint does not cover all of a whole one.
  async #entries(bundle: number, width: number, size: number): Promise<Uint8Array[] | undefined> {
    const path = tilePath('entries', bundle, width)
    const isLast = (bundle + 1) * tileWidth >= size
    const exact = await this.#files.read(join(this.#directory, path))
    const bytes = exact ?? (await readTile(this.#files, this.#directory, 'entries', bundle, 0, size))
    if (bytes === undefined) {
      const rest = await this.#isEnd(bundle, size)
      if (rest) this.#found('truncated', `The log ends at entry ${bundle * tileWidth}, and ${size} were signed`, bundle * tileWidth)
      else this.#found('bundle_missing', `The file ${path} is missing`, bundle * tileWidth)
      return undefined
    }
    const entries = splitBundle(bytes)
    if (entries === undefined) {
      this.#found('bundle_missing', `The file ${path} is damaged`, bundle * tileWidth)
      return undefined
    }
    // A whole bundle that took the place of the partial one holds newer entries, which this checkpoint does not cover.
    return exact === undefined && isLast ? entries.slice(0, width) : entries
  }

  async #isEnd(bundle: number, size: number): Promise<boolean> {
    for (let next = bundle + 1; next * tileWidth < size; next++)
      if ((await readTile(this.#files, this.#directory, 'entries', next, 0, size)) !== undefined) return false
    return true
  }

  async #compareAbove(rows: TileRows, level: number, hash: Hash, size: number): Promise<void> {
    const place = size / tileWidth ** level - 1
    const index = Math.floor(place / tileWidth)
    const row = await rows.row(level, index, rows.width(level, index))
    if (row?.[place % tileWidth] === hash) return
    const path = tilePath(level, index, rows.width(level, index))
    if (row !== undefined) this.#found('tile_changed', `The file ${path} does not fit the hashes below it`, place * tileWidth ** level)
    else if (rows.isFirstMiss(level, index)) this.#found('tile_missing', `The file ${path} is missing or damaged`, place * tileWidth ** level)
  }

  #times(entries: readonly Uint8Array[], first: number): void {
    for (const [place, entry] of entries.entries()) {
      const record = parseEntry(Buffer.from(entry.buffer, entry.byteOffset, entry.length).toString())
      if (record === undefined) {
        this.#found('record_malformed', 'This entry is no record', first + place, 'warning')
        continue
      }
      if (record.time < this.#newest - timeTolerance)
        this.#found(
          'time_reversed',
          `This record is ${Math.round((this.#newest - record.time) / 1000)} s older than one before it: the clock was set back`,
          first + place,
          'warning',
        )
      // One step back is one finding: what follows is measured by the new time.
      this.#newest = record.time < this.#newest - timeTolerance ? record.time : Math.max(this.#newest, record.time)
    }
  }

  // What the journal still holds must be what is signed; what it holds beyond that is not signed yet.
  async #journal(size: number): Promise<number> {
    const rows = new TileRows(this.#files, this.#directory, size)
    let end = size
    let torn = 0
    for (const { path, start } of await listSegments(this.#files, this.#directory)) {
      // Gone by now: a log that is being written lets go of what is in tiles.
      const bytes = await this.#files.read(path)
      if (bytes === undefined) continue
      torn = 0
      let index = start
      for (const batch of readBatches(bytes)) {
        if (batch.seal === undefined) {
          torn = batch.to - batch.from
          continue
        }
        for (const entry of batch.entries) {
          const row = index < size ? await rows.row(0, Math.floor(index / tileWidth), rows.width(0, Math.floor(index / tileWidth))) : undefined
          if (row !== undefined && row[index % tileWidth] !== hashEntry(this.#hash, entry))
            this.#found('journal_changed', 'The journal holds another entry here than the one that was signed', index)
          index++
        }
        if (batch.seal.size !== index) this.#found('journal_changed', 'Entries of the journal were removed or added', index)
      }
      end = Math.max(end, index)
    }
    if (torn > 0)
      this.#found(
        'torn_tail',
        `The journal ends with ${torn} bytes of an unfinished write that was never acknowledged: opening the log cuts them off`,
        end,
        'warning',
      )
    if (end > size) this.#found('unsigned', `${end - size} records are on disk and not yet under a checkpoint: nothing proves them`, size, 'warning')
    return end - size
  }
}

const explain: Readonly<Record<CheckpointProblem, string>> = {
  checkpoint_malformed: 'The checkpoint is no signed tree head',
  key_unknown: 'The checkpoint is not signed by this key: it is another log, or it was signed anew with another key',
  signature_invalid: 'The checkpoint was changed: its signature does not fit',
}

// Tiles, the newest of each level held: a verification goes through them in order.
class TileRows {
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
    const exact = await this.#files.read(join(this.#directory, tilePath(level, index, width)))
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
