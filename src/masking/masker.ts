import type { AnswerCodec, Text } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import type { Detect } from './detector.ts'
import { HiddenText } from './hidden-text.ts'
import { type Hidden, Masking } from './masking.ts'
import type { MaskMode, ModeChoice } from './modes.ts'
import { UrlWatch } from './url-watch.ts'
import { PseudonymScope } from './pseudonym.ts'
import { type IsToken, Scanning } from './scan.ts'
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
  const restores = (): TextMasker | undefined => {
    const treatment = masking.output(scope, { mask: false, restore: true, urls: true })
    return treatment && new TextMasker(treatment)
  }
  return Object.freeze({
    mask: (text: string) => masks().whole(text),
    restore: (text: string) => restores()?.whole(text) ?? text,
    stream: masks,
    restoring: () => restores() ?? { push: (chunk: string) => chunk, end: () => '' },
  })
}

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
  /** What is done with hidden text before anything is looked for; passed unless given. */
  readonly hidden?: Exclude<Hidden, 'pass'>
  /** Told of hidden text that was taken out. */
  onHidden?(): void
  /** Told what is written between findings, where it matters in what they stand. */
  readonly watch?: UrlWatch
}

/** Writes a text anew, piece by piece. */
export class TextMasker implements TextStream {
  readonly #treatment: Treatment
  readonly #scanning: Scanning
  readonly #hidden: HiddenText | undefined
  // What is certain but for whether a finding at its beginning stands in an address.
  readonly #waiting: { readonly type: string | undefined; readonly text: string }[] = []

  constructor(treatment: Treatment) {
    this.#treatment = treatment
    this.#scanning = new Scanning(treatment.scanner, treatment.isToken)
    this.#hidden = treatment.hidden === undefined ? undefined : new HiddenText()
  }

  /** How much is held back, in UTF-16 units. */
  get held(): number {
    return this.#waiting.reduce((sum, { text }) => sum + text.length, this.#scanning.held)
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

  #take(piece: string, isFinal: boolean): string {
    const chunk = this.#hidden === undefined ? piece : this.#shown(this.#hidden, piece, isFinal)
    const scanning = this.#scanning
    const { watch } = this.#treatment
    let written = scanning.released
    let out = ''
    const copy = (until: number): void => {
      const text = scanning.text(written, until)
      if (watch === undefined) out += text
      else if (text !== '') this.#waiting.push({ type: undefined, text })
    }
    const until = scanning.take(chunk, isFinal, ({ candidate: { type }, start, end }) => {
      copy(start)
      const text = scanning.text(start, end)
      if (watch === undefined) out += this.#treatment.replace(type, text, false)
      else this.#waiting.push({ type, text })
      written = end
    })
    copy(until)
    return watch === undefined ? out : this.#settle(watch, isFinal)
  }

  #shown(hidden: HiddenText, piece: string, isFinal: boolean): string {
    const wasFound = hidden.isFound
    const chunk = hidden.take(piece, isFinal)
    if (hidden.isFound && !wasFound) {
      if (this.#treatment.hidden === 'refuse') throw new GuardError('payload_blocked', { reason: 'a text holds characters that nobody sees' })
      this.#treatment.onHidden?.()
    }
    return chunk
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
        const isInUrl = watch.isInside || UrlWatch.continues(following, isFinal)
        if (isInUrl === undefined) break
        watch.read(text)
        out += this.#treatment.replace(type, text, isInUrl)
      }
      done++
    }
    this.#waiting.splice(0, done)
    return out
  }
}

/** How many running texts one answer may have. */
const maxChannels = 1024

/** What is done with texts of a kind; undefined where nothing is. */
export type TreatmentOf = (kind: Text['kind']) => Treatment | undefined

/** A running text, and the last part that it stood in. */
interface Running {
  readonly masker: TextMasker
  like: unknown
}

/**
 * The parts of an answer with their texts treated. No part leaves before all of its texts were read. A whole answer stays
 * one part. In a stream each channel is one text, and what may still be the beginning of a finding is held back: it leaves
 * with a later part of the channel, with or right before the part that ends it, or at the end of the stream. A part
 * whose text is held back altogether passes with an empty one, so that whatever else it says comes at its time.
 */
