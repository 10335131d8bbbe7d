import type { TypedSpan } from './async-detector.ts'
import type { Detect, Finding } from './detector.ts'
import { endsInHalf, isFoldable, plainText, unitsPerPlainUnit } from './plain-text.ts'
import { lookBehind, type Recognizer } from './recognizer.ts'
import { type Progress, type Scanner, scannerOf, type Sink } from './scanner.ts'
import { Windows } from './windows.ts'

/**
 * Finds what must not be seen. Findings are in order and do not overlap: where two detectors meet, each character
 * belongs to the one with the higher score, then to the longer finding, then to the first.
 *
 * ```ts
 * scan('mail bob@example.com', detectors.email) // [{ type: 'EMAIL', start: 5, end: 20, score: 0.9 }]
 * ```
 *
 * @throws TypeError for a wrong choice of detectors; whatever a detector of one's own throws.
 */
export function scan(text: string, detect: Detect): Finding[] {
  const scanner = scannerOf(detect)
  const found = findWhole(scanner, text)
  if (found !== undefined) return found.map(({ candidate: { type, score }, start, end }) => ({ type, start, end, score }))
  const findings: Finding[] = []
  const scanning = new Scanning(scanner)
  for (const piece of piecesOf(text))
    scanning.take(
      piece,
      scanning.taken + piece.length === text.length,
      ({ candidate: { type, score }, start, end }) => void findings.push({ type, start, end, score }),
    )
  return findings
}

const longestPiece = 32_768

/**
 * A text in pieces, so that no more has to be remembered of a long one than of a short one. It does not matter to what is found
 * where it is cut; an empty text is one piece.
 */
export function piecesOf(text: string): readonly string[] {
  if (typeof text !== 'string') throw new TypeError('text: must be a string')
  if (text.length <= longestPiece) return [text]
  return Array.from({ length: Math.ceil(text.length / longestPiece) }, (_, index) => text.slice(index * longestPiece, (index + 1) * longestPiece))
}

/** Whether what looks like a pseudonym is to be treated as one. */
export type IsToken = (text: string) => boolean

const nothing: readonly Stretch[] = Object.freeze([])

/**
 * What stands in a whole text that reads as it is written, as nearly all do: what `Scanning` would tell of it, without what a
 * stream and folding need. Undefined for any other text, which has to go the long way.
 */
export function findWhole(scanner: Scanner, text: string, isToken?: IsToken): readonly Stretch[] | undefined {
  if (typeof text !== 'string' || text.length > longestPiece || scanner.others.length > 0 || isFoldable(text)) return undefined
  const sink = new WholeText(text, isToken)
  scanner.run(text, 0, true, sink, sink)
  return sink.candidates === undefined ? nothing : resolveOverlaps(sink.candidates, 0)
}

/** What is found in a text that is whole and not folded. */
class WholeText implements Sink, Progress {
  cursor = 0
  settled = 0
  candidates: Candidate[] | undefined
  readonly #text: string
  readonly #isToken: IsToken | undefined
  // Where what each recognizer found last ends; most texts hold nothing.
  #lastEnds: number[] | undefined

  constructor(text: string, isToken: IsToken | undefined) {
    this.#text = text
    this.#isToken = isToken
  }

  isTaken(order: number, at: number): boolean {
    return this.#lastEnds !== undefined && at < (this.#lastEnds[order] ?? 0)
  }

