import type { LimitState } from './limit-store.ts'
import type { PlannedLimit } from './limit.ts'

/** Below this, shares are begun anew, long before the number format ends. */
const smallestShare = 1e-100

/**
 * What one key has spent under one limit: the level of a bucket that leaks. It is the generic cell rate algorithm (ITU-T
 * I.371) with its theoretical arrival time written as a level and a moment, which loses no unit to rounding however long
 * the window and however large the amount. An empty cell equals an absent one, so nothing needs a timer.
 *
 * All that is in it leaks in proportion, so each reservation can tell what is left of it: `share` is what is left of
 * something reserved when `share` was 1 and `age` the same. The remains of all reservations together never exceed the
 * level, so whoever gives back can give back only what is its own.
 */
export class Cell {
  readonly key: string
  /** The limit that it was last used under. */
  limit: PlannedLimit
  level = 0
  share = 1
  age = 0
  /** Where it stands among all cells; for their keeper alone. */
  place = -1
  #at: number

  constructor(limit: PlannedLimit, key: string, now: number) {
    this.limit = limit
    this.key = key
    this.#at = now
  }

  /** Lets leak what has leaked by now. */
  leak(now: number): void {
    const passed = now - this.#at
    if (passed <= 0) return
    this.#at = now
    if (this.level === 0) return
    const left = this.level - leaked(this.limit, passed)
    if (left <= 0) {
      this.level = 0
      this.#begin()
      return
    }
    this.share *= left / this.level
    this.level = left
    if (this.share < smallestShare) this.#begin()
  }

  /** Whether it says no more than an absent one would. */
  isEmpty(now: number): boolean {
    return this.level === 0 || leaked(this.limit, now - this.#at) >= this.level
  }

  // What was reserved before has nothing left.
  #begin(): void {
    this.share = 1
    this.age++
  }
}

/** Whether this much more fits on top of that level. Nothing always does, also where something is owed. */
export function fits(limit: PlannedLimit, level: number, amount: number): boolean {
  return amount === 0 || level + amount <= limit.burst + slack(limit)
}

/** Seconds until this much more fits; `Infinity` where it never does. */
export function secondsUntil(limit: PlannedLimit, level: number, amount: number): number {
  if (amount > limit.burst + slack(limit)) return Number.POSITIVE_INFINITY
  // When somebody will be done nobody knows; a second is a polite time to ask again.
  if (limit.window === undefined) return 1
  return (Math.max(0, level + amount - limit.burst) * limit.window) / limit.quantity
}

/** Where a limit stands at that level. */
export function stateOf(limit: PlannedLimit, level: number): LimitState {
  return {
    name: limit.name,
    unit: limit.unit,
    limit: limit.quantity,
    remaining: Math.max(0, Math.floor(limit.burst - level + slack(limit))),
    reset: limit.window === undefined ? 0 : (level * limit.window) / limit.quantity,
    window: limit.window,
  }
}

// Multiplied first: a whole window is the whole quantity, to the last bit.
function leaked(limit: PlannedLimit, milliseconds: number): number {
  return limit.window === undefined ? 0 : (milliseconds * limit.quantity) / (limit.window * 1000)
}

// Rounding must not refuse what fits exactly; less than a unit of every amount that somebody would count.
function slack(limit: PlannedLimit): number {
  return limit.burst * 1e-12
}
