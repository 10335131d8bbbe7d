const http = 0x68747470 // http
const ttps = 0x74747073 // the end of https
const www = 0x777777

/**
 * Follows a text and knows whether its end stands in an address: a URL, a Markdown link's target, an attribute. What is
 * put into an address can leave for the address's host by being shown, without anybody reading it. It errs on that side.
 */
export class UrlWatch {
  #isInside = false
  // What closes the address; 0 where white space does.
  #closing = 0
  // What stands before the word that may turn out to be an address.
  #opening = 32
  // The last four characters, one to a byte.
  #last = 0

  /** Whether what comes next stands in an address. */
  get isInside(): boolean {
    return this.#isInside
  }

  read(text: string): void {
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      const isSpace = code === 32 || (code >= 9 && code <= 13) || code === 0xa0
      if (this.#isInside) {
        // A Markdown target in angle brackets may hold spaces.
        if (code === 60 && (this.#last & 255) === 40) this.#closing = 62
        // A target in angle brackets ends with its line, one in quotes does not.
        if (this.#closing === 0 ? isSpace : code === this.#closing || (code === 10 && this.#closing === 62)) this.#isInside = false
      } else if (this.#begins(code)) {
        this.#isInside = true
        this.#closing = closingOf(this.#opening)
      }
      if (isSpace || code === 60 || code === 34 || code === 39) this.#opening = code
      this.#last = (this.#last << 8) | (code < 128 ? code : 0)
    }
  }

  // `//` and its variants, `](`, `www.`, `http:` and `https:`.
  #begins(code: number): boolean {
    const last = this.#last
    if (code === 47 || code === 92) return (last & 255) === 47 || (last & 255) === 92
    if (code === 40) return (last & 255) === 93
    const lower = last | 0x20202020
    if (code === 46) return (lower & 0xffffff) === www
    return code === 58 && (lower === http || lower === ttps)
  }
}

function closingOf(opening: number): number {
  if (opening === 60) return 62
  return opening === 34 || opening === 39 ? opening : 0
}
