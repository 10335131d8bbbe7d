import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import type { SlowTextMasker, TextMasker } from './masker.ts'

/** How much of a text is held until it is known that nothing began in the one before it. */
const heldHead = 256
/** How much of a text is remembered for the one that follows it. */
const keptTail = 1_024

/** A text that is masked piece by piece. */
export interface RunningMasker {
  push(piece: string): Awaitable<string>
  end(): Awaitable<string>
}

/** Treats a whole text, as if it stood alone. */
export type Whole = (text: string) => Awaitable<string>

/**
 * Masks a text that stands right behind another one of the same content, as one block of an answer behind the other. Whoever reads them reads
 * one text: what begins in the first and ends here is refused, before any of it is given out.
 */
export class FollowingText implements RunningMasker {
  readonly #masker: TextMasker | SlowTextMasker
  readonly #before: string
  readonly #whole: Whole
  #head: string | undefined = ''

  constructor(masker: TextMasker | SlowTextMasker, before: string, whole: Whole) {
    this.#masker = masker
    this.#before = before
    this.#whole = whole
  }

  push(piece: string): Awaitable<string> {
    if (this.#head === undefined) return this.#masker.push(piece)
    this.#head += piece
    return this.#head.length < heldHead ? '' : this.#pass()
  }

  end(): Awaitable<string> {
    if (this.#head === undefined) return this.#masker.end()
    const passed = this.#pass()
    return isThenable(passed) ? passed.then((text) => this.#ended(text)) : this.#ended(passed)
  }

  #ended(text: string): Awaitable<string> {
    const rest = this.#masker.end()
    return isThenable(rest) ? rest.then((more) => text + more) : text + rest
  }

  #pass(): Awaitable<string> {
    const head = this.#head ?? ''
    this.#head = undefined
    const checked = requireApart([this.#before, head], this.#whole)
    return isThenable(checked) ? checked.then(() => this.#masker.push(head)) : this.#masker.push(head)
  }
}

/** The end of a text, with a piece more. */
export function tailOf(before: string, piece: string): string {
  return (before + piece).slice(-keptTail)
}

/**
 * Requires that pieces which are read as one text mean the same together as each on its own.
 *
 * @throws GuardError `payload_blocked` where something stands across two of them.
 */
export function requireApart(pieces: readonly string[], whole: Whole): Awaitable<void> {
  const treated = [pieces.join(''), ...pieces].map((text) => whole(text))
  const compare = ([together, ...apart]: readonly string[]): void => {
    if (together !== apart.join('')) throw new GuardError('payload_blocked', { reason: 'what must not be seen is spread over pieces of a content' })
  }
  return treated.every((text) => typeof text === 'string') ? compare(treated) : Promise.all(treated).then(compare)
}
