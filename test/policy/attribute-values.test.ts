import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { decide, passes, permits, requestWith } from './asking.ts'

const getter = (value: unknown): object => Object.defineProperty({}, 'value', { enumerable: true, get: () => value })
const throwing = Object.defineProperty({}, 'value', {
  enumerable: true,
  get() {
    throw new Error('a getter was called')
  },
})
const nonsense: readonly (readonly [string, object])[] = [
  ['missing', {}],
  ['undefined', { value: undefined }],
  ['null', { value: null }],
  ['an empty list', { value: [] }],
  ['an empty text', { value: '' }],
  ['true', { value: true }],
  ['a number as text', { value: '0x10' }],
  ['a decimal as text', { value: '16' }],
  ['NaN', { value: Number.NaN }],
  ['infinity', { value: Number.POSITIVE_INFINITY }],
  ['an object', { value: {} }],
  ['an object that pretends', { value: { valueOf: () => 16, toString: () => 'acme' } }],
  ['a boxed number', { value: Object(16) }],
  ['a boxed text', { value: Object('acme') }],
  ['a list of one', { value: [16] }],
  ['a BigInt', { value: 16n }],
  ['a function', { value: () => 16 }],
  ['inherited', Object.create({ value: 16 })],
  ['inherited text', Object.create({ value: 'acme' })],
  ['a getter of a number', getter(16)],
  ['a getter of a text', getter('acme')],
  ['a getter of a list', getter(['acme'])],
  ['a getter that throws', throwing],
]

// Each is true of some value, which is the negative of the test: the operator does hold where it should.
const conditions: readonly (readonly [Record<string, unknown>, unknown, readonly string[]])[] = [
  [{ eq: 16 }, 16, []],
  [{ ne: 17 }, 16, []],
  [{ lt: 17 }, 16, []],
  [{ lte: 16 }, 16, []],
  [{ gt: -1 }, 16, []],
  [{ gte: 0 }, 16, []],
  [{ between: [-1, 100] }, 16, []],
  [{ in: [0, 1, 16] }, 16, []],
  [{ notIn: [99] }, 16, []],
  [{ eq: 'acme' }, 'acme', []],
  [{ ne: 'other' }, 'acme', ['an empty text', 'a number as text', 'a decimal as text']],
  [{ in: ['acme'] }, 'acme', []],
  [{ notIn: ['other'] }, 'acme', ['an empty text', 'a number as text', 'a decimal as text']],
  [{ startsWith: 'ac' }, 'acme', []],
  [{ endsWith: 'me' }, 'acme', []],
  [{ contains: 'acme' }, ['acme'], []],
  [{ contains: 16 }, [16], ['a list of one']],
  [{ containsAny: ['acme', 'b'] }, ['acme'], []],
  [{ containsAll: ['acme'] }, ['acme', 'b'], []],
  [{ cidr: '0.0.0.0/0' }, '10.0.0.1', []],
  [{ eq: false }, false, []],
  [{ ne: false }, true, ['true']],
]

