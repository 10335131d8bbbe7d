import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkGeneralization, type Generalization, generalizer } from '../../src/anonymize/generalize.ts'

function through(to: Generalization, ...values: readonly (string | number | boolean)[]): (string | undefined)[] {
  const generalize = generalizer(checkGeneralization(to, 'x'))
  return values.map((value) => generalize(value))
}

test('dates become months, years and decades, as they stand', () => {
  const dates = ['2024-02-29', '1999-12-31T23:59:59.5+02:00', '2001-05', ' 1987 ']
  assert.deepEqual(through({ date: 'decade' }, ...dates), ['2020s', '1990s', '2000s', '1980s'])
  assert.deepEqual(through({ date: 'year' }, ...dates), ['2024', '1999', '2001', '1987'])
  assert.deepEqual(through({ date: 'month' }, ...dates), ['2024-02', '1999-12', '2001-05', undefined])
  const none = ['2023-02-29', '2024-13-01', '2024-00-10', '2024-01-00', '29.02.2024', '2024-1-1', '', 'NaN', '2024-01-01x', 2024, true]
  assert.deepEqual(
    through({ date: 'year' }, ...none),
    none.map(() => undefined),
  )
})

test('numbers become the range that they lie in, without the errors of fractions', () => {
  assert.deepEqual(through({ range: 10 }, 0, 9, '10', '-1', 39.999, ' 40 ', '4.2e1'), [
    '[0, 10)',
    '[0, 10)',
    '[10, 20)',
    '[-10, 0)',
    '[30, 40)',
    '[40, 50)',
    '[40, 50)',
  ])
  assert.deepEqual(through({ range: 0.1 }, 0.35, '0.3500001'), ['[0.3, 0.4)', '[0.3, 0.4)'])
  assert.deepEqual(through({ range: 5, from: 18 }, 18, 22, 23), ['[18, 23)', '[18, 23)', '[23, 28)'])
  assert.deepEqual(through({ ranges: [18, 30, 65] }, 17, 18, 64.5, 65, 1e9), ['<18', '[18, 30)', '[30, 65)', '>=65', '>=65'])
  for (const value of ['0x10', 'Infinity', 'NaN', '1_000', '12 years', '', '1,5', '1e999', true, '٣'])
    assert.deepEqual(through({ range: 10 }, value), [undefined], String(value))
  assert.deepEqual(through({ range: 1e-9 }, 1e17), [undefined])
})

test('property: a number lies in its range, and all of a range share it', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: 1, max: 1000 }), (value, range) => {
      const [text] = through({ range }, value)
      const [, low, high] = /^\[(-?\d+), (-?\d+)\)$/.exec(text ?? '') ?? []
      assert.ok(Number(low) <= value && value < Number(high) && Number(high) - Number(low) === range)
      assert.equal(through({ range }, Number(low))[0], text)
    }),
  )
})

test('texts become their first characters, and show nothing where there are no more', () => {
  assert.deepEqual(through({ prefix: 3 }, '94110', ' SW1A 1AA ', '941', '9', 94110, '🙂🙂🙂🙂'), ['941*', 'SW1*', '*', '*', '941*', '🙂🙂🙂*'])
  assert.deepEqual(through({ prefix: 0 }, 'abc', ''), ['*', '*'])
})

test('A16: categories become those above them, and none is inherited from an object', () => {
  const parents = { Berlin: 'Germany', Germany: 'Europe', Paris: 'France' }
  assert.deepEqual(through({ parents }, 'Berlin', ' Paris ', 'Rome', 'constructor', '__proto__', 'toString'), [
    'Germany',
    'France',
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  assert.deepEqual(through({ parents, steps: 2 }, 'Berlin', 'Paris'), ['Europe', undefined])
  const hostile = JSON.parse('{"__proto__":"x","a":"b"}') as Record<string, string>
  assert.deepEqual(through({ parents: hostile }, 'a', '__proto__'), ['b', 'x'])
})

test('addresses become their network', () => {
  assert.deepEqual(through({ network: 24 }, '192.0.2.77', '2001:db8:1:2::3', '::ffff:192.0.2.77', '2001:db8::', '::1'), [
    '192.0.2.0/24',
    '2001:db8:1::/48',
    '192.0.2.0/24',
    '2001:db8::/48',
    '::/48',
  ])
  assert.deepEqual(
    through({ network: 20, network6: 20 }, '10.9.255.1', '2001:dff::'),
    ['10.9.240.0/20', '2001:d00::/20'.replace('d00', '')].slice(0, 1).concat(['2001::/20']),
  )
  assert.deepEqual(through({ network: 0 }, '10.9.255.1', '010.1.1.1', '10.1.1', 'x', 5), ['0.0.0.0/0', undefined, undefined, undefined, undefined])
})

test('what is no generalisation is refused, with the reason', () => {
  const wrong: readonly unknown[] = [
    undefined,
    [],
    {},
    { date: 'day' },
    { date: 'year', prefix: 1 },
    { range: 0 },
    { range: Number.NaN },
    { range: 1, from: 'x' },
    { ranges: [] },
    { ranges: [2, 1] },
    { ranges: [1, 1] },
    { ranges: [1, 'x'] },
    { prefix: -1 },
    { prefix: 1.5 },
    { parents: [] },
    { parents: { a: 1 } },
    { parents: {}, steps: 0 },
    { network: 33 },
    { network: 8, network6: 129 },
  ]
  for (const to of wrong) assert.throws(() => checkGeneralization(to, 'column "x"'), /^TypeError: column "x": to: /)
})
