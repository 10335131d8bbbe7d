import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { authorize, type AuthorizeOptions, type Difference } from '../../src/controls/authorize.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import type { Codec, Facts } from '../../src/guard/codec.ts'
import type { Call, Decision, Identity, Known, Obligation } from '../../src/guard/context.ts'
import { builtIn, control, type Outcome } from '../../src/guard/control.ts'
import { decisionOf } from '../../src/guard/errors.ts'
import { GuardError, isGuardError, reasonOf, toProblem } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { snapshotJson } from '../../src/guard/snapshot.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { allowAll, denyAll } from '../../src/testing/allow-all.ts'
import { testClock } from '../../src/testing/test-clock.ts'

const someone: Identity = {
  key: '2:idada',
  subject: 'ada',
  issuer: 'id',
  kind: 'user',
  roles: ['analyst'],
  scopes: [],
  claims: { department: 'sales' },
  actors: [],
  assurance: { amr: [] },
  expiresAt: Number.POSITIVE_INFINITY,
}
const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' } } as const
const permit = (obligations: readonly Obligation[] = []): Decision => ({
  allowed: true,
  policy: { id: 'p', version: '1' },
  reasons: [{ rule: 'r', effect: 'permit' }],
  obligations,
})

// Reads what a test's input says of itself.
const codec: Codec = {
  name: 'test',
  snapshot: snapshotJson,
  facts: (input) => ({ tools: [], stream: false, choices: 1, opaque: [], ...(input as Partial<Facts>) }),
  texts: () => [],
  replace: (input) => input,
  answer: {
    snapshot: (part) => part,
    texts: () => [],
    replace: (part) => part,
    ends: () => [],
    carry: (like) => like,
    assemble: (parts) => parts,
    usage: () => undefined,
  },
}

interface Chain extends Partial<AuthorizeOptions> {
  readonly evaluator: PolicyEvaluator
  readonly identity?: Partial<Identity>
  readonly clock?: ReturnType<typeof testClock>
  readonly claims?: readonly string[]
}

function chainWith({ identity, clock, claims = [], ...options }: Chain) {
  const outcomes: Outcome[] = []
  const known = builtIn<Call, Pick<Known, 'identity'>>(
    'verifyIdentity',
    { enter: () => ({ identity: { ...someone, ...identity } }) },
    { adds: ['identity'] },
    {},
  )
  const chain = guard({ onError: () => {}, ...(clock !== undefined && { clock }) })
    .use(unaudited())
    .use(control('watch', { leave: (outcome) => void outcomes.push(outcome) }))
    .use(known)
    .use(authorize(options))
    .use(control('obey', { enter: (_call, step) => claims.forEach((type) => void step.fulfill(type)) }, { fulfills: claims }))
  return { chain, outcomes }
}

const always = (decision: Decision): PolicyEvaluator => ({ evaluate: () => decision })
const obliging = (...obligations: Obligation[]): PolicyEvaluator => always(permit(obligations))

