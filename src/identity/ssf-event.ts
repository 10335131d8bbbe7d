import type { Attributes } from '../guard/context.ts'
import type { RevocationTarget } from './revocation-list.ts'
import type { SsfSettings } from './ssf-receiver.ts'
import { invalidRequest } from './ssf-refusal.ts'
import { type NamedSubject, namedSubjects, type SubjectPart } from './ssf-subject.ts'
import { isRecord, type SecurityEventToken, tolerance } from './ssf-token.ts'

/** What one event means here. */
export interface UnderstoodEvent {
  /** Milliseconds since 1970. */
  readonly occurredAt: number
  readonly subject: Attributes | undefined
  /** What must be revoked for it. */
  readonly targets: readonly RevocationTarget[]
}

/** How events of one type revoke. */
interface Rule {
  /** What they are about, the most exact first. */
  readonly parts: readonly SubjectPart[]
  /** Parts that are revoked whenever what they have was issued. */
  readonly forever: readonly SubjectPart[]
  /** Whether this one revokes at all. Refuses what it cannot say. */
  readonly revokes: (payload: Attributes) => boolean
}

const caep = 'https://schemas.openid.net/secevent/caep/event-type/'

// CAEP 1.0, section 3. Members that decide nothing are not looked at: a revocation must not be lost for the want of a label.
const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  [`${caep}session-revoked`, { parts: ['session', 'user', 'device', 'token'], forever: ['session'], revokes: always }],
  // Also where one was created: whoever took an account over adds a credential of his own.
  [`${caep}credential-change`, { parts: ['user', 'session', 'device'], forever: [], revokes: always }],
  [`${caep}token-claims-change`, { parts: ['session', 'user', 'device', 'token'], forever: [], revokes: always }],
  [`${caep}assurance-level-change`, { parts: ['session', 'user', 'device', 'token'], forever: [], revokes: mayHaveDecreased }],
  [`${caep}device-compliance-change`, { parts: ['device'], forever: ['device'], revokes: isNotCompliant }],
])

/**
 * What an event of a token means: which credentials no longer count.
 *
 * @throws SsfRefusal where its type is known and it cannot be understood.
 */
export async function understand(type: string, payload: Attributes, token: SecurityEventToken, settings: SsfSettings): Promise<UnderstoodEvent> {
  const rule = rules.get(type)
  // Where events came from before SSF 1.0, the subject stands in the event.
  const subject = token.subject ?? (isRecord(payload.subject) ? payload.subject : undefined)
  const occurredAt = timeOf(payload, token, settings)
  if (rule === undefined) return { occurredAt: occurredAt ?? token.issuedAt, subject, targets: [] }
  if (occurredAt === undefined) throw invalidRequest('The event_timestamp must be seconds since 1970, and not in the future.')
  if (!rule.revokes(payload)) return { occurredAt, subject, targets: [] }
  const named = await namedSubjects(subject, rule.parts, settings)
  return { occurredAt, subject, targets: named.map((one) => targetOf(one, rule, occurredAt, settings)) }
}

function timeOf({ event_timestamp: stated }: Attributes, { issuedAt }: SecurityEventToken, { clock }: SsfSettings): number | undefined {
  if (stated === undefined) return issuedAt
  // Milliseconds taken for seconds would revoke what is issued for thousands of years; a time before 1973, nothing.
  if (typeof stated !== 'number' || !(stated > 1e8) || !(stated * 1000 <= clock.now() + tolerance)) return undefined
  return stated * 1000
}

function targetOf(
  { part, name, issuer }: NamedSubject,
  { forever }: Rule,
  occurredAt: number,
  { tokenLifetime, clock }: SsfSettings,
): RevocationTarget {
  // To the end of the second: `iat` is in whole ones, so that what was issued in the same second may have been issued before.
  const before = (Math.floor(occurredAt / 1000) + 1) * 1000
  const isForever = forever.includes(part)
  // What is revoked whenever it was issued may still be issued now, however long ago the event was.
  const from = isForever ? Math.max(before, clock.now()) : before
  const expiring = Number.isFinite(tokenLifetime) ? { expiresAt: from + tokenLifetime } : {}
  const dated = isForever ? {} : { issuedBefore: before }
  switch (part) {
    case 'token':
      return { token: name, issuer, ...expiring }
    case 'session':
      return { session: name, issuer, ...dated, ...expiring }
    case 'user':
      return { subject: name, issuer, ...dated, ...expiring }
    case 'sessionless':
      return { subject: name, issuer, sessionless: true, ...dated, ...expiring }
    case 'device':
      return { device: name, issuer, ...dated, ...(isForever ? {} : expiring) }
  }
}

function always(): boolean {
  return true
}

function mayHaveDecreased({ change_direction: direction }: Attributes): boolean {
  if (direction !== undefined && direction !== 'increase' && direction !== 'decrease')
    throw invalidRequest('The change_direction must be increase or decrease.')
  // The direction may be left out: then nobody says that the level rose.
  return direction !== 'increase'
}

function isNotCompliant({ current_status: status }: Attributes): boolean {
  if (status !== 'compliant' && status !== 'not-compliant') throw invalidRequest('The current_status must be compliant or not-compliant.')
  return status === 'not-compliant'
}
