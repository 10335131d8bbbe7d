import type { Scanner } from './scanner.ts'
import { type IsToken, Scanning } from './scanning.ts'
import type { UrlWatch } from './url-watch.ts'

/** A text that comes in pieces and leaves with what must not be seen replaced. The same comes out however it was cut. */
export interface TextStream {
  /** Takes a piece; returns as much as is certain. */
  push(chunk: string): string
  /** Returns the rest. Nothing may follow. */
  end(): string
}

/** What is done with what is found. */
export interface Treatment {
  readonly scanner: Scanner
  /** What counts as a pseudonym. */
  readonly isToken?: IsToken
  /** What is written in the place of a finding. */
  replace(type: string, value: string, isInUrl: boolean): string
  /** Told what is written between findings, where it matters in what they stand. */
  readonly watch?: UrlWatch
}

/** Writes a text anew, piece by piece. */
export class TextMasker implements TextStream {
  readonly #treatment: Treatment
  readonly #scanning: Scanning

  constructor(treatment: Treatment) {
    this.#treatment = treatment
    this.#scanning = new Scanning(treatment.scanner, treatment.isToken)
  }

  /** How much is held back, in UTF-16 units. */
  get held(): number {
    return this.#scanning.held
  }

  push(chunk: string): string {
    return chunk === '' ? '' : this.#take(chunk, false)
  }

  end(): string {
    return this.#take('', true)
  }

  /** A whole text. */
  whole(text: string): string {
    return this.#take(text, true)
  }

  #take(chunk: string, isFinal: boolean): string {
    const scanning = this.#scanning
    const { watch } = this.#treatment
    let written = scanning.released
    let out = ''
    const copy = (until: number): void => {
      const text = scanning.text(written, until)
      watch?.read(text)
      out += text
    }
    const until = scanning.take(chunk, isFinal, ({ candidate: { type }, start, end }) => {
      copy(start)
      out += this.#treatment.replace(type, scanning.text(start, end), watch?.isInside === true)
      written = end
    })
    copy(until)
    return out
  }
}
