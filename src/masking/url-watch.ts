import { alphanumeric, classOf } from './character-classes.ts'

// What text outside addresses is made of. Whatever else ASCII has may be a sign of an address.
const plain = new Set([...'!"\'()*,-.;_'].map((sign) => sign.charCodeAt(0)))
// Letters and numbers of every script, and the marks and spaces between them; no wide form of what is a sign in ASCII.
const plainBeyond =
  /^[\p{L}\p{M}\p{N}\p{Zs}\p{Cf}\p{Pd}\p{Pi}\p{Pf}\p{Cs}\u00a1\u00bf\u00b7\u2026\u3001\u3002\u300c-\u300f\uff01\uff08\uff09\uff0c\uff1a\uff1b]$/u
// How far is looked ahead, in UTF-16 units.
const furthest = 64
const styleOrScript = /^<(?:styl|scri)$/

/**
 * Follows a text and knows whether its end may stand in an address. What is put into an address can leave for the
 * address's host by being shown, without anybody reading it.
 *
 * It recognizes no addresses, of which every renderer has its own. It says no only behind letters, digits and the
 * punctuation of sentences back to the last white space, and outside of everything in which an address may hold white
 * space: a tag, a link's target, the definition of a reference, a style, a script.
 */
export class UrlWatch {
  // Since the last white space there was a sign of an address.
  #isSigned = false
  #last = 32
  // The last five characters, of which no decision needs more.
  #tail = ''
  readonly #tags = new OpenTags()
  // How many brackets are open since `](`.
  #depth = 0
  #isAngled = false
  // Whether nothing but white space came since `](`, or since a line began in it.
  #isBlank = false
  #isNewLine = false
  // Behind `]:`, to the end of the line in which something stands.
  #definition: 'none' | 'begun' | 'named' = 'none'
  #isCode = false
  #json: JsonPlace = 'before'
  // Since the last white space there was neither a letter nor a sign.
  #isBare = true

  /** Whether what comes next may stand in an address. */
  get isInside(): boolean {
    return (
      this.#isSigned || this.#last === 46 || this.#isCode || this.#depth > 0 || this.#isAngled || this.#definition !== 'none' || this.#tags.isInside
    )
  }

  /** Whether what comes next stands in a string of JSON, whose quotes end any address. */
  get isJsonString(): boolean {
    return this.#json === 'string'
  }

  /**
   * Whether what follows a word makes it a part of an address; undefined where more must be known. Looks as far as the next
   * white space and no further than 64 characters, which are a yes.
   */
  static continues(following: string, isFinal: boolean, isJsonString: boolean = false): boolean | undefined {
    for (let index = 0; index < Math.min(following.length, furthest); index++) {
      const code = following.charCodeAt(index)
      if (isWhiteSpace(code) || (isJsonString && code === 34)) return false
      const next = index + 1 < following.length ? following.charCodeAt(index + 1) : isFinal ? 32 : undefined
      // The end of a question, a sentence or a salutation; between two letters it is another thing.
      if (code === 46 || code === 58 || code === 63) {
        if (next === undefined) return undefined
        if (code === 46 ? isWord(next) : !isWhiteSpace(next)) return true
      } else if (!isPlain(code) && !isMarkup(code)) return true
    }
    if (following.length >= furthest) return true
    return isFinal ? false : undefined
  }

