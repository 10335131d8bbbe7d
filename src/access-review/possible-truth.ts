import { type Condition, judge } from '../policy/condition.ts'
import type { Question } from '../policy/policy-request.ts'

/**
 * Which of Kleene's three values a condition may have, as bits. What a log does not tell leaves several open: a replay then
 * says that it cannot tell, and never guesses.
 */
export type Possible = number

/** One bit for each value. */
export const truth = { false: 1, unknown: 2, true: 4, any: 7 } as const

/** What is known of a request. */
export interface KnownRequest {
  /** The request, without the attributes that are not known. */
  readonly question: Question
  /** Whether an attribute's value is known, be it that it is missing. */
  isKnown(path: string): boolean
}

/**
 * What a condition may be. Where one attribute stands in several tests this may allow for more than is possible, and never for less.
 */
export function possibleTruth(condition: Condition, request: KnownRequest): Possible {
  if (condition.kind === 'test') {
    if (!request.isKnown(condition.attribute.path)) return truth.any
    if (condition.other !== undefined && !request.isKnown(condition.other.path)) return truth.any
    const value = judge(condition, request.question)
    return value === undefined ? truth.unknown : value ? truth.true : truth.false
  }
  const parts = condition.parts.map((part) => possibleTruth(part, request))
  if (condition.kind === 'all') return together(parts)
  if (condition.kind === 'any') return opposite(together(parts.map(opposite)))
  return opposite(parts[0] ?? truth.any)
}

// All of them, by Kleene: false where one is, else unknown where one is, else true.
function together(parts: readonly Possible[]): Possible {
  let result: Possible = 0
  if (parts.some((part) => (part & truth.false) !== 0)) result |= truth.false
  if (parts.every((part) => (part & truth.true) !== 0)) result |= truth.true
  if (parts.every((part) => (part & (truth.true | truth.unknown)) !== 0) && parts.some((part) => (part & truth.unknown) !== 0))
    result |= truth.unknown
  return result
}

function opposite(part: Possible): Possible {
  return (part & truth.unknown) | ((part & truth.false) !== 0 ? truth.true : 0) | ((part & truth.true) !== 0 ? truth.false : 0)
}

/** What a condition reads. */
export function pathsIn(condition: Condition | undefined, into: Set<string> = new Set()): ReadonlySet<string> {
  if (condition === undefined) return into
  if (condition.kind === 'test') {
    into.add(condition.attribute.path)
    if (condition.other !== undefined) into.add(condition.other.path)
  } else for (const part of condition.parts) pathsIn(part, into)
  return into
}
