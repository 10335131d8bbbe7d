import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { basename, join, resolve } from 'node:path'
import * as z from 'zod/mini'
import { systemClock } from '../guard/clock.ts'
import type { Clock } from '../guard/clock.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import type { Anchor, AuditLog, Checkpoint, Proof, Receipt, Signer } from './audit-log.ts'
import { parseHead, signCheckpoint } from './checkpoint.ts'
import { Batch, journalFolder, listSegments, seal, Segment } from './file-journal.ts'
import { lockFolder } from './file-lock.ts'
import type { Lock } from './file-lock.ts'
import { checkAnchor, checkpointFile, readCheckpoint, replay } from './file-recovery.ts'
import type { LogFolder } from './file-recovery.ts'
import { replaceFile, systemFiles } from './file-system.ts'
import type { FileSystem } from './file-system.ts'
import { TileWriter, tileFetch } from './file-tiles.ts'
import type { TileBuilder } from './file-tiles.ts'
import { inclusionPath } from './merkle-proof.ts'
import type { AuditRecord } from './record.ts'
import { fromOctets, nativeSha256 } from './sha256.ts'
import type { Hash } from './sha256.ts'
import { formatVerifierKey, isKeyName, unverifiedText, verifierKey } from './signed-note.ts'
import { tileReader } from './tiles.ts'

/** Options of `fileLog`. */
export interface FileLogOptions {
  /** Signs the checkpoints; the same one each time. `fileSigner` makes one. */
  readonly signer: Signer
  /** The log's name, without spaces and plus signs; the name that it has, or one made of the folder's, unless given. */
  readonly origin?: string
  /** Remembers the newest checkpoint elsewhere. Without one, a tail that was cut off cannot be noticed. */
  readonly anchor?: Anchor
  /** When a checkpoint is made: after that many records (10,000) or that many seconds (1) after the first new one. */
  readonly checkpointEvery?: { readonly records?: number; readonly seconds?: number }
  /** For how many seconds records are still taken while no checkpoint can be signed or anchored; 60 unless given. */
  readonly patience?: number
  readonly clock?: Clock
}

const optionsSchema = z.object({
  origin: z.optional(z.string()),
  checkpointEvery: z.optional(z.object({ records: z.optional(z.int().check(z.positive())), seconds: z.optional(z.number().check(z.positive())) })),
  patience: z.optional(z.union([z.number().check(z.nonnegative()), z.literal(Infinity)])),
})

/** A log in a folder. */
export interface FileLog extends AuditLog {
  readonly key: string
}

/** Bytes of records that may wait for the disk. What exceeds it is refused at once. */
const maxWaiting = 32 * 1024 * 1024
/** Bytes of whole tiles that may wait, while the disk is slower than the callers. */
const maxUnwritten = 32 * 1024 * 1024
/** Bytes after which a new journal file begins, so that start-up reads little. */
const segmentBytes = 16 * 1024 * 1024

/**
 * A verifiable log in a folder: an RFC 9162 tree in the C2SP `tlog-tiles` layout with signed checkpoints, which any
 * client of transparency logs can read, and a journal that makes every record durable at once.
 *
 * One process writes to a folder. Opening it puts in order what a crash left, writes a record that says so, and refuses
 * with a `LogError` a folder that another process has, or whose entries are not those that were signed.
 *
 * ```ts
 * const log = await fileLog('var/audit', { signer: await fileSigner('var/audit.key'), anchor: fileAnchor('/mnt/elsewhere/audit') })
 * const guarded = guard().use(audit({ log }))
 * ```
 *
 * @throws TypeError for wrong options, LogError for a log that must not be written to.
 */
export function fileLog(directory: string, options: FileLogOptions): Promise<FileLog> {
  return openLog(directory, options, systemFiles)
}

/** The same on a file system of one's own. Not part of the public surface. */
export async function openLog(directory: string, options: FileLogOptions, files: FileSystem): Promise<FileLog> {
  const settings = parseOptions(directory, options)
  await files.makeFolder(settings.directory)
  // Not the log's clock: whether this process stood still is a fact, not a setting.
  const lock = await lockFolder(files, settings.directory, systemClock)
  try {
    return await start(settings, files, lock)
  } catch (error) {
    await lock.release().catch(() => {})
    throw error
  }
}

interface Settings {
  readonly directory: string
  readonly signer: Signer
  readonly origin: string | undefined
  readonly anchor: Anchor | undefined
  readonly records: number
  readonly seconds: number
  readonly patience: number
  readonly clock: Clock
}

function parseOptions(directory: string, options: FileLogOptions): Settings {
  if (typeof directory !== 'string' || directory === '') throw new TypeError('fileLog: give the path of a folder')
  const parsed = optionsSchema.safeParse(options)
  if (!parsed.success) throw new TypeError(`fileLog: ${z.prettifyError(parsed.error)}`)
  const { signer, anchor, clock = systemClock } = options
  const { origin, checkpointEvery = {}, patience = 60 } = parsed.data
  if (!(signer?.publicKey instanceof Uint8Array) || typeof signer.sign !== 'function')
    throw new TypeError('fileLog: signer must be a Signer: use await fileSigner(path)')
  if (anchor !== undefined && (typeof anchor.publish !== 'function' || typeof anchor.latest !== 'function'))
    throw new TypeError('fileLog: anchor must be an Anchor: use fileAnchor(path)')
  if (origin !== undefined && !isKeyName(origin))
    throw new TypeError('fileLog: origin must be a name without spaces, plus signs and control characters')
  const { records = 10_000, seconds = 1 } = checkpointEvery
  return { directory: resolve(directory), signer, origin, anchor, records, seconds, patience, clock }
}

