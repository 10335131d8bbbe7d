import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseDeclaredAttributes } from '../../src/policy/attributes.ts'
import { cacheKey } from '../../src/policy/cache-key.ts'
import { type DecisionCache, type DecisionCacheOptions, decisionCache } from '../../src/policy/decision-cache.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { readQuestion } from '../../src/policy/policy-request.ts'
import { type PolicySet, policySet } from '../../src/policy/policy-set.ts'
import { answersAsPolicySet } from '../../src/policy/policy-set-behind.ts'
import { anyPolicy, anyRequest, anyValue } from './arbitraries.ts'
import { requestWith } from './asking.ts'
import { policyOf, watched } from './live.ts'

const cached = (policy: unknown, options?: DecisionCacheOptions): DecisionCache => decisionCache(policySet(policy), options)

const counts = (cache: DecisionCache): readonly unknown[] => {
  const { hits, misses, passed } = cache.describe()
  return [hits, misses, passed]
}

const rules = [
  { id: 'low-risk', effect: 'permit', action: 'chat', when: { 'context.risk': { lt: 0.5 } } },
  { id: 'by-day', effect: 'permit', action: 'embed', when: { 'context.time': { lt: 1_000 } } },
  { id: 'readers', effect: 'permit', subject: { roles: 'reader' }, action: 'read' },
]
const policy = { id: 'p', version: '1', roles: { admin: { inherits: 'reader' } }, rules }

describe('a decision cache', () => {
  test('gives the very decision again, and only for the same question', () => {
    const cache = cached(policy)
    const first = cache.evaluate(requestWith({ context: { risk: 0.1, other: 1 } }))
    assert.equal(first.allowed, true)
    assert.equal(cache.evaluate(requestWith({ context: { risk: 0.1, other: 2 } })), first)
    assert.deepEqual(counts(cache), [1, 1, 0])
    assert.equal(cache.evaluate(requestWith({ context: { risk: 0.9 } })).allowed, false)
    assert.equal(cache.evaluate(requestWith({ context: {} })).allowed, false)
    assert.equal(cache.evaluate(requestWith({ context: { risk: '0.1' } })).allowed, false)
    assert.deepEqual(counts(cache), [1, 4, 0])
  })

  test('does not remember what depends on the time, and does what does not', () => {
    const cache = cached(policy)
    const at = (action: string, time: number): boolean => cache.evaluate(requestWith({ action, context: { time, risk: 0.1 } })).allowed
    assert.equal(at('embed', 1), true)
    assert.equal(at('embed', 1_000), false)
    assert.equal(at('embed', 1), true)
    assert.equal(at('chat', 1), true)
    assert.equal(at('chat', 2), true)
    // The first of the time was looked up in vain, as the first of the other was.
    assert.deepEqual(counts(cache), [1, 2, 2])
  })

  test('does not remember a rule that expires', () => {
    const cache = cached({ id: 'p', rules: [{ id: 'r', effect: 'permit', expires: 1_000 }] })
    assert.equal(cache.evaluate(requestWith({ context: { time: 999 } })).allowed, true)
    assert.equal(cache.evaluate(requestWith({ context: { time: 1_000 } })).allowed, false)
  })

  test('does not remember what depends on anything else that is called volatile', () => {
    for (const volatile of ['context.risk', ['context.ri*'], 'context.*']) {
      const cache = cached(policy, { volatile })
      for (const [risk, allowed] of [
        [0.1, true],
        [0.9, false],
        [0.1, true],
      ] as const)
        assert.equal(cache.evaluate(requestWith({ context: { risk } })).allowed, allowed)
      assert.deepEqual(counts(cache), [0, 1, 2])
    }
  })

  test('tells roles apart, and knows those that follow from others', () => {
    const cache = cached(policy)
    const may = (roles: unknown): boolean => cache.evaluate(requestWith({ action: 'read', roles })).allowed
    for (let turn = 0; turn < 2; turn++) {
      assert.equal(may(['reader']), true)
      assert.equal(may(['admin']), true)
      assert.equal(may(['read', 'er']), false)
      assert.equal(may([]), false)
      assert.equal(may('reader'), false)
      assert.equal(may(['reader', 7]), false)
    }
    assert.deepEqual(counts(cache), [4, 4, 4])
  })

  test('takes no getter’s word, and remembers nothing that is no plain data', () => {
    const cache = cached(policy)
    let looked = 0
    const getter = {
      get risk() {
        looked++
        return 0.1
      },
    }
    for (const context of [
      getter,
      { risk: { a: 1 } },
      { risk: 1n },
      { risk: Symbol('x') },
      { risk: () => 0.1 },
      { risk: [[1]] },
      { risk: Array(100).fill(1) },
      { risk: 'x'.repeat(2_000) },
    ])
      for (let turn = 0; turn < 2; turn++) assert.equal(cache.evaluate(requestWith({ context })).allowed, false)
    assert.equal(looked, 0)
    assert.deepEqual(counts(cache), [0, 0, 16])
  })

  test('holds no more than it may, and keeps what is asked for', () => {
    const cache = cached(policy, { max: 100 })
    const ask = (id: string): unknown => cache.evaluate(requestWith({ subject: { id }, context: { risk: 0.1 } }))
    ask('ada')
    for (let index = 0; index < 10_000; index++) {
      ask(`stranger-${index}`)
      if (index % 10 === 0) ask('ada')
      assert.ok(Number(cache.describe().size) <= 100)
    }
    assert.equal(counts(cache)[0], 1_000)
  })

  test('forgets everything with the policy that it was made by', async (context) => {
    let next = policyOf('1', 'chat')
    const { live } = watched(context, { load: () => next })
    const cache = decisionCache(live)
    assert.throws(() => cache.evaluate(requestWith({})), { code: 'policy_unavailable' })
    assert.equal(cache.explain(requestWith({})), undefined)
    await live.ready
    assert.equal(cache.evaluate(requestWith({})).allowed, true)
    assert.equal(cache.evaluate(requestWith({})).allowed, true)
    next = policyOf('2', 'embed')
    await live.refresh()
    const decision = cache.evaluate(requestWith({}))
    assert.equal(decision.allowed, false)
    assert.equal(decision.policy.version, '2')
    assert.equal(cache.describe().size, 1)
    assert.deepEqual(counts(cache), [1, 2, 0])
  })

  test('explains anew, and stands before the policy', () => {
    const cache = cached(policy)
    const request = requestWith({ context: { risk: 0.9 } })
    cache.evaluate(request)
    assert.equal(cache.explain(request)?.rules[0]?.conditions[0]?.path, 'context.risk')
    assert.deepEqual(counts(cache), [0, 1, 0])
    assert.equal(answersAsPolicySet(cache), true)
    assert.deepEqual(cache.obliges, [])
    assert.equal((cache.describe().policy as { kind: string }).kind, 'policySet')
  })

  test('is for our own policies alone', () => {
    for (const other of [{ evaluate: () => policySet(policy).evaluate(requestWith({})) }, { ...policySet(policy) }, undefined, null, policy])
      assert.throws(() => decisionCache(other as unknown as PolicySet), { name: 'TypeError' })
    for (const options of [{ max: 0 }, { max: 1.5 }, { max: Number.POSITIVE_INFINITY }, { volatile: '' }, { volatile: [1] }, { ttl: 5 }])
      assert.throws(() => cached(policy, options as DecisionCacheOptions), { name: 'TypeError', message: /^decisionCache/ })
  })
})

