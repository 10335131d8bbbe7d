import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decide, passes, permits, requestWith } from './asking.ts'

const at = (iso: string): number => Date.parse(iso)
const isOpen = (window: Record<string, unknown>, iso: string): boolean => permits({ 'context.time': { during: window } }, { time: at(iso) })

describe('a moment', () => {
  test('is before what comes after it, and what ends and what begins at it leave no gap', () => {
    const until = { 'context.time': { before: '2026-12-31T23:00:00Z' } }
    const from = { 'context.time': { after: '2026-12-31T23:00:00Z' } }
    for (const [time, early] of [
      [at('2026-12-31T22:59:59.999Z'), true],
      [at('2026-12-31T23:00:00Z'), false],
      [at('2027-01-01T00:00:00Z'), false],
      [-1, true],
      [0, true],
    ] as const) {
      assert.equal(permits(until, { time }), early)
      assert.equal(permits(from, { time }), !early)
    }
  })

  test('means the same in every zone it is written in, and in milliseconds', () => {
    const same = [
      '2026-12-31T23:00:00Z',
      '2026-12-31T23:00Z',
      '2027-01-01T00:00:00+01:00',
      '2026-12-31T19:30:00-03:30',
      '2027-01-01T13:00:00.000+14:00',
    ]
    for (const moment of [...same, at('2026-12-31T23:00:00Z')]) {
      assert.equal(permits({ 'context.time': { before: moment } }, { time: at('2026-12-31T23:00:00Z') - 1 }), true)
      assert.equal(permits({ 'context.time': { before: moment } }, { time: at('2026-12-31T23:00:00Z') }), false)
    }
    assert.equal(permits({ 'context.time': { after: '2026-12-31T23:00:00.5Z' } }, { time: at('2026-12-31T23:00:00.500Z') }), true)
    assert.equal(permits({ 'context.time': { after: '2026-12-31T23:00:00.5Z' } }, { time: at('2026-12-31T23:00:00.499Z') }), false)
  })

  test('every moment that a date can write is read as the date reads it', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date('0100-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }), (date) => {
        const moment = date.toISOString()
        assert.equal(permits({ 'context.time': { before: moment } }, { time: date.getTime() - 1 }), true)
        assert.equal(permits({ 'context.time': { after: moment } }, { time: date.getTime() }), true)
        assert.equal(permits({ 'context.time': { before: moment } }, { time: date.getTime() }), false)
      }),
      { numRuns: 200 },
    )
  })
})