async function start(settings: Settings, files: FileSystem, lock: Lock): Promise<FileLog> {
  const { directory, signer, anchor } = settings
  const hash = nativeSha256()
  if (hash === undefined) throw new TypeError('fileLog: this runtime has no native SHA-256')
  const key = await verifierKey(settings.origin ?? (await originOf(files, directory)), signer.publicKey)
  const folder: LogFolder = { files, directory, hash, key, sealKey: await sealKeyOf(signer, key.name) }
  const signed = (await readCheckpoint(folder)) ?? (await create(folder, signer))
  const { builder, replayed, cut, from } = await replay(folder, signed)
  const writer = new TileWriter(files, directory)
  await writer.write([...builder.take(), ...builder.partial()], true)
  // Before anything new is signed. What the anchor knows must be in the tree.
  if (anchor !== undefined) await checkAnchor(folder, anchor, signed)
  const log = new LogOnDisk(settings, folder, lock, builder, writer, signed)
  await log.begin(from, replayed, cut)
  return log
}

async function originOf(files: FileSystem, directory: string): Promise<string> {
  const note = await files.read(join(directory, checkpointFile))
  const text = note === undefined ? undefined : unverifiedText(note.toString())
  const head = text === undefined ? undefined : parseHead(text)
  return head?.origin ?? `sallyport.local/${basename(directory).replaceAll(/[\s+\p{Cc}\p{Z}]+/gu, '-')}`
}

// A log begins with a signed tree of nothing, so that from the first record on a missing checkpoint is noticed.
async function create(folder: LogFolder, signer: Signer): Promise<Checkpoint> {
  const { files, directory, hash, key } = folder
  const checkpoint = await signCheckpoint(0, hash(new Uint8Array(0)), key, signer)
  await replaceFile(files, join(directory, 'verifier-key'), `${formatVerifierKey(key)}\n`)
  await replaceFile(files, join(directory, checkpointFile), checkpoint.note ?? '')
  return checkpoint
}

// Ed25519 signatures are deterministic (RFC 8032), so one over a text that is no checkpoint is a secret of the signer's.
async function sealKeyOf(signer: Signer, origin: string): Promise<KeyObject> {
  const text = new TextEncoder().encode(`sallyport journal seal v1\n${origin}`)
  const first = Buffer.from(await signer.sign(text))
  if (!first.equals(Buffer.from(await signer.sign(text)))) throw new TypeError('fileLog: the signer must be deterministic, as RFC 8032 has it')
  return createSecretKey(fromOctets(nativeSha256()?.(first) ?? ''))
}

class LogOnDisk implements FileLog {
  readonly key: string
  readonly #settings: Settings
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

  constructor(settings: Settings, folder: LogFolder, lock: Lock, builder: TileBuilder, writer: TileWriter, signed: Checkpoint) {
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

  /** Signs what the journal held, lets the old journal go, begins a new one. */
  async begin(from: number, replayed: number, cut: number): Promise<void> {
    const { files, directory } = this.#folder
    const old = await listSegments(files, directory)
    this.#derivedFrom = from
    await this.#publish()
    if (old.length > 0) await this.#writer.sync(from, this.#builder.size, this.#signed.size)
    for (const segment of old) await files.remove(segment.path)
    this.#derivedFrom = this.#builder.size
    await files.makeFolder(join(directory, journalFolder))
    await files.syncFolder(directory)
    await this.#beginSegment()
    if (replayed > 0 || cut > 0)
      await this.append({ cut, event: 'recovered', kind: 'log', replayed, size: this.#builder.size, time: this.#settings.clock.now(), version: 1 })
  }

  append(record: AuditRecord): Promise<Receipt> {
    if (this.#closing !== undefined) return Promise.reject(refused('the log is closed'))
    if (this.#collecting.length > maxWaiting) return Promise.reject(refused('too many records wait for the disk'))
    if (this.#failingSince !== undefined && this.#settings.clock.monotonic() - this.#failingSince > this.#settings.patience * 1000)
      return Promise.reject(refused('no checkpoint could be made for too long'))
    const receipt = this.#collecting.add(record)
    this.#running ??= this.#run()
    return receipt
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
        batch.reject(isGuardError(error) ? error : new GuardError('audit_unavailable', { reason: 'the record could not be written', cause: error }))
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
    if (this.#segment === undefined || this.#segment.length > segmentBytes) await this.#beginSegment()
    const first = this.#builder.size
    const chain = seal(this.#folder.sealKey, this.#chain, first + batch.count, batch.leaves)
    await this.#segment?.write(batch.sealed(first + batch.count, chain))
    this.#chain = chain
    for (let index = 0; index < batch.count; index++) this.#builder.push(batch.leaves[index] ?? '', batch.entry(index))
    batch.resolve(first)
    this.#schedule()
  }

  async #beginSegment(): Promise<void> {
    // Start-up takes an unfinished batch for what a crash left at the end, and for damage anywhere else.
    await this.#segment?.settle()
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
        throw new GuardError('audit_unavailable', { reason: 'no checkpoint could be made', cause: error })
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
      await anchor.publish(this.#signed.note ?? '')
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

function refused(reason: string): GuardError {
  return new GuardError('audit_unavailable', { reason })
}

// A turn of the event loop: later than every promise that is ready now.
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
