import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { authzenEvaluator } from '../../src/adapters/authzen/authzen-evaluator.ts'
import { authzenHandler } from '../../src/adapters/authzen/authzen-handler.ts'
import type { DecisionRecord } from '../../src/audit-log/record.ts'
import { accessReview } from '../../src/access-review/access-review.ts'
import { policyDiff } from '../../src/access-review/policy-diff.ts'
import { audit } from '../../src/controls/audit.ts'
import { authorize, type AuthorizeOptions } from '../../src/controls/authorize.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Decision, Identity, Obligation } from '../../src/guard/context.ts'
import { control, type Outcome } from '../../src/guard/control.ts'
import { type GuardError, isGuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { allOf } from '../../src/policy/combine.ts'
import type { PolicyEvaluator } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { identityOf } from '../../src/testing/identity-of.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'

const everybody = { id: 'everybody', effect: 'permit' }
const stepUp = { type: 'require_acr', value: ['phr'] }
const bound = { type: 'require_binding', value: 'dpop' }
const forbid = (id: string, ...obligations: Obligation[]): object => ({ id, effect: 'forbid', ...(obligations.length > 0 && { obligations }) })
const evaluatorOf = (...rules: object[]): PolicyEvaluator => policySet({ id: 'private-policy', version: '1', rules: [everybody, ...rules] })
const denying = (...obligations: Obligation[]): PolicyEvaluator => ({
  evaluate: () => ({ allowed: false, policy: { id: 'p', version: '1' }, reasons: [{ rule: 'private-rule', effect: 'forbid' }], obligations }),
})

interface Asked {
  readonly refusal: GuardError | undefined
  readonly ran: number
  readonly record: DecisionRecord
}

async function ask(evaluator: PolicyEvaluator, identity: Partial<Identity> = {}, options: Partial<AuthorizeOptions> = {}): Promise<Asked> {
  const log = recordingLog()
  let ran = 0
  const chain = guard({ onError: () => {} })
    .use(audit({ log }))
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada', ...identity })] }))
    .use(authorize({ evaluator, ...options }))
  const run = chain.protect(() => ++ran, { action: 'pay', resource: { type: 'tool', id: 'pay' } })
  const refusal = await run('x', { credentials: { authorization: 'Bearer x' } }).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(refusal === undefined || isGuardError(refusal), String(refusal))
  const [record] = log.entries
  assert.ok(record?.kind === 'decision')
  return { refusal, ran, record }
}

const weak = { assurance: { amr: ['pwd'] } }
const strong = { assurance: { acr: 'phr', amr: ['hwk'] } }

describe('the duties of a denial', () => {
  test('answer with a challenge where the caller has proved less than they want (RFC 9470)', async () => {
    const { refusal, ran, record } = await ask(evaluatorOf(forbid('private-freeze', stepUp)), weak)
    assert.deepEqual([refusal?.code, refusal?.status, ran], ['step_up_required', 401, 0])
    assert.match(refusal?.headers['www-authenticate'] ?? '', /^Bearer error="insufficient_user_authentication".*acr_values="phr"/)
    assert.equal(JSON.stringify([refusal, refusal?.headers, refusal?.message]).includes('private'), false)
    assert.deepEqual(
      [record.allowed, record.permitted, record.code, record.rules, record.obligations, record.fulfilled],
      [false, false, 'step_up_required', [{ effect: 'forbid', rule: 'private-freeze' }], ['require_acr'], undefined],
    )
    assert.match(record.reason ?? '', /^forbidden by 'private-freeze': /)
  })

  test('are seen by the review and by a comparison of policies, as the denial that they come with', async () => {
    const policy = { id: 'p', version: '1', rules: [{ id: 'all', effect: 'permit' }, forbid('weak', stepUp)] }
    const { record } = await ask(policySet(policy), weak)
    const review = await accessReview(policy, [record])
    assert.deepEqual([review.idleRules, review.records.refused, review.records.unusable], [['all'], 1, {}])
    const without = { ...policy, version: '2', rules: policy.rules.slice(0, 1) }
    assert.equal((await policyDiff(policy, without, [record])).changed.permits, 1)
  })

  test('deny whoever has proved all that they want: no duty makes a permit of a denial', async () => {
    for (const duties of [[stepUp], [{ type: 'require_assurance', amr: 'hwk', factors: 1 }], [bound], [stepUp, bound]] as Obligation[][]) {
      const { refusal, ran, record } = await ask(evaluatorOf(forbid('f', ...duties)), { ...strong, binding: 'dpop' })
      assert.deepEqual([refusal?.code, refusal?.headers, ran, record.permitted], ['denied', {}, 0, undefined])
    }
  })

  test('lead where they should: a forbid that asks for what its condition looks at lets through who comes back with it', async () => {
    // Undecided where the attribute is missing, and false for whoever has it.
    const evaluator = evaluatorOf({ ...forbid('weak', stepUp), when: { 'subject.acr': { ne: 'phr' } } })
    assert.equal((await ask(evaluator, weak)).refusal?.code, 'step_up_required')
    assert.equal((await ask(evaluator, { assurance: { acr: 'pwd', amr: [] } })).refusal?.code, 'step_up_required')
    const { refusal, ran } = await ask(evaluator, strong)
    assert.deepEqual([refusal, ran], [undefined, 1])
  })

  test('ask for a bound credential, after the assurance', async () => {
    const unbound = await ask(evaluatorOf(forbid('f', bound)), weak)
    assert.deepEqual([unbound.refusal?.code, unbound.refusal?.status], ['binding_required', 401])
    assert.match(unbound.refusal?.headers['www-authenticate'] ?? '', /^DPoP/)
    const both = evaluatorOf(forbid('f', bound, stepUp))
    assert.deepEqual(
      [
        (await ask(both, weak)).refusal?.code,
        (await ask(both, strong)).refusal?.code,
        (await ask(both, { ...strong, binding: 'dpop' })).refusal?.code,
      ],
      ['step_up_required', 'binding_required', 'denied'],
    )
  })

  test('send nobody away in vain: not where another rule or engine forbids for good, and not for what cannot be proved', async () => {
    const final = [
      evaluatorOf(forbid('f', stepUp), forbid('g')),
      evaluatorOf(forbid('f', stepUp), forbid('g', { type: 'require_acr', value: ['other'] })),
    ]
    const several = [allOf(evaluatorOf(forbid('f', stepUp)), denying()), allOf(evaluatorOf(forbid('f', stepUp)), policySet({ id: 'q', rules: [] }))]
    for (const evaluator of [...final, ...several]) {
      const { refusal, ran } = await ask(evaluator, weak)
      assert.deepEqual([refusal?.code, refusal?.headers, ran], ['denied', {}, 0])
    }
    assert.equal((await ask(allOf(evaluatorOf(forbid('f', stepUp)), evaluatorOf()), weak)).refusal?.code, 'step_up_required')
    assert.equal((await ask(evaluatorOf(forbid('f', stepUp), forbid('g', bound)), weak)).refusal?.code, 'step_up_required')
  })

  test('of engines of others count as well, and what means nothing on a denial changes nothing', async () => {
    assert.equal((await ask(denying(stepUp), weak)).refusal?.code, 'step_up_required')
    const approvals = { require: () => assert.fail('nobody is asked to approve what is denied'), describe: () => ({}) }
    for (const type of ['require_approval', 'require_passkey', 'no_stream', 'unheard_of', 'seal_response', 'limit']) {
      const { refusal, ran, record } = await ask(denying({ type }), weak, { approvals: approvals as never })
      assert.deepEqual([refusal?.code, ran, record.obligations], ['denied', 0, [type]])
    }
  })

  test('travel as AuthZEN writes them, and challenge on the other side', async () => {
    const handler = authzenHandler(evaluatorOf(forbid('f', stepUp)), { pdp: 'https://pdp.example', authenticate: () => true })
    const evaluator = authzenEvaluator({
      pdp: 'https://pdp.example',
      fetch: (url, init) => handler(new Request(url, init)),
    })
    const { refusal, ran, record } = await ask(evaluator, weak)
    assert.deepEqual([refusal?.code, ran, record.obligations], ['step_up_required', 0, ['require_assurance']])
    assert.equal((await ask(evaluator, strong)).refusal?.code, 'denied')
  })

  test('end a running stream as they would have refused it', async () => {
    const clock = testClock()
    let isForbidden = false
    const evaluators = [evaluatorOf(), evaluatorOf(forbid('f', stepUp))] as const
    const chain = guard({ clock, onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [identityOf(weak)] }))
      .use(authorize({ evaluator: { evaluate: (request) => evaluators[isForbidden ? 1 : 0].evaluate(request) } }))
    const run = chain.protect(
      async function* (_input: string, call) {
        yield 'one'
        await new Promise((resolve) => call.signal.addEventListener('abort', resolve, { once: true }))
      },
      { action: 'chat', resource: { type: 'model', id: 'm' } },
    )
    const parts: unknown[] = []
    const reading = (async () => {
      for await (const part of await run('x', { credentials: { authorization: 'Bearer x' } })) parts.push(part)
    })()
    await turn()
    isForbidden = true
    const ended = assert.rejects(reading, { code: 'step_up_required' })
    for (let beat = 0; beat < 4; beat++) {
      clock.advance(500)
      for (let turns = 0; turns < 5; turns++) await turn()
    }
    await ended
    assert.deepEqual(parts, ['one'])
  })

  test('of controls of one’s own come to them as they leave, and are recorded as carried out', async () => {
    const log = recordingLog()
    const seen: Outcome['obligations'][] = []
    const notify = { type: 'notify', to: 'soc' }
    const notifying = control(
      'notify',
      {
        leave(outcome, _context, _call, step) {
          seen.push(outcome.obligations)
          if (outcome.obligations?.some(({ type }) => type === 'notify') === true) step.fulfill('notify')
        },
      },
      { fulfills: ['notify'] },
    )
    const identified = guard({ onError: () => {} })
      .use(audit({ log }))
      .use(notifying)
      .use(verifyIdentity({ verifiers: [identityOf(weak)] }))
    const operation = { action: 'pay', resource: { type: 'tool', id: 'pay' } } as const
    const request = { credentials: { authorization: 'Bearer x' } }
    const pay = identified.use(authorize({ evaluator: evaluatorOf(forbid('f', notify, stepUp)) })).protect(() => 'paid', operation)
    await assert.rejects(pay('x', request), { code: 'step_up_required' })
    assert.deepEqual(seen, [[notify, stepUp]])
    const [record] = log.entries
    assert.ok(record?.kind === 'decision')
    assert.deepEqual([record.obligations, record.fulfilled], [['notify', 'require_acr'], ['notify']])
    // Neither a permit's nor what something else refused.
    assert.equal(await identified.use(authorize({ evaluator: evaluatorOf() })).protect(() => 'paid', operation)('x', request), 'paid')
    await assert.rejects(async () => pay('x', { ...request, attributes: { time: 1 } }), { code: 'misconfigured' })
    assert.deepEqual(seen.slice(1), [undefined, undefined])
  })

  test('that nobody in the chain carries out are a TypeError, as those of a permit are', () => {
    const chain = guard()
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [identityOf()] }))
      .use(authorize({ evaluator: evaluatorOf(forbid('f', { type: 'notify' })) }))
    assert.throws(() => chain.protect(() => 'x', { action: 'a', resource: { type: 't', id: 'i' } }), /obliges to 'notify', and no control/)
  })

  test('A10: never let anything through, whatever they are and whoever asks', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.constantFrom<Obligation>(stepUp, bound, { type: 'require_assurance', factors: 2 }, { type: 'require_assurance', maxAge: 5 }),
            fc.constantFrom<Obligation>({ type: 'require_approval' }, { type: 'no_stream' }, { type: 'notify' }, { type: 'allow_tools', value: [] }),
          ),
          { maxLength: 4 },
        ),
        fc.record({
          assurance: fc.constantFrom<Identity['assurance']>(weak.assurance, strong.assurance, {
            acr: 'phr',
            amr: ['hwk', 'pin'],
            authenticatedAt: Date.now(),
          }),
          binding: fc.constantFrom('dpop' as const, 'mtls' as const),
        }),
        async (duties, identity) => {
          const approvals = { require: async () => ({ issuer: 'i', subject: 's', id: '1' }), describe: () => ({}) }
          const { refusal, ran, record } = await ask(denying(...duties), identity, { approvals })
          assert.equal(ran, 0)
          assert.ok(['denied', 'step_up_required', 'binding_required'].includes(refusal?.code ?? ''))
          assert.deepEqual([record.allowed, record.permitted], [false, refusal?.code === 'denied' ? undefined : false])
        },
      ),
      { numRuns: 100 },
    ))
})

