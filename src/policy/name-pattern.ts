import { complain, readTexts } from './strict-read.ts'

/** A name, or the beginning of one. Nothing else is a pattern: no other wildcard, no folding of case or escapes. */
export interface NamePattern {
  readonly text: string
  readonly prefix: boolean
}

/** Reads one name or a list of names; a trailing `*` makes a prefix. @throws TypeError for a `*` that stands elsewhere. */
export function parseNames(value: unknown, place: string): readonly NamePattern[] {
  return readTexts(value, place).map((text) => {
    const star = text.indexOf('*')
    if (star !== -1 && star !== text.length - 1) complain(place, `'*' may only stand at the end of a name`)
    return star === -1 ? { text, prefix: false } : { text: text.slice(0, -1), prefix: true }
  })
}

/** Tells whether a name is one of these. */
export function nameMatcher(patterns: readonly NamePattern[]): (name: string) => boolean {
  const exact = new Set(patterns.filter(({ prefix }) => !prefix).map(({ text }) => text))
  const beginnings = patterns.filter(({ prefix }) => prefix).map(({ text }) => text)
  return (name) => exact.has(name) || beginnings.some((beginning) => name.startsWith(beginning))
}
