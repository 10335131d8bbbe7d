import { join, resolve } from 'node:path'
import { type Check, checkOptions, hasMethods, isFunction, optional } from '../guard/check-options.ts'
import { type Clock, systemClock, within } from '../guard/clock.ts'
import type { AuditSink, Checkpoint, LoggedEntry } from './audit-log.ts'
import { readKeyChain } from './file-key-chain.ts'
import { type Cursor, FileCursor } from './file-cursor.ts'
import { storedRows, textOf } from './file-entries.ts'
import { hashEntry } from './file-journal.ts'
import { checkpointFile } from './file-recovery.ts'
import { maxNoteBytes, systemFiles } from './file-system.ts'
import { tileFetch } from './file-tiles.ts'
import { LogError } from './log-error.ts'
import { consistencyPath, type HashReader, isConsistent, subtreesOf } from './merkle-proof.ts'
import { Frontier } from './merkle-tree.ts'
import { parseEntry } from './record.ts'
import { nativeSha256, type SyncHash } from './sha256.ts'
import { parseVerifierKey, type VerifierKey } from './signed-note.ts'
import { tileReader } from './tiles.ts'

/** Options of `feedSink`. */
export interface LogFeedOptions {
  /** The log's verifier key. */
  readonly key: string
  readonly sink: AuditSink
  /** The path of the file that remembers how far the sink has come. One for each sink. */
  readonly cursor: string
  /** How often the log is looked at, in seconds; 1 unless given. */
  readonly every?: number
  /** Told of what fails. Writes a line to `console.error` unless given. */
  readonly onError?: (error: unknown) => void
  /** The system's unless given. */
  readonly clock?: Clock
}

/** A sink that is fed from a log on a disk. */
export interface LogFeed {
  /** The index of the entry that comes next. */
  readonly next: number
  /** How many entries are signed and not taken yet, when the log was last looked at. */
  readonly behind: number
  /** What the last attempt failed with; undefined where it did not. */
  readonly failure: unknown
  /** Looks at the log now, and resolves when the sink has all that is signed. Rejects where something fails. */
  flush(): Promise<void>
  /** Lets the delivery that runs end, and delivers nothing more. */
  close(): Promise<void>
}

/** Milliseconds. */
const times = { deliver: 30_000, firstPause: 1_000, longestPause: 60_000 } as const

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const checks: Readonly<Record<keyof LogFeedOptions, Check>> = {
  key: [isText, 'a verifier key'],
  sink: [hasMethods('deliver'), 'an AuditSink'],
  cursor: [isText, 'the path of a file'],
  every: [optional((value) => typeof value === 'number' && value >= 0.05 && value <= 3600), '0.05 to 3600 seconds'],
  onError: [optional(isFunction), 'a function'],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
}

/**
 * Feeds a sink from a log in a folder: every entry, in order, at least once, across restarts of this process and of the sink. In the
 * process that writes the log or in another one; nothing waits for it, and it does not keep a process alive.
 *
 * Only what the log's key signed is delivered, and each batch is proven against the newest checkpoint (RFC 9162, section 2.1.4) to
 * follow what was delivered before: a log that was edited, cut or put back stops the feed with a `LogError`.
 *
 * ```ts
 * const feed = await feedSink('var/audit', { key: log.key, sink: postgresSink({ client, log: 'bot' }), cursor: 'var/postgres.cursor' })
 * ```
 *
 * @throws TypeError for wrong options and a wrong key; Error for a cursor of another log.
 */
export function feedSink(directory: string, options: LogFeedOptions): Promise<LogFeed> {
  try {
    checkOptions('feedSink', options, checks)
  } catch (error) {
    return Promise.reject(error)
  }
  const { cursor, ...others } = options
  return openFeed(directory, others, (origin) => new FileCursor(cursor, origin))
}

/** The same with another memory of how far it came. @param cursorOf given the log's name. */
export async function openFeed(directory: string, options: Omit<LogFeedOptions, 'cursor'>, cursorOf: (origin: string) => Cursor): Promise<LogFeed> {
  if (!isText(directory)) throw new TypeError('feedSink: give the path of a folder')
  const hash = nativeSha256()
  if (hash === undefined) throw new TypeError('feedSink: this runtime has no native SHA-256')
  const key = await parseVerifierKey(options.key)
  const cursor = cursorOf(key.name)
  return new Feed({ ...options }, resolve(directory), key, hash, cursor, await cursor.read(hash))
}

class Feed implements LogFeed {
  readonly #options: Omit<LogFeedOptions, 'cursor'>
  readonly #clock: Clock
  readonly #folder: string
  readonly #key: VerifierKey
  readonly #hash: SyncHash
  readonly #cursor: Cursor
  #read: Frontier
  #signed = 0
  #failure: unknown
  #running: Promise<void> | undefined
  #cancel: () => void = () => {}
  #pause: number = times.firstPause
  #closed = false

