import { alphanumeric, classOf, dot, hyphen, isOtherLetter, letter, local, underscore } from '../character-classes.ts'
import type { Glance, Recognizer } from '../recognizer.ts'
import { isUserToken } from './url-credentials.ts'

// RFC 5321, section 4.5.3.1.
const maxLocal = 64
const maxDomain = 253
const score = 0.9

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

// Letters of scripts other than Latin, Greek and Cyrillic, and what stands on them.
function isFurtherLetter(code: number): boolean {
  return (
    (code >= 0x531 && code <= 0x10ff && code !== 0x60c && code !== 0x61b && code !== 0x61f && code !== 0x6d4) ||
    (code >= 0x3041 && code <= 0x30fe && code !== 0x30fb) ||
    (code >= 0x3400 && code <= 0x9fff) ||
    (code >= 0xac00 && code <= 0xd7a3)
  )
}

/**
 * E-mail addresses at a domain of at least two labels, with names beyond ASCII and with a quoted local part that has no white
 * space (RFC 5321, RFC 6531). Of a longer local part, the last 64 characters.
 */
export const email: Recognizer = {
  types: ['EMAIL'],
  openings: ['@?'],
  unlessAfter: 0,
  reachBack: (text, index) => {
    const unitAt = (at: number): number => text.charCodeAt(at)
    // The quote right before it may close a local part, or open one.
    const isQuote = unitAt(index - 1) === 34
    const opened = openingQuote(unitAt, isQuote ? index - 1 : index)
    const quote = opened === -1 && isQuote ? index - 1 : opened
    return quote === -1 ? startOfLocal(unitAt, index) : Math.min(quote, startOfLocal(unitAt, index))
  },
  maxLength: maxLocal + 1 + maxDomain,
  look(glance, at) {
    const start = startOf(glance, at)
    if (start === at) return
    const end = endOf(glance, at + 1)
    if (end !== -1 && !isPassword(glance, start, at)) glance.found('EMAIL', start, end, score)
  },
}

function startOfLocal(unitAt: (index: number) => number, at: number): number {
  let start = at
  while (at - start < maxLocal && isLocal(unitAt(start - 1))) start--
  return start
}

// The quote that opens the local part which ends here, or may end behind here; -1 for none.
function openingQuote(unitAt: (index: number) => number, at: number): number {
  for (let index = at - 1; index >= at - maxLocal - 2; index--) {
    const code = unitAt(index)
    if (code === 34) return index
    if (!(code > 32 && code < 127)) return -1
  }
  return -1
}

function startOf(glance: Glance, at: number): number {
  const unitAt = (index: number): number => glance.at(index)
  if (glance.at(at - 1) === 34) {
    const quote = openingQuote(unitAt, at - 1)
    return quote === -1 || quote >= at - 2 ? at : quote
  }
  let start = startOfLocal(unitAt, at)
  // What an address cannot begin with belongs to the text before it: a quote, a dash, a dot.
  while (start < at && (classOf(glance.at(start)) & (alphanumeric | underscore)) === 0 && !isOtherLetter(glance.at(start))) start++
  return start
}

// What stands before the host of a URL and behind a colon is a password, and no part of an address; alone, it may be a token.
function isPassword(glance: Glance, start: number, at: number): boolean {
  let isBehindColon = false
  for (let index = start - 1; index >= start - maxLocal; index--) {
    const code = glance.at(index)
    if (code === 47) return (isBehindColon || isUserToken(glance.slice(index + 1, at))) && glance.at(index - 1) === 47 && glance.at(index - 2) === 58
    if (code === 58) isBehindColon = true
    if (code <= 32) return false
  }
  return false
}

// The end of the last label that can be a top-level domain, so that a full stop behind an address stays in the text.
function endOf(glance: Glance, from: number): number {
  const limit = from + maxDomain
  let end = -1
  let label = from
  let onlyLetters = true
  for (let index = from; ; index++) {
    const code = index < limit ? glance.at(index) : -1
    // Letters of further scripts make labels of their own: behind an address text may follow without a space.
    if (isFurtherLetter(code) && (index === label || isFurtherLetter(glance.at(index - 1)))) continue
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
