import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { approvals } from '../../src/approval/approvals.ts'
import type { Elevations } from '../../src/approval/elevations.ts'
import type { AuditRecord, DecisionRecord } from '../../src/audit-log/record.ts'
import { attributeOpener } from '../../src/audit-log/sealed-attributes.ts'
import { audit } from '../../src/controls/audit.ts'
import { authorize, type AuthorizeOptions } from '../../src/controls/authorize.ts'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import { control, type Step } from '../../src/guard/control.ts'
import { groundsHolderOf } from '../../src/guard/decision-grounds.ts'
import { guard } from '../../src/guard/guard.ts'
import { decisionCache } from '../../src/policy/decision-cache.ts'
import { livePolicy } from '../../src/policy/live-policy.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { allowAll, denyAll } from '../../src/testing/allow-all.ts'
import { identityOf } from '../../src/testing/identity-of.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'

const key = new Uint8Array(32).fill(6)
const policy = {
  id: 'support',
  version: '7',
  rules: [
    { id: 'chat', effect: 'permit', action: 'chat', when: { 'context.risk': { lt: 0.7 }, 'subject.claims.team': { eq: 'harpoon' } } },
    { id: 'no-risk', effect: 'forbid', when: { 'context.risk': { gte: 0.9 } } },
    { id: 'pay', effect: 'permit', action: 'pay', when: { 'context.amount': { lt: 500 } }, obligations: [{ type: 'require_approval' }] },
    { id: 'sign', effect: 'permit', action: 'sign', when: { 'context.amount': { lt: 500 } }, obligations: [{ type: 'require_acr', value: 'phr' }] },
    { id: 'root', effect: 'permit', action: 'root', subject: { roles: 'admin' } },
  ],
}

/** The record of the decision on one call. */
async function recorded(
  action: string,
  attributes: Readonly<Record<string, number>>,
  options: Partial<AuthorizeOptions> = {},
): Promise<DecisionRecord> {
  const log = recordingLog()
  const chain = guard({ onError: () => {} })
    .use(audit({ log, sealAttributes: key }))
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada', roles: ['analyst'], claims: { team: 'harpoon' } })] }))
    .use(authorize({ evaluator: policySet(policy), ...options }))
  const run = chain.protect(() => 'answer', { action, resource: { type: 'model', id: 'gpt-5' } })
  await run('x', { credentials: { authorization: 'Bearer x' }, attributes }).catch(() => undefined)
  return decisionIn(log.entries)
}

function decisionIn(entries: readonly AuditRecord[]): DecisionRecord {
  const decisions = entries.filter((entry) => entry.kind === 'decision')
  assert.equal(decisions.length, 1)
  return decisions[0] as DecisionRecord
}

const opened = async ({ id, attributes }: DecisionRecord): Promise<unknown> => attributeOpener([key]).open(id, attributes?.sealed ?? '')

