import { attributeOpener, isAttributeKey } from '../audit-log/sealed-attributes.ts'
import { type Check, checkOptions, optional } from '../guard/check-options.ts'
import { isThenable } from '../guard/thenable.ts'
import type { RecordedCall, Unusable } from './recorded-call.ts'
import { readRecordedCall } from './recorded-call.ts'
import { ReplayCases, type Taken } from './replay-cases.ts'
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
   * How many different cases are held; 500,000 unless given, some 300 bytes each. A case is one caller with certain roles,
   * one action on one resource, and the same truth of every condition.
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
  /** Decisions whose sealed attributes were needed and could not be opened. */
  readonly unopened: number
  /** Decisions that were left out since there were too many different cases. */
  readonly beyond: number
}

const isTime = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value)
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1

/** How record options are checked. */
export const recordChecks: Readonly<Record<keyof RecordOptions, Check>> = {
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

/** Reads records and sorts those of calls into cases. `beyond` is told of what there was no more room for. */
export async function takeRecords(
  policies: readonly ReplayPolicy[],
  records: Records,
  options: RecordOptions,
  beyond: (call: RecordedCall, cases: ReplayCases) => void = () => {},
): Promise<Intake> {
  const { from = -Infinity, to = Infinity, keys = [], maxCases = 500_000 } = options
  const given = keys instanceof Uint8Array ? [keys] : keys
  const cases = new ReplayCases(policies, given.length === 0 ? undefined : attributeOpener(given), maxCases)
  const counts = { read: 0, decisions: 0, allowed: 0, refused: 0, otherPolicy: 0, contradicting: 0, unopened: 0, beyond: 0 }
  const unusable: Partial<Record<Unusable, number>> = {}
  let first = Infinity
  let last = -Infinity
  const account = (call: RecordedCall, taken: Taken | undefined): void => {
    if (taken === undefined) {
      counts.beyond++
      beyond(call, cases)
      return
    }
    counts.decisions++
    if (call.allowed) counts.allowed++
    else if (!call.permitted) counts.refused++
    if (taken.contradicts) counts.contradicting++
    else if (!taken.isRecorded) counts.otherPolicy++
    if (taken.unopened) counts.unopened++
    if (call.time < first) first = call.time
    if (call.time > last) last = call.time
  }
  const take = (record: unknown): Promise<void> | undefined => {
    counts.read++
    const call = readRecordedCall(record)
    if (typeof call === 'string') {
      if (call !== 'other' && isWithin(timeOf(record), from, to)) unusable[call] = (unusable[call] ?? 0) + 1
      return undefined
    }
    if (!isWithin(call.time, from, to)) return undefined
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

// What has no time of its own is looked at in any period: it is counted, not used.
function timeOf(record: unknown): number {
  const time = typeof record === 'object' && record !== null && 'time' in record ? record.time : undefined
  return typeof time === 'number' ? time : Number.NaN
}

function isWithin(time: number, from: number, to: number): boolean {
  return !(time < from) && !(time >= to)
}
