import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { basename, dirname, join, resolve } from 'node:path'
import * as z from 'zod/mini'
import { systemClock } from '../guard/clock.ts'
import type { Clock } from '../guard/clock.ts'
import type { Anchor, Checkpoint, Signer } from './audit-log.ts'
import { parseHead, signCheckpoint } from './checkpoint.ts'
import { maxWaiting, usualSegment } from './file-journal.ts'
import { lockFolder } from './file-lock.ts'
import type { Lock } from './file-lock.ts'
import { FileLogWriter } from './file-log-writer.ts'
import type { FileLog, FileLogSettings } from './file-log-writer.ts'
import { checkAnchor, checkpointFile, readCheckpoint, replay } from './file-recovery.ts'
import type { LogFolder } from './file-recovery.ts'
import { isCode, maxNoteBytes, replaceFile, systemFiles } from './file-system.ts'
import type { FileSystem } from './file-system.ts'
import { TileWriter } from './file-tiles.ts'
import { fromOctets, nativeSha256 } from './sha256.ts'
import { formatVerifierKey, isKeyName, unverifiedText, verifierKey } from './signed-note.ts'
import { within } from '../guard/clock.ts'

export type { FileLog }

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
  /**
   * Bytes of records that may wait for the disk at once, from 65,536 to 33,554,432 (unless given). What exceeds it is refused
   * with `audit_unavailable`, whatever its durability.
   */
  readonly maxQueuedBytes?: number
  readonly clock?: Clock
}

const optionsSchema = z.strictObject({
  signer: z.unknown(),
  anchor: z.optional(z.unknown()),
  clock: z.optional(z.unknown()),
  origin: z.optional(z.string()),
  checkpointEvery: z.optional(
    z.strictObject({ records: z.optional(z.int().check(z.positive())), seconds: z.optional(z.number().check(z.positive())) }),
  ),
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
  const { origin, checkpointEvery = {}, patience = 60, maxQueuedBytes = maxWaiting } = parsed.data
  if (!(signer?.publicKey instanceof Uint8Array) || typeof signer.sign !== 'function')
    throw new TypeError('fileLog: signer must be a Signer: use await fileSigner(path)')
  if (anchor !== undefined && (typeof anchor.publish !== 'function' || typeof anchor.latest !== 'function'))
    throw new TypeError('fileLog: anchor must be an Anchor: use fileAnchor(path)')
  if (origin !== undefined && !isKeyName(origin))
    throw new TypeError('fileLog: origin must be a name without spaces, plus signs and control characters')
  const { records = 10_000, seconds = 1 } = checkpointEvery
  return {
    directory: resolve(directory),
    signer: punctualSigner(signer, clock),
    origin,
    anchor: anchor === undefined ? undefined : punctualAnchor(anchor, clock),
    records,
    seconds,
    patience,
    maxWaiting: maxQueuedBytes,
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
  const signed = (await readCheckpoint(folder)) ?? (await create(folder, signer))
  const recovered = await replay(folder, signed)
  const { builder } = recovered
  const writer = new TileWriter(files, directory)
  await writer.write([...builder.take(), ...builder.partial()], true)
  // Before anything new is signed. What the anchor knows must be in the tree.
  if (anchor !== undefined) await checkAnchor(folder, anchor, signed)
  const log = new FileLogWriter(settings, folder, lock, builder, writer, signed)
  await log.begin(recovered)
  return log
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
