import { abandon } from '../guard/thenable.ts'
import type { Detector, Span } from './detector.ts'
import { plainText } from './plain-text.ts'

/** Told of a finding; offsets into the whole text. */
type Found = (start: number, end: number, score: number) => void

const leastStep = 32

/**
 * Asks a detector of somebody else's about windows that lie at fixed offsets of the text, so that it is asked the same
 * about a whole text and about a streamed one, whatever it does. Of each window only the middle counts; `maxLength` on
 * each side shows it what stands around.
 */
export class Windows {
  readonly #detector: Detector
  readonly #step: number
  /** Where the first window begins that was not asked about yet. */
  #next = 0
  #lastEnd = 0

  constructor(detector: Detector) {
    this.#detector = detector
    this.#step = Math.max(detector.maxLength, leastStep)
  }

  /** Nothing that is still to be found begins before it. */
  get settled(): number {
    return Math.max(this.#next, this.#lastEnd)
  }

  /** What must be kept of the text for the next window. */
  get needed(): number {
    return this.#next - this.#detector.maxLength
  }

  /** Asks about every window that is complete. @param base the offset of the buffer in the whole text */
  run(buffer: string, base: number, isFinal: boolean, found: Found): void {
    const { maxLength } = this.#detector
    const available = base + buffer.length
    while (isFinal ? this.#next < available : this.#next + this.#step + maxLength <= available) {
      const from = Math.max(0, this.#next - maxLength)
      const to = Math.min(available, this.#next + this.#step + maxLength)
      this.#ask(buffer.slice(from - base, to - base), from, found)
      this.#next += this.#step
    }
  }

  #ask(original: string, from: number, found: Found): void {
    const { text, offsets } = plainText(original)
    for (const { start, end, score } of spansIn(this.#detector, text)) {
      // What the window before this one found already, or what stands before the middle, is not told again.
      const least = Math.max(this.#lastEnd, this.#next) - from
      const first = wholeStart(original, Math.max(offsets === undefined ? start : (offsets[start] ?? 0), least), least)
      const last = wholeEnd(original, offsets === undefined ? end : (offsets[end - 1] ?? 0) + 1)
      if (first >= last || from + first >= this.#next + this.#step) continue
      found(from + first, from + last, score)
      this.#lastEnd = from + last
    }
  }
}

// Half a character is never masked: a finding grows by the other half, or leaves the character alone where the text that it may have ends.
function wholeStart(text: string, start: number, least: number): number {
  if (!isInside(text, start)) return start
  return start > least ? start - 1 : start + 1
}

function wholeEnd(text: string, end: number): number {
  if (isInside(text, end)) return end + 1
  const code = text.charCodeAt(end - 1)
  return end === text.length && code >= 0xd800 && code <= 0xdbff ? end - 1 : end
}

function isInside(text: string, index: number): boolean {
  const before = text.charCodeAt(index - 1)
  const code = text.charCodeAt(index)
  return before >= 0xd800 && before <= 0xdbff && code >= 0xdc00 && code <= 0xdfff
}

// What a detector says, checked: in order, within the text, and not more than there can be.
function spansIn(detector: Detector, text: string): readonly Required<Span>[] {
  const spans: Required<Span>[] = []
  let asked = 0
  const found = detector.find(text)
  // A detector that answers later answers too late: what it would find has left by then. It is no list either, so it refuses.
  abandon(found)
  for (const { start, end, score = 0.8 } of found) {
    if (++asked > text.length + 1) throw new TypeError(`detector ${detector.type}: finds more than there is`)
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start || end > text.length)
      throw new TypeError(`detector ${detector.type}: a span lies outside of the text`)
    if (!(typeof score === 'number' && score > 0 && score <= 1))
      throw new TypeError(`detector ${detector.type}: a score is not above 0 and at most 1`)
    if (end > start) spans.push({ start, end, score })
  }
  return spans.sort((one, other) => one.start - other.start || other.end - one.end)
}
