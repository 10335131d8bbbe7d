import type { Awaitable } from '../guard/context.ts'
import type { AuditRecord } from './record.ts'

/** Proof that a record was taken: where it stands in the log. */
export interface Receipt {
  /** Zero-based position in the log; grows by one a record, never repeats. */
  readonly index: number
  /** The record's leaf hash (RFC 9162, section 2.1.1), base64. */
  readonly hash: string
}

/** A tree head: what a log was at some size (RFC 9162's term; C2SP's `tlog-checkpoint`). */
export interface Checkpoint {
  /** The log's name. */
  readonly origin: string
  /** How many entries the tree covers. */
  readonly size: number
  /** The tree's root hash, base64. */
  readonly root: string
  /** The signed note that says so, as it stands in the `checkpoint` file. Absent where a log has no key. */
  readonly note?: string
}

/** An inclusion proof (RFC 9162, section 2.1.3): that one entry is in the tree that a checkpoint names. */
export interface Proof {
  readonly index: number
  /** The entry's leaf hash, base64. */
  readonly hash: string
  /** Sibling hashes from the leaf up, base64. */
  readonly path: readonly string[]
  readonly checkpoint: Checkpoint
}

/** When an append is done. */
export interface AppendOptions {
  /**
   * `durable` (unless given): it outlives a power cut. `written`: it outlives this process; the next checkpoint, or the next
   * durable record, brings it to the disk. A log that makes no difference makes each durable.
   */
  readonly durability?: 'durable' | 'written'
}

/**
 * Where records of decisions and outcomes go. `fileLog` and `memoryLog` are such logs; own ones must keep the promise of
 * `append`.
 */
export interface AuditLog {
  /**
   * Takes a record. Resolves when it is durable (for a log in memory: when it is in the tree), or as soon as the operating
   * system has it where `durability: 'written'` says that this is enough. The record is serialized
   * before this returns, so a later change to the object changes nothing.
   *
   * Rejects with a `GuardError` `audit_unavailable` when it cannot be taken. Records that a caller appends in order stand
   * in that order.
   */
  append(record: AuditRecord, options?: AppendOptions): Promise<Receipt>
  /** Signs what is in the log now, and tells the anchor. Rejects with `audit_unavailable` where that fails. */
  checkpoint(): Promise<Checkpoint>
  /** Proves that an entry is in the log. Rejects with a `RangeError` for an index that is not. */
  prove(index: number): Promise<Proof>
  /** Waits for what was appended, makes a last checkpoint and lets go of everything. Later appends are refused. */
  close(): Promise<void>
  /** The key that checkpoints verify with, as a C2SP verifier key: `name+id+base64`. Absent where a log has none. */
  readonly key?: string
  /** What this log is, as plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
}

/** An entry as a sink gets it. */
export interface LoggedEntry extends Receipt {
  readonly record: AuditRecord
}

/**
 * Takes a copy of what is in the log to somewhere else. It is given entries in order, each at least once, and never
 * holds up a call.
 */
export interface AuditSink {
  readonly name: string
  /**
   * Resolves when the entries are safe there. When it rejects, the same entries come again.
   *
   * @param missed how many entries were left out right before these, because more waited for this sink than are kept.
   * They are in the log.
   */
  deliver(entries: readonly LoggedEntry[], missed: number): Awaitable<void>
}

/** Signs checkpoints with Ed25519 (RFC 8032). `fileSigner` makes one from a key file. */
export interface Signer {
  /** The public key: 32 bytes. */
  readonly publicKey: Uint8Array
  /** The 64 bytes of a deterministic RFC 8032 signature. */
  sign(message: Uint8Array): Awaitable<Uint8Array>
}

/** The consistency proof (RFC 9162, section 2.1.4) from a tree of that size to the one that was named, in base64. */
export type ConsistencyProver = (older: number) => Promise<readonly string[]>

/**
 * A place outside the log that remembers its newest checkpoint. Without one, a tail that was cut off or an older copy
 * that was put back cannot be told from a log that ended there.
 */
export interface Anchor {
  /**
   * Remembers this signed note. Rejects where it cannot, or where it already remembers a larger tree.
   *
   * @param prove gives the proof that an older tree of the log is a beginning of this one, for who believes nothing.
   */
  publish(note: string, prove?: ConsistencyProver): Promise<void>
  /** The newest signed note; `undefined` where there never was one. Rejects where it cannot be known. */
  latest(): Promise<string | undefined>
  /**
   * Every signed note that it remembers, the smallest tree first, where it keeps them all. A verifier compares each of them with the
   * log, so a log that was rolled back and has grown again since is seen as well, whoever did it.
   */
  history?(): AsyncIterable<string>
}
