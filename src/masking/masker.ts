import { GuardError } from '../guard/errors.ts'
import type { Detect } from './detector.ts'
import type { TypedSpan } from './async-detector.ts'
import { HiddenText, mayHide } from './hidden-text.ts'
import type { JsonWatch } from './json-watch.ts'
import { type Hidden, Masking } from './masking.ts'
import type { MaskMode, ModeChoice } from './modes.ts'
import { UrlWatch } from './url-watch.ts'
import { PseudonymScope } from './pseudonym.ts'
import { openScope, sealScope } from './sealed-scope.ts'
import type { KeyedHash } from './keyed-hash.ts'
import { Sentences } from './sentences.ts'
import { findWhole, type IsToken, piecesOf, Scanning, type Stretch } from './scan.ts'
import type { Scanner } from './scanner.ts'

/** Options of `masker`. */
export interface MaskerOptions {
  readonly detect: Detect
  /** `redact` unless given. `surrogate` needs `loadSurrogates` before. Its position is `data`, of a stream as well. */
  readonly mode?: MaskMode | ModeChoice
  /**
   * At least 32 bytes; copied. Needed by `hash` and `surrogate`. With it the same value has the same pseudonym in every process, without
   * it only here.
   */
  readonly key?: Uint8Array
  /** What is done with characters that nobody sees: `pass` unless given. */
  readonly hidden?: Hidden
  /** Whose pseudonyms these are: in another scope the same value has another. */
  readonly scope?: string
}

/** Replaces what must not be seen in texts, and brings it back. */
export interface Masker {
  /** The text with every finding replaced. @throws GuardError `payload_blocked` in mode `block`. */
  mask(text: string): string
  /** The text with every pseudonym that this masker made replaced by what it stands for. */
  restore(text: string): string
  /** Masks a text that comes in pieces. All of it together is what `mask` would give. */
  stream(): TextStream
  /** Restores a text that comes in pieces. */
  restoring(): TextStream
  /**
   * All that it remembers, sealed (a JWE, A256GCM), to be kept with the session and opened by a masker of the same key and scope.
   * @throws TypeError where the masker has no key.
   */
  seal(): Promise<string>
  /**
   * Remembers what was sealed.
   * @throws TypeError where the masker has no key, GuardError `decryption_failed` for what was altered, or sealed in another scope or under another key.
   */
  open(sealed: string): Promise<void>
}

/**
 * A masker on its own, for one scope of pseudonyms.
 *
 * ```ts
 * const names = masker({ detect: detectors.pii, mode: 'pseudonym' })
 * const safe = names.mask('write to bob@example.com')
 * names.restore(safe) // 'write to bob@example.com'
 * ```
 *
 * It remembers about a megabyte of values; older ones can no longer be restored. A value longer than its detector's
 * longest finding is replaced in pieces or in part, the same in a stream as in a whole text.
 *
 * @throws TypeError for wrong options.
 */
export function masker(options: MaskerOptions): Masker {
  const masking = new Masking(options)
  if (masking.ready() !== undefined) throw new TypeError("mode 'surrogate': await loadSurrogates() first")
  const { scope: name = '' } = options
  if (typeof name !== 'string') throw new TypeError('scope: must be a string')
  const scope = new PseudonymScope(name, masking.hash)
  const masks = (): TextMasker => new TextMasker(masking.input(scope, scope.serial))
  const restores = (): Treatment | undefined => masking.output(scope, { mask: false, restore: true, urls: true })
  return Object.freeze({
    mask: (text: string) => maskWhole(text, masking.input(scope, scope.serial)),
    restore(text: string) {
      const treatment = restores()
      return treatment === undefined ? text : maskWhole(text, treatment)
    },
    stream: masks,
    restoring(): TextStream {
      const treatment = restores()
      return treatment === undefined ? { push: (chunk: string) => chunk, end: () => '' } : new TextMasker(treatment)
    },
    seal: async () => sealScope(scope, hashOf(masking)),
    open: async (sealed: string) => openScope(scope, hashOf(masking), sealed),
  })
}

function hashOf({ hash }: Masking): KeyedHash {
  if (hash === undefined) throw new TypeError('masker: what it remembers can only be sealed with a key')
  return hash
}

/** A text that comes in pieces and leaves with what must not be seen replaced. The same comes out however it was cut. */
export interface TextStream {
  /** Takes a piece; returns as much as is certain. */
  push(chunk: string): string
  /** Returns the rest. Nothing may follow. */
  end(): string
}

/** What is done with what is found. One that watches is for one text. */
export interface Treatment {
  readonly scanner: Scanner
  /** What counts as a pseudonym. */
  readonly isToken: IsToken | undefined
  /** What is written in the place of a finding. */
  replace(type: string, value: string, isInUrl: boolean): string
  /** Whoever is asked about each sentence, where somebody takes his time. */
  readonly ask: ((sentence: string) => Promise<readonly TypedSpan[]>) | undefined
  /** What is done with hidden text before anything is looked for; passed where it says nothing. */
  readonly hidden: Exclude<Hidden, 'pass'> | undefined
  /** Told of hidden text that was taken out. */
  onHidden(): void
  /** Told what is written between findings, where it matters in what they stand. */
  readonly watch: UrlWatch | undefined
  /** Told the same, and all findings, at the moment in which they are written. */
  readonly json: JsonWatch | undefined
}

/** Writes a whole text anew. */
export function maskWhole(text: string, treatment: Treatment): string {
  const { scanner, isToken, hidden, watch, json } = treatment
  const found = hidden !== undefined && mayHide(text) ? undefined : findWhole(scanner, text, isToken)
  if (found?.length === 0) return text
  return found === undefined || watch !== undefined || json !== undefined ? new TextMasker(treatment).whole(text) : written(text, found, treatment)
}

