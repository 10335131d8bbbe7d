import { GuardError } from '../guard/errors.ts'
import type { Detect } from './detector.ts'
import type { Treatment } from './masker.ts'
import { pseudonymName, type PseudonymScope, tokenForm, tokenType } from './pseudonym.ts'
import { alphanumeric, classOf } from './recognizer.ts'
import { makeScanner, type Scanner, scannerOf } from './scanner.ts'

/** What masking is asked to do. */
interface MaskingOptions {
  readonly detect: Detect
  readonly mode?: MaskMode
  /** At least 32 bytes. */
  readonly key?: Uint8Array
}

/** Called for each finding that is masked. */
type OnMasked = (type: string) => void

/** Detectors and a mode, checked and made ready: what all texts of all callers share. */
export class Masking {
  readonly mode: MaskMode
  readonly types: readonly string[]
  readonly hash: KeyedHash | undefined
  readonly #scanner: Scanner
  readonly #tokensOnly: Scanner | undefined
  readonly #write: Write | undefined

  /** @throws TypeError for wrong options. */
  constructor({ detect, mode = 'redact', key }: MaskingOptions) {
    if (!isMode(mode)) throw new TypeError("mode: must be 'redact', 'pseudonym', 'hash', 'partial' or 'block'")
    this.mode = mode
    this.hash = key === undefined ? undefined : keyedHash(key)
    if (mode !== 'pseudonym') {
      this.#scanner = scannerOf(detect)
      this.types = this.#scanner.types
      this.#write = writerOf(mode, this.hash)
      return
    }
    this.types = scannerOf(detect).types
    const tokens = tokenForm([tokenType, ...this.types].map(pseudonymName))
    this.#scanner = makeScanner(detect, [tokens])
    this.#tokensOnly = makeScanner(undefined, [tokens])
  }

  /**
   * What is done with a text that goes in. In mode `pseudonym`, what has the form of a pseudonym and was not minted here
   * up to that serial number becomes a value like any other, so that it never means what it says.
   */
  input(scope: PseudonymScope, serial: number, onMasked: OnMasked = () => {}): Treatment {
    const write = this.#write
    const scanner = this.#scanner
    if (write !== undefined) return { scanner, replace: noted(write, onMasked) }
    return {
      scanner,
      isToken: () => true,
      replace: (type, value) => {
        if (type === tokenType && scope.knows(value, serial)) return value
        onMasked(type)
        return scope.mint(type, value, 'input')
      },
    }
  }

  /**
   * What is done with a text that comes out.
   *
   * @param mask whether what the text says is masked: all but pseudonyms of this scope, and, where they are restored, values that the caller gave
   * @param restore whether pseudonyms of the caller's own values become these values
   * @param urls whether they do so in addresses as well
   */
  output(scope: PseudonymScope, how: { readonly mask: boolean; readonly restore: boolean; readonly urls: boolean }): Treatment | undefined {
    const { mask, restore, urls } = how
    if (!mask && !restore) return undefined
    const scanner = mask ? this.#scanner : this.#tokensOnly
    if (scanner === undefined) return undefined
    const write = this.#write
    if (write !== undefined) return { scanner, replace: write }
    return {
      scanner,
      isToken: (token) => scope.knows(token),
      replace: (type, value, isInUrl) => {
        const isShown = restore && !isInUrl
        if (type === tokenType) return (isShown ? scope.restore(value) : undefined) ?? value
        const given = scope.given(type, value)
        if (given !== undefined) return isShown ? value : given
        return scope.mint(type, value, 'answer')
      },
      ...(restore && !urls && { watch: new UrlWatch() }),
    }
  }
}

function noted(write: Write, onMasked: OnMasked): Write {
  return (type, value) => {
    onMasked(type)
    return write(type, value)
  }
}

/**
 * What is written in the place of a finding.
 *
 * - `redact`: its type, as `[EMAIL]`
 * - `pseudonym`: a name that stands for it, as `EMAIL7q2k9x0m4w8z1t6h`, and can be restored
 * - `hash`: its type and HMAC-SHA-256 in full, as `[EMAIL:4be1...]`
 * - `partial`: stars, but for the last four letters and digits, as `**** **** **** 1111`
 * - `block`: nothing; the text is refused with `payload_blocked`
 */
