import { type Detector, isType, longestFinding, type Span } from './detector.ts'
import { startsAnew, whySuperLinear } from './linear-pattern.ts'

// What begins anew at each character of a run costs as much for each as a finding is long.
const longestAnew = 512

/** Options of `pattern`: one of `regex` and `literal`. */
export interface PatternOptions {
  /** The type of its findings: upper-case letters, digits and underscores. */
  readonly name: string
  /**
   * With or without the `g` flag; matches of nothing are passed over. It must not be able to take more than linear time: no
   * back references, no repeats of repeats such as `(a+)+`, no two that can take the same characters one behind the other.
   */
  readonly regex?: RegExp
  /** Words to be found as they stand, in any case; not as parts of longer words. */
  readonly literal?: string | readonly string[]
  /** The longest match and what it looks at around it, in UTF-16 units: 1 to 8,192. Needed with `regex`; the longest literal and its neighbours otherwise. */
  readonly maxLength?: number
  /** Whether a match counts: a check digit, a list. */
  readonly validate?: (match: string) => boolean
  /** Above 0 and up to 1; 0.8 unless given. */
  readonly score?: number
}

/**
 * A detector from a regular expression, or from words.
 *
 * ```ts
 * const ticket = pattern({ name: 'TICKET', regex: /\bTCK-\d{4,8}\b/, maxLength: 14 })
 * scan('see TCK-4711', ticket) // [{ type: 'TICKET', start: 4, end: 12, score: 0.8 }]
 * const project = pattern({ name: 'PROJECT', literal: ['Bluebird', 'Night Owl'] })
 * ```
 *
 * @throws TypeError for wrong options, and for an expression that may take more than linear time, with the reason.
 */
export function pattern(options: PatternOptions): Detector {
  const { name, regex, literal, validate, score = 0.8 } = options
  if (!isType(name)) throw new TypeError('pattern: name must be upper-case letters, digits and underscores')
  if ((regex === undefined) === (literal === undefined)) throw new TypeError(`pattern ${name}: one of regex and literal must be given`)
  const own = literal === undefined ? ownRegex(name, regex) : wordsRegex(name, literal)
  const { maxLength = literal === undefined ? undefined : longestOf(literal) } = options
  if (maxLength === undefined || !Number.isInteger(maxLength) || maxLength < 1 || maxLength > longestFinding)
    throw new TypeError(`pattern ${name}: maxLength must be a whole number from 1 to ${longestFinding}`)
  if (regex !== undefined && maxLength > longestAnew && startsAnew(regex))
    throw new TypeError(
      `pattern ${name}: it may begin anew at each character of a long run: maxLength must be at most ${longestAnew}, or it must begin with what its repeat cannot take`,
    )
  if (validate !== undefined && typeof validate !== 'function') throw new TypeError(`pattern ${name}: validate must be a function`)
  if (!(typeof score === 'number' && score > 0 && score <= 1)) throw new TypeError(`pattern ${name}: score must be above 0 and at most 1`)
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

// A copy of our own: its position is nobody else's, and it goes on from match to match.
function ownRegex(name: string, regex: unknown): RegExp {
  if (!(regex instanceof RegExp)) throw new TypeError(`pattern ${name}: regex must be a regular expression`)
  const reason = whySuperLinear(regex)
  if (reason !== undefined) throw new TypeError(`pattern ${name}: its time may grow faster than a text: ${reason}`)
  return new RegExp(regex.source, `${regex.flags.replaceAll(/[gy]/g, '')}g`)
}

function wordsRegex(name: string, literal: unknown): RegExp {
  const words: readonly unknown[] = Array.isArray(literal) ? literal : [literal]
  if (
    words.length === 0 ||
    !words.every((word): word is string => typeof word === 'string' && word.trim() !== '' && word.length < longestFinding - 2)
  )
    throw new TypeError(`pattern ${name}: literal must be words`)
  // Longest first: one may begin another.
  const escaped = [...words].sort((one, another) => another.length - one.length).map((word) => word.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
  return new RegExp(`(?<![\\p{L}\\p{N}_])(?:${escaped.join('|')})(?![\\p{L}\\p{N}_])`, 'giu')
}

function longestOf(literal: string | readonly string[]): number {
  return Math.max(...[literal].flat().map(({ length }) => length)) + 2
}
