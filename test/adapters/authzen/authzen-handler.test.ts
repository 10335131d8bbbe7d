import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { authzenEvaluator, authzenHandler, type AuthzenHandlerOptions } from '../../../src/adapters/authzen/index.ts'
import { toNode } from '../../../src/adapters/node/index.ts'
import type { Decision, Obligation } from '../../../src/guard/context.ts'
import { GuardError } from '../../../src/guard/errors.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../../src/policy/policy-evaluator.ts'
import { policySet } from '../../../src/policy/policy-set.ts'
import { listen } from '../loopback.ts'
import { backwards, batches, certificationPolicy, malformed, single } from './certification.ts'
import { todoBatches, todoDecisions, todoEvaluator } from './todo.ts'

const token = 'pep-token'

async function serve(t: TestContext, evaluator: PolicyEvaluator, options: Partial<AuthzenHandlerOptions> = {}, path = '') {
  let handler: ((request: Request) => Promise<Response>) | undefined
  const origin = await listen(
    t,
    toNode((request: Request) => handler?.(request) ?? Promise.resolve(new Response(null, { status: 503 }))),
  )
  const authenticate = ({ headers }: Request): boolean => headers.get('authorization') === `Bearer ${token}`
  handler = authzenHandler(evaluator, { pdp: `${origin}${path}`, authenticate, ...options })
  const send = (target: string, body: unknown, headers: Readonly<Record<string, string>> = {}, method = 'POST'): Promise<Response> =>
    fetch(`${origin}${target}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(method === 'POST' && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  return { pdp: `${origin}${path}`, send }
}

const evaluation = '/access/v1/evaluation'
const evaluations = '/access/v1/evaluations'
const asked: PolicyRequest = { subject: { type: 'user', id: 'alice' }, action: { name: 'read' }, resource: { type: 'record', id: 'record-1' } }

describe('the certification scenario: Basic', () => {
  for (const [name, request, decision] of single)
    test(name, async (t) => {
      const { send, pdp } = await serve(t, certificationPolicy)
      const response = await send(evaluation, request)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('content-type'), 'application/json')
      assert.deepEqual(await response.json(), { decision })
      const { allowed } = await authzenEvaluator({ pdp, token }).evaluate(request as unknown as PolicyRequest)
      assert.equal(allowed, decision)
    })

  for (const [name, request] of malformed)
    test(name, async (t) => {
      const { send } = await serve(t, certificationPolicy)
      for (const target of [evaluation, evaluations]) {
        const response = await send(target, request === 'alice' ? '"alice"' : request)
        assert.equal(response.status, 400)
        assert.doesNotMatch(await response.text(), /alice|123/)
      }
    })

  test('2.4.3 to 2.4.5 another content type, no JSON, no body', async (t) => {
    const { send } = await serve(t, certificationPolicy)
    assert.equal((await send(evaluation, asked, { 'content-type': 'text/plain' })).status, 400)
    assert.equal((await send(evaluation, asked, { 'content-type': 'application/x-www-form-urlencoded' })).status, 400)
    assert.equal((await send(evaluation, '{"subject":')).status, 400)
    assert.equal((await send(evaluation, '')).status, 400)
    assert.equal((await send(evaluation, asked, { 'content-type': 'application/json; charset=utf-8' })).status, 200)
  })

  test('2.5 the identifier of a request comes back, also with an error', async (t) => {
    const { send } = await serve(t, certificationPolicy)
    for (const [target, body] of [
      [evaluation, asked],
      [evaluation, {}],
      ['/nowhere', {}],
    ] as const) {
      assert.equal((await send(target, body, { 'x-request-id': 'bfe9eb29-ab87' })).headers.get('x-request-id'), 'bfe9eb29-ab87')
      assert.equal((await send(target, body)).headers.get('x-request-id'), null)
    }
  })

  test('2.6 the same is answered in the same way', async (t) => {
    const { send } = await serve(t, certificationPolicy)
    for (let round = 0; round < 5; round++) assert.deepEqual(await (await send(evaluation, asked)).json(), { decision: true })
  })
})

describe('the certification scenario: Batch', () => {
  for (const [name, request, decisions] of batches)
    test(name, async (t) => {
      const { send } = await serve(t, certificationPolicy)
      const response = await send(evaluations, request)
      assert.equal(response.status, 200)
      const body = (await response.json()) as { evaluations: { decision: unknown }[] }
      assert.deepEqual(Object.keys(body), ['evaluations'])
      assert.equal(body.evaluations.length, decisions.length)
      for (const [index, wanted] of decisions.entries()) {
        const { decision } = body.evaluations[index] ?? {}
        assert.equal(typeof decision, 'boolean')
        if (wanted !== undefined) assert.equal(decision, wanted)
      }
    })

  for (const [name, request] of backwards)
    test(name, async (t) => {
      const { send } = await serve(t, certificationPolicy)
      assert.deepEqual(await (await send(evaluations, request)).json(), { decision: true })
    })
})

describe('the certification scenario: Discovery', () => {
  test('6 the metadata name the decision point and where it is asked', async (t) => {
    const { send, pdp } = await serve(t, certificationPolicy)
    const response = await send('/.well-known/authzen-configuration', undefined, {}, 'GET')
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'application/json'])
    assert.deepEqual(await response.json(), {
      policy_decision_point: pdp,
      access_evaluation_endpoint: `${pdp}/access/v1/evaluation`,
      access_evaluations_endpoint: `${pdp}/access/v1/evaluations`,
    })
  })

  test('6.1 they stand before the path of a tenant', async (t) => {
    const { send, pdp } = await serve(t, certificationPolicy, {}, '/tenant1')
    const metadata = (await (await send('/.well-known/authzen-configuration/tenant1', undefined, {}, 'GET')).json()) as Record<string, string>
    assert.equal(metadata.access_evaluation_endpoint, `${pdp}/access/v1/evaluation`)
    assert.equal((await send(`/tenant1${evaluation}`, asked)).status, 200)
    assert.equal((await send(evaluation, asked)).status, 404)
    assert.equal((await authzenEvaluator({ pdp, token }).evaluate(asked)).allowed, true)
  })
})

describe('the scenario "Todo"', () => {
  test('every decision, through our client and our handler', async (t) => {
    const { pdp } = await serve(t, todoEvaluator)
    const client = authzenEvaluator({ pdp, token })
    assert.equal(todoDecisions.length, 40)
    for (const [request, decision] of todoDecisions) assert.equal((await client.evaluate(request)).allowed, decision, JSON.stringify(request))
    const together = await client.evaluateAll(todoDecisions.map(([request]) => request))
    assert.deepEqual(
      together.map(({ allowed }) => allowed),
      todoDecisions.map(([, decision]) => decision),
    )
    for (const [requests, decisions] of todoBatches)
      assert.deepEqual(
        (await client.evaluateAll(requests)).map(({ allowed }) => allowed),
        decisions,
      )
  })
})

describe('several questions', () => {
  const three = {
    subject: asked.subject,
    resource: asked.resource,
    evaluations: [{ action: { name: 'read' } }, { action: { name: 'steal' } }, { action: { name: 'write' } }],
  }
  const semantics: readonly [semantic: string | undefined, decisions: readonly boolean[]][] = [
    [undefined, [true, false, true]],
    ['execute_all', [true, false, true]],
    ['deny_on_first_deny', [true, false]],
    ['permit_on_first_permit', [true]],
  ]
  for (const [semantic, decisions] of semantics)
    test(`are decided by ${semantic ?? 'no semantic that is named'}`, async (t) => {
      const { send } = await serve(t, certificationPolicy)
      const options = { another_option: 'value', ...(semantic !== undefined && { evaluations_semantic: semantic }) }
      const body = (await (await send(evaluations, { ...three, options })).json()) as { evaluations: { decision: boolean }[] }
      assert.deepEqual(
        body.evaluations.map(({ decision }) => decision),
        decisions,
      )
    })

  const wrong: readonly [what: string, body: object][] = [
    ['an unknown semantic', { ...three, options: { evaluations_semantic: 'first' } }],
    ['a semantic that is null', { ...three, options: { evaluations_semantic: null } }],
    ['options that are a list', { ...three, options: [] }],
    ['evaluations that are an object', { ...three, evaluations: { 1: {} } }],
    ['too many evaluations', { ...three, evaluations: Array.from({ length: 101 }, () => ({ action: { name: 'read' } })) }],
  ]
  for (const [what, body] of wrong)
    test(`${what} refuses all of them`, async (t) => {
      const { send } = await serve(t, certificationPolicy)
      assert.equal((await send(evaluations, body)).status, 400)
    })

  test('one that is none, or that the engine fails at, is denied by itself', async (t) => {
    const failing: PolicyEvaluator = {
      evaluate: (request) => (request.resource.id === 'bad' ? assert.fail('secret') : certificationPolicy.evaluate(request)),
    }
    const told: unknown[] = []
    const { send } = await serve(t, failing, { onError: (error) => told.push(error) })
    const body = {
      subject: asked.subject,
      action: asked.action,
      evaluations: [{ resource: asked.resource }, 7, { resource: { type: 'record', id: 'bad' } }, { resource: { type: 'record' } }],
    }
    assert.deepEqual(await (await send(evaluations, body)).json(), {
      evaluations: [
        { decision: true },
        { decision: false, context: { error: { status: 400, message: 'the evaluation must be an object' } } },
        { decision: false, context: { error: { status: 500, message: 'no decision could be made' } } },
        { decision: false, context: { error: { status: 400, message: 'resource.id is missing' } } },
      ],
    })
    assert.equal(told.length, 1)
  })
})

describe('who may ask, and how', () => {
  const refused: readonly [what: string, authenticate: AuthzenHandlerOptions['authenticate'], status: number][] = [
    ['no', () => false, 401],
    ['what is nearly yes', () => 1 as unknown as boolean, 401],
    ['nothing', () => undefined as unknown as boolean, 401],
    [
      'a refusal',
      () => Promise.reject(new GuardError('identity_expired', { reason: 'secret', headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })),
      401,
    ],
    ['another refusal', () => Promise.reject(new GuardError('denied')), 403],
    ['a failure', () => Promise.reject(new Error('secret')), 500],
    ['nothing in time', () => new Promise<boolean>(() => {}), 500],
  ]
  for (const [what, authenticate, status] of refused)
    test(`whoever is answered ${what} may not, and nobody is asked`, async (t) => {
      let count = 0
      const counting: PolicyEvaluator = {
        evaluate(request) {
          count++
          return certificationPolicy.evaluate(request)
        },
      }
      const { send } = await serve(t, counting, { authenticate, deadline: 50 })
      for (const target of [evaluation, evaluations]) {
        const response = await send(target, asked)
        assert.equal(response.status, status)
        if (status === 401) assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/)
        assert.doesNotMatch(await response.text(), /secret|decision"/)
      }
      assert.equal(count, 0)
    })

  const elsewhere = [
    '/',
    '/access/v1/evaluation/',
    '/access/v1/Evaluation',
    '/access/v1%2fevaluation',
    '/access/v1/evaluation;x',
    '//access/v1/evaluation',
    '/access/v1/search/subject',
    '/.well-known/authzen-configuration/',
  ]
  for (const target of elsewhere)
    test(`there is nothing at ${target}`, async (t) => {
      const { send } = await serve(t, certificationPolicy)
      assert.equal((await send(target, asked)).status, 404)
    })

  test('another method is refused', async (t) => {
    const { send } = await serve(t, certificationPolicy)
    for (const method of ['GET', 'PUT', 'DELETE', 'HEAD']) {
      const response = await send(evaluation, undefined, {}, method)
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST'])
    }
    assert.equal((await send('/.well-known/authzen-configuration', {})).status, 405)
  })

  const bodies: readonly [what: string, body: string, status: number][] = [
    ['a body that is too large', JSON.stringify({ ...asked, context: { filler: 'x'.repeat(300_000) } }), 413],
    [
      'a name twice',
      '{"subject":{"type":"user","id":"bob"},"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}',
      400,
    ],
    [
      'an own __proto__',
      '{"__proto__":{"subject":{"type":"user","id":"alice"}},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}',
      400,
    ],
    ['100,000 levels', '['.repeat(100_000), 400],
    ['a lone surrogate', JSON.stringify(asked).replace('alice', '\\ud800'), 400],
  ]
  for (const [what, body, status] of bodies)
    test(`${what} is refused`, async (t) => {
      const { send } = await serve(t, certificationPolicy)
      assert.equal((await send(evaluation, body)).status, status)
      assert.equal((await send(evaluation, asked)).status, 200)
    })

  test('a content encoding is refused', async (t) => {
    const { send } = await serve(t, certificationPolicy)
    assert.equal((await send(evaluation, asked, { 'content-encoding': 'gzip' })).status, 400)
  })

  test('a body that never ends is not waited for', async () => {
    const handler = authzenHandler(certificationPolicy, { pdp: 'https://pdp.example', authenticate: () => true, deadline: 30 })
    const alive = setInterval(() => {}, 1_000)
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{')) })
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' } as RequestInit
    assert.equal((await handler(new Request(`https://pdp.example${evaluation}`, init))).status, 400)
    clearInterval(alive)
  })

  test('the host of a request is nobody’s business', async () => {
    const handler = authzenHandler(certificationPolicy, { pdp: 'https://pdp.example', authenticate: () => true })
    const response = await handler(new Request('https://evil.example/.well-known/authzen-configuration', { headers: { host: 'evil.example' } }))
    assert.doesNotMatch(await response.text(), /evil/)
  })
})

