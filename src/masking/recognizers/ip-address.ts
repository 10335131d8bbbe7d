import { alphanumeric, classOf, digit, letter, lower, underscore } from '../character-classes.ts'
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
    let isSmall = true
    for (let part = 0; part < 4; part++) {
      if (part > 0 && glance.at(index++) !== 46) return
      const first = index
      let value = 0
      for (; index < first + 3; index++) {
        const code = glance.at(index)
        if ((classOf(code) & digit) === 0) break
        value = value * 10 + code - 48
      }
      if (value >= (part === 0 ? 10 : 64)) isSmall = false
      if (index === first || value > 255 || (glance.at(first) === 48 && index > first + 1)) return
    }
    // A port or a prefix length behind it is no part of a longer number.
    const next = glance.at(index)
    if (next !== 58 && next !== 47 && isContinued(glance, index)) return
    if (isVersion(glance, at, index) || glance.context(at).distance('VERSION') <= 4) return
    // Behind a word four small numbers are its version more often than an address, unless a word says so or everybody knows them.
    if (isSmall && isBehindWord(glance, at) && !known.has(glance.slice(at, index)) && glance.context(at).distance('IP') > 24) return
    glance.found('IP_ADDRESS', at, behindPrefixLength(glance, at, index, 32), 0.8)
  },
}

// `Git 1.7.12.2`, `app:1.2.3.4`.
function isBehindWord(glance: Glance, at: number): boolean {
  const before = glance.at(at - 1)
  return (before === 32 || before === 58 || before === 40) && (classOf(glance.at(at - 2)) & letter) !== 0
}

// Public resolvers.
const known: ReadonlySet<string> = new Set(['1.1.1.1', '1.0.0.1', '8.8.8.8', '8.8.4.4', '9.9.9.9', '4.2.2.2', '0.0.0.0'])

/** Behind the length of a prefix (RFC 4632, RFC 4291 section 2.3), where an address has one; none in a URL. */
export function behindPrefixLength(glance: Glance, start: number, end: number, most: number): number {
  if (glance.at(end) !== 47 || glance.at(start - 1) === 47) return end
  let index = end + 1
  while (index < end + 4 && (classOf(glance.at(index)) & digit) !== 0) index++
  const length = Number(glance.slice(end + 1, index))
  return index > end + 1 && length <= most && glance.at(index) !== 47 && !isContinued(glance, index) ? index : end
}

// The later parts of a longer number, and versions as in Chrome/120.0.0.0, app-1.2.3.4, pkg@1.2.3.4, pkg==1.2.3.4, 1.2.3.4.jar.
function isVersion(glance: Glance, at: number, end: number): boolean {
  const before = glance.at(at - 1)
  const isBehind = (classOf(glance.at(at - 2)) & alphanumeric) !== 0
  if ((before === 46 || before === 47 || before === 45) && isBehind) return true
  if (before === 64 && (classOf(glance.at(at - 2)) & letter) !== 0 && glance.context(at).distance('IP') > 24) return true
  if (before === 61 && glance.at(at - 2) === 61) return true
  return glance.at(end) === 46 && (classOf(glance.at(end + 1)) & lower) !== 0
}