export type MaskMode = 'redact' | 'pseudonym' | 'hash' | 'partial' | 'block'

const modes: readonly unknown[] = ['redact', 'pseudonym', 'hash', 'partial', 'block']

/** Whether a value names a mode. */
function isMode(value: unknown): value is MaskMode {
  return modes.includes(value)
}

/** Writes the replacement of a finding. */
type Write = (type: string, value: string) => string

/** The writer of a mode that needs no memory. @throws TypeError where `hash` has no key. */
function writerOf(mode: Exclude<MaskMode, 'pseudonym'>, hash: KeyedHash | undefined): Write {
  if (mode === 'redact') return (type) => `[${type}]`
  if (mode === 'partial') return (_type, value) => partial(value)
  if (mode === 'block') return block
  if (hash === undefined) throw new TypeError("mode 'hash' needs a key: an unkeyed hash of a short text is the text")
  return (type, value) => `[${type}:${hex(hash(`sallyport hash\n${type}\n${value}`))}]`
}

function block(type: string): never {
  throw new GuardError('payload_blocked', { reason: `found ${type}` })
}

// Of a short value four characters would be too much of it.
const shown = 4
const leastShown = 12
const longest = 64

function partial(value: string): string {
  let count = 0
  for (let index = 0; index < value.length; index++) if (isShown(value, index)) count++
  const kept = count >= leastShown ? shown : 0
  const from = Math.max(0, value.length - longest)
  let left = count
  let text = ''
  for (let index = 0; index < value.length; index++) {
    if (isShown(value, index)) left--
    else if (value.charCodeAt(index) < 128) {
      if (index >= from) text += value.charAt(index)
      continue
    }
    if (index >= from) text += isShown(value, index) && left < kept ? value.charAt(index) : '*'
  }
  return text
}

function isShown(value: string, index: number): boolean {
  return (classOf(value.charCodeAt(index)) & alphanumeric) !== 0
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** HMAC-SHA-256 of a text's UTF-8 bytes under one key, at once. */
export type KeyedHash = (message: string) => Uint8Array

/**
 * HMAC-SHA-256 (RFC 2104) under a key. By the runtime alone: a text that is being masked cannot wait, as WebCrypto would make
 * it, and a primitive is nothing to write anew.
 *
 * @param key at least 32 bytes; copied
 * @throws TypeError for a key that is too short, and on a runtime without `node:crypto`.
 */
export function keyedHash(key: Uint8Array): KeyedHash {
  if (!(key instanceof Uint8Array) || key.length < 32) throw new TypeError('key: must be a Uint8Array of at least 32 bytes')
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) throw new TypeError('key: this runtime cannot hash at once, so there are no keyed pseudonyms and hashes on it')
  const secret = crypto.createSecretKey(key.slice())
  return (message) => crypto.createHmac('sha256', secret).update(message).digest()
}

// What text outside addresses is made of. Whatever else ASCII has may be a sign of an address.
const plain = new Set([...'!"\'()*,-.;_'].map((sign) => sign.charCodeAt(0)))
// Letters and numbers of every script, and the marks and spaces between them; no wide form of what is a sign in ASCII.
const plainBeyond =
  /^[\p{L}\p{M}\p{N}\p{Zs}\p{Cf}\p{Pd}\p{Pi}\p{Pf}\p{Cs}\u00a1\u00bf\u00b7\u2026\u3001\u3002\u300c-\u300f\uff01\uff08\uff09\uff0c\uff1a\uff1b]$/u
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

  /** Whether what comes next may stand in an address. */
  get isInside(): boolean {
    return (
      this.#isSigned || this.#last === 46 || this.#isCode || this.#depth > 0 || this.#isAngled || this.#definition !== 'none' || this.#tags.isInside
    )
  }

  read(text: string): void {
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      const isWhite = isWhiteSpace(code)
      if (isWhite) this.#isSigned = false
      // A dot between two letters makes a name of a host.
      else if (!isPlain(code) || (this.#last === 46 && isWord(code))) this.#isSigned = true
      this.#follow(code, isWhite)
      this.#tags.read(code, this.#last)
      if (code === 60 || this.#tail !== '') this.#begin(code)
      this.#last = code
    }
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

function isPlain(code: number): boolean {
  return code < 128 ? isWord(code) || plain.has(code) : plainBeyond.test(String.fromCharCode(code))
}
