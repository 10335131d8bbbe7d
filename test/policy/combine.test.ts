import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Awaitable, Decision, Obligation } from '../../src/guard/context.ts'
import { reasonOf } from '../../src/guard/errors.ts'
import { allOf, firstOf } from '../../src/policy/combine.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'

const request: PolicyRequest = { subject: { type: 'user', id: 'ada' }, action: { name: 'chat' }, resource: { type: 'model', id: 'gpt-5' } }

interface Told {
  readonly allowed: boolean
  readonly id?: string
  readonly rules?: readonly string[]
  readonly obligations?: readonly Obligation[]
}

function told({ allowed, id = 'p', rules = [], obligations = [] }: Told): Decision {
  return { allowed, policy: { id, version: '1' }, reasons: rules.map((rule) => ({ rule, effect: allowed ? 'permit' : 'forbid' })), obligations }
}

function saying(what: Told, asked?: string[]): PolicyEvaluator {
  return {
    evaluate() {
      asked?.push(what.id ?? 'p')
      return told(what)
    },
  }
}

const later = (what: Told): PolicyEvaluator => ({ evaluate: () => Promise.resolve(told(what)) })

const permits = { allowed: true, id: 'yes', rules: ['permits'] } as const
const forbids = { allowed: false, id: 'no', rules: ['forbids'] } as const
const silent = { allowed: false, id: 'silent' } as const

const failing: readonly [what: string, evaluator: PolicyEvaluator][] = [
  ['throws', { evaluate: () => assert.fail('secret') }],
  ['rejects', { evaluate: () => Promise.reject(new Error('secret')) }],
  ['answers nonsense', { evaluate: () => ({ allowed: 'yes' }) as never }],
  ['answers nonsense later', { evaluate: () => Promise.resolve(true as never) }],
  ['answers what it inherits', { evaluate: () => Object.create(told(permits)) as Decision }],
  ['permits because of a forbid', { evaluate: () => ({ ...told(permits), reasons: [{ rule: 'x', effect: 'forbid' }] }) }],
]

async function failureOf(answer: () => Awaitable<Decision>): Promise<unknown> {
  try {
    await answer()
  } catch (error) {
    return error
  }
  return assert.fail('it decided')
}

describe('firstOf', () => {
  test('the first that permits or names a rule decides, and nobody else is asked', async () => {
    for (const first of [permits, forbids]) {
      const asked: string[] = []
      const decision = await firstOf(saying(silent, asked), saying(first, asked), saying(first === permits ? forbids : permits, asked)).evaluate(
        request,
      )
      assert.deepEqual(decision, told(first))
      assert.deepEqual(asked, ['silent', first.id])
    }
  })

  test('a denial that carries a duty has something to say', async () => {
    const dutiful = { allowed: false, id: 'dutiful', obligations: [{ type: 'notify' }] }
    assert.deepEqual(await firstOf(saying(dutiful), saying(permits)).evaluate(request), told(dutiful))
  })

  test('a permit without a reason has something to say', async () => {
    assert.equal((await firstOf(saying({ allowed: true }), saying(forbids)).evaluate(request)).allowed, true)
  })

  test('where nobody has anything to say, the request is denied in the name of all', async () => {
    assert.deepEqual(await firstOf(saying(silent), later({ allowed: false, id: 'other' })).evaluate(request), {
      allowed: false,
      policy: { id: 'silent + other', version: '1 + 1' },
      reasons: [],
      obligations: [],
    })
  })

  for (const [what, evaluator] of failing)
    test(`one that ${what} fails the whole, and nobody is asked in its place`, async () => {
      const asked: string[] = []
      const error = await failureOf(() => firstOf(saying(silent), evaluator, saying(permits, asked)).evaluate(request))
      assert.equal((error as { code?: string }).code, 'policy_unavailable')
      assert.deepEqual(asked, [])
    })

  test('one that comes after the decision may be broken', async () => {
    for (const [, evaluator] of failing) assert.equal((await firstOf(saying(permits), evaluator).evaluate(request)).allowed, true)
  })
})

