import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { opaRest, type OpaRestOptions } from '../../../src/adapters/opa/index.ts'
import { systemClock } from '../../../src/guard/clock.ts'
import { reasonOf } from '../../../src/guard/errors.ts'
import { askEvaluator } from '../../../src/policy/ask-evaluator.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../../src/policy/policy-evaluator.ts'
import { answerJson, servePoint, silences, stayAlive } from '../decision-point.ts'

const path = 'support/authz/decision'
const request: PolicyRequest = {
  subject: { type: 'user', id: 'ada', properties: { roles: ['analyst'] } },
  action: { name: 'chat', properties: { model: 'gpt-5' } },
  resource: { type: 'model', id: 'gpt-5' },
  context: { secure: true },
}

async function failureOf(evaluator: PolicyEvaluator, asked: PolicyRequest = request, deadline = 5_000): Promise<string> {
  try {
    await askEvaluator(evaluator, asked, { clock: systemClock, deadline, signal: new AbortController().signal })
  } catch (error) {
    return reasonOf(error)
  }
  return assert.fail('it decided')
}

/** A server that is asked as OPA's Data API is, and says so where it is not. */
async function opa(t: TestContext, document: unknown, options: Partial<OpaRestOptions> = {}) {
  const { origin, sent } = await servePoint(t, (response, { method, target, headers, body }) => {
    const { pathname, searchParams } = new URL(target, 'http://opa')
    const isRight =
      method === 'POST' &&
      pathname === `/v1/data/${path}` &&
      searchParams.get('strict-builtin-errors') === 'true' &&
      headers['content-type'] === 'application/json'
    const { input, ...others } = JSON.parse(body) as { input?: unknown }
    if (!isRight || typeof input !== 'object' || Object.keys(others).length > 0)
      return response.writeHead(400, { 'content-type': 'application/json' }).end('{"code":"invalid_parameter"}')
    const answer = document === undefined ? { decision_id: '4ca6' } : { decision_id: '4ca6', result: document, metrics: {} }
    return answerJson(answer)(response, { method, target, headers, body })
  })
  return { evaluator: opaRest({ url: origin, path, ...options }), sent }
}

describe('the Data API', () => {
  test('is asked with the request as input', async (t) => {
    const { evaluator, sent } = await opa(t, true, { token: 'opa-token' })
    assert.deepEqual(await evaluator.evaluate(request), {
      allowed: true,
      policy: { id: path, version: 'unversioned' },
      reasons: [{ rule: path, effect: 'permit' }],
      obligations: [],
    })
    assert.deepEqual(JSON.parse(sent[0]?.body ?? ''), { input: request })
    assert.equal(sent[0]?.headers.authorization, 'Bearer opa-token')
  })

  test('an undefined document denies, without a reason', async (t) => {
    const { evaluator } = await opa(t, undefined)
    const { allowed, reasons } = await evaluator.evaluate(request)
    assert.deepEqual([allowed, reasons], [false, []])
  })

  test('false denies, and its name is the reason', async (t) => {
    const { evaluator } = await opa(t, false)
    const { allowed, reasons } = await evaluator.evaluate(request)
    assert.deepEqual([allowed, reasons], [false, [{ rule: path, effect: 'forbid' }]])
  })

  test('a document may give reasons and duties', async (t) => {
    const document = {
      allowed: true,
      reasons: ['b', { rule: 'a', effect: 'permit' }],
      obligations: [
        { type: 'max_output_tokens', value: 9 },
        { type: 'max_output_tokens', value: 5 },
      ],
    }
    const { evaluator } = await opa(t, document, { id: 'support', version: '7' })
    assert.deepEqual(await evaluator.evaluate(request), {
      allowed: true,
      policy: { id: 'support', version: '7' },
      reasons: [
        { rule: 'b', effect: 'permit' },
        { rule: 'a', effect: 'permit' },
      ],
      obligations: [{ type: 'max_output_tokens', value: 5 }],
    })
  })

  test('a token may be had anew for each question', async (t) => {
    let count = 0
    const { evaluator, sent } = await opa(t, true, { token: async () => `token-${++count}` })
    await evaluator.evaluate(request)
    await evaluator.evaluate(request)
    assert.deepEqual(
      sent.map(({ headers }) => headers.authorization),
      ['Bearer token-1', 'Bearer token-2'],
    )
  })

  test('it may stand below a path', async (t) => {
    const { origin, sent } = await servePoint(t, answerJson({ result: true }))
    await opaRest({ url: new URL('/opa/', origin), path }).evaluate(request)
    assert.equal(sent[0]?.target, `/opa/v1/data/${path}?strict-builtin-errors=true`)
  })
})

