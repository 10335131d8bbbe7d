import { type Policy, type PolicyRequest, policySet } from '../../../src/index.ts'

/** A policy with something of everything that a runtime could read otherwise: numbers, texts, addresses, zones of time. */
export const policy: Policy = {
  id: 'exchange',
  version: '3',
  roles: { analyst: { inherits: ['reader'] }, lead: { inherits: ['analyst'] } },
  rules: [
    {
      id: 'analysts-chat',
      effect: 'permit',
      subject: { roles: ['analyst'] },
      action: ['chat'],
      resource: { type: 'model', id: ['gpt-*'] },
      when: { 'context.risk': { lt: 0.7 } },
      obligations: [{ type: 'max_output_tokens', value: 2000 }],
    },
    {
      id: 'leads-chat-longer',
      effect: 'permit',
      subject: { roles: ['lead'] },
      action: ['chat'],
      resource: { type: 'model' },
      obligations: [
        { type: 'max_output_tokens', value: 500 },
        { type: 'mask', types: ['EMAIL'] },
      ],
    },
    {
      id: 'readers-read-their-own',
      effect: 'permit',
      subject: { roles: ['reader'] },
      action: ['read'],
      resource: { type: 'document', id: ['akten/*', 'Ärzte/*', '文書/*'] },
      when: { 'subject.tenant': { eq: { path: 'resource.tenant' } } },
    },
    {
      id: 'from-the-office',
      effect: 'permit',
      action: ['deploy'],
      when: {
        all: [
          { 'context.address': { cidr: '10.0.0.0/8' } },
          { any: [{ 'subject.level': { between: [3, 7] } }, { 'subject.teams': { containsAny: ['größe', 'ops'] } }] },
        ],
      },
    },
    {
      id: 'by-day',
      effect: 'permit',
      action: ['train'],
      when: { 'context.time': { during: { zone: 'Europe/Berlin', days: ['monday', 'friday'], from: '08:30', to: '18:00' } } },
    },
    { id: 'by-name', effect: 'permit', action: ['rename'], when: { 'context.name': { startsWith: 'é', endsWith: '𝕏' } } },
    { id: 'no-secrets', effect: 'forbid', resource: { type: 'document', id: ['akten/geheim*'] } },
    {
      id: 'not-in-quarantine',
      effect: 'forbid',
      when: { all: [{ 'context.quarantine': { exists: true } }, { 'context.quarantine': { eq: true } }] },
      obligations: [{ type: 'require_acr', value: 'phr' }],
    },
  ],
}

const model = { type: 'model', id: 'gpt-5' }
type Asked = readonly [subject: object, action: string, resource: PolicyRequest['resource'], context: object]

const table: readonly Asked[] = [
  [{ roles: ['analyst'] }, 'chat', model, { risk: 0.69999999999999 }],
  [{ roles: ['analyst'] }, 'chat', model, { risk: 0.7 }],
  [{ roles: ['analyst'] }, 'chat', model, { risk: -0 }],
  [{ roles: ['analyst'] }, 'chat', model, {}],
  [{ roles: ['analyst'] }, 'chat', model, { risk: '0.1' }],
  [{ roles: ['analyst'] }, 'chat', { type: 'model', id: 'GPT-5' }, { risk: 0.1 }],
  [{ roles: ['lead'] }, 'chat', model, { risk: 0.1 }],
  [{ roles: ['lead'] }, 'chat', { type: 'model', id: 'other' }, { risk: 0.1 }],
  [{ roles: ['lead'] }, 'chat', model, { risk: 0.1, quarantine: true }],
  [{ roles: ['lead'] }, 'chat', model, { quarantine: null }],
  [{ roles: ['reader'], tenant: 'acme' }, 'read', { type: 'document', id: 'akten/1', properties: { tenant: 'acme' } }, {}],
  [{ roles: ['reader'], tenant: 'acme' }, 'read', { type: 'document', id: 'akten/1', properties: { tenant: 'Acme' } }, {}],
  [{ roles: ['reader'] }, 'read', { type: 'document', id: 'akten/1' }, {}],
  [{ roles: ['lead'], tenant: 'ü' }, 'read', { type: 'document', id: 'Ärzte/7', properties: { tenant: 'ü' } }, {}],
  [{ roles: ['lead'], tenant: 'ü' }, 'read', { type: 'document', id: 'A\u0308rzte/7', properties: { tenant: 'ü' } }, {}],
  [{ roles: ['lead'], tenant: 'x' }, 'read', { type: 'document', id: '文書/𠮷', properties: { tenant: 'x' } }, {}],
  [{ roles: ['reader'], tenant: 'a' }, 'read', { type: 'document', id: 'akten/geheim-1', properties: { tenant: 'a' } }, {}],
  [{ level: 3 }, 'deploy', { type: 'service', id: 's' }, { address: '10.255.0.1' }],
  [{ level: 7.0000001 }, 'deploy', { type: 'service', id: 's' }, { address: '10.255.0.1' }],
  [{ teams: ['größe'] }, 'deploy', { type: 'service', id: 's' }, { address: '10.0.0.0' }],
  [{ teams: ['ops'] }, 'deploy', { type: 'service', id: 's' }, { address: '11.0.0.0' }],
  [{ teams: ['ops'] }, 'deploy', { type: 'service', id: 's' }, { address: '::ffff:10.0.0.1' }],
  // Friday, 27 March 2026, 08:29 and 08:30 in Berlin; Monday, 30 March, after the clocks went forward.
  [{}, 'train', model, { time: Date.parse('2026-03-27T07:29:59.999Z') }],
  [{}, 'train', model, { time: Date.parse('2026-03-27T07:30:00.000Z') }],
  [{}, 'train', model, { time: Date.parse('2026-03-30T06:30:00.000Z') }],
  [{}, 'train', model, { time: Date.parse('2026-03-30T16:00:00.000Z') }],
  [{}, 'rename', model, { name: 'é𝕏' }],
  [{}, 'rename', model, { name: 'e\u0301𝕏' }],
  [{ roles: ['nobody'] }, 'chat', model, { risk: 0 }],
  [{ roles: ['analyst'] }, 'Chat', model, { risk: 0 }],
]

/** What the policy decides on each request of the table, and how it explains that. */
export function decideAll(): readonly object[] {
  const set = policySet(policy)
  return table.map(([properties, name, resource, context]) => {
    const request = { subject: { type: 'user', id: 'ada', properties }, action: { name }, resource, context } as PolicyRequest
    return { decision: set.evaluate(request), explained: set.explain(request) }
  })
}
