import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { loadPolicy } from '@open-policy-agent/opa-wasm'
import { type OpaPolicy, opaWasm, type OpaWasmOptions } from '../../../src/adapters/opa/index.ts'
import { systemClock } from '../../../src/guard/clock.ts'
import type { Decision } from '../../../src/guard/context.ts'
import { reasonOf } from '../../../src/guard/errors.ts'
import { askEvaluator } from '../../../src/policy/ask-evaluator.ts'
import type { PolicyRequest } from '../../../src/policy/policy-evaluator.ts'
import { type WasmRule, wasmPolicy } from './wasm-policy.ts'

const entrypoint = 'support/decision'
const patience = { clock: systemClock, deadline: 1_000, signal: new AbortController().signal }

function asking(subject = 'ada', context?: PolicyRequest['context']): PolicyRequest {
  return {
    subject: { type: 'user', id: subject },
    action: { name: 'chat' },
    resource: { type: 'model', id: 'gpt-5' },
    ...(context !== undefined && { context }),
  }
}

const rule = (has: string, gives: string, others: Partial<WasmRule> = {}): WasmRule => ({ entrypoint, has, gives, ...others })

function evaluatorOf(rules: readonly WasmRule[], others: Partial<OpaWasmOptions> = {}) {
  return opaWasm({ load: () => loadPolicy(wasmPolicy(rules)), entrypoint, ...others })
}

async function failureOf(evaluator: ReturnType<typeof opaWasm>, request: PolicyRequest = asking()): Promise<string> {
  try {
    await askEvaluator(evaluator, request, patience)
  } catch (error) {
    return reasonOf(error)
  }
  return assert.fail('it decided')
}

describe('a policy in the real loader', () => {
  const rules = [
    rule('"id":"ada"', '[{"result":true}]'),
    rule('"id":"bob"', '[{"result":false}]'),
    rule('"id":"eve"', '[{"result":{"allow":true,"obligations":[{"type":"no_stream"}],"reasons":["staff"]}}]'),
    rule('"id":"all"', '[{"result":{"allowed":true}}]', { entrypoint: 'support/other' }),
  ]

  test('decides, and its name is the reason where it gives none', async () => {
    const evaluator = evaluatorOf(rules, { id: 'support', version: '3' })
    assert.deepEqual(await evaluator.evaluate(asking()), {
      allowed: true,
      policy: { id: 'support', version: '3' },
      reasons: [{ rule: entrypoint, effect: 'permit' }],
      obligations: [],
    })
    const { allowed, reasons } = await evaluator.evaluate(asking('bob'))
    assert.deepEqual([allowed, reasons], [false, [{ rule: entrypoint, effect: 'forbid' }]])
  })

  test('gives its reasons and duties', async () => {
    const { reasons, obligations } = await evaluatorOf(rules).evaluate(asking('eve'))
    assert.deepEqual([reasons, obligations], [[{ rule: 'staff', effect: 'permit' }], [{ type: 'no_stream' }]])
  })

  test('what is undefined denies, without a reason', async () => {
    const { allowed, reasons } = await evaluatorOf(rules).evaluate(asking('mallory'))
    assert.deepEqual([allowed, reasons], [false, []])
  })

  test('another entrypoint is another document', async () => {
    assert.equal((await evaluatorOf(rules, { entrypoint: 'support/other' }).evaluate(asking('all'))).allowed, true)
    assert.equal((await evaluatorOf(rules, { entrypoint: 'support/other' }).evaluate(asking())).allowed, false)
  })

  test('reads the data, as they were when they were given', async () => {
    const data = { staff: ['eve'] }
    const evaluator = evaluatorOf([rule('"staff":["eve"]', '[{"result":true}]', { in: 'data' })], { data })
    data.staff[0] = 'mallory'
    for (let round = 0; round < 3; round++) assert.equal((await evaluator.evaluate(asking())).allowed, true)
  })

  test('is loaded at the first question, once for all that wait, and then answers at once', async () => {
    let loaded = 0
    const evaluator = opaWasm({
      load() {
        loaded++
        return loadPolicy(wasmPolicy(rules))
      },
      entrypoint,
    })
    assert.equal(loaded, 0)
    const decisions = await Promise.all([asking(), asking('bob'), asking('eve')].map((each) => evaluator.evaluate(each)))
    assert.deepEqual(
      decisions.map(({ allowed }) => allowed),
      [true, false, true],
    )
    assert.equal((evaluator.evaluate(asking()) as Decision).allowed, true)
    assert.equal(loaded, 1)
  })

  test('what its input was does not stay behind', async () => {
    const evaluator = evaluatorOf(rules)
    await evaluator.evaluate(asking('ada', { filler: 'x'.repeat(500_000) }))
    assert.equal((await evaluator.evaluate(asking('mallory'))).allowed, false)
    assert.equal((await evaluator.evaluate(asking())).allowed, true)
  })

  test('after it has failed it is loaded anew', async () => {
    let loaded = 0
    const evaluator = opaWasm({
      load() {
        loaded++
        return loadPolicy(wasmPolicy([rule('"id":"mallory"', 'trap'), ...rules]))
      },
      entrypoint,
    })
    assert.match(await failureOf(evaluator, asking('mallory')), /OPA: the module failed/)
    assert.equal((await evaluator.evaluate(asking())).allowed, true)
    assert.equal(loaded, 2)
  })
})

