import { type Check, checkNames, checkOptions, oneOf, optional } from '../guard/check-options.ts'
import { isType } from '../masking/detector.ts'
import type { MaskMode, ModeChoice } from '../masking/modes.ts'
import { checkGeneralization, type Generalization } from './generalize.ts'

/**
 * What happens to every value of a column.
 *
 * - `keep`: nothing
 * - `drop`: the column is left out
 * - `redact`: `[REDACTED]`, or its type
 * - `partial`: stars, but for the last four letters and digits
 * - `hash`: HMAC-SHA-256 in full, in hexadecimal digits; needs a key
 * - `pseudonym`: a name that stands for it, as `EMAIL7q2k9x0m4w8z1t6h`; needs a key, and cannot be undone
 * - `surrogate`: another value of the same form that belongs to nobody; needs a key and a type
 */
export type ColumnMode = 'keep' | 'drop' | 'redact' | 'partial' | 'hash' | 'pseudonym' | 'surrogate'

/** A mode, and what the values are. */
export interface ValueColumn {
  readonly mode: ColumnMode
  /**
   * What is written for them, as `EMAIL`; the column's name, or `REDACTED`, unless given. Equal values of one type have equal hashes and
   * pseudonyms, in every column and data set under the same key.
   */
  readonly type?: string
}

/** Free text: what detectors find in it is masked, and so is what the row's other columns tell and do not keep. */
export interface TextColumn {
  readonly mode: 'mask'
  /** What is written in the place of a finding; `redact` unless given. */
  readonly with?: MaskMode | ModeChoice
}

/** Values that are made less exact. */
export interface GeneralizedColumn {
  readonly mode: 'generalize'
  readonly to: Generalization
  /** What happens to a value that cannot be read: the data set is refused, unless it becomes nothing. */
  readonly unreadable?: 'refuse' | 'null'
}

/** What happens to a column. */
export type ColumnPlan = ColumnMode | 'mask' | ValueColumn | TextColumn | GeneralizedColumn

/** How a data set is anonymised. Plain data: it can stand in a JSON file. */
export interface AnonymizePlan {
  /** By name. */
  readonly columns: Readonly<Record<string, ColumnPlan>>
  /** What happens to columns that are not named: `refuse` unless given. */
  readonly others?: 'refuse' | 'drop' | 'mask' | TextColumn
  /** What happens to a row without a column that is named: `refuse` unless given. */
  readonly missing?: 'refuse' | 'null'
  /** Columns by which somebody who knows a person may find the row: what stands in all of them together is a class. */
  readonly quasiIdentifiers?: readonly string[]
  /** Rows whose class has fewer rows are left out (k-anonymity); 1 unless given, which only measures. */
  readonly k?: number
  /** Columns that tell what nobody should learn of a person. */
  readonly sensitive?: readonly string[]
  /** Rows whose class has fewer different values in a sensitive column are left out (distinct l-diversity); 1 unless given. */
  readonly l?: number
  /** A column that says whom a row is about, where several are about one: then a class counts persons and not rows. It may be dropped. */
  readonly subject?: string
}

interface TextPlan {
  readonly mode: 'mask'
  readonly with: MaskMode | ModeChoice
}

/** A column's plan with its defaults. */
export type Column =
  | { readonly mode: ColumnMode; readonly type: string | undefined }
  | TextPlan
  | { readonly mode: 'generalize'; readonly to: Generalization; readonly unreadable: 'refuse' | 'null' }

