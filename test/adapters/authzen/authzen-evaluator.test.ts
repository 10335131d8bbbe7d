import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { type AuthzenEvaluator, authzenEvaluator, type AuthzenOptions } from '../../../src/adapters/authzen/index.ts'
import { systemClock } from '../../../src/guard/clock.ts'
import { reasonOf } from '../../../src/guard/errors.ts'
import { askEvaluator } from '../../../src/policy/ask-evaluator.ts'
import type { PolicyRequest } from '../../../src/policy/policy-evaluator.ts'
import { answerJson, type Sent, servePoint, silences, stayAlive } from '../decision-point.ts'

const request: PolicyRequest = {
  subject: { type: 'user', id: 'ada', properties: { roles: ['analyst'] } },
  action: { name: 'chat' },
  resource: { type: 'model', id: 'gpt-5' },
}

const wellKnown = '/.well-known/authzen-configuration'

async function failureOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer
  } catch (error) {
    return reasonOf(error)
  }
  return assert.fail('it decided')
}

const ask = async (evaluator: AuthzenEvaluator, asked: PolicyRequest = request): Promise<unknown> =>
  askEvaluator(evaluator, asked, { clock: systemClock, deadline: 5_000, signal: new AbortController().signal })

type Answer = Parameters<typeof servePoint>[1]

/** A decision point at its default paths, without metadata. */
async function pdp(t: TestContext, answer: Answer, options: Partial<AuthzenOptions> = {}) {
  const { origin, sent } = await servePoint(t, (response, one) =>
    one.target.startsWith(wellKnown) ? response.writeHead(404).end() : answer(response, one),
  )
  return {
    evaluator: authzenEvaluator({ pdp: origin, ...options }),
    sent,
    origin,
    asked: () => sent.filter(({ target }) => !target.startsWith(wellKnown)),
  }
}

describe('one question', () => {
  test('goes to the decision point as AuthZEN writes it', async (t) => {
    const { evaluator, asked, origin } = await pdp(t, answerJson({ decision: true }), { token: 'pep-token' })
    assert.deepEqual(await evaluator.evaluate(request), {
      allowed: true,
      policy: { id: origin, version: 'unversioned' },
      reasons: [{ rule: 'decision', effect: 'permit' }],
      obligations: [],
    })
    const [sent] = asked() as [Sent]
    assert.deepEqual([sent.method, sent.target, JSON.parse(sent.body)], ['POST', '/access/v1/evaluation', request])
    assert.equal(sent.headers['content-type'], 'application/json')
    assert.equal(sent.headers.authorization, 'Bearer pep-token')
    assert.match(String(sent.headers['x-request-id']), /^[0-9a-f-]{36}$/)
  })

  test('is denied for a reason, so that nobody else is asked instead', async (t) => {
    const { evaluator } = await pdp(t, answerJson({ decision: false, context: { reason_admin: { en: 'policy C076E82F' } } }))
    const { allowed, reasons } = await evaluator.evaluate(request)
    assert.deepEqual([allowed, reasons], [false, [{ rule: 'decision', effect: 'forbid' }]])
  })

  test('members that nobody knows are ignored', async (t) => {
    const { evaluator } = await pdp(t, answerJson({ decision: true, ttl: 60, context: { reasons: ['free text'], hint: { a: [null] } } }))
    assert.deepEqual((await evaluator.evaluate(request)).reasons, [{ rule: 'decision', effect: 'permit' }])
  })

  test('may be put in other words', async (t) => {
    const map = ({ subject, action, resource }: PolicyRequest): PolicyRequest => ({ subject: { type: 'identity', id: subject.id }, action, resource })
    const { evaluator, asked } = await pdp(t, answerJson({ decision: true }), { map })
    await evaluator.evaluate(request)
    assert.doesNotMatch(asked()[0]?.body ?? '', /roles|"user"/)
  })
})

