import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { basename, dirname, join, resolve } from 'node:path'
import * as z from 'zod/mini'
import { systemClock } from '../guard/clock.ts'
import type { Clock } from '../guard/clock.ts'
import type { Anchor, Checkpoint, Signer } from './audit-log.ts'
import { openCheckpoint, parseHead, signCheckpoint } from './checkpoint.ts'
import { journalFolder, maxWaiting, usualSegment } from './file-journal.ts'
import { lockFolder } from './file-lock.ts'
import type { Lock } from './file-lock.ts'
import { FileLogWriter } from './file-log-writer.ts'
import type { FileLog, FileLogSettings } from './file-log-writer.ts'
import { checkAnchor, checkpointFile, readCheckpoint, replay } from './file-recovery.ts'
import type { LogFolder } from './file-recovery.ts'
import { isCode, maxNoteBytes, replaceFile, systemFiles } from './file-system.ts'
import type { FileSystem } from './file-system.ts'
import { TileWriter } from './file-tiles.ts'
import { endorseKey, type KeyRotation, maxRotationsBytes, openRotation, rotationsFile, rotationsIn, unverifiedRotation } from './key-rotation.ts'
import { LogError } from './log-error.ts'
import type { LogRecord } from './record.ts'
import { fromOctets, nativeSha256 } from './sha256.ts'
import { formatVerifierKey, isKeyName, unverifiedText, verifierKey } from './signed-note.ts'
import { within } from '../guard/clock.ts'

export type { FileLog }

/** Options of `fileLog`. */
export interface FileLogOptions {
  /** Signs the checkpoints; the same one each time. `fileSigner` makes one. */
  readonly signer: Signer
  /**
   * The signer before this one, for as long as it takes to open the log once: the log then goes on with the new key, by the word of
   * the old one. Where the log is signed by the new key already it does nothing.
   */
  readonly previous?: Signer
  /** The log's name, without spaces and plus signs; the name that it has, or one made of the folder's, unless given. */
  readonly origin?: string
  /** Remembers the newest checkpoint elsewhere. Without one, a tail that was cut off cannot be noticed. */
  readonly anchor?: Anchor
  /** When a checkpoint is made: after that many records (10,000) or that many seconds (1) after the first new one. */
  readonly checkpointEvery?: { readonly records?: number; readonly seconds?: number }
  /** For how many seconds records are still taken while no checkpoint can be signed or anchored; 60 unless given. */
  readonly patience?: number
  /**
   * Bytes of records that may wait for the disk at once, from 65,536 to 33,554,432 (unless given). What exceeds it is refused
   * with `audit_unavailable`, whatever its durability.
   */
  readonly maxQueuedBytes?: number
  /**
   * For how many days every entry is kept, at least; for ever unless given. Older ones are removed when the log is opened, and by
   * `prune()`: entries only, 256 at a time. Their hashes stay, and with them every proof.
   */
  readonly retention?: { readonly days: number }
  readonly clock?: Clock
}

const optionsSchema = z.strictObject({
  signer: z.unknown(),
  previous: z.optional(z.unknown()),
  anchor: z.optional(z.unknown()),
  clock: z.optional(z.unknown()),
  origin: z.optional(z.string()),
  checkpointEvery: z.optional(
    z.strictObject({ records: z.optional(z.int().check(z.positive())), seconds: z.optional(z.number().check(z.positive())) }),
  ),
  retention: z.optional(z.strictObject({ days: z.number().check(z.positive()) })),
  maxQueuedBytes: z.optional(z.int().check(z.minimum(65_536), z.maximum(maxWaiting))),
  patience: z.optional(z.union([z.number().check(z.nonnegative()), z.literal(Infinity)])),
})