describe('a decision that is denied', () => {
  test('carries the duties of the rules that forbid, and none where nothing permits', () => {
    const decide = (...rules: object[]): Decision =>
      policySet({ id: 'p', rules }).evaluate({ subject: { type: 'user', id: 'a' }, action: { name: 'pay' }, resource: { type: 't', id: 'i' } })
    assert.deepEqual(decide(everybody, forbid('f', stepUp, { type: 'notify' })).obligations, [{ type: 'notify' }, stepUp])
    assert.deepEqual(decide(everybody, forbid('f', stepUp, { type: 'notify' }), forbid('g')).obligations, [{ type: 'notify' }])
    assert.deepEqual(decide(everybody, forbid('f', stepUp), forbid('g', { type: 'notify' })).obligations, [{ type: 'notify' }])
    assert.deepEqual(decide(everybody, forbid('f', stepUp), forbid('g', bound)).obligations, [stepUp, bound])
    // Those of a permit are nothing to a denial.
    assert.deepEqual(decide({ ...everybody, obligations: [{ type: 'no_stream' }] }, forbid('f')).obligations, [])
    assert.deepEqual(decide({ ...everybody, action: 'other', obligations: [stepUp] }).obligations, [])
    assert.deepEqual(policySet({ id: 'p', rules: [forbid('f', stepUp, { type: 'notify' })] }).obliges, ['notify', 'require_acr'])
  })
})