describe('allOf', () => {
  test('permits what all permit, for all their reasons and with all their duties', async () => {
    const one = {
      allowed: true,
      id: 'a',
      rules: ['r1'],
      obligations: [
        { type: 'max_output_tokens', value: 500 },
        { type: 'allow_tools', value: ['x', 'y'] },
      ],
    }
    const two = {
      allowed: true,
      id: 'b',
      rules: ['r2'],
      obligations: [{ type: 'max_output_tokens', value: 200 }, { type: 'allow_tools', value: ['y', 'z'] }, { type: 'no_stream' }],
    }
    assert.deepEqual(await allOf(saying(one), later(two)).evaluate(request), {
      allowed: true,
      policy: { id: 'a + b', version: '1 + 1' },
      reasons: [
        { rule: 'r1', effect: 'permit' },
        { rule: 'r2', effect: 'permit' },
      ],
      obligations: [{ type: 'allow_tools', value: ['y'] }, { type: 'max_output_tokens', value: 200 }, { type: 'no_stream' }],
    })
  })

  test('denies what one denies, for its reasons and with its duties alone', async () => {
    const dutiful = { ...forbids, obligations: [{ type: 'notify' }] }
    for (const members of [
      [permits, dutiful],
      [dutiful, permits],
    ])
      assert.deepEqual(
        await allOf(...members.map((each) => saying({ ...each, ...(each === permits && { obligations: [{ type: 'no_stream' }] }) }))).evaluate(
          request,
        ),
        {
          ...told(dutiful),
          policy: { id: members.map(({ id }) => id).join(' + '), version: '1 + 1' },
        },
      )
  })

  test('a denial for want of a permit denies as well', async () => {
    const { allowed, reasons } = await allOf(saying(permits), saying(silent)).evaluate(request)
    assert.deepEqual([allowed, reasons], [false, []])
  })

  for (const [what, evaluator] of failing)
    test(`one that ${what} fails the whole, wherever it stands`, async () => {
      for (const members of [
        [evaluator, later(permits)],
        [later(permits), evaluator],
        [later(forbids), evaluator],
        [{ evaluate: () => Promise.reject(new Error()) }, evaluator],
      ])
        assert.equal(((await failureOf(() => allOf(...members).evaluate(request))) as { code?: string }).code, 'policy_unavailable')
    })

  test('is a conjunction, whatever the order', async () => {
    const member = fc.constantFrom<Told>(permits, forbids, silent, { allowed: true, id: 'duty', obligations: [{ type: 'no_stream' }] })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(member, fc.boolean()), { minLength: 1, maxLength: 5 }), async (members) => {
        const evaluators = members.map(([what, isLate]) => (isLate ? later(what) : saying(what)))
        const decision = await allOf(...evaluators).evaluate(request)
        const reversed = await allOf(...[...evaluators].reverse()).evaluate(request)
        assert.equal(
          decision.allowed,
          members.every(([{ allowed }]) => allowed),
        )
        assert.deepEqual([reversed.allowed, reversed.obligations], [decision.allowed, decision.obligations])
      }),
      { numRuns: 50 },
    )
  })
})

for (const [name, combine] of [
  ['firstOf', firstOf],
  ['allOf', allOf],
] as const) {
  describe(`${name} as an evaluator`, () => {
    test('does not wait for one that hangs', async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] })
      const pending = failureOf(() => combine({ evaluate: () => new Promise<Decision>(() => {}) }, saying(permits)).evaluate(request))
      t.mock.timers.tick(2_001)
      assert.match(reasonOf(await pending), /did not answer within 2000 ms/)
    })

    test('an answer that is late is no answer', async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] })
      const late: PolicyEvaluator = { evaluate: () => new Promise((resolve) => setTimeout(() => resolve(told(permits)), 3_000)) }
      const pending = failureOf(() => combine(late).evaluate(request))
      t.mock.timers.tick(3_001)
      assert.match(reasonOf(await pending), /did not answer within/)
    })

    test('answers at once where all do', () => {
      const rules = [{ id: 'all', effect: 'permit', obligations: [{ type: 'no_stream' }] }]
      const decision = combine(policySet({ id: 'a', rules }), policySet({ id: 'b', rules })).evaluate(request) as Decision
      assert.deepEqual([decision.allowed, decision.obligations], [true, [{ type: 'no_stream' }]])
    })

    test('what one does to the question, the next is not asked', async () => {
      const meddling: PolicyEvaluator = {
        evaluate(question) {
          ;(question.subject as { id: string }).id = 'root'
          return told(silent)
        },
      }
      await failureOf(() => combine(meddling, saying(permits)).evaluate(structuredClone(request)))
    })

    test('hands on the signal', async () => {
      const { signal } = new AbortController()
      const seen: unknown[] = []
      await combine({
        evaluate(_question, given) {
          seen.push(given)
          return told(permits)
        },
      }).evaluate(structuredClone(request), signal)
      assert.deepEqual(seen, [signal])
    })

    test('may be put into another', async () => {
      assert.equal((await combine(firstOf(saying(silent), later(permits)), allOf(later(permits))).evaluate(structuredClone(request))).allowed, true)
    })

    test('obliges to what any of them does, where one says so', () => {
      const obliging = (...obliges: string[]): PolicyEvaluator => ({ ...saying(permits), obliges })
      assert.deepEqual(combine(obliging('b', 'a'), saying(permits), obliging('a', 'c')).obliges, ['a', 'b', 'c'])
      assert.equal(combine(saying(permits)).obliges, undefined)
    })

    test('describes all of them', () => {
      const set = policySet({ id: 'a', version: '3', rules: [] })
      assert.deepEqual(combine(set, saying(permits)).describe?.(), { kind: name, evaluators: [{ ...set.describe() }, {}] })
    })

    test('refuses what is no evaluator, and none', () => {
      const wrong: readonly [evaluators: readonly unknown[], message: RegExp][] = [
        [[], /needs at least one evaluator/],
        [[saying(permits), undefined], /argument 2 must be an object with a method evaluate/],
        [[{}], /argument 1/],
        [[[saying(permits)]], /argument 1/],
        [[{ ...saying(permits), obliges: 'no_stream' }], /obliges must be a list/],
        [[{ ...saying(permits), obliges: [''] }], /obliges must be a list/],
      ]
      for (const [evaluators, message] of wrong)
        assert.throws(() => combine(...(evaluators as readonly PolicyEvaluator[])), { name: 'TypeError', message })
    })
  })
}
