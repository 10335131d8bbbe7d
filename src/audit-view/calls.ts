import type { LoggedEntry } from '../audit-log/audit-log.ts'
import type { DecisionRecord, OutcomeRecord } from '../audit-log/record.ts'

/** A call, by the one or two records of it. */
export interface SeenCall {
  readonly id: string
  readonly decision?: Placed<DecisionRecord> | undefined
  readonly outcome?: Placed<OutcomeRecord> | undefined
}

/** A record and where it stands in the log. */
export interface Placed<R> {
  readonly index: number
  readonly hash: string
  readonly record: R
}

/** What a list of calls is narrowed by. Empty texts narrow nothing. */
export interface CallFilter {
  readonly subject: string
  readonly code: string
  readonly model: string
  readonly task: string
  /** `allowed`, `refused` or `cut`. */
  readonly ending: string
}

/** The newest calls, at most so many. */
export class RecentCalls {
  readonly #most: number
  // In the order in which they were first seen.
  readonly #calls = new Map<string, SeenCall>()

  constructor(most: number) {
    this.#most = most
  }

  add({ index, hash, record }: LoggedEntry): void {
    if (record.kind !== 'decision' && record.kind !== 'outcome') return
    const { id } = record
    const before = this.#calls.get(id)
    this.#calls.set(
      id,
      record.kind === 'decision' ? { ...before, id, decision: { index, hash, record } } : { ...before, id, outcome: { index, hash, record } },
    )
    if (this.#calls.size <= this.#most) return
    const [oldest] = this.#calls.keys()
    if (oldest !== undefined) this.#calls.delete(oldest)
  }

  get(id: string): SeenCall | undefined {
    return this.#calls.get(id)
  }

  /** All of one task that are still known, the oldest first. */
  ofTask(task: string): readonly SeenCall[] {
    return [...this.#calls.values()].filter((call) => recordOf(call)?.task === task)
  }

  /** The newest that fit, the newest first. */
  list(filter: CallFilter, most: number): readonly SeenCall[] {
    const found: SeenCall[] = []
    for (const call of [...this.#calls.values()].reverse()) {
      if (found.length >= most) break
      if (fits(call, filter)) found.push(call)
    }
    return found
  }
}

/** The newer record of a call. */
export function recordOf({ decision, outcome }: SeenCall): DecisionRecord | OutcomeRecord | undefined {
  return outcome?.record ?? decision?.record
}

/** Whether a stream was ended before its end. */
export function isCut({ outcome }: SeenCall): boolean {
  return outcome?.record.streamed === true && outcome.record.ending !== 'completed' && outcome.record.ending !== 'left'
}

/** The model that was asked: as the payload names it, else the resource. */
export function modelOf({ decision, outcome }: SeenCall): string | undefined {
  const record = decision?.record ?? outcome?.record
  return record?.model ?? (record?.resource.type === 'model' ? record.resource.id : undefined)
}

function fits(call: SeenCall, { subject, code, model, task, ending }: CallFilter): boolean {
  const record = recordOf(call)
  if (record === undefined) return false
  if (subject !== '' && record.subject?.key !== subject && record.subject?.subject !== subject) return false
  if (code !== '' && record.code !== code) return false
  if (model !== '' && modelOf(call) !== model) return false
  if (task !== '' && record.task !== task) return false
  if (ending === 'cut') return isCut(call)
  return ending === '' || (ending === 'refused') === !record.allowed
}
