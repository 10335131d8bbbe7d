import { GuardError } from '../guard/errors.ts'
import { plainText } from '../masking/plain-text.ts'
import type { ParsedPlan } from './plan.ts'
import { type Cell, isNothing } from './row.ts'

/** What is counted of a row. */
export interface Membership {
  /** What stands in all quasi-identifiers, exactly as it is written. */
  readonly key: string
  /** Whom it is about; undefined where rows are counted. */
  readonly subject: string | undefined
  /** Sensitive values, in a form in which spellings of one value are one; undefined for one that says nothing. */
  readonly sensitive: readonly (string | undefined)[]
}

/** All rows that are the same in every quasi-identifier. */
interface Class {
  rows: number
  /** The subjects, where they are counted, as far as it matters how many they are. */
  readonly subjects: Set<string> | undefined
  /** The different values of each sensitive column, as far as it matters how many they are. */
  readonly values: readonly Set<string>[]
}

/** How well people are hidden: by the worst class. `Infinity` where there is none. */
export interface Anonymity {
  readonly k: number
  readonly l: number
  readonly classes: number
}

// How many different values are told apart where fewer are asked for.
const told = 100

// What an entry of a map or a set takes beside its text, roughly, in characters.
const overhead = 64

/** The classes of a data set. Bounded by what they hold. */
export class Classes {
  readonly #k: number
  readonly #l: number
  readonly #plan: ParsedPlan
  readonly #mostHeld: number
  readonly #classes = new Map<string, Class>()
  #held = 0

  constructor(plan: ParsedPlan, mostHeld: number) {
    this.#plan = plan
    this.#k = plan.k
    this.#l = plan.l
    this.#mostHeld = mostHeld
  }

  /** Counts a row. @throws GuardError `payload_too_large` where there are more classes than anybody wants to hold. */
  add({ key, subject, sensitive }: Membership): void {
    const known = this.#classes.get(key)
    const own = known ?? this.#make(key)
    own.rows++
    // Who is not named counts for nobody.
    if (subject !== undefined && own.subjects !== undefined) this.#note(own.subjects, subject, Math.max(this.#k, told))
    for (const [index, value] of sensitive.entries()) {
      const values = own.values[index]
      if (value !== undefined && values !== undefined) this.#note(values, value, Math.max(this.#l, told))
    }
  }

  /** Whether a class is large and diverse enough. */
  isSafe(key: string): boolean {
    const own = this.#classes.get(key)
    return own !== undefined && sizeOf(own) >= this.#k && (this.#l === 1 || diversityOf(own) >= this.#l)
  }

  /** Counts more that is held for the classes, or less. @throws GuardError `payload_too_large` */
  hold(characters: number): void {
    this.#held += characters
    if (this.#held > this.#mostHeld)
      throw new GuardError('payload_too_large', {
        reason:
          'the data set has too many classes, or too many rows that wait for others of their class: generalise more, or give rows that can be read twice',
      })
  }

  /** How well people are hidden, in all classes or in those that are left. */
  anonymity(onlySafe: boolean): Anonymity {
    let [k, l, classes] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0]
    for (const [key, own] of this.#classes) {
      if (onlySafe && !this.isSafe(key)) continue
      classes++
      k = Math.min(k, sizeOf(own))
      l = Math.min(l, diversityOf(own))
    }
    return { k, l, classes }
  }

  #make(key: string): Class {
    this.hold(key.length + overhead)
    const { subject, sensitive } = this.#plan
    const made: Class = { rows: 0, subjects: subject === undefined ? undefined : new Set(), values: sensitive.map(() => new Set<string>()) }
    this.#classes.set(key, made)
    return made
  }

  #note(set: Set<string>, value: string, enough: number): void {
    if (set.size >= enough || set.has(value)) return
    this.hold(value.length + overhead)
    set.add(value)
  }
}

function sizeOf({ rows, subjects }: Class): number {
  return subjects === undefined ? rows : subjects.size
}

function diversityOf({ values }: Class): number {
  return values.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...values.map(({ size }) => size))
}

/** What is counted of a row. @param before as it was read @param after as it is written */
export function membershipOf(plan: ParsedPlan, before: ReadonlyMap<string, Cell>, after: ReadonlyMap<string, Cell>): Membership {
  const value = (name: string): Cell => after.get(name) ?? null
  return {
    // A missing value is a value: it stands for no other one, and hides nobody among those who have one.
    key: JSON.stringify(plan.quasiIdentifiers.map(value)),
    subject: plan.subject === undefined ? undefined : sameness(before.get(plan.subject) ?? null),
    // Two spellings of one value have two hashes, and are one value.
    sensitive: plan.sensitive.map((name) => sameness(isNamed(plan, name) ? (before.get(name) ?? null) : value(name))),
  }
}

const named: readonly unknown[] = ['hash', 'pseudonym', 'surrogate']

function isNamed({ columns }: ParsedPlan, name: string): boolean {
  return named.includes(columns.get(name)?.mode)
}

/**
 * One form for all spellings of a value (case, spaces, look-alikes, invisible characters, ways to write a number), so that
 * nobody counts one value as two. Undefined for what says nothing.
 */
function sameness(value: Cell): string | undefined {
  if (isNothing(value)) return undefined
  const text = plainText((typeof value === 'object' ? JSON.stringify(value) : String(value)).normalize('NFKC'))
    .text.normalize('NFKC')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cf}\p{Cc}\p{Default_Ignorable_Code_Point}]/gu, '')
    .trim()
    .toUpperCase()
    .toLowerCase()
  if (text === '' || /^(?:n\/?a|nan|null|none|nil|undefined|unknown|-+|\?+|\.+)$/.test(text)) return undefined
  return /^[+-]?(?:\d{1,15}(?:[.,]\d{0,15})?|[.,]\d{1,15})(?:e[+-]?\d{1,2})?$/.test(text) ? String(Number(text.replace(',', '.'))) : text
}