describe('what is no answer refuses', () => {
  for (const [what, answer, reason] of silences)
    test(what, async (t) => {
      const { evaluator } = await pdp(t, answer, { maxBytes: 65_536 })
      assert.match(await failureOf(ask(evaluator)), reason)
    })

  const answers: readonly [what: string, answer: unknown, reason: RegExp][] = [
    ['a text', '"true"', /decision: must be true or false/],
    ['true', 'true', /decision: must be/],
    ['a list', [{ decision: true }], /decision: must be/],
    ['an empty object', {}, /decision: must be/],
    ['a decision that is a text', { decision: 'true' }, /decision: must be/],
    ['a decision that is 1', { decision: 1 }, /decision: must be/],
    ['a decision that is null', { decision: null }, /decision: must be/],
    ['a decision in other letters', { Decision: true }, /decision: must be/],
    ['a decision further in', { evaluations: [{ decision: true }] }, /decision: must be/],
    ['an own __proto__', '{"__proto__":{"decision":true}}', /no JSON/],
    ['a context that is a list', { decision: true, context: [] }, /context: must be an object/],
    ['a context that is null', { decision: true, context: null }, /context: must be an object/],
    ['duties that are an object', { decision: true, context: { obligations: {} } }, /obligations.*must be a list/],
    ['duties that are null', { decision: true, context: { obligations: null } }, /obligations.*must be a list/],
    ['a duty that is a text', { decision: true, context: { obligations: ['no_stream'] } }, /obligations\[0\]: must be an object/],
    ['a duty without a type', { decision: true, context: { obligations: [{ id: '1' }] } }, /obligations\[0\]\.type/],
    [
      'a duty in an older form',
      { decision: true, context: { obligations: [{ id: '1', 'step-up': { acr_value: 'phr' } }] } },
      /obligations\[0\]\.type/,
    ],
    ['a duty whose id is a number', { decision: true, context: { obligations: [{ type: 'no_stream', id: 1 }] } }, /obligations\[0\]\.id/],
    ['a step-up to nothing', { decision: true, context: { obligations: [{ type: 'step-up', id: '1' }] } }, /acr_value/],
    ['a step-up to a list', { decision: true, context: { obligations: [{ type: 'step-up', id: '1', acr_value: ['phr'] }] } }, /acr_value/],
    [
      'a duty of ours with a wrong value',
      { decision: true, context: { obligations: [{ type: 'max_output_tokens', id: '1', value: 0 }] } },
      /obligations\[0\]\.value/,
    ],
    [
      'a duty of ours that holds more',
      { decision: true, context: { obligations: [{ type: 'custom', id: '1', vendor: 'sallyport', obligation: { type: 'no_stream' }, until: 5 }] } },
      /not understood/,
    ],
    [
      'a duty of ours that is none',
      { decision: true, context: { obligations: [{ type: 'custom', id: '1', vendor: 'sallyport', obligation: 'no_stream' }] } },
      /obligation: must be an object/,
    ],
    ['a forbid as a reason to allow', { decision: true, context: { reasons: [{ rule: 'x', effect: 'forbid' }] } }, /no reason to allow/],
  ]
  for (const [what, answer, reason] of answers)
    test(what, async (t) => {
      const { evaluator } = await pdp(t, answerJson(answer))
      assert.match(await failureOf(ask(evaluator)), reason)
    })

  test('an answer to another request', async (t) => {
    const { evaluator } = await pdp(t, answerJson({ decision: true }, { 'x-request-id': 'another' }))
    assert.match(await failureOf(ask(evaluator)), /answered another request/)
  })

  test('one that hangs, and one that heeds nothing', async (t) => {
    stayAlive(t)
    const { evaluator } = await pdp(t, () => {}, { timeout: 0.05 })
    assert.match(await failureOf(ask(evaluator)), /did not answer within 50 ms/)
    const fetch = (): Promise<Response> => new Promise(() => {})
    assert.match(await failureOf(ask(authzenEvaluator({ pdp: 'https://pdp.example', timeout: 0.02, fetch }))), /did not answer within 20 ms/)
  })

  test('a question that JSON cannot hold is not asked', async (t) => {
    const { evaluator, sent } = await pdp(t, answerJson({ decision: true }))
    for (const context of [
      { risk: Number.NaN },
      { risk: 1n },
      { at: new Date(0) },
      Object.defineProperty({}, 'risk', { get: () => 1, enumerable: true }),
    ])
      await failureOf(ask(evaluator, { ...request, context: context as never }))
    assert.equal(sent.length, 0)
  })

  test('a mapping that throws', async (t) => {
    const { evaluator, sent } = await pdp(t, answerJson({ decision: true }), { map: () => assert.fail('secret') })
    assert.doesNotMatch(await failureOf(ask(evaluator)), /secret/)
    assert.equal(sent.length, 0)
  })
})