describe('what is no answer refuses', () => {
  const results: readonly [what: string, gives: string, reason: RegExp][] = [
    ['no list', '{"result":true}', /no list of one result/],
    ['two results', '[{"result":true},{"result":true}]', /no list of one result/],
    ['a result without one', '[{"x":true}]', /without one/],
    ['null', '[{"result":null}]', /must be an object/],
    ['a number', '[{"result":1}]', /must be an object/],
    ['a text', '[{"result":"true"}]', /must be an object/],
    ['a list', '[{"result":[true]}]', /must be an object/],
    ['an empty object', '[{"result":{}}]', /must say allow or allowed/],
    ['allow that is a text', '[{"result":{"allow":"true"}}]', /must say allow or allowed/],
    ['allow that is null', '[{"result":{"allow":null}}]', /must say allow or allowed/],
    ['allow and allowed', '[{"result":{"allow":true,"allowed":true}}]', /one is enough/],
    ['a misspelt duty', '[{"result":{"allow":true,"obligation":[{"type":"no_stream"}]}}]', /unknown key 'obligation'/],
    ['duties that are no list', '[{"result":{"allow":true,"obligations":{"type":"no_stream"}}}]', /result\.obligations: must be a list/],
    ['a duty without a type', '[{"result":{"allow":true,"obligations":[{"value":1}]}}]', /result\.obligations\[0\]\.type/],
    ['a duty with a wrong value', '[{"result":{"allow":true,"obligations":[{"type":"max_output_tokens","value":-1}]}}]', /obligations\[0\]\.value/],
    ['a forbid as a reason to allow', '[{"result":{"allow":true,"reasons":[{"rule":"x","effect":"forbid"}]}}]', /no reason to allow/],
    ['a reason that is a number', '[{"result":{"allow":true,"reasons":[1]}}]', /result\.reasons\[0\]/],
    ['an own __proto__', '[{"result":{"allow":true,"__proto__":{"x":1}}}]', /must not have the key '__proto__'/],
    ['no JSON', '[{"result":tru', /OPA: the module failed/],
  ]
  for (const [what, gives, reason] of results) test(what, async () => assert.match(await failureOf(evaluatorOf([rule('"id":"ada"', gives)])), reason))

  test('a module without the entrypoint', async () => {
    assert.match(await failureOf(evaluatorOf([rule('x', '[]')], { entrypoint: 'support/other' })), /no such entrypoint/)
    assert.match(await failureOf(evaluatorOf([rule('x', '[]')], { entrypoint: 'toString' })), /no such entrypoint/)
  })

  test('a module that cannot be loaded, until it can', async () => {
    let attempts = 0
    const evaluator = opaWasm({
      load: () => (++attempts < 3 ? Promise.reject(new Error('secret')) : loadPolicy(wasmPolicy([rule('ada', '[{"result":true}]')]))),
      entrypoint,
    })
    for (const _ of [1, 2]) assert.doesNotMatch(await failureOf(evaluator), /secret/)
    assert.equal((await evaluator.evaluate(asking())).allowed, true)
  })

  test('what was loaded and is no policy', async () => {
    for (const loaded of [undefined, {}, { evaluate: () => [], setData() {} }, { evaluate: () => [], setData() {}, entrypoints: null }])
      assert.match(await failureOf(opaWasm({ load: () => loaded as unknown as OpaPolicy, entrypoint })), /no policy|no such entrypoint/)
  })

  test('a module that is never loaded', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const pending = failureOf(opaWasm({ load: () => new Promise<OpaPolicy>(() => {}), entrypoint }))
    t.mock.timers.tick(1_001)
    assert.match(await pending, /did not answer within/)
  })

  const requests: readonly [what: string, context: unknown, reason: RegExp][] = [
    ['NaN, which JSON would make null', { risk: Number.NaN }, /not finite/],
    ['a getter', Object.defineProperty({}, 'risk', { get: () => 0, enumerable: true }), /getter/],
    ['an instance of a class', { at: new Date(0) }, /instance of a class/],
    ['what it inherits', Object.create({ risk: 1 }), /instance of a class/],
    ['what has its own way into JSON', { toJSON: () => ({ risk: 0 }) }, /holds a function/],
    ['a BigInt', { risk: 1n }, /bigint/],
    ['a symbol', { risk: Symbol('x') }, /symbol/],
    ['an own __proto__', JSON.parse('{"a":{"__proto__":{"x":1}}}'), /__proto__/],
    ['a cycle', cyclic(), /too deep/],
    ['too many values', { list: Array.from({ length: 100_001 }, () => 1) }, /too many values/],
  ]
  for (const [what, context, reason] of requests)
    test(`a question that holds ${what}`, async () => {
      assert.match(await failureOf(evaluatorOf([rule('', '[{"result":true}]')]), asking('ada', context as never)), reason)
    })
})

test('wrong options are refused at once', () => {
  const load = (): never => assert.fail('not to be loaded')
  const bad: readonly [options: object, message: RegExp][] = [
    [{}, /load/],
    [{ load: 'policy.wasm', entrypoint }, /load/],
    [{ load }, /entrypoint/],
    [{ load, entrypoint: '' }, /entrypoint/],
    [{ load, entrypoint, data: [] }, /data/],
    [{ load, entrypoint, data: { x: () => 1 } }, /data: must be a JSON value/],
    [{ load, entrypoint, id: '' }, /id/],
    [{ load, entrypoint, obliges: [1] }, /obliges/],
    [{ load, entrypoint, path: 'x' }, /no option path/],
  ]
  for (const [options, message] of bad) assert.throws(() => opaWasm(options as OpaWasmOptions), { name: 'TypeError', message })
})

test('what it is can be read', () => {
  const evaluator = opaWasm({ load: () => assert.fail('not to be loaded'), entrypoint, version: '3', obliges: ['no_stream'] })
  assert.deepEqual(evaluator.describe?.(), { kind: 'opa-wasm', id: entrypoint, version: '3', entrypoint })
  assert.deepEqual(evaluator.obliges, ['no_stream'])
})

function cyclic(): object {
  const value: Record<string, unknown> = {}
  value.value = value
  return value
}
