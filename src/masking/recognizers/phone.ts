import { alphanumeric, classOf, digit } from '../character-classes.ts'
import type { Context } from '../context-words.ts'
import type { Glance, Recognizer } from '../recognizer.ts'
import { isInternational } from './calling-codes.ts'
import { isContinued } from './numbers.ts'

const maxDigits = 17
const maxGroups = 8
const certain = 0.85
const likely = 0.75
const saidSo = 0.7
const besides = 16
// How far before a short number, one without any form, and one in groups the word stands that says what it is.
const nearReach = 8
const reach = 24
const farReach = 40

/**
 * Telephone numbers: international ones (E.164, with `+` or `00`), North American ones in groups of 3-3-4, national ones
 * with a leading zero in groups, and any plain number of 7 to 15 digits behind a word such as "phone".
 */
export const phone: Recognizer = {
  types: ['PHONE'],
  openings: [...'+(0123456789'].map((character) => `${character}?`),
  unlessAfter: alphanumeric,
  maxLength: maxDigits + maxGroups * 3 + 2 + 10,
  isNumber: true,
  isLong: true,
  look: read,
}

// What was read so far; a look is one synchronous step.
const number = {
  digits: 0,
  /** The first three digits, and how many zeros end it. */
  head: 0,
  zeros: 0,
  groups: 0,
  sizes: new Uint8Array(maxGroups),
  /** Whether it begins with a plus sign, and whether its parentheses are right. */
  plus: false,
  parenthesis: false,
  closed: false,
}

// Reads digits and what parts them, and judges after each group: the longest number counts.
function read(glance: Glance, at: number): void {
  let index = at
  number.parenthesis = glance.at(index) === 40
  number.closed = false
  if (number.parenthesis) index++
  number.plus = glance.at(index) === 43
  if (number.plus) index++
  number.digits = 0
  number.head = 0
  number.zeros = 0
  number.groups = 0
  let best = 0
  while (number.groups < maxGroups) {
    const from = index
    for (; (classOf(glance.at(index)) & digit) !== 0; index++) {
      const value = glance.at(index) - 48
      if (++number.digits > maxDigits) return
      if (number.digits <= 3) number.head = number.head * 10 + value
      number.zeros = value === 0 ? number.zeros + 1 : 0
    }
    if (index === from) return
    number.sizes[number.groups++] = index - from
    if (number.digits >= 7) {
      const end = behindExtension(glance, index)
      if (end !== -1) {
        const score = judge(glance, at, best > 0)
        if (score > 0) glance.found('PHONE', at, end, (best = Math.max(best, score)))
      }
    }
    const next = afterSeparator(glance, index)
    if (next === index) return
    index = next
  }
}

// At most three: a space, a hyphen, a dot, a slash, and parentheses around one group.
function afterSeparator(glance: Glance, from: number): number {
  let index = from
  let opened = false
  let closed = false
  for (; index < from + 3; index++) {
    const code = glance.at(index)
    if (code === 41 && !closed && !opened) closed = true
    else if (code === 40 && !opened) opened = true
    else if (code !== 32 && code !== 45 && code !== 46 && code !== 47) break
    else if (code !== 32 && index > from && glance.at(index - 1) === code) break
  }
  if ((classOf(glance.at(index)) & digit) === 0) return from
  if (closed) number.closed = true
  return index
}

// Behind `x123` or ` ext. 123`, or the same place where there is none; -1 where the number goes on as another thing.
function behindExtension(glance: Glance, end: number): number {
  let index = end
  let code = glance.at(index)
  while (index < end + 2 && (code === 32 || code === 44)) code = glance.at(++index)
  code |= 32
  if (code === 120 || code === 101) {
    for (const word of ['x', 'ext. ', 'ext.', 'ext ', 'ext']) {
      if (glance.slice(index, index + word.length).toLowerCase() !== word) continue
      const from = index + word.length
      let behind = from
      while (behind < from + 6 && (classOf(glance.at(behind)) & digit) !== 0) behind++
      if (behind > from && behind < from + 6 && (classOf(glance.at(behind)) & alphanumeric) === 0) return behind
    }
  }
  return isContinued(glance, end) ? -1 : end
}