describe('where it is asked', () => {
  const metadata = (origin: string, path = ''): Record<string, string> => ({
    policy_decision_point: `${origin}${path}`,
    access_evaluation_endpoint: `${origin}${path}/v1/decide`,
    access_evaluations_endpoint: `${origin}${path}/v1/decide-all`,
  })

  async function discovering(t: TestContext, of: (origin: string) => unknown, options: Partial<AuthzenOptions> = {}, path = '') {
    const { origin, sent } = await servePoint(t, (response, one) => {
      const isMetadata = one.target === `${wellKnown}${path}`
      answerJson(isMetadata ? of(origin) : { decision: true, evaluations: [{ decision: true }] })(response, one)
    })
    return { evaluator: authzenEvaluator({ pdp: `${origin}${path}`, ...options }), sent }
  }

  test('its metadata say, which are asked for once and without a token', async (t) => {
    const { evaluator, sent } = await discovering(t, metadata, { token: 'pep-token' })
    assert.equal(sent.length, 0)
    await Promise.all([evaluator.evaluate(request), evaluator.evaluate(request)])
    await evaluator.evaluateAll([request])
    assert.deepEqual(
      sent.map(({ target }) => target),
      [wellKnown, '/v1/decide', '/v1/decide', '/v1/decide-all'],
    )
    assert.deepEqual([sent[0]?.method, sent[0]?.headers.authorization], ['GET', undefined])
  })

  test('the metadata of a tenant stand before its path', async (t) => {
    const { evaluator, sent } = await discovering(t, (origin) => metadata(origin, '/tenant1'), {}, '/tenant1')
    await evaluator.evaluate(request)
    assert.deepEqual(
      sent.map(({ target }) => target),
      [`${wellKnown}/tenant1`, '/tenant1/v1/decide'],
    )
  })

  test('without metadata, and where they are not asked for, at the default paths', async (t) => {
    const { evaluator, asked } = await pdp(t, answerJson({ decision: true }))
    await evaluator.evaluate(request)
    assert.equal(asked()[0]?.target, '/access/v1/evaluation')
    const undiscovered = await pdp(t, answerJson({ decision: true }), { discovery: false })
    await undiscovered.evaluator.evaluate(request)
    assert.deepEqual(
      undiscovered.sent.map(({ target }) => target),
      ['/access/v1/evaluation'],
    )
  })

  const wrong: readonly [what: string, of: (origin: string) => unknown, reason: RegExp][] = [
    ['of another decision point', (origin) => ({ ...metadata(origin), policy_decision_point: 'https://pdp.example' }), /those of another/],
    ['of one at another path', (origin) => metadata(origin, '/tenant2'), /those of another/],
    ['of nobody', (origin) => ({ access_evaluation_endpoint: `${origin}/v1/decide` }), /those of another/],
    ['without an endpoint', (origin) => ({ policy_decision_point: origin }), /no access_evaluation_endpoint/],
    ['with an endpoint elsewhere', (origin) => ({ ...metadata(origin), access_evaluation_endpoint: 'https://evil.example/decide' }), /elsewhere/],
    ['with an endpoint that is no URL', (origin) => ({ ...metadata(origin), access_evaluation_endpoint: '/v1/decide' }), /elsewhere/],
    ['with a password', (origin) => ({ ...metadata(origin), access_evaluation_endpoint: origin.replace('//', '//a:b@') }), /elsewhere/],
    ['with another endpoint elsewhere', (origin) => ({ ...metadata(origin), access_evaluations_endpoint: 'http://127.0.0.1:1/' }), /elsewhere/],
    ['that are a list', () => [], /those of another/],
  ]
  for (const [what, of, reason] of wrong)
    test(`metadata ${what} are not used`, async (t) => {
      const { evaluator, sent } = await discovering(t, of, { token: 'pep-token' })
      assert.match(await failureOf(ask(evaluator)), reason)
      assert.equal(sent.length, 1)
    })

  test('metadata that cannot be had refuse, until they can', async (t) => {
    let isUp = false
    const { origin } = await servePoint(t, (response, one) => {
      if (!isUp) return response.writeHead(503).end()
      return answerJson(one.target === wellKnown ? metadata(origin) : { decision: true })(response, one)
    })
    const evaluator = authzenEvaluator({ pdp: origin })
    assert.match(await failureOf(ask(evaluator)), /the metadata .* status 503/)
    isUp = true
    assert.equal((await evaluator.evaluate(request)).allowed, true)
  })
})

