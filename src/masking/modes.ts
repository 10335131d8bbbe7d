/**
 * What is written in the place of a finding.
 *
 * - `redact`: its type, as `[EMAIL]`
 * - `pseudonym`: a name that stands for it, as `EMAIL7q2k9x0m4w8z1t6h`, and can be restored
 * - `hash`: its type and HMAC-SHA-256 in full, as `[EMAIL:4be1...]`
 * - `partial`: stars, but for the last four letters and digits, as `**** **** **** 1111`
 * - `surrogate`: another value of the same form that belongs to nobody: addresses at reserved domains, telephone numbers kept for
 *   fiction, cards with a wrong check digit; the same value gets the same one under the same key. What opens doors is redacted.
 * - `block`: nothing; the text is refused with `payload_blocked`
 */
export type MaskMode = 'redact' | 'pseudonym' | 'hash' | 'partial' | 'surrogate' | 'block'

/** Where a text stands: who wrote it in a request, a tool call's arguments or an address in one, or an answer. */
export type Position = 'system' | 'user' | 'assistant' | 'tool' | 'data' | 'arguments' | 'url' | 'output'

/** Modes by type: `{ default: 'redact', types: { CARD: 'partial', API_KEY: 'block' } }`. */
export interface TypedModes {
  /** For every type that is not named. */
  readonly default?: MaskMode
  readonly types?: Readonly<Record<string, MaskMode>>
}

/** Modes by type and by position; a position's own go before the others. */
export interface ModeChoice extends TypedModes {
  readonly default: MaskMode
  readonly positions?: Readonly<Partial<Record<Position, MaskMode | TypedModes>>>
}

const all: readonly unknown[] = ['redact', 'pseudonym', 'hash', 'partial', 'surrogate', 'block'] satisfies readonly MaskMode[]
const places: readonly string[] = ['system', 'user', 'assistant', 'tool', 'data', 'arguments', 'url', 'output'] satisfies readonly Position[]

/** A choice of modes, checked and copied. */
export class Modes {
  readonly #default: MaskMode
  readonly #types: ReadonlyMap<string, MaskMode>
  readonly #positions: ReadonlyMap<string, { readonly default: MaskMode | undefined; readonly types: ReadonlyMap<string, MaskMode> }>
  /** Every mode that may be used. */
  readonly used: ReadonlySet<MaskMode>

  /** @param known the types that are detected @throws TypeError for what is no mode, and for types and positions that there are not. */
  constructor(choice: MaskMode | ModeChoice, known: readonly string[]) {
    const { default: own, types, positions = {} }: Partial<ModeChoice> = typeof choice === 'object' && choice !== null ? choice : { default: choice }
    this.#default = checkedMode(own, 'mode')
    this.#types = checkedTypes(types, known)
    this.#positions = new Map(
      Object.entries(positions).map(([position, given]) => {
        if (!places.includes(position)) throw new TypeError(`mode.positions: there is no ${position}`)
        const typed: TypedModes = typeof given === 'object' && given !== null ? given : { default: checkedMode(given, `mode.positions.${position}`) }
        return [
          position,
          {
            default: typed.default === undefined ? undefined : checkedMode(typed.default, `mode.positions.${position}`),
            types: checkedTypes(typed.types, known),
          },
        ]
      }),
    )
    this.used = new Set([
      this.#default,
      ...this.#types.values(),
      ...[...this.#positions.values()].flatMap((typed) => [...(typed.default === undefined ? [] : [typed.default]), ...typed.types.values()]),
    ])
  }

  of(type: string, position: Position): MaskMode {
    const own = this.#positions.get(position)
    return own?.types.get(type) ?? own?.default ?? this.#types.get(type) ?? this.#default
  }

  /** The modes that a type has, wherever it stands. */
  allFor(type: string): readonly MaskMode[] {
    return [this.#types.get(type) ?? this.#default, ...[...this.#positions.values()].flatMap((typed) => typed.types.get(type) ?? typed.default ?? [])]
  }

  /** As plain data. */
  describe(): MaskMode | ModeChoice {
    if (this.#types.size === 0 && this.#positions.size === 0) return this.#default
    const typed = (modes: ReadonlyMap<string, MaskMode>): Pick<TypedModes, 'types'> => (modes.size === 0 ? {} : { types: Object.fromEntries(modes) })
    const positions = Object.fromEntries(
      [...this.#positions].map(([position, own]) => [position, { ...(own.default !== undefined && { default: own.default }), ...typed(own.types) }]),
    )
    return { default: this.#default, ...typed(this.#types), ...(this.#positions.size > 0 && { positions }) }
  }
}

function checkedMode(mode: unknown, name: string): MaskMode {
  if (!isMode(mode)) throw new TypeError(`${name}: must be 'redact', 'pseudonym', 'hash', 'partial', 'surrogate' or 'block'`)
  return mode
}

function isMode(mode: unknown): mode is MaskMode {
  return all.includes(mode)
}

function checkedTypes(types: unknown, known: readonly string[]): ReadonlyMap<string, MaskMode> {
  if (types === undefined) return new Map()
  if (typeof types !== 'object' || types === null) throw new TypeError('mode.types: must be an object')
  return new Map(
    Object.entries(types).map(([type, mode]) => {
      if (!known.includes(type)) throw new TypeError(`mode.types: nothing detects ${type}`)
      return [type, checkedMode(mode, `mode.types.${type}`)]
    }),
  )
}
