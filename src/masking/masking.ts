import { type Clock, systemClock } from '../guard/clock.ts'
import { type AsyncDetector, AsyncDetectors } from './async-detector.ts'
import type { Detect } from './detector.ts'
import { JsonWatch } from './json-watch.ts'
import { type KeyedHash, keyedHash } from './keyed-hash.ts'
import type { Treatment } from './masker.ts'
import { type MaskMode, type ModeChoice, Modes, type Position } from './modes.ts'
import { type PseudonymScope, pseudonymName, tokenForm, tokenType } from './pseudonym.ts'
import type { IsToken } from './scan.ts'
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
  /** Whether any finding may become a pseudonym. */
  readonly hasPseudonyms: boolean
  /** Of everything that is looked for. */
  readonly scanner: Scanner
  /** What is done with hidden text; passed where it says nothing. */
  readonly hidden: Treatment['hidden']
  readonly #tokensOnly: Scanner | undefined
  readonly #writers = new Map<MaskMode, Write>()
  readonly #later: AsyncDetectors | undefined

  /** @throws TypeError for wrong options. */
  constructor({ detect, mode = 'redact', key, hidden = 'pass', asyncDetect }: MaskingOptions) {
    if (hidden !== 'strip' && hidden !== 'refuse' && hidden !== 'pass') throw new TypeError("hidden: must be 'strip', 'refuse' or 'pass'")
    this.hidden = hidden === 'pass' ? undefined : hidden
    const scanner = scannerOf(detect)
    this.#later = asyncDetect === undefined ? undefined : new AsyncDetectors(asyncDetect)
    this.types = [...new Set([...scanner.types, ...(this.#later?.types ?? [])])]
    this.modes = new Modes(mode, this.types)
    this.hasPseudonyms = this.modes.used.has('pseudonym')
    this.hash = key === undefined ? undefined : keyedHash(key)
    for (const used of this.modes.used) if (used !== 'pseudonym') this.#writers.set(used, writerOf(used, this.hash))
    if (!this.hasPseudonyms) {
      this.scanner = scanner
      return
    }
    const tokens = tokenForm([tokenType, ...this.types].map(pseudonymName))
    this.scanner = makeScanner(detect, [tokens])
    this.#tokensOnly = makeScanner(undefined, [tokens])
  }

  /** A promise where something must be loaded first; undefined where all is there. */
  ready(): Promise<void> | undefined {
    return this.modes.used.has('surrogate') && areSurrogatesMissing() ? loadSurrogates() : undefined
  }

  /**
   * What is done with a text that goes in. In mode `pseudonym`, what has the form of a pseudonym and was not minted here
   * up to that serial number becomes a value like any other, so that it never means what it says.
   */
  input(scope: PseudonymScope, serial: number, onMasked: OnMasked = unheard, position: Position = 'data', clock: Clock = systemClock): Treatment {
    return new InputTreatment(this, scope, serial, onMasked, position, clock)
  }

  /**
   * What is done with a text that comes out.
   *
   * @param mask whether what the text says is masked: all but pseudonyms of this scope, and, where they are restored, values that the caller gave
   * @param restore whether pseudonyms of the caller's own values become these values
   * @param urls whether they do so in addresses as well
   */
  output(scope: PseudonymScope, how: OutputTreatmentOptions, clock: Clock = systemClock): Treatment | undefined {
    const scanner = how.mask ? this.scanner : this.#tokensOnly
    return scanner === undefined || !(how.mask || how.restore) ? undefined : new OutputTreatment(this, scope, scanner, how, clock)
  }

  /** Whoever is asked about each sentence, if anybody is. */
  asking(clock: Clock): Treatment['ask'] {
    const later = this.#later
    return later === undefined ? undefined : (sentence) => later.ask(sentence, clock)
  }

  /** Undefined for what becomes a pseudonym, as what only looks like one does, so that it never means what it says. */
  writerOf(type: string, position: Position): Write | undefined {
    return type === tokenType ? undefined : this.#writers.get(this.modes.of(type, position))
  }
}

const unheard: OnMasked = () => {}

const isAnyToken: IsToken = () => true

/** What is done with a text that goes in: see `Masking.input`. */
class InputTreatment implements Treatment {
  readonly scanner: Scanner
  readonly hidden: Treatment['hidden']
  readonly isToken: IsToken | undefined
  readonly ask: Treatment['ask']
  readonly watch: undefined
  readonly json: undefined
  readonly #masking: Masking
  readonly #scope: PseudonymScope
  readonly #serial: number
  readonly #onMasked: OnMasked
  readonly #position: Position

  constructor(masking: Masking, scope: PseudonymScope, serial: number, onMasked: OnMasked, position: Position, clock: Clock) {
    this.scanner = masking.scanner
    this.hidden = masking.hidden
    this.isToken = masking.hasPseudonyms ? isAnyToken : undefined
    this.ask = masking.asking(clock)
    this.#masking = masking
    this.#scope = scope
    this.#serial = serial
    this.#onMasked = onMasked
    this.#position = position
  }

  onHidden(): void {
    this.#onMasked(hiddenType)
  }

  replace(type: string, value: string): string {
    if (type === tokenType && this.#scope.knows(value, this.#serial)) return value
    this.#onMasked(type)
    return this.#masking.writerOf(type, this.#position)?.(type, value) ?? this.#scope.mint(type, value, 'input')
  }
}

/** How a text that comes out is treated. */
interface OutputTreatmentOptions {
  readonly mask: boolean
  readonly restore: boolean
  readonly urls: boolean
}

/** What is done with a text that comes out: see `Masking.output`. */
class OutputTreatment implements Treatment {
  readonly scanner: Scanner
  readonly hidden: Treatment['hidden']
  readonly isToken: IsToken | undefined
  readonly ask: Treatment['ask']
  readonly watch: UrlWatch | undefined
  readonly json: JsonWatch | undefined
  readonly #masking: Masking
  readonly #scope: PseudonymScope

  constructor(masking: Masking, scope: PseudonymScope, scanner: Scanner, { mask, restore, urls }: OutputTreatmentOptions, clock: Clock) {
    this.scanner = scanner
    this.hidden = mask ? masking.hidden : undefined
    this.isToken = masking.hasPseudonyms ? (token) => scope.knows(token) : undefined
    this.ask = mask ? masking.asking(clock) : undefined
    this.json = restore ? new JsonWatch() : undefined
    this.watch = restore && !urls ? new UrlWatch() : undefined
    this.#masking = masking
    this.#scope = scope
  }

  onHidden(): void {}

  replace(type: string, value: string, isInUrl: boolean): string {
    // Only where values are restored is it followed where in JSON they stand.
    const { json } = this
    const isShown = json !== undefined && !isInUrl
    const scope = this.#scope
    if (type === tokenType) return (isShown ? this.#original(value, json) : undefined) ?? value
    const write = this.#masking.writerOf(type, 'output')
    if (write !== undefined) return write(type, value)
    const given = scope.given(type, value)
    if (given !== undefined) return isShown ? value : given
    return scope.mint(type, value, 'answer')
  }

  #original(token: string, json: JsonWatch): string | undefined {
    const value = this.#scope.restore(token)
    return value === undefined ? undefined : json.write(value)
  }
}