describe('authorize', () => {
  test('asks with the call, and lets pass what is permitted', async () => {
    const asked: PolicyRequest[] = []
    const evaluator: PolicyEvaluator = {
      evaluate(request) {
        asked.push(request)
        return permit()
      },
    }
    const { chain } = chainWith({ evaluator })
    const run = chain.protect((_input: unknown, call) => call.decision, { ...operation, codec })
    assert.deepEqual(await run({ model: 'gpt-5' }, { attributes: { risk: 0.1 }, channel: { secure: true } }), permit())
    assert.deepEqual(asked, [
      {
        subject: {
          type: 'user',
          id: 'ada',
          properties: { key: '2:idada', issuer: 'id', roles: ['analyst'], scopes: [], claims: { department: 'sales' }, amr: [], delegated: false },
        },
        action: { name: 'chat', properties: { model: 'gpt-5', tools: [], stream: false, choices: 1, opaque: 0 } },
        resource: { type: 'model', id: 'gpt-5', properties: {} },
        context: { risk: 0.1, secure: true, time: asked[0]?.context?.time },
      },
    ])
    const [request] = asked
    assert.equal(typeof request?.context?.time, 'number')
    for (const part of [request, request?.subject, request?.subject.properties, request?.subject.properties?.roles, request?.context])
      assert.ok(Object.isFrozen(part))
  })

  test('refuses what policy denies; the rule is for the log, never for the caller', async () => {
    const { chain, outcomes } = chainWith({
      evaluator: policySet({ id: 'p', version: '3', rules: [{ id: 'no-analysts', effect: 'forbid', subject: { roles: 'analyst' } }] }),
    })
    let ran = 0
    const error: unknown = await chain
      .protect(
        () => ran++,
        operation,
      )(null)
      .catch((thrown: unknown) => thrown)
    assert.ok(isGuardError(error))
    assert.deepEqual([error.code, error.status, error.message, ran], ['denied', 403, 'This is not permitted.', 0])
    assert.doesNotMatch(JSON.stringify([error, toProblem(error), error.headers, { ...error }]), /no-analysts/)
    assert.match(reasonOf(error), /forbidden by 'no-analysts'/)
    assert.deepEqual(decisionOf(outcomes[0]?.error), {
      allowed: false,
      policy: { id: 'p', version: '3' },
      reasons: [{ rule: 'no-analysts', effect: 'forbid' }],
      obligations: [],
    })
  })

  test('says in the log why there was no permit', async () => {
    const reason = async (rules: unknown[]): Promise<string> =>
      reasonOf(
        await chainWith({ evaluator: policySet({ id: 'p', rules }), claims: ['own'] })
          .chain.protect(
            () => 1,
            operation,
          )(null)
          .catch((thrown: unknown) => thrown),
      )
    assert.match(await reason([]), /no rule permits it/)
    assert.match(
      await reason([{ id: 'duty', effect: 'permit', when: { 'context.risk': { lt: 1 } }, obligations: [{ type: 'own' }] }]),
      /whether the duties of 'duty' apply/,
    )
  })

  test('A10, A28: an evaluator that throws, rejects, answers nonsense or hangs refuses, and the function does not run', async () => {
    const clock = testClock()
    let ran = 0
    const answers: (() => unknown)[] = [
      () => {
        throw new Error('down')
      },
      () => {
        throw new GuardError('denied')
      },
      () => Promise.reject(new Error('down')),
      () => undefined,
      () => ({ allowed: true }),
      () => ({ ...permit(), allowed: 'true' }),
      () => Promise.resolve({ ...permit(), allowed: 1 }),
      () => new Promise(() => {}),
    ]
    for (const answer of answers) {
      const { chain } = chainWith({ evaluator: { evaluate: answer as never }, clock, deadline: 50 })
      const refused = assert.rejects(chain.protect(() => ran++, operation)(null), { code: 'policy_unavailable', status: 503 })
      await turn()
      clock.advance(50)
      await refused
    }
    assert.equal(ran, 0)
  })

  test('waits for an evaluator that takes its time', async () => {
    const { chain } = chainWith({ evaluator: { evaluate: () => turn(permit()) } })
    assert.equal(await chain.protect(() => 'answer', operation)(null), 'answer')
    const { chain: refusing } = chainWith({ evaluator: { evaluate: () => turn({ ...permit(), allowed: false }) } })
    await assert.rejects(refusing.protect(() => 1, operation)(null), { code: 'denied' })
  })

  test('refuses wrong options when it is made', () => {
    const evaluator = allowAll()
    for (const options of [
      undefined,
      null,
      {},
      { evaluator: undefined },
      { evaluator: {} },
      { evaluator: () => permit() },
      { evaluator, shadow: {} },
      { evaluator, shaddow: evaluator },
      { evaluator, onDifference: () => {} },
      { evaluator, shadow: evaluator, onDifference: 1 },
      { evaluator, deadline: 0 },
      { evaluator, deadline: Number.NaN },
      { evaluator, deadline: '5' },
      { evaluator, recheck: 5 },
      { evaluator, recheck: null },
      { evaluator, recheck: { every: 0 } },
      { evaluator, recheck: { every: 1, evry: 1 } },
      { evaluator, recheck: { every: Number.POSITIVE_INFINITY } },
      { evaluator: { evaluate: () => permit(), obliges: 'mask' } },
    ])
      assert.throws(() => authorize(options as never), TypeError, JSON.stringify(options))
  })

  test('describes evaluator and policy, and tells the guard which duties to expect', () => {
    const evaluator = policySet({ id: 'p', version: '3', rules: [{ id: 'r', effect: 'permit', obligations: [{ type: 'mask' }] }] })
    const made = authorize({ evaluator, shadow: allowAll(), recheck: { every: 2 } })
    assert.deepEqual(made.details, { evaluator: evaluator.describe(), shadow: { kind: 'allow-all' }, recheck: { every: 2 }, deadline: 2000 })
    assert.deepEqual(made.traits.obliges, ['mask'])
    assert.deepEqual([made.needs, made.adds], [['identity'], ['decision']])
    assert.throws(() => chainWith({ evaluator }).chain.protect(() => 1, operation), /obliges to 'mask'/)
    assert.doesNotThrow(() => chainWith({ evaluator, claims: ['mask'] }).chain.protect(() => 1, operation))
  })
})

