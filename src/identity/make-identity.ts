import type { Clock } from '../guard/clock.ts'
import type { Actor, Assurance, Awaitable, Device, Identity } from '../guard/context.ts'
import { snapshotJson } from '../guard/snapshot.ts'

/**
 * The one name of a subject: issuer and subject together, the issuer's length before them, so that no two pairs have one
 * name. What `identity.key` holds.
 *
 * ```ts
 * identityKey('https://id.example', 'ada') // '18:https://id.exampleada'
 * ```
 */
export function identityKey(issuer: string, subject: string): string {
  return `${issuer.length}:${issuer}${subject}`
}

/** What an identity is made of. */
export interface IdentityParts extends Partial<Omit<Identity, 'key' | 'subject' | 'issuer' | 'expiresAt'>> {
  readonly subject: string
  readonly issuer: string
  readonly expiresAt: number
}

/** What an identity rests on: for revocation and re-verification, and for nobody who reads the identity. */
export interface Voucher {
  /** The id of the key that the credential was verified with. */
  readonly keyId?: string | undefined
  /** The tokens that a delegated one was made from, nearest first: revoking one of them revokes what was made of it. */
  readonly lineage?: readonly Ancestor[]
  /** Whether whoever verified it still stands by it: a withdrawn key, a token that its issuer has ended. Refuses by throwing. */
  readonly still?: (clock: Clock) => Awaitable<void>
}

/** A token that another one was made from. */
export interface Ancestor {
  readonly issuer: string
  readonly tokenId?: string
  readonly keyId?: string
  readonly session?: string
  /** The device that whoever presented it proved to have. */
  readonly device?: string
  /** Milliseconds since 1970. */
  readonly issuedAt?: number
}

// By the identity, and by its claims: those are one object for each identity, and go along where an application's own verifier
// copies an identity to change a part of it.
const vouchers = new WeakMap<Identity | Identity['claims'], Voucher>()

const kinds: readonly string[] = ['user', 'service', 'agent', 'device']
const bindings: readonly unknown[] = [undefined, 'dpop', 'mtls']

/**
 * An identity of verified parts: copied, checked, deeply frozen, and keyed by issuer and subject.
 *
 * @throws TypeError for a part of a wrong type or without content, and for text with lone surrogates.
 */
export function makeIdentity(parts: IdentityParts, voucher: Voucher = {}): Identity {
  const { kind = 'user', roles = [], scopes = [], claims = {}, actors = [], assurance = { amr: [] }, tenant, binding, tokenId, device } = parts
  const subject = text('subject', parts.subject)
  const issuer = text('issuer', parts.issuer)
  if (!kinds.includes(kind)) throw new TypeError('identity.kind: must be user, service, agent or device')
  if (!bindings.includes(binding)) throw new TypeError('identity.binding: must be dpop or mtls')
  const identity: Identity = Object.freeze({
    key: identityKey(issuer, subject),
    subject,
    issuer,
    kind,
    ...(tenant !== undefined && { tenant: text('tenant', tenant) }),
    roles: texts('roles', roles),
    scopes: texts('scopes', scopes),
    claims: record(claims),
    actors: Object.freeze(list('actors', actors).map(actor)),
    assurance: assured(assurance),
    ...(binding !== undefined && { binding }),
    expiresAt: time('expiresAt', parts.expiresAt),
    ...(tokenId !== undefined && { tokenId: text('tokenId', tokenId) }),
    ...(device !== undefined && { device: deviceOf(device) }),
  })
  vouchers.set(identity, voucher)
  vouchers.set(identity.claims, voucher)
  return identity
}

/** The identity that somebody's own verifier gave: one that was made here as it is, else a checked copy. @throws TypeError */
export function asIdentity(value: unknown): Identity {
  if (typeof value !== 'object' || value === null) throw new TypeError('a verifier gave no identity')
  if (vouchers.has(value as Identity)) return value as Identity
  // Read once; every part is checked where it is copied. What was made of one of ours rests on what that one rests on.
  const parts = { ...(value as Identity) }
  return makeIdentity(parts, isObject(parts.claims) ? vouchers.get(parts.claims) : undefined)
}

/** The same identity with another account of its device. @throws TypeError for an account of a wrong shape. */
export function withDevice(identity: Identity, device: Device): Identity {
  const own = Object.freeze({ ...identity, device: deviceOf(device) })
  vouchers.set(own, voucherOf(identity))
  return own
}

/** What an identity rests on; nothing for one that was not made here. */
export function voucherOf(identity: Identity): Voucher {
  return vouchers.get(identity) ?? {}
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function text(name: string, value: unknown): string {
  // A lone surrogate becomes U+FFFD in bytes: two names that differ would be one wherever they are hashed or stored.
  if (typeof value !== 'string' || value === '' || !value.isWellFormed()) throw new TypeError(`identity.${name}: must be a text`)
  return value
}

function list(name: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`identity.${name}: must be a list`)
  return Array.from(value)
}

function texts(name: string, value: unknown): readonly string[] {
  return Object.freeze(list(name, value).map((item) => text(name, item)))
}

function time(name: string, value: unknown): number {
  if (typeof value !== 'number' || Number.isNaN(value)) throw new TypeError(`identity.${name}: must be a number of milliseconds`)
  return value
}

function record(value: unknown, name = 'claims'): Identity['claims'] {
  const own = snapshotJson(value)
  if (typeof own !== 'object' || own === null || Array.isArray(own)) throw new TypeError(`identity.${name}: must be a record`)
  return own as Identity['claims']
}

function actor(value: unknown): Actor {
  if (typeof value !== 'object' || value === null) throw new TypeError('identity.actors: must be objects')
  const { subject, issuer } = value as Partial<Actor>
  return Object.freeze({ subject: text('actors', subject), ...(issuer !== undefined && { issuer: text('actors', issuer) }) })
}

const statuses: readonly unknown[] = ['known', 'stale', 'unknown']

/** A checked and frozen copy of an account of a device. @throws TypeError */
export function deviceOf(value: unknown): Device {
  if (typeof value !== 'object' || value === null) throw new TypeError('identity.device: must be an object')
  const { id, status, posture } = value as Partial<Device>
  if (!statuses.includes(status)) throw new TypeError('identity.device.status: must be known, stale or unknown')
  return Object.freeze({ id: text('device.id', id), status: status as Device['status'], posture: record(posture, 'device.posture') })
}

function assured(value: unknown): Assurance {
  if (typeof value !== 'object' || value === null) throw new TypeError('identity.assurance: must be an object')
  const { acr, amr, authenticatedAt } = value as Partial<Assurance>
  return Object.freeze({
    ...(acr !== undefined && { acr: text('assurance.acr', acr) }),
    amr: texts('assurance.amr', amr),
    ...(authenticatedAt !== undefined && { authenticatedAt: time('assurance.authenticatedAt', authenticatedAt) }),
  })
}
