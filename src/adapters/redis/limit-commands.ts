import { systemClock } from '../../guard/clock.ts'
import { StateError } from '../../state/state-store.ts'
import type { LimitBatches } from './limit-batches.ts'
import { type Holding, turn } from './limit-holding.ts'
import type { LimitOperation, LimitQuestion } from './limit-question.ts'

/** Where one cell stands after it was asked. */
interface CellAnswer {
  readonly level: number
  /** What was asked for, where it was refused: with what had come back since, of places and of budgets, as well. */
  readonly wanted: number
}

/** What the script answered. */
export interface LimitAnswer {
  readonly granted: boolean
  /** The server's time, in milliseconds. */
  readonly now: number
  readonly cells: readonly CellAnswer[]
}

// What the script says first.
const refused = 0
const granted = 1
const ofAnotherPeriod = 2
const noLimit = 4
const tooLate = 5

/** Settlements that may be tried again at the same time, and milliseconds until the first try. */
const maxUnsettled = 10_000
const firstDelay = 500

/** Runs the script of limits for cells of one slot. */
export class LimitCommands {
  readonly #batches: LimitBatches
  readonly #time: (() => number) | undefined
  /** Settlements that are tried again. */
  #unsettled = 0
  /** What the server's clock shows beyond this process's monotonic one. */
  #ahead: number | undefined

  /** @param time takes the place of the servers' clock, in milliseconds since 1970: for tests. */
  constructor(batches: LimitBatches, time?: () => number) {
    this.#batches = batches
    this.#time = time
  }

  /** What time it is at the server, as far as is known. */
  now(): number {
    if (this.#time !== undefined) return this.#time()
    return this.#ahead === undefined ? Date.now() : this.#ahead + systemClock.monotonic()
  }

  /**
   * Reserves that many units of each, or none of any. Holdings of one tag stand together.
   *
   * @param late is called when they were granted, and nobody waits for it any more.
   * @throws StateError
   */
  take(id: string, holdings: readonly Holding[], units: readonly number[], late?: () => void): Promise<LimitAnswer> {
    const isNew = holdings.every(isUnused)
    const onLate = (answer: unknown): void => {
      if (!Array.isArray(answer) || Number(answer[0]) !== granted) return
      note(holdings, units, answer, isNew)
      late?.()
    }
    return this.#run({ operation: isNew ? 'reserve' : 'extend', id, once: '', holdings, units, late: onLate }, (answer) => {
      const said = Number(answer[0])
      if (said !== granted && said !== refused) throw nonsense()
      const cells = said === granted ? note(holdings, units, answer, isNew) : levelsOf(holdings, answer)
      return { granted: said === granted, now: numberOf(answer[1]), cells }
    })
  }

  /**
   * Gives back that many units of each, or takes what is owed where they are less than none. Once for each `once`. Whoever
   * only corrects goes on with the rest.
   *
   * @throws StateError
   */
  giveBack(operation: LimitOperation, id: string, once: string, holdings: readonly Holding[], units: readonly number[]): Promise<void> {
    return this.#run({ operation, id, once, holdings, units, late: undefined }, () => undefined)
  }

  /**
   * Settles budgets that could not be settled, until that is done or what is held has come back by itself: what was spent would
   * else come back as well.
   */
  settleLater(id: string, holdings: readonly Holding[], units: readonly number[]): void {
    const leases = holdings.map(({ plan }) => plan.limit.lease ?? 0)
    if (holdings.length === 0 || this.#unsettled >= maxUnsettled) return
    this.#unsettled++
    const until = systemClock.monotonic() + Math.min(...leases) * 1000
    const again = (tries: number, delay: number): void => {
      if (systemClock.monotonic() + delay >= until) {
        this.#unsettled--
        return
      }
      systemClock.after(delay, () => {
        this.giveBack('again', id, `${id}/again/${tries}`, holdings, units).then(
          () => void this.#unsettled--,
          () => again(tries + 1, delay * 2),
        )
      })
    }
    again(1, firstDelay)
  }

  // Not an async function: every limit of every call comes by here.
  #run<T>(question: LimitQuestion, read: (answer: readonly unknown[]) => T, tries = 3): Promise<T> {
    const now = this.now()
    for (const holding of question.holdings) turn(holding, now)
    return this.#batches.ask(question).then((answer) => {
      if (!Array.isArray(answer)) throw nonsense()
      const said = Number(answer[0])
      if (said === tooLate) throw new StateError('unavailable', 'Redis was asked for a limit after that was given up')
      if (said === noLimit) throw new StateError('unavailable', 'A key of Redis holds something else than a limit')
      const time = numberOf(answer[1])
      if (this.#time === undefined) this.#ahead = time - systemClock.monotonic()
      if (said !== ofAnotherPeriod) return read(answer)
      if (tries === 1) throw new StateError('unavailable', 'The clock of Redis does not agree with itself')
      return this.#run(question, read, tries - 1)
    })
  }
}

function isUnused({ reserved, age }: Holding): boolean {
  return reserved === 0 && age === 0
}

// Takes over what the script says of each holding that was granted something.
function note(holdings: readonly Holding[], units: readonly number[], answer: readonly unknown[], isNew: boolean): readonly CellAnswer[] {
  const cells: CellAnswer[] = []
  const time = numberOf(answer[1])
  let said = 2
  for (let index = 0; index < holdings.length; index++) {
    const holding = holdings[index] as Holding
    const wanted = units[index] as number
    const { kind } = holding.plan
    let level = numberOf(answer[said++])
    if (kind === 'bucket') {
      level /= 65_536
      const share = numberOf(answer[said++])
      // One is the most that there is; rounded up, so that nobody gets back more than there was.
      holding.share = share > 1 ? Math.min(1, share / 2 ** 40) : share
      holding.age = time * 1_000 + numberOf(answer[said++])
    }
    holding.left = isNew ? wanted : numberOf(answer[said++])
    // Places and budgets may have come back meanwhile, and are asked for again.
    if (kind === 'places') holding.reserved = holding.left
    else holding.reserved += wanted
    cells.push({ level, wanted })
  }
  return cells
}

function levelsOf(holdings: readonly Holding[], answer: readonly unknown[]): readonly CellAnswer[] {
  return holdings.map((_, index) => ({ level: numberOf(answer[2 + 2 * index]), wanted: numberOf(answer[3 + 2 * index]) }))
}

// Some clients give whole numbers as texts.
function numberOf(value: unknown): number {
  const number = typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : Number.NaN
  if (Number.isNaN(number)) throw nonsense()
  return number
}

/** For an answer that is none. */
export function nonsense(): StateError {
  return new StateError('unavailable', 'Redis answered nonsense')
}
