import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Calendar, isZone } from '../../src/limits/calendar.ts'

const hour = 3_600_000
const at = (iso: string): number => Date.parse(iso)
const span = (unit: 'day' | 'month', zone: string, now: string): string[] => {
  const { start, end } = new Calendar(unit, zone).at(at(now))
  return [new Date(start).toISOString(), new Date(end).toISOString()]
}

const days: readonly (readonly [what: string, zone: string, now: string, start: string, end: string])[] = [
  ['of UTC', 'UTC', '2026-05-05T13:00Z', '2026-05-05T00:00:00.000Z', '2026-05-06T00:00:00.000Z'],
  ['whose first moment it is', 'UTC', '2026-05-05T00:00Z', '2026-05-05T00:00:00.000Z', '2026-05-06T00:00:00.000Z'],
  ['whose last moment it is', 'UTC', '2026-05-05T23:59:59.999Z', '2026-05-05T00:00:00.000Z', '2026-05-06T00:00:00.000Z'],
  ['far east', 'Asia/Tokyo', '2026-05-05T16:00Z', '2026-05-05T15:00:00.000Z', '2026-05-06T15:00:00.000Z'],
  ['a quarter of an hour off', 'Asia/Kathmandu', '2026-05-05T16:00Z', '2026-05-04T18:15:00.000Z', '2026-05-05T18:15:00.000Z'],
  ['of 23 hours', 'Europe/Warsaw', '2026-03-29T12:00Z', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
  ['of 25 hours', 'Europe/Warsaw', '2026-10-25T12:00Z', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
  // Midnight is skipped: the day begins at one.
  ['without a midnight', 'America/Sao_Paulo', '2018-11-04T12:00Z', '2018-11-04T03:00:00.000Z', '2018-11-05T02:00:00.000Z'],
  // Midnight comes twice: clocks go back to eleven as the day is over.
  ['that ends twice', 'America/Sao_Paulo', '2018-02-17T12:00Z', '2018-02-17T02:00:00.000Z', '2018-02-18T03:00:00.000Z'],
  ['before one that never was', 'Pacific/Apia', '2011-12-30T00:00Z', '2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z'],
  ['that leaps', 'UTC', '2028-02-29T05:00Z', '2028-02-29T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
]

for (const [what, zone, now, start, end] of days)
  test(`finds the day ${what}`, () => {
    assert.deepEqual(span('day', zone, now), [start, end])
  })

test('finds months: short ones, long ones, leap years and clocks that are set in between', () => {
  assert.deepEqual(span('month', 'UTC', '2026-02-28T23:59Z'), ['2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'])
  assert.deepEqual(span('month', 'UTC', '2028-02-29T23:59Z'), ['2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'])
  assert.deepEqual(span('month', 'UTC', '2026-12-31T23:59Z'), ['2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'])
  assert.deepEqual(span('month', 'America/New_York', '2026-03-15T00:00Z'), ['2026-03-01T05:00:00.000Z', '2026-04-01T04:00:00.000Z'])
})

test('one period ends where the next begins, and each holds its time', () => {
  const zones = ['UTC', 'Europe/Warsaw', 'America/Sao_Paulo', 'Pacific/Apia', 'Australia/Lord_Howe', 'Africa/Cairo', 'America/Havana', 'Asia/Beirut']
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom('day' as const, 'month' as const),
      fc.integer({ min: 0, max: at('2037-01-01') }),
      (zone, unit, now) => {
        const calendar = new Calendar(unit, zone)
        const first = calendar.at(now)
        assert.ok(first.start <= now && now < first.end)
        const next = calendar.at(first.end)
        assert.equal(next.start, first.end)
        assert.ok(first.end - first.start >= (unit === 'day' ? 22 : 27 * 24) * hour)
      },
    ),
    { numRuns: 60 },
  )
})

test('a clock that steps back does not bring a day back that is over', () => {
  const calendar = new Calendar('day', 'UTC')
  const today = calendar.at(at('2026-05-05T12:00Z'))
  assert.equal(calendar.at(at('2026-05-04T12:00Z')), today)
  assert.equal(calendar.at(at('2026-05-05T23:59Z')), today)
  assert.equal(calendar.at(at('2026-05-06T00:00Z')).start, today.end)
})

test('knows which zones there are', () => {
  assert.ok(isZone('Europe/Warsaw'))
  for (const zone of ['Middle/Earth', '', 5, undefined, null]) assert.equal(isZone(zone), false)
})