describe('several questions', () => {
  const other: PolicyRequest = { ...request, action: { name: 'train' } }

  test('go together, each whole', async (t) => {
    const { evaluator, asked } = await pdp(t, answerJson({ evaluations: [{ decision: true }, { decision: false }] }))
    const decisions = await evaluator.evaluateAll([request, other])
    assert.deepEqual(
      decisions.map(({ allowed }) => allowed),
      [true, false],
    )
    assert.deepEqual(JSON.parse(asked()[0]?.body ?? ''), { evaluations: [request, other], options: { evaluations_semantic: 'execute_all' } })
    assert.equal(asked()[0]?.target, '/access/v1/evaluations')
  })

  test('none is not asked: to AuthZEN it would be one', async (t) => {
    const { evaluator, sent } = await pdp(t, answerJson({ decision: true }))
    assert.deepEqual(await evaluator.evaluateAll([]), [])
    assert.equal(sent.length, 0)
  })

  test('may be fewer decisions, where one has settled it', async (t) => {
    const denying = await pdp(t, answerJson({ evaluations: [{ decision: false }] }))
    assert.deepEqual(
      (await denying.evaluator.evaluateAll([request, other], 'deny_on_first_deny')).map(({ allowed }) => allowed),
      [false],
    )
    const permitting = await pdp(t, answerJson({ evaluations: [{ decision: true }] }))
    assert.deepEqual(
      (await permitting.evaluator.evaluateAll([request, other], 'permit_on_first_permit')).map(({ allowed }) => allowed),
      [true],
    )
  })

  const wrong: readonly [what: string, answer: unknown, semantic: Parameters<AuthzenEvaluator['evaluateAll']>[1], reason: RegExp][] = [
    ['one decision for all', { decision: true }, undefined, /no list of decisions/],
    ['too few', { evaluations: [{ decision: true }] }, undefined, /left questions out/],
    ['none', { evaluations: [] }, 'deny_on_first_deny', /left questions out/],
    ['too few, and none of them settles it', { evaluations: [{ decision: true }] }, 'deny_on_first_deny', /left questions out/],
    ['too few, and none of them permits', { evaluations: [{ decision: false }] }, 'permit_on_first_permit', /left questions out/],
    ['too many', { evaluations: [{ decision: true }, { decision: true }, { decision: true }] }, undefined, /no list of decisions/],
    ['one that is none', { evaluations: [{ decision: true }, { decision: 'true' }] }, undefined, /decision: must be/],
    ['one that is null', { evaluations: [{ decision: true }, null] }, undefined, /decision: must be/],
    ['an object', { evaluations: { 0: { decision: true }, 1: { decision: true } } }, undefined, /no list of decisions/],
  ]
  for (const [what, answer, semantic, reason] of wrong)
    test(`answered by ${what} are refused`, async (t) => {
      const { evaluator } = await pdp(t, answerJson(answer))
      assert.match(await failureOf(evaluator.evaluateAll([request, other], semantic)), reason)
    })

  test('are asked one by one where it says that it cannot otherwise, and no longer than needed', async (t) => {
    const { origin, sent } = await servePoint(t, (response, one) => {
      const isMetadata = one.target === wellKnown
      const decision = one.body.includes('"chat"')
      answerJson(isMetadata ? { policy_decision_point: origin, access_evaluation_endpoint: `${origin}/decide` } : { decision })(response, one)
    })
    const evaluator = authzenEvaluator({ pdp: origin })
    const allowed = async (semantic?: Parameters<AuthzenEvaluator['evaluateAll']>[1]): Promise<readonly boolean[]> =>
      (await evaluator.evaluateAll([request, other, request], semantic)).map((decision) => decision.allowed)
    assert.deepEqual(await allowed(), [true, false, true])
    assert.deepEqual(await allowed('deny_on_first_deny'), [true, false])
    assert.deepEqual(await allowed('permit_on_first_permit'), [true])
    assert.equal(sent.length, 1 + 3 + 2 + 1)
  })

  test('that are too many, or by no semantic, are not asked', async (t) => {
    const { evaluator, sent } = await pdp(t, answerJson({ evaluations: [] }))
    assert.match(await failureOf(evaluator.evaluateAll(Array.from({ length: 1_001 }, () => request))), /more than 1000 questions/)
    await assert.rejects(evaluator.evaluateAll([request], 'all' as never), TypeError)
    assert.equal(sent.length, 0)
  })
})

