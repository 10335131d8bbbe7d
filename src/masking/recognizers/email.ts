import { alphanumeric, classOf, dot, hyphen, isOtherLetter, letter, local, underscore } from '../characters.ts'
import type { Glance, Recognizer } from '../recognizer.ts'

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
