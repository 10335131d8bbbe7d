/** A day or a month of some time zone, in milliseconds since 1970. */
export interface Period {
  readonly start: number
  /** Where the next one begins. */
  readonly end: number
}

const span = { day: 36 * 3_600_000, month: 32 * 86_400_000 } as const

/**
 * The days or months of one time zone, one after the other. Where one begins is found by asking what date it is on either
 * side, so that it is right wherever clocks are set forth or back, and midnight is skipped or comes twice. That costs a
 * fraction of a millisecond, and is done once for each day or month; between, a call costs a comparison.
 *
 * A clock that steps back does not bring a period back that is over: what was spent from it is forgotten by then.
 */
export class Calendar {
  readonly #unit: 'day' | 'month'
  readonly #format: Intl.DateTimeFormat
  #current: Period | undefined

  /** @throws RangeError for a zone that is none. */
  constructor(unit: 'day' | 'month', zone: string) {
    this.#unit = unit
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
    })
  }

  /** The period at that time. @throws RangeError for a time that no calendar has. */
  at(now: number): Period {
    const current = this.#current
    if (current !== undefined && now < current.end) return current
    const date = this.#date(now)
    const start = this.#first((time) => this.#date(time) >= date, now)
    const end = this.#first((time) => this.#date(time) > date, now + span[this.#unit])
    return (this.#current = Object.freeze({ start, end }))
  }

  // The first moment from which on this holds, which it does at some time after `near`.
  #first(test: (time: number) => boolean, near: number): number {
    let after = Math.ceil(near)
    while (!test(after)) after += span[this.#unit]
    let before = after - span[this.#unit]
    while (test(before)) before -= span[this.#unit]
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (test(middle)) after = middle
      else before = middle
    }
    return after
  }

  // Grows as days, or months, go by.
  #date(time: number): number {
    let year = 0
    let month = 0
    let day = 0
    for (const { type, value } of this.#format.formatToParts(time)) {
      if (type === 'year') year = Number(value)
      else if (type === 'month') month = Number(value)
      else if (type === 'day') day = Number(value)
    }
    return year * 10_000 + month * 100 + (this.#unit === 'day' ? day : 0)
  }
}

/** Whether this runtime knows a time zone of that name. */
export function isZone(zone: unknown): boolean {
  if (typeof zone !== 'string') return false
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: zone }) !== undefined
  } catch {
    return false
  }
}
