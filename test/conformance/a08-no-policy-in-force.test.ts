import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { authzenEvaluator } from '../../src/adapters/authzen/index.ts'
import { allOf, decisionCache, elevations, firstOf, livePolicy, plainText, type PolicyEvaluator, policySet } from '../../src/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused, assertRejects } from './refusals.ts'
import { served } from './served.ts'
import { analyst, issuer, policy, wholeGuard } from './whole-guard.ts'

/** Refused for want of an answer, and the model never called. */
async function assertUnavailable(evaluator: PolicyEvaluator, privates: readonly string[] = []): Promise<void> {
  const server = served(wholeGuard({ policy: { evaluator } }))
  await assertRefused(await server.ask(chatRequest('x'), await analyst()), 'policy_unavailable', privates)
  assert.equal(server.ran.length, 0)
}

describe('A8: where no policy is in force, and where names are others', () => {
  test('a live policy that has not come yet, that does not load, and that was closed', async () => {
    const never = livePolicy({ load: () => new Promise<never>(() => {}), every: Number.POSITIVE_INFINITY })
    await assertUnavailable(never)
    await assertUnavailable(decisionCache(never))
    await assertUnavailable(allOf(policySet({ id: 'all', rules: [{ id: 'all', effect: 'permit' }] }), never))
    await never.close()
    const sources: readonly (() => unknown)[] = [
      () => undefined,
      () => null,
      () => '',
      () => '{}',
      () => '{"id":"private-id"}',
      () => JSON.stringify({ id: 'private-id', rules: [{ id: 'r', effect: 'allow' }] }),
      () => {
        throw new Error('private-secret')
      },
      () => Promise.reject(new Error('private-secret')),
    ]
    for (const load of sources) {
      const live = livePolicy({ load, every: Number.POSITIVE_INFINITY })
      await assert.rejects(live.ready)
      await assertUnavailable(live, ['private-'])
      await live.close()
    }
    const closed = livePolicy({ load: () => policy, every: Number.POSITIVE_INFINITY })
    await closed.ready
    const server = served(wholeGuard({ policy: { evaluator: closed } }))
    assert.equal((await server.ask(chatRequest('x'), await analyst())).status, 200)
    await closed.close()
    await assertUnavailable(closed)
    await assertUnavailable(decisionCache(closed))
  })

  test('a rule that is gone from a live policy permits nothing any more, remembered or not', async () => {
    for (const isRemembered of [false, true]) {
      let current: object = policy
      const live = livePolicy({ load: () => current, every: Number.POSITIVE_INFINITY })
      await live.ready
      const server = served(wholeGuard({ policy: { evaluator: isRemembered ? decisionCache(live) : live } }))
      for (let ask = 0; ask < 2; ask++) assert.equal((await server.ask(chatRequest('x'), await analyst())).status, 200)
      current = { ...policy, version: '2', rules: policy.rules.slice(1) }
      await live.refresh()
      for (let ask = 0; ask < 2; ask++) await assertRefused(await server.ask(chatRequest('x'), await analyst()), 'denied')
      assert.equal(server.ran.length, 2)
      await live.close()
    }
  })

  test('remembered decisions are for the very names that were asked about', async () => {
    const evaluator = decisionCache(policySet(policy))
    const base = wholeGuard({ policy: { evaluator } })
    const credentials = await analyst()
    let ran = 0
    const named = (action: string, type: string, id: string) =>
      base.protect(() => String(++ran), { action, resource: { type, id }, codec: plainText })('x', { credentials })
    for (let ask = 0; ask < 2; ask++) {
      await named('chat', 'model', 'gpt-5')
      for (const [action, type, id] of [
        ['Chat', 'model', 'gpt-5'],
        ['chat', 'Model', 'gpt-5'],
        ['chat', 'model', 'GPT-5'],
        ['chat', 'model', 'gpt-5/'],
        ['chat', 'modelgpt', '-5'],
        ['chatmodel', 'gpt', '-5'],
        ['chat\u0000model', 'gpt-5', ' '],
        ['chat","model', 'gpt-5', '"'],
        ['model', 'chat', 'gpt-5'],
      ] as const)
        await assertRejects(named(action, type, id), 'denied')
    }
    assert.equal(ran, 2)
  })

  test('a role for a while is that role, of that caller, and no other', async () => {
    const elevating = elevations()
    const rules = [
      { id: 'may-elevate', effect: 'permit', action: ['elevate'] },
      { id: 'responders', effect: 'permit', action: ['restart'], subject: { roles: ['responder'] } },
    ]
    const base = wholeGuard({ policy: { evaluator: policySet({ id: 'conformance-policy', rules }), elevations: elevating } })
    const as = async (sub: string, role: string): Promise<unknown> =>
      base.protect(async (_input: string, call) => (await elevating.elevate(call, role, 60, 'incident')).role, {
        action: 'elevate',
        resource: { type: 'role', id: role },
        codec: plainText,
      })('x', { credentials: await issuer.bearer({ sub, roles: [] }) })
    let ran = 0
    const restart = async (sub: string): Promise<unknown> =>
      base.protect(() => String(++ran), { action: 'restart', resource: { type: 'service', id: 's' }, codec: plainText })('x', {
        credentials: await issuer.bearer({ sub, roles: [] }),
      })
    for (const role of ['Responder', 'responder ', 'responder/', 'respond', '*', 'responder,admin', '["responder"]']) await as('ada', role)
    await assertRejects(restart('ada'), 'denied')
    await as('ada', 'responder')
    for (const other of ['Ada', 'ada ', 'ada/', 'bob', 'ad', 'adaa']) await assertRejects(restart(other), 'denied')
    assert.equal(await restart('ada'), '1')
    assert.equal(ran, 1)
  })

  test('a decision point of others that is not there, or is something else', async () => {
    const answers: readonly (() => Response | Promise<Response>)[] = [
      () => new Response('', { status: 404 }),
      () => new Response('private-secret', { status: 500 }),
      () => Response.json({ decision: true }, { status: 201 }),
      () => new Response(null, { status: 302, headers: { location: 'https://other.example/yes' } }),
      () => new Response('<html>private-secret</html>', { headers: { 'content-type': 'text/html' } }),
      () => Response.json({}),
      () => Response.json({ decision: 'true' }),
      () => Response.json({ decision: 1 }),
      () => Response.json([{ decision: true }]),
      () => Response.json({ decision: true }, { headers: { 'x-request-id': 'of-another' } }),
      () => new Response('{"decision":true,"decision":true}', { headers: { 'content-type': 'application/json' } }),
      () => Promise.reject(new TypeError('private-secret')),
    ]
    for (const [index, answer] of answers.entries()) {
      const evaluator = authzenEvaluator({ pdp: 'https://pdp.example', discovery: false, fetch: async () => answer() })
      await assertUnavailable(evaluator, ['private-', 'pdp.example']).catch((error: unknown) => assert.fail(`answer ${index}: ${String(error)}`))
      await assertUnavailable(firstOf(evaluator, policySet(policy)))
    }
    const evaluator = authzenEvaluator({ pdp: 'https://pdp.example', discovery: false, fetch: async () => Response.json({ decision: true }) })
    assert.equal((await served(wholeGuard({ policy: { evaluator } })).ask(chatRequest('x'), await analyst())).status, 200)
  })
})
