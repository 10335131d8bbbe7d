import { systemClock } from '../../guard/clock.ts'
import { StateError } from '../../state/state-store.ts'
import type { LimitBatches, Question } from './limit-batches.ts'
import { settledKey } from './limit-cells.ts'
import { type Holding, turn } from './limit-holding.ts'

/** Where one cell stands after it was asked. */
interface CellAnswer {
  readonly level: number
  /** What was asked for, where it was refused: with places whose lease had run out, those as well. */
  readonly wanted: number
}

/** What the script answered. */
export interface LimitAnswer {
  readonly granted: boolean
  /** The server's time, in milliseconds. */
  readonly now: number
  readonly cells: readonly CellAnswer[]
}

/** Runs the script of limits for cells of one slot. */
export class LimitCommands {
  readonly #prefix: string
  readonly #batches: LimitBatches
  readonly #time: (() => number) | undefined
  /** What the server's clock shows beyond this process's monotonic one. */
  #ahead: number | undefined

  /** @param time takes the place of the servers' clock, in milliseconds since 1970: for tests. */
  constructor(batches: LimitBatches, prefix: string, time?: () => number) {
    this.#batches = batches
    this.#prefix = prefix
    this.#time = time
  }

  /** What time it is at the server, as far as is known. */
  now(): number {
    if (this.#time !== undefined) return this.#time()
    return this.#ahead === undefined ? Date.now() : this.#ahead + systemClock.monotonic()
  }

  /**
   * Reserves that many units of each, or none of any.
   *
   * @param late is called when they were granted, and nobody waits for it any more.
   * @throws StateError
   */
  async take(id: string, holdings: readonly Holding[], units: readonly number[], late?: () => void): Promise<LimitAnswer> {
    const onLate = (answer: unknown): void => {
      if (!Array.isArray(answer) || answer[0] !== 'OK') return
      note(holdings, units, answer)
      late?.()
    }
    const isNew = holdings.every(({ reserved, life }) => reserved === 0 && life === '0.0')
    const answer = await this.#run(isNew ? 'reserve' : 'extend', id, '', holdings, units, onLate)
    return { granted: answer[0] === 'OK', now: numberOf(answer[1]), cells: note(holdings, units, answer) }
  }

  /**
   * Gives back that many units of each, or takes what is owed where they are less than none. Once for each `once`.
   *
   * @throws StateError
   */
  async settle(id: string, once: string, holdings: readonly Holding[], units: readonly number[]): Promise<void> {
    await this.#run('settle', id, once, holdings, units)
  }

  async #run(
    what: 'reserve' | 'extend' | 'settle',
    id: string,
    once: string,
    holdings: readonly Holding[],
    units: readonly number[],
    late?: (answer: unknown) => void,
  ): Promise<readonly unknown[]> {
    for (let tries = 0; tries < 3; tries++) {
      const now = this.now()
      for (const holding of holdings) turn(holding, now)
      const answer = await this.#batches.ask(this.#question(what, id, once, holdings, units, late))
      if (!Array.isArray(answer)) throw nonsense()
      if (answer[0] === 'LATE') throw new StateError('unavailable', 'Redis was asked for a limit after that was given up')
      if (answer[0] === 'BAD') throw new StateError('unavailable', 'A key of Redis holds something else than a limit')
      const time = numberOf(answer[1])
      if (this.#time === undefined) this.#ahead = time - systemClock.monotonic()
      if (answer[0] !== 'PERIOD') return answer
    }
    throw new StateError('unavailable', 'The clock of Redis does not agree with itself')
  }

  #question(what: string, id: string, once: string, holdings: readonly Holding[], units: readonly number[], late?: Question['late']): Question {
    const keys: string[] = []
    const words: string[] = [what, id, String(holdings.length)]
    for (let index = 0; index < holdings.length; index++) {
      const { plan, tag, left, share, life, period } = holdings[index] as Holding
      keys.push(plan.keyOf(this.#prefix, tag, period))
      plan.tell(words, period, units[index] as number)
      if (what !== 'reserve') words.push(left, share, life)
    }
    if (once !== '') keys.push(settledKey(this.#prefix, holdings[0]?.tag ?? '', once))
    return { keys, words, late }
  }
}

// Takes over what the script says of each holding.
function note(holdings: readonly Holding[], units: readonly number[], answer: readonly unknown[]): readonly CellAnswer[] {
  const cells: CellAnswer[] = []
  for (let index = 0; index < holdings.length; index++) {
    const said = answer[index + 2]
    const [level, left, share, life] = typeof said === 'string' ? said.split(' ') : []
    if (left === undefined || share === undefined || life === undefined) throw nonsense()
    const isGranted = answer[0] === 'OK'
    const isBucket = holdings[index]?.plan.kind === 'bucket'
    cells.push({ level: numberOf(level) / (isGranted && isBucket ? 65_536 : 1), wanted: isGranted ? (units[index] as number) : numberOf(left) })
    if (!isGranted) continue
    const holding = holdings[index] as Holding
    holding.left = left
    holding.share = share
    holding.life = life
    if (holding.plan.kind === 'places') holding.reserved = numberOf(left)
    else holding.reserved += units[index] as number
  }
  return cells
}

function numberOf(value: unknown): number {
  const number = typeof value === 'string' && value !== '' ? Number(value) : Number.NaN
  if (Number.isNaN(number)) throw nonsense()
  return number
}

/** For an answer that is none. */
export function nonsense(): StateError {
  return new StateError('unavailable', 'Redis answered nonsense')
}
