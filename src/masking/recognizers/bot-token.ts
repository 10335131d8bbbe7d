import { alphanumeric, classOf, digit, hyphen, underscore } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'

const token = alphanumeric | underscore | hyphen

/** Keys of bots without a prefix of their own: Telegram's, a number and a colon before them, and Discord's, in three parts. */
export const botToken: Recognizer = {
  types: ['API_KEY'],
  openings: [':A', 'M?', 'N?', 'O?'],
  unlessAfter: 0,
  reachBack: (text, index) => startOfNumber((at) => text.charCodeAt(at), index),
  maxLength: 80,
  look(glance, at) {
    if (glance.at(at) === 58) telegram(glance, at)
    else if ((classOf(glance.at(at - 1)) & token) === 0) discord(glance, at)
  },
}

function startOfNumber(unitAt: (index: number) => number, at: number): number {
  let start = at
  while (at - start < 10 && (classOf(unitAt(start - 1)) & digit) !== 0) start--
  return start
}

function endOfPart(glance: Glance, from: number, most: number): number {
  let end = from
  while (end <= from + most && (classOf(glance.at(end)) & token) !== 0) end++
  return end
}

function telegram(glance: Glance, at: number): void {
  const start = startOfNumber((index) => glance.at(index), at)
  if (at - start < 8 || (classOf(glance.at(start - 1)) & token) !== 0 || glance.at(at + 2) !== 65) return
  const end = endOfPart(glance, at + 1, 36)
  if (end >= at + 35 && end <= at + 37) glance.found('API_KEY', start, end, 0.95)
}

function discord(glance: Glance, at: number): void {
  const first = endOfPart(glance, at, 28)
  if (first - at < 23 || first - at > 28 || glance.at(first) !== 46) return
  const second = endOfPart(glance, first + 1, 7)
  if (second - first - 1 < 6 || second - first - 1 > 7 || glance.at(second) !== 46) return
  const end = endOfPart(glance, second + 1, 38)
  if (end - second - 1 >= 27 && end - second - 1 <= 38) glance.found('API_KEY', at, end, 0.95)
}
