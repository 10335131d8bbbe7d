import { alphanumeric, classOf, digit, underscore } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'
import { behindPrefixLength } from './ip-address.ts'

const hexadecimal = '0123456789abcdefABCDEF'
const longestZone = 15

function isHex(code: number): boolean {
  return (classOf(code) & digit) !== 0 || ((code | 32) >= 97 && (code | 32) <= 102)
}

/** Where up to so many hexadecimal digits begin that end at an index, if nothing else clings to them; -1 otherwise. */
function startOfHex(unitAt: (index: number) => number, at: number, most: number): number {
  let start = at
  while (at - start < most && isHex(unitAt(start - 1))) start--
  const before = unitAt(start - 1)
  return (classOf(before) & (alphanumeric | underscore)) !== 0 || before === 58 ? -1 : start
}

function reachBack(text: string, index: number): number {
  const start = startOfHex((at) => text.charCodeAt(at), index, 4)
  return start === -1 ? index : start
}

/** IPv6 addresses in every form of RFC 4291, section 2.2, also with an IPv4 tail; not what merely has two colons. */
export const ipV6: Recognizer = {
  types: ['IP_ADDRESS'],
  openings: ['::', ...[...hexadecimal].map((character) => `:${character}`)],
  unlessAfter: 0,
  reachBack,
  maxLength: 45 + 1 + longestZone + 4,
  look(glance, at) {
    const start = startOfHex((index) => glance.at(index), at, 4)
    if (start === -1) return
    const end = endOfAddress(glance, start)
    if (end !== -1) glance.found('IP_ADDRESS', start, behindPrefixLength(glance, start, behindZone(glance, end), 128), 0.85)
  },
}

// `fe80::1%eth0` (RFC 4007, section 11).
function behindZone(glance: Glance, end: number): number {
  if (glance.at(end) !== 37) return end
  let index = end + 1
  while (index < end + 1 + longestZone && (classOf(glance.at(index)) & alphanumeric) !== 0) index++
  return index === end + 1 ? end : index
}

function endOfAddress(glance: Glance, start: number): number {
  let groups = 0
  let compressed = false
  let digits = 0
  let longest = 0
  let first = 0
  let index = start
  if (glance.at(index) === 58) {
    if (glance.at(index + 1) !== 58 || isSlice(glance, start)) return -1
    compressed = true
    index += 2
  }
  for (;;) {
    const from = index
    while (index < from + 4 && isHex(glance.at(index))) {
      if ((classOf(glance.at(index)) & digit) !== 0) digits++
      index++
    }
    if (index === from) break
    if (glance.at(index) === 46 && (groups >= 1 || compressed) && (classOf(glance.at(index + 1)) & digit) !== 0) return afterDecimals(glance, from)
    longest = Math.max(longest, index - from)
    if (groups === 0) first = index - from
    if (++groups === 8 || glance.at(index) !== 58) break
    if (glance.at(index + 1) === 58) {
      if (compressed) return -1
      compressed = true
      index += 2
    } else if (isHex(glance.at(index + 1))) index++
    else break
  }
  const code = glance.at(index)
  if ((classOf(code) & (alphanumeric | underscore)) !== 0 || (code === 58 && isHex(glance.at(index + 1)))) return -1
  if (groups === 8 && !compressed) return digits > 0 ? index : -1
  if (!compressed || groups > 7 || digits === 0) return -1
  // Names of programs have two colons too: abc::def, a::b1.
  const isLocal = groups === 1 && first === 1 && glance.at(start) === 58 && glance.at(start + 2) === 49
  return isLocal || groups >= 3 || (longest === 4 && glance.at(start) !== 58) || glance.context(start).distance('IP') <= 24 ? index : -1
}

// a[::1] takes every element of a list.
function isSlice(glance: Glance, start: number): boolean {
  return glance.at(start - 1) === 91 && (classOf(glance.at(start - 2)) & (alphanumeric | underscore)) !== 0
}

function afterDecimals(glance: Glance, from: number): number {
  let index = from
  for (let part = 0; part < 4; part++) {
    if (part > 0 && glance.at(index++) !== 46) return -1
    const first = index
    while (index < first + 3 && (classOf(glance.at(index)) & digit) !== 0) index++
    if (index === first || Number(glance.slice(first, index)) > 255) return -1
  }
  return (classOf(glance.at(index)) & (alphanumeric | underscore)) === 0 ? index : -1
}

/** MAC addresses (IEEE 802): six pairs with colons or hyphens, three groups of four with dots. */
export const macAddress: Recognizer = {
  types: ['MAC_ADDRESS'],
  openings: [...':-.'].flatMap((separator) => [...hexadecimal].map((character) => separator + character)),
  unlessAfter: 0,
  reachBack,
  maxLength: 17,
  look(glance, at) {
    const separator = glance.at(at)
    const size = separator === 46 ? 4 : 2
    const start = startOfHex((index) => glance.at(index), at, size)
    if (start !== at - size) return
    let letters = 0
    const end = start + (size === 4 ? 14 : 17)
    for (let index = start; index < end; index++) {
      const code = glance.at(index)
      if ((index - start) % (size + 1) === size ? code !== separator : !isHex(code)) return
      if ((classOf(code) & digit) === 0 && code !== separator) letters++
    }
    const next = glance.at(end)
    if ((classOf(next) & (alphanumeric | underscore)) !== 0 || (next === separator && isHex(glance.at(end + 1)))) return
    // Pairs of digits alone may be a date and a time, and groups of four an amount.
    if (letters > 0 || separator === 58) glance.found('MAC_ADDRESS', start, end, 0.85)
  },
}
