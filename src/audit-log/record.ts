import type { Identity, Quota, Resource } from '../guard/context.ts'
import type { GuardErrorCode } from '../guard/errors.ts'
import type { Outcome } from '../guard/control.ts'
import type { Usage } from '../guard/codec.ts'
import { type JsonBounds, looseJson } from './canonical-json.ts'
import type { TraceContext } from '../guard/trace-context.ts'
import type { RecordedAttributes } from './recorded-attributes.ts'

/** What stands in the log. `version` names this format; `time` is the wall clock in milliseconds since 1970. */
export type AuditRecord = DecisionRecord | OutcomeRecord | ContentRecord | RefusalsRecord | LogRecord

/** Who a call was made for, without claims: what is needed to answer "who did this". */
export interface RecordedSubject {
  readonly key: string
  readonly subject: string
  readonly issuer: string
  readonly kind: Identity['kind']
  /** The roles that it had, as its identity names them: without those that a policy includes in them. */
  readonly roles: readonly string[]
  /** Roles that it had for a while only, beside these. */
  readonly elevated?: readonly string[] | undefined
  readonly tenant?: string | undefined
  readonly binding?: Identity['binding'] | undefined
  /** Who acted for the subject, nearest first. */
  readonly actors?: readonly { readonly subject: string; readonly issuer?: string | undefined }[] | undefined
  /** The credential's own id, where it has one. */
  readonly token?: string | undefined
}

/** What decision and outcome have in common. Optional members are absent where there is nothing to say. */
export interface CallRecord {
  readonly version: 1
  readonly time: number
  /** The call's id. */
  readonly id: string
  /** The call that a tree of calls began with: one id through a task. */
  readonly task: string
  /** The call that this one was made for. */
  readonly parent?: string | undefined
  /** Where the request stands in a distributed trace (W3C Trace Context), by the word of whoever sent it. */
  readonly trace?: TraceContext | undefined
  /** The guard's name. */
  readonly guard: string
  readonly subject?: RecordedSubject | undefined
  readonly action: string
  readonly resource: Pick<Resource, 'type' | 'id'>
  /** The refusal's code. */
  readonly code?: GuardErrorCode | undefined
  /** The refusal's private reason. */
  readonly reason?: string | undefined
  readonly policy?:
    | {
        /** What decided, whatever it calls itself; absent where that is not known. */
        readonly digest?: string | undefined
        readonly id: string
        readonly version: string
      }
    | undefined
  /** The rules that decided. */
  readonly rules?: readonly { readonly rule: string; readonly effect: 'permit' | 'forbid' }[] | undefined
  /** What policy read to decide: with it another policy can be asked the same. In the record of a decision. */
  readonly attributes?: RecordedAttributes | undefined
  /** Types of the obligations that came with the decision. */
  readonly obligations?: readonly string[] | undefined
  /** Types of the obligations that were carried out. */
  readonly fulfilled?: readonly string[] | undefined
  /** What was left of each limit when this call was let in. */
  readonly limits?: readonly (Pick<Quota['limits'][number], 'name' | 'limit' | 'remaining'> & { readonly unit?: string | undefined })[] | undefined
  /** Set where limits were kept without their store by then, with a part of what they allow. */
  readonly degraded?: true | undefined
  /** How many values of each type were masked; never a value. */
  readonly masked?: Readonly<Record<string, number>> | undefined
  readonly model?: string | undefined
  /** Names of the tools that the model was offered. */
  readonly tools?: readonly string[] | undefined
  /** The input's keyed digest. */
  readonly input?: string | undefined
  /** The input of a decision, or what was delivered by an outcome, sealed in records of its own that stand before this one. */
  readonly content?: RecordedContent | undefined
  /** How many records before this one the guard could not write. */
  readonly missing?: number | undefined
  /** Members that nothing is decided by and that were cut, since the record was too long for an entry (65,535 bytes). */
  readonly shortened?: readonly string[]
  /** Set when that was not enough, and what the record is about was cut. Never on the decision that let a call in. */
  readonly truncated?: true
}

