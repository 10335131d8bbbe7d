import { beginningOf, type NamePattern } from '../policy/names.ts'
import type { ParsedRule } from '../policy/parse-policy.ts'
import type { Box } from './boxes.ts'
import type { RuleJson } from './replay-policy.ts'

/** By what a rule can be narrowed, in the order of a box. */
export const scopeParts: readonly ScopePart[] = ['subject.type', 'subject.id', 'subject.roles', 'action', 'resource.type', 'resource.id']

/** One of them. */
export type ScopePart = 'subject.type' | 'subject.id' | 'subject.roles' | 'action' | 'resource.type' | 'resource.id'

/** Stands in a point for whatever the rule says itself. No name is empty. */
export const asWritten = ''

/** What a rule says of a part of its scope; undefined where it does not narrow it. */
export function patternsOf(rule: ParsedRule, part: ScopePart): readonly NamePattern[] | undefined {
  switch (part) {
    case 'subject.type':
      return rule.subjectTypes
    case 'subject.id':
      return rule.subjectIds
    case 'subject.roles':
      return rule.subjectRoles
    case 'action':
      return rule.actions
    case 'resource.type':
      return rule.resourceTypes
    case 'resource.id':
      return rule.resourceIds
  }
}

/** A scope as a rule can state it. */
export interface NarrowedScope {
  readonly parts: Readonly<Partial<Record<ScopePart, readonly NamePattern[]>>>
  /** Whether it says just what the box says; otherwise it says more, and still no more than the rule. */
  readonly isExact: boolean
}

/**
 * The scope of a rule, narrowed to a box: names where it can name them.
 *
 * @param maxNames how many names a part may have; where there are more it stays as it was written, without what none of them fits.
 */
export function narrowedTo(rule: ParsedRule, box: Box, maxNames: number): NarrowedScope {
  const parts: Partial<Record<ScopePart, readonly NamePattern[]>> = {}
  let isExact = true
  for (const [index, part] of scopeParts.entries()) {
    const names = box[index] ?? new Set([asWritten])
    const patterns = patternsOf(rule, part)
    if (names.has(asWritten)) {
      if (patterns !== undefined) parts[part] = patterns
      continue
    }
    if (names.size > maxNames) {
      isExact = false
      if (patterns !== undefined) parts[part] = [...usedPatterns(patterns, names)]
      continue
    }
    const written = new Set<string>()
    for (const name of names) {
      const star = name.indexOf('*')
      // A name that holds a star cannot be written as one. What stands before it is a beginning that the rule fits as well.
      if (star !== -1) isExact = false
      written.add(star === -1 ? name : name.slice(0, star + 1))
    }
    parts[part] = [...written].sort()
  }
  return { parts, isExact }
}

/** Which patterns fit at least one of these names, in their order. */
export function usedPatterns(patterns: readonly NamePattern[], names: ReadonlySet<string>): ReadonlySet<NamePattern> {
  const sorted = [...names].sort()
  return new Set(
    patterns.filter((pattern) => {
      const beginning = beginningOf(pattern)
      if (beginning === undefined) return names.has(pattern)
      // What begins with a text comes right behind it.
      let [from, to] = [0, sorted.length]
      while (from < to) {
        const middle = (from + to) >> 1
        if ((sorted[middle] ?? '') < beginning) from = middle + 1
        else to = middle
      }
      return sorted[from]?.startsWith(beginning) === true
    }),
  )
}

/** Whether a scope says what the rule says itself. */
export function isUnchanged(rule: ParsedRule, { parts }: NarrowedScope): boolean {
  return scopeParts.every((part) => {
    const [before, after] = [patternsOf(rule, part), parts[part]]
    return before === undefined || after === undefined ? before === after : areSame(before, after)
  })
}

/** Whether two lists hold the same patterns. */
export function areSame(before: readonly NamePattern[], after: readonly NamePattern[]): boolean {
  const names = new Set(after)
  return before.length === after.length && before.every((pattern) => names.has(pattern))
}

/** A rule as JSON, with that scope and all else as it was: conditions, duties, its end. */
export function ruleWith(source: RuleJson, id: string, { parts }: NarrowedScope): RuleJson {
  const { id: _, effect, subject: __, action: ___, resource: ____, ...others } = source
  const subject = members([
    ['type', parts['subject.type']],
    ['id', parts['subject.id']],
    ['roles', parts['subject.roles']],
  ])
  const resource = members([
    ['type', parts['resource.type']],
    ['id', parts['resource.id']],
  ])
  return {
    id,
    effect,
    ...(subject !== undefined && { subject }),
    ...(parts.action !== undefined && { action: written(parts.action) }),
    ...(resource !== undefined && { resource }),
    ...others,
  }
}

function members(entries: readonly (readonly [string, readonly string[] | undefined])[]): Readonly<Record<string, unknown>> | undefined {
  const given = entries.flatMap(([key, names]) => (names === undefined ? [] : [[key, written(names)] as const]))
  return given.length === 0 ? undefined : Object.fromEntries(given)
}

function written(names: readonly string[]): string | readonly string[] {
  const [only] = names
  return names.length === 1 && only !== undefined ? only : names
}

/** Whether there may be a request that both rules fit. Two roles can always meet in one caller. */
export function mayMeet(one: ParsedRule, other: ParsedRule): boolean {
  return scopeParts.every((part) => {
    if (part === 'subject.roles') return true
    const [patterns, others] = [patternsOf(one, part), patternsOf(other, part)]
    return patterns === undefined || others === undefined || patterns.some((pattern) => others.some((each) => meet(pattern, each)))
  })
}

function meet(one: NamePattern, other: NamePattern): boolean {
  const [beginning, another] = [beginningOf(one), beginningOf(other)]
  if (beginning === undefined) return another === undefined ? one === other : one.startsWith(another)
  return another === undefined ? other.startsWith(beginning) : beginning.startsWith(another) || another.startsWith(beginning)
}
