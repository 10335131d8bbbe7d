import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Obligation } from '../../src/guard/context.ts'
import { mergeObligations, parseObligation, sameObligations } from '../../src/policy/obligations.ts'
import { policySet } from '../../src/policy/policy-set.ts'

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
    { type: 'require_passkey' },
    { type: 'require_assurance', acr: ['a'], maxAge: 60 },
    { type: 'require_assurance', acr: ['a'], maxAge: 30 },
    { maxAge: 30, acr: ['a'], type: 'require_assurance' },
    { type: 'require_assurance', factors: 2 },
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

test('require_assurance is read strictly, into one form', () => {
  const read = (obligation: object) => parseObligation({ type: 'require_assurance', ...obligation }, 'here')
  assert.deepEqual(read({ acr: ['b', 'a'], amr: 'hwk', maxAge: 0.5, factors: 3 }), {
    type: 'require_assurance',
    acr: ['a', 'b'],
    amr: ['hwk'],
    maxAge: 0.5,
    factors: 3,
  })
  assert.deepEqual(read({ maxAge: 0 }), { type: 'require_assurance', maxAge: 0 })
  for (const [wrong, why] of [
    [{}, /here: must want something/],
    [{ value: 'a' }, /unknown key 'value'/],
    [{ factor: 2 }, /unknown key 'factor'/],
    [{ acr: [] }, /here\.acr: must not be empty/],
    [{ acr: 'a b' }, /here\.acr: must be printable ASCII/],
    [{ acr: 'a"' }, /here\.acr: must be printable ASCII/],
    [{ acr: ['a', 'a'] }, /twice/],
    [{ acr: 7 }, /here\.acr/],
    [{ amr: 'a\r\nb' }, /here\.amr: must be printable ASCII/],
    [{ amr: [''] }, /here\.amr/],
    [{ maxAge: -1 }, /here\.maxAge: must be a number of seconds/],
    [{ maxAge: '300' }, /here\.maxAge/],
    [{ maxAge: Number.NaN }, /here\.maxAge/],
    [{ maxAge: Number.POSITIVE_INFINITY }, /here\.maxAge/],
    [{ factors: 0 }, /here\.factors: must be 1, 2 or 3/],
    [{ factors: 4 }, /here\.factors/],
    [{ factors: 1.5 }, /here\.factors/],
    [{ factors: '2' }, /here\.factors/],
    [{ acr: undefined }, /is undefined/],
  ] as const)
    assert.throws(() => read(wrong), why, JSON.stringify(wrong))
})

test('require_passkey has no parameter', () => {
  assert.deepEqual(parseObligation({ type: 'require_passkey' }, 'here'), { type: 'require_passkey' })
  assert.throws(() => parseObligation({ type: 'require_passkey', value: true }, 'here'), /unknown key/)
})

test('what permits want of an authentication is united: each must be met', () => {
  const rule = (id: string, obligation: object) => ({ id, effect: 'permit', obligations: [{ type: 'require_assurance', ...obligation }] })
  const { obligations } = policySet({ id: 'p', rules: [rule('a', { maxAge: 60 }), rule('b', { maxAge: 30 }), rule('c', { maxAge: 60 })] }).evaluate({
    subject: { type: 'user', id: 'ada' },
    action: { name: 'chat' },
    resource: { type: 'model', id: 'm' },
  })
  assert.deepEqual(obligations, [
    { type: 'require_assurance', maxAge: 30 },
    { type: 'require_assurance', maxAge: 60 },
  ])
})
