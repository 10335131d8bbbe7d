import { type Detector, isType, longestFinding, type Span } from './detector.ts'

/** Options of `pattern`. */
export interface PatternOptions {
  /** The type of its findings: upper-case letters, digits and underscores. */
  readonly name: string
  /** With or without the `g` flag; matches of nothing are passed over. Its time on a hostile text is yours to bound. */
  readonly regex: RegExp
  /** The longest match and what it looks at around it, in UTF-16 units: 1 to 8,192. */
  readonly maxLength: number
  /** Whether a match counts: a check digit, a list. */
  readonly validate?: (match: string) => boolean
  /** Above 0 and up to 1; 0.8 unless given. */
  readonly score?: number
}

/**
 * A detector from a regular expression.
 *
 * ```ts
 * const ticket = pattern({ name: 'TICKET', regex: /\bTCK-\d{4,8}\b/, maxLength: 14 })
 * scan('see TCK-4711', ticket) // [{ type: 'TICKET', start: 4, end: 12, score: 0.8 }]
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function pattern(options: PatternOptions): Detector {
  const { name, regex, maxLength, validate, score = 0.8 } = options
  if (!isType(name)) throw new TypeError('pattern: name must be upper-case letters, digits and underscores')
  if (!(regex instanceof RegExp)) throw new TypeError(`pattern ${name}: regex must be a regular expression`)
  if (!Number.isInteger(maxLength) || maxLength < 1 || maxLength > longestFinding)
    throw new TypeError(`pattern ${name}: maxLength must be a whole number from 1 to ${longestFinding}`)
  if (validate !== undefined && typeof validate !== 'function') throw new TypeError(`pattern ${name}: validate must be a function`)
  if (!(typeof score === 'number' && score > 0 && score <= 1)) throw new TypeError(`pattern ${name}: score must be above 0 and at most 1`)
  // A copy of our own: its position is nobody else's, and it goes on from match to match.
  const own = new RegExp(regex.source, `${regex.flags.replaceAll(/[gy]/g, '')}g`)
  return Object.freeze({
    type: name,
    maxLength,
    find(text: string): Span[] {
      const spans: Span[] = []
      own.lastIndex = 0
      for (let match = own.exec(text); match !== null; match = own.exec(text)) {
        const [found] = match
        if (found === '') {
          // By whole characters: in the middle of one, a pattern with the u flag would step back and never end.
          own.lastIndex += (text.codePointAt(own.lastIndex) ?? 0) > 0xffff ? 2 : 1
          continue
        }
        if (validate === undefined || validate(found)) spans.push({ start: match.index, end: match.index + found.length, score })
      }
      return spans
    },
  })
}
