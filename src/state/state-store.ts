import type { Awaitable } from '../guard/context.ts'

/** A value, and until when it is remembered, in milliseconds since 1970. */
export interface StoredEntry {
  readonly value: string
  readonly expiresAt: number
}

/**
 * Where is remembered what must not be forgotten before its time: what was seen, what was revoked.
 *
 * Times are milliseconds since 1970; `Infinity` never expires. An entry that has not expired is never dropped to make
 * room: a full store throws, and who asked refuses. Keys are the caller's to make unambiguous. What it throws, other
 * than a `StateError`, is taken for a failure of the store as well.
 */
export interface StateStore {
  /** Remembers a key unless it is remembered already, in one step that two callers cannot both win. True where it was new. */
  add(key: string, expiresAt: number, now: number): Awaitable<boolean>
  /** Sets a value, also over an older one. */
  set(key: string, value: string, expiresAt: number, now: number): Awaitable<void>
  /**
   * Sets a value, or forgets the key where `next` is undefined, but only where the value is still `before` (undefined where there is
   * none): in one step that two callers cannot both win. False where it was another. Tells as `set` does. A store without it is
   * changed in two steps, and then two processes that change one entry at once may undo each other's change.
   */
  replace?(key: string, before: string | undefined, next: StoredEntry | undefined, now: number): Awaitable<boolean>
  /** The values of keys, in their order; undefined for what is not there or has expired. An empty list where none is there. */
  get(keys: readonly string[], now: number): Awaitable<readonly (string | undefined)[]>
  /** Forgets a key; nothing where it is not there. */
  delete(key: string): Awaitable<void>
  /**
   * Tells of every `set`, wherever it was made, until the returned function is called. An empty key says that some may have
   * been missed, as while a connection was lost: then everything must be looked up again.
   */
  subscribe(listener: (key: string) => void): () => void
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
}

/** Why a store did not do what it was asked. */
export type StateErrorCode =
  /** It holds as many unexpired entries as it may. */
  | 'full'
  /** It did not answer in time, or cannot be relied on. */
  | 'unavailable'

/** A refusal of a store. */
export class StateError extends Error {
  override readonly name: string = 'StateError'
  readonly code: StateErrorCode

  constructor(code: StateErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
