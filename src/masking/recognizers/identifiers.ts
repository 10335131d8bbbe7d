import { alphanumeric, classOf, digit, hyphen, letter, space, underscore, upper } from '../character-classes.ts'
import { announced, type Identifier } from '../identifier.ts'
import type { Glance, Recognizer } from '../recognizer.ts'
import { continuesNumber, isContinued } from './numbers.ts'

// What a form is made of: a digit, a letter, and the separators.
const parts = '#A -./'

/** One way to write an identifier. */
interface Way {
  readonly identifier: Identifier
  readonly isGrouped: boolean
}

/** All forms of all chosen identifiers as one tree: six branches at each node. */
class Forms {
  readonly branches: number[] = []
  readonly ways: (Way[] | undefined)[] = []
  longest = 0

  constructor(identifiers: readonly Identifier[]) {
    this.#grow()
    for (const identifier of identifiers)
      for (const form of identifier.forms.split('|').flatMap(spacings)) this.#add(form, { identifier, isGrouped: /[^#A]/.test(form) })
  }

  #grow(): number {
    for (let part = 0; part < parts.length; part++) this.branches.push(0)
    return this.ways.push(undefined) - 1
  }

  #add(form: string, way: Way): void {
    this.longest = Math.max(this.longest, form.length)
    let node = 0
    for (const part of form) {
      const at = node * parts.length + parts.indexOf(part)
      node = this.branches[at] ||= this.#grow()
    }
    const ways = (this.ways[node] ??= [])
    if (!ways.some(({ identifier }) => identifier === way.identifier)) ways.push(way)
  }
}

// A blank stands for a space or a hyphen.
function spacings(form: string): string[] {
  return form.includes(' ') ? [form, form.replaceAll(' ', '-')] : [form]
}

// How many letters an identifier may begin with, and how many that stand apart before its first digits.
const maxLetters = 6
const maxApart = 3

/** Finds identifiers by their forms: from a first digit, or from the letters before it. */
export function identifierForms(identifiers: readonly Identifier[]): Recognizer {
  const forms = new Forms(identifiers)
  return {
    types: identifiers.map(({ type }) => type),
    openings: [...'0123456789'].map((character) => `${character}?`),
    isLong: true,
    unlessAfter: digit | underscore,
    maxLength: forms.longest,
    reachBack: (text, index) => {
      const from = startOfLetters((at) => text.charCodeAt(at), index)
      return from === -1 ? index : from
    },
    look(glance, at) {
      const word = glance.word(at)
      if (word === -1) return
      if (!continuesNumber(glance.text, word)) walk(forms, glance, word)
      const before = classOf(glance.at(at - 1))
      if (word !== at || (before & (space | hyphen)) === 0 || (classOf(glance.at(at - 2)) & upper) === 0) return
      const start = startOfLetters((index) => glance.at(index), at)
      if (start !== -1 && !continuesNumber(glance.text, start)) walk(forms, glance, start)
    },
  }
}

/** Where letters begin that go with the digits at an index: of the same word, or capitals that stand apart; -1 for none. */
function startOfLetters(unitAt: (index: number) => number, at: number): number {
  let index = at
  const before = classOf(unitAt(at - 1))
  const isApart = (before & (space | hyphen)) !== 0
  if (isApart) index--
  const first = index
  const most = isApart ? maxApart : maxLetters
  while (first - index < most && (classOf(unitAt(index - 1)) & (isApart ? upper : letter)) !== 0) index--
  if (index === first || (classOf(unitAt(index - 1)) & (alphanumeric | underscore)) !== 0) return -1
  return index
}

// The score of what has a check that chance does not pass.
const fair = 0.8

function walk(forms: Forms, glance: Glance, start: number): void {
  let node = 0
  for (let index = start; ; index++) {
    const ways = forms.ways[node]
    if (ways !== undefined && !isContinued(glance, index)) judge(ways, glance, start, index)
    const part = partOf(glance.at(index))
    if (part === -1) return
    node = forms.branches[node * parts.length + part] ?? 0
    if (node === 0) return
  }
}

function partOf(code: number): number {
  const bits = classOf(code)
  if ((bits & digit) !== 0) return 0
  if ((bits & letter) !== 0) return 1
  return code === 32 ? 2 : code === 45 ? 3 : code === 46 ? 4 : code === 47 ? 5 : -1
}

function judge(ways: readonly Way[], glance: Glance, start: number, end: number): void {
  const written = glance.slice(start, end)
  const capitals = written.toUpperCase()
  // All ways to one place in the tree have the same separators.
  const text = ways[0]?.isGrouped === true ? withoutSeparators(capitals) : capitals
  // Small letters are what hashes have.
  const least = written === capitals ? 0 : fair
  for (const { identifier, isGrouped } of ways) {
    if (!identifier.isValid(text)) continue
    const context = glance.context(start)
    const given = (isGrouped ? identifier.grouped : identifier.plain) ?? 0
    const alone = context.isOther || given < least ? 0 : given
    const score = context.announces(identifier.type) ? announced : alone
    // Of two at one place the more certain, then the longer.
    if (score > 0 && (glance.end === -1 || score > glance.score || (score === glance.score && end > glance.end)))
      glance.found(identifier.type, start, end, score)
  }
}

function withoutSeparators(text: string): string {
  let left = ''
  let from = 0
  for (let index = 0; index < text.length; index++) {
    if ((classOf(text.charCodeAt(index)) & alphanumeric) !== 0) continue
    left += text.slice(from, index)
    from = index + 1
  }
  return left + text.slice(from)
}
