/** The longest sentence, in UTF-16 units; a longer one is cut at its last blank, or there. */
const longest = 2048

/**
 * Cuts a text into sentences, the same ones however it came: behind a full stop, a question or exclamation mark with white
 * space behind it, behind those of the Far East, and behind the end of a line.
 */
export class Sentences {
  #pending = ''
  // Up to where no sentence ends.
  #looked = 0

  /** How much is held back. */
  get held(): number {
    return this.#pending.length
  }

  /** The sentences that are finished with this piece; with the last one, all that is left. */
  take(piece: string, isFinal: boolean): string[] {
    this.#pending += piece
    const sentences: string[] = []
    for (let end = this.#next(isFinal); end > 0; end = this.#next(isFinal)) {
      sentences.push(this.#pending.slice(0, end))
      this.#pending = this.#pending.slice(end)
      this.#looked = 0
    }
    if (isFinal && this.#pending !== '') {
      sentences.push(this.#pending)
      this.#pending = ''
    }
    return sentences
  }

  // 0 where none is finished yet.
  #next(isFinal: boolean): number {
    const text = this.#pending
    for (let index = this.#looked; index < Math.min(text.length, longest); index++) {
      const code = text.charCodeAt(index)
      if (code === 10 || code === 0x3002 || code === 0xff01 || code === 0xff1f) return index + 1
      if (code !== 46 && code !== 33 && code !== 63) continue
      if (index + 1 === text.length && !isFinal) {
        this.#looked = index
        return 0
      }
      if (isWhiteSpace(text.charCodeAt(index + 1))) return index + 2
    }
    this.#looked = Math.min(text.length, longest)
    if (text.length <= longest) return 0
    const blank = text.lastIndexOf(' ', longest - 1)
    if (blank > longest / 2) return blank + 1
    const code = text.charCodeAt(longest)
    return code >= 0xdc00 && code <= 0xdfff ? longest - 1 : longest
  }
}

function isWhiteSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13
}
