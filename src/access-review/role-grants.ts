import type { ReplayPolicy, ReplayRule } from './replay-policy.ts'

/** For each permit that names roles: the roles by which it is held, be it that they only include one of those. */
export function rolesThatGive({ parsed }: ReplayPolicy): (rule: ReplayRule) => ReadonlySet<string> {
  const including = new Map<string, string[]>()
  for (const [role, included] of parsed.roles) for (const name of included) add(including, name, role)
  const known = new Map<ReplayRule, ReadonlySet<string>>()
  return (rule) => {
    let roles = known.get(rule)
    if (roles === undefined) {
      roles = new Set((rule.parsed.subjectRoles ?? []).flatMap((role) => [role, ...(including.get(role) ?? [])]))
      known.set(rule, roles)
    }
    return roles
  }
}

/** For each role: the permits that it gives, with what it includes. */
export function permitsByRole(policy: ReplayPolicy): ReadonlyMap<string, readonly ReplayRule[]> {
  const giving = rolesThatGive(policy)
  const permits = new Map<string, ReplayRule[]>()
  for (const rule of policy.rules) if (rule.parsed.effect === 'permit') for (const role of giving(rule)) add(permits, role, rule)
  return permits
}

function add<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
