import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Detector } from '../../src/masking/detector.ts'
import { masker } from '../../src/masking/masker.ts'
import { pattern } from '../../src/masking/pattern.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { type Candidate, resolveOverlaps, scan } from '../../src/masking/scan.ts'
import { found } from './found.ts'

function detector(type: string, ...spans: readonly { start: number; end: number; score?: number }[]): Detector {
  return { type, maxLength: 100, find: () => spans }
}

test('findings tell type, place and certainty, in order', () => {
  assert.deepEqual(scan('mail bob@example.com', detectors.email), [{ type: 'EMAIL', start: 5, end: 20, score: 0.9 }])
  assert.deepEqual(
    scan('10.0.0.1 and a@b.co and 4111111111111111', detectors.pii).map(({ type, start }) => [type, start]),
    [
      ['IP_ADDRESS', 0],
      ['EMAIL', 13],
      ['CARD', 24],
    ],
  )
  assert.deepEqual(scan('', detectors.all), [])
})

test('A16: what is no text is an error, and never an empty one', () => {
  const { mask, restore } = masker({ detect: detectors.all, mode: 'pseudonym' })
  for (const text of [12345n, 4111111111111111, undefined, null, {}, ['bob@example.com'], { length: 3 }] as unknown as string[])
    for (const take of [(given: string) => scan(given, detectors.all), mask, restore]) assert.throws(() => take(text), TypeError)
  assert.deepEqual(found('\ud83d bob@example.com \ude42', detectors.all), ['EMAIL bob@example.com'])
})

test('only the chosen detectors look', () => {
  assert.deepEqual(found('a@b.co 4111111111111111', detectors.card), ['CARD 4111111111111111'])
  assert.deepEqual(found('a@b.co 4111111111111111', [detectors.secrets, detectors.email]), ['EMAIL a@b.co'])
})

test('a detector answers on its own', () => {
  assert.deepEqual([...detectors.email.find('x a@b.co')], [{ type: 'EMAIL', start: 2, end: 8, score: 0.9 }])
})

test('of two that overlap the more certain wins, then the longer, then the first, and no character is given up', () => {
  const text = '0123456789'
  const types = (...all: Detector[]): unknown[] => scan(text, all).map(({ type, start, end }) => [type, start, end])
  assert.deepEqual(types(detector('A', { start: 0, end: 6, score: 0.5 }), detector('B', { start: 4, end: 8, score: 0.9 })), [
    ['A', 0, 4],
    ['B', 4, 8],
  ])
  assert.deepEqual(types(detector('A', { start: 2, end: 4 }), detector('B', { start: 1, end: 6 })), [['B', 1, 6]])
  assert.deepEqual(types(detector('A', { start: 0, end: 4 }), detector('B', { start: 2, end: 6 })), [
    ['A', 0, 4],
    ['B', 4, 6],
  ])
  assert.deepEqual(types(detector('A', { start: 0, end: 4 }), detector('B', { start: 0, end: 4 })), [['A', 0, 4]])
})

test('property: each character belongs to the best candidate that covers it', () => {
  const candidate = fc.record({
    type: fc.constantFrom('A', 'B', 'C'),
    score: fc.constantFrom(0.5, 0.7, 0.9),
    start: fc.nat({ max: 30 }),
    length: fc.integer({ min: 1, max: 12 }),
  })
  fc.assert(
    fc.property(fc.array(candidate, { maxLength: 12 }), fc.nat({ max: 10 }), (all, from) => {
      const candidates: Candidate[] = all.map(({ length, ...rest }, order) => ({ ...rest, end: rest.start + length, order }))
      const owners: (Candidate | undefined)[] = Array.from({ length: 45 })
      for (let at = from; at < owners.length; at++) {
        const [best] = candidates
          .filter(({ start, end }) => start <= at && at < end)
          .sort((a, b) => b.score - a.score || b.end - b.start - (a.end - a.start) || a.start - b.start || a.order - b.order)
        owners[at] = best
      }
      const painted: (Candidate | undefined)[] = Array.from({ length: 45 })
      let last = 0
      for (const stretch of resolveOverlaps(candidates, from)) {
        assert.ok(stretch.start >= last && stretch.end > stretch.start)
        last = stretch.end
        painted.fill(stretch.candidate, stretch.start, stretch.end)
      }
      assert.deepEqual(painted, owners)
    }),
  )
})

