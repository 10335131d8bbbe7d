import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecentCalls } from '../../src/audit-view/calls.ts'
import { html } from '../../src/audit-view/html.ts'
import { Tally } from '../../src/audit-view/tally.ts'
import { decided, ended } from './viewed-log.ts'

const entry = (record: ReturnType<typeof decided> | ReturnType<typeof ended>, index = 0) => ({ index, hash: '', record })

test('keeps the sum of all calls, however long the time, in spans that become longer', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 * 86_400 }), { minLength: 1, maxLength: 600 }), (seconds) => {
      const tally = new Tally()
      for (const at of seconds) tally.add(entry(decided(0, { time: at * 1_000 })))
      assert.ok(tally.spans.length <= 240)
      assert.equal(
        tally.spans.reduce((sum, { allowed }) => sum + allowed, 0),
        seconds.length,
      )
    }),
  )
})

test('tells how long calls took within a factor of the square root of two', () => {
  const tally = new Tally()
  for (let elapsed = 1; elapsed <= 1_000; elapsed++) tally.add(entry(ended(0, { elapsed })))
  for (const share of [0.5, 0.95, 0.99]) {
    const told = tally.quantile(share) ?? 0
    assert.ok(told >= share * 1_000 && told <= share * 1_000 * Math.SQRT2 + 1, `${share}: ${told}`)
  }
  assert.equal(new Tally().quantile(0.5), undefined)
})

test('a flood of names takes no more room, and no call is lost of it', () => {
  const tally = new Tally()
  for (let number = 0; number < 5_000; number++)
    tally.add(entry(decided(0, { subject: { key: `k${number}`, subject: `s${number}`, issuer: 'i', kind: 'user', roles: [] } })))
  assert.ok(tally.identities.size <= 2_001)
  assert.equal(
    [...tally.identities.values()].reduce((sum, { calls }) => sum + calls, 0),
    5_000,
  )
})

test('the newest calls are kept, and joined by their id', () => {
  const calls = new RecentCalls(3)
  for (let number = 0; number < 5; number++) {
    calls.add(entry(decided(number), number * 2))
    calls.add(entry(ended(number), number * 2 + 1))
  }
  assert.equal(calls.get('call-1'), undefined)
  assert.deepEqual([calls.get('call-4')?.decision?.index, calls.get('call-4')?.outcome?.index], [8, 9])
})

test('property: no text gets out of where it was put in HTML', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const { html: made } = html`<p title="${text}">${[text, text]}</p>`
      assert.match(made, /^<p title="[^"<>]*">[^<>]*<\/p>$/u)
    }),
  )
})
