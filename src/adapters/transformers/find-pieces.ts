/** A place in a text. */
export interface Place {
  readonly start: number
  readonly end: number
}

/** A text as an uncased tokenizer sees it, and where each unit of it stands in the original. */
export class FoldedText {
  readonly original: string
  readonly #text: string
  readonly #offsets: readonly number[]

  constructor(original: string) {
    this.original = original
    let text = ''
    const offsets: number[] = []
    let index = 0
    for (const character of original) {
      const folded = fold(character)
      for (let unit = 0; unit < folded.length; unit++) offsets.push(index)
      text += folded
      index += character.length
    }
    offsets.push(index)
    this.#text = text
    this.#offsets = offsets
  }

  /**
   * Every place at which these pieces stand one behind the other, with or without blanks between them, grown to whole words. A
   * pipeline that gives no offsets gives the words of a token and not which of them it means, so all are meant.
   *
   * @param pieces as the tokenizer writes them; undefined for one that it could not write
   */
  places(pieces: readonly (string | undefined)[]): Place[] {
    const folded = pieces.map((piece) => (piece === undefined ? undefined : fold(piece)))
    const known = folded.findIndex((piece) => piece !== undefined && piece !== '')
    if (known === -1) return []
    const first = folded[known] ?? ''
    const found: Place[] = []
    for (let at = this.#text.indexOf(first); at !== -1; at = this.#text.indexOf(first, at + 1)) {
      const end = this.#endOf(folded.slice(known), at)
      if (end === undefined) continue
      // What could not be written before it belongs to the word before.
      let start = at
      for (let unknown = 0; unknown < known; unknown++) start = this.#wordBefore(start)
      found.push(this.grown(this.#offsets[start] ?? 0, this.#offsets[end] ?? this.original.length))
      at = Math.max(at, end - 1)
    }
    return found
  }

  #endOf(pieces: readonly (string | undefined)[], from: number): number | undefined {
    let at = from
    for (const [index, piece] of pieces.entries()) {
      if (piece === '') continue
      const next = index === 0 ? at : this.#behindBlanks(at)
      if (piece !== undefined) {
        if (!this.#text.startsWith(piece, next)) return undefined
        at = next + piece.length
      } else
        at = this.#behindUnknown(
          next,
          pieces.slice(index + 1).find((later) => later !== undefined && later !== ''),
        )
    }
    return at
  }

  #behindBlanks(from: number): number {
    let at = from
    while (at < this.#text.length && isBlank(this.#text.charCodeAt(at))) at++
    return at
  }

  // Up to what follows, or to the end of the word.
  #behindUnknown(from: number, following: string | undefined): number {
    const next = following === undefined ? -1 : this.#text.indexOf(following, from)
    if (next !== -1 && next - from <= furthest) return next
    let at = from
    while (at < this.#text.length && !isBlank(this.#text.charCodeAt(at))) at++
    return at
  }

  #wordBefore(from: number): number {
    let at = from
    while (at > 0 && isBlank(this.#text.charCodeAt(at - 1))) at--
    while (at > 0 && !isBlank(this.#text.charCodeAt(at - 1))) at--
    return at
  }

  /** The whole words of a place in the original. */
  grown(from: number, to: number): Place {
    const { original } = this
    let [start, end] = [from, to]
    while (start > 0 && isWordPart(original, start - 1) && isWordPart(original, start)) start--
    while (end < original.length && isWordPart(original, end) && isWordPart(original, end - 1)) end++
    return { start, end }
  }
}

/** How long what a tokenizer could not write may be, in UTF-16 units. */
const furthest = 64

// As uncased models read: without case, marks and what nobody sees.
function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}]/gu, '')
    .toLowerCase()
    .replaceAll('ς', 'σ')
}

function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 0xa0 || code === 0x3000 || (code >= 0x2000 && code <= 0x200b)
}

const letter = /[\p{L}\p{M}\p{N}]/u
// Scripts that put no blanks between words: there a word is what the model says.
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

function isWordPart(text: string, index: number): boolean {
  const code = text.charCodeAt(index)
  const isLow = code >= 0xdc00 && code <= 0xdfff
  const character = String.fromCodePoint(text.codePointAt(isLow && index > 0 ? index - 1 : index) ?? 0)
  return letter.test(character) && !unspaced.test(character)
}
