import { type Cell, isNothing } from './row.ts'

/** A column's value as it was, and what is written where a text tells it. */
export interface OwnValue {
  readonly label: string
  readonly value: Cell
}

// Bounds of what a text costs: each of its characters is compared with each of these at most.
const mostWords = 64
const longestWord = 128
// A single letter, as of a sex, would be found in every text.
const shortest = 2
const shortestPart = 3

/**
 * Takes out of a text what other columns of its row tell and do not keep: whole values, and the words of those that have
 * several, in any case. No detector knows a name, but the row may.
 */
export function withoutOwnValues(text: string, own: readonly OwnValue[], found: (label: string) => void): string {
  const labels = new Map<string, string>()
  const add = (word: string, label: string): void => {
    if (labels.size < mostWords && word.length <= longestWord && !labels.has(word.toLowerCase())) labels.set(word.toLowerCase(), label)
  }
  const texts = own.flatMap(({ label, value }) => (typeof value === 'object' || isNothing(value) ? [] : [{ label, text: String(value).trim() }]))
  for (const { label, text: whole } of texts) if (whole.length >= shortest) add(whole, label)
  for (const { label, text: whole } of texts)
    for (const [part] of whole.slice(0, longestWord * 4).matchAll(/[\p{L}\p{M}\p{N}]+/gu)) if (part.length >= shortestPart) add(part, label)
  if (labels.size === 0) return text
  // Longest first: one may begin another.
  const words = [...labels.keys()].sort((one, other) => other.length - one.length).map((word) => word.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.join('|')})(?![\\p{L}\\p{N}])`, 'giu')
  return text.replace(pattern, (word) => {
    const label = labels.get(word.toLowerCase()) ?? 'REDACTED'
    found(label)
    return `[${label}]`
  })
}
