import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import { type Clock, systemClock } from '../guard/clock.ts'
import type { Awaitable, Identity } from '../guard/context.ts'
import { type Change, changeEntry } from '../state/change-entry.ts'
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
   * Takes back what was revoked by this very target, and nothing else; the only thing that loosens a revocation. What was revoked
   * by when it was issued (`issuedBefore`) stays. With `issuedBefore` it is taken back for what was issued later only.
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
  readonly #now = (): number => this.#clock.now()

  constructor(store: StateStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
  }

  async revoke(target: RevocationTarget): Promise<void> {
    const { keys, issuedBefore, expiresAt } = storedTarget(target)
    for (const key of keys)
      await changeEntry(this.#store, key, this.#now, (value) => {
        const before = boundsOf(value) ?? unbounded
        // A later revocation never loosens an earlier one.
        if (issuedBefore === undefined) return stored({ ...before, until: latest(before.until, expiresAt) })
        const dated = { issuedBefore: latest(before.issuedBefore, issuedBefore), datedUntil: latest(before.datedUntil, expiresAt) }
        return stored({ ...before, ...dated })
      })
  }

  async lift(target: RevocationTarget): Promise<void> {
    const { keys, issuedBefore } = storedTarget(target)
    for (const key of keys)
      await changeEntry(this.#store, key, this.#now, (value) => {
        const before = boundsOf(value)
        if (before === undefined) return 'keep'
        // What somebody else revoked by when it was issued stays.
        if (issuedBefore === undefined) return stored({ ...before, until: undefined })
        const { until, datedUntil } = before
        if (until === undefined) return stored({ ...before, issuedBefore: Math.min(before.issuedBefore ?? 0, issuedBefore) })
        const dated = { issuedBefore: latest(before.issuedBefore, issuedBefore), datedUntil: latest(datedUntil, until) }
        return stored({ until: undefined, ...dated })
      })
  }

  isRevoked(identity: Identity, now: number = this.#clock.now()): Awaitable<boolean> {
    const keys = keysOfIdentity(identity)
    const values = this.#store.get(keys, now)
    return isPromise(values) ? values.then((found) => isAnyMet(found, identity, keys.length, now)) : isAnyMet(values, identity, keys.length, now)
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

/**
 * What one entry holds: two revocations that may come from different people, and of which each is taken back alone. Times are
 * milliseconds since 1970.
 */
interface Bounds {
  /** Until when it is revoked whenever it was issued. */
  readonly until: number | undefined
  /** Before when it must have been issued to be revoked, and until when that stands. */
  readonly issuedBefore: number | undefined
  readonly datedUntil: number | undefined
}

const unbounded: Bounds = { until: undefined, issuedBefore: undefined, datedUntil: undefined }
const always: Bounds = { ...unbounded, until: Number.POSITIVE_INFINITY }
const form = /^(-|Infinity|\d{12,16}(?:\.\d+)?) (-|Infinity|\d{12,16}(?:\.\d+)?) (-|Infinity|\d{12,16}(?:\.\d+)?)$/

// A value that makes no sense revokes everything, for ever.
function boundsOf(value: string | undefined): Bounds | undefined {
  if (value === undefined) return undefined
  const [, until, issuedBefore, datedUntil] = (typeof value === 'string' && form.exec(value)) || []
  if (until === undefined || (issuedBefore === '-') !== (datedUntil === '-')) return always
  return { until: timeIn(until), issuedBefore: timeIn(issuedBefore), datedUntil: timeIn(datedUntil) }
}

function timeIn(text: string | undefined): number | undefined {
  return text === undefined || text === '-' ? undefined : Number(text)
}

function stored(bounds: Bounds): Change {
  const { until, issuedBefore, datedUntil } = bounds
  if (until === undefined && datedUntil === undefined) return 'forget'
  const value = [until, issuedBefore, datedUntil].map((time) => (time === undefined ? '-' : String(time))).join(' ')
  return { value, expiresAt: Math.max(until ?? 0, datedUntil ?? 0) }
}

function latest(one: number | undefined, other: number): number {
  return Math.max(one ?? 0, other)
}

function isAnyMet(values: readonly (string | undefined)[], identity: Identity, asked: number, now: number): boolean {
  if (!Array.isArray(values) || (values.length > 0 && values.length !== asked)) throw new TypeError('revocationList: the store answered nonsense')
  return values.some((value: string | undefined) => {
    const bounds = boundsOf(value)
    if (bounds === undefined) return false
    const { until = 0, issuedBefore = 0, datedUntil = 0 } = bounds
    return until > now || (datedUntil > now && issuedAt(identity) < issuedBefore)
  })
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
  /**
   * Until when it is remembered, in milliseconds since 1970: not before the last credential that it is about has expired. For ever
   * unless given; for a JWT until it expires. Two minutes are added, since the clocks of instances differ.
   */
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
  readonly keys: readonly string[]
  /** Milliseconds since 1970; undefined revokes whenever it was issued. */
  readonly issuedBefore: number | undefined
  readonly expiresAt: number
}

const kinds = ['token', 'session', 'subject', 'device', 'key'] as const
const datedKinds: readonly unknown[] = ['session', 'subject', 'device']
const members: readonly string[] = [...kinds, 'issuer', 'issuedBefore', 'expiresAt', 'sessionless']
/** How much longer than it was asked for it is remembered, in milliseconds: the clocks of instances differ. */
const margin = 120_000

/** The entries that a target becomes. @throws TypeError for a target that names nothing, or more than one thing. */
function storedTarget(target: RevocationTarget): StoredTarget {
  if (typeof target !== 'object' || target === null) throw new TypeError('revoke: the target must be an object')
  const own: Readonly<Record<string, unknown>> = { ...target }
  for (const [name, value] of Object.entries(own)) {
    if (!members.includes(name)) throw new TypeError(`revoke: there is no member ${name}`)
    // Taken for left out, a name that is not known would leave its issuer alone, and revoke all of it.
    if (value === undefined) throw new TypeError(`revoke: ${name} is undefined; leave it out instead`)
  }
  const { issuer, issuedBefore, expiresAt, sessionless } = own
  const named = kinds.filter((kind) => own[kind] !== undefined)
  if (named.length > 1 || (named.length === 0 && issuer === undefined))
    throw new TypeError('revoke: name exactly one of token, session, subject, device, issuer and key')
  if (issuer !== undefined && !isText(issuer)) throw new TypeError('revoke: issuer must be a non-empty text')
  const kind = named[0]
  if (issuedBefore !== undefined && !datedKinds.includes(kind)) throw new TypeError('revoke: issuedBefore goes with a subject, a session or a device')
  if (sessionless !== undefined && (sessionless !== true || kind !== 'subject'))
    throw new TypeError('revoke: sessionless goes with a subject, as true')
  const bounds = {
    issuedBefore: timeOf('issuedBefore', issuedBefore),
    expiresAt: (timeOf('expiresAt', expiresAt) ?? Number.POSITIVE_INFINITY) + margin,
  }
  if (kind === undefined) return { keys: [entry('issuer', issuer as string)], ...bounds }
  const name = own[kind]
  if (!isText(name)) throw new TypeError(`revoke: ${kind} must be a non-empty text`)
  const token = kind === 'token' ? tokenIn(name, issuer) : undefined
  if (token === undefined) return { keys: [entry(sessionless === true ? 'sessionless' : kind, name, issuer)], ...bounds }
  return { keys: token.keys, ...bounds, ...(expiresAt === undefined && { expiresAt: token.expiresAt + margin }) }
}

// Seconds taken for milliseconds would mean 1970, and revoke nothing.
function timeOf(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !(value > 1e11)) throw new TypeError(`revoke: ${name} must be milliseconds since 1970`)
  return value
}

