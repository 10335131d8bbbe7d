import { join } from 'node:path'
import type { Clock } from '../guard/clock.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import type { Anchor, AppendOptions, AuditLog, Checkpoint, Proof, Receipt, Signer } from './audit-log.ts'
import { signCheckpoint } from './checkpoint.ts'
import { Batch, journalFolder, listSegments, seal, Segment } from './file-journal.ts'
import type { Lock } from './file-lock.ts'
import { checkpointFile } from './file-recovery.ts'
import type { LogFolder, Recovered } from './file-recovery.ts'
import { firstKept, firstToKeep, prunedFile, removeBundles } from './file-prune.ts'
import { replaceFile, truncateFile } from './file-system.ts'
import { tileFetch } from './file-tiles.ts'
import type { TileWriter } from './file-tiles.ts'
import type { TileBuilder } from './file-tile-builder.ts'
import { consistencyPath, inclusionPath } from './merkle-proof.ts'
import type { AuditRecord } from './record.ts'
import type { Hash } from './sha256.ts'
import { formatVerifierKey } from './signed-note.ts'
import { tileReader } from './tiles.ts'

/** A log in a folder. */
export interface FileLog extends AuditLog {
  readonly key: string
  /**
   * Removes entries whose period of retention is over, by the bundle of 256, and says so in the log. Their hashes stay, so the log
   * and every proof stay valid. Resolves to how many were removed; to none where no period was set. Opening a log does it too.
   */
  prune(): Promise<number>
}

/** The options of a log, parsed. */
export interface FileLogSettings {
  /** Absolute. */
  readonly directory: string
  readonly signer: Signer
  readonly previous: Signer | undefined
  readonly origin: string | undefined
  readonly anchor: Anchor | undefined
  readonly records: number
  readonly seconds: number
  readonly patience: number
  /** Bytes of records that may wait for the disk. */
  readonly maxWaiting: number
  /** Milliseconds for which every entry is kept. */
  readonly retention: number
  readonly clock: Clock
  /** Bytes after which a new journal file begins. */
  readonly segmentBytes: number
}

/** Bytes of whole tiles that may wait, while the disk is slower than the callers. */
const maxUnwritten = 32 * 1024 * 1024