describe('the duties of a permit', () => {
  const call = (
    evaluator: PolicyEvaluator,
    identity: Partial<Identity> = {},
    input: unknown = {},
    fn: (input: unknown) => unknown = () => 'ran',
    withCodec = true,
  ) => chainWith({ evaluator, identity }).chain.protect(fn, { ...operation, ...(withCodec && { codec }) })(input)

  test('one that nobody carries out refuses', async () => {
    await assert.rejects(call(obliging({ type: 'mask' })), { code: 'obligation_unmet' })
  })

  test('require_acr asks for a stronger authentication, with the challenge of RFC 9470', async () => {
    const evaluator = obliging({ type: 'require_acr', value: ['phr', 'phrh'] })
    assert.equal(await call(evaluator, { assurance: { acr: 'phr', amr: [] } }), 'ran')
    for (const assurance of [{ amr: [] }, { acr: 'pwd', amr: ['phr'] }, { acr: 'PHR', amr: [] }, { acr: 'phr phrh', amr: [] }])
      await assert.rejects(call(evaluator, { assurance }), {
        code: 'step_up_required',
        status: 401,
        headers: {
          'www-authenticate':
            'Bearer error="insufficient_user_authentication", error_description="A stronger authentication is required.", acr_values="phr phrh"',
        },
      })
    await assert.rejects(
      call(evaluator, { binding: 'dpop' }),
      (error) => isGuardError(error) && /^DPoP error=/.test(error.headers['www-authenticate'] ?? ''),
    )
    const refused: unknown = await call(evaluator).catch((error: unknown) => error)
    assert.equal(decisionOf(refused)?.reasons[0]?.rule, 'r')
  })

  test('several require_acr must all be met', async () => {
    const evaluator = obliging({ type: 'require_acr', value: ['a', 'b'] }, { type: 'require_acr', value: ['b', 'c'] })
    assert.equal(await call(evaluator, { assurance: { acr: 'b', amr: [] } }), 'ran')
    await assert.rejects(
      call(evaluator, { assurance: { acr: 'a', amr: [] } }),
      (error) => isGuardError(error) && /acr_values="b"/.test(error.headers['www-authenticate'] ?? ''),
    )
    const impossible = obliging({ type: 'require_acr', value: 'a' }, { type: 'require_acr', value: 'c' })
    await assert.rejects(call(impossible, { assurance: { acr: 'a', amr: [] } }), { code: 'obligation_unmet' })
  })

  test('require_binding wants a credential bound to its sender', async () => {
    for (const [value, bindings] of [
      ['any', ['dpop', 'mtls']],
      ['dpop', ['dpop']],
      ['mtls', ['mtls']],
    ] as const) {
      const evaluator = obliging({ type: 'require_binding', value })
      for (const binding of ['dpop', 'mtls'] as const) {
        if ((bindings as readonly string[]).includes(binding)) assert.equal(await call(evaluator, { binding }), 'ran')
        else await assert.rejects(call(evaluator, { binding }), { code: 'binding_required' })
      }
      await assert.rejects(call(evaluator), (error) => isGuardError(error) && error.status === 401 && error.headers['www-authenticate'] !== undefined)
    }
    assert.equal(await call(obliging({ type: 'require_binding' }), { binding: 'mtls' }), 'ran')
  })

  test('require_approval refuses, as long as nobody can approve', async () => {
    await assert.rejects(call(obliging({ type: 'require_approval' })), { code: 'approval_required', status: 403 })
  })

  test('no_stream refuses a request for a stream before the function runs, and a stream that comes all the same', async () => {
    const evaluator = obliging({ type: 'no_stream' })
    let ran = 0
    const streaming = async function* () {
      ran++
      yield 'part'
    }
    assert.equal(await call(evaluator), 'ran')
    await assert.rejects(call(evaluator, {}, { stream: true }, streaming), { code: 'obligation_unmet' })
    assert.equal(ran, 0)
    for (const withCodec of [true, false]) await assert.rejects(call(evaluator, {}, {}, streaming, withCodec), { code: 'obligation_unmet' })
    assert.equal(ran, 0)
    assert.equal(await call(evaluator, {}, {}, () => 'whole', false), 'whole')
  })

  test('allow_tools refuses a tool that is not named, and what cannot be read', async () => {
    const evaluator = obliging({ type: 'allow_tools', value: ['search', 'mail'] })
    assert.equal(await call(evaluator, {}, { tools: ['mail'] }), 'ran')
    assert.equal(await call(evaluator, {}, { tools: [] }), 'ran')
    for (const tools of [['mail', 'shell'], ['Mail'], ['__proto__']])
      await assert.rejects(call(evaluator, {}, { tools }), { code: 'obligation_unmet' })
    await assert.rejects(call(evaluator, {}, {}, undefined, false), { code: 'obligation_unmet' })
    await assert.rejects(call(obliging({ type: 'allow_tools', value: [] }), {}, { tools: ['mail'] }), { code: 'obligation_unmet' })
  })

  test('allow_tools is asked of the tool itself where one is run', async () => {
    const { chain } = chainWith({ evaluator: obliging({ type: 'allow_tools', value: ['search'] }) })
    const run = (id: string) => chain.protect(() => 'ran', { action: 'execute_tool', resource: { type: 'tool', id } })(null)
    assert.equal(await run('search'), 'ran')
    await assert.rejects(run('shell'), { code: 'obligation_unmet' })
  })

  test('those of a parent call carry over and are never loosened', async () => {
    const duties: Record<string, Obligation[]> = {
      outer: [{ type: 'max_output_tokens', value: 100 }, { type: 'allow_tools', value: ['a', 'b'] }, { type: 'own' }],
      inner: [
        { type: 'max_output_tokens', value: 500 },
        { type: 'allow_tools', value: ['b', 'c'] },
      ],
    }
    const { chain } = chainWith({ evaluator: { evaluate: ({ resource }) => permit(duties[resource.id]) }, claims: ['max_output_tokens', 'own'] })
    const inner = chain.protect((_input: unknown, call) => call.decision.obligations, {
      action: 'chat',
      resource: { type: 'model', id: 'inner' },
      codec,
    })
    const outer = chain.protect((_input: unknown, call) => inner({ tools: ['b'] }, { onBehalfOf: call }), {
      action: 'chat',
      resource: { type: 'agent', id: 'outer' },
      codec,
    })
    assert.deepEqual(await outer({}), [{ type: 'allow_tools', value: ['b'] }, { type: 'max_output_tokens', value: 100 }, { type: 'own' }])
    const wider = chain.protect((_input: unknown, call) => inner({ tools: ['c'] }, { onBehalfOf: call }), {
      action: 'chat',
      resource: { type: 'agent', id: 'outer' },
      codec,
    })
    await assert.rejects(wider({}), { code: 'obligation_unmet' })
    assert.deepEqual(await inner({ tools: ['c'] }), [
      { type: 'allow_tools', value: ['b', 'c'] },
      { type: 'max_output_tokens', value: 500 },
    ])
  })

  test('a parent whose duty the guard of the child cannot carry out refuses the child', async () => {
    const outer = chainWith({ evaluator: obliging({ type: 'own' }), claims: ['own'] }).chain
    const inner = chainWith({ evaluator: allowAll() }).chain.protect(() => 1, operation)
    await assert.rejects(outer.protect((_input: unknown, call) => inner(null, { onBehalfOf: call }), operation)(null), { code: 'obligation_unmet' })
  })
})

