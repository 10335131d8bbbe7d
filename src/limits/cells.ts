import type { GaugeKind } from './gauge.ts'

// As the table has them.
const codes: readonly GaugeKind[] = ['bucket', 'budget', 'places']

/** How many cells are looked at for each new one: sweeping keeps pace with growing, and costs the same at any size. */
const sweep = { always: 3, full: 128 } as const

/** Slots beside those that may be filled: for what is owed while the table is full, and for cells that are shared then. */
const spare = 64

/** Ages are counted in thirty bits, and wrap. */
export const ageMask = 0x3fffffff
const halfOfAges = 0x20000000

/** Shares are written anew, larger by this much, before their numbers end. Each time is an age. */
export const largerBy: number = 2 ** 40
const leastShare = 2 ** -20

/**
 * All cells of a store: a table of numbers whose size never changes, with open addressing. A cell takes 24 bytes: the
 * fingerprint of whose it is and of which limit, its number, and what tells its reservations apart. No key is kept.
 *
 * A cell that holds nothing says no more than an absent one, and is forgotten as new ones come; what holds something is never
 * forgotten, or whoever is being limited could flood the store with other keys and begin afresh.
 *
 * Cells of one key stand beside one another: their place hangs on the first half of the fingerprint, which hardly differs
 * between the limits of a key.
 */
export class Cells {
  readonly maxKeys: number
  readonly #slots: number
  readonly #perHash: number
  readonly #words: Int32Array
  readonly #numbers: Float64Array
  readonly #floats: Float32Array
  #size = 0
  #hand = 0
  #age = 0

