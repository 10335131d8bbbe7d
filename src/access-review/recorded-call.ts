import type { CallRecord } from '../audit-log/record.ts'
import { rolesOf } from '../audit-log/recorded-attributes.ts'
import type { ReplayPolicy, ReplayRule } from './replay-policy.ts'

/** What a decision record says, as far as a replay needs it: checked, since it comes from a disk. */
export interface RecordedCall {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly time: number
  readonly subject: RecordedCaller
  readonly action: string
  readonly resourceType: string
  readonly resourceId: string
  /** Whether the call was let through. */
  readonly allowed: boolean
  /** Whether policy permitted it: also where it was refused for something else. */
  readonly permitted: boolean
  readonly policy: { readonly id: string; readonly version: string }
  /** The rules that decided. */
  readonly rules: readonly { readonly rule: string; readonly effect: 'permit' | 'forbid' }[]
  /** The attributes that were read, as far as they stand in it. */
  readonly attributes: CallRecord['attributes']
  readonly record: CallRecord
}

/** Who called. */
export interface RecordedCaller {
  readonly key: string
  readonly id: string
  readonly issuer: string
  readonly type: string
  /** With those that it had for a while only. */
  readonly roles: readonly string[]
}

/**
 * Why a record cannot be replayed.
 *
 * - `other` it is no decision
 * - `undecided` policy was never asked
 * - `elsewhere` refused, and the record does not say what policy had answered
 * - `withheld` it hides what the call was about, since its payload was blocked
 * - `truncated` it was too long, and parts of it are gone
 * - `malformed` it is not what this package writes
 */
export type Unusable = 'other' | 'undecided' | 'elsewhere' | 'withheld' | 'truncated' | 'malformed'

/** Reads a record. */
export function readRecordedCall(record: unknown): RecordedCall | Unusable {
  if (!isObject(record)) return 'malformed'
  if (record.kind !== 'decision') return 'other'
  const { id, time, action, resource, allowed, permitted = allowed, policy, rules, subject, truncated, code, attributes } = record
  if (typeof id !== 'string' || typeof time !== 'number' || !isName(action) || typeof allowed !== 'boolean') return 'malformed'
  if (truncated !== undefined) return 'truncated'
  if (policy === undefined || subject === undefined) return 'undecided'
  if (code === 'payload_blocked') return 'withheld'
  // Without the word of the record a refusal is policy's only where its code says so.
  if (!allowed && record.permitted === undefined && code !== 'denied') return 'elsewhere'
  if (!isObject(policy) || typeof policy.id !== 'string' || typeof policy.version !== 'string') return 'malformed'
  if (!isObject(resource) || !isName(resource.type) || !isName(resource.id)) return 'malformed'
  if (!Array.isArray(rules) || !rules.every(isReason) || typeof permitted !== 'boolean') return 'malformed'
  const caller = callerIn(subject)
  if (caller === undefined || !(attributes === undefined || areAttributes(attributes))) return 'malformed'
  return {
    id,
    time,
    subject: caller,
    action,
    resourceType: resource.type,
    resourceId: resource.id,
    allowed,
    permitted,
    policy: { id: policy.id, version: policy.version },
    rules,
    attributes,
    record: record as unknown as CallRecord,
  }
}

/** The permits of a policy that a record names, where that policy decided: also where the record is not whole. */
export function rulesNamed(record: unknown, { id, version, byId }: ReplayPolicy): readonly ReplayRule[] {
  if (!isObject(record) || !isObject(record.policy) || record.policy.id !== id || record.policy.version !== version) return []
  const named = Array.isArray(record.rules) ? record.rules.filter(isReason) : []
  return named.flatMap(({ rule: name }) => {
    const rule = byId.get(name)
    return rule?.parsed.effect === 'permit' ? [rule] : []
  })
}

function callerIn(subject: unknown): RecordedCaller | undefined {
  if (!isObject(subject)) return undefined
  const { key, subject: id, issuer, kind, roles, elevated, actors } = subject
  if (typeof key !== 'string' || !isName(id) || typeof issuer !== 'string' || !isName(kind)) return undefined
  if (!isListOfTexts(roles) || (elevated !== undefined && !isListOfTexts(elevated))) return undefined
  if (actors !== undefined && !(Array.isArray(actors) && actors.every(isObject))) return undefined
  return { key, id, issuer, type: kind, roles: rolesOf({ roles, elevated }) }
}

// What stands in it beside these is a text or a number, and a reader of attributes takes nothing else from it.
function areAttributes(value: unknown): value is NonNullable<CallRecord['attributes']> {
  if (!isObject(value) || !isListOfTexts(value.paths)) return false
  const { sealed, time } = value
  return (sealed === undefined || typeof sealed === 'string') && (time === undefined || typeof time === 'number')
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

function isReason(value: unknown): value is RecordedCall['rules'][number] {
  return isObject(value) && typeof value.rule === 'string' && (value.effect === 'permit' || value.effect === 'forbid')
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
