import { alphanumeric, classOf, digit, underscore } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'
import { isContinued } from './numbers.ts'

/** IPv4 addresses in dotted decimals (RFC 791, RFC 6943 section 3.1.1: four decimals without leading zeros). */
export const ipV4: Recognizer = {
  types: ['IP_ADDRESS'],
  openings: [...'0123456789'].flatMap((first) => [...'.0123456789'].map((second) => first + second)),
  unlessAfter: alphanumeric | underscore,
  maxLength: 15,
  look(glance, at) {
    let index = at
    for (let part = 0; part < 4; part++) {
      if (part > 0 && glance.at(index++) !== 46) return
      const first = index
      let value = 0
      for (; index < first + 3; index++) {
        const code = glance.at(index)
        if ((classOf(code) & digit) === 0) break
        value = value * 10 + code - 48
      }
      if (index === first || value > 255 || (glance.at(first) === 48 && index > first + 1)) return
    }
    // A port or a prefix length behind it is no part of a longer number.
    const next = glance.at(index)
    if (next !== 58 && next !== 47 && isContinued(glance, index)) return
    if (!isVersion(glance, at) && glance.context(at).distance('VERSION') > 4) glance.found('IP_ADDRESS', at, index, 0.8)
  },
}

// The later parts of a longer number, and versions as in Chrome/120.0.0.0.
function isVersion(glance: Glance, at: number): boolean {
  const before = glance.at(at - 1)
  return (before === 46 || before === 47) && (classOf(glance.at(at - 2)) & alphanumeric) !== 0
}
