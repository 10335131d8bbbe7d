import { alphanumeric, classOf, digit, hyphen, letter, lower, underscore, upper } from '../character-classes.ts'
import type { Recognizer } from '../recognizer.ts'
import { vendorKeys } from './vendor-keys.ts'

const longestKey = 512
const word = alphanumeric | underscore
const token = word | hyphen

const alphabets = {
  word,
  token,
  parts: token,
  alnum: alphanumeric,
  lower: lower | digit,
  upper: upper | digit,
  hex: lower | digit,
  base64: token,
  path: token,
} as const

interface Format {
  readonly prefix: string
  readonly classes: number
  /** Beside the classes: a dot in tokens with several parts, what base64 has. */
  readonly others: string
  readonly isHex: boolean
  readonly least: number
  readonly most: number
}

/** By the first two characters, longer prefixes first. */
function readFormats(): readonly (readonly Format[] | undefined)[] {
  const all = vendorKeys.flatMap(([prefixes, alphabet, least, most = longestKey]): Format[] =>
    prefixes.split(' ').map((prefix) => ({
      prefix,
      classes: alphabets[alphabet],
      others: alphabet === 'base64' ? '+/=%' : alphabet === 'path' ? '/@' : alphabet === 'parts' ? '.' : '',
      isHex: alphabet === 'hex',
      least,
      most,
    })),
  )
  const byOpening: (Format[] | undefined)[] = Array.from({ length: 128 * 128 })
  for (const format of all.sort((one, other) => other.prefix.length - one.prefix.length)) {
    const opening = (format.prefix.charCodeAt(0) << 7) | format.prefix.charCodeAt(1)
    byOpening[opening] = [...(byOpening[opening] ?? []), format]
  }
  return byOpening
}

let formats: ReturnType<typeof readFormats> | undefined

/**
 * Keys with a prefix of their vendor: model, source code, cloud, payment and chat services. Of a longer one the first 512
 * characters.
 */
export const apiKey: Recognizer = {
  types: ['API_KEY'],
  get openings() {
    return vendorKeys.flatMap(([prefixes]) => prefixes.split(' ').map((prefix) => prefix.slice(0, 3)))
  },
  unlessAfter: token,
  maxLength: longestKey,
  look(glance, at) {
    formats ??= readFormats()
    for (const format of formats[(glance.at(at) << 7) | (glance.at(at + 1) & 127)] ?? []) {
      const { prefix, least, most } = format
      if (!glance.startsWith(prefix, at)) continue
      const from = at + prefix.length
      const limit = Math.min(at + longestKey, from + most + 1)
      let end = from
      let seen = 0
      for (; end < limit; end++) {
        const code = glance.at(end)
        const bits = classOf(code)
        if ((bits & format.classes) === 0 && !(code > 32 && format.others.includes(String.fromCharCode(code)))) break
        if (format.isHex && (bits & letter) !== 0 && (code | 32) > 102) break
        seen |= bits
      }
      // The end of a sentence, or of a line of code, is none of the key.
      while (glance.at(end - 1) === 46) end--
      const length = end - from
      if (length < least || (length > most && most < longestKey)) continue
      // One of a fixed length that goes on is something else; names such as sk-fading-circle-container are words.
      if (most < longestKey && (classOf(glance.at(end)) & word) !== 0) continue
      if (!isRandom(seen, glance.slice(from, end), format)) continue
      glance.found('API_KEY', at, end, 0.95)
      return
    }
  },
}

const looked = 64

// With digits, or so many letters of both cases, or different capitals, that there need not be any.
function isRandom(seen: number, text: string, { prefix, classes }: Format): boolean {
  const hasDigits = (seen & digit) !== 0
  const hasCapitals = classes === (upper | digit)
  if (!hasDigits && !hasCapitals && ((seen & letter) !== letter || text.length < (prefix.length > 4 ? 16 : 30))) return false
  // How it begins tells enough of a long one.
  const head = text.slice(0, looked)
  if (isWords(head) || isMask(head) || isMask(text.slice(-looked))) return false
  if (hasDigits) return true
  return hasCapitals ? new Set(head).size > 8 : !/^[A-Z]*[a-z]+(?:[A-Z][a-z]+)*$/.test(head)
}

// One character again and again, as in examples, or what says that it is none.
function isMask(text: string): boolean {
  return /^(.)\1*$/.test(text) || /[xX*]{8,}$/.test(text) || /^(?:your|my|example|placeholder|test)[-_]/i.test(text)
}

// Small letters between hyphens, with a number at most.
function isWords(text: string): boolean {
  return /^(?:[A-Za-z]+|\d{1,4})(?:[-_.](?:[A-Za-z]+|\d{1,4}))+$/.test(text)
}
