import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import type { AsyncDetector } from '../masking/async-detector.ts'
import type { Detect } from '../masking/detector.ts'
import type { KeyedHash } from '../masking/keyed-hash.ts'
import { maskInput } from '../masking/mask-payload.ts'
import { Masking } from '../masking/masking.ts'
import type { MaskMode, ModeChoice } from '../masking/modes.ts'
import { fixedPseudonym, PseudonymScope, pseudonymName } from '../masking/pseudonym.ts'
import { hex, writerOf } from '../masking/writers.ts'
import { argumentValues } from '../payload/tool-arguments.ts'
import { Walk } from '../payload/walk.ts'
import { generalizer } from './generalize.ts'
import type { Column } from './plan.ts'
import { type Cell, cellOf, isNothing } from './row.ts'

/** Writes the values of one column. */
export interface ColumnWriter {
  /** What the column is called where a text tells its value. */
  readonly label: string
  /** @param own takes out of free text what other columns of the row tell @returns undefined where the value cannot be read */
  write(value: Cell, count: (type: string) => void, own: (text: string) => string): Awaitable<Cell | undefined>
}

/** What columns need beside the plan. */
export interface WriterTools {
  readonly hash: KeyedHash | undefined
  readonly key: Uint8Array | undefined
  readonly detect: Detect | undefined
  readonly asyncDetect: AsyncDetector | readonly AsyncDetector[] | undefined
}

/** @throws TypeError where the column needs a key or detectors and there are none. */
export function columnWriter(name: string, column: Column, tools: WriterTools): ColumnWriter {
  const label = labelOf(name, column)
  if (column.mode === 'mask') return { label, write: textWriter(name, column.with, tools) }
  if (column.mode === 'generalize') {
    const generalize = generalizer(column.to)
    return {
      label,
      write: (value) => (typeof value === 'object' ? (value === null ? null : undefined) : isNothing(value) ? null : generalize(value)),
    }
  }
  if (column.mode === 'keep' || column.mode === 'drop') return { label, write: (value) => value }
  if (column.mode === 'redact') return { label, write: () => `[${label}]` }
  const write = valueWriter(name, column.mode, column.type ?? name, tools.hash)
  // What is nothing has nothing to hide, and would have the same hash in every row.
  return { label, write: (value) => (isNothing(value) ? value : typeof value === 'object' ? undefined : write(String(value))) }
}

function labelOf(name: string, column: Column): string {
  if ('type' in column && column.type !== undefined) return column.type
  const label = name.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')
  return column.mode !== 'redact' && /^[A-Z][A-Z0-9_]{0,31}$/.test(label) ? label : 'REDACTED'
}

function valueWriter(
  name: string,
  mode: 'partial' | 'hash' | 'pseudonym' | 'surrogate',
  type: string,
  hash: KeyedHash | undefined,
): (value: string) => string {
  if (mode === 'partial') {
    const write = writerOf('partial', undefined)
    return (value) => write(type, value)
  }
  if (hash === undefined)
    throw new TypeError(`column ${JSON.stringify(name)}: mode '${mode}' needs a key: without one a short value is found by trying`)
  if (mode === 'hash') return (value) => hex(hash(`sallyport column hash\n${type.length}\n${type}${value}`))
  if (mode === 'surrogate') {
    const write = writerOf('surrogate', hash)
    return (value) => write(type, value)
  }
  const spoken = pseudonymName(type) === '' ? 'VALUE' : type
  return (value) => fixedPseudonym(spoken, value, hash)
}

function textWriter(name: string, mode: MaskMode | ModeChoice, { key, detect, asyncDetect }: WriterTools): ColumnWriter['write'] {
  if (detect === undefined) throw new TypeError(`column ${JSON.stringify(name)}: mode 'mask' needs detectors: give detect`)
  const masking = new Masking({ detect, mode, hidden: 'strip', ...(asyncDetect !== undefined && { asyncDetect }), ...(key !== undefined && { key }) })
  if (masking.ready() !== undefined) throw new TypeError("mode 'surrogate': await loadSurrogates() first")
  // What is random for each value would be forgotten in a large data set, and then be another.
  if (masking.hasPseudonyms && key === undefined) throw new TypeError(`column ${JSON.stringify(name)}: mode 'pseudonym' needs a key`)
  const scope = new PseudonymScope('', masking.hash)
  return (value, count, own) => {
    if (isNothing(value)) return value
    const treatment = masking.input(scope, 0, count)
    // As in the arguments of a tool: a text that is whole in itself, and in other JSON long numbers and odd names as well.
    const { texts } = Walk.find(argumentValues, value)
    const finish = (masked: readonly string[]): Cell => {
      const values = masked.map((text, index) => (texts[index]?.kind === 'identifier' ? untold(text, own) : own(text)))
      const written = Walk.replace(argumentValues, value, values)
      return written === value ? value : cellOf(written)
    }
    // Behind the detectors, which need to see the whole of an address that has a name in it.
    const masked = maskInput(texts, () => treatment)
    return Array.isArray(masked) ? finish(masked) : Promise.resolve(masked).then(finish)
  }
}

// The name of a member cannot be rewritten.
function untold(text: string, own: (text: string) => string): string {
  if (own(text) !== text) throw new GuardError('payload_blocked', { reason: 'the name of a member tells what another column does not keep' })
  return text
}