describe('whatever is asked', () => {
  test('cached answers are the uncached ones', () => {
    let hits = 0
    fc.assert(
      fc.property(
        anyPolicy,
        fc.array(anyRequest, { minLength: 1, maxLength: 6 }),
        fc.constantFrom<DecisionCacheOptions>({}, { max: 2 }, { volatile: ['context.a', 'subject.*'] }),
        (own, requests, options) => {
          const set = policySet(own)
          const cache = decisionCache(set, options)
          for (let turn = 0; turn < 2; turn++)
            for (const request of requests as unknown as PolicyRequest[]) assert.deepEqual(cache.evaluate(request), set.evaluate(request))
          hits += Number(cache.describe().hits)
        },
      ),
      { numRuns: 1_000 },
    )
    assert.ok(hits > 500, `${hits} answers came from a cache`)
  })

  test('keys never collide', () => {
    const paths = ['context.a', 'context.b', 'subject.a']
    const declared = parseDeclaredAttributes(undefined, 'test')
    const attributes = paths.map((path) => declared.find(path, 'test'))
    // What separators, lengths and types look like in a key.
    const text = fc.oneof(
      fc.constantFrom('1:', '0:', 's', 's1:a', 'n1;', 'a1;', 'u', 't', '0', ';', ':', '1', '11:a', 'a'),
      fc.stringMatching(/^[0-9:;snatfu]{1,6}$/),
      fc.string({ minLength: 1, maxLength: 4 }),
    )
    const value = fc.oneof(anyValue, text, fc.array(fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)), { maxLength: 3 }))
    const question = fc.record({
      names: fc.array(text, { minLength: 5, maxLength: 5 }),
      roles: fc.array(text, { maxLength: 3 }),
      values: fc.array(value, { minLength: 3, maxLength: 3 }),
    })
    const read = ({ names, roles, values: [a, b, c] }: { names: string[]; roles: string[]; values: unknown[] }) => {
      const [subjectType, subjectId, action, type, id] = names
      const request = requestWith({
        subject: { type: subjectType, id: subjectId },
        attributes: { roles, a: c },
        action,
        resource: { type, id },
        context: { a, b },
      })
      const found = readQuestion(request, new Map())
      assert.ok(found !== undefined)
      return found
    }
    const seen = new Map<string, string>()
    // Numbers that no operator tells apart may share a key.
    const plain = (given: unknown): string =>
      JSON.stringify(given, (_name, one: unknown) => (one === undefined ? '\u0000undefined' : typeof one === 'number' ? `\u0000${one + 0}` : one))
    fc.assert(
      fc.property(question, question, (one, other) => {
        for (const each of [one, other]) {
          const key = cacheKey(read(each), attributes)
          if (key === undefined) continue
          const meant = plain([each.names, [...new Set(each.roles)], each.values])
          assert.equal(seen.get(key) ?? meant, meant)
          seen.set(key, meant)
        }
      }),
      { numRuns: 3_000 },
    )
    assert.ok(seen.size > 1_000)
  })

  test('what a name ends with does not begin the next', () => {
    const key = (id: string, action: string): string | undefined => {
      const question = readQuestion(requestWith({ subject: { id }, action }), new Map())
      return question && cacheKey(question, [])
    }
    assert.notEqual(key('ab', 'c'), key('a', 'bc'))
    assert.notEqual(key('a4:chat', 'x'), key('a', '4:chatx'))
  })
})
