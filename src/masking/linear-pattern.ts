import { type Part, parsePattern, type Symbols, symbols } from './pattern-parts.ts'

/** A repeat that may still go on: what every turn of it must have, and all that it may have. */
interface Open {
  readonly needs: readonly Symbols[]
  readonly all: Symbols
}

/** What is repeated at most so often costs no more than it is long. */
const few = 16

/**
 * Why a regular expression may take more than linear time on a text of bounded lines, or undefined where it does not look
 * so. Says no to back references, to repeats that follow each other and can take the same characters, and to repeats whose
 * turns can be parted in more than one way. It says no to some that are harmless; a fixed character between them helps.
 */
export function whySuperLinear(regex: RegExp): string | undefined {
  const part = parsePattern(regex)
  if (typeof part === 'string') return part
  const reasons: string[] = []
  follow(part, [], false, reasons)
  return reasons[0]
}

/**
 * Whether a search with this expression may begin anew at each character of a run and read all of it each time: a repeat
 * without a bound that takes what stands before it, and behind it something that must follow. That costs as much as a finding is
 * long, for each character.
 */
export function startsAnew(regex: RegExp): boolean {
  const part = parsePattern(regex)
  return typeof part !== 'string' && branchesOf(part).some((branch) => branchStartsAnew(branch))
}

function branchesOf(part: Part): readonly Part[] {
  return part.kind === 'choice' ? part.parts.flatMap(branchesOf) : [part]
}

function branchStartsAnew(branch: Part): boolean {
  const parts = branch.kind === 'sequence' ? branch.parts : [branch]
  let before: readonly Symbols[] = []
  for (const [index, part] of parts.entries()) {
    const isLong = part.kind === 'repeat' && part.most > few && before.every((set) => symbols.overlap(set, allOf(part)))
    if (isLong && parts.slice(index + 1).some((next) => !isEmptyPossible(next))) return true
    if (!isEmptyPossible(part)) before = [...before, ...needsOf(part)]
  }
  return false
}

// The repeats that may still go on behind a part, given those before it. In a loop also what is optional may part a text in two ways.
function follow(part: Part, open: readonly Open[], inLoop: boolean, reasons: string[]): readonly Open[] {
  switch (part.kind) {
    case 'characters':
      if (inLoop && open.some(({ all }) => symbols.overlap(all, part.set))) reasons.push('a repeat of repeats can part a text in many ways')
      return open.filter(({ all }) => symbols.overlap(all, part.set))
    case 'sequence':
      return part.parts.reduce((before: readonly Open[], next) => follow(next, before, inLoop, reasons), open)
    case 'choice':
      if (inLoop && part.parts.some((one, index) => part.parts.slice(index + 1).some((other) => symbols.overlap(firstOf(one), firstOf(other)))))
        reasons.push('alternatives of a repeat begin with the same character')
      return part.parts.flatMap((branch) => follow(branch, open, inLoop, reasons))
    case 'look':
      follow(part.part, open, inLoop, reasons)
      return open
    case 'repeat':
      return followRepeat(part, open, inLoop, reasons)
  }
}

function followRepeat(repeat: Part & { readonly kind: 'repeat' }, open: readonly Open[], inLoop: boolean, reasons: string[]): readonly Open[] {
  const { part, least, most } = repeat
  const isLoop = most > few
  const isVaried = least !== most
  const all = allOf(part)
  const isSimple = part.kind === 'characters'
  if ((isLoop || (inLoop && isVaried)) && open.some(({ needs }) => needs.every((set) => symbols.overlap(set, all))))
    reasons.push('repeats that can take the same characters follow each other')
  const before = isLoop ? [] : open
  let behind = follow(part, before, isLoop || inLoop, isSimple ? [] : reasons)
  // The second turn begins where the first one ended.
  if (most > 1 && !isSimple) behind = follow(part, behind, isLoop || inLoop, reasons)
  if (isLoop && !isSimple && isEmptyPossible(part)) reasons.push('a repeat repeats what may be nothing')
  const own: readonly Open[] = isLoop || (inLoop && isVaried) ? [{ needs: needsOf(part), all }] : []
  return [...(least === 0 || isEmptyPossible(part) ? open : []), ...(isSimple ? [] : behind), ...own]
}

/** The characters that a part cannot do without; of a choice all that it may have. */
function needsOf(part: Part): readonly Symbols[] {
  switch (part.kind) {
    case 'characters':
      return [part.set]
    case 'sequence': {
      const needs = part.parts.flatMap((next) => (isEmptyPossible(next) ? [] : needsOf(next)))
      return needs.length > 0 ? needs : [allOf(part)]
    }
    case 'repeat':
      return part.least > 0 ? needsOf(part.part) : [allOf(part)]
    default:
      return [allOf(part)]
  }
}

function allOf(part: Part): Symbols {
  switch (part.kind) {
    case 'characters':
      return part.set
    case 'sequence':
    case 'choice':
      return symbols.union(part.parts.map(allOf))
    case 'repeat':
      return allOf(part.part)
    case 'look':
      return symbols.none
  }
}

function firstOf(part: Part): Symbols {
  switch (part.kind) {
    case 'characters':
      return part.set
    case 'choice':
      return symbols.union(part.parts.map(firstOf))
    case 'repeat':
      return firstOf(part.part)
    case 'look':
      return symbols.none
    case 'sequence': {
      const firsts: Symbols[] = []
      for (const next of part.parts) {
        firsts.push(firstOf(next))
        if (!isEmptyPossible(next)) break
      }
      return symbols.union(firsts)
    }
  }
}

function isEmptyPossible(part: Part): boolean {
  switch (part.kind) {
    case 'characters':
      return false
    case 'sequence':
      return part.parts.every(isEmptyPossible)
    case 'choice':
      return part.parts.some(isEmptyPossible)
    case 'repeat':
      return part.least === 0 || isEmptyPossible(part.part)
    case 'look':
      return true
  }
}
