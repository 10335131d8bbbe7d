import { alphanumeric, classOf, digit, type Glance, letter, type Recognizer, underscore } from '../recognizer.ts'
import { continuesNumber } from './numbers.ts'

const minDigits = 13
const maxDigits = 19

/**
 * Payment card numbers (ISO/IEC 7812): 13 to 19 digits of a known issuer range with a right check digit, unbroken or in
 * groups that begin with one of four and are parted by single spaces, hyphens or dots.
 */
export const card: Recognizer = {
  type: 'CARD',
  score: 0.92,
  triggers: '23456',
  unlessAfter: alphanumeric | underscore,
  reach: 0,
  maxLength: maxDigits * 2 - 1,
  look(glance, at) {
    if (continuesNumber(glance, at)) return
    const end = endOfCard(glance, at)
    if (end !== -1) glance.found(at, end, card.score)
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
    if (digits === 4 && !isIssued(prefix)) return -1
    const isEnd = (classOf(code) & (alphanumeric | underscore)) === 0
    if (isEnd && digits >= minDigits && isIssued(prefix) && sum % 10 === 0) end = index
    // A first group of four is what tells a card from other numbers in groups.
    if (groups === 1 && group !== 4) return end
    if (group < 3 || (code !== 32 && code !== 45 && code !== 46)) return end
    if ((classOf(glance.at(index + 1)) & digit) === 0) return end
    groups++
    group = 0
  }
}

// Issuer ranges by their first four digits.
function isIssued(prefix: number): boolean {
  const two = Math.trunc(prefix / 100)
  if (prefix >= 2221 && prefix <= 2720) return true
  if (two === 34 || two === 37 || two === 36 || two === 38 || two === 39 || two === 30 || two === 35) return true
  if (two >= 40 && two <= 49) return true
  if (two >= 50 && two <= 58) return true
  return two >= 60 && two <= 69
}

// Lengths by country, from the IBAN registry (ISO 13616).
const registry =
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 ' +
  'FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 ' +
  'LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 ' +
  'SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'

// The length at the place of the two letters, 0 for no country.
const lengths = new Uint8Array(26 * 26)
for (const entry of registry.split(' ')) lengths[countryOf(entry.charCodeAt(0), entry.charCodeAt(1))] = Number(entry.slice(2))

// Setting the bit that tells the cases apart makes both letters lower.
function countryOf(first: number, second: number): number {
  return ((first | 32) - 97) * 26 + (second | 32) - 97
}

/** International bank account numbers: length by country and ISO 7064 mod 97-10; unbroken or with single spaces or hyphens. */
export const iban: Recognizer = {
  type: 'IBAN',
  score: 0.98,
  triggers: '0123456789',
  unlessAfter: digit,
  reach: 2,
  reaches: (code) => (classOf(code) & letter) !== 0,
  maxLength: 33 * 2,
  look(glance, at) {
    const start = at - 2
    const first = glance.at(start)
    const second = glance.at(start + 1)
    if ((classOf(first) & classOf(second) & letter) === 0) return
    if ((classOf(glance.at(start - 1)) & (alphanumeric | underscore)) !== 0) return
    const length = lengths[countryOf(first, second)] ?? 0
    if (length === 0) return
    const end = endOfAccount(glance, start, length)
    if (end !== -1) glance.found(start, end, iban.score)
  },
}

function endOfAccount(glance: Glance, start: number, length: number): number {
  let taken = 0
  let rest = 0
  // The first four characters count last.
  let head = 0
  let headScale = 1
  let index = start
  while (taken < length) {
    const code = glance.at(index)
    const bits = classOf(code)
    if ((bits & alphanumeric) === 0) {
      // One separator, and never before the check digits.
      if (taken < 4 || (code !== 32 && code !== 45) || (classOf(glance.at(index - 1)) & alphanumeric) === 0) return -1
      index++
      continue
    }
    const isDigit = (bits & digit) !== 0
    if ((taken === 2 || taken === 3) && !isDigit) return -1
    const value = isDigit ? code - 48 : (code | 32) - 87
    const scale = isDigit ? 10 : 100
    if (taken < 4) {
      head = head * scale + value
      headScale *= scale
    } else rest = (rest * scale + value) % 97
    taken++
    index++
  }
  if ((classOf(glance.at(index)) & alphanumeric) !== 0) return -1
  return (((rest * (headScale % 97)) % 97) + (head % 97)) % 97 === 1 ? index : -1
}