  constructor(options: Omit<LogFeedOptions, 'cursor'>, folder: string, key: VerifierKey, hash: SyncHash, cursor: Cursor, read: Frontier) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#folder = folder
    this.#key = key
    this.#hash = hash
    this.#cursor = cursor
    this.#read = read
    this.#arm(0)
  }

  get next(): number {
    return this.#read.size
  }

  get behind(): number {
    return Math.max(0, this.#signed - this.#read.size)
  }

  get failure(): unknown {
    return this.#failure
  }

  async flush(): Promise<void> {
    // What runs may have looked before whoever asks wrote.
    await this.#running?.catch(() => {})
    await this.#look()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancel()
    await this.#running?.catch(() => {})
  }

  #arm(milliseconds: number): void {
    if (this.#closed) return
    this.#cancel()
    this.#cancel = this.#clock.after(milliseconds, () => {
      this.#look().catch(() => {})
    })
  }

  #look(): Promise<void> {
    this.#running ??= this.#deliver().then(
      () => {
        this.#failure = undefined
        this.#pause = times.firstPause
        this.#end((this.#options.every ?? 1) * 1000)
      },
      (error: unknown) => {
        this.#failure = error
        ;(this.#options.onError ?? report)(error)
        this.#end(this.#pause)
        this.#pause = Math.min(this.#pause * 2, times.longestPause)
        throw error
      },
    )
    return this.#running
  }

  #end(pause: number): void {
    this.#running = undefined
    this.#arm(pause)
  }

  async #deliver(): Promise<void> {
    const checkpoint = await this.#checkpoint()
    if (checkpoint === undefined) return
    const { size, root } = checkpoint
    this.#signed = size
    if (size < this.#read.size)
      throw new LogError('rolled_back', `The log has ${size} signed entries, and ${this.#read.size} were delivered: its end was cut off`)
    const hashes = tileReader(tileFetch(systemFiles, this.#folder, size), size)
    if (size === this.#read.size) return await this.#prove(this.#read, checkpoint, hashes)
    for await (const { index, entries } of storedRows(this.#folder, this.#read.size)) {
      const covered = entries.slice(0, Math.max(0, size - index))
      if (covered.length === 0 || this.#closed) return
      const { read, missed } = await this.#readAt(index, checkpoint, hashes)
      const grown = read.copy()
      const batch: LoggedEntry[] = []
      for (const [place, entry] of covered.entries()) {
        const leaf = hashEntry(this.#hash, entry)
        grown.push(leaf)
        const record = parseEntry(textOf(entry))
        // Signed, and no record: a program of others may write such entries, and there is nothing to tell of them.
        if (record !== undefined) batch.push({ index: index + place, hash: btoa(leaf), record })
      }
      await this.#prove(grown, { size, root }, hashes)
      if (batch.length > 0) await within(this.#clock, times.deliver, `The sink ${this.#options.sink.name}`, this.#options.sink.deliver(batch, missed))
      await this.#cursor.write(grown)
      this.#read = grown
    }
  }

  // What was removed since its time was over, before it could be delivered, is missed: its hashes are there, and go on.
  async #readAt(index: number, checkpoint: Checkpoint, hashes: HashReader): Promise<{ readonly read: Frontier; readonly missed: number }> {
    if (index <= this.#read.size) return { read: this.#read, missed: 0 }
    await this.#prove(this.#read, checkpoint, hashes)
    const subtrees = await Promise.all(subtreesOf(index).map(([height, place]) => hashes(height, place)))
    return { read: new Frontier(this.#hash, undefined, index, subtrees), missed: index - this.#read.size }
  }

  // Undefined where there is no log yet.
  async #checkpoint(): Promise<Checkpoint | undefined> {
    const note = await systemFiles.read(join(this.#folder, checkpointFile), maxNoteBytes)
    if (note === undefined && this.#read.size === 0) return undefined
    if (note === undefined) throw new LogError('checkpoint_missing', `There is no log in ${this.#folder} any more`)
    // Another key may have followed this one, by its word.
    const opened = await (await readKeyChain(systemFiles, this.#folder, this.#key)).open(note.toString())
    if ('checkpoint' in opened) return opened.checkpoint
    throw new LogError(opened.problem, 'The checkpoint is not signed by this key, or it was changed')
  }

  // That these entries are the first of those that were signed.
  async #prove(read: Frontier, { size, root }: Pick<Checkpoint, 'size' | 'root'>, hashes: HashReader): Promise<void> {
    if (read.size === 0) return
    const path = read.size === size ? [] : await consistencyPath(hashes, read.size, size)
    if (!(await isConsistent(read.size, read.root(), size, atob(root), path)))
      throw new LogError(
        'root_mismatch',
        'The entries are not those that were signed, or not those that were delivered before. sallyport audit verify says more',
      )
  }
}

function report(error: unknown): void {
  console.error(`sallyport: a sink could not be fed: ${error instanceof Error ? error.message : 'unknown error'}`)
}
