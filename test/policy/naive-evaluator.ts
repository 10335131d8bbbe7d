// A second reading of the rules of policy, written to be obviously right and for nothing else: no index, no compiling.
type Truth = 'yes' | 'no' | 'unknown'
type Data = Record<string, unknown>

export interface NaiveAnswer {
  readonly allowed: boolean
  readonly reasons: readonly string[]
  readonly obligations: readonly string[]
}

export function naiveEvaluate(policy: Data, request: Data): NaiveAnswer {
  const rules = policy.rules as Data[]
  const judged = rules
    .filter((rule) => naiveMisses(rule, policy, request).length === 0)
    .map((rule) => ({ rule, truth: all([hasNotEnded(rule, request), rule.when === undefined ? 'yes' : judge(rule.when as Data, request)]) }))
  const forbids = judged.filter(({ rule, truth }) => rule.effect === 'forbid' && truth !== 'no')
  const permits = judged.filter(({ rule, truth }) => rule.effect === 'permit' && truth === 'yes')
  const shed = judged.filter(({ rule, truth }) => rule.effect === 'permit' && truth === 'unknown' && rule.obligations !== undefined)
  const ids = (list: typeof judged): string[] => list.map(({ rule }) => rule.id as string).sort()
  if (forbids.length > 0) return { allowed: false, reasons: ids(forbids), obligations: denialDuties(forbids.map(({ rule }) => rule)) }
  if (shed.length > 0) return { allowed: false, reasons: ids(shed), obligations: [] }
  return {
    allowed: permits.length > 0,
    reasons: ids(permits),
    obligations: duties(permits.flatMap(({ rule }) => (rule.obligations ?? []) as Data[])),
  }
}

function hasNotEnded(rule: Data, request: Data): Truth {
  return rule.expires === undefined ? 'yes' : test(lookUp('context.time', request), 'before', rule.expires, request)
}

/** Whether one of a rule's tests, wherever it stands, cannot be decided. */
export function hasUnknown(rule: Data, request: Data): boolean {
  const inside = (condition: Data): boolean =>
    Object.entries(condition).some(([key, value]) => {
      if (key === 'all' || key === 'any') return (value as Data[]).some(inside)
      if (key === 'not') return inside(value as Data)
      return Object.entries(value as Data).some(([operator, operand]) => test(lookUp(key, request), operator, operand, request) === 'unknown')
    })
  return hasNotEnded(rule, request) === 'unknown' || (rule.when !== undefined && inside(rule.when as Data))
}

// What only some of several forbids let a caller mend is not to be mended.
function denialDuties(forbids: Data[]): string[] {
  const canBeMended = (duty: Data): boolean => ['require_acr', 'require_assurance', 'require_binding'].includes(duty.type as string)
  const lists = forbids.map((rule) => (rule.obligations ?? []) as Data[])
  const all = lists.flat()
  return duties(lists.every((list) => list.some(canBeMended)) ? all : all.filter((duty) => !canBeMended(duty)))
}

function duties(all: Data[]): string[] {
  const caps = all.filter((one) => one.type === 'max_output_tokens').map((one) => one.value as number)
  const tools = all.filter((one) => one.type === 'allow_tools').map((one) => one.value as string[])
  const others = all.filter((one) => one.type !== 'max_output_tokens' && one.type !== 'allow_tools').map(lineOf)
  const lines = new Set(others)
  if (caps.length > 0) lines.add(`max_output_tokens ${Math.min(...caps)}`)
  if (tools.length > 0) lines.add(`allow_tools ${['s1', 's2', 's3'].filter((tool) => tools.every((list) => list.includes(tool))).join(' ')}`)
  return [...lines].sort()
}

function lineOf({ type, value }: Data): string {
  return value === undefined ? (type as string) : `${type as string} ${listOf(value).join(' ')}`
}

/** The parts of a rule's scope that do not fit. */
export function naiveMisses(rule: Data, policy: Data, request: Data): string[] {
  const subject = (rule.subject ?? {}) as Data
  const resource = (rule.resource ?? {}) as Data
  const asked = request as {
    subject: { type: string; id: string; properties: { roles?: string[] } }
    action: { name: string }
    resource: { type: string; id: string }
  }
  const held = withInherited(policy, asked.subject.properties.roles ?? [])
  const fit = {
    'subject.type': fits(subject.type, asked.subject.type),
    'subject.id': fits(subject.id, asked.subject.id),
    'subject.roles': subject.roles === undefined || listOf(subject.roles).some((role) => held.includes(role)),
    action: fits(rule.action, asked.action.name),
    'resource.type': fits(resource.type, asked.resource.type),
    'resource.id': fits(resource.id, asked.resource.id),
  }
  return Object.entries(fit).flatMap(([part, own]) => (own ? [] : [part]))
}

function withInherited(policy: Data, roles: readonly string[]): string[] {
  const table = (policy.roles ?? {}) as Record<string, { inherits?: string | string[] }>
  return roles.flatMap((role) => [role, ...withInherited(policy, listOf(table[role]?.inherits ?? []))])
}

function fits(patterns: unknown, name: string): boolean {
  return (
    patterns === undefined || listOf(patterns).some((pattern) => (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name))
  )
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value : [value as string]
}

