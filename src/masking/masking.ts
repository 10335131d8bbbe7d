import { GuardError } from '../guard/errors.ts'
import type { Detect } from './detector.ts'
import type { Treatment } from './masker.ts'
import { type PseudonymScope, pseudonymName, tokenForm, tokenType } from './pseudonym.ts'
import { alphanumeric, classOf } from './character-classes.ts'
import { type Scanner, makeScanner, scannerOf } from './scanner.ts'
import { UrlWatch } from './url-watch.ts'
import type { Obligation } from '../guard/context.ts'

/** What masking is asked to do. */
interface MaskingOptions {
  readonly detect: Detect
  readonly mode?: MaskMode
  /** At least 32 bytes. */
  readonly key?: Uint8Array
  /** `pass` unless given. */
  readonly hidden?: Hidden
}

/** What is done with hidden text: it is taken out, refused with `payload_blocked`, or let pass. */
export type Hidden = 'strip' | 'refuse' | 'pass'

/** What hidden text is counted as. */
const hiddenType = 'HIDDEN_TEXT'

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
  readonly #hidden: Pick<Treatment, 'hidden'>

  /** @throws TypeError for wrong options. */
  constructor({ detect, mode = 'redact', key, hidden = 'pass' }: MaskingOptions) {
    if (hidden !== 'strip' && hidden !== 'refuse' && hidden !== 'pass') throw new TypeError("hidden: must be 'strip', 'refuse' or 'pass'")
    this.#hidden = hidden === 'pass' ? {} : { hidden }
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
    const hidden = { ...this.#hidden, onHidden: () => onMasked(hiddenType) }
    if (write !== undefined) return { ...hidden, scanner, replace: noted(write, onMasked) }
    return {
      ...hidden,
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
    const hidden = mask ? this.#hidden : {}
    if (write !== undefined) return { ...hidden, scanner, replace: write }
    return {
      ...hidden,
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

/** Where masking happens. */
export type MaskDirection = 'request' | 'response' | 'both'

/** Where pseudonyms are restored only if policy says so. */
export interface Restorable {
  /** In the arguments of tool calls. */
  readonly arguments: boolean
  /** In addresses: texts that are one, and URLs within a text. */
  readonly url: boolean
}

const never: Restorable = Object.freeze({ arguments: false, url: false })

/**
 * What the obligations of type `mask` ask for:
 *
 * - `types`: what must be masked, as `EMAIL`; whatever the control detects, unless given
 * - `direction`: `request` unless given
 * - `mode`: how
 * - `restore`: where pseudonyms may be restored beside ordinary text: `arguments`, `url`
 *
 * `met` is false where one asks for anything else, or for more than the control does.
 */
export function maskDuty(
  obligations: readonly Obligation[],
  does: { readonly types: readonly string[]; readonly direction: MaskDirection; readonly mode: MaskMode },
): { readonly met: boolean; readonly restorable: Restorable } {
  const duties = obligations.filter(({ type }) => type === 'mask')
  if (duties.length === 0) return { met: false, restorable: never }
  let restorable: Restorable = { arguments: true, url: true }
  for (const { type: _, types, direction = 'request', mode = does.mode, restore, ...others } of duties) {
    const wanted = types === undefined ? [] : textsIn(types)
    const places = restore === undefined ? [] : textsIn(restore)
    if (Object.keys(others).length > 0 || wanted === undefined || places === undefined) return { met: false, restorable: never }
    if (!wanted.every((type) => does.types.includes(type)) || mode !== does.mode) return { met: false, restorable: never }
    if (!places.every((place) => place === 'arguments' || place === 'url')) return { met: false, restorable: never }
    if (does.direction !== 'both' && does.direction !== direction) return { met: false, restorable: never }
    if (direction !== 'request' && direction !== 'response' && direction !== 'both') return { met: false, restorable: never }
    // Of several the strictest.
    restorable = { arguments: restorable.arguments && places.includes('arguments'), url: restorable.url && places.includes('url') }
  }
  return { met: true, restorable }
}

function textsIn(value: Obligation[string]): readonly string[] | undefined {
  const list: unknown = Array.isArray(value) ? value : [value]
  return Array.isArray(list) && list.every((entry): entry is string => typeof entry === 'string') ? list : undefined
}