describe('what the engine does', () => {
  const deciding = (answer: Partial<Decision>): PolicyEvaluator => ({
    evaluate: () => ({ allowed: true, policy: { id: 'p', version: '1' }, reasons: [], obligations: [], ...answer }),
  })

  const failing: readonly [what: string, evaluator: PolicyEvaluator][] = [
    ['throws', { evaluate: () => assert.fail('secret') }],
    ['rejects', { evaluate: () => Promise.reject(new GuardError('denied', { reason: 'secret' })) }],
    ['hangs', { evaluate: () => new Promise<Decision>(() => {}) }],
    ['answers nonsense', { evaluate: () => ({ decision: true }) as unknown as Decision }],
  ]
  for (const [what, evaluator] of failing)
    test(`where it ${what}, there is no decision`, async (t) => {
      const { send, pdp } = await serve(t, evaluator, { deadline: 50 })
      const response = await send(evaluation, asked)
      assert.equal(response.status, 500)
      assert.equal(await response.text(), 'no decision could be made')
      await assert.rejects(authzenEvaluator({ pdp, token }).evaluate(asked), { code: 'policy_unavailable' })
    })

  test('it is asked what AuthZEN knows and no more, and cannot change it', async (t) => {
    const seen: PolicyRequest[] = []
    const { send } = await serve(t, {
      evaluate(request) {
        seen.push(request)
        ;(request.subject as { id: string }).id = 'root'
        return assert.fail('it could be changed')
      },
    })
    await send(evaluation, { ...asked, subject: { ...asked.subject, roles: ['admin'], properties: { a: 1 } }, admin: true, context: { b: 2 } })
    assert.deepEqual(seen, [{ ...asked, subject: { ...asked.subject, properties: { a: 1 } }, context: { b: 2 } }])
  })

  test('why, it says only where it was told to', async (t) => {
    const reasons = [{ rule: 'r', effect: 'permit' as const }]
    const quiet = await serve(t, deciding({ reasons }))
    assert.deepEqual(await (await quiet.send(evaluation, asked)).json(), { decision: true })
    const open = await serve(t, deciding({ reasons }), { reasons: true })
    assert.deepEqual(await (await open.send(evaluation, asked)).json(), { decision: true, context: { reasons } })
    assert.deepEqual((await authzenEvaluator({ pdp: open.pdp, token }).evaluate(asked)).reasons, reasons)
  })

  const duties: readonly [what: string, obligation: Obligation, wire: Readonly<Record<string, unknown>>, back?: Obligation][] = [
    ['a class to prove', { type: 'require_acr', value: ['phr'] }, { type: 'step-up', acr_value: 'phr' }, { type: 'require_assurance', acr: ['phr'] }],
    [
      'a class and methods to prove',
      { type: 'require_assurance', acr: ['phr'], amr: ['hwk', 'mfa'] },
      { type: 'step-up', acr_value: 'phr', amr_values: ['hwk', 'mfa'] },
    ],
    [
      'one of two classes',
      { type: 'require_acr', value: ['phr', 'phrh'] },
      { type: 'custom', vendor: 'sallyport', obligation: { type: 'require_acr', value: ['phr', 'phrh'] } },
    ],
    [
      'how lately',
      { type: 'require_assurance', acr: ['phr'], maxAge: 60 },
      { type: 'custom', vendor: 'sallyport', obligation: { type: 'require_assurance', acr: ['phr'], maxAge: 60 } },
    ],
    [
      'a limit',
      { type: 'max_output_tokens', value: 5 },
      { type: 'custom', vendor: 'sallyport', obligation: { type: 'max_output_tokens', value: 5 } },
    ],
    ['a message', { type: 'notification', to: 'soc@example.com', body: 'look' }, { type: 'notification', to: 'soc@example.com', body: 'look' }],
    ['the end of sessions', { type: 'session_termination', subject: 'ada' }, { type: 'session_termination', subject: 'ada' }],
    ['what another vendor agreed on', { type: 'custom', vendor: 'dlp', action: 'watermark' }, { type: 'custom', vendor: 'dlp', action: 'watermark' }],
  ]
  for (const [what, obligation, wire, back = obligation] of duties)
    test(`${what} goes out as the profile has it, and comes back`, async (t) => {
      for (const allowed of [true, false]) {
        const { send, pdp } = await serve(t, deciding({ allowed, obligations: [obligation] }))
        assert.deepEqual(await (await send(evaluation, asked)).json(), { decision: allowed, context: { obligations: [{ id: 'obl-1', ...wire }] } })
        assert.deepEqual((await authzenEvaluator({ pdp, token }).evaluate(asked)).obligations, [back])
      }
    })

  test('which duties there may be stands in the metadata', async (t) => {
    const rules = [
      {
        id: 'r',
        effect: 'permit',
        obligations: [
          { type: 'require_acr', value: 'phr' },
          { type: 'notification', to: 'x', body: 'y' },
        ],
      },
    ]
    const { send } = await serve(t, policySet({ id: 'p', rules }))
    const { obligations_supported } = (await (await send('/.well-known/authzen-configuration', undefined, {}, 'GET')).json()) as Record<
      string,
      unknown
    >
    assert.deepEqual(obligations_supported, ['custom', 'notification', 'step-up'])
  })
})

