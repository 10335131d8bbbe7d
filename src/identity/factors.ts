import type { Identity } from '../guard/context.ts'
import type { AssuranceOptions } from './assurance.ts'
import { voucherOf } from './make-identity.ts'

/** What somebody proves itself by: what it knows, what it has, what it is. */
type Factor = 'knowledge' | 'possession' | 'inherence'

/**
 * The registry of RFC 8176, section 6.1, as IANA keeps it: every method, and the factor that it is. `undefined` where it is
 * none by itself: a place, a risk, a second channel, that somebody was there, or that an operating system vouched.
 */
const methods: ReadonlyMap<string, Factor | undefined> = new Map([
  ['face', 'inherence'],
  ['fpt', 'inherence'],
  ['geo', undefined],
  ['hwk', 'possession'],
  ['iris', 'inherence'],
  ['kba', 'knowledge'],
  ['mca', undefined],
  // Says that there were several and not which: counted apart.
  ['mfa', undefined],
  ['otp', 'possession'],
  ['pin', 'knowledge'],
  ['pop', 'possession'],
  ['pwd', 'knowledge'],
  ['rba', undefined],
  ['retina', 'inherence'],
  ['sc', 'possession'],
  ['sms', 'possession'],
  ['swk', 'possession'],
  ['tel', 'possession'],
  ['user', undefined],
  ['vbm', 'inherence'],
  ['wia', undefined],
])

/** There are no more factors than these. */
const mostFactors = 3

/**
 * Asks for so many independent factors: for `assurance` of `verifyIdentity`, together with what else is wanted.
 *
 * People are counted by the methods that the credential names (`amr`, RFC 8176): something known, something had, something
 * that one is. Two methods of one kind are one factor, `mfa` alone is two, and a method that is not registered is none. A
 * service, an agent or a device has one by its credential and a second by a proof that binds it (DPoP or mutual TLS); a client
 * certificate alone is one.
 *
 * ```ts
 * verifyIdentity({ verifiers, assurance: { ...requireFactors(2), maxAge: 300 } })
 * ```
 *
 * @throws TypeError for anything but 1, 2 or 3.
 */
export function requireFactors(count: number): Required<Pick<AssuranceOptions, 'factors'>> {
  if (!isFactorCount(count)) throw new TypeError(`requireFactors: must be a whole number from 1 to ${mostFactors}`)
  return { factors: count }
}

/** Whether so many factors can be asked for. */
export function isFactorCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= mostFactors
}

/** How many independent factors an identity was proven by. */
export function countFactors(identity: Identity): number {
  const { kind, binding, assurance, tokenId, device, claims } = identity
  if (kind !== 'user') {
    // What a delegated token is bound to is its holder's, and proves nothing of whom it speaks of.
    if (voucherOf(identity).lineage !== undefined) return isFactorCount(claims.factors) ? claims.factors : 1
    // A client certificate that is the credential is also what proves it, and counts once.
    const isOneThing = tokenId !== undefined && tokenId === device?.id
    return binding === undefined || isOneThing ? 1 : 2
  }
  const factors = new Set<Factor>()
  let least = 0
  for (const method of assurance.amr) {
    const factor = methods.get(method)
    if (factor !== undefined) factors.add(factor)
    if (method === 'mfa') least = 2
  }
  return Math.max(least, factors.size)
}
