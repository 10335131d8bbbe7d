import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import { GuardError } from '../guard/errors.ts'
import type { Awaitable } from '../guard/context.ts'
import type { AuditLog, Checkpoint, Proof, Receipt } from './audit-log.ts'
import { inclusionPath, rootOf } from './merkle-proof.ts'
import { leafHash, nodeHash } from './merkle-tree.ts'
import { entryText, parseEntry } from './record.ts'
import type { AuditRecord } from './record.ts'
import type { Hash } from './sha256.ts'

/** Options of `memoryLog`. */
export interface MemoryLogOptions {
  /** How many records it takes before it refuses; 100,000 unless given. Nothing is ever dropped. */
  readonly maxEntries?: number
  /** The log's name in its checkpoints; `memory` unless given. */
  readonly origin?: string
}

/** A log in memory. */
export interface MemoryLog extends AuditLog {
  /** A copy of every record, in order. */
  readonly entries: readonly AuditRecord[]
}

const checks: Readonly<Record<keyof MemoryLogOptions, Check>> = {
  maxEntries: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 1), 'a whole number above zero'],
  origin: [optional((value) => typeof value === 'string'), 'a text'],
}

/**
 * A log with the same tree as a log in a file, held in memory: for tests, and for processes whose log is elsewhere. It
 * is gone with the process, its checkpoints are not signed, and a full one refuses: `audit_unavailable`.
 *
 * @throws TypeError for a bound that is not a whole number above zero.
 */
export function memoryLog(options: MemoryLogOptions = {}): MemoryLog {
  checkOptions('memoryLog', options, checks)
  const { maxEntries = 100_000, origin = 'memory' } = options
  return new TreeInMemory(maxEntries, origin)
}

class TreeInMemory implements MemoryLog {
  readonly #maxEntries: number
  readonly #origin: string
  readonly #texts: string[] = []
  readonly #leaves: Awaitable<Hash>[] = []
  // Whole subtrees by height; filled when somebody asks for a root or a proof.
  readonly #rows: Hash[][] = [[]]
  #growing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(maxEntries: number, origin: string) {
    this.#maxEntries = maxEntries
    this.#origin = origin
  }

  get entries(): readonly AuditRecord[] {
    return this.#texts.map((text) => parseEntry(text)).filter((record) => record !== undefined)
  }

  async append(record: AuditRecord): Promise<Receipt> {
    if (this.#closed) throw new GuardError('audit_unavailable', { reason: 'the log is closed' })
    const index = this.#texts.length
    if (index >= this.#maxEntries) throw new GuardError('audit_unavailable', { reason: `the memory log is full: ${this.#maxEntries} records` })
    const text = entryText(record)
    const leaf = leafHash(new TextEncoder().encode(text))
    this.#texts.push(text)
    this.#leaves.push(leaf)
    return { index, hash: btoa(await leaf) }
  }

  async checkpoint(): Promise<Checkpoint> {
    const size = this.#texts.length
    await this.#grow(size)
    return { origin: this.#origin, size, root: btoa(await rootOf(this.#read, size)) }
  }

  async prove(index: number): Promise<Proof> {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.#texts.length) throw new RangeError('There is no entry of this index')
    const checkpoint = await this.checkpoint()
    const path = await inclusionPath(this.#read, index, checkpoint.size)
    return { index, hash: btoa(await this.#read(0, index)), path: path.map((hash) => btoa(hash)), checkpoint }
  }

  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'memory', origin: this.#origin, size: this.#texts.length, maxEntries: this.#maxEntries }
  }

  readonly #read = (height: number, index: number): Hash => {
    const hash = this.#rows[height]?.[index]
    if (hash === undefined) throw new RangeError('This subtree is not whole')
    return hash
  }

  // One at a time: hashing may wait, and two that grow at once would add a node twice.
  #grow(size: number): Promise<void> {
    this.#growing = this.#growing.then(async () => {
      const leaves = (this.#rows[0] ??= [])
      while (leaves.length < size) leaves.push(await (this.#leaves[leaves.length] ?? ''))
      for (let height = 1; 2 ** height <= leaves.length; height++) {
        const below = this.#rows[height - 1] ?? []
        const row = (this.#rows[height] ??= [])
        while (row.length < Math.floor(below.length / 2)) row.push(await nodeHash(below[row.length * 2] ?? '', below[row.length * 2 + 1] ?? ''))
      }
    })
    return this.#growing
  }
}
