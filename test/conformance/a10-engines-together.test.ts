import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { authzenEvaluator } from '../../src/adapters/authzen/index.ts'
import {
  allOf,
  approvals,
  type Decision,
  decisionCache,
  elevations,
  firstOf,
  livePolicy,
  plainText,
  type PolicyEvaluator,
  policySet,
  signApproval,
  type ApprovalRequest,
} from '../../src/index.ts'
import { recordingLog, testClock } from '../../src/testing/index.ts'
import { chatRequest, chunk } from './chat-payloads.ts'
import { inTime } from './in-time.ts'
import { assertRefused, assertRejects } from './refusals.ts'
import { served } from './served.ts'
import { signingKey } from './signing-key.ts'
import { analyst, issuer, wholeGuard } from './whole-guard.ts'

const everybody = { id: 'everybody', effect: 'permit' }
const quarantine = { id: 'private-quarantine', effect: 'forbid', resource: { type: 'model' } }
const permitting = policySet({ id: 'open', rules: [everybody] })
const forbidding = policySet({ id: 'closed', rules: [everybody, quarantine] })
const silent = policySet({ id: 'silent', rules: [] })
const later = (evaluator: PolicyEvaluator): PolicyEvaluator => ({
  async evaluate(request) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    return evaluator.evaluate(request)
  },
})
const pdp = (decision: unknown): PolicyEvaluator =>
  authzenEvaluator({ pdp: 'https://pdp.example', discovery: false, fetch: async () => Response.json({ decision }) })

