import { alphanumeric, classOf, digit, hyphen, letter, space, underscore, upper } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'

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
  types: ['IBAN'],
  openings: [...'0123456789'].map((character) => `${character}?`),
  isLong: true,
  unlessAfter: digit,
  // Two letters, and check digits that may stand apart.
  reachBack: (text, index) => {
    const end = (classOf(text.charCodeAt(index - 1)) & (space | hyphen)) !== 0 ? index - 1 : index
    let start = end
    while (end - start < 2 && (classOf(text.charCodeAt(start - 1)) & (end === index ? letter : upper)) !== 0) start--
    return start === end || (classOf(text.charCodeAt(start - 1)) & (alphanumeric | underscore)) !== 0 ? index : start
  },
  maxLength: 33 * 2,
  look(glance, at) {
    const before = glance.at(at - 1)
    if ((classOf(before) & (letter | space | hyphen)) === 0) return
    const isApart = (classOf(before) & letter) === 0
    const start = at - (isApart ? 3 : 2)
    const first = glance.at(start)
    const second = glance.at(start + 1)
    if ((classOf(first) & classOf(second) & (isApart ? upper : letter)) === 0) return
    if ((classOf(glance.at(start - 1)) & (alphanumeric | underscore)) !== 0) return
    const length = lengths[countryOf(first, second)] ?? 0
    if (length === 0) return
    const end = endOfAccount(glance, start, length)
    if (end !== -1) glance.found('IBAN', start, end, 0.98)
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
      // One separator, and never between check digits.
      if (taken === 3 || taken < 2 || (code !== 32 && code !== 45) || (classOf(glance.at(index - 1)) & alphanumeric) === 0) return -1
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