describe('what is no answer refuses', () => {
  for (const [what, answer, reason] of silences)
    test(what, async (t) => {
      const { origin } = await servePoint(t, answer)
      assert.match(await failureOf(opaRest({ url: origin, path })), reason)
    })

  const documents: readonly [what: string, answer: unknown, reason: RegExp][] = [
    ['a text', 'true', /no object/],
    ['a list', [true], /no object/],
    ['null', 'null', /no object/],
    ['a document that is null', { result: null }, /must be an object/],
    ['a document that is a text', { result: 'true' }, /must be an object/],
    ['a document that holds more', { result: { allow: true, default: false } }, /unknown key 'default'/],
    ['an own __proto__', '{"__proto__":{"result":true}}', /no JSON/],
  ]
  for (const [what, answer, reason] of documents)
    test(what, async (t) => {
      const { origin } = await servePoint(t, answerJson(answer))
      assert.match(await failureOf(opaRest({ url: origin, path })), reason)
    })

  test('a server that is not there', async () => {
    assert.match(await failureOf(opaRest({ url: 'http://127.0.0.1:9', path })), /could not be reached/)
  })

  test('a server that hangs, and one that drips', async (t) => {
    const hanging = await servePoint(t, () => {})
    assert.match(await failureOf(opaRest({ url: hanging.origin, path, timeout: 0.05 })), /did not answer within 50 ms/)
    const dripping = await servePoint(t, (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{')
      const timer = setInterval(() => response.write(' '), 10)
      response.on('close', () => clearInterval(timer))
    })
    assert.match(await failureOf(opaRest({ url: dripping.origin, path, timeout: 0.05 })), /did not answer within 50 ms/)
  })

  test('an answer that comes when nobody waits any more', async (t) => {
    const { evaluator, sent } = await opa(t, true)
    const abort = new AbortController()
    abort.abort()
    await assert.rejects(async () => evaluator.evaluate(request, abort.signal), { code: 'policy_unavailable' })
    assert.equal(sent.length, 0)
    const hanging = await servePoint(t, () => {})
    const leaving = new AbortController()
    const pending = assert.rejects(async () => opaRest({ url: hanging.origin, path }).evaluate(request, leaving.signal), {
      code: 'policy_unavailable',
    })
    leaving.abort()
    await pending
  })

  test('a fetch that throws, and one that heeds nothing', async (t) => {
    stayAlive(t)
    assert.doesNotMatch(await failureOf(opaRest({ url: 'http://127.0.0.1:9', path, fetch: () => assert.fail('secret') })), /secret/)
    const fetch = (): Promise<Response> => new Promise(() => {})
    assert.match(await failureOf(opaRest({ url: 'http://127.0.0.1:9', path, fetch, timeout: 0.02 })), /did not answer within 20 ms/)
  })

  test('a token that cannot be had, or is none', async (t) => {
    for (const token of [() => assert.fail('secret'), async () => '', async () => 'a\r\nx: y', async () => undefined as unknown as string]) {
      const { evaluator, sent } = await opa(t, true, { token })
      assert.match(await failureOf(evaluator), /there is no token/)
      assert.equal(sent.length, 0)
    }
  })

  test('a question that holds NaN is not asked', async (t) => {
    const { evaluator, sent } = await opa(t, true)
    assert.match(await failureOf(evaluator, { ...request, context: { risk: Number.NaN } }), /not finite/)
    assert.equal(sent.length, 0)
  })
})

test('wrong options are refused at once', () => {
  const url = 'https://opa.example'
  const bad: readonly [options: object, message: RegExp][] = [
    [{}, /url/],
    [{ url: 'opa', path }, /url/],
    [{ url: 'http://opa.example', path }, /url: must be https/],
    [{ url: 'http://127.0.0.1.evil.example', path }, /url: must be https/],
    [{ url: 'https://user:secret@opa.example', path }, /url: must be https/],
    [{ url: 'https://opa.example/?x=1', path }, /no query/],
    [{ url: 'https://opa.example/#x', path }, /no query and no fragment/],
    [{ url }, /path/],
    [{ url, path: '' }, /path/],
    [{ url, path: '/support' }, /path/],
    [{ url, path: 'support/../system' }, /path/],
    [{ url, path: 'support?x' }, /path/],
    [{ url, path, token: 'a b' }, /token/],
    [{ url, path, token: '' }, /token/],
    [{ url, path, timeout: 0 }, /timeout/],
    [{ url, path, maxBytes: 0.5 }, /maxBytes/],
    [{ url, path, fetch: 'fetch' }, /fetch/],
    [{ url, path, entrypoint: 'x' }, /no option entrypoint/],
  ]
  for (const [options, message] of bad)
    assert.throws(
      () => opaRest(options as OpaRestOptions),
      (error: unknown) => error instanceof TypeError && message.test(error.message) && !error.message.includes('secret'),
      JSON.stringify(options),
    )
})

test('what it is can be read, but for the token', () => {
  const evaluator = opaRest({ url: 'https://opa.example/', path, token: 'opa-token', version: '7', obliges: ['no_stream'] })
  assert.deepEqual(evaluator.describe?.(), { kind: 'opa', id: path, version: '7', url: 'https://opa.example/', path, timeout: 2 })
  assert.deepEqual(evaluator.obliges, ['no_stream'])
})