/** A plan, checked and copied. */
export interface ParsedPlan {
  readonly columns: ReadonlyMap<string, Column>
  readonly others: 'refuse' | 'drop' | TextPlan
  readonly missing: 'refuse' | 'null'
  readonly quasiIdentifiers: readonly string[]
  readonly sensitive: readonly string[]
  readonly k: number
  readonly l: number
  readonly subject: string | undefined
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= 1_000_000
const isNames = (value: unknown): boolean => Array.isArray(value) && value.every((name) => typeof name === 'string')

const checks: Readonly<Record<keyof AnonymizePlan, Check>> = {
  columns: [(value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'an object of columns by name'],
  others: [
    optional((value) => oneOf('refuse', 'drop', 'mask')[0](value) || (typeof value === 'object' && value !== null)),
    "'refuse', 'drop' or 'mask'",
  ],
  missing: [optional(oneOf('refuse', 'null')[0]), "'refuse' or 'null'"],
  quasiIdentifiers: [optional(isNames), 'a list of columns'],
  sensitive: [optional(isNames), 'a list of columns'],
  k: [optional(isCount), 'a whole number from 1 to 1,000,000'],
  l: [optional(isCount), 'a whole number from 1 to 1,000,000'],
  subject: [optional((value) => typeof value === 'string'), "a column's name"],
}

/** Checks a plan and copies it. @throws TypeError that says what is wrong, and in which column. */
export function parsePlan(plan: AnonymizePlan): ParsedPlan {
  checkOptions('plan', plan, checks)
  const { missing = 'refuse', quasiIdentifiers = [], sensitive = [], k = 1, l = 1, subject } = plan
  const others = parseOthers(plan.others)
  const columns = new Map(Object.entries(plan.columns).map(([name, column]) => [columnName(name), parseColumn(name, column)]))
  if (columns.size === 0 && typeof others === 'string') throw new TypeError('plan: columns: at least one is needed')
  if (k > 1 && quasiIdentifiers.length === 0) throw new TypeError('plan: k needs quasiIdentifiers')
  if (l > 1 && sensitive.length === 0) throw new TypeError('plan: l needs sensitive')
  if (sensitive.length > 0 && quasiIdentifiers.length === 0) throw new TypeError('plan: sensitive needs quasiIdentifiers')
  if (subject !== undefined && quasiIdentifiers.length === 0) throw new TypeError('plan: subject needs quasiIdentifiers')
  const inClasses = [...quasiIdentifiers, ...sensitive]
  if (new Set(inClasses).size < inClasses.length) throw new TypeError('plan: a column stands twice in quasiIdentifiers and sensitive')
  for (const name of subject === undefined ? inClasses : [...inClasses, subject])
    if (!columns.has(name)) throw new TypeError(`plan: ${JSON.stringify(name)} is no column of the plan`)
  for (const name of inClasses) {
    const mode = columns.get(name)?.mode
    if (mode === 'drop') throw new TypeError(`plan: ${JSON.stringify(name)} is dropped, and cannot be in a class`)
    if (mode === 'mask') throw new TypeError(`plan: ${JSON.stringify(name)} is free text, of which no class can be made`)
  }
  return { columns, others, missing, quasiIdentifiers: [...quasiIdentifiers], sensitive: [...sensitive], k, l, subject }
}

const modes: readonly unknown[] = ['keep', 'drop', 'redact', 'partial', 'hash', 'pseudonym', 'surrogate'] satisfies readonly ColumnMode[]

function columnName(name: string): string {
  // Only a text of JSON can name a column so, and whoever assigns it to an object loses it.
  if (name === '__proto__') throw new TypeError('plan: columns: no column can be named __proto__')
  return name
}

function parseOthers(others: AnonymizePlan['others'] = 'refuse'): ParsedPlan['others'] {
  if (others === 'refuse' || others === 'drop') return others
  const column = parseColumn('others', others)
  if (column.mode !== 'mask') throw new TypeError("plan: others: must be 'refuse', 'drop' or 'mask'")
  return column
}

function parseColumn(name: string, given: ColumnPlan): Column {
  const where = `plan: column ${JSON.stringify(name)}`
  const plan: Exclude<ColumnPlan, string> = typeof given === 'string' ? { mode: given } : given
  if (typeof plan !== 'object' || plan === null) throw new TypeError(`${where}: must be a mode, or an object with one`)
  if (plan.mode === 'mask') {
    checkNames(where, plan, ['mode', 'with'])
    return { mode: 'mask', with: plan.with ?? 'redact' }
  }
  if (plan.mode === 'generalize') {
    checkNames(where, plan, ['mode', 'to', 'unreadable'])
    const { unreadable = 'refuse' } = plan
    if (unreadable !== 'refuse' && unreadable !== 'null') throw new TypeError(`${where}: unreadable must be 'refuse' or 'null'`)
    return { mode: 'generalize', to: checkGeneralization(plan.to, where), unreadable }
  }
  checkNames(where, plan, ['mode', 'type'])
  const { mode, type } = plan
  if (!modes.includes(mode)) throw new TypeError(`${where}: mode must be keep, drop, redact, partial, hash, pseudonym, surrogate, mask or generalize`)
  if (type !== undefined && !isType(type)) throw new TypeError(`${where}: type must be upper-case letters, digits and underscores`)
  if (mode === 'surrogate' && type === undefined) throw new TypeError(`${where}: surrogate needs a type, such as EMAIL`)
  return { mode, type }
}