/** Milliseconds that a signer or an anchor, which may be far away, has to answer. */
const answerTime = 15_000

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
export async function openLog(directory: string, options: FileLogOptions, files: FileSystem, segmentBytes: number = usualSegment): Promise<FileLog> {
  const settings: FileLogSettings = { ...parseOptions(directory, options), segmentBytes }
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

function parseOptions(directory: string, options: FileLogOptions): Omit<FileLogSettings, 'segmentBytes'> {
  if (typeof directory !== 'string' || directory === '') throw new TypeError('fileLog: give the path of a folder')
  const parsed = optionsSchema.safeParse(options)
  if (!parsed.success) throw new TypeError(`fileLog: ${z.prettifyError(parsed.error)}`)
  const { signer, anchor, clock = systemClock } = options
  const { origin, checkpointEvery = {}, patience = 60, maxQueuedBytes = maxWaiting, retention } = parsed.data
  if (!(signer?.publicKey instanceof Uint8Array) || typeof signer.sign !== 'function')
    throw new TypeError('fileLog: signer must be a Signer: use await fileSigner(path)')
  const { previous } = options
  if (previous !== undefined && (!(previous.publicKey instanceof Uint8Array) || typeof previous.sign !== 'function'))
    throw new TypeError('fileLog: previous must be a Signer: use await fileSigner(path)')
  if (anchor !== undefined && (typeof anchor.publish !== 'function' || typeof anchor.latest !== 'function'))
    throw new TypeError('fileLog: anchor must be an Anchor: use fileAnchor(path)')
  if (origin !== undefined && !isKeyName(origin))
    throw new TypeError('fileLog: origin must be a name without spaces, plus signs and control characters')
  const { records = 10_000, seconds = 1 } = checkpointEvery
  return {
    directory: resolve(directory),
    signer: punctualSigner(signer, clock),
    previous: previous === undefined ? undefined : punctualSigner(previous, clock),
    origin,
    anchor: anchor === undefined ? undefined : punctualAnchor(anchor, clock),
    records,
    seconds,
    patience,
    maxWaiting: maxQueuedBytes,
    retention: (retention?.days ?? Infinity) * 86_400_000,
    clock,
  }
}

// One that never answers must not hold up the log for good: it counts as one that refused.
function punctualSigner(signer: Signer, clock: Clock): Signer {
  return {
    publicKey: new Uint8Array(signer.publicKey),
    sign: (message) => within(clock, answerTime, 'The signer', signer.sign(message)),
  }
}

function punctualAnchor(anchor: Anchor, clock: Clock): Anchor {
  return {
    publish: (note, prove) => within(clock, answerTime, 'The anchor', anchor.publish(note, prove)),
    latest: () => within(clock, answerTime, 'The anchor', anchor.latest()),
  }
}

async function start(settings: FileLogSettings, files: FileSystem, lock: Lock): Promise<FileLog> {
  const { directory, signer, anchor } = settings
  const hash = nativeSha256()
  if (hash === undefined) throw new TypeError('fileLog: this runtime has no native SHA-256')
  const key = await verifierKey(settings.origin ?? (await originOf(files, directory)), signer.publicKey)
  const folder: LogFolder = { files, directory, hash, key, sealKey: await sealKeyOf(signer, key.name) }
  const rotated = await rotateKey(settings, folder, lock)
  const signed = (await readCheckpoint(folder)) ?? (await create(folder, signer))
  const recovered = await replay(folder, signed)
  const { builder } = recovered
  const writer = new TileWriter(files, directory)
  await writer.write([...builder.take(), ...builder.partial()], true)
  // Before anything new is signed. What the anchor knows must be in the tree.
  if (anchor !== undefined) await checkAnchor(folder, anchor, signed)
  const log = new FileLogWriter(settings, folder, lock, builder, writer, signed)
  // The first entry under a key says whose word it is the log's by.
  const isFirst = rotated !== undefined && rotated.size === builder.size
  await log.begin(recovered, isFirst ? rotationRecord(rotated, settings.clock.now()) : undefined)
  try {
    await log.prune()
  } catch (error) {
    await log.close().catch(() => {})
    throw error
  }
  return log
}

function rotationRecord({ note, size }: KeyRotation, time: number): LogRecord {
  return { endorsement: note, event: 'key_rotated', kind: 'log', size, time, version: 1 }
}

/**
 * Lets the log go on with another key, where the one before it is given and still signs: what there is is signed with the old key
 * to its end; the old key names the new one; the new one signs the same tree. After a crash in between, the same again finishes it.
 *
 * @returns the last rotation, where there was one.
 */
async function rotateKey(settings: FileLogSettings, folder: LogFolder, lock: Lock): Promise<KeyRotation | undefined> {
  const { files, directory, key } = folder
  const { previous } = settings
  const notes = rotationsIn((await files.read(join(directory, rotationsFile), maxRotationsBytes))?.toString())
  if (notes === undefined) throw new LogError('unreadable', `The file ${join(directory, rotationsFile)} is damaged: put it back from a copy`)
  for (const said of notes)
    if ((await openRotation(said, key)) !== undefined)
      throw new LogError('key_rotated', 'This key has named another one to follow it: open the log with that one as signer, and this one as previous')
  const last = notes.length === 0 ? undefined : await unverifiedRotation(notes.at(-1) ?? '')
  const note = (await files.read(join(directory, checkpointFile), maxNoteBytes))?.toString()
  const oldKey = previous === undefined || note === undefined ? undefined : await verifierKey(key.name, previous.publicKey)
  const isOld = oldKey !== undefined && note !== undefined && 'checkpoint' in (await openCheckpoint(note, oldKey))
  if (oldKey === undefined || previous === undefined || !isOld || formatVerifierKey(oldKey) === formatVerifierKey(key)) {
    return last !== undefined && formatVerifierKey(last.next) === formatVerifierKey(key) ? last : undefined
  }
  const old: LogFolder = { ...folder, key: oldKey, sealKey: await sealKeyOf(previous, key.name) }
  const signed = await readCheckpoint(old)
  if (signed === undefined) return undefined
  const recovered = await replay(old, signed)
  const writer = new TileWriter(files, directory)
  await writer.write([...recovered.builder.take(), ...recovered.builder.partial()], true)
  if (settings.anchor !== undefined) await checkAnchor(old, settings.anchor, signed)
  const closing = new FileLogWriter(
    { ...settings, signer: previous },
    old,
    { check: () => lock.check(), release: async () => {} },
    recovered.builder,
    writer,
    signed,
  )
  await closing.begin(recovered)
  const final = await closing.checkpoint()
  await closing.close()
  // What it removed was sealed with the old key, and must not come back when the power goes.
  await files.syncFolder(join(directory, journalFolder))
  const isSaid = last !== undefined && last.from === formatVerifierKey(oldKey)
  const endorsement = await endorseKey(final, key, oldKey, previous)
  await replaceFile(files, join(directory, rotationsFile), JSON.stringify([...(isSaid ? notes.slice(0, -1) : notes), endorsement]))
  const { note: signedAnew = '' } = await signCheckpoint(final.size, atob(final.root), key, settings.signer)
  await replaceFile(files, join(directory, checkpointFile), signedAnew)
  return openRotation(endorsement, oldKey)
}

async function originOf(files: FileSystem, directory: string): Promise<string> {
  const note = await files.read(join(directory, checkpointFile), maxNoteBytes)
  const text = note === undefined ? undefined : unverifiedText(note.toString())
  const head = text === undefined ? undefined : parseHead(text)
  return head?.origin ?? `sallyport.local/${basename(directory).replaceAll(/[\s+\p{Cc}\p{Z}]+/gu, '-')}`
}

// A log begins with a signed tree of nothing, so that from the first record on a missing checkpoint is noticed.
async function create(folder: LogFolder, signer: Signer): Promise<Checkpoint> {
  const { files, directory, hash, key } = folder
  const checkpoint = await signCheckpoint(0, hash(new Uint8Array(0)), key, signer)
  await syncParents(files, directory)
  await replaceFile(files, join(directory, 'verifier-key'), `${formatVerifierKey(key)}\n`)
  await replaceFile(files, join(directory, checkpointFile), checkpoint.note ?? '')
  return checkpoint
}

// The folder may be new, and those above it. Those that may not be read were there before.
async function syncParents(files: FileSystem, directory: string): Promise<void> {
  for (let folder = directory; folder !== dirname(folder); ) {
    folder = dirname(folder)
    try {
      await files.syncFolder(folder)
    } catch (error) {
      if (isCode(error, 'EACCES') || isCode(error, 'EPERM')) return
      throw error
    }
  }
}

// Ed25519 signatures are deterministic (RFC 8032), so one over a text that is no checkpoint is a secret of the signer's.
async function sealKeyOf(signer: Signer, origin: string): Promise<KeyObject> {
  const text = new TextEncoder().encode(`sallyport journal seal v1\n${origin}`)
  const first = Buffer.from(await signer.sign(text))
  if (!first.equals(Buffer.from(await signer.sign(text)))) throw new TypeError('fileLog: the signer must be deterministic, as RFC 8032 has it')
  return createSecretKey(fromOctets(nativeSha256()?.(first) ?? ''))
}
