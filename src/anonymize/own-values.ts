import { GuardError } from '../guard/errors.ts'
import { type Cell, isNothing } from './row.ts'

/** A column's value as it was, and what is written where a text tells it. */
export interface OwnValue {
  readonly label: string
  readonly value: Cell
}

// Bounds of what a text costs: each of its characters is compared with so many at most.
const longestValue = 1_024
const mostCharacters = 16_384
// A single letter, as of a sex, would be found in every text.
const shortest = 2
// The words of a name or an address; those of a longer text stand in any other text.
const longestName = 64
const shortestPart = 3

/**
 * Takes out of a text what other columns of its row tell and do not keep: whole values, and the words of short ones, in any
 * case. No detector knows a name, but the row may.
 *
 * @throws GuardError `payload_too_large` where the other columns hold more than a text can be compared with.
 */
export function withoutOwnValues(given: string, own: readonly OwnValue[], found: (label: string) => void): string {
  const words = wordsOf(own)
  if (words.size === 0) return given
  // One spelling of letters with marks.
  const text = given.normalize('NFC')
  const lower = sameLength(text)
  let written = ''
  let copied = 0
  // Up to where something was found: what begins within it and ends behind it goes with it.
  let done = 0
  for (let start = 0; start < text.length; start++) {
    const candidates = words.get(lower.charCodeAt(start))
    if (candidates === undefined || isWordPart(text, start - 1)) continue
    const longest = candidates.find(({ word }) => lower.startsWith(word, start) && !isWordPart(text, start + word.length))
    if (longest === undefined) continue
    if (start >= done) {
      found(longest.label)
      written += `${text.slice(copied, start)}[${longest.label}]`
    }
    done = Math.max(done, start + longest.word.length)
    copied = done
  }
  return copied === 0 ? text : written + text.slice(copied)
}

interface Word {
  readonly word: string
  readonly label: string
}

// By their first unit, the longest first.
function wordsOf(own: readonly OwnValue[]): ReadonlyMap<number, readonly Word[]> {
  const labels = new Map<string, string>()
  let characters = 0
  const add = (word: string, label: string): void => {
    const lower = sameLength(word)
    if (labels.has(lower)) return
    characters += lower.length
    // Rather no text than one with a name in it that was not looked for.
    if (characters > mostCharacters)
      throw new GuardError('payload_too_large', { reason: 'a row holds more beside its free text than that text can be compared with' })
    labels.set(lower, label)
  }
  const texts = own.flatMap(({ label, value }) => leavesOf(value).map((text) => ({ label, text: text.normalize('NFC').trim() })))
  for (const { label, text } of texts) if (text.length >= shortest && text.length <= longestValue) add(text, label)
  for (const { label, text } of texts)
    if (text.length <= longestName) for (const [part] of text.matchAll(/[\p{L}\p{M}\p{N}]+/gu)) if (part.length >= shortestPart) add(part, label)
  const words = new Map<number, Word[]>()
  for (const [word, label] of [...labels].sort(([one], [other]) => other.length - one.length)) {
    const first = word.charCodeAt(0)
    words.set(first, [...(words.get(first) ?? []), { word, label }])
  }
  return words
}

// What a value says, also inside of an object or a list.
function leavesOf(value: unknown): string[] {
  if (value === null || value === undefined) return []
  if (typeof value !== 'object') return isNothing(value as Cell) ? [] : [String(value)]
  return Object.values(value).flatMap(leavesOf)
}

// In lower case, so that every character stays where it is.
function sameLength(text: string): string {
  const lower = text.toLowerCase()
  if (lower.length === text.length) return lower
  return Array.from(text, (character) => (character.toLowerCase().length === character.length ? character.toLowerCase() : character)).join('')
}

const wordPart = /[\p{L}\p{N}]/u

function isWordPart(text: string, index: number): boolean {
  const code = text.charCodeAt(index)
  if (code < 128) return (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 122)
  if (Number.isNaN(code)) return false
  const isLow = code >= 0xdc00 && code <= 0xdfff
  return wordPart.test(String.fromCodePoint(text.codePointAt(isLow ? index - 1 : index) ?? 0))
}