describe('while an answer streams', () => {
  async function* endless(): AsyncGenerator<number> {
    for (let part = 0; ; part++) yield part
  }
  const settled = async (): Promise<void> => {
    for (let round = 0; round < 3; round++) await turn()
  }

  function streaming(options: Partial<AuthorizeOptions> = {}) {
    const clock = testClock()
    const asked = { count: 0 }
    let answer: () => unknown = () => permit([{ type: 'own', value: 1 }])
    const evaluator: PolicyEvaluator = {
      evaluate: () => {
        asked.count++
        return answer() as Decision
      },
    }
    const { chain, outcomes } = chainWith({ evaluator, clock, claims: ['own', 'other'], ...options })
    return {
      clock,
      asked,
      outcomes,
      start: chain.protect(endless, operation),
      answer: (next: () => unknown) => {
        answer = next
      },
    }
  }

  test('policy is asked every half second, and goes on while it permits', async () => {
    const { clock, asked, start, outcomes } = streaming()
    const parts = await start(null)
    assert.deepEqual(await parts.next(), { done: false, value: 0 })
    assert.equal(asked.count, 1)
    clock.advance(499)
    assert.equal(asked.count, 1)
    for (const count of [2, 3, 4]) {
      clock.advance(500)
      await settled()
      assert.equal(asked.count, count)
      assert.deepEqual((await parts.next()).done, false)
    }
    await parts.return?.()
    await settled()
    clock.advance(10_000)
    await settled()
    assert.equal(asked.count, 4)
    assert.equal(clock.pending, 0)
    assert.equal(outcomes.length, 1)
  })

  for (const [name, answer, code] of [
    ['a denial', () => ({ ...permit(), allowed: false }), 'denied'],
    ['a denial that comes later', () => Promise.resolve({ ...permit(), allowed: false }), 'denied'],
    ['a failure', () => Promise.reject(new Error('down')), 'policy_unavailable'],
    ['nonsense', () => ({ allowed: true }), 'policy_unavailable'],
    ['a duty more', () => permit([{ type: 'own', value: 1 }, { type: 'other' }]), 'obligation_unmet'],
    ['a stricter duty', () => permit([{ type: 'own', value: 2 }]), 'obligation_unmet'],
  ] as const) {
    test(`${name} ends it at once`, async () => {
      const { clock, start, outcomes, answer: become } = streaming()
      const parts = await start(null)
      await parts.next()
      become(answer)
      clock.advance(500)
      await settled()
      assert.equal(outcomes.length, 1)
      assert.equal(outcomes[0]?.ending, 'refused')
      await assert.rejects(parts.next(), { code })
      assert.deepEqual(await parts.next(), { done: true, value: undefined })
      assert.equal(clock.pending, 0)
    })
  }

  test('an evaluator that hangs ends it after the deadline, and is asked once at a time', async () => {
    const { clock, asked, start, answer } = streaming({ deadline: 3000, recheck: { every: 1 } })
    const parts = await start(null)
    await parts.next()
    answer(() => new Promise(() => {}))
    clock.advance(3999)
    await settled()
    assert.equal(asked.count, 2)
    clock.advance(1)
    await settled()
    await assert.rejects(parts.next(), { code: 'policy_unavailable' })
  })

  test('a permit without the duty does not end the duty, and nothing is asked about a whole answer', async () => {
    const { clock, asked, start, answer } = streaming()
    const parts = await start(null)
    answer(() => permit())
    clock.advance(500)
    await settled()
    assert.equal((await parts.next()).done, false)
    await parts.return?.()
    const counting: PolicyEvaluator = {
      evaluate() {
        asked.count++
        return permit()
      },
    }
    const whole = chainWith({ evaluator: counting, clock }).chain
    asked.count = 0
    assert.equal(
      await whole.protect(async () => {
        clock.advance(5000)
        return 'whole'
      }, operation)(null),
      'whole',
    )
    assert.equal(asked.count, 1)
  })
})

