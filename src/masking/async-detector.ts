import { type Clock, within } from '../guard/clock.ts'
import { GuardError } from '../guard/errors.ts'
import { isType, type Span } from './detector.ts'

/**
 * Finds what must not be seen and takes its time: a model, a service. It is asked about one sentence after another, the same ones
 * whether the text is whole or streamed; what of a stream is in no finished sentence is held back. Where it fails or is late the
 * call is refused.
 *
 * ```ts
 * const names: AsyncDetector = {
 *   types: ['PERSON'],
 *   find: async (text, signal) => (await fetch('https://names.example', { method: 'POST', body: text, signal })).json(),
 * }
 * ```
 */
export interface AsyncDetector {
  /** All that it may find: upper-case letters, digits and underscores, beginning with a letter; at most 32 each. */
  readonly types: readonly string[]
  /** How long one answer may take, in milliseconds; 2,000 unless given. */
  readonly deadline?: number
  /**
   * What a sentence has, of at most 2,048 UTF-16 units; offsets into it. Aborted when it is too late.
   * @throws whatever goes wrong; that refuses the call.
   */
  find(text: string, signal: AbortSignal): Promise<Iterable<TypedSpan>>
}

/** A place that was found, and what it is. */
export interface TypedSpan extends Span {
  readonly type: string
}

/** Several detectors, checked and copied, asked together. */
export class AsyncDetectors {
  readonly types: readonly string[]
  readonly #detectors: readonly Required<AsyncDetector>[]

  /** @throws TypeError for what is none. */
  constructor(given: AsyncDetector | readonly AsyncDetector[]) {
    this.#detectors = (isList(given) ? given : [given]).map(checked)
    this.types = [...new Set(this.#detectors.flatMap(({ types }) => types))]
  }

  /** What all of them find in a sentence. @throws GuardError `deadline_exceeded` and `misconfigured`. */
  async ask(text: string, clock: Clock): Promise<readonly Required<TypedSpan>[]> {
    const answers = await Promise.all(this.#detectors.map((detector) => askOne(detector, text, clock)))
    return answers.flat()
  }
}

function isList(given: AsyncDetector | readonly AsyncDetector[]): given is readonly AsyncDetector[] {
  return Array.isArray(given)
}

function checked(detector: AsyncDetector): Required<AsyncDetector> {
  if (typeof detector !== 'object' || detector === null) throw new TypeError('asyncDetect: must be detectors')
  const { types, deadline = 2_000, find } = detector
  if (!Array.isArray(types) || types.length === 0 || !types.every(isType))
    throw new TypeError('asyncDetect: types must be upper-case letters, digits and underscores')
  if (!(typeof deadline === 'number' && deadline > 0 && deadline <= 600_000))
    throw new TypeError('asyncDetect: deadline must be milliseconds, above 0 and at most 600,000')
  if (typeof find !== 'function') throw new TypeError('asyncDetect: find must be a function')
  return Object.freeze({ types: Object.freeze([...types]), deadline, find: find.bind(detector) })
}

async function askOne({ types, deadline, find }: Required<AsyncDetector>, text: string, clock: Clock): Promise<Required<TypedSpan>[]> {
  const late = new AbortController()
  const cancel = clock.after(deadline, () => late.abort())
  try {
    const found = await within(
      clock,
      deadline,
      'a detector',
      // What throws at once is no different from what rejects.
      new Promise<Iterable<TypedSpan>>((resolve) => resolve(find(text, late.signal))),
    )
    return spansIn(found, types, text)
  } catch (cause) {
    // What it says may hold the text.
    throw new GuardError(late.signal.aborted ? 'deadline_exceeded' : 'misconfigured', {
      reason: `the detector of ${types.join(', ')} ${cause instanceof Nonsense ? cause.message : late.signal.aborted ? 'was late' : 'failed'}`,
    })
  } finally {
    cancel()
    late.abort()
  }
}

/** An answer that cannot be. Its message goes on behind "the detector of ...", and says nothing of the text. */
export class Nonsense extends Error {}

// In order, of known types, within the text, one behind the other, and no more than there can be.
function spansIn(found: Iterable<TypedSpan>, types: readonly string[], text: string): Required<TypedSpan>[] {
  const spans: Required<TypedSpan>[] = []
  let asked = 0
  for (const { type, start, end, score = 0.8 } of found) {
    if (++asked > text.length + 1) throw new Nonsense('finds more than there is')
    if (!types.includes(type)) throw new Nonsense('finds what it did not say')
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start || end > text.length)
      throw new Nonsense('finds what lies outside of the text')
    if (!(typeof score === 'number' && score > 0 && score <= 1)) throw new Nonsense('gives a score that is none')
    if (end > start) spans.push({ type, start: wholeStart(text, start), end: wholeEnd(text, end), score })
  }
  return spans
}

// Half a character is never masked.
function wholeStart(text: string, start: number): number {
  return isLow(text.charCodeAt(start)) && start > 0 ? start - 1 : start
}

function wholeEnd(text: string, end: number): number {
  return isLow(text.charCodeAt(end)) ? end + 1 : end
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}
