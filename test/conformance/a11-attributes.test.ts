import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guardHandler, plainText, policySet } from '../../src/index.ts'
import { assertRefused, assertRejects } from './refusals.ts'
import { analyst, issuer, wholeGuard } from './whole-guard.ts'

/** An attribute that only code can make; each as a context that holds it. */
const contexts: Readonly<Record<string, unknown>> = {
  missing: {},
  'no context': undefined,
  'a context that is null': null,
  'a context that is a list': [['x', 1]],
  'a context that is a text': 'x=1',
  inherited: Object.create({ x: 3 }),
  'a getter': Object.defineProperty({}, 'x', { enumerable: true, get: () => 3 }),
  'a setter': Object.defineProperty({}, 'x', { enumerable: true, set: () => {} }),
  'a map': new Map([['x', 3]]),
}

const values: readonly unknown[] = [
  null,
  undefined,
  [],
  '',
  ' ',
  true,
  false,
  '0x10',
  '3',
  '3abc',
  '1e1',
  '３',
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  {},
  [3],
  [null],
  ['3'],
  [[3]],
  { 0: 3, length: 1 },
  { valueOf: () => 3 },
  { toString: () => 'x' },
  { [Symbol.toPrimitive]: () => 3 },
  3n,
  Symbol('x'),
  () => 3,
  Object(3),
  Object('x'),
  Object(true),
  new Date(3),
]

const shown = (value: unknown): string => {
  try {
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
  } catch {
    return 'something odd'
  }
}

function permits(when: unknown, context: unknown): boolean {
  const rules = [{ id: 'r', effect: 'permit', when }]
  const question = {
    subject: { type: 'user', id: 'ada', properties: { roles: [] } },
    action: { name: 'a' },
    resource: { type: 't', id: 'i' },
    context,
  }
  return policySet({ id: 'p', rules }).evaluate(question as never).allowed
}

/** Each operator: a value that satisfies it, one that does not, and of `values` those of a type that it may judge. */
const operators: readonly (readonly [test: object, yes: unknown, no: unknown, judged: readonly unknown[]])[] = [
  [{ eq: 3 }, 3, 4, []],
  [{ eq: 'x' }, 'x', 'y', ['', ' ', '0x10', '3', '3abc', '1e1', '３']],
  [{ eq: true }, true, false, [true, false]],
  [{ ne: 3 }, 4, 3, []],
  [{ ne: 'x' }, 'y', 'x', ['', ' ', '0x10', '3', '3abc', '1e1', '３']],
  [{ in: [3, 4] }, 3, 5, []],
  [{ in: ['x'] }, 'x', 'y', ['', ' ', '0x10', '3', '3abc', '1e1', '３']],
  [{ notIn: [3] }, 5, 3, []],
  [{ lt: 16 }, 3, 17, []],
  [{ lte: 16 }, 16, 17, []],
  [{ gt: 2 }, 3, 1, []],
  [{ gte: 3 }, 3, 2, []],
  [{ gt: -1 }, 0, -2, []],
  [{ between: [0, 16] }, 3, 17, []],
  [{ startsWith: 'x' }, 'xy', 'y', ['', ' ', '0x10', '3', '3abc', '1e1', '３']],
  [{ endsWith: 'x' }, 'yx', 'y', ['', ' ', '0x10', '3', '3abc', '1e1', '３']],
  [{ contains: 'x' }, ['x'], ['y'], [[], ['3']]],
  [{ contains: 3 }, [3], [4], [[], [3]]],
  [{ containsAny: ['x'] }, ['x'], ['y'], [[], ['3']]],
  [{ containsAll: ['x', 'y'] }, ['x', 'y', 'z'], ['x'], [[], ['3']]],
  [{ cidr: '10.0.0.0/8' }, '10.0.0.1', '11.0.0.1', []],
]

const isJudged = (value: unknown, judged: readonly unknown[]): boolean =>
  judged.some((one) => Object.is(one, value) || (Array.isArray(one) && Array.isArray(value) && shown(one) === shown(value)))

