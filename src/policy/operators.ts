import { type AddressRange, isWithin, parseAddress, parseAddressRange } from './address-range.ts'
import type { AttributeType } from './attributes.ts'
import { complain, member, type Place, readAnyList, readList, readText, shown } from './strict-read.ts'
import { isDuring, isMoment, parseMoment, parseTimeWindow, type LocalWindow, type TimeZones } from './time-window.ts'

/** Kleene's three values. `undefined` is unknown: what was asked for is missing, or is not what can be compared. */
export type Truth = boolean | undefined

/** The opposite; of unknown, unknown. */
export function opposite(truth: Truth): Truth {
  return truth === undefined ? undefined : !truth
}

/** What a test compares with. */
type Scalar = string | number | boolean

/**
 * One operator: what it takes, and what it does. Types are never converted; a value of another type is unknown. What
 * `read` makes of an operand, once, is what `judge` gets at every call.
 */
export interface Operator {
  /** The types that an attribute may be declared to have for it. */
  readonly types: readonly AttributeType[]
  /** Whether the other side is a list. */
  readonly list: boolean
  /** Whether its literal operand is an object; other operators take one for the path of another attribute. */
  readonly structured?: boolean
  /** Reads a literal operand. `type` is what the attribute was declared to be. */
  read(operand: unknown, place: Place, type: AttributeType | undefined, zones: TimeZones): unknown
  /** Judges an attribute's value by a literal. */
  judge(value: unknown, operand: unknown): Truth
  /** Judges by another attribute. Absent where the operand must be a literal. */
  readonly compare?: (value: unknown, other: unknown) => Truth
}

const scalars: readonly AttributeType[] = ['string', 'number', 'boolean']
const lists: readonly AttributeType[] = ['string[]', 'number[]']

/** Literals of one type, for a look-up. */
interface Literals {
  readonly values: ReadonlySet<unknown>
  readonly kind: string
}

const equality = (wanted: boolean): Operator => ({
  types: scalars,
  list: false,
  read: readScalar,
  judge: (value, literal) => (typeof value === typeof literal && isScalar(value) ? (value === literal) === wanted : undefined),
  // Two empty texts name nothing, so they do not name the same.
  compare: (value, other) => (isNaming(value) && isNaming(other) && typeof value === typeof other ? (value === other) === wanted : undefined),
})

const membership = (wanted: boolean): Operator => ({
  types: scalars,
  list: true,
  read: readScalars,
  judge: (value, { values, kind }: Literals) => (typeof value === kind && isScalar(value) ? values.has(value) === wanted : undefined),
  compare(value, other) {
    const found = isNaming(value) ? holds(other, value) : undefined
    return wanted ? found : opposite(found)
  },
})

const order = (holdsFor: (value: number, bound: number) => boolean): Operator => ({
  types: ['number'],
  list: false,
  read: readNumber,
  judge: (value, bound: number) => (isNumber(value) ? holdsFor(value, bound) : undefined),
  compare: (value, other) => (isNumber(value) && isNumber(other) ? holdsFor(value, other) : undefined),
})

const text = (holdsFor: (value: string, piece: string) => boolean): Operator => ({
  types: ['string'],
  list: false,
  read: readText,
  judge: (value, piece: string) => (typeof value === 'string' ? holdsFor(value, piece) : undefined),
  // Every text begins with the empty one.
  compare: (value, other) => (typeof value === 'string' && typeof other === 'string' && other !== '' ? holdsFor(value, other) : undefined),
})

/** `contains` of a path that is declared as a text. Undeclared ones are lists, or 'superadmin' would contain 'admin'. */
export const containsText: Operator = text((value, piece) => value.includes(piece))

const contains: Operator = {
  types: [...lists, 'string'],
  list: false,
  read: readScalar,
  judge: (value, literal: Scalar) => holds(value, literal),
  compare: (value, other) => (isNaming(other) ? holds(value, other) : undefined),
}

const containsAny: Operator = {
  types: lists,
  list: true,
  read: readScalars,
  judge: (value, { values, kind }: Literals) => (isListOf(value, kind) ? value.some((element) => values.has(element)) : undefined),
  compare(value, other) {
    if (!isList(value) || !isList(other) || !areAlike(value, other)) return undefined
    const wanted = new Set(other)
    return value.some((element) => wanted.has(element))
  },
}

const containsAll: Operator = {
  types: lists,
  list: true,
  read: readScalars,
  judge: (value, { values, kind }: Literals) => (isListOf(value, kind) ? hasAll(value, values) : undefined),
  // An empty list of requirements is more likely a missing one.
  compare: (value, other) => (isList(value) && isList(other) && other.length > 0 && areAlike(value, other) ? hasAll(value, other) : undefined),
}

const exists: Operator = {
  types: [...scalars, ...lists],
  list: false,
  read(operand, place, type) {
    if (typeof operand !== 'boolean') complain(place, 'must be true or false')
    return { wanted: operand, type }
  },
  judge(value, { wanted, type }: { readonly wanted: boolean; readonly type: AttributeType | undefined }) {
    if (value === undefined || value === null) return !wanted
    return (type === undefined ? isData(value) : isOfType(value, type)) ? wanted : undefined
  },
}