  accept(order: number, { isUnconfirmed }: Recognizer, type: string, first: number, end: number, score: number): void {
    if (isUnconfirmed === true && this.#isToken?.(this.#text.slice(first, end)) !== true) return
    this.#lastEnds ??= []
    const start = Math.max(first, this.#lastEnds[order] ?? 0)
    if (start >= end) return
    this.#lastEnds[order] = end
    this.candidates ??= []
    this.candidates.push({ type, score, start, end, order })
  }
}

/**
 * One text on its way through a scanner, in one piece or in many. A whole text is a stream of one piece, so that both
 * take the same way. Offsets are into the whole text.
 */
export class Scanning implements Sink {
  readonly #scanner: Scanner
  readonly #isToken: IsToken | undefined
  readonly #windows: readonly Windows[]
  readonly #lastEnds: number[]
  readonly #progress: Progress = { cursor: 0, settled: 0 }
  // What is not released yet, and as much before it as a look back may need.
  #buffer = ''
  #base = 0
  #isFolding = false
  #offsets: Uint32Array | undefined
  #plain = ''
  #plainEnd = 0
  #cursor = 0
  #released = 0
  #candidates: Candidate[] = []

  constructor(scanner: Scanner, isToken?: IsToken) {
    this.#scanner = scanner
    this.#isToken = isToken
    this.#windows = scanner.others.map((detector) => new Windows(detector))
    this.#lastEnds = scanner.recognizers.map(() => 0)
  }

  /** How much was given and not released yet, in UTF-16 units. */
  get held(): number {
    return this.#base + this.#buffer.length - this.#released
  }

  /** How much was given. */
  get taken(): number {
    return this.#base + this.#buffer.length
  }

  /** Up to where everything was released. */
  get released(): number {
    return this.#released
  }

  /**
   * Takes more text and calls `stretch` for each finding that is now certain, in order.
   * @param given what somebody else found in this piece, at offsets into it
   * @returns up to where the text is now certain. Read it with `text` before the next piece.
   */
  take(chunk: string, isFinal: boolean, stretch: (stretch: Stretch) => void, given: readonly TypedSpan[] = []): number {
    const from = this.#base + this.#buffer.length
    for (const { type, start, end, score = 0.8 } of given) this.#candidates.push({ type, score, start: from + start, end: from + end, order: -1 })
    this.#buffer = this.#buffer === '' ? chunk : this.#buffer.slice(this.#forget()) + chunk
    const { text, offsets } = this.#fold(chunk, isFinal)
    this.#plain = text
    this.#offsets = offsets
    this.#scanner.run(text, this.#indexOf(this.#cursor), isFinal, this, this.#progress)
    this.#cursor = this.#offsetOf(this.#progress.cursor)
    let settled = this.#offsetOf(this.#progress.settled)
    for (const [index, windows] of this.#windows.entries()) {
      const order = this.#lastEnds.length + index
      const type = this.#scanner.others[index]?.type ?? ''
      windows.run(this.#buffer, this.#base, isFinal, (start, end, score) => this.#candidates.push({ type, score, start, end, order }))
      if (!isFinal) settled = Math.min(settled, windows.settled)
    }
    // What was released stays so.
    return this.#release(Math.max(settled, this.#released), isFinal, stretch)
  }

  /** The original text between two offsets, of what was taken last. */
  text(start: number, end: number): string {
    return this.#buffer.slice(start - this.#base, end - this.#base)
  }

  isTaken(order: number, at: number): boolean {
    return this.#offsetOf(at) < (this.#lastEnds[order] ?? 0)
  }

  accept(order: number, { isUnconfirmed }: Recognizer, type: string, first: number, last: number, score: number): void {
    if (isUnconfirmed === true && this.#isToken?.(this.#plain.slice(first, last)) !== true) return
    const start = Math.max(this.#offsetOf(first), this.#lastEnds[order] ?? 0)
    const end = this.#endOf(last - 1)
    if (start >= end) return
    this.#lastEnds[order] = end
    this.#candidates.push({ type, score, start, end, order })
  }

  #release(settled: number, isFinal: boolean, stretch: (stretch: Stretch) => void): number {
    let until = settled
    let last = this.#released
    if (this.#candidates.length > 0) {
      for (const found of resolveOverlaps(this.#candidates, this.#released)) {
        if (found.end > settled && !isFinal) {
          until = Math.min(until, found.start)
          break
        }
        stretch(found)
        last = found.end
      }
    }
    // Half a character cannot be written.
    if (!isFinal && until > last && isHigh(this.#buffer.charCodeAt(until - 1 - this.#base))) until--
    if (this.#candidates.length > 0) this.#candidates = this.#candidates.filter(({ end }) => end > until)
    this.#released = until
    return until
  }

  // How much of the buffer nobody looks back at any more.
  #forget(): number {
    const behind = this.#isFolding ? (lookBehind + 1) * unitsPerPlainUnit : lookBehind
    let needed = this.#released - behind
    for (const windows of this.#windows) needed = Math.min(needed, windows.needed)
    const forgotten = Math.max(0, needed - this.#base)
    this.#base += forgotten
    return forgotten
  }

  #fold(chunk: string, isFinal: boolean): { readonly text: string; readonly offsets: Uint32Array | undefined } {
    this.#isFolding ||= isFoldable(chunk)
    this.#plainEnd = this.#buffer.length
    if (!this.#isFolding) return { text: this.#buffer, offsets: undefined }
    // What the other half will make of it nobody knows.
    if (isFinal || !endsInHalf(this.#buffer)) return plainText(this.#buffer)
    return plainText(this.#buffer.slice(0, --this.#plainEnd))
  }

  // Behind the whole character that a plain unit stands for.
  #endOf(index: number): number {
    const last = this.#offsetOf(index) - this.#base
    const isPair = this.#offsets !== undefined && isHigh(this.#buffer.charCodeAt(last)) && isLow(this.#buffer.charCodeAt(last + 1))
    return this.#base + last + (isPair ? 2 : 1)
  }

  #offsetOf(index: number): number {
    const offsets = this.#offsets
    if (offsets === undefined) return this.#base + index
    return this.#base + (index < offsets.length ? (offsets[index] ?? 0) : this.#plainEnd)
  }

  // The first plain unit that stands at this offset or behind it.
  #indexOf(offset: number): number {
    const offsets = this.#offsets
    const wanted = offset - this.#base
    if (offsets === undefined) return wanted
    let low = 0
    let high = offsets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((offsets[middle] ?? 0) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}

function isHigh(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}

/** What one detector found, before it is known what else stands there. Offsets into the whole text. */
export interface Candidate {
  readonly type: string
  readonly score: number
  readonly start: number
  readonly end: number
  /** The place of its detector among all. */
  readonly order: number
}

/** A stretch of text in which one candidate is the best. */
export interface Stretch {
  readonly candidate: Candidate
  readonly start: number
  end: number
}

/**
 * Gives each character to the best candidate that covers it: the highest score, then the longest, then the first, then
 * the first detector. Where a better one covers a part of another, the rest of the other still counts, so that nothing
 * that was found is ever shown. What happens to a character depends only on the candidates that cover it, which is what
 * lets a stream decide it as soon as these are known.
 *
 * @param candidates in any order
 * @param from nothing before it is looked at
 */
export function resolveOverlaps(candidates: readonly Candidate[], from: number): Stretch[] {
  const sorted = candidates.filter((candidate) => candidate.end > from).sort((one, other) => one.start - other.start)
  const stretches: Stretch[] = []
  if (sorted.every(({ start }, index) => start >= Math.max(from, sorted[index - 1]?.end ?? from))) {
    for (const candidate of sorted) stretches.push({ candidate, start: candidate.start, end: candidate.end })
    return stretches
  }
  // At most one for each detector.
  let active: Candidate[] = []
  let next = 0
  let at = from
  while (next < sorted.length || active.length > 0) {
    if (active.length === 0) at = Math.max(at, sorted[next]?.start ?? at)
    for (let candidate = sorted[next]; candidate !== undefined && candidate.start <= at; candidate = sorted[++next]) active.push(candidate)
    let until = sorted[next]?.start ?? Number.POSITIVE_INFINITY
    let best: Candidate | undefined
    for (const candidate of active) {
      until = Math.min(until, candidate.end)
      if (best === undefined || isBetter(candidate, best)) best = candidate
    }
    const last = stretches.at(-1)
    if (best !== undefined) {
      if (last?.candidate === best && last.end === at) last.end = until
      else stretches.push({ candidate: best, start: at, end: until })
    }
    at = until
    active = active.filter((candidate) => candidate.end > at)
  }
  return stretches
}

function isBetter(one: Candidate, other: Candidate): boolean {
  if (one.score !== other.score) return one.score > other.score
  const difference = one.end - one.start - (other.end - other.start)
  if (difference !== 0) return difference > 0
  if (one.start !== other.start) return one.start < other.start
  return one.order < other.order
}
