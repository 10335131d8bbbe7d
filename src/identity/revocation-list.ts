import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { inTurn } from '../state/in-turn.ts'
import { memoryState } from '../state/memory-state.ts'
import type { StateStore } from '../state/state-store.ts'
import { identityKey, voucherOf } from './make-identity.ts'
import { readJwt } from './presented.ts'

/** Options of `revocationList`. */
export interface RevocationListOptions {
  /** Where revocations are kept; a memory of its own unless given. */
  readonly store?: StateStore
  /** The system's unless given. */
  readonly clock?: Clock
}

/** What `verifyIdentity` asks about revocations. */
export interface Revocations {
  /** Whether an identity, its token, session, issuer, key or device, or somebody who acts for it was revoked. At once where the store answers at once. */
  isRevoked(identity: Identity, now?: number): Awaitable<boolean>
  /** Tells when something was revoked, here or elsewhere, until the returned function is called. */
  subscribe(listener: () => void): () => void
  /** Plain data for `guard.describe()`. */
  describe(): Readonly<Record<string, unknown>>
}

/** What was revoked. Refuses to forget: a revocation stands until it expires, and a full store takes no more. */
export interface RevocationList extends Revocations {
  /**
   * Revokes. When it resolves the next check finds it, and whoever subscribed was told.
   *
   * @throws TypeError for a target that names nothing, or more than one thing. Rejects where the store does not take it.
   */
  revoke(target: RevocationTarget): Promise<void>
  /**
   * Takes back what was revoked by this very target, and nothing else; the only thing that loosens a revocation. With
   * `issuedBefore` what was issued before stays revoked.
   *
   * @throws TypeError as `revoke` does. Rejects where the store does not take it.
   */
  lift(target: RevocationTarget): Promise<void>
}