describe('A11: attributes that are not what they should be', () => {
  test('satisfy no operator, and not its opposite either', () => {
    for (const [operator, yes, no, judged] of operators) {
      const when = { 'context.x': operator }
      const name = JSON.stringify(operator)
      assert.equal(permits(when, { x: yes }), true, name)
      assert.equal(permits(when, { x: no }), false, name)
      assert.equal(permits({ not: when }, { x: no }), true, name)
      for (const value of values) {
        if (isJudged(value, judged)) continue
        for (const condition of [when, { not: when }, { any: [when, { not: when }] }, { not: { not: when } }])
          assert.equal(permits(condition, { x: value }), false, `${JSON.stringify(condition)} of ${shown(value)}`)
      }
      for (const [what, context] of Object.entries(contexts))
        for (const condition of [when, { not: when }]) assert.equal(permits(condition, context), false, `${JSON.stringify(condition)} of ${what}`)
    }
  })

  test('do not equal each other: two that are missing, empty or odd are not the same', () => {
    for (const operator of [
      'eq',
      'ne',
      'in',
      'notIn',
      'lt',
      'lte',
      'gt',
      'gte',
      'startsWith',
      'endsWith',
      'contains',
      'containsAny',
      'containsAll',
    ]) {
      const when = { 'context.x': { [operator]: { path: 'resource.y' } } }
      for (const value of values) {
        if (typeof value === 'string' && value !== '') continue
        if (value === true || value === false || (Array.isArray(value) && value.length > 0 && operator.startsWith('contains'))) continue
        const question = {
          subject: { type: 'user', id: 'ada', properties: { roles: [] } },
          action: { name: 'a' },
          resource: { type: 't', id: 'i', properties: { y: value } },
          context: { x: value },
        }
        assert.equal(
          policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit', when }] }).evaluate(question as never).allowed,
          false,
          `${operator} ${shown(value)}`,
        )
      }
    }
    for (const claim of [undefined, null, '', [], {}]) {
      const rules = [{ id: 'r', effect: 'permit', when: { 'subject.tenant': { eq: { path: 'resource.tenant' } } } }]
      const question = {
        subject: { type: 'user', id: 'ada', properties: { roles: [], ...(claim !== undefined && { tenant: claim }) } },
        action: { name: 'a' },
        resource: { type: 't', id: 'i', properties: claim === undefined ? {} : { tenant: claim } },
        context: {},
      }
      assert.equal(policySet({ id: 'p', rules }).evaluate(question as never).allowed, false)
    }
  })

  test('make a forbid hold and a permit not', () => {
    for (const [operator, , , judged] of operators)
      for (const value of values) {
        if (isJudged(value, judged)) continue
        for (const when of [{ 'context.x': operator }, { not: { 'context.x': operator } }]) {
          const rules = [
            { id: 'p', effect: 'permit' },
            { id: 'f', effect: 'forbid', when },
          ]
          const question = {
            subject: { type: 'user', id: 'ada', properties: { roles: [] } },
            action: { name: 'a' },
            resource: { type: 't', id: 'i' },
            context: { x: value },
          }
          assert.equal(policySet({ id: 'p', rules }).evaluate(question as never).allowed, false, `${JSON.stringify(when)} of ${shown(value)}`)
        }
      }
  })

  test('addresses in spellings that two readers take for different ones are in no range', () => {
    for (const address of [
      '0x0a.0.0.1',
      '012.0.0.1',
      '10.1',
      '167772161',
      '10.0.0.1 ',
      ' 10.0.0.1',
      '10.0.0.1\n',
      '10.0.0.1/8',
      '10.0.0.1:80',
      '10.0.0.256',
      '１0.0.0.1',
      '10.0.0.1.',
      'localhost',
      ['10.0.0.1'],
    ])
      for (const when of [{ 'context.x': { cidr: '10.0.0.0/8' } }, { not: { 'context.x': { cidr: '10.0.0.0/8' } } }])
        assert.equal(permits(when, { x: address }), false, String(address))
  })

  test('as claims of a real token, and as what an application states', async () => {
    const rules = [
      { id: 'by-claim', effect: 'permit', action: ['claim'], when: { 'subject.claims.level': { gte: 3 } } },
      { id: 'by-context', effect: 'permit', action: ['context'], when: { 'context.level': { gte: 3 } } },
    ]
    let ran = 0
    const base = wholeGuard({ policy: { evaluator: policySet({ id: 'conformance-policy', rules }) } })
    const run = (action: string) => base.protect(() => String(++ran), { action, resource: { type: 't', id: 'i' }, codec: plainText })
    const json = values.filter(
      (value) => value === null || ['string', 'boolean'].includes(typeof value) || (Array.isArray(value) && shown(value) !== '[null]'),
    )
    const credentials = await analyst()
    for (const level of [...json, {}, { valueOf: 3 }, '9', '999', [9], 2]) {
      await assertRejects(run('claim')('x', { credentials: await issuer.bearer({ level }) }), 'denied')
      await assertRejects(run('context')('x', { credentials, attributes: { level } as never }), 'denied')
    }
    await assertRejects(run('claim')('x', { credentials }), 'denied')
    await assertRejects(run('context')('x', { credentials }), 'denied')
    // What is no JSON does not even begin.
    for (const level of [Number.NaN, 3n, Symbol('x'), () => 3, new Date(3), Object(3)])
      await assert.rejects(async () => run('context')('x', { credentials, attributes: { level } as never }), TypeError)
    await assert.rejects(async () => run('context')('x', { credentials, attributes: JSON.parse('{"__proto__":{"level":9}}') as never }), TypeError)
    assert.equal(ran, 0)
    await run('claim')('x', { credentials: await issuer.bearer({ level: 3 }) })
    await run('context')('x', { credentials, attributes: { level: 3 } })
    assert.equal(ran, 2)
  })

  test('nor does what an application states contradict what the transport saw', async () => {
    const rules = [{ id: 'secure-only', effect: 'permit', when: { 'context.secure': { eq: true } } }]
    const base = wholeGuard({ policy: { evaluator: policySet({ id: 'conformance-policy', rules }) } })
    let ran = 0
    const operation = { action: 'a', resource: { type: 't', id: 'i' }, codec: plainText }
    const credentials = await analyst()
    const send = (secure: boolean, attributes: object = {}) =>
      guardHandler(base, operation, () => String(++ran), { channel: () => ({ secure }), insecure: 'allow', attributes: () => attributes as never })(
        new Request('https://api.example/x', { method: 'POST', headers: { ...credentials, 'content-type': 'text/plain' }, body: 'x' }),
      )
    await assertRefused(await send(false), 'denied')
    await assertRefused(await send(false, { secure: true }), 'misconfigured', ['transport'])
    await assertRefused(await send(true, { method: 'GET' }), 'misconfigured')
    assert.equal(ran, 0)
    assert.equal((await send(true)).status, 200)
  })
})
