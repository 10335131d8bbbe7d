import { type Detect, type Detector, detectorsIn } from './detector.ts'
import { classOf, Glance, type Recognizer } from './recognizer.ts'

/** What a scanner tells: something found, at indices into the text that it was given. */
export interface Sink {
  /** Whether a look from here is needless, since it lies in what this recognizer found before. */
  isTaken(order: number, at: number): boolean
  accept(order: number, recognizer: Recognizer, start: number, end: number, score: number): void
}

/** How far a scan got. */
export interface Progress {
  /** The first trigger that could not be decided, or the end of the text. */
  cursor: number
  /** Nothing that is still to be found begins before it. */
  settled: number
}

/** Detectors, made ready for scanning: one table for all of them, one pass over the text. */
export class Scanner {
  readonly types: readonly string[]
  readonly recognizers: readonly Recognizer[]
  /** Those that no table can speak for. */
  readonly others: readonly Detector[]
  readonly #reaching: readonly Recognizer[]
  // By ASCII character: which recognizers may look at it (0 for none).
  readonly #slots = new Uint8Array(128)
  readonly #slotted: (readonly number[])[] = [[]]
  // By ASCII character and the one behind it: whether any of them does, seeing both.
  readonly #pairs = new Uint8Array(128 * 128)
  // By slot: classes of the character before it after which none of them looks.
  readonly #needless = new Uint8Array(129)
  readonly #glance = new Glance()
  readonly #found: number[] = []

  constructor(recognizers: readonly Recognizer[], others: readonly Detector[]) {
    this.recognizers = recognizers
    this.others = others
    this.types = [...new Set([...recognizers, ...others].map(({ type }) => type))]
    this.#reaching = recognizers.filter(({ reach }) => reach > 0)
    const slotOf = new Map<string, number>()
    for (let code = 0; code < 128; code++) {
      const looking = recognizers.flatMap(({ triggers }, order) => (triggers.includes(String.fromCharCode(code)) ? [order] : []))
      if (looking.length === 0) continue
      const key = looking.join()
      const slot = slotOf.get(key) ?? this.#slotted.push(looking) - 1
      slotOf.set(key, slot)
      this.#slots[code] = slot
      for (const order of looking) this.#allowPairs(code, recognizers[order]?.openings)
      this.#needless[slot] = looking.reduce((bits, order) => bits & (recognizers[order]?.unlessAfter ?? 0), 255)
    }
  }

  #allowPairs(code: number, openings: readonly string[] | undefined): void {
    if (openings === undefined) this.#pairs.fill(1, code * 128, (code + 1) * 128)
    else for (const opening of openings) if (opening.charCodeAt(0) === code) this.#pairs[code * 128 + opening.charCodeAt(1)] = 1
  }

  /**
   * Scans from an index on. Unless the text is final, it stops at the first trigger whose answer more text could change.
   * What stands before `from` is only looked back at.
   */
  run(text: string, from: number, isFinal: boolean, sink: Sink, progress: Progress): void {
    const { length } = text
    let before = from > 0 ? classOf(text.charCodeAt(from - 1)) : 0
    for (let index = from; index < length; index++) {
      const code = text.charCodeAt(index)
      if (code > 127) {
        before = 0
        continue
      }
      const slot = this.#slots[code] ?? 0
      if (slot !== 0 && (before & (this.#needless[slot] ?? 0)) === 0 && this.#isOpening(text, index, code)) {
        const settled = this.#look(text, slot, index, before, isFinal, sink)
        if (settled !== -1) {
          progress.cursor = index
          progress.settled = Math.min(settled, this.#reachBack(text, index))
          return
        }
      }
      before = classOf(code)
    }
    progress.cursor = length
    progress.settled = isFinal ? length : this.#reachBack(text, length)
  }

  // What cannot be seen, or is no ASCII, is for the recognizers to judge.
  #isOpening(text: string, index: number, code: number): boolean {
    const next = index + 1 < text.length ? text.charCodeAt(index + 1) : 128
    return next > 127 || this.#pairs[code * 128 + next] === 1
  }

  // -1, or where an undecided finding may begin; then nothing at this trigger counts yet.
  #look(text: string, slot: number, at: number, before: number, isFinal: boolean, sink: Sink): number {
    const glance = this.#glance
    const found = this.#found
    found.length = 0
    for (const order of this.#slotted[slot] ?? []) {
      const recognizer = this.recognizers[order]
      if (recognizer === undefined || (recognizer.unlessAfter & before) !== 0 || sink.isTaken(order, at)) continue
      glance.reset(text)
      recognizer.look(glance, at)
      if (glance.touched && !isFinal) return at
      if (glance.end > 0) found.push(order, glance.start, glance.end, glance.score)
    }
    for (let index = 0; index < found.length; index += 4) {
      const order = found[index] ?? 0
      const recognizer = this.recognizers[order]
      if (recognizer !== undefined) sink.accept(order, recognizer, found[index + 1] ?? 0, found[index + 2] ?? 0, found[index + 3] ?? 0)
    }
    return -1
  }

  // Where a finding may begin whose trigger is at this index or behind it.
  #reachBack(text: string, index: number): number {
    let earliest = index
    for (const { reach, reaches } of this.#reaching) {
      let start = index
      while (start > 0 && index - start < reach && reaches?.(text.charCodeAt(start - 1)) === true) start--
      earliest = Math.min(earliest, start)
    }
    return earliest
  }
}

const recognizerOf = new WeakMap<Detector, Recognizer>()
const scanners = new WeakMap<object, Scanner>()

/** Marks a detector as one that the scanner has a recognizer for. */
export function recognizedBy(detector: Detector, recognizer: Recognizer): void {
  recognizerOf.set(detector, recognizer)
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
  for (const detector of detect === undefined ? [] : detectorsIn(detect)) {
    const recognizer = recognizerOf.get(detector)
    if (recognizer !== undefined) recognizers.push(recognizer)
    // A copy: what is asked later is what was checked now.
    else others.push(Object.freeze({ type: detector.type, maxLength: detector.maxLength, find: detector.find.bind(detector) }))
  }
  return new Scanner(recognizers, others)
}
