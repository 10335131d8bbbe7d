import { alphanumeric, classOf, digit, underscore } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'

const minDigits = 13
const maxDigits = 19
const score = 0.92
// How far before a number a word says that it is the number of something else.
const besides = 4

/**
 * Payment card numbers (ISO/IEC 7812): 13 to 19 digits of a known issuer range with a right check digit, unbroken or in
 * groups that begin with one of four and are parted by single spaces, hyphens or dots.
 */
export const card: Recognizer = {
  types: ['CARD'],
  openings: ['2?', '3?', '4?', '5?', '6?'],
  unlessAfter: alphanumeric | underscore,
  maxLength: maxDigits * 2 - 1,
  isNumber: true,
  isLong: true,
  look(glance, at) {
    const end = endOfCard(glance, at)
    // Every tenth number of an order has a right check digit.
    if (end !== -1 && glance.context(at).distance('OTHER') > besides) glance.found('CARD', at, end, score)
  },
}

// Doubled and reduced to one digit, as the Luhn formula wants every second digit.
const doubled: readonly number[] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]

function endOfCard(glance: Glance, at: number): number {
  let end = -1
  let digits = 0
  let group = 0
  let groups = 1
  // The sums for a number whose last digit is the one just read, and for one whose last digit would be the next.
  let sum = 0
  let other = 0
  let prefix = 0
  for (let index = at; ; index++) {
    const code = glance.at(index)
    if ((classOf(code) & digit) !== 0) {
      if (digits === maxDigits) return end
      const value = code - 48
      const before = sum
      sum = other + value
      other = before + (doubled[value] ?? 0)
      if (digits < 4) prefix = prefix * 10 + value
      digits++
      group++
      continue
    }
    const isEnd = (classOf(code) & (alphanumeric | underscore)) === 0
    if (isEnd && digits >= minDigits && isIssued(prefix, digits) && sum % 10 === 0) end = index
    // A first group of four is what tells a card from other numbers in groups.
    if (groups === 1 && group !== 4) return end
    if (group < 3 || (code !== 32 && code !== 45 && code !== 46)) return end
    if ((classOf(glance.at(index + 1)) & digit) === 0) return end
    groups++
    group = 0
  }
}

/** Issuer ranges by their first four digits, and how long their numbers are. */
function isIssued(prefix: number, digits: number): boolean {
  const two = Math.trunc(prefix / 100)
  if (two >= 40 && two <= 49) return digits === 13 || digits === 16 || digits === 19
  if ((two >= 51 && two <= 55) || (prefix >= 2221 && prefix <= 2720)) return digits === 16
  if (two === 34 || two === 37) return digits === 15
  if (two === 36 || two === 38 || two === 39 || two === 30) return digits >= 14
  if (two === 35 || (prefix >= 2200 && prefix <= 2204)) return digits >= 16
  return two === 50 || (two >= 56 && two <= 58) || (two >= 60 && two <= 69)
}