test('wrong options are refused at once', () => {
  const authenticate = (): boolean => true
  const pdp = 'https://pdp.example'
  const bad: readonly [evaluator: unknown, options: object, message: RegExp][] = [
    [undefined, { pdp, authenticate }, /evaluator/],
    [{}, { pdp, authenticate }, /evaluator/],
    [certificationPolicy, { authenticate }, /pdp/],
    [certificationPolicy, { pdp: 'http://pdp.example', authenticate }, /pdp: must be https/],
    [certificationPolicy, { pdp: 'https://pdp.example?x', authenticate }, /no query/],
    [certificationPolicy, { pdp }, /authenticate/],
    [certificationPolicy, { pdp, authenticate: true }, /authenticate/],
    [certificationPolicy, { pdp, authenticate, deadline: 0 }, /deadline/],
    [certificationPolicy, { pdp, authenticate, maxBodyBytes: -1 }, /maxBodyBytes/],
    [certificationPolicy, { pdp, authenticate, maxEvaluations: 0.5 }, /maxEvaluations/],
    [certificationPolicy, { pdp, authenticate, reasons: 'yes' }, /reasons/],
    [certificationPolicy, { pdp, authenticate, token }, /no option token/],
  ]
  for (const [evaluator, options, message] of bad)
    assert.throws(() => authzenHandler(evaluator as PolicyEvaluator, options as AuthzenHandlerOptions), { name: 'TypeError', message })
})
