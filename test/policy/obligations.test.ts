import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Obligation } from '../../src/guard/context.ts'
import { mergeObligations, sameObligations } from '../../src/policy/obligations.ts'

test('keeps the strictest of numbers, what all allow of tools, and every other duty once', () => {
  assert.deepEqual(
    mergeObligations(
      [
        { type: 'max_output_tokens', value: 2000 },
        { type: 'mask', types: ['email'] },
        { type: 'allow_tools', value: ['a', 'b'] },
      ],
      [
        { type: 'max_output_tokens', value: 100 },
        { types: ['email'], type: 'mask' },
        { type: 'allow_tools', value: 'b' },
        { type: 'min_delay', value: 1 },
      ],
      [
        { type: 'mask', types: ['phone'] },
        { type: 'min_delay', value: 5 },
        { type: 'max_cost', currency: 'EUR', value: 5 },
        { type: 'max_cost', currency: 'USD', value: 6 },
      ],
    ),
    [
      { type: 'allow_tools', value: ['b'] },
      { type: 'max_cost', currency: 'EUR', value: 5 },
      { type: 'max_cost', currency: 'USD', value: 6 },
      { type: 'max_output_tokens', value: 100 },
      { type: 'min_delay', value: 5 },
      { type: 'mask', types: ['email'] },
      { type: 'mask', types: ['phone'] },
    ].sort((one, other) => (JSON.stringify(sorted(one)) < JSON.stringify(sorted(other)) ? -1 : 1)),
  )
  assert.deepEqual(mergeObligations([{ type: 'allow_tools', value: ['a'] }], [{ type: 'allow_tools', value: ['b'] }]), [
    { type: 'allow_tools', value: [] },
  ])
  assert.deepEqual(mergeObligations([], []), [])
})

// As they are ordered: by what they are merged by.
function sorted(obligation: Record<string, unknown>): string {
  if (obligation.type === 'allow_tools') return 'allow_tools'
  const { value: _, ...others } = obligation
  return `{${Object.entries(others)
    .sort()
    .map(([key, member]) => `${JSON.stringify(key)}:${JSON.stringify(member)}`)
    .join(',')}}`
}

const anyObligation: fc.Arbitrary<Obligation> = fc.oneof(
  fc.nat(5).map((value) => ({ type: 'max_output_tokens', value })),
  fc.subarray(['a', 'b', 'c']).map((value) => ({ type: 'allow_tools', value })),
  fc.constantFrom<Obligation>(
    { type: 'no_stream' },
    { type: 'mask', types: ['email'] },
    { types: ['email'], type: 'mask' },
    { type: 'mask', types: ['phone'] },
  ),
)
const anyList = fc.array(anyObligation, { maxLength: 5 })

test('merging is the same in every order, twice, and in one go or by steps', () => {
  fc.assert(
    fc.property(anyList, anyList, anyList, (a, b, c) => {
      const all = mergeObligations(a, b, c)
      assert.ok(sameObligations(mergeObligations(c, a, b), all))
      assert.ok(sameObligations(mergeObligations([...a].reverse(), b, c), all))
      assert.ok(sameObligations(mergeObligations(mergeObligations(a, b), c), all))
      assert.ok(sameObligations(mergeObligations(all, all), all))
    }),
  )
})

test('a duty more never loosens one', () => {
  fc.assert(
    fc.property(anyList, anyList, (a, b) => {
      const before = mergeObligations(a)
      const after = mergeObligations(a, b)
      for (const { type, value } of before) {
        const [now] = after.filter((one) => one.type === type)
        assert.ok(now)
        if (type === 'max_output_tokens') assert.ok(Number(now.value) <= Number(value))
        if (type === 'allow_tools') assert.ok((now.value as string[]).every((tool) => (value as string[]).includes(tool)))
      }
    }),
  )
})