/** What a token is revoked by that was given as it is; undefined for the id of one. */
function tokenIn(text: string, issuer: string | undefined): Pick<StoredTarget, 'keys' | 'expiresAt'> | undefined {
  if (/\s/.test(text)) throw new TypeError('revoke: token: a token or its id has no white space, and no scheme before it')
  // As it is written without padding, in whichever way it came.
  const looksLikeOne = /^[\w-]+={0,2}\.[\w-]+={0,2}\.[\w-]*={0,2}$/.test(text)
  const claims = looksLikeOne ? readJwt(text.replaceAll('=', ''))?.claims : undefined
  // Beside another issuer it is an id, whatever it looks like: that issuer may have said it, and speaks for no other one's tokens.
  if (issuer !== undefined && claims?.iss !== issuer) return undefined
  if (claims === undefined) {
    if (looksLikeOne) throw new TypeError('revoke: token: this looks like a token and cannot be read')
    return undefined
  }
  const { iss, jti, sub, exp } = claims
  // The trust domain vouches for a workload, whatever its token says (SPIFFE JWT-SVID, section 3).
  const trustDomain = typeof sub === 'string' ? /^spiffe:\/\/[^/]+/.exec(sub)?.[0] : undefined
  const issuers = [iss, trustDomain].filter(isText)
  if (issuers.length === 0 || !isText(jti)) throw new TypeError('revoke: this token has no iss or no jti: revoke its session or its subject')
  return { keys: issuers.map((one) => entry('token', jti, one)), expiresAt: typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY }
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

// Two names that differ in lone surrogates alone would be one wherever they are stored as bytes.
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed()
}
