import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type AccessReview, accessReview } from '../../src/access-review/access-review.ts'
import { policyDiff } from '../../src/access-review/policy-diff.ts'
import type { DecisionRecord } from '../../src/audit-log/record.ts'
import { sameObligations } from '../../src/policy/obligations.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { densePolicy, everyDenseRequest } from './dense.ts'
import { recorder, requestOf, sealingKey } from './recorded.ts'

const policy = {
  id: 'support',
  version: '7',
  rules: [
    { id: 'r', effect: 'permit', action: ['chat', 'train'], when: { 'context.risk': { lt: 1 } } },
    { id: 's', effect: 'permit', action: 'deploy' },
  ],
}

async function good(): Promise<DecisionRecord> {
  return recorder(policy)(requestOf('ada', ['reader'], 'chat', 'gpt-5', { context: { risk: 0 } }), { key: sealingKey })
}

const name = fc.constantFrom('a', 'b', 'x', 'y*', 'x1', '*', '__proto__', 'constructor', 'toString')
const rule = fc.record({ rule: fc.constantFrom('rule-0', 'rule-1', 'rule-2', '__proto__'), effect: fc.constantFrom('permit', 'forbid') })
/** Records as whoever has the log's key could write them. */
const forged = fc.record(
  {
    kind: fc.constant('decision'),
    id: name,
    time: fc.constantFrom(0, -1, 8.64e15, 5),
    action: name,
    resource: fc.record({ type: fc.constantFrom('model', '__proto__'), id: name }),
    allowed: fc.boolean(),
    permitted: fc.constantFrom(true, undefined),
    policy: fc.constantFrom({ id: 'dense', version: '1' }, { id: 'dense', version: '0' }),
    rules: fc.array(rule, { maxLength: 3 }),
    code: fc.constantFrom('denied', 'limit_exceeded', 'payload_blocked'),
    truncated: fc.constantFrom(true, undefined, undefined),
    missing: fc.constantFrom(3, -1, 'x', undefined),
    attributes: fc.constantFrom<unknown>(undefined, { paths: ['context.k'], time: 5 }, { paths: [], sealed: 'a256gcm:AAAA' }, { paths: 7 }, 5),
    subject: fc.record({
      key: name,
      subject: fc.constantFrom('s1', 's2', '__proto__'),
      issuer: name,
      kind: fc.constantFrom('user', 'agent'),
      roles: fc.subarray(['r1', 'r2', 'r3', '__proto__']),
      tenant: fc.constantFrom<unknown>(undefined, {}, ['x'], 5),
    }),
  },
  { requiredKeys: ['kind', 'id', 'time', 'action', 'resource', 'allowed', 'policy', 'rules', 'subject'] },
)

