import { Calendar, type Period } from '../../limits/calendar.ts'
import { Gauge } from '../../limits/gauge.ts'
import type { PlannedLimit } from '../../limits/limit.ts'

/** The version of how keys and values look, so that instances of another one do not misread them. */
const layout = 2

const noPeriod: Period = Object.freeze({ start: 0, end: 0 })

/** What a store in Redis works out of a limit once. Times are the server's, in milliseconds since 1970. */
export class CellPlan extends Gauge {
  /** The name of its cell among those of a key. */
  readonly cell: string
  readonly #perUnit: string
  readonly #room: string
  readonly #ends: string
  readonly #lease: string
  #period: Period = noPeriod

  constructor(limit: PlannedLimit) {
    super(limit)
    const { unit, window, zone, name, lease = 0 } = limit
    this.cell = zone === undefined ? `${unit}/${window}/${name}` : `${unit}/${window}/${zone}/${name}`
    this.#perUnit = String(this.perUnit)
    this.#room = String(this.room)
    this.#lease = String(lease * 1000)
    this.#ends = this.kind === 'bucket' ? String(this.ceiling) : this.#lease
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

  /** Adds what the script is told of it: see there. */
  tell(words: string[], { start, end }: Period): void {
    if (this.kind === 'budget') words.push('d', String(start), this.#room, String(end), this.#lease)
    else words.push(this.kind === 'bucket' ? 'b' : 'p', this.#perUnit, this.#room, this.#ends, '')
  }

  /** The name of what holds its places, or what calls that run hold of a budget's period, by that of the cells of its key. */
  heldKey(cells: string, { start }: Period): string {
    return this.kind === 'places' ? `${cells}:${this.cell}` : `${cells}:held/${start}/${this.cell}`
  }
}

/** The name of the cells of a key: those of all its limits but places. */
export function cellsKey(prefix: string, tag: string): string {
  return `${prefix}:${layout}:limit:{${tag}}`
}

/** The name of what remembers that a reservation was settled. */
export function settledKey(prefix: string, tag: string, id: string): string {
  return `${cellsKey(prefix, tag)}:settled/${id}`
}

/**
 * A key as it stands between braces: what decides which slot of a cluster all of its cells are in. Braces would end it too
 * early, and as bytes all lone surrogates would be one.
 */
export function tagOf(key: string): string {
  if (isPlain(key)) return key
  const plain = key.replace(/[%{}]/g, escaped)
  return plain.isWellFormed() ? plain : plain.replace(/[\ud800-\udfff]/g, escaped)
}

// As most are.
function isPlain(key: string): boolean {
  return /^[ -$&-z|~]*$/.test(key)
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16)};`
}
