import type { ParsedRule } from '../policy/parse-policy.ts'
import type { Question } from '../policy/policy-request.ts'
import { type RuleIndex, ruleIndex } from '../policy/rule-index.ts'
import type { ReplayRule, Target } from './replay-policy.ts'

/** The scope of a rule without whom it is for, or without what. */
export type OpenScope = Readonly<Partial<Record<keyof ParsedRule & `${'subject' | 'resource' | 'action'}${string}`, undefined>>>
/** Whoever calls. */
export const anyCaller: OpenScope = { subjectTypes: undefined, subjectIds: undefined, subjectRoles: undefined }
/** Whatever is done. */
export const anyTarget: OpenScope = { actions: undefined, resourceTypes: undefined, resourceIds: undefined }

/** What rules are looked for by: as much of it as their scopes were not opened for. */
export type Sought = Partial<Target> & { readonly type?: string; readonly id?: string; readonly roles?: readonly string[] }

interface Indexed {
  readonly rule: ReplayRule
  residual: ((question: Question) => boolean) | undefined
}

/**
 * Finds the rules whose scope fits, in the policy's order, by the index that decisions go by: at the cost of what is found,
 * however many rules there are. The index is made when it is first asked.
 */
export function ruleFinder(rules: readonly ReplayRule[], open: OpenScope): (sought: Sought) => readonly ReplayRule[] {
  let index: RuleIndex<Indexed> | undefined
  return (sought) => {
    if (index === undefined) {
      index = ruleIndex<Indexed>()
      for (const rule of rules) index.add({ rule, residual: undefined }, { ...rule.parsed, ...open })
    }
    const found = index.find(questionOf(sought)).map(({ rule }) => rule)
    if (found.length < 2) return found
    found.sort((one, other) => one.place - other.place)
    return found.filter((rule, at) => rule !== found[at - 1])
  }
}

// What was opened fits any name.
const any = '-'

function questionOf({ action = any, resourceType = any, resourceId = any, type = any, id = any, roles = [] }: Sought): Question {
  return {
    subjectType: type,
    subjectId: id,
    subjectProperties: undefined,
    actionName: action,
    actionProperties: undefined,
    resourceType,
    resourceId,
    resourceProperties: undefined,
    context: undefined,
    roles,
  }
}