export async function* maskAnswer(
  parts: AsyncIterable<unknown>,
  codec: AnswerCodec,
  isStreamed: boolean,
  treatmentOf: TreatmentOf,
): AsyncGenerator<unknown, void, undefined> {
  const channels = new Map<string, Running>()
  const ended = new Set<string>()
  for await (const part of isStreamed ? codec.assemble(parts) : parts) {
    const texts = codec.texts(part)
    const touched: Running[] = []
    const values = texts.map((text) => {
      const { value, kind, channel } = text
      if (kind === 'identifier') return unmasked(value, treatmentOf(kind))
      if (!isStreamed || kind !== 'text' || text.whole === true) return whole(value, treatmentOf(kind))
      // A reader would put it behind what it has, of which nothing is known here any more.
      if (ended.has(channel) && value !== '') throw new GuardError('payload_invalid', { reason: 'a text goes on after its end' })
      const running = channels.get(channel) ?? begin(channels, text, treatmentOf)
      if (running === undefined) return value
      touched.push(running)
      return running.masker.push(value)
    })
    for (const channel of isStreamed ? codec.ends(part) : []) {
      if (ended.size >= maxChannels * 4) throw new GuardError('payload_too_large', { reason: 'too many running texts in one answer' })
      ended.add(channel)
      const running = channels.get(channel)
      if (running === undefined) continue
      channels.delete(channel)
      const rest = running.masker.end()
      if (rest === '') continue
      const last = texts.findLastIndex((text) => text.channel === channel && text.kind === 'text')
      if (last === -1) yield codec.carry(running.like, channel, rest)
      else values[last] += rest
    }
    const masked = values.every((value, index) => value === texts[index]?.value) ? part : codec.replace(part, values)
    // What is carried later repeats what stands around it: as it left, and not as it came.
    for (const running of touched) running.like = masked
    yield masked
  }
  for (const [channel, { masker, like }] of channels) {
    const rest = masker.end()
    if (rest !== '') yield codec.carry(like, channel, rest)
  }
}

/**
 * The texts of an input, masked. Content that comes in pieces is one text to the model, so what still crosses two pieces
 * when each of them is masked must not be there at all.
 *
 * @throws GuardError `payload_blocked` for a finding that crosses two pieces, and for one in what cannot be rewritten.
 */
export function maskInput(texts: readonly Text[], treatmentOf: (text: Text) => Treatment): string[] {
  const values = texts.map((text) => (text.kind === 'identifier' ? unmasked : whole)(text.value, treatmentOf(text)))
  let list: string | undefined
  let pieces: string[] = []
  for (let index = 0; index <= texts.length; index++) {
    const text = texts[index]
    const own = listOf(text)
    // What stands between two pieces of a list, as a picture does, keeps the model from nothing.
    if (own === undefined && text !== undefined && list !== undefined && text.path.startsWith(`${list}/`)) continue
    if (own !== list) {
      const [before] = texts.slice(index - 1, index)
      if (pieces.length > 1 && before !== undefined) refuseCrossing(pieces, treatmentOf(before))
      pieces = []
      list = own
    }
    if (own !== undefined) pieces.push(values[index] ?? '')
  }
  return values
}

function refuseCrossing(pieces: readonly string[], { scanner, isToken }: Treatment): void {
  const borders: number[] = []
  let end = 0
  for (const piece of pieces) borders.push((end += piece.length))
  let border = 0
  new Scanning(scanner, isToken).take(pieces.join(''), true, (found) => {
    while ((borders[border] ?? found.end) <= found.start) border++
    if ((borders[border] ?? found.end) < found.end)
      throw new GuardError('payload_blocked', { reason: 'what must not be sent is spread over pieces of a content' })
  })
}

// The list that a piece of content stands in: `/messages/0/content` of `/messages/0/content/1/text`.
function listOf(text: Text | undefined): string | undefined {
  if (text === undefined || text.kind !== 'text' || text.path.length > 64) return undefined
  return /^(.*)\/\d+\/(?:text|refusal)$/.exec(text.path)?.[1]
}

// A name cannot be masked without becoming another one, so one that holds what must not be seen is refused.
function unmasked(value: string, treatment: Treatment | undefined): string {
  if (whole(value, treatment) !== value) throw new GuardError('payload_blocked', { reason: 'an identifier or a number holds what must not be seen' })
  return value
}

function whole(value: string, treatment: Treatment | undefined): string {
  return treatment === undefined ? value : new TextMasker(treatment).whole(value)
}

function begin(channels: Map<string, Running>, { kind, channel }: Text, treatmentOf: TreatmentOf): Running | undefined {
  const treatment = treatmentOf(kind)
  if (treatment === undefined) return undefined
  if (channels.size >= maxChannels) throw new GuardError('payload_too_large', { reason: 'too many running texts in one answer' })
  const running: Running = { masker: new TextMasker(treatment), like: undefined }
  channels.set(channel, running)
  return running
}
