import type { AuditRecord } from '../audit-log/record.ts'

/** A value and how often it was there. */
interface Counted {
  readonly value: string
  readonly count: number
}

/** What is counted. */
export interface Statistics {
  readonly records: number
  readonly first: number | undefined
  readonly last: number | undefined
  readonly calls: { readonly allowed: number; readonly refused: number; readonly unknown: number }
  readonly tokens: { readonly input: number; readonly output: number }
  /** Milliseconds, within a tenth. */
  readonly elapsed: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number } | undefined
  readonly missing: number
  readonly tables: Readonly<Record<string, readonly Counted[]>>
}

/** Values that are told apart in one table; what comes later is counted together, so that memory stays bounded. */
const maxValues = 100_000
const others = '(others)'

/** Counts records as they come, in bounded memory. */
export class RecordStatistics {
  #records = 0
  #first: number | undefined
  #last: number | undefined
  readonly #calls = { allowed: 0, refused: 0, unknown: 0 }
  readonly #tokens = { input: 0, output: 0 }
  #missing = 0
  readonly #tables = new Map<string, Map<string, number>>()
  // By tenths of a power of ten.
  readonly #times = new Map<number, number>()
  #timed = 0
  #longest = 0

  add(record: AuditRecord): void {
    this.#records++
    this.#first = Math.min(this.#first ?? record.time, record.time)
    this.#last = Math.max(this.#last ?? record.time, record.time)
    this.#count('kind', record.kind)
    if ('missing' in record && typeof record.missing === 'number') this.#missing += record.missing
    if (record.kind === 'refusals') {
      for (const [code, count] of Object.entries(record.counts ?? {})) {
        if (typeof count !== 'number') continue
        this.#calls.unknown += count
        this.#count('refusal', code, count)
      }
    } else if (record.kind === 'decision') {
      if (record.allowed) this.#calls.allowed++
      else this.#calls.refused++
      this.#count('action', record.action)
      this.#count('resource', record.resource && `${record.resource.type}/${record.resource.id}`)
      this.#count('subject', record.subject?.subject)
      this.#count('tenant', record.subject?.tenant)
      this.#count('model', record.model)
      if (!record.allowed) this.#count('refusal', record.code)
      if (Array.isArray(record.rules)) for (const { rule, effect } of record.rules) this.#count('rule', `${effect} ${rule}`)
      for (const [type, count] of Object.entries(record.masked ?? {})) if (typeof count === 'number') this.#count('masked', type, count)
    } else if (record.kind === 'outcome') {
      this.#count('ending', record.ending)
      this.#tokens.input += record.usage?.inputTokens ?? 0
      this.#tokens.output += record.usage?.outputTokens ?? 0
      // A call that was let in and then cut off was refused as well.
      if (record.allowed && record.ending === 'refused') this.#count('refusal', record.code)
      if (record.ran && typeof record.elapsed === 'number') this.#time(record.elapsed)
    }
  }

  result(top: number): Statistics {
    const tables = [...this.#tables].map(([name, table]) => [
      name,
      [...table]
        .sort(([one, first], [other, second]) => second - first || (one < other ? -1 : 1))
        .slice(0, top)
        .map(([value, count]) => ({ value, count })),
    ])
    return {
      records: this.#records,
      first: this.#first,
      last: this.#last,
      calls: { ...this.#calls },
      tokens: { ...this.#tokens },
      elapsed: this.#timed === 0 ? undefined : { p50: this.#within(0.5), p95: this.#within(0.95), p99: this.#within(0.99), max: this.#longest },
      missing: this.#missing,
      tables: Object.fromEntries(tables),
    }
  }

  #count(name: string, value: unknown, by = 1): void {
    if (typeof value !== 'string') return
    let table = this.#tables.get(name)
    if (table === undefined) this.#tables.set(name, (table = new Map()))
    const kept = table.has(value) || table.size < maxValues ? value : others
    table.set(kept, (table.get(kept) ?? 0) + by)
  }

  #time(elapsed: number): void {
    const bucket = Math.ceil(Math.log10(Math.max(elapsed, 0.001)) * 24)
    this.#times.set(bucket, (this.#times.get(bucket) ?? 0) + 1)
    this.#timed++
    this.#longest = Math.max(this.#longest, elapsed)
  }

  #within(part: number): number {
    let seen = 0
    for (const [bucket, count] of [...this.#times].sort(([one], [other]) => one - other)) {
      seen += count
      if (seen >= this.#timed * part) return Number(Math.min(10 ** (bucket / 24), this.#longest).toPrecision(3))
    }
    return this.#longest
  }
}