  read(text: string): void {
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      const isWhite = isWhiteSpace(code)
      const isStructure = this.#readJson(code, isWhite)
      const isMark = isMarkup(code) && this.#isBare
      if (isWhite) this.#isBare = true
      else if (isWord(code) || !(isMark || isPlain(code))) this.#isBare = false
      if (isWhite) this.#isSigned = false
      // A dot between two letters makes a name of a host.
      else if (!isStructure && !isMark && (!isPlain(code) || (this.#last === 46 && isWord(code)))) this.#isSigned = true
      this.#follow(code, isWhite)
      this.#tags.read(code, this.#last)
      if (code === 60 || this.#tail !== '') this.#begin(code)
      this.#last = code
    }
  }

  // What JSON is made of between its strings is no sign of an address, in a text or a line that begins with it. A colon is
  // none behind a quote alone: behind letters it may be that of a scheme.
  #readJson(code: number, isWhite: boolean): boolean {
    const place = this.#json === 'none' && this.#last === 10 ? 'before' : this.#json
    this.#json = placeInJson(place, code, isWhite)
    if (this.#json !== 'between' || place === 'string' || code === 34) return false
    return code === 58 ? this.#last === 34 : isStructural(code)
  }

  // Each of them ends as late as any renderer ends it.
  #follow(code: number, isWhite: boolean): void {
    const last = this.#last
    if (last === 93 && code === 58) this.#definition = 'begun'
    else if (this.#definition === 'begun' && !isWhite) this.#definition = 'named'
    else if (this.#definition === 'named' && code === 10) this.#definition = 'none'
    if (this.#depth > 0 || this.#isAngled) {
      if (code === 10) {
        this.#isAngled = false
        // No link goes on behind an empty line.
        if (this.#isBlank && this.#isNewLine) this.#depth = 0
        this.#isBlank = this.#isNewLine = true
      } else if (code === 60 && this.#isBlank) this.#isAngled = true
      else if (code === 62 && last !== 92) this.#isAngled = false
      else if (code === 40) this.#depth++
      else if (code === 41 && last !== 92 && this.#depth > 0) this.#depth--
      if (!isWhite) this.#isBlank = false
    } else if (last === 93 && code === 40) {
      this.#depth = 1
      this.#isBlank = true
      this.#isNewLine = false
    }
  }

  // The text of these is neither Markdown nor HTML, and has addresses of its own kind.
  #begin(code: number): void {
    this.#tail = code === 60 ? '<' : this.#tail + String.fromCharCode(code).toLowerCase()
    if (this.#tail.length < 5) return
    this.#isCode ||= styleOrScript.test(this.#tail)
    this.#tail = ''
  }
}

/** Where in JSON a text is: before it, between its strings, in a string, behind a backslash in one, or in no JSON. */
type JsonPlace = 'before' | 'between' | 'string' | 'escape' | 'none'

function placeInJson(place: JsonPlace, code: number, isWhite: boolean): JsonPlace {
  if (place === 'before') return code === 123 || code === 91 ? 'between' : isWhite ? 'before' : 'none'
  if (place === 'between') {
    if (code === 34) return 'string'
    return isWhite || isStructural(code) || isNumberOrWord(code) ? 'between' : 'none'
  }
  if (place === 'string') return code === 92 ? 'escape' : code === 34 ? 'between' : code === 10 || code === 13 ? 'none' : 'string'
  return place === 'escape' ? 'string' : 'none'
}

// Braces, brackets, comma and colon.
function isStructural(code: number): boolean {
  return code === 123 || code === 125 || code === 91 || code === 93 || code === 44 || code === 58
}

function isNumberOrWord(code: number): boolean {
  return code < 128 && ((classOf(code) & alphanumeric) !== 0 || code === 43 || code === 45 || code === 46)
}

// In which part of a tag a text may be, one bit each (HTML, section 13.2.5).
const tagName = 1
const beforeName = 2
const name = 4
const afterName = 8
const beforeValue = 16
const quoted = 32
const singleQuoted = 64
const unquoted = 128

/**
 * Follows every tag that may have begun, since what begins one for a renderer begins none for another: inside of each
 * as long as HTML's own tokenizer would be that had begun there.
 */
class OpenTags {
  #places = 0

  get isInside(): boolean {
    return this.#places !== 0
  }

  read(code: number, last: number): void {
    const places = this.#places
    if (places !== 0) {
      let next = 0
      for (let place = 1; place <= unquoted; place <<= 1) if ((places & place) !== 0) next |= placeAfter(place, code)
      this.#places = next
    }
    if (last === 60 && (code | 32) >= 97 && (code | 32) <= 122) this.#places |= tagName
  }
}

/** Where a tag is after one more character; 0 where it has ended. */
function placeAfter(place: number, code: number): number {
  if (place === quoted) return code === 34 ? beforeName : quoted
  if (place === singleQuoted) return code === 39 ? beforeName : singleQuoted
  if (code === 62) return 0
  if (isWhiteSpace(code)) {
    if (place === tagName || place === unquoted) return beforeName
    return place === name ? afterName : place
  }
  if (place === unquoted) return unquoted
  if (place === beforeValue) return code === 34 ? quoted : code === 39 ? singleQuoted : unquoted
  if (code === 47) return beforeName
  if (place === tagName) return tagName
  return code === 61 && place !== beforeName ? beforeValue : name
}

// What ends an address wherever there is one. Other spaces do not, and some of them are taken out of it.
function isWhiteSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 12 || code === 13
}

function isWord(code: number): boolean {
  return code >= 128 || (classOf(code) & alphanumeric) !== 0
}

// What Markdown puts around code and what is struck out: before anything else there is no address that it could stand in.
function isMarkup(code: number): boolean {
  return code === 96 || code === 126
}

function isPlain(code: number): boolean {
  return code < 128 ? isWord(code) || plain.has(code) : plainBeyond.test(String.fromCharCode(code))
}