function judge(glance: Glance, at: number, isFound: boolean): number {
  const { digits, plus, parenthesis, closed, zeros, head } = number
  if (parenthesis && !closed) return 0
  // Round numbers are amounts.
  if (zeros >= 6) return 0
  if (plus && isInternational(head, digits) && (head < 100 || head > 199 || Math.trunc(head / 10) % 10 >= 2)) return certain
  const context = glance.context(at)
  // A plus sign before so many digits is a number of some plan, or one that was made up.
  if (plus) return digits >= 9 && digits <= 15 && !isOther(context) ? saidSo : 0
  if (isGroupedAsNumber() && !isOther(context)) return isPairs() && isInDump(glance, at) ? 0 : likely
  // A word before it makes any number one, but not what follows that number.
  const isSaid = context.announces('PHONE') && context.distance('PHONE') <= (number.groups > 1 ? farReach : digits > 8 ? reach : nearReach)
  return !isFound && digits <= 15 && isSaid && !isDate() && !isDecimal(glance, at) ? saidSo : 0
}

// 01 23 45 67 89.
function isPairs(): boolean {
  return number.groups === 5 && number.digits === 10 && !number.plus && !number.parenthesis
}

// Behind further pairs, as in a dump of bytes.
function isInDump(glance: Glance, at: number): boolean {
  return glance.at(at - 1) === 32 && isHex(glance.at(at - 2)) && isHex(glance.at(at - 3)) && (classOf(glance.at(at - 4)) & alphanumeric) === 0
}

function isHex(code: number): boolean {
  return (classOf(code) & digit) !== 0 || ((code | 32) >= 97 && (code | 32) <= 102)
}

// Another word right before it says that it is the number of something else.
function isOther(context: Context): boolean {
  return context.nearest < besides && !context.announces('PHONE')
}

function isGroupedAsNumber(): boolean {
  return isNorthAmerican() || isNational() || isDialledOut() || isBrazilian() || isRussian() || isIndian()
}

// 2023-11-05 and 05.11.2023.
function isDate(): boolean {
  const { sizes, groups, digits } = number
  return digits === 8 && groups === 3 && (sizes[0] === 4 || sizes[2] === 4)
}

// 1.2345678.
function isDecimal(glance: Glance, at: number): boolean {
  return number.groups === 2 && number.sizes[0] === 1 && glance.at(at + 1) === 46
}

// (11) 98765-4321.
function isBrazilian(): boolean {
  const { sizes, groups, parenthesis, digits } = number
  return parenthesis && groups === 3 && sizes[0] === 2 && (digits === 10 || digits === 11) && sizes[2] === 4
}

// 8 (912) 345-67-89, 8 912 345 67 89.
function isRussian(): boolean {
  const { sizes, groups, head, digits } = number
  return digits === 11 && groups === 5 && Math.trunc(head / 100) === 8 && sizes[0] === 1 && sizes[1] === 3 && sizes[2] === 3
}

// 98765 43210.
function isIndian(): boolean {
  const { sizes, groups, head, digits } = number
  return digits === 10 && groups === 2 && sizes[0] === 5 && head >= 600
}

// 00 and a country code, which may stand apart.
function isDialledOut(): boolean {
  const { head, digits, groups, sizes } = number
  if (head < 1 || head > 9 || digits < 10 || groups < 2) return false
  return (sizes[0] ?? 0) > 2 || (sizes[0] === 2 && groups > 3 && digits >= 12)
}

function isNorthAmerican(): boolean {
  const { sizes, groups, digits, head } = number
  const at = groups - 3
  if (digits === 11 ? at !== 1 || sizes[0] !== 1 || Math.trunc(head / 100) !== 1 : digits !== 10 || at !== 0) return false
  if (sizes[at] !== 3 || sizes[at + 1] !== 3 || sizes[at + 2] !== 4) return false
  const area = at === 0 ? Math.trunc(head / 100) : Math.trunc(head / 10) % 10
  return area >= 2
}

// A trunk zero, then groups: 0170 1234567, 030/1234567, 06 1234 5678, 01 23 45 67 89. Never 2-2-4, which is a date.
function isNational(): boolean {
  const { sizes, groups, digits, head } = number
  if (head > 99 || head < 10 || digits < 9 || digits > 12 || groups < 2 || groups > 5) return false
  const first = sizes[0] ?? 0
  if (first < 2 || first > 6) return false
  let pairs = first === 2 ? 1 : 0
  let isSmall = false
  for (let index = 1; index < groups; index++) {
    const size = sizes[index] ?? 0
    if (size === 2) pairs++
    if (size < 2 || size > 8) isSmall = true
  }
  if (isSmall) return false
  return first === 2 && sizes[1] === 2 ? pairs === 5 && groups === 5 : true
}