describe('A10: a forbid wins over every engine, role, approval and memory beside it', () => {
  // A guard's own timers do not keep a process alive.
  let alive: ReturnType<typeof setInterval>
  before(() => void (alive = setInterval(() => {}, 1_000)))
  after(() => clearInterval(alive))

  test('of one of several engines, in every order, at once or late', async () => {
    const credentials = await analyst()
    for (const one of [forbidding, later(forbidding), pdp(false), silent])
      for (const other of [permitting, later(permitting), pdp(true)])
        for (const evaluator of [allOf(one, other), allOf(other, one), allOf(other, other, one), allOf(allOf(other, one), other)]) {
          const server = served(wholeGuard({ policy: { evaluator } }))
          await assertRefused(await server.ask(chatRequest('x'), credentials), 'denied', ['private-quarantine', 'pdp.example'])
          assert.equal(server.ran.length, 0)
        }
    for (const evaluator of [firstOf(forbidding, permitting), firstOf(silent, later(forbidding), permitting), firstOf(pdp(false), permitting)])
      await assertRefused(await served(wholeGuard({ policy: { evaluator } })).ask(chatRequest('x'), credentials), 'denied')
    for (const evaluator of [allOf(permitting, later(permitting), pdp(true)), firstOf(silent, permitting)])
      assert.equal((await served(wholeGuard({ policy: { evaluator } })).ask(chatRequest('x'), credentials)).status, 200)
  })

  test('and one of them that throws, hangs or answers nonsense permits nothing', async () => {
    const clock = testClock(Date.now())
    const credentials = await analyst()
    const broken: readonly PolicyEvaluator['evaluate'][] = [
      () => {
        throw new Error('hunter2')
      },
      () => Promise.reject(new Error('hunter2')),
      () => ({ allowed: true }) as Decision,
      () => undefined as never,
      () => new Promise<never>(() => {}),
    ]
    for (const evaluate of broken)
      for (const evaluator of [
        allOf({ evaluate }, permitting),
        allOf(permitting, { evaluate }),
        firstOf({ evaluate }, permitting),
        firstOf(silent, { evaluate }),
      ]) {
        const server = served(wholeGuard({ clock, policy: { evaluator, deadline: 400 } }))
        await assertRefused(await inTime(clock, server.ask(chatRequest('x'), credentials)), 'policy_unavailable', ['hunter2'])
        assert.equal(server.ran.length, 0)
      }
  })

  test('over a role for a while', async () => {
    const elevating = elevations()
    const rules = [
      { id: 'may-elevate', effect: 'permit', action: ['elevate'] },
      { id: 'responders', effect: 'permit', action: ['restart'], subject: { roles: ['responder'] } },
      { id: 'nobody-elevated', effect: 'forbid', action: ['restart'], when: { 'subject.elevated': { contains: 'responder' } } },
    ]
    let current = rules.slice(0, 2)
    const live = livePolicy({ load: () => ({ id: 'conformance-policy', rules: current }), every: Number.POSITIVE_INFINITY })
    await live.ready
    const base = wholeGuard({ policy: { evaluator: live, elevations: elevating } })
    const credentials = await issuer.bearer({ sub: 'ada', roles: [] })
    const operation = { action: 'restart', resource: { type: 'service', id: 's' }, codec: plainText }
    let ran = 0
    const restart = base.protect(() => String(++ran), operation)
    await base.protect(async (_input: string, call) => (await elevating.elevate(call, 'responder', 60, 'incident')).role, {
      action: 'elevate',
      resource: { type: 'role', id: 'responder' },
      codec: plainText,
    })('x', { credentials })
    assert.equal(await restart('x', { credentials }), '1')
    current = rules
    await live.refresh()
    await assertRejects(restart('x', { credentials }), 'denied')
    assert.equal(ran, 1)
    await live.close()
  })

  test('over an approval that somebody gave', async () => {
    const key = await signingKey('grace-1')
    const grace = { issuer: 'https://id.example', subject: 'grace' }
    const requests: ApprovalRequest[] = []
    const approving = approvals({ approvers: [{ ...grace, keys: key.jwks }], onRequest: (request) => void requests.push(request) })
    const rules: object[] = [{ id: 'pay', effect: 'permit', action: 'pay', obligations: [{ type: 'require_approval' }] }]
    const live = livePolicy({ load: () => ({ id: 'conformance-policy', rules }), every: Number.POSITIVE_INFINITY })
    await live.ready
    let ran = 0
    const pay = wholeGuard({ policy: { evaluator: live, approvals: approving } }).protect(() => String(++ran), {
      action: 'pay',
      resource: { type: 'tool', id: 'pay' },
      codec: plainText,
    })
    const credentials = await analyst()
    await assertRejects(pay('x', { credentials }), 'approval_required')
    const approved = await signApproval(requests[0] ?? assert.fail(), { ...grace, key: { ...key.jwk, alg: 'ES256' } })
    rules.push({ id: 'private-freeze', effect: 'forbid' })
    await live.refresh()
    await assertRejects(pay('x', { credentials, approvals: [approved] }), 'denied', ['private-freeze'])
    assert.equal(ran, 0)
    rules.pop()
    await live.refresh()
    assert.equal(await pay('x', { credentials, approvals: [approved] }), '1')
    await live.close()
  })

  test('over what was remembered before it came, and it ends what streams', async () => {
    const clock = testClock(Date.now())
    let rules: object[] = [everybody]
    const live = livePolicy({ load: () => ({ id: 'conformance-policy', rules }), every: Number.POSITIVE_INFINITY, clock })
    await live.ready
    for (const evaluator of [live, decisionCache(live)]) {
      rules = [everybody]
      await live.refresh()
      const log = recordingLog()
      let aborted = 0
      const server = served(wholeGuard({ clock, log, policy: { evaluator } }), (input, signal) =>
        input.stream === true
          ? (async function* () {
              signal.addEventListener('abort', () => aborted++)
              yield chunk({ delta: { content: 'word ' } })
              await new Promise(() => {})
            })()
          : {
              id: 'x',
              object: 'chat.completion',
              created: 1,
              model: 'gpt-5',
              choices: [],
              usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
            },
      )
      const credentials = await analyst()
      const streaming = await server.ask(chatRequest('x', { stream: true }), credentials)
      assert.equal(streaming.status, 200)
      const reading = streaming.text()
      rules = [everybody, quarantine]
      await live.refresh()
      assert.match(await inTime(clock, reading), /"code":"denied"/)
      assert.equal(aborted, 1)
      for (let ask = 0; ask < 2; ask++) await assertRefused(await server.ask(chatRequest('x'), credentials), 'denied', ['private-quarantine'])
      assert.equal(server.ran.length, 1)
    }
    await live.close()
  })

  test('and its duties never make a permit of it', async () => {
    const duties = [{ type: 'require_acr', value: ['phr'] }, { type: 'require_binding' }]
    const evaluator = policySet({ id: 'conformance-policy', rules: [everybody, { ...quarantine, obligations: duties }] })
    const server = served(wholeGuard({ policy: { evaluator } }))
    await assertRefused(await server.ask(chatRequest('x'), await analyst()), 'step_up_required', ['private-quarantine'])
    await assertRefused(await server.ask(chatRequest('x'), await analyst('ada', { acr: 'phr' })), 'binding_required', ['private-quarantine'])
    const unbound = policySet({ id: 'conformance-policy', rules: [everybody, { ...quarantine, obligations: duties.slice(0, 1) }] })
    const other = served(wholeGuard({ policy: { evaluator: unbound } }))
    await assertRefused(await other.ask(chatRequest('x'), await analyst('ada', { acr: 'phr' })), 'denied', ['private-quarantine'])
    assert.equal(server.ran.length + other.ran.length, 0)
  })
})
