import { alphanumeric, classOf, digit, underscore } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'

const maxFraction = 16

// What was read; a look is one synchronous step.
const read = { value: 0, fraction: 0, hemisphere: 0 }

/**
 * Places on earth in decimal degrees (ISO 6709, annex D): a pair with hemispheres, or a pair or one value that a word
 * announces. Two fractions alone may be anything.
 */
export const coordinates: Recognizer = {
  types: ['COORDINATES'],
  openings: [...'-+0123456789'].map((character) => `${character}?`),
  isLong: true,
  unlessAfter: alphanumeric | underscore,
  reachBack: (text, index) => (isLed(text.charCodeAt(index - 1), text.charCodeAt(index - 2), text.charCodeAt(index - 3)) ? index - 2 : index),
  maxLength: 64,
  look(glance, at) {
    const before = glance.at(at - 1)
    if (before === 46 || before === 45 || before === 43) return
    const last = readDegrees(glance, at, 180)
    if (last === -1) {
      const end = endOfSexagesimalPair(glance, at)
      if (end !== -1) glance.found('COORDINATES', at, end, 0.85)
      return
    }
    const { fraction, value: whole, hemisphere } = read
    const led = fraction < 3 ? -1 : endOfLedPair(glance, at, last)
    if (led !== -1) {
      glance.found('COORDINATES', at - 2, led, 0.85)
      return
    }
    const pair = fraction < 2 ? -1 : endOfPair(glance, last, hemisphere)
    // Of a pair one is a latitude.
    const isPair = pair !== -1 && Math.min(whole, read.value) <= 90 && (hemisphere !== 0 || (fraction >= 3 && read.fraction >= 3))
    if (isPair && (hemisphere !== 0 || before === 64 || isAnnounced(glance, at, 24))) glance.found('COORDINATES', at, pair, 0.85)
    else if (isPair && Math.min(fraction, read.fraction) >= 5 && Math.max(whole, read.value) >= 10 && isAlone(glance, at, pair))
      glance.found('COORDINATES', at, pair, 0.6)
    else if (fraction >= 4 && isAnnounced(glance, at, 4)) glance.found('COORDINATES', at, last, 0.75)
  },
}

// N 48.8584, E 2.2945.
function endOfLedPair(glance: Glance, at: number, last: number): number {
  if (!isLed(glance.at(at - 1), glance.at(at - 2), glance.at(at - 3))) return -1
  // Without a comma the second hemisphere was read as one behind the first.
  let index = read.hemisphere === 0 ? last : last - 1
  while (index < last + 3 && (glance.at(index) === 32 || glance.at(index) === 44)) index++
  if (index === last || (glance.at(index) !== 69 && glance.at(index) !== 87) || glance.at(index + 1) !== 32) return -1
  const end = readDegrees(glance, index + 2, 180)
  return end === -1 || read.fraction < 3 ? -1 : end
}

function isLed(before: number, hemisphere: number, beyond: number): boolean {
  return before === 32 && (hemisphere === 78 || hemisphere === 83) && (classOf(beyond) & (alphanumeric | underscore)) === 0
}

// 40°42'46"N 74°0'22"W: degrees, minutes and seconds of a latitude and a longitude.
function endOfSexagesimalPair(glance: Glance, at: number): number {
  const latitude = endOfSexagesimal(glance, at)
  if (latitude === -1) return -1
  let index = latitude
  while (index < latitude + 3 && (glance.at(index) === 32 || glance.at(index) === 44)) index++
  return endOfSexagesimal(glance, index)
}

function endOfSexagesimal(glance: Glance, at: number): number {
  let index = at
  for (const [most, signs] of sexagesimal) {
    const from = index
    while (index < from + most && (classOf(glance.at(index)) & digit) !== 0) index++
    if (index === from) return -1
    if (glance.at(index) === 46 && most === 2) for (index++; index < from + 12 && (classOf(glance.at(index)) & digit) !== 0; ) index++
    if (glance.at(index) === 32) index++
    if (!signs.includes(glance.at(index))) return -1
    index++
    // Two apostrophes for seconds.
    if (glance.at(index) === 39) index++
    if (glance.at(index) === 32) index++
    if (isHemisphere(glance.at(index))) return (classOf(glance.at(index + 1)) & alphanumeric) === 0 ? index + 1 : -1
  }
  return -1
}

// How many digits, and what stands behind them: degrees, minutes, seconds.
const sexagesimal: readonly (readonly [number, readonly number[]])[] = [
  [3, [0xb0, 0xba]],
  [2, [39, 0x2032]],
  [2, [34, 39, 0x2033]],
]

function isHemisphere(code: number): boolean {
  return code === 78 || code === 83 || code === 69 || code === 87
}

// Two numbers and no more: a list of them is something else.
function isAlone(glance: Glance, at: number, end: number): boolean {
  let before = at - 1
  while (before > at - 3 && glance.at(before) === 32) before--
  if (glance.at(before) === 44 || glance.at(before) === 59 || (classOf(glance.at(before)) & digit) !== 0) return false
  let behind = end
  while (behind < end + 2 && (glance.at(behind) === 32 || glance.at(behind) === 44 || glance.at(behind) === 59)) behind++
  const next = glance.at(behind)
  return (classOf(next) & digit) === 0 && next !== 45 && next !== 43
}

function isAnnounced(glance: Glance, at: number, furthest: number): boolean {
  return glance.context(at).distance('COORDINATES') <= furthest
}

function endOfPair(glance: Glance, end: number, hemisphere: number): number {
  let index = end
  let parted = false
  while (index < end + 4) {
    const code = glance.at(index)
    if (code !== 32 && code !== 44 && code !== 59 && code !== 47) break
    parted = true
    index++
  }
  if (!parted) return -1
  const last = readDegrees(glance, index, 180)
  return last === -1 || (hemisphere === 0) !== (read.hemisphere === 0) ? -1 : last
}

// A sign, degrees, a point and a fraction; then a degree sign and a hemisphere where there are any. -1 for anything else.
function readDegrees(glance: Glance, at: number, most: number): number {
  let index = at
  if (glance.at(index) === 45 || glance.at(index) === 43) index++
  const from = index
  while (index < from + 3 && (classOf(glance.at(index)) & digit) !== 0) index++
  if (index === from || glance.at(index) !== 46) return -1
  const point = index++
  while (index <= point + maxFraction && (classOf(glance.at(index)) & digit) !== 0) index++
  const next = glance.at(index)
  if (index === point + 1 || (classOf(next) & digit) !== 0) return -1
  read.value = Number(glance.slice(from, point))
  if (read.value > most) return -1
  if (next === 46 && (classOf(glance.at(index + 1)) & digit) !== 0) return -1
  read.fraction = index - point - 1
  read.hemisphere = 0
  let end = index
  if (next === 0xb0) end = ++index
  if (glance.at(index) === 32) index++
  const letter = glance.at(index)
  if (isHemisphere(letter) && (classOf(glance.at(index + 1)) & alphanumeric) === 0) {
    read.hemisphere = letter
    end = index + 1
  }
  return (classOf(glance.at(end)) & alphanumeric) === 0 ? end : -1
}
