import { Calendar, type Period } from '../../limits/calendar.ts'
import { Gauge } from '../../limits/gauge.ts'
import type { PlannedLimit } from '../../limits/limit.ts'

/** The version of how keys and values look, so that instances of another one do not misread them. */
const layout = 1

const noPeriod: Period = Object.freeze({ start: 0, end: 0 })

/** What a store in Redis works out of a limit once. Times are the server's, in milliseconds since 1970. */
export class CellPlan extends Gauge {
  readonly #perUnit: string
  readonly #room: string
  readonly #ends: string
  readonly #place: string
  #period: Period = noPeriod

  constructor(limit: PlannedLimit) {
    super(limit)
    const { unit, window, zone, name } = limit
    this.#place = zone === undefined ? `${unit}/${window}/${name}` : `${unit}/${window}/${zone}/${name}`
    this.#perUnit = String(this.perUnit)
    this.#room = String(this.room)
    this.#ends = String(this.kind === 'bucket' ? this.ceiling : (limit.lease ?? 0) * 1000)
  }

  /** The present period of a budget; of anything else one of no length. */
  periodAt(now: number): Period {
    const { window, zone = 'UTC' } = this.limit
    if (typeof window !== 'string') return noPeriod
    if (now < this.#period.start || now >= this.#period.end) {
      this.#period = new Calendar(window, zone).at(now)
      this.endsAt = this.#period.end
      this.span = this.#period.end - this.#period.start
    }
    return this.#period
  }

  /** Adds what the script is told of it and of so many units: see there. */
  tell(words: string[], { start, end }: Period, units: number): void {
    if (this.kind === 'budget') words.push('d', String(start), this.#room, String(units), String(end))
    else words.push(this.kind === 'bucket' ? 'b' : 'p', this.#perUnit, this.#room, String(units), this.#ends)
  }

  /** The name of a cell. A budget's is of one period. */
  keyOf(prefix: string, tag: string, { start }: Period): string {
    return `${prefix}:${layout}:limit:{${tag}}:${this.kind === 'budget' ? `${start}/` : ''}${this.#place}`
  }
}

/** The name of what remembers that a reservation was settled. */
export function settledKey(prefix: string, tag: string, id: string): string {
  return `${prefix}:${layout}:limit:{${tag}}:settled/${id}`
}

/**
 * A key as it stands between braces: what decides which slot of a cluster all of its cells are in. Braces would end it too
 * early, and as bytes all lone surrogates would be one.
 */
export function tagOf(key: string): string {
  const plain = key.replace(/[%{}]/g, escaped)
  return plain.isWellFormed() ? plain : plain.replace(/[\ud800-\udfff]/g, escaped)
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16)};`
}