test("a user's pattern ends, with or without the g flag and where it matches nothing", () => {
  const text = 'EMP-1234 and EMP-5678 🙂'
  for (const flags of ['', 'g', 'y', 'gy', 'u', 'v', 'i'])
    assert.deepEqual(found(text, pattern({ name: 'BADGE', regex: new RegExp('\\bEMP-\\d{4}\\b', flags), maxLength: 10 })), [
      'BADGE EMP-1234',
      'BADGE EMP-5678',
    ])
  for (const regex of [/x*/, /(?:)/g, /(?=🙂)/u, /^/gm]) assert.deepEqual(found(text, pattern({ name: 'X', regex, maxLength: 10 })), [])
  const regex = /EMP/g
  regex.lastIndex = 5
  assert.equal(found(text, pattern({ name: 'X', regex, maxLength: 3 })).length, 2)
  assert.equal(regex.lastIndex, 5)
})

test("a user's pattern finds across the borders of its windows, and validates", () => {
  const text = `${'-'.repeat(29)}EMP-1234${'-'.repeat(200)}EMP-5678${'-'.repeat(57)}EMP-9012`
  const regex = /EMP-\d{4}/
  assert.deepEqual(found(text, pattern({ name: 'BADGE', regex, maxLength: 8 })), ['BADGE EMP-1234', 'BADGE EMP-5678', 'BADGE EMP-9012'])
  assert.deepEqual(found(text, pattern({ name: 'BADGE', regex, maxLength: 8, validate: (match) => match.endsWith('8') })), ['BADGE EMP-5678'])
  assert.deepEqual(found('ＥＭＰ-1234', pattern({ name: 'BADGE', regex, maxLength: 8 })), ['BADGE ＥＭＰ-1234'])
})

test('a match that is longer than was said is found whole, in pieces', () => {
  const pieces = scan(`-${'x'.repeat(500)}-`, pattern({ name: 'X', regex: /x+/, maxLength: 10 }))
  assert.equal(pieces[0]?.start, 1)
  assert.equal(pieces.at(-1)?.end, 501)
  for (const [index, { start }] of pieces.slice(1).entries()) assert.equal(start, pieces[index]?.end)
})

test("half a character is never a finding's border", () => {
  const halves: Detector = { type: 'HALF', maxLength: 4, find: (text) => [{ start: text.indexOf('🙂') + 1, end: text.indexOf('🙂') + 2 }] }
  assert.deepEqual(found('a🙂b', halves), ['HALF 🙂'])
})

test('a detector that talks nonsense is an error, and so is a wrong choice', () => {
  for (const span of [
    { start: -1, end: 2 },
    { start: 0, end: 4 },
    { start: 2, end: 1 },
    { start: 0.5, end: 1 },
    { start: 0, end: 1, score: 2 },
    { start: 0, end: 1, score: Number.NaN },
  ])
    assert.throws(() => scan('abc', detector('X', span)), TypeError)
  const endless: Detector = {
    type: 'X',
    maxLength: 5,
    *find() {
      for (;;) yield { start: 0, end: 1 }
    },
  }
  assert.throws(() => scan('abc', endless), TypeError)
  const later = { type: 'X', maxLength: 5, find: async () => [] } as unknown as Detector
  assert.throws(() => scan('abc', later), TypeError)
  const wrong: readonly unknown[] = [
    [],
    undefined,
    null,
    'email',
    [undefined],
    { type: 'email', maxLength: 1, find: () => [] },
    { type: '__proto__', maxLength: 1, find: () => [] },
    { type: 'X', maxLength: 0, find: () => [] },
    { type: 'X', maxLength: 10_000, find: () => [] },
    { type: 'X', maxLength: Number.NaN, find: () => [] },
    { type: 'X', maxLength: 1 },
  ]
  for (const detect of wrong) assert.throws(() => scan('abc', detect as Detector), TypeError)
  const options = { name: 'X', regex: /x/, maxLength: 1 }
  for (const change of [{ name: 'x y' }, { regex: 'x' }, { maxLength: 0 }, { validate: 1 }, { score: 0 }, { score: 1.5 }])
    assert.throws(() => pattern({ ...options, ...change } as typeof options), TypeError)
})

test('what is asked is what was checked: a detector changed afterwards changes nothing', () => {
  const mine = { type: 'X', maxLength: 5, find: () => [{ start: 0, end: 1 }] }
  const choice = Object.freeze([mine])
  assert.deepEqual(found('abc', choice), ['X a'])
  mine.find = () => []
  assert.deepEqual(found('abc', choice), ['X a'])
})
