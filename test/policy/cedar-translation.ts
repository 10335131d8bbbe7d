import type { Context, EntityJson } from '@cedar-policy/cedar-wasm/nodejs'

// Our rules in Cedar, as closely as Cedar can say them: roles are entities that are members of each other, a missing
// attribute is an error, and conditions stand in the order in which they were written.
type Data = Record<string, unknown>

/** Each rule as a policy of Cedar, by id. */
export function cedarPolicies(policy: Data): Record<string, string> {
  return Object.fromEntries((policy.rules as Data[]).map((rule) => [rule.id as string, cedarPolicy(rule)]))
}

function cedarPolicy(rule: Data): string {
  const subject = (rule.subject ?? {}) as Data
  const resource = (rule.resource ?? {}) as Data
  const [action, ...others] = rule.action === undefined ? [] : listOf(rule.action)
  const isExact = action !== undefined && others.length === 0 && !action.endsWith('*')
  const scope = [
    names('principal["type"]', subject.type),
    names('principal["id"]', subject.id),
    ...(subject.roles === undefined
      ? []
      : [
          listOf(subject.roles)
            .map((role) => `principal in ${entity('Role', role)}`)
            .join(' || '),
        ]),
    ...(isExact || action === undefined ? [] : [names('context["action"]["name"]', rule.action)]),
    names('resource["type"]', resource.type),
    names('resource["id"]', resource.id),
    ...(rule.expires === undefined ? [] : [`context["time"] < ${moment(rule.expires)}`]),
    ...(rule.when === undefined ? [] : [condition(rule.when as Data)]),
  ].filter((part) => part !== '')
  const head = `${rule.effect as string}(principal, action${isExact ? ` == ${entity('Action', action)}` : ''}, resource)`
  return scope.length === 0 ? `${head};` : `${head} when { ${scope.map((part) => `(${part})`).join(' && ')} };`
}

function names(asked: string, patterns: unknown): string {
  if (patterns === undefined) return ''
  return listOf(patterns)
    .map((pattern) => (pattern.endsWith('*') ? `${asked} like ${text(pattern)}` : `${asked} == ${text(pattern)}`))
    .join(' || ')
}

function condition(when: Data): string {
  const parts = Object.entries(when).flatMap(([key, value]) => {
    if (key === 'all') return [(value as Data[]).map(condition).join(' && ')]
    if (key === 'any') return [(value as Data[]).map(condition).join(' || ')]
    if (key === 'not') return [`!(${condition(value as Data)})`]
    return Object.entries(value as Data).map(([operator, operand]) => test(key, operator, operand))
  })
  return `(${parts.map((part) => `(${part})`).join(' && ')})`
}

function test(path: string, operator: string, operand: unknown): string {
  const value = attribute(path)
  const other = (): string =>
    typeof operand === 'object' && operand !== null && 'path' in operand ? attribute(operand.path as string) : literal(operand)
  const negated = { ne: 'eq', notIn: 'in' }[operator]
  if (negated !== undefined) return `!(${test(path, negated, operand)})`
  const ordered = { lt: '<', lte: '<=', gt: '>', gte: '>=', eq: '==' }[operator]
  if (ordered !== undefined) return `${value} ${ordered} ${other()}`
  switch (operator) {
    case 'in':
      return `${other()}.contains(${value})`
    case 'contains':
    case 'containsAny':
    case 'containsAll':
      return `${value}.${operator}(${other()})`
    case 'startsWith':
      return `${value} like ${text(operand as string).slice(0, -1)}*"`
    case 'endsWith':
      return `${value} like "*${text(operand as string).slice(1)}`
    case 'between':
      return `${value} >= ${literal((operand as number[])[0])} && ${value} <= ${literal((operand as number[])[1])}`
    case 'before':
      return `${value} < ${moment(operand)}`
    case 'after':
      return `${value} >= ${moment(operand)}`
    case 'cidr':
      return listOf(operand)
        .map((range) => `ip(${value}).isInRange(ip(${text(range)}))`)
        .join(' || ')
    case 'exists':
      return operand === true ? exists(path) : `!(${exists(path)})`
    default:
      throw new Error(`Cedar has no ${operator}`)
  }
}

function segments(path: string): readonly [root: string, ...keys: string[]] {
  const [root = '', ...keys] = path.replace('.properties.', '.').split('.')
  const here = root === 'subject' ? 'principal' : root === 'action' ? 'context["action"]' : root
  return [here, ...keys]
}

function attribute(path: string): string {
  const [root, ...keys] = segments(path)
  return root + keys.map((key) => `[${text(key)}]`).join('')
}

function exists(path: string): string {
  const [root, ...keys] = segments(path)
  return keys
    .map(
      (key, index) =>
        `${root}${keys
          .slice(0, index)
          .map((own) => `[${text(own)}]`)
          .join('')} has ${text(key)}`,
    )
    .join(' && ')
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  return typeof value === 'string' ? text(value) : String(value)
}

function moment(value: unknown): string {
  return String(typeof value === 'number' ? value : Date.parse(value as string))
}

function text(value: string): string {
  return JSON.stringify(value)
}

function entity(type: string, id: string): string {
  return `${type}::${text(id)}`
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value : [value as string]
}

/** A request as Cedar takes it. */
export function cedarRequest(policy: Data, request: Data) {
  const { subject, action, resource, context } = request as Record<
    'subject' | 'action' | 'resource',
    { type: string; id: string; name: string; properties: Data }
  > & {
    context: Data
  }
  const { roles = [], ...properties } = subject.properties
  const table = (policy.roles ?? {}) as Record<string, { inherits?: string | string[] }>
  const parents = (held: unknown): { type: string; id: string }[] => listOf(held ?? []).map((id) => ({ type: 'Role', id }))
  const principal = { type: 'Subject', id: subject.id }
  const object = { type: 'Resource', id: resource.id }
  return {
    principal,
    action: { type: 'Action', id: action.name },
    resource: object,
    context: { ...context, action: { ...action.properties, name: action.name } } as Context,
    entities: [
      { uid: principal, attrs: { ...properties, type: subject.type, id: subject.id }, parents: parents(roles) },
      { uid: object, attrs: { ...resource.properties, type: resource.type, id: resource.id }, parents: [] },
      ...Object.entries(table).map(([id, { inherits }]) => ({ uid: { type: 'Role', id }, attrs: {}, parents: parents(inherits) })),
    ] as EntityJson[],
  }
}
