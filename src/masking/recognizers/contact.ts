import { alphanumeric, classOf, digit, dot, type Glance, hyphen, isOtherLetter, letter, local, type Recognizer, underscore } from '../recognizer.ts'
import { continuesNumber, isContinued } from './numbers.ts'

// RFC 5321, section 4.5.3.1.
const maxLocal = 64
const maxDomain = 253

const localClasses = alphanumeric | underscore | hyphen | dot | local
const domainClasses = alphanumeric | hyphen | dot
// Names such as logo@2x.png are files.
const fileNames: ReadonlySet<string> = new Set(['png', 'jpg', 'jpeg', 'gif', 'svg', 'webp', 'avif', 'ico'])

function isLocal(code: number): boolean {
  return (classOf(code) & localClasses) !== 0 || isOtherLetter(code)
}

function isDomain(code: number): boolean {
  return (classOf(code) & domainClasses) !== 0 || isOtherLetter(code)
}

/** E-mail addresses with an unquoted local part and a domain of at least two labels. Of a longer local part, the last 64 characters. */
export const email: Recognizer = {
  type: 'EMAIL',
  score: 0.9,
  triggers: '@',
  unlessAfter: 0,
  reach: maxLocal,
  reaches: isLocal,
  maxLength: maxLocal + 1 + maxDomain,
  look(glance, at) {
    const start = startOf(glance, at)
    if (start === at) return
    const end = endOf(glance, at + 1)
    if (end !== -1) glance.found(start, end, email.score)
  },
}

function startOf(glance: Glance, at: number): number {
  let start = at
  while (at - start < maxLocal && isLocal(glance.at(start - 1))) start--
  // What an address cannot begin with belongs to the text before it: a quote, a dash, a dot.
  while (start < at && (classOf(glance.at(start)) & (alphanumeric | underscore)) === 0 && !isOtherLetter(glance.at(start))) start++
  return start
}

// The end of the last label that can be a top-level domain, so that a full stop behind an address stays in the text.
function endOf(glance: Glance, from: number): number {
  const limit = from + maxDomain
  let end = -1
  let label = from
  let onlyLetters = true
  for (let index = from; ; index++) {
    const code = index < limit ? glance.at(index) : -1
    if (isDomain(code) && code !== 46) {
      if ((classOf(code) & letter) === 0 && !isOtherLetter(code)) onlyLetters = false
      continue
    }
    // An empty label ends the name, and so does everything that stands in none.
    if (index === label) return end
    const isPunycode = !onlyLetters && glance.startsWith('xn--', label)
    if (label !== from && index - label >= 2 && (onlyLetters || isPunycode)) {
      if (!fileNames.has(glance.slice(label, index).toLowerCase())) end = index
    }
    if (code !== 46) return end
    label = index + 1
    onlyLetters = true
  }
}

const maxDigits = 17
const maxGroups = 8

/**
 * Telephone numbers: international ones (E.164, with `+` or `00`), North American ones in groups of 3-3-4, national ones
 * with a leading zero in groups, and any plain number of 7 to 15 digits behind a word such as "phone".
 */
export const phone: Recognizer = {
  type: 'PHONE',
  score: 0.85,
  triggers: '+(0123456789',
  unlessAfter: alphanumeric,
  reach: 0,
  maxLength: maxDigits + maxGroups * 3 + 2,
  look(glance, at) {
    if (!continuesNumber(glance, at)) read(glance, at)
  },
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
    if (number.digits >= 7 && !isContinued(glance, index)) {
      const score = judge(glance, at, best > 0)
      if (score > 0) glance.found(at, index, (best = Math.max(best, score)))
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

function judge(glance: Glance, at: number, isFound: boolean): number {
  const { digits, plus, parenthesis, closed, zeros } = number
  if (parenthesis && !closed) return 0
  // Round numbers are amounts.
  if (zeros >= 6) return 0
  if (plus) return isInternational() ? phone.score : 0
  if (isNorthAmerican() || isNational() || isDialledOut()) return 0.75
  // A word before it makes any number one, but not what follows that number.
  return !isFound && digits <= 15 && isAnnounced(glance, at) ? 0.7 : 0
}

function isInternational(): boolean {
  const { digits, head } = number
  const first = Math.trunc(head / 100)
  if (digits < 8 || digits > 15 || first === 0) return false
  // The North American plan: a one and ten digits, of which the first is 2 to 9.
  return first !== 1 || (digits === 11 && Math.trunc(head / 10) % 10 >= 2)
}

// 00 and a country code.
function isDialledOut(): boolean {
  return number.head >= 1 && number.head <= 9 && number.digits >= 10 && number.groups > 1 && (number.sizes[0] ?? 0) > 2
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

const announcing =
  /(?:^|[^a-z])(?:tel|telefon|telefono|telephone|phone|mobile|mobil|cell|cellphone|handy|fax|call|dial|text|sms|whatsapp|hotline)(?:[^a-z]|$)/

// The 24 characters before it; always the same number, so that it never matters how much more there is.
function isAnnounced(glance: Glance, at: number): boolean {
  const before = glance.slice(at - 24, at).toLowerCase()
  return announcing.test(before) && (classOf(before.charCodeAt(before.length - 1)) & letter) === 0
}
