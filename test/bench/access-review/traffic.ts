// A year of traffic of a company: who has which role, what they do and how often, by a random number that is the same each time.
import type { DecisionRecord } from '../../../src/audit-log/record.ts'
import type { PolicyRequest } from '../../../src/policy/policy-evaluator.ts'
import { policySet } from '../../../src/policy/policy-set.ts'

const teams = 40
const people = 2_000
const start = Date.UTC(2025, 0, 1)
const year = 365 * 86_400_000

/** Four permits a team, one of them with duties, some for everybody, and a forbid. */
export const policy = {
  id: 'company',
  version: '12',
  attributes: { 'context.risk': 'number', 'resource.team': 'string', 'subject.claims.region': 'string' },
  roles: Object.fromEntries(Array.from({ length: teams }, (_, team) => [`lead-${team}`, { inherits: [`member-${team}`] }])),
  rules: [
    ...Array.from({ length: teams }, (_, team) => [
      {
        id: `chat-${team}`,
        effect: 'permit',
        subject: { roles: [`member-${team}`] },
        action: ['chat', 'embeddings'],
        resource: { type: 'model', id: 'gpt-*' },
      },
      {
        id: `tools-${team}`,
        effect: 'permit',
        subject: { roles: [`member-${team}`, 'contractor'] },
        action: 'execute_tool',
        resource: { type: 'tool', id: [`team-${team}-*`, 'search'] },
        when: { 'context.risk': { lt: 0.7 } },
        obligations: [{ type: 'max_output_tokens', value: 2_000 }],
      },
      {
        id: `data-${team}`,
        effect: 'permit',
        subject: { roles: [`lead-${team}`] },
        action: ['read_dataset', 'train'],
        resource: { type: 'dataset', id: `set-${team}-*` },
      },
      {
        id: `deploy-${team}`,
        effect: 'permit',
        subject: { roles: [`lead-${team}`] },
        action: 'deploy',
        resource: { type: 'model' },
        when: { 'subject.claims.region': { eq: 'eu' } },
      },
    ]).flat(),
    { id: 'everybody-small', effect: 'permit', action: 'chat', resource: { type: 'model', id: ['small-1', 'small-2', 'small-3'] } },
    { id: 'nobody-at-risk', effect: 'forbid', when: { 'context.risk': { gte: 0.95 } } },
  ],
} as const

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** So many decision records, in the order of time, each a new object. */
export function* traffic(count: number, version: string = policy.version): Generator<DecisionRecord> {
  for (const { record } of calls(count, version)) yield record
}

/** The same, each with the request that it records. */
export function* calls(
  count: number,
  version: string = policy.version,
): Generator<{ readonly request: PolicyRequest; readonly record: DecisionRecord }> {
  const set = policySet(policy)
  const next = random(7)
  const pick = (most: number): number => Math.floor(next() * next() * most)
  const known = new Map<string, ReturnType<typeof set.evaluate>>()
  for (let index = 0; index < count; index++) {
    const person = pick(people)
    const team = person % teams
    const roles = person % 17 === 0 ? [`lead-${team}`] : person % 23 === 0 ? ['contractor'] : [`member-${team}`]
    const kind = next()
    const [action, type, id] =
      kind < 0.5
        ? ['chat', 'model', `gpt-${1 + pick(6)}`]
        : kind < 0.7
          ? ['chat', 'model', `small-${1 + pick(3)}`]
          : kind < 0.93
            ? ['execute_tool', 'tool', next() < 0.3 ? 'search' : `team-${team}-${pick(12)}`]
            : kind < 0.99
              ? ['read_dataset', 'dataset', `set-${team}-${pick(8)}`]
              : ['deploy', 'model', `gpt-${1 + pick(6)}`]
    const risk = Math.floor(next() * 20) / 20
    const key = `${person} ${action} ${id} ${risk}`
    const request: PolicyRequest = {
      subject: { type: 'user', id: `person-${person}`, properties: { roles, claims: { region: 'eu' } } },
      action: { name: action },
      resource: { type, id },
      context: { risk },
    }
    let decision = known.get(key)
    if (decision === undefined) {
      decision = set.evaluate(request)
      if (known.size < 100_000) known.set(key, decision)
    }
    const { allowed, reasons } = decision
    const call = `0195${index.toString(16).padStart(28, '0')}`
    const record: DecisionRecord = {
      action,
      allowed,
      attributes: action === 'chat' ? { paths: ['context.risk'] } : { paths: ['context.risk', 'subject.claims.region'] },
      ...(!allowed && { code: 'denied', reason: 'no rule permits it' }),
      guard: 'gateway',
      id: call,
      kind: 'decision',
      limits: [{ limit: 600, name: 'minute', remaining: 571 }],
      model: id,
      policy: { id: policy.id, version },
      resource: { id, type },
      rules: reasons.map(({ effect, rule }) => ({ effect, rule })),
      subject: {
        issuer: 'https://id.company.example',
        key: `26:https://id.company.exampleperson-${person}`,
        kind: 'user',
        roles,
        subject: `person-${person}`,
        tenant: 'company',
      },
      task: call,
      time: start + Math.floor((index / count) * year),
      version: 1,
    }
    yield { request, record }
  }
}
