import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  authorize,
  audit,
  type Call,
  detectors,
  guard,
  jwt,
  maskData,
  plainText,
  policySet,
  revocationList,
  verifyIdentity,
} from '../../src/index.ts'
import { recordingLog, testClock } from '../../src/testing/index.ts'
import { assertRejects } from './refusals.ts'
import { issuer } from './whole-guard.ts'

const permit = (id: string, action: string, more: object = {}) => ({ id, effect: 'permit', action: [action], ...more })

function guardOf(rules: object[], options: { clock?: ReturnType<typeof testClock>; log?: ReturnType<typeof recordingLog>; acr?: string } = {}) {
  const { clock, log = recordingLog(), acr } = options
  return guard({ onError: () => {}, ...(clock && { clock }) })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [jwt(issuer.options)], ...(acr !== undefined && { assurance: { acr: [acr] } }) }))
    .use(authorize({ evaluator: policySet({ id: 'p', version: '1', rules }) }))
    .use(maskData({ detect: detectors.email, mode: 'redact', direction: 'request' }))
}

const task = { action: 'task', resource: { type: 'agent', id: 'a' }, codec: plainText }
const tool = { action: 'tool', resource: { type: 'tool', id: 't' }, codec: plainText }

/** Runs `inner` on behalf of a call of `outer`, and gives how that went. */
async function behalf(
  outer: ReturnType<typeof guardOf>,
  inner: ReturnType<typeof guardOf>,
  claims: object = {},
): Promise<{ ran: number; error?: unknown }> {
  let ran = 0
  const child = inner.protect((input: string) => `${++ran} ${input}`, tool)
  const parent = outer.protect(async (_input: string, call) => {
    await child('ada@example.org', { onBehalfOf: call })
    return 'fine'
  }, task)
  try {
    await parent('go', { credentials: await issuer.bearer({ sub: 'ada', ...claims }) })
    return { ran }
  } catch (error) {
    return { ran, error }
  }
}

