import { type Check, checkOptions } from '../guard/check-options.ts'
import { systemClock } from '../guard/clock.ts'
import { type Jwks, localJwks, secretAlgorithms } from '../keys/jwks.ts'
import type { KeyQuery, KeySource, VerificationKey } from '../keys/key-source.ts'

/** Somebody who may approve: as an identity names it, and by the keys that it signs with. */
export interface Approver {
  /** As in `identity.issuer`, so that nobody approves a call of its own. */
  readonly issuer: string
  /** As in `identity.subject`. */
  readonly subject: string
  /** Public keys, several while one replaces the other. */
  readonly keys: Jwks
}

/** The keys of approvers, by whose they are. */
export interface ApproverKeys {
  readonly names: readonly { readonly issuer: string; readonly subject: string }[]
  /** The key of an approver that a signature names; undefined where there is none. */
  find(issuer: string, subject: string, query: KeyQuery): Promise<VerificationKey | undefined>
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && value.isWellFormed()
const checks: Readonly<Record<keyof Approver, Check>> = {
  issuer: [isText, 'a non-empty text'],
  subject: [isText, 'a non-empty text'],
  keys: [(value) => typeof value === 'object' && value !== null, 'a JWK Set'],
}

/** Parses and copies approvers. @throws TypeError for a wrong one, one that stands twice, and one without a public key. */
export function approverKeys(approvers: readonly Approver[]): ApproverKeys {
  const sources = new Map<string, KeySource>()
  const names: { readonly issuer: string; readonly subject: string }[] = []
  for (const approver of approvers) {
    checkOptions('approvals: an approver', approver, checks)
    const { issuer, subject, keys } = approver
    const name = nameOf(issuer, subject)
    if (sources.has(name)) throw new TypeError(`approvals: '${subject}' stands twice: give one all the keys`)
    // Who can verify with a secret could also approve.
    if (keys.keys.some((key) => key.kty === 'oct' || secretAlgorithms.includes(key.alg ?? ''))) throw new TypeError('approvals: keys: no secrets')
    sources.set(name, localJwks(keys))
    names.push(Object.freeze({ issuer, subject }))
  }
  return {
    names: Object.freeze(names),
    find: async (issuer, subject, query) => sources.get(nameOf(issuer, subject))?.find(query, systemClock),
  }
}

// The length of the issuer before it, so that no two pairs have one name.
function nameOf(issuer: string, subject: string): string {
  return `${issuer.length}:${issuer}${subject}`
}
