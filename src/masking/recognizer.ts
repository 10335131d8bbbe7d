import { alphanumeric, classOf, letter, underscore } from './character-classes.ts'
import { type Context, contextOf, furthestWord, silence } from './context-words.ts'

/**
 * A built-in detector, or several that look at the same things. The scanner walks over the text once and asks at each
 * trigger; the recognizer looks around it through a `Glance`. Its answer may depend on nothing but the characters that it
 * looked at, so that it is the same however a stream was cut.
 */
export interface Recognizer {
  /** What it may find. */
  readonly types: readonly string[]
  /** The first two or three characters at which a look is worth it, such as `['ey']`, `['sk-']`; `'4?'` for any second. ASCII only. */
  readonly openings: readonly string[]
  /** Classes of the character before a trigger that make the look needless. */
  readonly unlessAfter: number
  /** Whether it passes over digits that only go on with a number, a version, a date, an identifier: behind `1.`, `a-`. */
  readonly isNumber?: boolean
  /** Whether it never finds what has less than five letters and digits, so that it need not look at a page or a year. */
  readonly isLong?: boolean
  /** Where a finding may begin whose trigger is at an index or behind it; left out where findings begin at their triggers. */
  reachBack?(text: string, index: number): number
  /** The longest finding, in UTF-16 units. */
  readonly maxLength: number
  /** Whether what it finds counts only if the scope of pseudonyms knows it. */
  readonly isUnconfirmed?: boolean
  /** Looks at a trigger; calls `glance.found` where there is something. */
  look(glance: Glance, at: number): void
}

/** How far before the beginning of a finding its recognizer may look. */
export const lookBehind = 96

/**
 * What a recognizer sees. It notes when somebody looks beyond the end: unless the text is final, such an answer is
 * thrown away and asked for again when there is more.
 */
export class Glance {
  text = ''
  /** Whether a look went beyond the end. */
  touched = false
  type = ''
  start = -1
  end = -1
  score = 0
  #wordOf = -1
  #word = -1
  #contextAt = -1
  #context: Context = silence
  // The last letter before the last place that was asked about: where there is none, no word is.
  #letterAt = -furthestWord - 1
  #lettersTo = 0

  /** The UTF-16 unit at an index; -1 where there is none. */
  at(index: number): number {
    if (index < this.text.length) return index < 0 ? -1 : this.text.charCodeAt(index)
    this.touched = true
    return -1
  }

  /** The units from `start` up to `end`, as far as there are any. */
  slice(start: number, end: number): string {
    if (end > this.text.length) this.touched = true
    return this.text.slice(Math.max(0, start), end)
  }

  /** Whether this text stands at an index. Looks no further than the first difference. */
  startsWith(literal: string, index: number): boolean {
    for (let offset = 0; offset < literal.length; offset++) if (this.at(index + offset) !== literal.charCodeAt(offset)) return false
    return true
  }

  /**
   * Where the word begins that has its first digit at an index: there, or at the letters before it. -1 where the word has
   * digits before it, more than ten letters, or an underscore.
   */
  word(index: number): number {
    if (this.#wordOf !== index) {
      this.#wordOf = index
      this.#word = wordStart(this.text, index)
    }
    return this.#word
  }

  /** The words before an index that say what follows them. */
  context(index: number): Context {
    if (this.#contextAt === index) return this.#context
    this.#contextAt = index
    return (this.#context = this.isSilent(index) ? silence : contextOf(this.text, index))
  }

  /** Whether there are no words before an index, which costs less to know than which there are. */
  isSilent(index: number): boolean {
    const from = index < this.#lettersTo ? Math.max(0, index - furthestWord - 1) : Math.max(this.#lettersTo, index - furthestWord - 1)
    if (index < this.#lettersTo) this.#letterAt = -furthestWord - 1
    for (let at = from; at < index; at++) {
      const code = this.text.charCodeAt(at)
      if (code > 127 || (classOf(code) & letter) !== 0) this.#letterAt = at
    }
    this.#lettersTo = index
    return index - this.#letterAt > furthestWord
  }

  found(type: string, start: number, end: number, score: number): void {
    this.type = type
    this.start = start
    this.end = end
    this.score = score
  }

  /** Before the first look at a text. */
  open(text: string): void {
    this.text = text
    this.#contextAt = -1
    this.#lettersTo = 0
    this.#letterAt = -furthestWord - 1
    this.#wordOf = -1
  }

  /** Before each further look. */
  reset(): void {
    this.touched = false
    this.end = -1
  }
}

const maxLetters = 10

/** The beginning of the letters before an index, if nothing else clings to them; -1 otherwise. */
export function wordStart(text: string, index: number): number {
  let start = index
  while (index - start < maxLetters && (classOf(start > 0 ? text.charCodeAt(start - 1) : -1) & letter) !== 0) start--
  return start > 0 && (classOf(text.charCodeAt(start - 1)) & (alphanumeric | underscore)) !== 0 ? -1 : start
}
