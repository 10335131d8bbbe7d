import { type Clock, systemClock } from '../guard/clock.ts'
import { type AsyncDetector, AsyncDetectors } from './async-detector.ts'
import type { Detect } from './detector.ts'
import { JsonWatch } from './json-watch.ts'
import { type KeyedHash, keyedHash } from './keyed-hash.ts'
import type { Treatment } from './masker.ts'
import { type MaskMode, type ModeChoice, Modes, type Position } from './modes.ts'
import { type PseudonymScope, pseudonymName, tokenForm, tokenType } from './pseudonym.ts'
import { makeScanner, type Scanner, scannerOf } from './scanner.ts'
import { areSurrogatesMissing, loadSurrogates } from './surrogate.ts'
import { UrlWatch } from './url-watch.ts'
import { type Write, writerOf } from './writers.ts'

/** What masking is asked to do. */
interface MaskingOptions {
  readonly detect: Detect
  readonly mode?: MaskMode | ModeChoice
  /** At least 32 bytes. */
  readonly key?: Uint8Array
  /** `pass` unless given. */
  readonly hidden?: Hidden
  readonly asyncDetect?: AsyncDetector | readonly AsyncDetector[]
}

/** What is done with hidden text: it is taken out, refused with `payload_blocked`, or let pass. */
export type Hidden = 'strip' | 'refuse' | 'pass'

/** What hidden text is counted as. */
const hiddenType = 'HIDDEN_TEXT'

/** Called for each finding that is masked. */
type OnMasked = (type: string) => void

/** Detectors and modes, checked and made ready: what all texts of all callers share. */
export class Masking {
  readonly modes: Modes
  readonly types: readonly string[]
  readonly hash: KeyedHash | undefined
  readonly #scanner: Scanner
  readonly #tokensOnly: Scanner | undefined
  readonly #writers = new Map<MaskMode, Write>()
  readonly #hidden: Pick<Treatment, 'hidden'>
  readonly #later: AsyncDetectors | undefined

  /** @throws TypeError for wrong options. */
  constructor({ detect, mode = 'redact', key, hidden = 'pass', asyncDetect }: MaskingOptions) {
    if (hidden !== 'strip' && hidden !== 'refuse' && hidden !== 'pass') throw new TypeError("hidden: must be 'strip', 'refuse' or 'pass'")
    this.#hidden = hidden === 'pass' ? {} : { hidden }
    const scanner = scannerOf(detect)
    this.#later = asyncDetect === undefined ? undefined : new AsyncDetectors(asyncDetect)
    this.types = [...new Set([...scanner.types, ...(this.#later?.types ?? [])])]
    this.modes = new Modes(mode, this.types)
    this.hash = key === undefined ? undefined : keyedHash(key)
    for (const used of this.modes.used) if (used !== 'pseudonym') this.#writers.set(used, writerOf(used, this.hash))
    if (!this.hasPseudonyms) {
      this.#scanner = scanner
      return
    }
    const tokens = tokenForm([tokenType, ...this.types].map(pseudonymName))
    this.#scanner = makeScanner(detect, [tokens])
    this.#tokensOnly = makeScanner(undefined, [tokens])
  }

  /** Whether any finding may become a pseudonym. */
  get hasPseudonyms(): boolean {
    return this.modes.used.has('pseudonym')
  }

  /** A promise where something must be loaded first; undefined where all is there. */
  ready(): Promise<void> | undefined {
    return this.modes.used.has('surrogate') && areSurrogatesMissing() ? loadSurrogates() : undefined
  }

  /**
   * What is done with a text that goes in. In mode `pseudonym`, what has the form of a pseudonym and was not minted here
   * up to that serial number becomes a value like any other, so that it never means what it says.
   */
  input(scope: PseudonymScope, serial: number, onMasked: OnMasked = () => {}, position: Position = 'data', clock: Clock = systemClock): Treatment {
    return {
      ...this.#hidden,
      ...this.#asking(clock),
      onHidden: () => onMasked(hiddenType),
      scanner: this.#scanner,
      ...(this.hasPseudonyms && { isToken: () => true }),
      replace: (type, value) => {
        if (type === tokenType && scope.knows(value, serial)) return value
        onMasked(type)
        return this.#writerOf(type, position)?.(type, value) ?? scope.mint(type, value, 'input')
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
  output(
    scope: PseudonymScope,
    how: { readonly mask: boolean; readonly restore: boolean; readonly urls: boolean },
    clock: Clock = systemClock,
  ): Treatment | undefined {
    const { mask, restore, urls } = how
    if (!mask && !restore) return undefined
    const scanner = mask ? this.#scanner : this.#tokensOnly
    if (scanner === undefined) return undefined
    const json = new JsonWatch()
    const original = (token: string): string | undefined => {
      const value = scope.restore(token)
      return value === undefined ? undefined : json.write(value)
    }
    return {
      ...(mask && { ...this.#hidden, ...this.#asking(clock) }),
      scanner,
      ...(this.hasPseudonyms && { isToken: (token: string) => scope.knows(token) }),
      replace: (type, value, isInUrl) => {
        const isShown = restore && !isInUrl
        if (type === tokenType) return (isShown ? original(value) : undefined) ?? value
        const write = this.#writerOf(type, 'output')
        if (write !== undefined) return write(type, value)
        const given = scope.given(type, value)
        if (given !== undefined) return isShown ? value : given
        return scope.mint(type, value, 'answer')
      },
      ...(restore && { json }),
      ...(restore && !urls && { watch: new UrlWatch() }),
    }
  }

  #asking(clock: Clock): Pick<Treatment, 'ask'> {
    const later = this.#later
    return later === undefined ? {} : { ask: (sentence) => later.ask(sentence, clock) }
  }

  // Undefined for what becomes a pseudonym, as what only looks like one does, so that it never means what it says.
  #writerOf(type: string, position: Position): Write | undefined {
    return type === tokenType ? undefined : this.#writers.get(this.modes.of(type, position))
  }
}
