import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ocsfEvent } from '../../src/audit-log/ocsf-event.ts'
import type { AuditRecord } from '../../src/audit-log/record.ts'
import { sampleRecord } from './records.ts'

type Check = (value: unknown) => boolean
interface Shape {
  readonly required: Readonly<Record<string, Check>>
  /** What else may stand there. */
  readonly optional?: Readonly<Record<string, Check>>
  /** One of these at least. */
  readonly some?: readonly string[]
}

const text: Check = (value) => typeof value === 'string' && value !== ''
const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const among =
  (...values: readonly number[]): Check =>
  (value) =>
    values.includes(value as number)
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const anything: Check = () => true

function fits({ required, optional = {}, some = [] }: Shape): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null) return false
    for (const [name, check] of Object.entries(required))
      if (!check((value as Record<string, unknown>)[name])) throw new Error(`${name} is required, and right`)
    for (const [name, member] of Object.entries(value)) {
      const check = Object.hasOwn(required, name) ? required[name] : Object.hasOwn(optional, name) ? optional[name] : undefined
      if (check === undefined) throw new Error(`the schema knows no ${name}`)
      if (!check(member)) throw new Error(`${name} is wrong: ${JSON.stringify(member)}`)
    }
    if (some.length > 0 && !some.some((name) => Object.hasOwn(value, name))) throw new Error(`one of ${some.join(', ')}`)
    return true
  }
}

// The parts of OCSF 1.8.0 that are written: class API Activity (6003) with the profiles ai_operation, security_control and trace.
const service = fits({ required: {}, optional: { name: text, uid: text }, some: ['name', 'uid'] })
const user = fits({
  required: {},
  optional: {
    uid: text,
    name: text,
    uid_alt: text,
    domain: text,
    type_id: among(0, 1, 2, 3, 4, 99),
    type: text,
    org: fits({ required: {}, optional: { uid: text, name: text }, some: ['uid', 'name'] }),
    groups: list(fits({ required: {}, optional: { name: text, uid: text }, some: ['name', 'uid'] })),
  },
  some: ['uid', 'name'],
})
const span = fits({ required: { uid: text, start_time: whole, end_time: whole }, optional: { parent_uid: text, operation: text } })
const apiActivity = fits({
  required: {
    activity_id: among(0, 1, 2, 3, 4, 99),
    actor: fits({ required: {}, optional: { app_name: text, user }, some: ['app_name', 'user'] }),
    api: fits({ required: { operation: text }, optional: { service, request: fits({ required: { uid: text } }) } }),
    category_uid: among(6),
    class_uid: among(6003),
    metadata: fits({
      required: { product: fits({ required: { vendor_name: text }, optional: { name: text } }), version: (value) => value === '1.8.0' },
      optional: { profiles: list(text), uid: text, correlation_uid: text, event_code: text, log_name: text, sequence: whole },
    }),
    severity_id: among(0, 1, 2, 3, 4, 5, 6, 99),
    src_endpoint: fits({ required: {}, optional: { name: text }, some: ['name'] }),
    time: whole,
    type_uid: (value) => whole(value) && Math.floor((value as number) / 100) === 6003,
  },
  optional: {
    activity_name: text,
    category_name: text,
    class_name: text,
    duration: whole,
    message: text,
    resources: list(fits({ required: {}, optional: { type: text, uid: text, name: text } })),
    severity: text,
    status: text,
    status_code: text,
    status_detail: text,
    status_id: among(0, 1, 2, 99),
    unmapped: anything,
    // security_control
    action: text,
    action_id: among(0, 1, 2),
    disposition: text,
    disposition_id: among(1, 2),
    policy: fits({ required: {}, optional: { uid: text, name: text, version: text }, some: ['uid', 'name'] }),
    // trace
    trace: fits({ required: { uid: text }, optional: { span } }),
    // ai_operation
    ai_model: fits({ required: { model_name: text, ai_provider: text }, optional: { name: text, version: text } }),
    message_context: fits({
      required: {},
      optional: { application: text, service, prompt_tokens: whole, completion_tokens: whole, total_tokens: whole },
      some: ['application', 'service'],
    }),
  },
})

const call = sampleRecord(0)
const trace = { id: '4bf92f3577b34da6a3ce929d0e0e4736', parent: '00f067aa0ba902b7', sampled: true }
const outcome = { ...call, kind: 'outcome', ending: 'completed', ran: true, streamed: false, parts: 1, elapsed: 12.345 }
const records: Readonly<Record<string, unknown>> = {
  'a decision': call,
  'a refusal': { ...call, allowed: false, code: 'denied', reason: 'no', policy: { id: 'support', version: '7' } },
  'a call of nobody': { ...call, subject: undefined, resource: { type: 'tool', id: 'search' }, action: 'approve' },
  'a call within a trace': { ...call, trace, elapsed: 1.5 },
  'an outcome': { ...outcome, trace, model: 'gpt-5', usage: { inputTokens: 3, outputTokens: 4 } },
  'an outcome that failed': { ...outcome, ending: 'failed' },
  'an outcome of a newer kind': { ...outcome, ending: 'postponed' },
  'a call of a service': {
    ...call,
    subject: { key: 'k', subject: 's', issuer: 'i', kind: 'service', roles: [], tenant: 'acme', actors: [{ subject: 'a' }] },
  },
}

describe('an event of OCSF 1.8', () => {
  for (const [name, record] of Object.entries(records))
    it(`has what the class API Activity and its profiles require, and nothing that they do not know: ${name}`, () => {
      const event = ocsfEvent(record as AuditRecord, 7)
      assert.equal(apiActivity(JSON.parse(JSON.stringify(event))), true)
      assert.ok(event !== undefined)
      const { profiles } = event.metadata as { profiles: string[] }
      assert.equal(profiles.includes('trace'), event.trace !== undefined)
    })

  it('gives a call within a trace a span of its own, below the one that it came with', () => {
    const event = ocsfEvent(records['an outcome'] as AuditRecord, 7)
    assert.deepEqual(event?.trace, {
      uid: trace.id,
      span: { uid: call.id, parent_uid: trace.parent, operation: 'chat', start_time: Math.round(call.time - 12.345), end_time: call.time },
    })
  })

  it('is checked by a schema that can fail', () => {
    const event = JSON.parse(JSON.stringify(ocsfEvent(records['an outcome'] as AuditRecord, 7))) as Record<string, unknown>
    for (const wrong of [
      { time: undefined },
      { api: {} },
      { severity_id: 9 },
      { colour: 'red' },
      { ai_model: { model_name: 'x' } },
      { trace: { uid: 'x', span: { uid: 'x' } } },
    ])
      assert.throws(() => apiActivity({ ...event, ...wrong }))
  })
})
