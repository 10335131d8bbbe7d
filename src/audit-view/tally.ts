import type { LoggedEntry } from '../audit-log/audit-log.ts'
import type { DecisionRecord, OutcomeRecord } from '../audit-log/record.ts'

/** Calls of one span of time. */
export interface Span {
  /** Milliseconds since 1970. */
  readonly start: number
  allowed: number
  refused: number
  failed: number
}

/** What somebody, or something, took. */
export interface Taken {
  calls: number
  refused: number
  inputTokens: number
  outputTokens: number
  /** Names of what was touched, at most 20. */
  readonly touched: Set<string>
  /** How it is shown, where its key is not for people. */
  readonly label: string
}

/** Spans are minutes, and become longer as there are more: never more than so many. */
const mostSpans = 240
/** Names that are told apart in one table; the rest is one of the others. */
const mostNames = 2_000
const mostTouched = 20
const others = '(others)'

/** Adds up what a log says, in room that does not grow with it. */
export class Tally {
  /** Entries. */
  entries = 0
  allowed = 0
  refused = 0
  cut = 0
  /** Refusals of callers whom nobody knew. */
  unknown = 0
  /** Milliseconds of each span. */
  spanLength = 60_000
  readonly #spans = new Map<number, Span>()
  readonly codes: Map<string, number> = new Map()
  readonly rules: Map<string, number> = new Map()
  readonly endings: Map<string, number> = new Map()
  readonly models: Map<string, Taken> = new Map()
  readonly tenants: Map<string, Taken> = new Map()
  readonly identities: Map<string, Taken> = new Map()
  /** How many calls took up to so many milliseconds: powers of the square root of two. */
  readonly #durations: number[] = []

  add({ record }: LoggedEntry): void {
    this.entries++
    if (record.kind === 'decision') this.#decided(record)
    else if (record.kind === 'outcome') this.#ended(record)
    else if (record.kind === 'refusals')
      for (const [code, count] of Object.entries(record.counts)) {
        this.unknown += count
        this.refused += count
        countUp(this.codes, code, count)
        this.#spanOf(record.time).refused += count
      }
  }

  /** In order of time. */
  get spans(): readonly Span[] {
    return [...this.#spans.values()].sort((one, other) => one.start - other.start)
  }

  /** The milliseconds that a share of all calls took at most; undefined where there was none. */
  quantile(share: number): number | undefined {
    const total = this.#durations.reduce((sum, count) => sum + (count ?? 0), 0)
    if (total === 0) return undefined
    let seen = 0
    for (let step = 0; step < this.#durations.length; step++) {
      seen += this.#durations[step] ?? 0
      if (seen >= total * share) return 2 ** (step / 2)
    }
    return undefined
  }

  #decided(record: DecisionRecord): void {
    const span = this.#spanOf(record.time)
    const { subject, resource } = record
    const model = record.model ?? (resource.type === 'model' ? resource.id : undefined)
    const touched = `${record.action} ${resource.type}/${resource.id}`
    for (const taken of [
      takenBy(this.models, model),
      takenBy(this.tenants, subject?.tenant),
      takenBy(this.identities, subject?.key, subject?.subject),
    ]) {
      if (taken === undefined) continue
      taken.calls++
      if (!record.allowed) taken.refused++
      if (taken.touched.size < mostTouched) taken.touched.add(touched)
    }
    if (record.allowed) {
      this.allowed++
      span.allowed++
      return
    }
    this.refused++
    span.refused++
    countUp(this.codes, record.code ?? 'unknown', 1)
    for (const { rule, effect } of record.rules ?? []) if (effect === 'forbid') countUp(this.rules, rule, 1)
  }

  #ended(record: OutcomeRecord): void {
    countUp(this.endings, record.ending, 1)
    if (record.ending === 'failed') this.#spanOf(record.time).failed++
    if (!record.allowed) return
    if (record.streamed && record.ending !== 'completed' && record.ending !== 'left') this.cut++
    const step = Math.max(0, Math.ceil(2 * Math.log2(Math.max(1, record.elapsed))))
    if (Number.isFinite(step)) this.#durations[step] = (this.#durations[step] ?? 0) + 1
    const { usage, subject, resource } = record
    if (usage === undefined) return
    const model = record.model ?? (resource.type === 'model' ? resource.id : undefined)
    for (const taken of [
      takenBy(this.models, model),
      takenBy(this.tenants, subject?.tenant),
      takenBy(this.identities, subject?.key, subject?.subject),
    ]) {
      if (taken === undefined) continue
      taken.inputTokens += usage.inputTokens
      taken.outputTokens += usage.outputTokens
    }
  }

  #spanOf(time: number): Span {
    const start = Math.floor(time / this.spanLength) * this.spanLength
    let span = this.#spans.get(start)
    if (span === undefined) {
      span = { start, allowed: 0, refused: 0, failed: 0 }
      this.#spans.set(start, span)
      if (this.#spans.size > mostSpans) {
        this.#widen()
        return this.#spanOf(time)
      }
    }
    return span
  }

  // Twice as long, half as many.
  #widen(): void {
    this.spanLength *= 2
    const before = [...this.#spans.values()]
    this.#spans.clear()
    for (const { start, allowed, refused, failed } of before) {
      const at = Math.floor(start / this.spanLength) * this.spanLength
      const span = this.#spans.get(at) ?? { start: at, allowed: 0, refused: 0, failed: 0 }
      span.allowed += allowed
      span.refused += refused
      span.failed += failed
      this.#spans.set(at, span)
    }
  }
}

function countUp(counts: Map<string, number>, name: string, by: number): void {
  const known = counts.has(name) || counts.size < mostNames ? name : others
  counts.set(known, (counts.get(known) ?? 0) + by)
}

function takenBy(all: Map<string, Taken>, name: string | undefined, label?: string): Taken | undefined {
  if (name === undefined) return undefined
  const known = all.has(name) || all.size < mostNames ? name : others
  let taken = all.get(known)
  if (taken === undefined) {
    taken = { calls: 0, refused: 0, inputTokens: 0, outputTokens: 0, touched: new Set(), label: known === others ? others : (label ?? known) }
    all.set(known, taken)
  }
  return taken
}

/** The largest first, at most so many. */
export function top<T>(all: ReadonlyMap<string, T>, by: (value: T) => number, most: number): readonly (readonly [string, T])[] {
  return [...all].sort(([, one], [, other]) => by(other) - by(one)).slice(0, most)
}
