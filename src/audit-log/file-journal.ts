import { createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Receipt } from './audit-log.ts'
import type { FileSystem } from './file-system.ts'
import { entryText, maxEntryBytes } from './record.ts'
import type { AuditRecord } from './record.ts'
import type { Hash, SyncHash } from './sha256.ts'

// The journal is what makes a record durable at once; tiles and bundles are derived from it and written later.
//
//   journal/<index of its first entry, 16 digits>
//     {"action":"chat", …}          an entry: canonical JSON, so it holds no line break
//     {"action":"chat", …}
//     = 2 <base64>                  a seal: all before it was written as one batch and the log then had 2 entries
//
// A seal that begins with ~ says that nobody was told that the batch is on the disk: of several such batches at the end a
// power cut may leave any part.
//
// A seal is an HMAC over the seal before it, the size and the batch's leaf hashes, under a key that only the signer can
// derive. So start-up takes up only what this log wrote, a batch counts whole or not at all, and what was half written
// when the power went is told from what was changed by hand.

/** Bytes after which a new journal file begins, so that start-up reads little. */
export const usualSegment: number = 16 * 1024 * 1024
/** Bytes of records that may wait for the disk, and so be in one batch. What exceeds it is refused at once. */
export const maxWaiting: number = 32 * 1024 * 1024
/** The most bytes that a journal file may have: a last batch begins before it is full, and ends with an entry and a seal. */
export const maxSegmentBytes: number = usualSegment + maxWaiting + 2 * maxEntryBytes

/** Where the journal is inside a log. */
export const journalFolder = 'journal'

const newline = 0x0a
const brace = 0x7b
const equals = 0x3d
const tilde = 0x7e

/** The seal of a batch. The first one of a segment follows a seal over the tree's root. */
export function seal(key: KeyObject, before: Hash, size: number, leaves: readonly Hash[]): Hash {
  const hmac = createHmac('sha256', key).update(before, 'latin1').update(`\n${size}\n`)
  if (leaves.length > 0) hmac.update(leaves.join(''), 'latin1')
  return hmac.digest('binary')
}

interface Waiter {
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: unknown) => void
}

/** Records on their way to the disk: serialized, hashed, in the form in which they will stand there. */
export class Batch {
  // The byte before an entry is a line break, but for the moment in which it is hashed: then it is the zero of RFC 9162.
  #bytes: Buffer = Buffer.allocUnsafe(64 * 1024)
  #length = 1
  readonly ends: number[] = []
  readonly leaves: Hash[] = []
  readonly #waiters: Waiter[] = []
  readonly #hash: SyncHash
  #durable = false

  constructor(hash: SyncHash) {
    this.#hash = hash
  }

  get length(): number {
    return this.#length
  }

  /** Whether somebody waits for one of them to be on the disk. */
  get durable(): boolean {
    return this.#durable
  }

  get count(): number {
    return this.ends.length
  }

  /** The bytes of an entry of this batch; valid until the batch is cleared. */
  entry(index: number): Buffer {
    return this.#bytes.subarray(index === 0 ? 1 : (this.ends[index - 1] ?? 0) + 1, this.ends[index])
  }