/** Made after the last check and before the function runs, or when a check refused. */
export interface DecisionRecord extends CallRecord {
  readonly kind: 'decision'
  readonly allowed: boolean
  /** Milliseconds from the call's begin to its decision. */
  readonly elapsed?: number | undefined
  /** Who approved this very call, and by which approval, where policy wanted one. */
  readonly approval?: { readonly id: string; readonly issuer: string; readonly subject: string } | undefined
  /**
   * What policy had said of a call that was refused, where the code does not tell: true where something else refused it, false
   * where policy's denial asked the caller for more.
   */
  readonly permitted?: boolean | undefined
}

/** Made when the call has ended. */
export interface OutcomeRecord extends CallRecord {
  readonly kind: 'outcome'
  readonly allowed: boolean
  readonly ending: Outcome['ending']
  /** Whether the function was called at all. */
  readonly ran: boolean
  readonly streamed: boolean
  /** Parts that reached the caller. */
  readonly parts: number
  /** Milliseconds since the call began. */
  readonly elapsed: number
  /** Milliseconds from the call's begin until the first part was delivered. */
  readonly first?: number | undefined
  /** What was spent of each limit in the end: requests, tokens, money. Places on loan are not spent. */
  readonly spent?: Quota['spent']
  readonly usage?: Usage | undefined
  /** What was said while the function ran, such as to whom it gave a role and why: at most 8 texts of 1,000 characters. */
  readonly notes?: readonly string[] | undefined
  /** The keyed digest of what was delivered. */
  readonly output?: string | undefined
}

/** What a record says of a content that is sealed in records of kind `content`. */
export interface RecordedContent {
  /** Bytes of UTF-8 that were sealed. */
  readonly bytes: number
  /** The name of the key that opens it. */
  readonly key: string
  /** Bytes that were too many to be kept: those after the first 1,048,576. */
  readonly omitted?: number | undefined
  /** In how many records. */
  readonly parts: number
}

/** A piece of an input or an output, sealed for the data subject that the call was made for. `openContent` opens it. */
export interface ContentRecord {
  readonly version: 1
  readonly kind: 'content'
  readonly time: number
  readonly guard: string
  /** The call's id. */
  readonly id: string
  readonly task: string
  /** The name of the key that opens it; gone when the data subject was erased. */
  readonly key: string
  readonly of: 'input' | 'output'
  /** Counted from zero. */
  readonly part: number
  /** A JWE in compact form (RFC 7516), bound to the call's id, `of` and `part`. */
  readonly sealed: string
  /** As in a call's record. */
  readonly missing?: number | undefined
}

/** Refusals before anybody was known, counted: a flood without credentials must not fill a disk. */
export interface RefusalsRecord {
  readonly version: 1
  readonly kind: 'refusals'
  readonly time: number
  readonly guard: string
  readonly since: number
  readonly until: number
  /** How many, by code. */
  readonly counts: Readonly<Partial<Record<GuardErrorCode, number>>>
  /** The private reason of the first refusal of each code. */
  readonly reasons?: Readonly<Partial<Record<GuardErrorCode, string>>> | undefined
  /** As in a call's record. */
  readonly missing?: number | undefined
}

/** Something that befell the log itself. */
export interface LogRecord {
  readonly version: 1
  readonly kind: 'log'
  readonly time: number
  /**
   * `recovered`: its last writer did not close it, and it was put in order. `key_rotated`: from here on another key signs it.
   * `pruned`: entries whose period of retention was over are removed; their hashes, and so every proof, stay.
   */
  readonly event: 'recovered' | 'key_rotated' | 'pruned'
  /** Entries before this one. */
  readonly size: number
  /** The word of the key before that the one that signs now follows it: a signed note (C2SP). */
  readonly endorsement?: string
  /** The first entry that was kept. */
  readonly kept?: number
  /** Entries that were on disk and not yet under a checkpoint. */
  readonly replayed?: number
  /** Bytes of unfinished, never acknowledged writing that were cut off. */
  readonly cut?: number
}

/** The most bytes that an entry may have: C2SP entry bundles give its length in 16 bits. */
export const maxEntryBytes = 65_535