describe('A11: an attribute that is not what a test needs', () => {
  for (const [tests, holds, legitimate] of conditions) {
    test(`satisfies no ${JSON.stringify(tests)}, nor its opposite, and a forbid on either refuses`, () => {
      const when = { 'context.value': tests }
      assert.equal(permits(when, { value: holds }), true)
      assert.equal(passes(when, { value: holds }), false)
      assert.equal(passes({ not: when }, { value: holds }), true)
      for (const [name, context] of nonsense) {
        if (legitimate.includes(name)) continue
        assert.equal(permits(when, context), false, name)
      }
      // What is not even of the type is unknown: it is not the opposite either.
      for (const name of [
        'missing',
        'null',
        'NaN',
        'inherited',
        'a getter of a number',
        'a getter that throws',
        'a BigInt',
        'an object that pretends',
      ]) {
        const context = nonsense.find(([known]) => known === name)?.[1]
        assert.equal(permits({ not: when }, context), false, name)
        assert.equal(passes(when, context), false, name)
        assert.equal(passes({ not: when }, context), false, name)
      }
    })
  }

  test('exists asks for a value: null is none, an inherited one is none, a getter is neither', () => {
    const exists = (context: object): boolean => permits({ 'context.value': { exists: true } }, context)
    const lacks = (context: object): boolean => permits({ 'context.value': { exists: false } }, context)
    for (const value of ['', 'x', 0, false, [], {}]) assert.deepEqual([exists({ value }), lacks({ value })], [true, false])
    for (const context of [{}, { value: null }, { value: undefined }, Object.create({ value: 1 })])
      assert.deepEqual([exists(context), lacks(context)], [false, true])
    for (const context of [getter(1), throwing, { value: Number.NaN }, { value: () => 1 }, { value: 1n }])
      assert.deepEqual([exists(context), lacks(context)], [false, false])
  })

  test('below a value of another type nobody can tell, so that absence there permits nothing', () => {
    const ask = (condition: object, value: unknown): boolean => permits({ 'context.value.deep': condition }, { value })
    for (const value of ['text', '', 0, true, [], ['x'], [{ deep: 1 }]])
      for (const condition of [{ exists: true }, { exists: false }, { eq: 1 }, { ne: 1 }]) assert.equal(ask(condition, value), false)
    for (const nothing of [undefined, null, {}, { deep: null }]) assert.equal(ask({ exists: false }, nothing), true)
    const forbid = [
      { id: 'all', effect: 'permit' },
      { id: 'no', effect: 'forbid', when: { 'context.value.deep': { exists: true } } },
    ]
    assert.equal(decide(forbid, requestWith({ context: { value: 'text' } })).allowed, false)
    assert.equal(decide(forbid, requestWith({ context: { value: {} } })).allowed, true)
  })

  test('exists of a declared attribute asks for its type as well', () => {
    const attributes = { 'context.value': 'number' }
    const asks = (value: unknown) =>
      [true, false].map(
        (exists) =>
          decide([{ id: 'r', effect: 'permit', when: { 'context.value': { exists } } }], requestWith({ context: { value } }), { attributes }).allowed,
      )
    assert.deepEqual(asks(1), [true, false])
    assert.deepEqual(asks(undefined), [false, true])
    for (const value of ['1', true, [], {}, Number.NaN]) assert.deepEqual(asks(value), [false, false])
  })

  test('a comparison with another attribute needs both, of one type, and not empty', () => {
    const when = { 'context.a': { eq: { path: 'context.b' } } }
    const differ = { 'context.a': { ne: { path: 'context.b' } } }
    assert.equal(permits(when, { a: 'x', b: 'x' }), true)
    assert.equal(permits(differ, { a: 'x', b: 'y' }), true)
    for (const same of [undefined, null, '', [], {}, Number.NaN]) assert.equal(permits(when, { a: same, b: same }), false, JSON.stringify(same))
    const list = ['x']
    assert.equal(permits(when, { a: list, b: list }), false)
    for (const [a, b] of [
      [1, '1'],
      [true, 'true'],
      [0, false],
      ['', null],
      [null, undefined],
      ['x', ['x']],
    ]) {
      assert.equal(permits(when, { a, b }), false)
      assert.equal(permits(differ, { a, b }), false)
    }
    assert.equal(permits({ 'context.a': { in: { path: 'context.b' } } }, { a: 'x', b: ['x', 1] }), false)
    assert.equal(permits({ 'context.a': { in: { path: 'context.b' } } }, { a: 'x', b: 'xyz' }), false)
    assert.equal(permits({ 'context.a': { notIn: { path: 'context.b' } } }, { a: 'x', b: null }), false)
    assert.equal(permits({ 'context.a': { containsAll: { path: 'context.b' } } }, { a: ['x'], b: [] }), false)
    assert.equal(permits({ 'context.a': { startsWith: { path: 'context.b' } } }, { a: 'x', b: '' }), false)
    assert.equal(permits({ 'context.a': { lt: { path: 'context.b' } } }, { a: 1, b: '2' }), false)
    assert.equal(permits({ 'context.a': { lt: { path: 'context.b' } } }, { a: 1, b: 2 }), true)
  })

  test('contains looks into lists; into a text only where it is declared to be one', () => {
    const when = { 'context.groups': { contains: 'admin' } }
    assert.equal(permits(when, { groups: ['admin'] }), true)
    assert.equal(permits(when, { groups: 'not-an-admin' }), false)
    assert.equal(permits(when, { groups: ['not-an-admin'] }), false)
    assert.equal(permits(when, { groups: ['admin', null] }), false)
    assert.equal(permits(when, { groups: [['admin']] }), false)
    assert.equal(permits(when, { groups: Object.assign(new Array(2), { 1: 'admin' }) }), false)
    assert.equal(permits(when, { groups: { 0: 'admin', length: 1 } }), false)
  })

  test('a path leads through own members of objects only', () => {
    const when = { 'context.a.b': { eq: 1 } }
    assert.equal(permits(when, { a: { b: 1 } }), true)
    assert.equal(permits(when, { 'a.b': 1 }), false)
    assert.equal(permits(when, { a: Object.create({ b: 1 }) }), false)
    assert.equal(permits(when, { a: getter(1) }), false)
    assert.equal(permits({ 'context.list.length': { eq: 2 } }, { list: ['x', 'y'] }), false)
    assert.equal(permits({ 'context.list.0': { eq: 'x' } }, { list: ['x', 'y'] }), false)
    assert.equal(permits({ 'context.text.length': { eq: 2 } }, { text: 'xy' }), false)
    assert.equal(permits({ 'context.toString': { exists: true } }, {}), false)
    for (const context of [null, undefined, 'text', [], 5]) assert.equal(permits(when, context), false)
  })
})