  constructor(maxKeys: number) {
    this.maxKeys = maxKeys
    this.#slots = Math.ceil((maxKeys * 7) / 6) + spare
    this.#perHash = this.#slots / 2 ** 32
    const bytes = new ArrayBuffer(this.#slots * 24)
    this.#words = new Int32Array(bytes)
    this.#numbers = new Float64Array(bytes)
    this.#floats = new Float32Array(bytes)
  }

  get size(): number {
    return this.#size
  }

  /** The slot of a cell; -1 where there is none. */
  find(low: number, high: number): number {
    const words = this.#words
    let slot = ((low >>> 0) * this.#perHash) >>> 0
    for (;;) {
      const at = slot * 6
      const first = words[at] as number
      const second = words[at + 1] as number
      if (first === low && second === high) return slot
      if (first === 0 && second === 0) return -1
      if (++slot === this.#slots) slot = 0
    }
  }

  /** Makes a cell that is not there yet, where there is room: see `hasRoom`. */
  add(low: number, high: number, kind: GaugeKind): number {
    const words = this.#words
    let slot = ((low >>> 0) * this.#perHash) >>> 0
    while (words[slot * 6] !== 0 || words[slot * 6 + 1] !== 0) if (++slot === this.#slots) slot = 0
    words[slot * 6] = low
    words[slot * 6 + 1] = high
    words[slot * 6 + 5] = codes.indexOf(kind)
    this.#size++
    return slot
  }

  /** Whether that many new cells fit, beyond the bound where they must. Sweeps, so that slots found before are none after. */
  hasRoom(count: number, time: number, beyond: boolean): boolean {
    this.#sweep(sweep.always * count, time)
    const most = beyond ? this.#slots - 2 : this.maxKeys
    if (this.#size + count > most) this.#sweep(sweep.full, time)
    return this.#size + count <= most
  }

  /** The time at which a bucket is empty, what is spent from a budget, how many places are taken. */
  number(slot: number): number {
    return this.#numbers[slot * 3 + 1] as number
  }

  setNumber(slot: number, value: number): void {
    this.#numbers[slot * 3 + 1] = value
  }

  /**
   * Pours so many milliseconds into a bucket, or out of it, up to a ceiling. Gives its share: what is left of something that
   * was in it when its share was one. In one step, since every limit of every call comes by here.
   */
  pour(slot: number, milliseconds: number, time: number, ceiling: number): number {
    const place = slot * 3 + 1
    let empty = this.#numbers[place] as number
    let share = 1
    if (empty > time) share = this.share(slot, time)
    else {
      this.#renew(slot)
      empty = time
    }
    empty = Math.min(empty + milliseconds, time + ceiling)
    this.#numbers[place] = Math.max(empty, time)
    if (empty <= time) return 0
    this.#floats[slot * 6 + 4] = share / (empty - time)
    // Read again: it was rounded.
    return (this.#floats[slot * 6 + 4] as number) * (empty - time)
  }

  /** The share of a bucket that is not empty. Kept as the share for each millisecond that it is full for, so that it leaks by itself. */
  share(slot: number, time: number): number {
    const level = (this.#numbers[slot * 3 + 1] as number) - time
    const share = (this.#floats[slot * 6 + 4] as number) * level
    return share >= leastShare ? share : this.#grow(slot, level)
  }

  /** Of a budget: when it is over, in whole seconds. */
  setExpiry(slot: number, seconds: number): void {
    this.#words[slot * 6 + 4] = seconds
  }

  /** Of a bucket: which of its lives this is, and how often its share was written anew. */
  age(slot: number): number {
    return (this.#words[slot * 6 + 5] as number) >>> 2
  }

  // Begins a new life, unlike any earlier one of this cell and unlike one that goes on from those.
  #renew(slot: number): void {
    this.#remember(slot)
    this.#age = (this.#age + 2) & ageMask
    this.#setAge(slot, this.#age)
  }

  // The same life goes on, with larger numbers.
  #grow(slot: number, level: number): number {
    const share = (this.#floats[slot * 6 + 4] as number) * largerBy
    this.#floats[slot * 6 + 4] = share
    this.#setAge(slot, (this.age(slot) + 1) & ageMask)
    return share * level
  }

  #setAge(slot: number, age: number): void {
    const at = slot * 6 + 5
    this.#words[at] = (age << 2) | ((this.#words[at] as number) & 3)
  }

  // So that no later life has the age of this one.
  #remember(slot: number): void {
    const age = this.age(slot)
    if (((age - this.#age) & ageMask) < halfOfAges) this.#age = age
  }

  #kind(slot: number): GaugeKind {
    return codes[(this.#words[slot * 6 + 5] as number) & 3] as GaugeKind
  }

  #isLive(slot: number, time: number): boolean {
    const kind = this.#kind(slot)
    if (kind === 'bucket') return this.number(slot) > time
    return kind === 'places' ? this.number(slot) > 0 : ((this.#words[slot * 6 + 4] as number) >>> 0) * 1000 > time
  }

  #sweep(count: number, time: number): void {
    for (let looked = 0; looked < count; looked++) {
      const at = this.#hand * 6
      if ((this.#words[at] !== 0 || this.#words[at + 1] !== 0) && !this.#isLive(this.#hand, time)) this.#remove(this.#hand)
      else if (++this.#hand === this.#slots) this.#hand = 0
    }
  }

  // What stands behind it moves up, so that no search ends too early (Knuth, The Art of Computer Programming, 6.4, R).
  #remove(slot: number): void {
    const words = this.#words
    if (this.#kind(slot) === 'bucket') this.#remember(slot)
    this.#size--
    let hole = slot
    for (let next = slot; ; ) {
      if (++next === this.#slots) next = 0
      const at = next * 6
      if (words[at] === 0 && words[at + 1] === 0) break
      const home = (((words[at] as number) >>> 0) * this.#perHash) >>> 0
      const staysBehind = hole <= next ? home > hole && home <= next : home > hole || home <= next
      if (staysBehind) continue
      words.copyWithin(hole * 6, at, at + 6)
      hole = next
    }
    words.fill(0, hole * 6, hole * 6 + 6)
  }
}
