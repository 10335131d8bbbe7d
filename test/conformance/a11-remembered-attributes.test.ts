import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { authzenEvaluator, authzenHandler } from '../../src/adapters/authzen/index.ts'
import { decisionCache, elevations, type Json, type PolicyRequest, plainText, policySet, type StateStore } from '../../src/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRejects } from './refusals.ts'
import { served } from './served.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

/** Values that one reader or another takes for the same. */
const values: readonly Json[] = [
  ...[3, '3', '03', '3.0', [3], ['3'], [[3]], { 0: 3 }, '[3]'],
  ...[true, 'true', 1, '1', [true], false, 'false', 0, '0', null, 'null', 'undefined', '', [], [''], {}],
  ...['a,b', ['a', 'b'], ['a,b'], ['b', 'a'], ['a', 'b', 'b'], 'a","b', 'a\u0000b', 'a\nb'],
]

const questionOf = (context: Readonly<Record<string, Json>>): PolicyRequest => ({
  subject: { type: 'user', id: 'ada', properties: { roles: [] } },
  action: { name: 'a' },
  resource: { type: 't', id: 'i' },
  context,
})

const tests: readonly object[] = [
  ...[{ eq: 3 }, { eq: '3' }, { eq: true }, { eq: 'true' }, { eq: '' }, { exists: true }, { exists: false }, { contains: 'a' }],
  ...[{ contains: 'a,b' }, { containsAll: ['a', 'b'] }, { in: ['a,b', '0'] }, { ne: 3 }, { lt: 2 }],
]

describe('A11: attributes that look alike, where decisions are remembered or made elsewhere', () => {
  test('never share a remembered decision', () => {
    for (const operator of tests) {
      const policy = { id: 'p', rules: [{ id: 'r', effect: 'permit', when: { 'context.x': operator } }] }
      const [plain, remembering] = [policySet(policy), decisionCache(policySet(policy))]
      for (let round = 0; round < 2; round++)
        for (const question of [questionOf({}), ...values.map((x) => questionOf({ x }))])
          assert.equal(
            remembering.evaluate(question).allowed,
            plain.evaluate(question).allowed,
            `${JSON.stringify(operator)} of ${JSON.stringify(question.context)}`,
          )
    }
  })

  test('nor do values that stand at another attribute, or between two of them', () => {
    const policy = { id: 'p', rules: [{ id: 'r', effect: 'permit', when: { 'context.a': { eq: 'x' }, 'context.b': { eq: 'y' } } }] }
    const [plain, remembering] = [policySet(policy), decisionCache(policySet(policy))]
    const contexts: readonly Readonly<Record<string, Json>>[] = [
      { a: 'x', b: 'y' },
      { a: 'y', b: 'x' },
      { a: 'xy' },
      { a: 'x' },
      { b: 'y' },
      { a: 'x","y', b: '' },
      { a: 'x', b: ['y'] },
      { 'a.b': 'y', a: 'x' },
      { A: 'x', b: 'y' },
    ]
    let permitted = 0
    for (let round = 0; round < 2; round++)
      for (const context of contexts) {
        const { allowed } = remembering.evaluate(questionOf(context))
        assert.equal(allowed, plain.evaluate(questionOf(context)).allowed, JSON.stringify(context))
        if (allowed) permitted++
      }
    assert.equal(permitted, 2)
  })

  test('and what only code could yield is asked about anew, and permits nothing', () => {
    const policy = { id: 'p', rules: [{ id: 'r', effect: 'permit', when: { 'context.x': { gte: 3 } } }] }
    const remembering = decisionCache(policySet(policy))
    assert.equal(remembering.evaluate(questionOf({ x: 3 })).allowed, true)
    let reads = 0
    for (const context of [
      Object.create({ x: 3 }),
      Object.defineProperty({}, 'x', { enumerable: true, get: () => ++reads + 2 }),
      { x: Object(3) },
      { x: { valueOf: () => 3 } },
      { x: Number.NaN },
      { x: 3n },
      [['x', 3]],
      new Map([['x', 3]]),
    ])
      for (let round = 0; round < 2; round++) assert.equal(remembering.evaluate(questionOf(context as never)).allowed, false)
    assert.equal(reads, 0)
  })

  test('arrive at a decision point of others as they are, or not at all', async () => {
    for (const operator of tests) {
      const policy = policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit', when: { 'context.x': operator } }] })
      const handler = authzenHandler(policy, { pdp: 'https://pdp.example', authenticate: () => true })
      const far = authzenEvaluator({ pdp: 'https://pdp.example', fetch: (url, init) => handler(new Request(url, init)) })
      const questions = values.map((x) => questionOf({ x }))
      const answers = await far.evaluateAll(questions)
      for (const [index, question] of questions.entries())
        assert.equal(answers[index]?.allowed, policy.evaluate(question).allowed, `${JSON.stringify(operator)} of ${JSON.stringify(values[index])}`)
    }
  })

  test('a store of elevations that answers nonsense gives nobody a role', async () => {
    const rules = [{ id: 'admins', effect: 'permit', subject: { roles: ['admin'] } }]
    const future = Date.now() + 3_600_000
    const answers: readonly unknown[] = [
      [JSON.stringify(['admin'])],
      [JSON.stringify([['admin']])],
      [JSON.stringify([['admin', 'soon']])],
      [JSON.stringify([['admin', null]])],
      [JSON.stringify([['admin', 1]])],
      [JSON.stringify([[['admin'], future]])],
      [JSON.stringify({ admin: future })],
      [JSON.stringify('admin')],
      ['admin'],
      ['['],
      [],
      [undefined],
      ...[undefined, null, 5, 'admin', true],
    ]
    for (const [index, answer] of answers.entries())
      for (const get of [() => answer, async () => answer]) {
        const store = { get, set: () => {}, delete: () => {}, describe: () => ({}) } as unknown as StateStore
        const evaluator = policySet({ id: 'conformance-policy', rules })
        const server = served(wholeGuard({ policy: { evaluator, elevations: elevations({ store }) } }))
        const response = await server.ask(chatRequest('x'), await analyst())
        assert.ok([403, 500, 503].includes(response.status), `answer ${index} gave ${response.status}`)
        assert.equal(server.ran.length, 0)
      }
  })

  test('an attribute is what it was when policy was asked, whatever becomes of the object that held it', async () => {
    const rules = [{ id: 'low', effect: 'permit', when: { 'context.risk': { lt: 0.5 } } }]
    const base = wholeGuard({ policy: { evaluator: decisionCache(policySet({ id: 'conformance-policy', rules })) } })
    const credentials = await analyst()
    const attributes = { risk: 0.9 }
    const run = base.protect(() => 'x', { action: 'a', resource: { type: 't', id: 'i' }, codec: plainText })
    const running = run('x', { credentials, attributes })
    attributes.risk = 0.1
    await assertRejects(running, 'denied')
    assert.equal(await run('x', { credentials, attributes }), 'x')
  })
})