describe('A6: what is done on behalf of somebody', () => {
  test('needs a permit of its own: neither side alone is enough', async () => {
    const both = guardOf([permit('task', 'task'), permit('tool', 'tool')])
    const onlyTask = guardOf([permit('task', 'task')])
    const onlyTool = guardOf([permit('tool', 'tool')])
    assert.equal((await behalf(both, both)).ran, 1)
    assert.equal((await behalf(onlyTask, onlyTool)).ran, 1)
    for (const [outer, inner] of [
      [both, onlyTask],
      [onlyTask, onlyTask],
      [onlyTool, both],
    ] as const) {
      const { ran, error } = await behalf(outer, inner)
      assert.equal(ran, 0)
      await assertRejects(Promise.reject(error), 'denied')
    }
  })

  test('takes the duties of the parent along, and only adds to them', async () => {
    const strict = guardOf([permit('task', 'task', { obligations: [{ type: 'allow_tools', value: ['other'] }] }), permit('tool', 'tool')])
    const { ran, error } = await behalf(strict, guardOf([permit('tool', 'tool')]))
    assert.equal(ran, 1, 'a call that runs no tool is not narrowed')
    assert.equal(error, undefined)
    const running = { ...tool, action: 'execute_tool' }
    const child = guardOf([permit('x', 'execute_tool', { obligations: [{ type: 'allow_tools', value: ['t', 'other'] }] })])
    let inner = 0
    const run = child.protect(() => String(++inner), running)
    const parent = strict.protect(async (_input: string, call) => {
      await assertRejects(run('x', { onBehalfOf: call }), 'obligation_unmet')
      return 'fine'
    }, task)
    await parent('x', { credentials: await issuer.bearer() })
    assert.equal(inner, 0)
  })

  test("is measured by the child's own rules for identities", async () => {
    const weak = guardOf([permit('task', 'task')])
    const strong = guardOf([permit('tool', 'tool')], { acr: 'phr' })
    const { ran, error } = await behalf(weak, strong)
    assert.equal(ran, 0)
    await assertRejects(Promise.reject(error), 'step_up_required')
    assert.equal((await behalf(weak, strong, { acr: 'phr' })).ran, 1)
  })

  test('ends with the call it is made for, and never outlives its deadline', async () => {
    const clock = testClock()
    const own = guardOf([permit('task', 'task'), permit('tool', 'tool')], { clock })
    const signals: AbortSignal[] = []
    const child = own.protect((_input: string, call) => {
      signals.push(call.signal)
      return new Promise<string>(() => {})
    }, tool)
    const calls: Call[] = []
    const parent = own.protect(async (_input: string, call) => {
      calls.push(call)
      void child('x', { onBehalfOf: call, deadline: 3_600_000 }).catch(() => {})
      await new Promise(() => {})
      return ''
    }, task)
    const credentials = { authorization: `Bearer ${await issuer.mint({ sub: 'ada', iat: 1_767_225_600, exp: 1_999_999_999 })}` }
    const running = parent('x', { credentials, deadline: 1_000 })
    while (signals.length === 0) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(1_001)
    await assertRejects(running, 'deadline_exceeded')
    assert.equal(signals[0]?.aborted, true)
    await assert.rejects(async () => child('x', { onBehalfOf: calls[0] as Call }), TypeError)
  })

  test('shows who acts for whom, and ends when one of them is revoked', async () => {
    const revocation = revocationList()
    const log = recordingLog()
    const base = guard({ onError: () => {} })
      .use(audit({ log }))
      .use(verifyIdentity({ verifiers: [jwt(issuer.options)], revocation }))
      .use(authorize({ evaluator: policySet({ id: 'p', rules: [{ ...permit('task', 'task'), when: { 'subject.delegated': { eq: true } } }] }) }))
    let ran = 0
    const run = base.protect(() => String(++ran), task)
    const act = { sub: 'agent-1', act: { sub: 'agent-2' } }
    const delegated = await issuer.bearer({ sub: 'ada', act })
    assert.equal(await run('x', { credentials: delegated }), '1')
    const [record] = log.entries
    assert.ok(record?.kind === 'decision')
    assert.deepEqual(
      record.subject?.actors?.map(({ subject }) => subject),
      ['agent-1', 'agent-2'],
    )
    await assertRejects(run('x', { credentials: await issuer.bearer({ sub: 'ada' }) }), 'denied')
    for (const broken of [null, 'agent', [], { act: {} }, {}, { sub: '' }, { sub: 5 }])
      await assertRejects(run('x', { credentials: await issuer.bearer({ sub: 'ada', act: broken }) }), 'identity_invalid')
    let deep: object = { sub: 'x' }
    for (let level = 0; level < 30; level++) deep = { sub: 'x', act: deep }
    await assertRejects(run('x', { credentials: await issuer.bearer({ sub: 'ada', act: deep }) }), 'identity_invalid')
    await revocation.revoke({ subject: 'agent-2' })
    await assertRejects(run('x', { credentials: delegated }), 'identity_revoked')
    assert.equal(ran, 1)
  })

  test('is bounded in depth and breadth', async () => {
    const own = guardOf([permit('tool', 'tool')])
    let ran = 0
    const run: (input: string, options: object) => Promise<string> = own.protect(async (input: string, call): Promise<string> => {
      ran++
      return await run(input, { onBehalfOf: call })
    }, tool)
    await assertRejects(run('x', { credentials: await issuer.bearer() }), 'denied')
    assert.ok(ran < 50, `${ran} levels`)
    let wide = 0
    const leaf = own.protect(() => String(++wide), tool)
    const root = own.protect(async (_input: string, call) => {
      for (;;) await leaf('x', { onBehalfOf: call })
    }, tool)
    await assertRejects(root('x', { credentials: await issuer.bearer() }), 'denied')
    assert.ok(wide <= 1_000, `${wide} calls`)
  })
})
