import type { Detect } from './detector.ts'
import { Masking } from './masking.ts'
import type { MaskMode } from './mode.ts'
import { PseudonymScope } from './pseudonym-scope.ts'
import { TextMasker, type TextStream } from './text-masker.ts'

/** Options of `masker`. */
export interface MaskerOptions {
  readonly detect: Detect
  /** `redact` unless given. */
  readonly mode?: MaskMode
  /**
   * At least 32 bytes; copied. Needed by `hash`. With it the same value has the same pseudonym in every process, without
   * it only here.
   */
  readonly key?: Uint8Array
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
