import type { ExplainedRule, Explanation } from '../policy/policy-set.ts'

/** An explanation as lines to read. What stands in them is the policy's and the request's: show it with `plain`. */
export function explanationText({ decision, rules, nearest }: Explanation): readonly string[] {
  const lines: string[] = []
  const { allowed, policy, reasons, obligations } = decision
  lines.push(`${allowed ? 'Permitted' : 'Denied'} by ${policy.id}, version ${policy.version}.`)
  if (reasons.length === 0) lines.push('  No rule permits it.')
  else for (const { rule, effect } of reasons) lines.push(`  ${effect.padEnd(6)}  ${rule}${undecided(effect, allowed)}`)
  for (const obligation of obligations) lines.push(`  duty    ${JSON.stringify(obligation)}`)
  const decided = new Set(reasons.map(({ rule }) => rule))
  const others = rules.filter(({ rule }) => !decided.has(rule))
  if (others.length > 0) lines.push('', 'Rules that fit and did not match:', ...others.flatMap(ruleLines))
  // What kept those from being sure stands nowhere else.
  const unsure = rules.filter(({ rule, outcome }) => decided.has(rule) && outcome === 'unknown')
  if (unsure.length > 0) lines.push('', 'Why it cannot be decided:', ...unsure.flatMap(ruleLines))
  const further = nearest.filter(({ scope }) => scope !== undefined)
  if (further.length > 0) lines.push('', 'Permits that came nearest:', ...further.flatMap(ruleLines))
  return lines
}

function undecided(effect: string, allowed: boolean): string {
  return effect === 'permit' && !allowed ? '  (whether its duties apply cannot be decided)' : ''
}

function ruleLines({ rule, effect, outcome, conditions, scope = [] }: ExplainedRule): string[] {
  return [
    `  ${effect.padEnd(6)}  ${rule}  ${scope.length > 0 ? 'is for others' : outcome}`,
    ...scope.map(
      ({ part, wanted, value }) => `            ${part} must be ${wanted.join(', ')}${value === undefined ? '' : `; it is ${JSON.stringify(value)}`}`,
    ),
    ...conditions.map((condition) => {
      const { place, found, outcome: own, other } = condition
      const what = 'value' in condition ? JSON.stringify(condition.value) : found
      const against = other === undefined ? '' : `, against ${other.path}: ${'value' in other ? JSON.stringify(other.value) : other.found}`
      return `            ${place}  ${own}; found ${what}${against}`
    }),
  ]
}