function judge(condition: Data, request: Data): Truth {
  return all(
    Object.entries(condition).map(([key, value]) => {
      if (key === 'all') return all((value as Data[]).map((part) => judge(part, request)))
      if (key === 'any') return not(all((value as Data[]).map((part) => not(judge(part, request)))))
      if (key === 'not') return not(judge(value as Data, request))
      return all(Object.entries(value as Data).map(([operator, operand]) => test(lookUp(key, request), operator, operand, request)))
    }),
  )
}

function all(parts: Truth[]): Truth {
  return parts.includes('no') ? 'no' : parts.includes('unknown') ? 'unknown' : 'yes'
}

function not(truth: Truth): Truth {
  return truth === 'unknown' ? truth : truth === 'yes' ? 'no' : 'yes'
}

function lookUp(path: string, request: Data): unknown {
  const [root = '', ...keys] = path.replace('.properties.', '.').split('.')
  const entity = request[root] as Data
  if (['type', 'id', 'name'].includes(keys[0] ?? '') && root !== 'context') return entity[keys[0] ?? '']
  let value: unknown = root === 'context' ? entity : entity.properties
  for (const key of keys) {
    if (value === undefined || value === null) return undefined
    // A value of another type on the way.
    if (typeof value !== 'object' || Array.isArray(value)) return Symbol(path)
    value = (value as Data)[key]
  }
  return value
}

const scalar = (value: unknown): boolean => ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
const uniform = (list: unknown, kind: string): list is unknown[] =>
  Array.isArray(list) && list.every((element) => scalar(element) && typeof element === kind)

function test(value: unknown, operator: string, operand: unknown, request: Data): Truth {
  const isPath = typeof operand === 'object' && operand !== null && 'path' in operand
  const other = isPath ? lookUp(operand.path as string, request) : operand
  const truth = decide(value, operator, other, isPath)
  return truth === undefined ? 'unknown' : truth ? 'yes' : 'no'
}

function decide(value: unknown, operator: string, other: unknown, isPath: boolean): boolean | undefined {
  if (operator === 'exists') {
    if (value === undefined || value === null) return !other
    return scalar(value) || typeof value === 'object' ? (other as boolean) : undefined
  }
  const blank = isPath && (value === '' || other === '')
  switch (operator) {
    case 'eq':
    case 'ne':
      if (!scalar(value) || !scalar(other) || typeof value !== typeof other || blank) return undefined
      return (value === other) === (operator === 'eq')
    case 'in':
    case 'notIn':
      if (!scalar(value) || blank) return undefined
      if (!uniform(other, typeof value)) return undefined
      return other.includes(value) === (operator === 'in')
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte': {
      if (!Number.isFinite(value) || !Number.isFinite(other)) return undefined
      const [a, b] = [value as number, other as number]
      return operator === 'lt' ? a < b : operator === 'lte' ? a <= b : operator === 'gt' ? a > b : a >= b
    }
    case 'between':
      if (!Number.isFinite(value)) return undefined
      return (value as number) >= ((other as number[])[0] ?? 0) && (value as number) <= ((other as number[])[1] ?? 0)
    case 'cidr':
      if (typeof value !== 'string' || !/^\d+\.\d+\.\d+\.\d+$/.test(value)) return undefined
      return listOf(other).some((range) => isInNetwork(value, range))
    case 'before':
    case 'after':
    case 'during':
      if (!Number.isFinite(value) || Number.isNaN(new Date(value as number).getTime())) return undefined
      if (operator === 'during') return isOpen(value as number, other as Data)
      return (value as number) < new Date(other as string | number).getTime() === (operator === 'before')
    case 'startsWith':
    case 'endsWith':
      if (typeof value !== 'string' || typeof other !== 'string' || other === '') return undefined
      return operator === 'startsWith' ? value.startsWith(other) : value.endsWith(other)
    case 'contains':
      if (!scalar(other) || (isPath && other === '')) return undefined
      return uniform(value, typeof other) ? value.includes(other) : undefined
    case 'containsAny':
    case 'containsAll': {
      if (!Array.isArray(other) || !Array.isArray(value)) return undefined
      if (operator === 'containsAll' && other.length === 0) return undefined
      const kind = typeof (other.length > 0 ? other[0] : value[0])
      if (!uniform(value, kind) || !uniform(other, kind)) return undefined
      return operator === 'containsAny' ? other.some((one) => value.includes(one)) : other.every((one) => value.includes(one))
    }
    default:
      throw new Error(`the naive evaluator does not know ${operator}`)
  }
}

// Of IPv4 only, bit by bit.
function isInNetwork(address: string, range: string): boolean {
  const [network = '', bits] = range.split('/')
  const binary = (dotted: string): string =>
    dotted
      .split('.')
      .map((octet) => Number(octet).toString(2).padStart(8, '0'))
      .join('')
  return binary(address).slice(0, Number(bits)) === binary(network).slice(0, Number(bits))
}

// Minute by minute back to where the window would have begun. In UTC only.
function isOpen(time: number, { days, from = '00:00', to = '24:00' }: { days?: string | string[]; from?: string; to?: string }): boolean {
  const names = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
  for (let back = 0; back < 1440; back++) {
    const then = new Date(time - back * 60_000).toISOString().slice(11, 16)
    if (back > 0 && new Date(time - (back - 1) * 60_000).toISOString().slice(11, 16) === to.replace('24:00', '00:00')) return false
    if (then === from) return days === undefined || listOf(days).includes(names[new Date(time - back * 60_000).getUTCDay()] ?? '')
  }
  return false
}
