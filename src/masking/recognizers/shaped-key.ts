import { alphanumeric, classOf, digit, dot, hyphen, underscore } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'

const token = alphanumeric | underscore | hyphen
const longestHead = 36
const longest = 120

/**
 * Keys without a prefix of their own, told by what stands within them: Telegram's (a number and a colon before them),
 * Discord's (three parts), Azure's (`Q~`), Terraform's (`.atlasv1.`), MaxMind's (`_mmk`), Mailchimp's (`-us1`), Airtable's.
 */
export const shapedKey: Recognizer = {
  types: ['API_KEY'],
  openings: [':A', 'M?', 'N?', 'O?', 'Q~', '.at', '_mm', '-us', 'pat'],
  unlessAfter: 0,
  reachBack: (text, index) => startOfRun((at) => text.charCodeAt(at), index),
  maxLength: longest,
  look(glance, at) {
    switch (glance.at(at)) {
      case 58:
        return telegram(glance, at)
      case 81:
        return azure(glance, at)
      case 46:
        return terraform(glance, at)
      case 95:
        return maxMind(glance, at)
      case 45:
        return mailchimp(glance, at)
      case 112:
        return airtable(glance, at)
      default:
        if ((classOf(glance.at(at - 1)) & token) === 0) discord(glance, at)
    }
  },
}

function isHead(code: number): boolean {
  return (classOf(code) & (alphanumeric | underscore | dot)) !== 0 || code === 126
}

function startOfRun(unitAt: (index: number) => number, at: number): number {
  let start = at
  while (at - start < longestHead && isHead(unitAt(start - 1))) start--
  return start
}

/** Where so many characters of some classes begin that end at an index; -1 where there are fewer, or more. */
function startOfPart(glance: Glance, at: number, count: number, classes: number): number {
  for (let index = at - 1; index >= at - count; index--) if ((classOf(glance.at(index)) & classes) === 0) return -1
  return (classOf(glance.at(at - count - 1)) & (alphanumeric | underscore)) === 0 ? at - count : -1
}

function endOfPart(glance: Glance, from: number, most: number, classes = token): number {
  let end = from
  while (end <= from + most && (classOf(glance.at(end)) & classes) !== 0) end++
  return end
}

function telegram(glance: Glance, at: number): void {
  let start = at
  while (at - start < 10 && (classOf(glance.at(start - 1)) & digit) !== 0) start--
  if (at - start < 8 || (classOf(glance.at(start - 1)) & token) !== 0) return
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

function azure(glance: Glance, at: number): void {
  const start = at - 4
  if ((classOf(glance.at(at - 1)) & digit) === 0 || isHead(glance.at(start - 1))) return
  for (let index = start; index < at; index++) if (!isHead(glance.at(index))) return
  let end = at + 2
  while (end <= at + 37 && (isHead(glance.at(end)) || glance.at(end) === 45)) end++
  while (glance.at(end - 1) === 46) end--
  if (end - at - 2 < 31 || end - at - 2 > 34) return
  const rest = glance.slice(at + 2, end)
  if (/\d/.test(rest) && /[A-Z]/.test(rest)) glance.found('API_KEY', start, end, 0.95)
}

function terraform(glance: Glance, at: number): void {
  if (!glance.startsWith('.atlasv1.', at)) return
  const start = startOfPart(glance, at, 14, alphanumeric)
  const end = endOfSigned(glance, at + 9, 75)
  if (start !== -1 && end - at - 9 >= 60 && end - at - 9 <= 75) glance.found('API_KEY', start, end, 0.97)
}

function endOfSigned(glance: Glance, from: number, most: number): number {
  let end = from
  while (end <= from + most && ((classOf(glance.at(end)) & token) !== 0 || glance.at(end) === 61)) end++
  return end
}

function maxMind(glance: Glance, at: number): void {
  if (!glance.startsWith('_mmk', at) || (classOf(glance.at(at + 4)) & token) !== 0) return
  for (let index = at - 1; index >= at - 29; index--) if ((classOf(glance.at(index)) & alphanumeric) === 0) return
  if (glance.at(at - 30) !== 95) return
  const start = startOfPart(glance, at - 30, 6, alphanumeric)
  if (start !== -1) glance.found('API_KEY', start, at + 4, 0.97)
}

function mailchimp(glance: Glance, at: number): void {
  if (glance.at(at + 2) !== 115 || (classOf(glance.at(at + 3)) & digit) === 0) return
  const end = endOfPart(glance, at + 3, 2, digit)
  if ((classOf(glance.at(end)) & token) !== 0) return
  const start = startOfPart(glance, at, 32, alphanumeric)
  if (start !== -1 && /^[0-9a-f]+$/.test(glance.slice(start, at))) glance.found('API_KEY', start, end, 0.95)
}

function airtable(glance: Glance, at: number): void {
  if (glance.at(at + 2) !== 116 || (classOf(glance.at(at - 1)) & token) !== 0) return
  const head = endOfPart(glance, at + 3, 14, alphanumeric)
  if (head !== at + 17 || glance.at(head) !== 46) return
  const end = endOfPart(glance, head + 1, 64, alphanumeric)
  if (end === head + 65 && /^[0-9a-f]+$/.test(glance.slice(head + 1, end))) glance.found('API_KEY', at, end, 0.97)
}