test('wrong options are refused at once', () => {
  const pdp = 'https://pdp.example'
  const bad: readonly [options: object, message: RegExp][] = [
    [{}, /pdp/],
    [{ pdp: 'pdp' }, /pdp/],
    [{ pdp: 'http://pdp.example' }, /must be https/],
    [{ pdp: 'ftp://127.0.0.1' }, /must be https/],
    [{ pdp: 'https://user:secret@pdp.example' }, /must be https/],
    [{ pdp: 'https://pdp.example/?tenant=1' }, /no query/],
    [{ pdp, token: 'a\nb' }, /token/],
    [{ pdp, discovery: 'yes' }, /discovery/],
    [{ pdp, timeout: Number.NaN }, /timeout/],
    [{ pdp, maxBytes: 0 }, /maxBytes/],
    [{ pdp, fetch: {} }, /fetch/],
    [{ pdp, map: {} }, /map/],
    [{ pdp, version: '' }, /version/],
    [{ pdp, obliges: 'no_stream' }, /obliges/],
    [{ pdp, url: pdp }, /no option url/],
  ]
  for (const [options, message] of bad)
    assert.throws(
      () => authzenEvaluator(options as AuthzenOptions),
      (error: unknown) => error instanceof TypeError && message.test(error.message) && !error.message.includes('secret'),
    )
})

test('what it is can be read, but for the token', () => {
  const evaluator = authzenEvaluator({ pdp: new URL('https://pdp.example/tenant1/'), token: 'pep-token', version: '7', obliges: ['no_stream'] })
  const id = 'https://pdp.example/tenant1'
  assert.deepEqual(evaluator.describe?.(), { kind: 'authzen', id, version: '7', pdp: id, discovery: true, timeout: 2 })
  assert.deepEqual(evaluator.obliges, ['no_stream'])
})
