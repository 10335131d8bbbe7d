import { type PolicySet, policySet } from '../../../src/policy/policy-set.ts'

/** The policy that the certification scenario of the AuthZEN Authorization API 1.0 asks for (section 3.4). */
export const certificationPolicy: PolicySet = policySet({
  id: 'certification',
  version: '1',
  rules: [
    { id: 'both-read', effect: 'permit', subject: { type: 'user', id: ['alice', 'bob'] }, action: 'read', resource: { type: 'record' } },
    {
      id: 'alice-writes-what-is-not-archived',
      effect: 'permit',
      subject: { type: 'user', id: 'alice' },
      action: 'write',
      resource: { type: 'record' },
      when: { any: [{ 'resource.status': { exists: false } }, { 'resource.status': { ne: 'archived' } }] },
    },
    {
      id: 'admins-write-what-is-archived',
      effect: 'permit',
      subject: { type: 'user' },
      action: 'write',
      resource: { type: 'record' },
      when: { 'subject.role': { eq: 'admin' }, 'resource.status': { eq: 'archived' } },
    },
    {
      id: 'alice-deletes-softly',
      effect: 'permit',
      subject: { type: 'user', id: 'alice' },
      action: 'delete',
      resource: { type: 'record', id: 'record-1' },
      when: { 'action.soft': { eq: true } },
    },
  ],
})

const alice = { type: 'user', id: 'alice' }
const bob = { type: 'user', id: 'bob' }
const admin = { ...bob, properties: { role: 'admin' } }
const record = { type: 'record', id: 'record-1' }
const active = { ...record, properties: { status: 'active' } }
const archived = { type: 'record', id: 'record-2', properties: { status: 'archived' } }
const read = { name: 'read' }
const write = { name: 'write' }

/** Single questions and their decisions, by the number of the test in the scenario. */
export const single: readonly [test: string, request: Record<string, unknown>, decision: boolean][] = [
  ['2.2.1 permits', { subject: alice, action: read, resource: record }, true],
  ['2.2.2 denies', { subject: bob, action: write, resource: record }, false],
  ['rule 2', { subject: alice, action: write, resource: record }, true],
  ['rule 3', { subject: bob, action: read, resource: record }, true],
  ['2.2.3 takes a context', { subject: alice, action: read, resource: record, context: { time: '2025-06-27T18:03-07:00', ip: '192.168.1.1' } }, true],
  ['2.2.4 denies by a property of the resource', { subject: alice, action: write, resource: archived }, false],
  ['2.2.5 permits by a property of the subject', { subject: admin, action: write, resource: archived }, true],
  ['2.2.6 permits by a property of the action', { subject: alice, action: { name: 'delete', properties: { soft: true } }, resource: record }, true],
  ['2.2.7 denies by a property of the action', { subject: alice, action: { name: 'delete', properties: { soft: false } }, resource: record }, false],
  [
    '2.2.8 takes more properties',
    {
      subject: { ...alice, properties: { department: 'Sales', role: 'manager' } },
      action: { ...read, properties: { method: 'GET' } },
      resource: { ...record, properties: { status: 'active', owner: 'bob' } },
    },
    true,
  ],
  ['2.2.9 ignores unknown fields', { subject: alice, action: read, resource: record, foo: 'bar', futureField: { nested: true } }, true],
]

/** What is no request: 400. */
export const malformed: readonly [test: string, request: unknown][] = [
  ['2.4.1 without a subject', { action: read, resource: record }],
  ['2.4.1 without an action', { subject: alice, resource: record }],
  ['2.4.1 without a resource', { subject: alice, action: read }],
  ['2.4.2 a subject without a type', { subject: { id: 'alice' }, action: read, resource: record }],
  ['2.4.2 a subject without an id', { subject: { type: 'user' }, action: read, resource: record }],
  ['2.4.2 an action without a name', { subject: alice, action: {}, resource: record }],
  ['2.4.2 a resource without a type', { subject: alice, action: read, resource: { id: 'record-1' } }],
  ['2.4.2 a resource without an id', { subject: alice, action: read, resource: { type: 'record' } }],
  ['2.4.6 a subject that is a string', { subject: 'alice', action: read, resource: record }],
  ['2.4.6 a name that is a number', { subject: alice, action: { name: 123 }, resource: record }],
  ['a subject that is null', { subject: null, action: read, resource: record }],
  ['an id that is null', { subject: { type: 'user', id: null }, action: read, resource: record }],
  ['an empty id', { subject: { type: 'user', id: '' }, action: read, resource: record }],
  ['properties that are a list', { subject: { ...alice, properties: [] }, action: read, resource: record }],
  ['a context that is null', { subject: alice, action: read, resource: record, context: null }],
  ['a context that is a text', { subject: alice, action: read, resource: record, context: 'secure' }],
  ['a list', [alice, read, record]],
  ['a text', 'alice'],
  ['null', null],
]

/** Several questions and their decisions; undefined where the scenario asks for any. */
export const batches: readonly [test: string, request: Record<string, unknown>, decisions: readonly (boolean | undefined)[]][] = [
  [
    '3.2.1 an array',
    { subject: alice, action: read, evaluations: [{ resource: record }, { resource: { type: 'record', id: 'record-2' } }] },
    [true, undefined],
  ],
  ['3.2.2 in order', { subject: bob, resource: record, evaluations: [{ action: read }, { action: write }] }, [true, false]],
  ['3.2.3 properties of each', { subject: alice, action: write, evaluations: [{ resource: active }, { resource: archived }] }, [true, false]],
  ['3.2.4 properties of the subject', { action: write, resource: archived, evaluations: [{ subject: alice }, { subject: admin }] }, [false, true]],
  [
    '3.2.5 no defaults',
    {
      evaluations: [
        { subject: alice, action: read, resource: record },
        { subject: bob, action: write, resource: record },
      ],
    },
    [true, false],
  ],
  [
    '3.2.6 the context is inherited',
    {
      subject: alice,
      action: read,
      context: { time: '2025-06-27T18:03-07:00' },
      evaluations: [
        { resource: record },
        { resource: { type: 'record', id: 'record-2' }, context: { time: '2025-06-27T19:00-07:00', source: 'batch-override' } },
      ],
    },
    [true, undefined],
  ],
  [
    '3.2.7 what an entity leaves out is taken from above, and nothing else',
    {
      subject: alice,
      action: write,
      resource: { type: 'record', properties: { status: 'archived' } },
      evaluations: [{ resource: { id: 'record-1', properties: { status: 'active' } } }, { resource: archived }],
    },
    [true, false],
  ],
  ['3.4.1 an evaluation that is none', { subject: alice, action: read, evaluations: [{ resource: record }, {}] }, [true, false]],
]

/** To the Evaluations endpoint, what is a single question. */
export const backwards: readonly [test: string, request: Record<string, unknown>][] = [
  ['3.4.2 without evaluations', { subject: alice, action: read, resource: record }],
  ['3.4.3 with no evaluations', { subject: alice, action: read, resource: record, evaluations: [] }],
]