const checks: Readonly<Record<keyof RevocationListOptions, Check>> = {
  store: [
    optional(hasMethods('add', 'set', 'get', 'delete', 'subscribe', 'describe')),
    'a StateStore with add(), set(), get(), delete(), subscribe() and describe()',
  ],
  clock: [optional(hasMethods('now', 'monotonic', 'after')), 'a Clock'],
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
  checkOptions('revocationList', options, checks)
  const { store = memoryState(), clock = systemClock } = options
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
    const { key, issuedBefore, expiresAt } = storedTarget(target)
    await inTurn(this.#store, key, async () => {
      const now = this.#clock.now()
      const before = boundsOf((await this.#store.get([key], now))[0])
      // A later revocation never loosens an earlier one.
      const until = Math.max(expiresAt, before?.expiresAt ?? 0)
      await this.#store.set(key, `${Math.max(issuedBefore, before?.issuedBefore ?? 0)} ${until}`, until, now)
    })
  }

  async lift(target: RevocationTarget): Promise<void> {
    const { key, issuedBefore } = storedTarget(target)
    await inTurn(this.#store, key, async () => {
      if (issuedBefore === Number.POSITIVE_INFINITY) return await this.#store.delete(key)
      const now = this.#clock.now()
      const before = boundsOf((await this.#store.get([key], now))[0])
      if (before === undefined || before.issuedBefore <= issuedBefore) return
      await this.#store.set(key, `${issuedBefore} ${before.expiresAt}`, before.expiresAt, now)
    })
  }

  isRevoked(identity: Identity, now: number = this.#clock.now()): Awaitable<boolean> {
    const keys = keysOfIdentity(identity)
    const values = this.#store.get(keys, now)
    return isPromise(values) ? values.then((found) => isAnyMet(found, identity, keys.length)) : isAnyMet(values, identity, keys.length)
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

function isAnyMet(values: readonly (string | undefined)[], identity: Identity, asked: number): boolean {
  if (!Array.isArray(values) || (values.length > 0 && values.length !== asked)) throw new TypeError('revocationList: the store answered nonsense')
  for (const value of values) {
    const bounds = boundsOf(value)
    if (bounds !== undefined && issuedAt(identity) < bounds.issuedBefore) return true
  }
  return false
}

// With the oldest token that it was made from. Who cannot show when it was issued was issued before.
function issuedAt(identity: Identity): number {
  const { iat } = identity.claims
  const { lineage = [] } = voucherOf(identity)
  const times = [typeof iat === 'number' ? iat * 1000 : Number.NEGATIVE_INFINITY, ...lineage.map(({ issuedAt: at = Number.NEGATIVE_INFINITY }) => at)]
  return Math.min(...times)
}

/** What is revoked: exactly one of `token`, `session`, `subject`, `device`, `key`, and `issuer` alone. */
export type RevocationTarget = RevocationScope & {
  /** Until when it is remembered, in milliseconds since 1970: not before the last credential that it is about has expired. For ever unless given; for a JWT until it expires. */
  readonly expiresAt?: number
}

/**
 * Whose credentials are revoked: one token, one session, one caller, all from one device, all of an issuer, all that one key
 * vouched for. With `issuedBefore` (milliseconds since 1970) what was issued later stands.
 */
export type RevocationScope =
  /** A token by its id (`identity.tokenId`, the `jti`), or the JWT itself, of which its issuer and id are taken. */
  | { readonly token: string; readonly issuer?: string }
  /** A session (`sid`). */
  | { readonly session: string; readonly issuer?: string; readonly issuedBefore?: number }
  /**
   * A subject, by `identity.key`, or by its name: at one issuer, or at every one where none is named. Also ends what others
   * do for whom it acts. `sessionless` means only what names no session (`sid`): to end a session also in credentials in which
   * it cannot be found.
   */
  | { readonly subject: string; readonly issuer?: string; readonly issuedBefore?: number; readonly sessionless?: true }
  /** A device (`identity.device.id`): whoever uses it, or only whom this issuer vouches for. */
  | { readonly device: string; readonly issuer?: string; readonly issuedBefore?: number }
  /** Everything that an issuer vouched for. */
  | { readonly issuer: string }
  /** Everything that was verified with a key: a `kid`, or the id of an API key. */
  | { readonly key: string; readonly issuer?: string }

/** A revocation as it is stored. */
interface StoredTarget {
  readonly key: string
  /** Milliseconds since 1970; `Infinity` revokes whenever it was issued. */
  readonly issuedBefore: number
  readonly expiresAt: number
}

const kinds = ['token', 'session', 'subject', 'device', 'key'] as const
const datedKinds: readonly unknown[] = ['session', 'subject', 'device']

/** The one entry that a target becomes. @throws TypeError for a target that names nothing, or more than one thing. */
function storedTarget(target: RevocationTarget): StoredTarget {
  if (typeof target !== 'object' || target === null) throw new TypeError('revoke: the target must be an object')
  const own: Readonly<Record<string, unknown>> = { ...target }
  const { issuer, issuedBefore, expiresAt, sessionless } = own
  const named = kinds.filter((kind) => own[kind] !== undefined)
  if (named.length > 1 || (named.length === 0 && issuer === undefined))
    throw new TypeError('revoke: name exactly one of token, session, subject, device, issuer and key')
  if (issuer !== undefined && !isText(issuer)) throw new TypeError('revoke: issuer must be a non-empty text')
  if (expiresAt !== undefined && !(typeof expiresAt === 'number' && expiresAt > 1e11))
    throw new TypeError('revoke: expiresAt must be milliseconds since 1970')
  const kind = named[0]
  if (issuedBefore !== undefined) {
    if (!datedKinds.includes(kind)) throw new TypeError('revoke: issuedBefore goes with a subject, a session or a device')
    // Seconds taken for milliseconds would mean 1970, and revoke nothing.
    if (typeof issuedBefore !== 'number' || !(issuedBefore > 1e11)) throw new TypeError('revoke: issuedBefore must be milliseconds since 1970')
  }
  if (sessionless !== undefined && (sessionless !== true || kind !== 'subject'))
    throw new TypeError('revoke: sessionless goes with a subject, as true')
  const bounds = { issuedBefore: issuedBefore ?? Number.POSITIVE_INFINITY, expiresAt: expiresAt ?? Number.POSITIVE_INFINITY }
  if (kind === undefined) return { key: entry('issuer', issuer as string), ...bounds }
  const name = own[kind]
  if (!isText(name)) throw new TypeError(`revoke: ${kind} must be a non-empty text`)
  if (kind === 'token' && name.includes('.')) {
    const claims = readJwt(name)?.claims
    // Beside another issuer it is an id, whatever it looks like: that issuer may have said it, and speaks for no other one's tokens.
    if (claims !== undefined && (issuer === undefined || claims.iss === issuer)) {
      if (!isText(claims.iss) || !isText(claims.jti))
        throw new TypeError('revoke: this token has no iss or no jti: revoke its session or its subject')
      const { exp } = claims
      return {
        key: entry('token', claims.jti, claims.iss),
        ...bounds,
        ...(expiresAt === undefined && typeof exp === 'number' && { expiresAt: exp * 1000 }),
      }
    }
  }
  return { key: entry(sessionless === true ? 'sessionless' : kind, name, issuer), ...bounds }
}

// One identity is checked again and again; the names of its entries never change.
const known = new WeakMap<Identity, readonly string[]>()

/** Every entry that would revoke an identity. */
function keysOfIdentity(identity: Identity): readonly string[] {
  let keys = known.get(identity)
  if (keys === undefined) {
    keys = Object.freeze(listKeys(identity))
    known.set(identity, keys)
  }
  return keys
}

function listKeys(identity: Identity): string[] {
  const { key, subject, issuer, tokenId, claims, actors, device } = identity
  const keys = [entry('issuer', issuer), entry('subject', key)]
  const add = (kind: (typeof kinds)[number] | 'sessionless', name: unknown, from: string): void => {
    if (isText(name)) keys.push(entry(kind, name), entry(kind, name, from))
  }
  add('subject', subject, issuer)
  add('token', tokenId, issuer)
  if (isText(claims.sid)) add('session', claims.sid, issuer)
  else {
    keys.push(entry('sessionless', key))
    add('sessionless', subject, issuer)
  }
  add('device', device?.id, issuer)
  const { keyId, lineage = [] } = voucherOf(identity)
  add('key', keyId, issuer)
  for (const ancestor of lineage) {
    keys.push(entry('issuer', ancestor.issuer))
    add('token', ancestor.tokenId, ancestor.issuer)
    add('session', ancestor.session, ancestor.issuer)
    add('key', ancestor.keyId, ancestor.issuer)
    add('device', ancestor.device, ancestor.issuer)
  }
  for (const actor of actors) {
    const from = actor.issuer ?? issuer
    add('subject', actor.subject, from)
    keys.push(entry('subject', identityKey(from, actor.subject)))
  }
  return keys
}

function entry(kind: string, name: string, issuer?: string): string {
  return issuer === undefined ? `revoked:${kind}:${name}` : `revoked:${kind}@${identityKey(issuer, name)}`
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
