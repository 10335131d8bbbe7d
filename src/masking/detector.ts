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
export const longestFinding = 8192

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
export function isType(type: unknown): type is string {
  return typeof type === 'string' && type.length <= 32 && /^[A-Z][A-Z0-9_]*$/.test(type)
}

function isList(detect: Detect): detect is readonly (Detector | readonly Detector[])[] {
  return Array.isArray(detect)
}
