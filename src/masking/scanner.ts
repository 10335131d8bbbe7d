import { type Detect, type Detector, detectorsIn } from './detector.ts'
import { alphanumeric, classOf, digit, underscore, upper } from './character-classes.ts'
import { continuesNumber } from './recognizers/numbers.ts'
import type { Identifier } from './identifier.ts'
import { Glance, type Recognizer, wordStart } from './recognizer.ts'
import { identifierForms } from './recognizers/identifiers.ts'

/** What a scanner tells: something found, at indices into the text that it was given. */
export interface Sink {
  /** Whether a look from here is needless, since it lies in what this recognizer found before. */
  isTaken(order: number, at: number): boolean
  accept(order: number, recognizer: Recognizer, type: string, start: number, end: number, score: number): void
}

/** How far a scan got. */
export interface Progress {
  /** The first trigger that could not be decided, or the end of the text. */
  cursor: number
  /** Nothing that is still to be found begins before it. */
  settled: number
}

/** A recognizer that looks at a trigger. */
interface Turn {
  readonly order: number
  readonly recognizer: Recognizer
  readonly unlessAfter: number
}

/** A look that found something, kept until all looks at its trigger are decided. */
interface Look {
  readonly order: number
  readonly type: string
  readonly start: number
  readonly end: number
  readonly score: number
}

/** Which recognizers look at a character: with any second one, and with one, where they may want a third. */
interface Looking {
  readonly any: Set<number>
  readonly pairs: Map<number, { readonly orders: Set<number>; thirds: string }>
}

const anything = '?'

function byFirst(recognizers: readonly Recognizer[]): ReadonlyMap<number, Looking> {
  const all = new Map<number, Looking>()
  for (const [order, { openings }] of recognizers.entries())
    for (const opening of openings) {
      const first = opening.charCodeAt(0)
      const looking = all.get(first) ?? { any: new Set(), pairs: new Map() }
      all.set(first, looking)
      if (opening.charAt(1) === '?') {
        looking.any.add(order)
        continue
      }
      const second = opening.charCodeAt(1)
      const pair = looking.pairs.get(second) ?? { orders: new Set(), thirds: '' }
      looking.pairs.set(second, pair)
      pair.orders.add(order)
      const third = opening.charAt(2)
      pair.thirds = third === '' || pair.thirds === anything ? anything : pair.thirds + third
    }
  return all
}

// Stands for whatever is no ASCII, and for what cannot be seen yet: DEL, which begins nothing.
const other = 127

/** Detectors, made ready for scanning: one table for all of them, one pass over the text. */
export class Scanner {
  readonly types: readonly string[]
  readonly recognizers: readonly Recognizer[]
  /** Those that no table can speak for. */
  readonly others: readonly Detector[]
  readonly #reaching: readonly Recognizer[]
  // By an ASCII character and the one behind it: which recognizers look at them (0 for none).
  readonly #slots = new Uint16Array(128 * 128)
  // By slot, four lists each: of all of them, without those that pass over later parts of a number, without long ones, without both.
  readonly #slotted: (readonly Turn[])[] = [[], [], [], []]
  // By slot: classes of the character before it after which none of them looks.
  readonly #needless: number[] = [0]
  // By slot and a third character: whether any of them wants it there.
  #thirds = new Uint8Array(128)
  readonly #glance = new Glance()
  readonly #found: Look[] = []

  constructor(recognizers: readonly Recognizer[], others: readonly Detector[]) {
    this.recognizers = recognizers
    this.others = others
    this.types = [...new Set([...recognizers.flatMap(({ types }) => types), ...others.map(({ type }) => type)])]
    this.#reaching = recognizers.filter(({ reachBack }) => reachBack !== undefined)
    const slots = new Map<string, number>()
    const slotOf = (orders: ReadonlySet<number>, thirds: string): number => {
      const sorted = [...orders].sort((one, another) => one - another)
      const key = `${sorted.join()} ${thirds}`
      const known = slots.get(key)
      if (known !== undefined) return known
      const slot = this.#addSlot(sorted)
      slots.set(key, slot)
      this.#allow(slot, thirds)
      return slot
    }
    for (const [first, { any, pairs }] of byFirst(recognizers)) {
      const all = new Set(any)
      if (any.size > 0) this.#slots.fill(slotOf(any, anything), first * 128, first * 128 + 128)
      for (const [second, { orders, thirds }] of pairs) {
        for (const order of orders) all.add(order)
        this.#slots[first * 128 + second] = slotOf(new Set([...any, ...orders]), any.size > 0 ? anything : thirds)
      }
      this.#slots[first * 128 + other] = slotOf(all, anything)
    }
  }

  #allow(slot: number, thirds: string): void {
    if (this.#thirds.length < (slot + 1) * 128) {
      const longer = new Uint8Array((slot + 64) * 128)
      longer.set(this.#thirds)
      this.#thirds = longer
    }
    if (thirds === anything) this.#thirds.fill(1, slot * 128, (slot + 1) * 128)
    else for (const third of thirds) this.#thirds[slot * 128 + third.charCodeAt(0)] = 1
  }

