import type { AuditRecord } from './record.ts'

/** A policy that decided, and how often. */
export interface EvidencePolicy {
  readonly id: string
  readonly version: string
  readonly digest?: string
  readonly decisions: number
  /** Entries of its first and last decision. */
  readonly first: number
  readonly last: number
}

/** Something that the records themselves say is missing or odd. */
export interface EvidenceGap {
  /** The entry that says so. */
  readonly index: number
  readonly kind: 'missing' | 'recovered' | 'malformed' | 'time_reversed' | 'truncated'
  /** How many records could not be written, bytes were cut, or milliseconds the clock went back. */
  readonly count?: number
}

/** What the entries of a period add up to. Whoever has the entries can work it out again. */
export interface EvidenceSummary {
  /** Entries whose time is in the period. */
  readonly records: number
  /** Entries of the range whose time is not: the neighbours that show where it begins and ends, and those out of order. */
  readonly outside: number
  readonly kinds: Readonly<Record<string, number>>
  readonly allowed: number
  readonly refused: number
  /** Refusals by code, with those of callers whom nobody knew. */
  readonly codes: Readonly<Record<string, number>>
  readonly endings: Readonly<Record<string, number>>
  readonly policies: readonly EvidencePolicy[]
  readonly gaps: readonly EvidenceGap[]
  /** How many more gaps there are than are listed. */
  readonly moreGaps: number
}

/** Milliseconds by which a record may be older than one before it: calls that run at once make records at once. */
const timeTolerance = 1_000
const maxGaps = 10_000
/** Names that are told apart in one table; a log has dozens. */
const maxNames = 10_000

/** Adds up entries as they come. */
export class EvidenceTally {
  readonly #since: number
  readonly #until: number
  #records = 0
  #outside = 0
  #allowed = 0
  #refused = 0
  readonly #kinds = new Map<string, number>()
  readonly #codes = new Map<string, number>()
  readonly #endings = new Map<string, number>()
  readonly #policies = new Map<string, EvidencePolicy>()
  readonly #gaps: EvidenceGap[] = []
  #moreGaps = 0
  #newest = -Infinity

  /** @param since milliseconds since 1970. @param until the same; not in the period itself. */
  constructor(since: number, until: number) {
    this.#since = since
    this.#until = until
  }

  add(record: AuditRecord | undefined, index: number): void {
    if (record === undefined) {
      this.#gap({ index, kind: 'malformed' })
      return
    }
    const { time } = record
    if (time < this.#newest - timeTolerance) this.#gap({ index, kind: 'time_reversed', count: this.#newest - time })
    this.#newest = time < this.#newest - timeTolerance ? time : Math.max(this.#newest, time)
    if (time < this.#since || time >= this.#until) {
      this.#outside++
      return
    }
    this.#records++
    count(this.#kinds, record.kind)
    if ('missing' in record && typeof record.missing === 'number') this.#gap({ index, kind: 'missing', count: record.missing })
    if ('truncated' in record && record.truncated === true) this.#gap({ index, kind: 'truncated' })
    if (record.kind === 'log' && record.event === 'recovered') this.#gap({ index, kind: 'recovered', count: record.cut ?? 0 })
    if (record.kind === 'refusals') for (const [code, number] of Object.entries(record.counts ?? {})) count(this.#codes, code, Number(number))
    if (record.kind === 'outcome') count(this.#endings, record.ending)
    if (record.kind === 'decision') this.#decide(record, index)
  }

  result(): EvidenceSummary {
    return {
      records: this.#records,
      outside: this.#outside,
      kinds: table(this.#kinds),
      allowed: this.#allowed,
      refused: this.#refused,
      codes: table(this.#codes),
      endings: table(this.#endings),
      policies: [...this.#policies.values()],
      gaps: this.#gaps,
      moreGaps: this.#moreGaps,
    }
  }

  #decide({ allowed, code, policy }: Extract<AuditRecord, { kind: 'decision' }>, index: number): void {
    if (allowed) this.#allowed++
    else this.#refused++
    if (!allowed && code !== undefined) count(this.#codes, code)
    if (typeof policy !== 'object' || policy === null) return
    const { id, version, digest } = policy
    const name = JSON.stringify([id, version, digest ?? null])
    const known = this.#policies.get(name)
    if (known === undefined && this.#policies.size >= maxNames) return
    this.#policies.set(name, {
      id,
      version,
      ...(digest !== undefined && { digest }),
      decisions: (known?.decisions ?? 0) + 1,
      first: known?.first ?? index,
      last: index,
    })
  }

  #gap(gap: EvidenceGap): void {
    if (this.#gaps.length < maxGaps) this.#gaps.push(gap)
    else this.#moreGaps++
  }
}

function count(names: Map<string, number>, name: unknown, by = 1): void {
  const text = String(name)
  const kept = names.has(text) || names.size < maxNames ? text : '(others)'
  if (Number.isFinite(by)) names.set(kept, (names.get(kept) ?? 0) + by)
}

function table(names: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...names].sort(([one], [other]) => (one < other ? -1 : 1)))
}
