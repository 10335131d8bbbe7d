import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PolicyDiff, policyDiff, type PolicyDiffOptions } from '../../src/access-review/policy-diff.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { type Recording, recorder, requestOf, sealingKey } from './recorded.ts'

type Rules = readonly Record<string, unknown>[]
const policyOf = (rules: Rules, version = '1'): Record<string, unknown> => ({ id: 'p', version, rules })
const ada = (context: Record<string, unknown> = {}, action = 'chat'): PolicyRequest => requestOf('ada', ['reader'], action, 'gpt-5', { context })

async function diff(
  before: Rules,
  after: Rules,
  asked: readonly [PolicyRequest, Recording?][],
  options: PolicyDiffOptions = {},
): Promise<PolicyDiff> {
  const record = recorder(policyOf(before))
  const records = await Promise.all(asked.map(([request, recording]) => record(request, recording)))
  return policyDiff(policyOf(before), policyOf(after, '2'), records, options)
}

const chat = { id: 'chat', effect: 'permit', action: 'chat' }
const risky = { 'context.risk': { gt: 1 } }

describe('the difference between two policies over a log', () => {
  it('lists what would be refused, permitted and owed otherwise, like with like', async () => {
    const after = [
      { ...chat, subject: { roles: 'reader' }, obligations: [{ type: 'no_stream' }] },
      { id: 'train', effect: 'permit', action: 'train' },
    ]
    const bob = requestOf('bob', [], 'chat', 'gpt-5')
    const made = await diff([chat], after, [
      [ada(), { time: 3, id: 'a' }],
      [ada(), { time: 5, id: 'b' }],
      [bob, { time: 4, id: 'c' }],
      [ada({}, 'train'), { time: 6, id: 'd' }],
      [ada({}, 'other'), { time: 7 }],
    ])
    assert.deepEqual(made.changed, { permits: 1, refuses: 1, duties: 2 })
    assert.deepEqual([made.compared, made.same, made.undecided, made.unlisted], [5, 1, 0, 0])
    assert.deepEqual(made.changes[0], {
      kind: 'duties',
      action: 'chat',
      resource: { type: 'model', id: 'gpt-5' },
      before: ['chat'],
      after: ['chat'],
      count: 2,
      callers: 1,
      subjects: ['ada'],
      first: 3,
      last: 5,
      example: 'b',
    })
    assert.deepEqual(
      made.changes.slice(1).map(({ kind, before, after: rules, example }) => [kind, before, rules, example]),
      [
        ['refuses', ['chat'], [], 'c'],
        ['permits', [], ['train'], 'd'],
      ],
    )
  })

  it('needs no attribute where the conditions are those that the record tells the truth of', async () => {
    const forbid = { id: 'no', effect: 'forbid', when: risky }
    const permit = { ...chat, when: risky }
    // The permit decided, so its condition was true; turned into a forbid it refuses.
    assert.deepEqual((await diff([permit], [chat, { ...forbid, id: 'chat2' }], [[ada({ risk: 2 })]])).changed.refuses, 1)
    // The forbid did not decide, so its condition was false.
    assert.deepEqual((await diff([chat, forbid], [permit], [[ada({ risk: 0 })]])).changed.refuses, 1)
    // It decided: true or unknown, so it still refuses, and what becomes of a permit cannot be told.
    assert.deepEqual((await diff([chat, forbid], [chat, { ...forbid, id: 'renamed' }], [[ada({ risk: 2 })]])).same, 1)
    assert.deepEqual((await diff([chat, forbid], [permit], [[ada({})]])).undecided, 1)
  })

  it('does not take an unmatched permit for false: it may have been unknown, and then a forbid of the same condition refuses', async () => {
    const before = [chat, { id: 'idle', effect: 'permit', when: risky }]
    const after = [chat, { id: 'idle', effect: 'forbid', when: risky }]
    assert.equal((await diff(before, after, [[ada({})]])).undecided, 1)
    // With duties it would have refused, had it been unknown.
    const owing = [chat, { id: 'idle', effect: 'permit', when: risky, obligations: [{ type: 'no_stream' }] }]
    assert.equal((await diff(owing, after, [[ada({ risk: 0 })]])).same, 1)
    // Where nothing matched it may have been unknown as well.
    const nothing = [{ id: 'idle', effect: 'permit', when: risky }]
    assert.equal((await diff(nothing, [chat, { id: 'idle', effect: 'forbid', when: risky }], [[ada({})]])).undecided, 1)
  })

  it('knows what a refusal for unknown duties says', async () => {
    const owing = { id: 'owing', effect: 'permit', when: risky, obligations: [{ type: 'no_stream' }] }
    const other = { id: 'other', effect: 'permit', when: { 'context.x': { eq: 1 } }, obligations: [{ type: 'no_stream' }] }
    // It was unknown: without duties it is passed over.
    const { obligations: _, ...free } = owing
    assert.equal((await diff([chat, owing], [chat, free], [[ada({})]])).changed.permits, 1)
    // The other one was known: true or false, and which of them is not told.
    assert.equal((await diff([chat, owing, other], [{ id: 'other', effect: 'permit', when: other.when }], [[ada({ x: 1 })]])).undecided, 1)
  })

  it('opens sealed attributes for conditions that no rule had before', async () => {
    const before = [{ ...chat, when: { 'context.risk': { exists: true } } }]
    const after = [{ ...chat, when: risky }]
    const asked: [PolicyRequest, Recording][] = [
      [ada({ risk: 0 }), { key: sealingKey }],
      [ada({ risk: 2 }), { key: sealingKey }],
    ]
    const opened = await diff(before, after, asked, { keys: sealingKey })
    assert.deepEqual([opened.changed.refuses, opened.same, opened.undecided], [1, 1, 0])
    const closed = await diff(before, after, asked)
    assert.deepEqual([closed.undecided, closed.records.unopened, closed.changes[0]?.unknown], [2, 2, ['context.risk']])
  })

  it('knows without a key what a record says anyway', async () => {
    const after = [
      { ...chat, when: { 'subject.tenant': { eq: 'acme' } } },
      { id: 'late', effect: 'permit', action: 'chat', expires: 1 },
    ]
    const record = recorder(policyOf([chat]))
    const made = await record(ada())
    const subject = { ...made.subject, tenant: 'acme' }
    assert.equal((await policyDiff(policyOf([chat]), policyOf(after.slice(0, 1), '2'), [{ ...made, subject }])).same, 1)
    assert.equal((await policyDiff(policyOf([chat]), policyOf(after.slice(0, 1), '2'), [made])).changed.refuses, 1)
    const timed = { ...made, attributes: { paths: ['context.time'], time: 5 } }
    assert.equal((await policyDiff(policyOf([chat]), policyOf(after.slice(1), '2'), [timed])).changed.refuses, 1)
    assert.equal((await policyDiff(policyOf([chat]), policyOf(after.slice(1), '2'), [made])).undecided, 1)
  })

  it('tells calls of one right apart by what their records say', async () => {
    const record = recorder(policyOf([chat], '0'))
    const after = [{ ...chat, when: { 'subject.tenant': { eq: 'acme' } } }]
    const records = await Promise.all([record(ada()), record(ada()), record(ada())])
    const tenants = ['acme', 'other', 'acme'].map((tenant, index) => ({ ...records[index], subject: { ...records[index]?.subject, tenant } }))
    const made = await policyDiff(policyOf([chat]), policyOf(after, '2'), tenants)
    assert.deepEqual([made.same, made.changed.refuses], [2, 1])
  })

  it('is nothing where the same rules are in question, whatever is not known', async () => {
    const record = recorder(policyOf([chat], '0'))
    const risk = { ...chat, when: risky }
    const made = await policyDiff(policyOf([risk]), policyOf([risk, { id: 'else', effect: 'forbid', action: 'train' }], '2'), [await record(ada())])
    assert.deepEqual([made.same, made.undecided], [1, 0])
  })

  it('cannot tell duties that hang on what is not known', async () => {
    const owing = { id: 'owing', effect: 'permit', action: 'chat', when: { 'context.x': { exists: true } }, obligations: [{ type: 'no_stream' }] }
    const made = await diff([chat], [chat, owing], [[ada({})]])
    assert.deepEqual([made.undecided, made.changed.duties], [1, 0])
  })

  it('replays a log of either policy, and of neither as far as it can', async () => {
    const [before, after] = [[chat], [{ ...chat, when: risky }]]
    const record = recorder(policyOf(after, '2'))
    const made = await policyDiff(policyOf(before), policyOf(after, '2'), [await record(ada({ risk: 2 })), await record(ada({ risk: 0 }))])
    assert.deepEqual([made.same, made.changed.refuses, made.undecided], [1, 1, 0])
    const foreign = await recorder(policyOf(before, '9'))(ada({ risk: 2 }))
    assert.deepEqual((await policyDiff(policyOf(before), policyOf(after, '2'), [foreign])).undecided, 1)
  })

  it('counts what it does not list', async () => {
    const asked = Array.from({ length: 5 }, (_, number): [PolicyRequest] => [ada({}, `act-${number}`)])
    const made = await diff([{ id: 'all', effect: 'permit' }], [], asked, { maxChanges: 2 })
    assert.deepEqual([made.changed.refuses, made.changes.length, made.unlisted], [5, 2, 3])
    const crowded = await diff([{ id: 'all', effect: 'permit' }], [], asked, { maxCases: 2 })
    assert.deepEqual([crowded.compared, crowded.changed.refuses, crowded.undecided, crowded.records.beyond], [2, 2, 3, 3])
  })

  it('refuses wrong options', async () => {
    for (const options of [{ maxChanges: 0 }, { key: sealingKey }, { to: Number.NaN }])
      await assert.rejects(policyDiff(policyOf([]), policyOf([]), [], options as PolicyDiffOptions), TypeError)
    await assert.rejects(policyDiff(policyOf([]), {}, []), TypeError)
  })
})
