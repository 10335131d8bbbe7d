import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { memoryState } from '../state/memory-state.ts'
import type { StateStore } from '../state/state-store.ts'
import { keysOfIdentity, storedTarget, type RevocationTarget } from './revocation-keys.ts'

/** Options of `revocationList`. */
export interface RevocationListOptions {
  /** Where revocations are kept; a memory of its own unless given. */
  readonly store?: StateStore
  /** The system's unless given. */
  readonly clock?: Clock
}

/** What was revoked. Refuses to forget: a revocation stands until it expires, and a full store takes no more. */
export interface RevocationList {
  /**
   * Revokes. When it resolves the next check finds it, and whoever subscribed was told.
   *
   * @throws TypeError for a target that names nothing, or more than one thing. Rejects where the store does not take it.
   */
  revoke(target: RevocationTarget): Promise<void>
  /** Whether an identity, its token, session, issuer or key, or somebody who acts for it was revoked. At once where the store answers at once. */
  isRevoked(identity: Identity, now?: number): Awaitable<boolean>
  /** Tells when something was revoked, here or elsewhere, until the returned function is called. */
  subscribe(listener: () => void): () => void
  /** Plain data for `guard.describe()`. */
  describe(): Readonly<Record<string, unknown>>
}

/**
 * A list of what was revoked, for `verifyIdentity({ revocation })`: the next call is refused, and a running stream ends.
 *
 * ```ts
 * const revocation = revocationList()
 * await revocation.revoke({ subject: identity.key })
 * ```
 */
export function revocationList(options: RevocationListOptions = {}): RevocationList {
  const { store = memoryState(), clock = systemClock } = options
  for (const method of ['add', 'set', 'get', 'delete', 'subscribe', 'describe'] as const)
    if (typeof store[method] !== 'function') throw new TypeError(`revocationList: a store needs ${method}()`)
  return new StoredRevocations(store, clock)
}

class StoredRevocations implements RevocationList {
  readonly #store: StateStore
  readonly #clock: Clock

  constructor(store: StateStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async revoke(target: RevocationTarget): Promise<void> {
    const now = this.#clock.now()
    const { key, issuedBefore, expiresAt } = storedTarget(target)
    const before = boundsOf((await this.#store.get([key], now))[0])
    // A later revocation never loosens an earlier one.
    const until = Math.max(expiresAt, before?.expiresAt ?? 0)
    await this.#store.set(key, `${Math.max(issuedBefore, before?.issuedBefore ?? 0)} ${until}`, until, now)
  }

  isRevoked(identity: Identity, now: number = this.#clock.now()): Awaitable<boolean> {
    const values = this.#store.get(keysOfIdentity(identity), now)
    return isPromise(values) ? values.then((found) => isAnyMet(found, identity)) : isAnyMet(values, identity)
  }

  subscribe(listener: () => void): () => void {
    return this.#store.subscribe(() => listener())
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'revocationList', store: this.#store.describe() }
  }
}

function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return value instanceof Promise || (typeof value === 'object' && value !== null && 'then' in value)
}

// A value that makes no sense revokes everything, for ever.
function boundsOf(value: string | undefined): { readonly issuedBefore: number; readonly expiresAt: number } | undefined {
  if (value === undefined) return undefined
  const [issuedBefore = Number.NaN, expiresAt = Number.NaN] = value.split(' ').map(Number)
  return { issuedBefore: boundOf(issuedBefore), expiresAt: boundOf(expiresAt) }
}

function boundOf(value: number): number {
  return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value
}

function isAnyMet(values: readonly (string | undefined)[], { claims }: Identity): boolean {
  for (const value of values) {
    const bounds = boundsOf(value)
    if (bounds === undefined) continue
    const { iat } = claims
    // Who cannot show when it was issued was issued before.
    if (typeof iat !== 'number' || iat * 1000 < bounds.issuedBefore) return true
  }
  return false
}