describe('records that somebody made up', () => {
  it('never bring forth a policy that permits what the old one refuses, or without its duties, whatever they say', () =>
    fc.assert(
      fc.asyncProperty(
        densePolicy,
        fc.array(fc.oneof({ weight: 9, arbitrary: forged }, { weight: 1, arbitrary: fc.anything() })),
        async (own, records) => {
          const { tighter } = await accessReview(own, records, { keys: sealingKey })
          const [before, after] = [policySet(own), policySet(tighter)]
          for (const request of everyDenseRequest()) {
            const [one, other] = [before.evaluate(request), after.evaluate(request)]
            if (other.allowed) assert.ok(one.allowed && sameObligations(one.obligations, other.obligations))
          }
        },
      ),
      { numRuns: 150 },
    ))

  it('that have attributes of another form are counted, and stop nothing', async () => {
    const record = await good()
    const odd = [5, null, [], {}, { paths: 'x' }, { paths: [1] }, { paths: [], sealed: 5 }, { paths: [], time: 'x' }]
    const { records, proof } = await accessReview(policy, [...odd.map((attributes) => ({ ...record, attributes })), record], {
      keys: sealingKey,
    })
    assert.deepEqual([records.unusable.malformed, records.decisions, proof.holds], [odd.length, 1, true])
  })

  it('are bounded by what they hold, not by their number alone', async () => {
    const record = await good()
    const long = Array.from({ length: 40 }, (_, number) => ({ ...record, resource: { type: 'model', id: `${number}${'x'.repeat(1_000)}` } }))
    const { records, proof, changes } = await accessReview(policy, long, { maxCases: 100 })
    assert.ok(records.beyond > 0 && records.decisions > 10)
    assert.equal(proof.holds, true)
    assert.equal(changes.find((change) => change.rule === 'r')?.change, 'left')
  })

  it('of one caller and one call, each with other rules, cost no more than others do', async () => {
    const record = await good()
    const many = function* (): Generator<unknown> {
      for (let number = 0; number < 20_000; number++) yield { ...record, policy: { id: 'support', version: `v${number}` } }
    }
    const { records } = await accessReview(policy, many(), { maxCases: 15_000 })
    assert.deepEqual([records.decisions + records.beyond, records.decisions <= 15_000], [20_000, true])
  })

  it('with deep and long members do no harm', async () => {
    const record = await good()
    const deep: unknown = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`)
    const odd = [
      { ...record, rules: deep },
      { ...record, subject: { ...record.subject, tenant: deep, actors: [{ subject: deep }] } },
      { ...record, rules: Array.from({ length: 50_000 }, () => ({ rule: 'r', effect: 'permit' })) },
      JSON.parse('{"__proto__":{"kind":"decision"},"kind":"decision","allowed":true}'),
    ]
    const { records } = await accessReview(policy, [...odd, record], { keys: sealingKey })
    assert.deepEqual([records.read, records.decisions, records.unusable.malformed], [5, 3, 2])
    assert.equal((await policyDiff(policy, { ...policy, version: '8' }, odd)).compared, 2)
  })
})

describe('calls that were let through and whose records are not whole', () => {
  const changeOf = ({ changes }: AccessReview, id: string): string | undefined => changes.find((change) => change.rule === id)?.change

  it('leave the rules as they are that they name', async () => {
    const made = await accessReview(policy, [{ ...(await good()), truncated: true }])
    assert.deepEqual([changeOf(made, 'r'), changeOf(made, 's'), made.proof.holds, made.proof.unread], ['left', 'removed', true, 0])
    assert.deepEqual(made.records.unusable, { truncated: 1 })
  })

  it('keep the proof from holding where they name none of this policy', async () => {
    const { rules: _, policy: __, ...core } = await good()
    for (const record of [core, { ...(await good()), truncated: true, policy: { id: 'other', version: '1' } }, { kind: 'decision', allowed: true }]) {
      const made = await accessReview(policy, [{ ...record, truncated: true }, await good()])
      assert.deepEqual([made.proof.holds, made.proof.unread], [false, 1])
    }
    const refused = await accessReview(policy, [{ ...core, allowed: false, truncated: true }])
    assert.deepEqual([refused.proof.holds, refused.proof.unread], [true, 0])
  })

  it('and those that could not be written at all are counted', async () => {
    const record = await good()
    const { records } = await accessReview(policy, [
      { kind: 'outcome', missing: 2, time: 5 },
      { ...record, missing: 3 },
      { ...record, missing: 'x' },
    ])
    assert.equal(records.missing, 5)
  })
})

describe('policies of thousands of rules', () => {
  const rule = (id: string, more: object): object => ({ id, effect: 'permit', ...more })
  const many = (count: number, make: (number: number) => object): object[] => Array.from({ length: count }, (_, number) => make(number))

  it('keep those with duties as they are where there are too many to compare', async () => {
    const rules = [
      ...many(3_200, (number) => rule(`free-${number}`, { action: `a${number}` })),
      ...many(3_200, (number) => rule(`owing-${number}`, { action: `b${number}`, obligations: [{ type: 'no_stream' }] })),
    ]
    const named = many(3_200, (number) => ({ rule: `free-${number}`, effect: 'permit' }))
    const { changes, proof } = await accessReview({ id: 'support', version: '7', rules }, [{ ...(await good()), truncated: true, rules: named }])
    assert.equal(proof.holds, true)
    assert.ok(changes.every(({ change }) => change === 'left'))
    assert.match(changes.at(-1)?.because ?? '', /too many rules have duties/)
  })

  it('and as many callers are reviewed: each loses what only the others used', async () => {
    const record = await good()
    const rules = many(2_000, (number) => rule(`r${number}`, { subject: { id: [`u${number}`, `v${number}`] }, action: ['chat', 'train'] }))
    const records = many(2_000, (number) => ({
      ...record,
      attributes: undefined,
      id: `call-${number}`,
      rules: [{ rule: `r${number}`, effect: 'permit' }],
      subject: { key: `u${number}`, subject: `u${number}`, issuer: 'i', kind: 'user', roles: [] },
    }))
    const { tighter, proof, subjects, callers } = await accessReview({ id: 'support', version: '7', rules }, records)
    assert.deepEqual([proof.holds, proof.permitted, callers, subjects.length], [true, 2_000, 2_000, 1_000])
    assert.deepEqual(tighter.rules[7], rule('r7', { subject: { id: 'u7' }, action: 'chat', resource: { type: 'model', id: 'gpt-5' } }))
  })
})