const cidr: Operator = {
  types: ['string'],
  list: false,
  read: (operand, place) =>
    typeof operand === 'string'
      ? [readRange(operand, place)]
      : readList(operand, place).map((range, index) => readRange(range, member(place, index))),
  judge(value, ranges: readonly AddressRange[]) {
    const address = typeof value === 'string' ? parseAddress(value) : undefined
    return address === undefined ? undefined : ranges.some((range) => isWithin(address, range))
  },
}

const between: Operator = {
  types: ['number'],
  list: false,
  read(operand, place) {
    const ends = readAnyList(operand, place).map((end, index) => readNumber(end, member(place, index)))
    const [low, high] = ends
    if (ends.length !== 2 || low === undefined || high === undefined || low > high) complain(place, 'must be two numbers, the lower one first')
    return { low, high }
  },
  judge: (value, { low, high }: { readonly low: number; readonly high: number }) => (isNumber(value) ? value >= low && value <= high : undefined),
}

const moment = (holdsFor: (time: number, bound: number) => boolean): Operator => ({
  types: ['number'],
  list: false,
  read: parseMoment,
  judge: (value, bound: number) => (isMoment(value) ? holdsFor(value, bound) : undefined),
})

/** Before a moment: at the moment itself no more. What ends and what begins then never overlap, and leave no gap. */
export const before: Operator = moment((time, bound) => time < bound)

const during: Operator = {
  types: ['number'],
  list: false,
  structured: true,
  read: (operand, place, _type, zones) => parseTimeWindow(operand, place, zones),
  judge: (value, window: LocalWindow) => (isMoment(value) ? isDuring(value, window) : undefined),
}

/** Every operator of conditions, by name. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ['eq', equality(true)],
  ['ne', equality(false)],
  ['in', membership(true)],
  ['notIn', membership(false)],
  ['lt', order((value, bound) => value < bound)],
  ['lte', order((value, bound) => value <= bound)],
  ['gt', order((value, bound) => value > bound)],
  ['gte', order((value, bound) => value >= bound)],
  ['startsWith', text((value, piece) => value.startsWith(piece))],
  ['endsWith', text((value, piece) => value.endsWith(piece))],
  ['contains', contains],
  ['containsAny', containsAny],
  ['containsAll', containsAll],
  ['exists', exists],
  ['cidr', cidr],
  ['between', between],
  ['before', before],
  ['after', moment((time, bound) => time >= bound)],
  ['during', during],
])

function readScalar(value: unknown, place: Place, type: AttributeType | undefined): Scalar {
  if (!isScalar(value)) complain(place, 'must be a text, a finite number, true or false')
  if (type !== undefined && typeof value !== elementType(type)) complain(place, `must be a ${elementType(type)}, as the attribute is declared`)
  return value
}

function readScalars(value: unknown, place: Place, type: AttributeType | undefined): Literals {
  const list = readList(value, place).map((element, index) => readScalar(element, member(place, index), type))
  const kind = typeof list[0]
  if (list.some((element) => typeof element !== kind)) complain(place, 'must hold values of one type')
  return { values: new Set(list), kind }
}

function readNumber(value: unknown, place: Place): number {
  if (!isNumber(value)) complain(place, 'must be a finite number')
  return value
}

function readRange(value: unknown, place: Place): AddressRange {
  const range = typeof value === 'string' ? parseAddressRange(value) : undefined
  if (range === undefined)
    complain(place, `must be a network such as 10.0.0.0/8 or 2001:db8::/32${typeof value === 'string' ? `, not '${shown(value)}'` : ''}`)
  return range
}

/** The type of what a declared list holds; a scalar's own type. */
export function elementType(type: AttributeType): string {
  return type.endsWith('[]') ? type.slice(0, -2) : type
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'boolean' || isNumber(value)
}

function isNaming(value: unknown): value is Scalar {
  return value !== '' && isScalar(value)
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

// All or nothing: one element of another type, and nobody knows what the list means.
function isListOf(value: unknown, kind: string): value is readonly unknown[] {
  return Array.isArray(value) && value.every((element: unknown) => typeof element === kind && isScalar(element)) && isDense(value)
}

// `every` skips holes.
function isDense(value: readonly unknown[]): boolean {
  return !value.includes(undefined)
}

function areAlike(one: readonly unknown[], other: readonly unknown[]): boolean {
  const kind = typeof (other[0] ?? one[0])
  return isListOf(one, kind) && isListOf(other, kind)
}

function holds(list: unknown, wanted: Scalar): Truth {
  return isListOf(list, typeof wanted) ? list.includes(wanted) : undefined
}

function hasAll(list: readonly unknown[], wanted: Iterable<unknown>): boolean {
  const held = new Set(list)
  for (const element of wanted) if (!held.has(element)) return false
  return true
}

function isOfType(value: unknown, type: AttributeType): boolean {
  return type.endsWith('[]') ? isListOf(value, elementType(type)) : typeof value === type && isScalar(value)
}

// What JSON can hold, at least on its surface.
function isData(value: unknown): boolean {
  return isScalar(value) || typeof value === 'object'
}