describe('a window', () => {
  test('is open from its beginning and no more at its end', () => {
    const office = { zone: 'UTC', from: '08:00', to: '18:00' }
    for (const [time, open] of [
      ['07:59:59.999', false],
      ['08:00:00', true],
      ['12:00:00', true],
      ['17:59:59.999', true],
      ['18:00:00', false],
      ['00:00:00', false],
    ] as const)
      assert.equal(isOpen(office, `2026-03-04T${time}Z`), open, time)
  })

  test('is open on its days, of its zone', () => {
    // A Friday.
    const workdays = { days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday'] }
    assert.equal(isOpen({ zone: 'UTC', ...workdays }, '2026-03-06T23:30:00Z'), true)
    assert.equal(isOpen({ zone: 'Europe/Berlin', ...workdays }, '2026-03-06T23:30:00Z'), false)
    assert.equal(isOpen({ zone: 'America/New_York', ...workdays }, '2026-03-07T04:59:00Z'), true)
    assert.equal(isOpen({ zone: 'America/New_York', ...workdays }, '2026-03-07T05:00:00Z'), false)
    assert.equal(isOpen({ zone: 'UTC', days: 'sunday' }, '2026-03-08T00:00:00Z'), true)
    assert.equal(isOpen({ zone: 'UTC', days: 'sunday' }, '2026-03-07T23:59:59Z'), false)
  })

  test('follows summer time, both ways, and half hours', () => {
    const office = { zone: 'Europe/Berlin', from: '08:00', to: '18:00' }
    assert.equal(isOpen(office, '2026-03-28T07:00:00Z'), true)
    assert.equal(isOpen(office, '2026-03-28T06:59:00Z'), false)
    // The last Sunday of March: two hours ahead from then on.
    assert.equal(isOpen(office, '2026-03-29T06:00:00Z'), true)
    assert.equal(isOpen(office, '2026-03-29T16:00:00Z'), false)
    assert.equal(isOpen(office, '2026-10-25T06:59:00Z'), false)
    assert.equal(isOpen(office, '2026-10-25T07:00:00Z'), true)
    // The hour that comes twice is in the window both times; the one that never comes is in none.
    const second = { zone: 'Europe/Berlin', from: '02:00', to: '03:00' }
    for (const [time, open] of [
      ['2026-10-24T23:59:00Z', false],
      ['2026-10-25T00:30:00Z', true],
      ['2026-10-25T01:30:00Z', true],
      ['2026-10-25T02:00:00Z', false],
      ['2026-03-29T00:59:00Z', false],
      ['2026-03-29T01:00:00Z', false],
    ] as const)
      assert.equal(isOpen(second, time), open, time)
    assert.equal(isOpen({ zone: 'Asia/Kathmandu', from: '08:00', to: '08:15' }, '2026-03-04T02:15:00Z'), true)
    assert.equal(isOpen({ zone: 'Asia/Kathmandu', from: '08:00', to: '08:15' }, '2026-03-04T02:30:00Z'), false)
  })

  test('over midnight belongs to the day on which it begins', () => {
    const nights = { zone: 'UTC', days: ['friday', 'sunday'], from: '22:00', to: '06:00' }
    for (const [time, open] of [
      ['2026-03-06T21:59:00Z', false],
      ['2026-03-06T22:00:00Z', true],
      ['2026-03-07T05:59:00Z', true],
      ['2026-03-07T06:00:00Z', false],
      ['2026-03-07T23:00:00Z', false],
      ['2026-03-06T03:00:00Z', false],
      // Sunday night, over the end of the week.
      ['2026-03-08T23:00:00Z', true],
      ['2026-03-09T05:00:00Z', true],
      ['2026-03-10T05:00:00Z', false],
    ] as const)
      assert.equal(isOpen(nights, time), open, time)
  })

  test('of a whole day has no hole', () => {
    for (const window of [
      { zone: 'UTC', from: '00:00', to: '24:00' },
      { zone: 'Europe/Berlin', days: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] },
      { zone: 'UTC', from: '12:00', to: '11:59' },
    ])
      for (const time of ['2026-03-08T00:00:00Z', '2026-03-08T11:58:59Z', '2026-03-08T23:59:59.999Z']) assert.equal(isOpen(window, time), true)
    assert.equal(isOpen({ zone: 'UTC', from: '12:00', to: '11:59' }, '2026-03-08T11:59:00Z'), false)
  })

  const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Kiritimati', 'America/Los_Angeles'] as const
  const names = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']
  const two = (count: number): string => String(count).padStart(2, '0')

  test('agrees with what a calendar says, at any moment in any zone', () => {
    const minute = fc.integer({ min: 0, max: 1439 })
    const time = fc.integer({ min: at('1972-01-01T00:00:00Z'), max: at('2037-12-31T00:00:00Z') })
    const days = fc.subarray(names, { minLength: 1 })
    fc.assert(
      fc.property(fc.constantFrom(...zones), minute, minute, days, fc.array(time, { minLength: 1, maxLength: 3 }), (zone, from, to, open, times) => {
        fc.pre(from !== to && to !== 0)
        const clock = (of: number): string => `${two(Math.floor(of / 60))}:${two(of % 60)}`
        const when = { 'context.time': { during: { zone, from: clock(from), to: clock(to), days: open } } }
        // Twice each, and out of order: an answer does not depend on what was asked before.
        for (const moment of [...times, ...times]) {
          const [day = '', hours = ''] = new Date(moment)
            .toLocaleString('en-GB', { timeZone: zone, weekday: 'long', hour: '2-digit', minute: '2-digit' })
            .split(' ')
          const local = Number(hours.slice(0, 2)) * 60 + Number(hours.slice(3, 5))
          const began =
            local < to && from > to ? names[(names.indexOf(day.toLowerCase().replace(',', '')) + 6) % 7] : day.toLowerCase().replace(',', '')
          const expected = open.includes(began ?? '') && (from < to ? local >= from && local < to : local >= from || local < to)
          assert.equal(permits(when, { time: moment }), expected, `${clock(from)}-${clock(to)} ${open.join()} ${zone} ${moment}`)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('A11: what is no time', () => {
  const nonsense = [
    undefined,
    null,
    '',
    '2026-03-04T12:00:00Z',
    '1772625600000',
    true,
    [],
    [1_772_625_600_000],
    {},
    new Date(),
    Number.NaN,
    Infinity,
    9e15,
    1n,
  ]
  const always = [{ before: '9999-01-01T00:00:00Z' }, { after: '1000-01-01T00:00:00Z' }, { during: { zone: 'UTC', from: '00:00', to: '24:00' } }]

  test('permits nothing, and a forbid then denies', () => {
    for (const test of always) {
      assert.equal(permits({ 'context.time': test }, { time: 0 }), true)
      for (const time of nonsense) {
        assert.equal(permits({ 'context.time': test }, { time }), false)
        assert.equal(permits({ not: { 'context.time': test } }, { time }), false)
        assert.equal(passes({ 'context.time': test }, { time }), false)
        assert.equal(passes({ not: { 'context.time': test } }, { time }), false)
      }
    }
  })

  test('does not keep a permit that expires, and does not end a forbid', () => {
    const expires = '9999-01-01T00:00:00Z'
    for (const time of nonsense) {
      assert.equal(decide([{ id: 'r', effect: 'permit', expires }], requestWith({ context: { time } })).allowed, false)
      const forbid = { id: 'f', effect: 'forbid', expires: 0 }
      assert.equal(decide([{ id: 'r', effect: 'permit' }, forbid], requestWith({ context: { time } })).allowed, false)
    }
    assert.equal(decide([{ id: 'r', effect: 'permit', expires }], requestWith({ context: {} })).allowed, false)
    const getter = Object.defineProperty({}, 'time', { get: () => 0, enumerable: true })
    const inherited = Object.create({ time: 0 }) as object
    for (const context of [getter, inherited, undefined, null, 0])
      assert.equal(decide([{ id: 'r', effect: 'permit', expires }], requestWith({ context })).allowed, false)
  })
})

describe('a rule that expires', () => {
  const end = '2026-12-31T23:00:00Z'
  const ask = (rules: readonly Record<string, unknown>[], time: number) => decide(rules, requestWith({ context: { time, risk: 0.1 } }))

  test('is a rule until then, and none from then on', () => {
    for (const expires of [end, at(end)]) {
      const permit = { id: 'permit', effect: 'permit', expires }
      assert.equal(ask([permit], at(end) - 1).allowed, true)
      assert.deepEqual(ask([permit], at(end)).reasons, [])
      assert.equal(ask([permit], at(end)).allowed, false)
      const forbid = { id: 'forbid', effect: 'forbid', expires }
      assert.equal(ask([{ id: 'all', effect: 'permit' }, forbid], at(end) - 1).allowed, false)
      assert.equal(ask([{ id: 'all', effect: 'permit' }, forbid], at(end)).allowed, true)
    }
  })

  test('has its conditions all the same', () => {
    const permit = { id: 'permit', effect: 'permit', expires: end, when: { 'context.risk': { lt: 0.5 } } }
    assert.equal(ask([permit], at(end) - 1).allowed, true)
    assert.equal(decide([permit], requestWith({ context: { time: 0, risk: 0.9 } })).allowed, false)
    // One that is over needs no answer to the rest.
    const forbid = { id: 'forbid', effect: 'forbid', expires: end, when: { 'context.nothing': { lt: 0.5 } } }
    assert.equal(ask([{ id: 'all', effect: 'permit' }, forbid], at(end)).allowed, true)
    assert.equal(ask([{ id: 'all', effect: 'permit' }, forbid], at(end) - 1).allowed, false)
  })

  test('loses its duties with its permit; where the time is not known, it sheds none', () => {
    const rules = [
      { id: 'all', effect: 'permit' },
      { id: 'short', effect: 'permit', expires: end, obligations: [{ type: 'no_stream' }] },
    ]
    assert.deepEqual(ask(rules, at(end) - 1).obligations, [{ type: 'no_stream' }])
    assert.deepEqual(ask(rules, at(end)).obligations, [])
    const unknown = decide(rules, requestWith({ context: {} }))
    assert.equal(unknown.allowed, false)
    assert.deepEqual(unknown.reasons, [{ rule: 'short', effect: 'permit' }])
  })
})
