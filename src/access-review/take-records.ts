import { attributeOpener, isAttributeKey } from '../audit-log/sealed-attributes.ts'
import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import { isThenable } from '../guard/thenable.ts'
import type { RecordedCall, Unusable } from './recorded-call.ts'
import { readRecordedCall } from './recorded-call.ts'
import type { SortedCase } from './replay-case.ts'
import { ReplayCases } from './replay-cases.ts'
import type { ReplayPolicy } from './replay-policy.ts'

/** Which records are looked at, and how. */
export interface RecordOptions {
  /** Milliseconds since 1970: records of before are left out. */
  readonly from?: number
  /** Milliseconds since 1970: records of then and later are left out. */
  readonly to?: number
  /** What opens the sealed attributes: the key that was given to `audit` as `sealAttributes`, or several of them. */
  readonly keys?: Uint8Array | readonly Uint8Array[]
  /**
   * How many different cases are held; 500,000 unless given, some 300 bytes each, or as many as have 256 characters of names
   * each. A case is one caller with certain roles, one action on one resource, and the same truth of every condition.
   */
  readonly maxCases?: number
}

/** What was in the log. */
export interface RecordCounts {
  /** Records that were read, of whatever kind. */
  readonly read: number
  /** Decisions of the period that could be sorted. */
  readonly decisions: number
  /** Of these: let through. */
  readonly allowed: number
  /** Of these: refused by policy. */
  readonly refused: number
  /** When the first and the last of them were: milliseconds since 1970. */
  readonly first: number | undefined
  readonly last: number | undefined
  /** Decisions of the period that could not be used, by reason: see `Unusable`. */
  readonly unusable: Readonly<Partial<Record<Exclude<Unusable, 'other'>, number>>>
  /** Decisions that were made by another policy, or another version of it. */
  readonly otherPolicy: number
  /** Decisions whose record contradicts the policy that it names: it was changed and its version was not. */
  readonly contradicting: number
  /** Decisions whose sealed attributes would tell more of conditions than the record does, and could not be opened. */
  readonly unopened: number
  /** Decisions that were left out since there were too many different cases. */
  readonly beyond: number
  /** Records that a guard could not write, as later ones say: what was done then is not known. */
  readonly missing: number
}

const isTime = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value)
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1

// How record options are checked.
const recordChecks: Readonly<Record<keyof RecordOptions, Check>> = {
  from: [optional(isTime), 'milliseconds since 1970'],
  to: [optional(isTime), 'milliseconds since 1970'],
  keys: [
    optional((value) => isAttributeKey(value) || (Array.isArray(value) && value.every(isAttributeKey))),
    'one or several Uint8Arrays of 32 bytes',
  ],
  maxCases: [optional(isCount), 'a whole number above zero'],
}

/** Records from wherever. */
export type Records = Iterable<unknown> | AsyncIterable<unknown>

/** Where the records of one look at a log come from. */
export interface Intake {
  readonly cases: ReplayCases
  readonly counts: RecordCounts
}

/** Checks options. @throws TypeError */
export function checkRecordOptions<O extends RecordOptions>(factory: string, options: O, more: Readonly<Record<string, Check>> = {}): void {
  checkOptions(factory, options, { ...recordChecks, ...more })
}

/** Who is told of what could not be sorted. */
export interface LeftOut {
  /** There was no more room. */
  beyond(call: RecordedCall, cases: ReplayCases): void
  /** It was let through, and is not whole. */
  unread(record: unknown): void
}

const nobody: LeftOut = { beyond: () => {}, unread: () => {} }

/** Reads records and sorts those of calls into cases. */
export async function takeRecords(
  policies: readonly ReplayPolicy[],
  records: Records,
  options: RecordOptions,
  leftOut: LeftOut = nobody,
): Promise<Intake> {
  const { from = -Infinity, to = Infinity, keys = [], maxCases = 500_000 } = options
  const given = keys instanceof Uint8Array ? [keys] : keys
  const cases = new ReplayCases(policies, given.length === 0 ? undefined : attributeOpener(given), maxCases)
  const counts = { read: 0, decisions: 0, allowed: 0, refused: 0, otherPolicy: 0, contradicting: 0, unopened: 0, beyond: 0, missing: 0 }
  const unusable: Partial<Record<Unusable, number>> = {}
  let first = Infinity
  let last = -Infinity
  const account = (call: RecordedCall, taken: SortedCase | undefined): void => {
    if (taken === undefined) {
      counts.beyond++
      leftOut.beyond(call, cases)
      return
    }
    counts.decisions++
    if (call.allowed) counts.allowed++
    else if (!call.permitted) counts.refused++
    if (taken.contradicts) counts.contradicting++
    else if (!taken.traits.isRecorded) counts.otherPolicy++
    if (taken.traits.source === 'unopened' && taken.traits.truths.isOpen) counts.unopened++
    if (call.time < first) first = call.time
    if (call.time > last) last = call.time
  }
  const take = (record: unknown): Promise<void> | undefined => {
    counts.read++
    const call = readRecordedCall(record)
    if (typeof call === 'string') {
      if (!isWithin(numberIn(record, 'time') ?? Number.NaN, from, to)) return undefined
      counts.missing += missingIn(record)
      if (call === 'other') return undefined
      unusable[call] = (unusable[call] ?? 0) + 1
      if (isAllowed(record)) leftOut.unread(record)
      return undefined
    }
    if (!isWithin(call.time, from, to)) return undefined
    counts.missing += missingIn(record)
    const taken = cases.take(call)
    if (isThenable(taken)) return taken.then((made) => account(call, made))
    account(call, taken)
    return undefined
  }
  if (Symbol.asyncIterator in records) {
    for await (const record of records) {
      const taking = take(record)
      // Without a turn of the loop for each: there may be a million.
      if (taking !== undefined) await taking
    }
  } else {
    for (const record of records) {
      const taking = take(record)
      if (taking !== undefined) await taking
    }
  }
  return {
    cases,
    counts: { ...counts, first: first === Infinity ? undefined : first, last: last === -Infinity ? undefined : last, unusable },
  }
}

function isAllowed(record: unknown): boolean {
  return typeof record === 'object' && record !== null && 'allowed' in record && record.allowed === true
}

function missingIn(record: unknown): number {
  const missing = numberIn(record, 'missing') ?? 0
  return Number.isSafeInteger(missing) && missing > 0 ? missing : 0
}

function numberIn(record: unknown, name: 'missing' | 'time'): number | undefined {
  const value = typeof record === 'object' && record !== null ? (record as Readonly<Record<string, unknown>>)[name] : undefined
  return typeof value === 'number' ? value : undefined
}

// What has no time of its own is of any period: it is counted, not used.
function isWithin(time: number, from: number, to: number): boolean {
  return !(time < from) && !(time >= to)
}