describe('what policy read stands in the record of its decision', () => {
  test('where it permits, with the values sealed', async () => {
    const record = await recorded('chat', { risk: 0.25 })
    assert.deepEqual([record.allowed, record.attributes?.paths], [true, ['context.risk', 'subject.claims.team']])
    assert.deepEqual(await opened(record), { 'context.risk': 0.25, 'subject.claims.team': 'harpoon' })
    for (const secret of ['0.25', 'harpoon']) assert.equal(JSON.stringify(record).includes(secret), false)
  })

  test('where a rule forbids, where none permits, and where an attribute is missing', async () => {
    const forbidden = await recorded('chat', { risk: 0.95 })
    assert.deepEqual([forbidden.allowed, forbidden.rules], [false, [{ effect: 'forbid', rule: 'no-risk' }]])
    assert.deepEqual(await opened(forbidden), { 'context.risk': 0.95, 'subject.claims.team': 'harpoon' })
    const unpermitted = await recorded('chat', { risk: 0.8 })
    assert.deepEqual([unpermitted.code, unpermitted.rules], ['denied', []])
    assert.deepEqual(await opened(unpermitted), { 'context.risk': 0.8, 'subject.claims.team': 'harpoon' })
    const undecided = await recorded('chat', {})
    assert.deepEqual([undecided.allowed, undecided.attributes?.paths], [false, ['context.risk', 'subject.claims.team']])
    assert.deepEqual(await opened(undecided), { 'subject.claims.team': 'harpoon' })
  })

  test('where it permits and a duty refuses', async () => {
    for (const [action, code, options] of [
      ['pay', 'approval_required', {}],
      ['pay', 'approval_required', { approvals: approvals({ approvers: [await somebody()] }) }],
      ['sign', 'step_up_required', {}],
    ] as const) {
      const record = await recorded(action, { amount: 100, risk: 0 }, options)
      assert.deepEqual([record.code, record.permitted, record.attributes?.paths], [code, true, ['context.amount', 'context.risk']])
      assert.deepEqual(await opened(record), { 'context.amount': 100, 'context.risk': 0 })
    }
  })

  test('with the roles that the caller had for a while, also from a store that takes its time, also where another engine decides', async () => {
    const elevating = (answer: Elevations['rolesOf']): Elevations =>
      ({ rolesOf: answer, describe: () => ({}), elevate: () => assert.fail(), end: () => assert.fail() }) as never
    for (const rolesOf of [() => ['admin'], async () => turn(['admin'])])
      for (const evaluator of [policySet(policy), allowAll()]) {
        const record = await recorded('root', { risk: 0 }, { evaluator, elevations: elevating(rolesOf) })
        assert.deepEqual([record.allowed, record.subject?.roles, record.subject?.elevated], [true, ['analyst'], ['admin']])
      }
    const denied = await recorded('other', { risk: 0 }, { elevations: elevating(() => ['admin']) })
    assert.deepEqual([denied.allowed, denied.subject?.elevated, denied.attributes?.paths], [false, ['admin'], ['context.risk']])
    const plain = await recorded('chat', { risk: 0 }, { elevations: elevating(() => []) })
    assert.equal(plain.subject !== undefined && 'elevated' in plain.subject, false)
  })

  test('and not what a shadow reads', async () => {
    const shadow = policySet({ id: 'next', rules: [{ id: 'r', effect: 'permit', when: { 'context.other': { exists: true } } }] })
    for (const risk of [0.1, 0.95]) {
      const record = await recorded('chat', { risk }, { shadow })
      assert.deepEqual(record.attributes?.paths, ['context.risk', 'subject.claims.team'])
      assert.equal(record.policy?.id, 'support')
    }
  })

  test('the same behind a cache, and nothing where the engine is another', async () => {
    const evaluator = decisionCache(policySet(policy))
    for (let ask = 0; ask < 2; ask++) {
      const record = await recorded('chat', { risk: 0.25 }, { evaluator })
      assert.deepEqual(await opened(record), { 'context.risk': 0.25, 'subject.claims.team': 'harpoon' })
    }
    for (const other of [allowAll(), denyAll(), { evaluate: (request: never) => policySet(policy).evaluate(request) }])
      assert.equal('attributes' in (await recorded('chat', { risk: 0.25 }, { evaluator: other })), false)
    const unconditional = policySet({ id: 'p', rules: [{ id: 'a', effect: 'permit' }] })
    assert.equal('attributes' in (await recorded('chat', { risk: 0.25 }, { evaluator: unconditional })), false)
  })

  test('of the policy that decided, also where another is in force when it is written', async () => {
    let next: object = policy
    const live = livePolicy({ load: () => next, every: Number.POSITIVE_INFINITY })
    await live.ready
    const log = recordingLog()
    const chain = guard({ onError: () => {} })
      .use(audit({ log, sealAttributes: key }))
      .use(verifyIdentity({ verifiers: [identityOf({ claims: { team: 'harpoon' } })] }))
      .use(authorize({ evaluator: live }))
      .use(
        control('swap', {
          async enter() {
            next = { id: 'support', version: '8', rules: [{ id: 'all', effect: 'permit', when: { 'context.other': { exists: false } } }] }
            assert.equal(await live.refresh(), true)
          },
        }),
      )
    const run = chain.protect(() => 'answer', { action: 'chat', resource: { type: 'model', id: 'm' } })
    await run('x', { credentials: { authorization: 'Bearer x' }, attributes: { risk: 0.1 } })
    const record = decisionIn(log.entries)
    assert.deepEqual([record.policy?.version, record.attributes?.paths], ['7', ['context.risk', 'subject.claims.team']])
    assert.deepEqual(await opened(record), { 'context.risk': 0.1, 'subject.claims.team': 'harpoon' })
    await live.close()
  })

  test('once: to ask again while an answer streams changes no record', async () => {
    const clock = testClock()
    const log = recordingLog()
    const steps: Step[] = []
    const chain = guard({ clock, onError: () => {} })
      .use(audit({ log, sealAttributes: key }))
      .use(verifyIdentity({ verifiers: [identityOf({ claims: { team: 'harpoon' } })] }))
      .use(authorize({ evaluator: policySet({ ...policy, rules: [{ id: 'now', effect: 'permit', when: { 'context.time': { gt: 0 } } }] }) }))
      .use(control('watch', { enter: (_call, step) => void steps.push(step) }))
    const run = chain.protect(
      async function* () {
        for (let part = 0; part < 3; part++) {
          clock.advance(1_000)
          await turn()
          yield part
        }
      },
      { action: 'chat', resource: { type: 'model', id: 'm' } },
    )
    const began = clock.now()
    const before = await run('x', { credentials: { authorization: 'Bearer x' } })
    const [step] = steps
    const noted = step && groundsHolderOf(step)?.grounds
    assert.ok(step !== undefined && noted !== undefined)
    for await (const _ of before) assert.equal(groundsHolderOf(step)?.grounds, noted)
    assert.equal(decisionIn(log.entries).attributes?.time, began)
    assert.equal(groundsHolderOf(step), undefined)
  })

  test('not where the call was refused before policy was asked', async () => {
    const log = recordingLog()
    const chain = guard({ onError: () => {} })
      .use(audit({ log, sealAttributes: key }))
      .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
      .use(rateLimit({ limits: [{ name: 'none', per: (call) => call.identity.key, requests: 1, window: 60 }] }))
      .use(authorize({ evaluator: policySet({ ...policy, rules: policy.rules.slice(1, 2) }) }))
    const run = chain.protect(() => 'answer', { action: 'chat', resource: { type: 'model', id: 'm' } })
    const ask = async (): Promise<unknown> =>
      run('x', { credentials: { authorization: 'Bearer x' }, attributes: { risk: 0.95 } }).catch((error: unknown) => error)
    await ask()
    await ask()
    const [first, , second] = log.entries
    assert.ok(first?.kind === 'decision' && second?.kind === 'decision')
    assert.deepEqual([first.code, first.attributes?.paths], ['denied', ['context.risk']])
    assert.deepEqual([second.code, second.attributes, second.rules], ['limit_exceeded', undefined, undefined])
  })

  test('and is not even looked for where nothing is recorded', async () => {
    const steps: Step[] = []
    const chain = guard()
      .use(unaudited())
      .use(verifyIdentity({ verifiers: [identityOf()] }))
      .use(authorize({ evaluator: policySet({ id: 'p', rules: [{ id: 'a', effect: 'permit', when: { 'context.risk': { lt: 1 } } }] }) }))
      .use(control('watch', { enter: (_call, step) => void steps.push(step) }))
    await chain.protect(() => 'x', { action: 'chat', resource: { type: 'model', id: 'm' } })('x', {
      credentials: { authorization: 'Bearer x' },
      attributes: { risk: 0 },
    })
    assert.equal(steps.length, 1)
    assert.ok(steps.every((step) => groundsHolderOf(step) === undefined))
  })
})

async function somebody(): Promise<Parameters<typeof approvals>[0]['approvers'][number]> {
  const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const jwk = await crypto.subtle.exportKey('jwk', publicKey)
  return {
    issuer: 'https://id.example',
    subject: 'grace',
    keys: { keys: [{ kty: 'EC', crv: 'P-256', x: jwk.x ?? '', y: jwk.y ?? '', alg: 'ES256' }] },
  }
}
