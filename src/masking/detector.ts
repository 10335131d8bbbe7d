/** Something that must not be seen, and where it stands. */
export interface Finding {
  /** As in redactions: `EMAIL`, `CARD`, ... */
  readonly type: string
  /** UTF-16 offsets into the original text; `end` is behind the last unit. */
  readonly start: number
  readonly end: number
  /** How certain it is, above 0 and up to 1. */
  readonly score: number
}

/** A place that a detector found in the text it was given. */
export interface Span {
  readonly start: number
  readonly end: number
  /** Above 0 and up to 1; 0.8 unless given. */
  readonly score?: number
}

/**
 * Finds one type of things that must not be seen. A detector of one's own gets pieces of a text, each with `maxLength`
 * units of the text around it, in the same pieces whether the text is whole or streamed. So what it finds must follow
 * from the finding itself and what stands close to it. Look-alikes (full-width forms, other digits) arrive folded to
 * ASCII and without invisible characters; offsets are into the text it was given.
 *
 * ```ts
 * const badge: Detector = {
 *   type: 'BADGE',
 *   maxLength: 9,
 *   find: (text) => Array.from(text.matchAll(/\bB-\d{6}\b/g), ({ index }) => ({ start: index, end: index + 8 })),
 * }
 * ```
 */
export interface Detector {
  /** Upper-case letters, digits and underscores, beginning with a letter; at most 32. */
  readonly type: string
  /** The longest finding together with what a look around it needs, in UTF-16 units: 1 to 8,192. A longer one is found in pieces. */
  readonly maxLength: number
  /** Must give the same for the same text. What it throws refuses the call. */
  find(text: string): Iterable<Span>
}

/** One detector, or lists of them. */
export type Detect = Detector | readonly (Detector | readonly Detector[])[]

/** The longest finding that any detector may have. */
const longestFinding = 8192

/** All detectors of a choice, each once. @throws TypeError for what is none. */
export function detectorsIn(detect: Detect): readonly Detector[] {
  const all = isList(detect) ? detect.flat() : [detect]
  if (all.length === 0) throw new TypeError('detect: at least one detector is needed')
  for (const detector of all) checkDetector(detector)
  return [...new Set(all)]
}

function checkDetector(detector: Detector): void {
  if (typeof detector !== 'object' || detector === null) throw new TypeError('detect: must be detectors or lists of them')
  const { type, maxLength, find } = detector
  if (!isType(type)) throw new TypeError('detector.type: must be upper-case letters, digits and underscores')
  if (!Number.isInteger(maxLength) || maxLength < 1 || maxLength > longestFinding)
    throw new TypeError(`detector ${type}: maxLength must be a whole number from 1 to ${longestFinding}`)
  if (typeof find !== 'function') throw new TypeError(`detector ${type}: find must be a function`)
}

/** Whether a text can name a type of findings. */
function isType(type: unknown): type is string {
  return typeof type === 'string' && type.length <= 32 && /^[A-Z][A-Z0-9_]*$/.test(type)
}

function isList(detect: Detect): detect is readonly (Detector | readonly Detector[])[] {
  return Array.isArray(detect)
}

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