function written(text: string, found: readonly Stretch[], treatment: Treatment): string {
  let out = ''
  let last = 0
  for (const { candidate, start, end } of found) {
    out += text.slice(last, start) + treatment.replace(candidate.type, text.slice(start, end), false)
    last = end
  }
  return out + text.slice(last)
}

/** Writes a text anew, piece by piece. */
export class TextMasker implements TextStream {
  readonly #treatment: Treatment
  readonly #scanning: Scanning
  readonly #hidden: HiddenText | undefined
  // What is certain but for whether a finding at its beginning stands in an address.
  readonly #waiting: { readonly type: string | undefined; readonly text: string }[] = []

  /** @param isShown whether hidden text was seen to before. */
  constructor(treatment: Treatment, isShown: boolean = false) {
    this.#treatment = treatment
    this.#scanning = new Scanning(treatment.scanner, treatment.isToken)
    this.#hidden = treatment.hidden === undefined || isShown ? undefined : new HiddenText()
  }

  /** How much is held back, in UTF-16 units. */
  get held(): number {
    return this.#waiting.reduce((sum, { text }) => sum + text.length, this.#scanning.held)
  }

  push(chunk: string, given?: readonly TypedSpan[]): string {
    return chunk === '' ? '' : this.#take(chunk, false, given)
  }

  end(): string {
    return this.#take('', true)
  }

  /** A whole text. */
  whole(text: string): string {
    const pieces = piecesOf(text)
    if (pieces.length === 1) return this.#take(text, true)
    return pieces.map((piece) => this.#take(piece, false)).join('') + this.end()
  }

  #take(piece: string, isFinal: boolean, given?: readonly TypedSpan[]): string {
    const chunk = this.#hidden === undefined ? piece : shown(this.#hidden, piece, isFinal, this.#treatment)
    const scanning = this.#scanning
    const { watch, json } = this.#treatment
    let written = scanning.released
    let out = ''
    const copy = (until: number): void => {
      const text = scanning.text(written, until)
      if (watch === undefined) {
        out += text
        json?.read(text)
      } else if (text !== '') this.#waiting.push({ type: undefined, text })
    }
    const until = scanning.take(
      chunk,
      isFinal,
      ({ candidate: { type }, start, end }) => {
        copy(start)
        const text = scanning.text(start, end)
        if (watch === undefined) {
          out += this.#treatment.replace(type, text, false)
          json?.read(text)
        } else this.#waiting.push({ type, text })
        written = end
      },
      given,
    )
    copy(until)
    return watch === undefined ? out : this.#settle(watch, isFinal)
  }

  // A finding waits until what follows it says whether it stands in an address.
  #settle(watch: UrlWatch, isFinal: boolean): string {
    let out = ''
    let done = 0
    for (const { type, text } of this.#waiting) {
      if (type === undefined) {
        watch.read(text)
        out += text
      } else {
        let following = ''
        for (let next = done + 1; next < this.#waiting.length && following.length <= 64; next++) following += this.#waiting[next]?.text ?? ''
        const isInUrl = watch.isInside || UrlWatch.continues(following, isFinal, watch.isJsonString)
        if (isInUrl === undefined) break
        watch.read(text)
        out += this.#treatment.replace(type, text, isInUrl)
      }
      this.#treatment.json?.read(text)
      done++
    }
    this.#waiting.splice(0, done)
    return out
  }
}

/** A piece without what nobody sees. */
function shown(hidden: HiddenText, piece: string, isFinal: boolean, treatment: Treatment): string {
  const wasFound = hidden.isFound
  const text = hidden.take(piece, isFinal)
  if (hidden.isFound && !wasFound) {
    if (treatment.hidden === 'refuse') throw new GuardError('payload_blocked', { reason: 'a text holds characters that nobody sees' })
    treatment.onHidden()
  }
  return text
}

/** How many sentences of a whole text are asked about at once. */
const together = 8

/** Writes a text anew, sentence by sentence, with what somebody found who takes his time. */
export class SlowTextMasker {
  readonly #treatment: Treatment
  readonly #ask: (sentence: string) => Promise<readonly TypedSpan[]>
  readonly #masker: TextMasker
  readonly #hidden: HiddenText | undefined
  readonly #sentences = new Sentences()

  constructor(treatment: Treatment, ask: (sentence: string) => Promise<readonly TypedSpan[]>) {
    this.#treatment = treatment
    this.#ask = ask
    this.#masker = new TextMasker(treatment, true)
    this.#hidden = treatment.hidden === undefined ? undefined : new HiddenText()
  }

  push(chunk: string): Promise<string> {
    return this.#take(chunk, false)
  }

  end(): Promise<string> {
    return this.#take('', true)
  }

  whole(text: string): Promise<string> {
    return this.#take(text, true)
  }

  async #take(piece: string, isFinal: boolean): Promise<string> {
    const chunk = this.#hidden === undefined ? piece : shown(this.#hidden, piece, isFinal, this.#treatment)
    const sentences = this.#sentences.take(chunk, isFinal)
    let out = ''
    for (let index = 0; index < sentences.length; index += together) {
      const asked = sentences.slice(index, index + together)
      const found = await Promise.all(asked.map((sentence) => this.#ask(sentence)))
      for (const [place, sentence] of asked.entries()) out += this.#masker.push(sentence, found[place])
    }
    return isFinal ? out + this.#masker.end() : out
  }
}