  #addSlot(orders: readonly number[]): number {
    const slot = this.#slotted.length / 4
    const turns = orders.flatMap((order) => {
      const recognizer = this.recognizers[order]
      return recognizer === undefined ? [] : [{ order, recognizer, unlessAfter: recognizer.unlessAfter }]
    })
    this.#slotted.push(
      turns,
      turns.filter(({ recognizer }) => recognizer.isNumber !== true),
      turns.filter(({ recognizer }) => recognizer.isLong !== true),
      turns.filter(({ recognizer }) => recognizer.isNumber !== true && recognizer.isLong !== true),
    )
    this.#needless[slot] = orders.reduce((bits, order) => bits & (this.recognizers[order]?.unlessAfter ?? 0), 255)
    return slot
  }

  /**
   * Scans from an index on. Unless the text is final, it stops at the first trigger whose answer more text could change.
   * What stands before `from` is only looked back at.
   */
  run(text: string, from: number, isFinal: boolean, sink: Sink, progress: Progress): void {
    const { length } = text
    const slots = this.#slots
    this.#glance.open(text)
    let code = from < length ? text.charCodeAt(from) : 0
    for (let index = from; index < length; index++) {
      const next = index + 1 < length ? text.charCodeAt(index + 1) : other
      if (code < other) {
        const slot = slots[(code << 7) | Math.min(next, other)] ?? 0
        if (slot !== 0 && this.#isWanted(slot, text, index + 2) && !this.#look(text, slot, index, isFinal, sink)) {
          progress.cursor = index
          progress.settled = this.#reachBack(text, index)
          return
        }
      }
      code = next
    }
    progress.cursor = length
    progress.settled = isFinal ? length : this.#reachBack(text, length)
  }

  // What is not there yet may be anything.
  #isWanted(slot: number, text: string, third: number): boolean {
    if (third >= text.length) return true
    const code = text.charCodeAt(third)
    return this.#thirds[(slot << 7) | Math.min(code, other)] === 1
  }

  // Whether all looks are decided; where one is not, nothing at this trigger counts yet.
  #look(text: string, slot: number, at: number, isFinal: boolean, sink: Sink): boolean {
    const glance = this.#glance
    const before = at > 0 ? classOf(text.charCodeAt(at - 1)) : 0
    if ((before & (this.#needless[slot] ?? 0)) !== 0) return true
    const turns = this.#slotted[slot * 4 + (continuesNumber(text, at) ? 1 : 0) + (isShortNumber(text, at) ? 2 : 0)] ?? []
    if (turns.length === 0) return true
    const found = this.#found
    found.length = 0
    for (const { order, recognizer, unlessAfter } of turns) {
      if ((unlessAfter & before) !== 0 || sink.isTaken(order, at)) continue
      glance.reset()
      recognizer.look(glance, at)
      if (glance.touched && !isFinal) return false
      if (glance.end > 0) found.push({ order, type: glance.type, start: glance.start, end: glance.end, score: glance.score })
    }
    for (const { order, type, start, end, score } of found) {
      const recognizer = this.recognizers[order]
      if (recognizer !== undefined) sink.accept(order, recognizer, type, start, end, score)
    }
    return true
  }

  // Where a finding may begin whose trigger is at this index or behind it.
  #reachBack(text: string, index: number): number {
    let earliest = index
    for (const recognizer of this.#reaching) earliest = Math.min(earliest, recognizer.reachBack?.(text, index) ?? index)
    return earliest
  }
}

/**
 * Whether at an index digits stand that no long number begins with: four letters and digits at most, behind which no digits
 * follow, nor, where letters stand before them, letters. Nothing is said of digits that the text ends with.
 */
function isShortNumber(text: string, at: number): boolean {
  if ((classOf(text.charCodeAt(at)) & digit) === 0) return false
  const start = wordStart(text, at)
  if (start === -1) return true
  let end = at
  while (end < start + 5 && end < text.length && (classOf(text.charCodeAt(end)) & (alphanumeric | underscore)) !== 0) end++
  if (end === start + 5) return false
  // Degrees go on.
  if (end < text.length && (text.charCodeAt(end) === 0xb0 || text.charCodeAt(end) === 0xba)) return false
  let next = end
  while (next < end + 4 && next < text.length && isSeparator(text.charCodeAt(next))) next++
  if (next === text.length || next === end + 4) return false
  const hasLetters = start < at || (at > 1 && (classOf(text.charCodeAt(at - 2)) & upper) !== 0)
  return (classOf(text.charCodeAt(next)) & (hasLetters ? alphanumeric : digit)) === 0
}

function isSeparator(code: number): boolean {
  return code === 32 || (code >= 40 && code <= 47)
}

/** What the scanner does for a detector of this package. */
export interface Recognized {
  readonly recognizers?: readonly Recognizer[]
  readonly identifier?: Identifier
}

const recognizedAs = new WeakMap<Detector, Recognized>()
const scanners = new WeakMap<object, Scanner>()

/** Marks a detector as one that the scanner knows what to do for. */
export function recognizedBy(detector: Detector, how: Recognized): void {
  recognizedAs.set(detector, how)
}

/** The scanner of a choice of detectors; kept, where the choice cannot change. @throws TypeError for a wrong choice. */
export function scannerOf(detect: Detect): Scanner {
  const known = typeof detect === 'object' && detect !== null ? scanners.get(detect) : undefined
  if (known !== undefined) return known
  const scanner = makeScanner(detect, [])
  if (Object.isFrozen(detect)) scanners.set(detect, scanner)
  return scanner
}

/** A scanner for a choice of detectors, with more recognizers in front of them. */
export function makeScanner(detect: Detect | undefined, first: readonly Recognizer[]): Scanner {
  const recognizers: Recognizer[] = [...first]
  const others: Detector[] = []
  const identifiers: Identifier[] = []
  for (const detector of detect === undefined ? [] : detectorsIn(detect)) {
    const known = recognizedAs.get(detector)
    // A copy: what is asked later is what was checked now.
    if (known === undefined) others.push(Object.freeze({ type: detector.type, maxLength: detector.maxLength, find: detector.find.bind(detector) }))
    else {
      recognizers.push(...(known.recognizers ?? []))
      if (known.identifier !== undefined) identifiers.push(known.identifier)
    }
  }
  // One tree for all of them.
  if (identifiers.length > 0) recognizers.push(identifierForms(identifiers))
  return new Scanner(recognizers, others)
}
