/** How many strings of JSON may stand within each other. */
const deepest = 4

/**
 * Follows a text and knows whether its end stands in a string of JSON, wherever in the text that is: what is put there as
 * it is could end the string, and become members that nobody wrote. Strings are looked for in braces and brackets alone,
 * and none goes on behind the end of a line. A string may hold JSON itself.
 */
export class JsonWatch {
  readonly #level: number
  #depth = 0
  #isString = false
  // Follows what the string says.
  #inner: JsonWatch | undefined
  // Behind a backslash: '' or what came of `u` and its four digits.
  #escape: string | undefined

  constructor(level: number = 1) {
    this.#level = level
  }

  read(text: string): void {
    for (let index = 0; index < text.length; index++) this.#take(text.charCodeAt(index))
  }

  /**
   * How a value is written here: as it is outside of strings, and in one where it is a part of a string already, as it was
   * found in another; escaped otherwise. Undefined where it cannot be written, behind half an escape.
   */
  write(value: string): string | undefined {
    if (!this.#isString || (this.#escape === undefined && !hasSpecial(value))) return value
    if (this.#accepts(value)) return value
    const inner = this.#escape === undefined ? this.#inner?.write(value) : undefined
    return inner === undefined ? undefined : JSON.stringify(inner).slice(1, -1)
  }

  // Whether it leaves every string open that is.
  #accepts(value: string): boolean {
    if (!this.#isString) return true
    if (this.#escape?.startsWith('u') === true) return false
    const said = contentOf(this.#escape === undefined ? value : `\\${value}`)
    if (said === undefined || this.#inner === undefined) return false
    return this.#inner.#accepts(said)
  }

  #take(code: number): void {
    if (this.#isString) this.#takeInside(code)
    else if (code === 123 || code === 91) this.#depth++
    else if ((code === 125 || code === 93) && this.#depth > 0) this.#depth--
    else if (code === 34 && this.#depth > 0) {
      this.#isString = true
      this.#inner = this.#level < deepest ? new JsonWatch(this.#level + 1) : undefined
    }
  }

  #takeInside(code: number): void {
    if (code === 10 || code === 13) this.#leave()
    else if (this.#escape !== undefined) this.#takeEscape(this.#escape + String.fromCharCode(code))
    else if (code === 92) this.#escape = ''
    else if (code === 34) this.#leave()
    else if (this.#inner !== undefined) this.#inner.#take(code)
  }

  #takeEscape(taken: string): void {
    this.#escape = taken.startsWith('u') && taken.length < 5 ? taken : undefined
    if (this.#escape === undefined) this.#inner?.read(contentOf(`\\${taken}`) ?? '')
  }

  #leave(): void {
    this.#isString = false
    this.#inner = this.#escape = undefined
  }
}

/** Whether a text has what cannot stand in a string as it is (RFC 8259, section 7). */
function hasSpecial(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 32 || code === 34 || code === 92) return true
  }
  return false
}

/** What a part of a string says; undefined where it is none. */
function contentOf(part: string): string | undefined {
  try {
    return String(JSON.parse(`"${part}"`))
  } catch {
    return undefined
  }
}
