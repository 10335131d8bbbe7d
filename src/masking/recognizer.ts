/**
 * A built-in detector. The scanner walks over the text once and asks at each trigger; the recognizer looks around it
 * through a `Glance`. Its answer may depend on nothing but the characters that it looked at, so that it is the same
 * however a stream was cut.
 */
export interface Recognizer {
  readonly type: string
  /** The score of its findings, unless it knows better; 0 to 1. */
  readonly score: number
  /** ASCII characters at which a look is worth it. */
  readonly triggers: string
  /** Where it is known how a finding's first two characters look: all there are, each beginning with a trigger. */
  readonly openings?: readonly string[]
  /** Classes of the character before a trigger that make the look needless. */
  readonly unlessAfter: number
  /** How far a finding may begin before its trigger, and through which characters: 0 for one that begins at its trigger. */
  readonly reach: number
  reaches?(code: number): boolean
  /** The longest finding, in UTF-16 units. */
  readonly maxLength: number
  /** Whether what it finds counts only if the scope of pseudonyms knows it. */
  readonly isUnconfirmed?: boolean
  /** Looks at a trigger; calls `glance.found` where there is something. */
  look(glance: Glance, at: number): void
}

/** How far before a trigger, or before where its finding begins, a recognizer may look. */
export const lookBehind = 32

/**
 * What a recognizer sees. It notes when somebody looks beyond the end: unless the text is final, such an answer is
 * thrown away and asked for again when there is more.
 */
export class Glance {
  text = ''
  /** Whether a look went beyond the end. */
  touched = false
  start = -1
  end = -1
  score = 0

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

  found(start: number, end: number, score: number): void {
    this.start = start
    this.end = end
    this.score = score
  }

  reset(text: string): void {
    this.text = text
    this.touched = false
    this.end = -1
  }
}

/** Classes of ASCII characters, as bits. Tables instead of regular expressions: one look-up decides, and nothing backtracks. */
export const digit = 1
export const upper = 2
const lower = 4
export const letter: number = upper | lower
export const alphanumeric: number = digit | letter
export const underscore = 8
export const hyphen = 16
export const dot = 32
/** What else stands in the local part of an e-mail address. */
export const local = 64
export const space = 128

const classes = new Uint8Array(128)
for (let code = 48; code <= 57; code++) classes[code] = digit
for (let code = 65; code <= 90; code++) classes[code] = upper
for (let code = 97; code <= 122; code++) classes[code] = lower
classes[95] = underscore
classes[45] = hyphen
classes[46] = dot
for (const character of "%+'") classes[character.charCodeAt(0)] = local
for (const character of ' \t\r\n') classes[character.charCodeAt(0)] = space

/** The class bits of a UTF-16 unit; 0 beyond ASCII and for no character (-1). */
export function classOf(code: number): number {
  return code >= 0 && code < 128 ? (classes[code] ?? 0) : 0
}

/** Whether a unit beyond ASCII is a letter of an alphabet that mail and domain names are commonly written in: Latin, Greek, Cyrillic. */
export function isOtherLetter(code: number): boolean {
  return (code >= 0xc0 && code <= 0x24f && code !== 0xd7 && code !== 0xf7) || (code >= 0x370 && code <= 0x52f)
}