/** A log that is open for writing, from the moment in which its tree is as it was left. `fileLog` makes one. */
export class FileLogWriter implements FileLog {
  readonly key: string
  readonly #settings: FileLogSettings
  readonly #folder: LogFolder
  readonly #lock: Lock
  readonly #builder: TileBuilder
  readonly #writer: TileWriter
  #signed: Checkpoint
  /** The size of the checkpoint that is made or was made last. */
  #covered = 0
  #anchored: number | undefined
  /** The first entry whose tiles may not be on the disk yet. */
  #derivedFrom = 0
  #segment: Segment | undefined
  #chain: Hash = ''
  /** Journal files that end before the current one. */
  #finished: Segment[] = []
  #collecting: Batch
  #spare: Batch
  #running: Promise<void> | undefined
  #publishing: Promise<unknown> = Promise.resolve()
  #queued: Promise<Checkpoint> | undefined
  #failingSince: number | undefined
  #disarm: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(settings: FileLogSettings, folder: LogFolder, lock: Lock, builder: TileBuilder, writer: TileWriter, signed: Checkpoint) {
    this.#settings = settings
    this.#folder = folder
    this.#lock = lock
    this.#builder = builder
    this.#writer = writer
    this.#signed = signed
    this.#collecting = new Batch(folder.hash)
    this.#spare = new Batch(folder.hash)
    this.key = formatVerifierKey(folder.key)
  }

  /** Begins a new journal, writes what comes first, says in it what was put in order, signs that, and lets the old journal go. */
  async begin(recovered: Recovered, first?: AuditRecord): Promise<void> {
    try {
      await this.#begin(recovered, first)
    } catch (error) {
      this.#closing = Promise.resolve()
      this.#disarm?.()
      await this.#segment?.close().catch(() => {})
      throw error
    }
  }

  // In an order in which whoever starts after a crash in the midst of it finds the same to put in order, or has it said already.
  async #begin({ from, replayed, torn }: Recovered, first: AuditRecord | undefined): Promise<void> {
    const { files, directory } = this.#folder
    const old = await listSegments(files, directory)
    this.#derivedFrom = from
    // Damage is taken for unfinished only at the end of a journal, so it goes before something follows.
    if (torn !== undefined) await truncateFile(files, torn.path, torn.keep)
    await files.makeFolder(join(directory, journalFolder))
    await files.syncFolder(directory)
    await this.#beginSegment()
    const { clock } = this.#settings
    if (first !== undefined) await this.append(first)
    if (replayed > 0 || torn !== undefined)
      await this.append({ cut: torn?.cut ?? 0, event: 'recovered', kind: 'log', replayed, size: this.#builder.size, time: clock.now(), version: 1 })
    await this.#publish()
    if (old.length > 0) await this.#writer.sync(from, this.#builder.size, this.#signed.size)
    for (const { path } of old) if (path !== this.#segment?.path) await files.remove(path)
    this.#derivedFrom = this.#segment?.start ?? 0
  }

  append(record: AuditRecord, { durability = 'durable' }: AppendOptions = {}): Promise<Receipt> {
    if (this.#closing !== undefined) return Promise.reject(refused('the log is closed'))
    if (this.#collecting.length > this.#settings.maxWaiting) return Promise.reject(refused('too many records wait for the disk'))
    if (this.#failingSince !== undefined && this.#settings.clock.monotonic() - this.#failingSince > this.#settings.patience * 1000)
      return Promise.reject(refused('no checkpoint could be made for too long'))
    try {
      return this.#collecting.add(record, durability !== 'written')
    } catch (error) {
      return Promise.reject(refused('the record cannot be serialized', error))
    } finally {
      this.#running ??= this.#run()
    }
  }

  checkpoint(): Promise<Checkpoint> {
    return this.#closing === undefined ? this.#publish() : Promise.reject(refused('the log is closed'))
  }

  async prove(index: number): Promise<Proof> {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.#builder.size) throw new RangeError('There is no entry of this index')
    const checkpoint = index < this.#signed.size ? this.#signed : await this.checkpoint()
    const { files, directory } = this.#folder
    const read = tileReader(tileFetch(files, directory, checkpoint.size), checkpoint.size)
    const path = await inclusionPath(read, index, checkpoint.size)
    return { index, hash: btoa(await read(0, index)), path: path.map((hash) => btoa(hash)), checkpoint }
  }

  async prune(): Promise<number> {
    const { retention, clock } = this.#settings
    if (retention === Infinity) return 0
    const { files, directory } = this.#folder
    const first = await firstKept(files, directory)
    // What is in the journal is needed by whoever starts after a crash; and the last bundle is the right edge of the tree.
    const journal = this.#finished[0]?.start ?? this.#segment?.start ?? 0
    const end = Math.min(journal, this.#signed.size - 1)
    const kept = await firstToKeep(files, directory, { first, end, before: clock.now() - retention })
    if (kept === first) return 0
    await this.append({ event: 'pruned', kept, kind: 'log', size: this.#builder.size, time: clock.now(), version: 1 })
    // Nothing goes before what says so is signed.
    await this.#publish()
    await replaceFile(files, join(directory, prunedFile), `${kept}\n`)
    await removeBundles(files, directory, first, kept)
    return kept - first
  }

  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  describe(): Readonly<Record<string, unknown>> {
    return {
      kind: 'file',
      directory: this.#settings.directory,
      origin: this.#folder.key.name,
      key: this.key,
      size: this.#builder.size,
      signed: this.#signed.size,
      ...(this.#settings.anchor !== undefined && { anchored: this.#anchored ?? null }),
      failing: this.#failingSince !== undefined,
    }
  }

  async #run(): Promise<void> {
    // Whoever appends in the same turn, or upon an answer, is in the same batch.
    await turn()
    while (this.#collecting.count > 0) {
      const batch = this.#collecting
      this.#collecting = this.#spare
      try {
        await this.#commit(batch)
      } catch (error) {
        batch.reject(isGuardError(error) ? error : refused('the record could not be written', error))
      }
      batch.clear()
      this.#spare = batch
      await turn()
    }
    this.#running = undefined
  }

  // Nothing in memory changes before the batch is on the disk, so a failed write leaves nothing to undo.
  async #commit(batch: Batch): Promise<void> {
    await this.#lock.check()
    if (this.#builder.finishedBytes > maxUnwritten) await this.#publish()
    if (this.#segment === undefined || this.#segment.length > this.#settings.segmentBytes) await this.#beginSegment()
    const first = this.#builder.size
    const chain = seal(this.#folder.sealKey, this.#chain, first + batch.count, batch.leaves)
    await this.#segment?.write(batch.sealed(first + batch.count, chain), batch.durable)
    this.#chain = chain
    for (let index = 0; index < batch.count; index++) this.#builder.push(batch.leaves[index] ?? '', batch.entry(index))
    batch.resolve(first)
    this.#schedule()
  }

  async #beginSegment(): Promise<void> {
    // Start-up takes an unfinished batch for what a crash left at the end, and for damage anywhere else.
    await this.#segment?.settle()
    await this.#segment?.flush()
    const size = this.#builder.size
    const next = await Segment.create(this.#folder.files, this.#folder.directory, size)
    if (this.#segment !== undefined) this.#finished.push(this.#segment)
    this.#segment = next
    this.#chain = seal(this.#folder.sealKey, this.#builder.root(), size, [])
  }

  #schedule(): void {
    if (this.#failingSince === undefined && this.#builder.size - this.#covered >= this.#settings.records) this.#publish().catch(() => this.#arm())
    else this.#arm()
  }

  #arm(): void {
    if (this.#closing !== undefined) return
    this.#disarm ??= this.#settings.clock.after(this.#settings.seconds * 1000, () => {
      this.#disarm = undefined
      // What failed is tried again, also when no more records come.
      this.#publish().catch(() => this.#arm())
    })
  }

  /** One at a time; whoever asks while one waits shares it. */
  #publish(): Promise<Checkpoint> {
    this.#queued ??= this.#publishing.then(async () => {
      this.#queued = undefined
      try {
        const checkpoint = await this.#publishNow()
        this.#failingSince = undefined
        return checkpoint
      } catch (error) {
        this.#covered = this.#signed.size
        this.#failingSince ??= this.#settings.clock.monotonic()
        throw refused('no checkpoint could be made', error)
      }
    })
    const published = this.#queued
    this.#publishing = published.catch(() => {})
    return published
  }

  // Of what is in the tree, all of which is on the disk.
  async #publishNow(): Promise<Checkpoint> {
    const { files, directory, key } = this.#folder
    const size = (this.#covered = this.#builder.size)
    if (size > this.#signed.size) {
      const root = this.#builder.root()
      const partial = this.#builder.partial()
      const whole = this.#builder.take()
      try {
        // Before it is signed: a checkpoint never covers what is not on the disk.
        await this.#segment?.flush()
        await this.#writer.write([...whole, ...partial])
      } catch (error) {
        this.#builder.putBack(whole)
        throw error
      }
      await this.#lock.check()
      const checkpoint = await signCheckpoint(size, root, key, this.#settings.signer)
      await replaceFile(files, join(directory, checkpointFile), checkpoint.note ?? '')
      this.#signed = checkpoint
    }
    const { anchor } = this.#settings
    if (anchor !== undefined && this.#anchored !== this.#signed.size) {
      const { size, note = '' } = this.#signed
      const read = tileReader(tileFetch(files, directory, size), size)
      await anchor.publish(note, async (older) => (await consistencyPath(read, older, size)).map((hash) => btoa(hash)))
      this.#anchored = this.#signed.size
    }
    await this.#dropSegments()
    return this.#signed
  }

  // A journal file goes when all that is in it is in tiles and bundles on the disk.
  async #dropSegments(): Promise<void> {
    for (let oldest = this.#finished[0]; oldest !== undefined; oldest = this.#finished[0]) {
      const end = this.#finished[1]?.start ?? this.#segment?.start ?? 0
      if (end > this.#signed.size) return
      await this.#writer.sync(this.#derivedFrom, end, this.#signed.size)
      this.#derivedFrom = end
      this.#finished.shift()
      await oldest.close()
      await this.#folder.files.remove(oldest.path)
    }
  }

  async #end(): Promise<void> {
    await this.#running
    this.#disarm?.()
    try {
      await this.#publish()
      await this.#writer.sync(this.#derivedFrom, this.#builder.size, this.#signed.size)
      for (const segment of await listSegments(this.#folder.files, this.#folder.directory)) await this.#folder.files.remove(segment.path)
    } finally {
      for (const segment of [...this.#finished, this.#segment]) await segment?.close().catch(() => {})
      await this.#lock.release()
    }
  }
}

function refused(reason: string, cause?: unknown): GuardError {
  return new GuardError('audit_unavailable', { reason, cause })
}

// A turn of the event loop: later than every promise that is ready now.
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