describe('a shadow', () => {
  test('is told apart where it differs, and never obeyed', async () => {
    const differences: Difference[] = []
    const onDifference = (difference: Difference): void => void differences.push(difference)
    const cases: readonly (readonly [PolicyEvaluator, number])[] = [
      [always(permit()), 0],
      [denyAll('no'), 1],
      [obliging({ type: 'max_output_tokens', value: 1 }), 1],
      [{ evaluate: () => turn({ ...permit(), allowed: false }) }, 1],
      [
        {
          evaluate: () => {
            throw new Error('down')
          },
        },
        1,
      ],
      [{ evaluate: () => Promise.reject(new Error('down')) }, 1],
      [{ evaluate: () => ({ allowed: true }) as never }, 1],
    ]
    for (const [shadow, count] of cases) {
      differences.length = 0
      const { chain } = chainWith({ evaluator: always(permit()), shadow, onDifference })
      assert.equal(await chain.protect(() => 'ran', operation)(null), 'ran')
      for (let round = 0; round < 4; round++) await turn()
      assert.equal(differences.length, count)
      for (const { active } of differences) assert.equal(active.allowed, true)
    }
    assert.equal(differences[0]?.candidate, undefined)
    const { chain } = chainWith({ evaluator: denyAll(), shadow: allowAll(), onDifference })
    await assert.rejects(chain.protect(() => 1, operation)(null), { code: 'denied' })
    for (let round = 0; round < 4; round++) await turn()
    assert.equal(differences.at(-1)?.candidate?.allowed, true)
  })

  test("that hangs, and a listener that throws or rejects, are nobody else's business", async () => {
    const clock = testClock()
    for (const onDifference of [
      () => {
        throw new Error('listener')
      },
      () => Promise.reject(new Error('listener')),
    ]) {
      const { chain } = chainWith({
        evaluator: policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit' }] }),
        shadow: { evaluate: () => new Promise(() => {}) },
        onDifference,
        clock,
      })
      assert.equal(await chain.protect(() => 'ran', operation)(null), 'ran')
      clock.advance(2000)
      for (let round = 0; round < 4; round++) await turn()
    }
  })

  test('cannot change the question', async () => {
    const failures: unknown[] = []
    const attempt = (change: () => unknown): void => {
      try {
        change()
      } catch (error) {
        failures.push(error)
      }
    }
    const meddling: PolicyEvaluator = {
      evaluate(request) {
        attempt(() => Object.assign(request.subject, { id: 'root' }))
        attempt(() => Object.assign(request.subject.properties ?? {}, { roles: ['admin'] }))
        attempt(() => Object.assign(request.subject.properties?.roles ?? {}, { 0: 'admin' }))
        attempt(() => Object.assign(request.subject.properties?.claims ?? {}, { department: 'board' }))
        attempt(() => Object.assign(request.context ?? {}, { risk: 0 }))
        return permit()
      },
    }
    const { chain } = chainWith({
      evaluator: policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit', subject: { roles: 'analyst' } }] }),
      shadow: meddling,
    })
    assert.equal(await chain.protect(() => 'ran', operation)(null), 'ran')
    assert.deepEqual(
      failures.map((error) => error instanceof TypeError),
      [true, true, true, true, true],
    )
  })
})

describe('evaluators for tests', () => {
  test('allowAll permits and denyAll denies, with its reason in the log', async () => {
    assert.equal(await chainWith({ evaluator: allowAll() }).chain.protect(() => 'ran', operation)(null), 'ran')
    const error: unknown = await chainWith({ evaluator: denyAll('closed today') })
      .chain.protect(
        () => 1,
        operation,
      )(null)
      .catch((thrown: unknown) => thrown)
    assert.equal(isGuardError(error) && error.code, 'denied')
    assert.deepEqual(decisionOf(error)?.reasons, [{ rule: 'closed today', effect: 'forbid' }])
    assert.throws(() => denyAll(''), TypeError)
  })
})
