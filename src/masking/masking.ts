import type { Detect } from './detector.ts'
import { isMode, type MaskMode, type Write, writerOf } from './mode.ts'
import { keyedHash, type KeyedHash } from './keyed-hash.ts'
import { pseudonymName } from './pseudonym.ts'
import type { PseudonymScope } from './pseudonym-scope.ts'
import { tokenForm, tokenType } from './recognizers/token-form.ts'
import { makeScanner, type Scanner, scannerOf } from './scanner.ts'
import type { Treatment } from './text-masker.ts'
import { UrlWatch } from './url-watch.ts'

/** What masking is asked to do. */
export interface MaskingOptions {
  readonly detect: Detect
  readonly mode?: MaskMode
  /** At least 32 bytes. */
  readonly key?: Uint8Array
}

/** Called for each finding that is masked. */
export type OnMasked = (type: string) => void

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