/** A call that is allowed must stay replayable: where its record cannot be made to fit, the call is refused. */
const tooLong = 'the record of an allowed call is longer than an entry can be'

/**
 * The text that a record is in the log: canonical JSON (RFC 8785), at most 65,535 bytes of UTF-8.
 *
 * A record is never lost because a field in it is odd: what JSON cannot hold is replaced (a lone surrogate by U+FFFD, a
 * number that is not finite by null, a BigInt by its digits). Of what is too long, members that nothing is decided by are
 * cut and named in `shortened`. Where that is not enough the rest is cut as well and the record marked `truncated`, but
 * for the decision that let a call in: that one is whole, or there is none.
 * A record whose members are in sorted order, as in a literal written that way, is serialized without being rebuilt.
 *
 * @throws RangeError for the decision on an allowed call that does not fit.
 */
export function entryText(record: AuditRecord): string {
  const text = wholeText(record)
  // One UTF-16 unit takes at most three bytes.
  if (text !== undefined && (text.length * 3 <= maxEntryBytes || fits(text))) return text
  for (const bounds of cuts) {
    const shorter = shortened(record, bounds)
    if (shorter !== undefined && fits(shorter)) return shorter
  }
  if (record.kind === 'decision' && record.allowed) throw new RangeError(tooLong)
  for (const bounds of cuts) {
    const shorter = looseJson({ ...record, truncated: true }, bounds)
    if (fits(shorter)) return shorter
  }
  return looseJson(core(record), { characters: 128, items: 8 })
}

const cuts = [
  { characters: 1024, items: 64 },
  { characters: 128, items: 16 },
] as const

/** What nothing is decided by and no proof needs: comments on a call, for people. */
const comments: readonly string[] = ['fulfilled', 'limits', 'masked', 'notes', 'obligations', 'reason', 'reasons', 'spent', 'tools']

function shortened(record: AuditRecord, bounds: JsonBounds): string | undefined {
  try {
    const members: Record<string, unknown> = { ...record }
    const cut: string[] = []
    for (const name of comments) {
      if (members[name] === undefined) continue
      const text = looseJson(members[name], bounds)
      if (text === looseJson(members[name])) continue
      cut.push(name)
      members[name] = JSON.parse(text)
    }
    return cut.length === 0 ? undefined : looseJson({ ...members, shortened: cut })
  } catch {
    return undefined
  }
}

function wholeText(record: AuditRecord): string | undefined {
  try {
    return looseJson(record)
  } catch {
    return undefined
  }
}

function fits(text: string): boolean {
  return text.length <= maxEntryBytes && new TextEncoder().encode(text).length <= maxEntryBytes
}

const coreMembers: readonly string[] = [
  'action',
  'allowed',
  'code',
  'degraded',
  'elapsed',
  'ending',
  'event',
  'guard',
  'id',
  'kind',
  'missing',
  'parent',
  'parts',
  'ran',
  'resource',
  'size',
  'streamed',
  'subject',
  'task',
  'time',
  'version',
]

// What remains of a record that does not fit even with short texts and short lists.
function core(record: AuditRecord): Record<string, unknown> {
  const kept: Record<string, unknown> = { truncated: true }
  for (const name of coreMembers) if (Object.hasOwn(record, name)) kept[name] = (record as unknown as Record<string, unknown>)[name]
  return kept
}

// The end of the year 9999, in milliseconds.
const lastMoment = 253_402_300_799_999

/** When a record was made, as RFC 3339 has it, for those who take no number; the nearest there is for a clock that is out of its mind. */
export function timeText({ time }: Pick<AuditRecord, 'time'>): string {
  return new Date(Number.isFinite(time) ? Math.min(Math.max(time, 0), lastMoment) : 0).toISOString()
}

/** A record as it was read from a log, or `undefined` for an entry that is none. */
export function parseEntry(text: string): AuditRecord | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('kind' in value) || !('time' in value)) return undefined
    if (typeof value.kind !== 'string' || typeof value.time !== 'number') return undefined
    // Newer kinds and versions pass: a reader shows what it can.
    return value as AuditRecord
  } catch {
    return undefined
  }
}
