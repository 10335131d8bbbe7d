import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../../src/guard/clock.ts'
import type { Decision } from '../../src/guard/context.ts'
import { isGuardError, reasonOf } from '../../src/guard/errors.ts'
import { askEvaluator, readDecision } from '../../src/policy/ask-evaluator.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { requestWith } from './asking.ts'

const good: Decision = {
  allowed: true,
  policy: { id: 'p', version: '1' },
  reasons: [{ rule: 'r', effect: 'permit' }],
  obligations: [{ type: 'no_stream' }],
}
const patience = { clock: systemClock, deadline: 1000, signal: new AbortController().signal }
const ask = (evaluate: () => unknown) => async () => askEvaluator({ evaluate: evaluate as never }, requestWith({}), patience)

class Answer {
  readonly allowed = true
  readonly policy = good.policy
  readonly reasons = good.reasons
  readonly obligations = good.obligations
}

const nonsense: readonly (readonly [string, unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['true', true],
  ['a text', 'allow'],
  ['a list', [good]],
  ['an empty object', {}],
  ['an AuthZEN answer', { decision: true }],
  ...[1, 'true', 'yes', null, undefined, {}, [], Object(true)].map((allowed) => [`allowed: ${String(allowed)}`, { ...good, allowed }] as const),
  ['an inherited answer', Object.create(good)],
  [
    'a getter',
    {
      ...good,
      get allowed() {
        return true
      },
    },
  ],
  ['no policy', { ...good, policy: undefined }],
  ['a policy without a version', { ...good, policy: { id: 'p' } }],
  ['an empty policy id', { ...good, policy: { id: '', version: '1' } }],
  ['no reasons', { ...good, reasons: undefined }],
  ['a reason that is a text', { ...good, reasons: ['r'] }],
  ['an unknown effect', { ...good, reasons: [{ rule: 'r', effect: 'allow' }] }],
  ['a permission for a forbid', { ...good, reasons: [{ rule: 'r', effect: 'forbid' }] }],
  ['no obligations', { ...good, obligations: undefined }],
  ['obligations as an object', { ...good, obligations: {} }],
  ['an obligation without a type', { ...good, obligations: [{}] }],
  ['a broken obligation', { ...good, obligations: [{ type: 'max_output_tokens', value: '5' }] }],
  ['an obligation that is no JSON', { ...good, obligations: [{ type: 'own', run: () => 1 }] }],
  ['a hole among the obligations', { ...good, obligations: new Array(1) }],
  [
    'a throwing Proxy',
    new Proxy(
      {},
      {
        getOwnPropertyDescriptor: () => {
          throw new Error('trap')
        },
      },
    ),
  ],
]

describe('A10: the answer of an engine', () => {
  for (const [name, answer] of nonsense) {
    test(`refuses ${name}, at once and later`, async () => {
      await assert.rejects(
        ask(() => answer),
        { code: 'policy_unavailable' },
      )
      await assert.rejects(
        ask(() => Promise.resolve(answer)),
        { code: 'policy_unavailable' },
      )
    })
  }

  test('is copied, frozen and put in order', () => {
    const answer = {
      ...good,
      more: 1,
      obligations: [{ type: 'no_stream' }, { type: 'max_output_tokens', value: 9 }, { type: 'max_output_tokens', value: 3 }],
    }
    const decision = readDecision(answer)
    assert.deepEqual(decision, { ...good, obligations: [{ type: 'max_output_tokens', value: 3 }, { type: 'no_stream' }] })
    for (const part of [decision, decision.policy, decision.reasons, decision.reasons[0], decision.obligations, decision.obligations[0]])
      assert.ok(Object.isFrozen(part))
    assert.deepEqual(readDecision(new Answer()), good)
    assert.deepEqual(readDecision({ ...good, allowed: false, reasons: [] }).allowed, false)
  })

  test('refuses an engine that throws, or rejects, whatever it throws', async () => {
    for (const thrown of [new Error('down'), 'down', undefined, null]) {
      await assert.rejects(
        ask(() => {
          throw thrown
        }),
        { code: 'policy_unavailable' },
      )
      await assert.rejects(
        ask(() => Promise.reject(thrown)),
        { code: 'policy_unavailable' },
      )
    }
    const thenable = (then: PropertyDescriptor): unknown => Object.defineProperty({}, 'then', then)
    const trap = (): never => {
      throw new Error('trap')
    }
    for (const hostile of [
      thenable({ get: trap }),
      thenable({ value: trap }),
      thenable({ value: (_: unknown, reject: (error: unknown) => void) => reject(1) }),
    ])
      await assert.rejects(
        ask(() => hostile),
        { code: 'policy_unavailable' },
      )
  })

  test('refuses an engine that hangs, and leaves no timer behind one that does not', async () => {
    const clock = testClock()
    const hanging = Promise.resolve(askEvaluator({ evaluate: () => new Promise(() => {}) }, requestWith({}), { ...patience, clock }))
    const refused = assert.rejects(hanging, (error) => isGuardError(error) && error.code === 'policy_unavailable' && /1000 ms/.test(reasonOf(error)))
    clock.advance(1000)
    await refused
    assert.deepEqual(await askEvaluator({ evaluate: () => Promise.resolve(good) }, requestWith({}), { ...patience, clock }), good)
    assert.equal(clock.pending, 0)
  })

  test('tells the caller nothing, and the log what was wrong', async () => {
    await assert.rejects(
      ask(() => ({ ...good, policy: { id: 'p' } })),
      (error) => {
        assert.ok(isGuardError(error))
        assert.equal(error.message, 'The policy could not be asked.')
        assert.match(reasonOf(error), /decision\.policy\.version/)
        return true
      },
    )
  })
})