  add(record: AuditRecord, durable: boolean): Promise<Receipt> {
    const text = entryText(record)
    this.#durable ||= durable
    const from = this.#length
    this.#reserve(Math.min(text.length * 3, maxEntryBytes) + 256)
    const to = from + this.#bytes.write(text, from)
    this.#bytes[from - 1] = 0
    this.leaves.push(this.#hash(this.#bytes.subarray(from - 1, to)))
    this.#bytes[from - 1] = newline
    this.#bytes[to] = newline
    this.ends.push(to)
    this.#length = to + 1
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  /** Adds the seal, and gives all that is to be written. */
  sealed(size: number, mac: Hash): Buffer {
    this.#reserve(256)
    const end = this.#length + this.#bytes.write(`${this.#durable ? '=' : '~'} ${size} ${btoa(mac)}\n`, this.#length)
    return this.#bytes.subarray(1, end)
  }

  /** Answers everybody who waits. `first` is the index of the first entry. */
  resolve(first: number): void {
    for (let index = 0; index < this.#waiters.length; index++)
      this.#waiters[index]?.resolve({ index: first + index, hash: btoa(this.leaves[index] ?? '') })
  }

  reject(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }

  clear(): void {
    this.#length = 1
    this.#durable = false
    this.ends.length = this.leaves.length = this.#waiters.length = 0
    // One flood must not keep its memory for good.
    if (this.#bytes.length > 4 * 1024 * 1024) this.#bytes = Buffer.allocUnsafe(64 * 1024)
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

/** A file of the journal that is being written. */
export class Segment {
  readonly start: number
  readonly path: string
  readonly #files: FileSystem
  readonly #descriptor: number
  #length = 0
  #broken = false
  /** How many bytes are on the disk for sure. */
  #safe = 0
  /** For what need not be on the disk at once: the other one waits for the disk with each write. */
  #relaxed: number | undefined
  #lost = false
  #naming: Promise<void> | undefined

  private constructor(files: FileSystem, path: string, start: number, descriptor: number) {
    this.#files = files
    this.path = path
    this.start = start
    this.#descriptor = descriptor
  }

  /** Makes the file. Neither it nor its name need be on the disk before what is written to it. */
  static async create(files: FileSystem, directory: string, start: number): Promise<Segment> {
    const path = join(directory, journalFolder, segmentName(start))
    return new Segment(files, path, start, await files.open(path, 'wd'))
  }

  get length(): number {
    return this.#length
  }

  /**
   * Resolves when the batch, and all before it, is on the disk; where it need not be `durable`, when the system has it. When it
   * rejects, the file is as if it had never been called.
   */
  async write(bytes: Uint8Array, durable: boolean): Promise<void> {
    await this.settle()
    try {
      if (durable) await this.flush()
      if (durable) await this.#writeThrough(bytes)
      else await this.#files.write((this.#relaxed ??= await this.#files.open(this.path, 'r+')), bytes, this.#length)
    } catch (error) {
      this.#broken = true
      // Where this fails too, nothing is written until it succeeds.
      await this.settle().catch(() => {})
      throw error
    }
    // A write that waits for the disk waits for its own bytes only, and all before them were there already.
    if (durable) this.#safe = this.#length + bytes.length
    this.#length += bytes.length
  }

  /** Resolves when all that was written is on the disk. */
  async flush(): Promise<void> {
    if (this.#lost) throw new Error('The disk lost what was written to it: open the log anew')
    const length = this.#length
    if (this.#safe >= length) return
    await this.#name()
    try {
      await this.#files.sync(this.#descriptor)
    } catch (error) {
      // The system may have let go of what it could not write, and a second attempt would succeed without it.
      this.#lost = true
      throw error
    }
    this.#safe = Math.max(this.#safe, length)
  }

  // Both at once: whoever waits for a record waits while a new file begins as well.
  async #writeThrough(bytes: Uint8Array): Promise<void> {
    const naming = this.#name()
    naming.catch(() => {})
    await this.#files.writeThrough(this.#descriptor, bytes, this.#length)
    await naming
  }

  /** A record in a file without a name would be lost. */
  #name(): Promise<void> {
    this.#naming ??= this.#files.syncFolder(dirname(this.path)).catch((error: unknown) => {
      this.#naming = undefined
      throw error
    })
    return this.#naming
  }

  /** Cuts off what a failed write may have left, where that is still to be done. */
  async settle(): Promise<void> {
    if (!this.#broken) return
    if (this.#lost) throw new Error('The disk lost what was written to it: open the log anew')
    await this.#files.truncate(this.#descriptor, this.#length)
    await this.#files.sync(this.#descriptor)
    this.#safe = this.#length
    this.#broken = false
  }

  async close(): Promise<void> {
    try {
      await this.settle()
      await this.flush()
    } finally {
      await this.#files.close(this.#descriptor)
      if (this.#relaxed !== undefined) await this.#files.close(this.#relaxed)
    }
  }
}

function segmentName(start: number): string {
  return String(start).padStart(16, '0')
}

/** The files of a journal, oldest first. An empty one says nothing: it is what a failed attempt to begin it left. */
export async function listSegments(files: FileSystem, directory: string): Promise<{ readonly path: string; readonly start: number }[]> {
  const folder = join(directory, journalFolder)
  const names = (await files.list(folder)).filter((name) => /^\d{16}$/.test(name)).sort()
  return names.map((name) => ({ path: join(folder, name), start: Number(name) }))
}

/** A batch as it was read back. */
export interface ReadBatch {
  readonly entries: readonly Uint8Array[]
  /** What its seal says; `undefined` for lines at the end that no seal follows. */
  readonly seal: { readonly size: number; readonly mac: Hash; readonly durable: boolean } | undefined
  /** Where it begins in the file, in bytes. */
  readonly from: number
  readonly to: number
}

/**
 * Reads a segment batch by batch. Lines that are neither entries nor seals end up in a batch as entries: whoever reads
 * checks the seal. The last batch has none where the file does not end with one.
 */
export function* readBatches(bytes: Buffer): Generator<ReadBatch> {
  let entries: Uint8Array[] = []
  let from = 0
  let at = 0
  while (at < bytes.length) {
    const end = bytes.indexOf(newline, at)
    if (end === -1) break
    const line = bytes.subarray(at, end)
    at = end + 1
    if (line[0] === equals || line[0] === tilde) {
      const found = parseSeal(line)
      if (found !== undefined) {
        yield { entries, seal: found, from, to: at }
        entries = []
        from = at
        continue
      }
    }
    entries.push(line)
  }
  if (from < bytes.length) yield { entries: entries.filter((line) => line[0] === brace), seal: undefined, from, to: bytes.length }
}

function parseSeal(line: Buffer): ReadBatch['seal'] {
  const [, size, mac] = /^[=~] (\d{1,16}) ([A-Za-z0-9+/]{43}=)$/.exec(line.toString('latin1', 0, 80)) ?? []
  return size === undefined || mac === undefined ? undefined : { size: Number(size), mac: atob(mac), durable: line[0] === equals }
}

/** The leaf hash of an entry that stands somewhere in a file. */
export function hashEntry(hash: SyncHash, entry: Uint8Array): Hash {
  const bytes = Buffer.allocUnsafe(entry.length + 1)
  bytes[0] = 0
  bytes.set(entry, 1)
  return hash(bytes)
}
