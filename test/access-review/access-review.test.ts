import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AccessReview, accessReview, type AccessReviewOptions } from '../../src/access-review/access-review.ts'
import type { DecisionRecord } from '../../src/audit-log/record.ts'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { type Recording, recorder, requestOf, sealingKey } from './recorded.ts'

type Rules = readonly Record<string, unknown>[]
type Asked = readonly [PolicyRequest, Recording?]

const policyOf = (rules: Rules, more: Record<string, unknown> = {}): Record<string, unknown> => ({ id: 'support', version: '7', rules, ...more })
const ada = (action: string, model: string, context?: Record<string, unknown>): PolicyRequest =>
  requestOf('ada', ['analyst'], action, model, context && { context })
const bob = (action: string, model: string): PolicyRequest => requestOf('bob', ['reader'], action, model)

async function review(policy: Record<string, unknown>, asked: readonly Asked[], options: AccessReviewOptions = {}): Promise<AccessReview> {
  return accessReview(policy, await recordsOf(policy, asked), options)
}

function recordsOf(policy: unknown, asked: readonly Asked[]): Promise<DecisionRecord[]> {
  const record = recorder(policy)
  return Promise.all(asked.map(([request, recording]) => record(request, recording)))
}

const rulesIn = ({ tighter }: AccessReview): unknown => tighter.rules
const because = ({ changes }: AccessReview, rule: string): string | undefined => changes.find((change) => change.rule === rule)?.because

describe('an access review', () => {
  const policy = policyOf(
    [
      {
        id: 'readers-chat',
        effect: 'permit',
        subject: { roles: ['reader', 'guest'] },
        action: ['chat', 'embeddings'],
        resource: { type: 'model', id: 'gpt-*' },
      },
      { id: 'analysts-train', effect: 'permit', subject: { roles: 'analyst' }, action: 'train' },
      { id: 'admins', effect: 'permit', subject: { roles: 'admin' } },
      { id: 'no-gpt-4', effect: 'forbid', resource: { type: 'model', id: 'gpt-4' } },
      { id: 'no-claude', effect: 'forbid', resource: { type: 'model', id: 'claude-*' } },
    ],
    { roles: { analyst: { inherits: 'reader' } } },
  )
  const asked: readonly Asked[] = [
    [ada('chat', 'gpt-5'), { time: 1_000 }],
    [ada('chat', 'gpt-5'), { time: 3_000 }],
    [ada('train', 'set-1'), { time: 2_000 }],
    [bob('chat', 'gpt-5'), { time: 4_000 }],
    [bob('chat', 'gpt-4'), { time: 5_000 }],
  ]

  it('tells what was used of each rule, how often and when last, and which never decided', async () => {
    const { rules, idleRules, records } = await review(policy, asked)
    const { uses, first, last, callers, unused } = rules[0] ?? {}
    assert.deepEqual({ uses, first, last, callers }, { uses: 3, first: 1_000, last: 4_000, callers: 2 })
    assert.deepEqual(unused, { 'subject.roles': ['guest'], action: ['embeddings'] })
    assert.deepEqual(rules[3], { rule: 'no-gpt-4', effect: 'forbid', uses: 1, first: 5_000, last: 5_000, callers: 1, unused: {} })
    assert.deepEqual(idleRules, ['admins', 'no-claude'])
    assert.deepEqual([records.decisions, records.allowed, records.refused, records.first, records.last], [5, 4, 1, 1_000, 5_000])
  })

  it('tells it of each role, with what it includes, and which are dormant', async () => {
    const { roles, dormantRoles } = await review(policy, asked)
    assert.deepEqual(dormantRoles, ['admin', 'guest'])
    const [, analyst, , reader] = roles
    assert.deepEqual(analyst, {
      role: 'analyst',
      uses: 3,
      first: 1_000,
      last: 3_000,
      holders: 1,
      used: [
        { rule: 'readers-chat', uses: 2, first: 1_000, last: 3_000 },
        { rule: 'analysts-train', uses: 1, first: 2_000, last: 2_000 },
      ],
      unused: [],
      unusedCount: 0,
    })
    assert.deepEqual([reader?.uses, reader?.holders, reader?.unused], [3, 2, []])
    assert.deepEqual(roles[0], {
      role: 'admin',
      uses: 0,
      first: undefined,
      last: undefined,
      holders: 0,
      used: [],
      unused: ['admins'],
      unusedCount: 1,
    })
  })

  it('tells it of each caller: what it did, what once, and what it never used', async () => {
    const { subjects, callers } = await review(policy, [...asked, [requestOf('root', ['admin', 'analyst'], 'chat', 'gpt-5'), { time: 9 }]])
    assert.equal(callers, 3)
    assert.deepEqual(subjects[0]?.unused, ['analysts-train'])
    const one = subjects.find(({ subject }) => subject === 'ada')
    assert.deepEqual([one?.uses, one?.used, one?.usedOnce, one?.last, one?.unusedCount], [3, 2, 1, 3_000, 0])
    assert.deepEqual(one?.rights[0], {
      action: 'chat',
      resource: { type: 'model', id: 'gpt-5' },
      rules: ['readers-chat'],
      uses: 2,
      first: 1_000,
      last: 3_000,
    })
    assert.equal((await review(policy, asked, { maxSubjects: 1 })).subjects.length, 1)
  })

  it('writes the policy without what nobody used, which loads, says how it differs, and proves it', async () => {
    const made = await review(policy, asked)
    assert.deepEqual(rulesIn(made), [
      { id: 'readers-chat', effect: 'permit', subject: { roles: 'reader' }, action: 'chat', resource: { type: 'model', id: 'gpt-5' } },
      { id: 'analysts-train', effect: 'permit', subject: { roles: 'analyst' }, action: 'train', resource: { type: 'model', id: 'set-1' } },
      { id: 'no-gpt-4', effect: 'forbid', resource: { type: 'model', id: 'gpt-4' } },
      { id: 'no-claude', effect: 'forbid', resource: { type: 'model', id: 'claude-*' } },
    ])
    assert.equal(policySet(made.tighter).describe().version, '7+tighter')
    assert.deepEqual(made.tighter.roles, policy.roles)
    assert.deepEqual(made.changes, [
      {
        rule: 'readers-chat',
        change: 'narrowed',
        because: 'the rest was not used',
        parts: [
          {
            id: 'readers-chat',
            scope: {
              'subject.roles': { before: ['reader', 'guest'], after: ['reader'] },
              action: { before: ['chat', 'embeddings'], after: ['chat'] },
              'resource.id': { before: ['gpt-*'], after: ['gpt-5'] },
            },
          },
        ],
      },
      {
        rule: 'analysts-train',
        change: 'narrowed',
        because: 'the rest was not used',
        parts: [
          {
            id: 'analysts-train',
            scope: { 'resource.type': { before: undefined, after: ['model'] }, 'resource.id': { before: undefined, after: ['set-1'] } },
          },
        ],
      },
      { rule: 'admins', change: 'removed', because: 'it never decided' },
    ])
    const { proof } = made
    assert.deepEqual([proof.holds, proof.permitted, proof.stillRefused, proof.refused, proof.loosened, proof.shed], [true, 4, 1, 0, 0, 0])
  })

  it('makes several rules of one where one would permit what nobody did', async () => {
    const made = await review(policyOf([{ id: 'all', effect: 'permit', subject: { roles: ['analyst', 'reader'] } }]), [
      [ada('chat', 'a')],
      [ada('chat', 'b')],
      [bob('train', 'a')],
    ])
    assert.deepEqual(rulesIn(made), [
      { id: 'all', effect: 'permit', subject: { roles: 'analyst' }, action: 'chat', resource: { type: 'model', id: ['a', 'b'] } },
      { id: 'all~2', effect: 'permit', subject: { roles: 'reader' }, action: 'train', resource: { type: 'model', id: 'a' } },
    ])
    const taken = await review(
      policyOf([
        { id: 'all', effect: 'permit' },
        { id: 'all~2', effect: 'forbid', action: 'never' },
      ]),
      [[ada('chat', 'a')], [ada('train', 'b')]],
    )
    assert.equal(new Set((rulesIn(taken) as { id: string }[]).map(({ id }) => id)).size, 3)
  })

  it('keeps conditions, duties, ends and whatever else stands in a rule', async () => {
    const rule = {
      id: 'r',
      effect: 'permit',
      action: '*',
      when: { 'context.risk': { lt: 1 } },
      obligations: [{ type: 'mask', types: ['EMAIL'] }],
      expires: '2099-01-01T00:00:00Z',
    }
    const made = await review(policyOf([rule], { $schema: 'https://example/schema', attributes: { 'context.risk': 'number' } }), [
      [ada('chat', 'gpt-5', { risk: 0.1, time: 5 })],
    ])
    assert.deepEqual(rulesIn(made), [{ ...rule, action: 'chat', resource: { type: 'model', id: 'gpt-5' } }])
    assert.deepEqual([made.tighter.$schema, made.tighter.attributes], ['https://example/schema', { 'context.risk': 'number' }])
  })

  it('is content with a policy of which everything was used, and keeps its version', async () => {
    const tight = policyOf([
      { id: 'r', effect: 'permit', subject: { roles: 'analyst' }, action: 'chat', resource: { type: 'model', id: ['a', 'b'] } },
    ])
    const made = await review(tight, [[ada('chat', 'b')], [ada('chat', 'a')]])
    assert.deepEqual([made.changes, made.tighter], [[], tight])
  })

  it('narrows to each caller where that is asked for', async () => {
    const open = policyOf([{ id: 'r', effect: 'permit', action: 'chat' }])
    const made = await review(open, [[ada('chat', 'a')], [bob('chat', 'a')]], { subjects: 'ids', version: '8' })
    assert.deepEqual(rulesIn(made), [
      { id: 'r', effect: 'permit', subject: { type: 'user', id: ['ada', 'bob'] }, action: 'chat', resource: { type: 'model', id: 'a' } },
    ])
    assert.equal(made.tighter.version, '8')
  })
})

describe('a tighter policy and duties', () => {
  const free = { id: 'free', effect: 'permit', subject: { roles: 'analyst' }, action: 'chat' }
  const owing = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
    id: 'owing',
    effect: 'permit',
    subject: { id: 'svc-*' },
    obligations: [{ type: 'no_stream' }],
    ...more,
  })

  it('keeps for everybody a permit that never decided, where its duties restrict what another permits', async () => {
    const policy = policyOf([free, owing({ when: { 'context.risk': { gt: 1 } } })])
    const made = await review(policy, [[ada('chat', 'gpt-5', { risk: 0 })]])
    const kept = (rulesIn(made) as Record<string, unknown>[])[1]
    assert.deepEqual(kept, { ...owing({ when: { 'context.risk': { gt: 1 } } }), action: 'chat', resource: { type: 'model', id: 'gpt-5' } })
    // Without it this would be let through.
    const asked = requestOf('svc-1', ['analyst'], 'chat', 'gpt-5')
    assert.deepEqual([policySet(policy).evaluate(asked).allowed, policySet(made.tighter).evaluate(asked).allowed], [false, false])
    assert.match(because(made, 'owing') ?? '', /its duties restrict/)
  })

  it('removes it where nothing that is still permitted can owe them', async () => {
    const made = await review(policyOf([free, owing({ action: 'train' })]), [[ada('chat', 'gpt-5')]])
    assert.deepEqual(
      made.changes.map(({ rule, change }) => [rule, change]),
      [
        ['free', 'narrowed'],
        ['owing', 'removed'],
      ],
    )
  })

  it('narrows it to whom it served where it alone permits', async () => {
    const policy = policyOf([owing({ subject: { roles: ['analyst', 'reader'] } })])
    assert.deepEqual(
      rulesIn(await review(policy, [[ada('chat', 'a')]])),
      [owing({ subject: { roles: 'analyst' }, action: 'chat', resource: { type: 'model', id: 'a' } })].map(
        ({ id, effect, subject, action, resource, obligations }) => ({ id, effect, subject, action, resource, obligations }),
      ),
    )
  })

  it('leaves it whole where what it restricts cannot be named', async () => {
    const made = await review(policyOf([free, owing()]), [[ada('chat', 'odd*name')]])
    assert.match(because(made, 'owing') ?? '', /its duties restrict 'free', which permits more than can be named/)
    assert.equal(made.changes.find(({ rule }) => rule === 'owing')?.change, 'left')
  })
})

describe('names that cannot be written', () => {
  it('become a beginning that the rule fits as well, never everything', async () => {
    const policy = policyOf([{ id: 'r', effect: 'permit', resource: { type: 'model', id: 'gpt-*' } }])
    const made = await review(policy, [[ada('chat', 'gpt-5*x')], [ada('chat', 'gpt-*')]])
    assert.deepEqual((rulesIn(made) as { resource: unknown }[])[0]?.resource, { type: 'model', id: ['gpt-*', 'gpt-5*'] })
    assert.match(because(made, 'r') ?? '', /cannot be written/)
    assert.equal(policySet(made.tighter).evaluate(ada('chat', 'gpt-5*x')).allowed, true)
    assert.equal(policySet(made.tighter).evaluate(ada('chat', 'other')).allowed, false)
  })

  it('stay as they were written where they are too many, without what none of them fits', async () => {
    const policy = policyOf([{ id: 'r', effect: 'permit', action: '*', resource: { type: 'doc', id: ['a-*', 'b-*'] } }])
    const asked = Array.from({ length: 6 }, (_, number): Asked => [{ ...ada('read', 'x'), resource: { type: 'doc', id: `a-${number}` } }])
    assert.deepEqual((rulesIn(await review(policy, asked, { maxNames: 5 })) as { resource: unknown }[])[0]?.resource, { type: 'doc', id: 'a-*' })
    assert.equal((((rulesIn(await review(policy, asked)) as { resource: { id: unknown[] } }[])[0]?.resource.id ?? []) as unknown[]).length, 6)
  })

  it('leave a rule as it is where it would become too many', async () => {
    const asked = Array.from({ length: 4 }, (_, number): Asked => [requestOf(`u${number}`, [], `act-${number}`, `m-${number}`)])
    const made = await review(policyOf([{ id: 'r', effect: 'permit' }]), asked, { maxParts: 3 })
    assert.deepEqual([made.changes[0]?.change, because(made, 'r')], ['left', 'what was used of it would be 4 rules'])
    assert.equal(made.proof.holds, true)
  })
})

describe('records of another policy, and of none', () => {
  const rule = { id: 'r', effect: 'permit', action: ['chat', 'train'], when: { 'context.risk': { lt: 1 } } }
  const former = policyOf([{ id: 'old', effect: 'permit', when: { 'context.risk': { exists: true } } }], { version: '6' })

  it('leave a rule as it is whose condition cannot be replayed, and say why', async () => {
    const records = await recordsOf(former, [[ada('chat', 'a', { risk: 0 })]])
    const made = await accessReview(policyOf([rule]), records)
    assert.deepEqual(made.tighter, policyOf([rule]))
    assert.match(because(made, 'r') ?? '', /cannot be replayed: context\.risk of call call-0 are not known/)
    assert.deepEqual([made.proof.holds, made.proof.carried, made.records.otherPolicy], [true, 1, 1])
  })

  it('are replayed where their attributes were sealed and can be opened', async () => {
    const records = await recordsOf(former, [
      [ada('chat', 'a', { risk: 0 }), { key: sealingKey }],
      [ada('train', 'a', { risk: 2 }), { key: sealingKey }],
    ])
    const made = await accessReview(policyOf([rule]), records, { keys: [sealingKey] })
    assert.deepEqual((rulesIn(made) as { action: unknown }[])[0]?.action, 'chat')
    assert.deepEqual([made.proof.permitted, made.proof.outdated, made.proof.holds], [1, 1, true])
    const blind = await accessReview(policyOf([rule]), records, { keys: new Uint8Array(32) })
    assert.deepEqual([blind.records.unopened, blind.changes[0]?.change], [2, 'left'])
  })

  it('that contradict the policy that they name are counted, and not believed', async () => {
    const records = await recordsOf(policyOf([{ id: 'r', effect: 'permit', action: 'chat', when: { 'context.risk': { lt: 1 } } }]), [
      [ada('chat', 'a', { risk: 0 })],
    ])
    for (const rules of [[{ ...rule, action: 'train' }], [{ ...rule, effect: 'forbid' }], [{ ...rule, id: 'other' }]]) {
      const made = await accessReview(policyOf(rules), records)
      assert.deepEqual([made.records.contradicting, made.proof.holds], [1, true])
    }
    const sealed = await recordsOf(policyOf([rule]), [[ada('chat', 'a', { risk: 0 }), { key: sealingKey }]])
    const made = await accessReview(policyOf([{ ...rule, when: { 'context.risk': { gt: 1 } } }]), sealed, { keys: sealingKey })
    assert.deepEqual([made.records.contradicting, made.proof.outdated], [1, 1])
  })

  it('let through what the policy refuses, and that is no use of it', async () => {
    const records = await recordsOf(former, [[ada('chat', 'a', { risk: 0 })]])
    const made = await accessReview(
      policyOf([
        { id: 'no', effect: 'forbid', action: 'chat' },
        { id: 'r', effect: 'permit' },
      ]),
      records,
    )
    assert.deepEqual([made.idleRules, made.dormantRoles, made.proof.outdated, made.proof.holds], [['no', 'r'], [], 1, true])
  })

  it('of calls that something else refused are no use', async () => {
    const made = await review(policyOf([{ id: 'r', effect: 'permit' }]), [[ada('chat', 'a'), { code: 'limit_exceeded' }]])
    assert.deepEqual([made.idleRules, made.records.allowed, made.records.refused, made.proof.elsewhere], [['r'], 0, 0, 1])
  })

  it('count the roles that a caller had for a while', async () => {
    const policy = policyOf([{ id: 'r', effect: 'permit', subject: { roles: 'admin' } }])
    const [record] = await recordsOf(policy, [[requestOf('ada', ['admin'], 'chat', 'a')]])
    assert.ok(record?.subject !== undefined)
    const made = await accessReview(policy, [{ ...record, subject: { ...record.subject, roles: [], elevated: ['admin'] } }])
    assert.deepEqual([made.dormantRoles, made.records.contradicting], [[], 0])
  })

  it('that are none are counted by what is wrong, and of another time not at all', async () => {
    const policy = policyOf([{ id: 'r', effect: 'permit' }])
    const [good] = await recordsOf(policy, [[ada('chat', 'a'), { time: 100 }]])
    assert.ok(good !== undefined)
    const { subject, policy: _, ...nobody } = good
    const { roles: __, ...roleless } = subject ?? { roles: [] }
    const odd = [
      undefined,
      null,
      7,
      'text',
      [],
      { kind: 'outcome', time: 1 },
      { ...good, rules: [{ rule: 1 }] },
      { ...good, action: '' },
      { ...good, resource: null },
      { ...good, policy: {} },
      { ...good, subject: roleless },
      { ...good, subject: { ...subject, roles: [1] } },
      { ...good, subject: { ...subject, actors: [null] } },
      { ...good, truncated: true },
      nobody,
      { ...good, allowed: false, code: 'payload_blocked', permitted: true },
      { ...good, allowed: false, code: 'obligation_unmet' },
      { ...good, time: 1_000 },
      good,
    ]
    const { records } = await accessReview(policy, odd, { from: 50, to: 1_000 })
    assert.deepEqual(records.unusable, { malformed: 12, truncated: 1, undecided: 1, withheld: 1, elsewhere: 1 })
    assert.deepEqual([records.read, records.decisions], [odd.length, 1])
  })

  it('come one by one, from wherever', async () => {
    const policy = policyOf([{ id: 'r', effect: 'permit' }])
    const records = await recordsOf(policy, [[ada('chat', 'a')], [ada('chat', 'b')]])
    async function* stream(): AsyncGenerator<unknown> {
      yield* records
    }
    assert.deepEqual(await accessReview(policy, stream()), await accessReview(policy, records))
  })

  it('that would be too many to hold leave the rules as they are that may have permitted them', async () => {
    const policy = policyOf([
      { id: 'r', effect: 'permit', action: 'chat' },
      { id: 's', effect: 'permit', action: 'train' },
      { id: 't', effect: 'permit', action: 'never' },
    ])
    const made = await review(policy, [[ada('chat', 'a')], [ada('train', 'b')]], { maxCases: 1 })
    assert.deepEqual(
      made.changes.map(({ rule, change }) => [rule, change]),
      [
        ['r', 'narrowed'],
        ['s', 'left'],
        ['t', 'removed'],
      ],
    )
    assert.deepEqual([made.records.beyond, made.proof.beyond, made.proof.holds], [1, 1, true])
  })
})

describe('accessReview()', () => {
  it('refuses wrong options and what is no policy', async () => {
    const policy = policyOf([])
    for (const options of [
      { from: '2026' },
      { maxCases: 0 },
      { keys: 'x' },
      { keys: [new Uint8Array(3)] },
      { subjects: 'all' },
      { maxNames: 1.5 },
      { version: '' },
      { other: 1 },
    ])
      await assert.rejects(accessReview(policy, [], options as AccessReviewOptions), TypeError, JSON.stringify(options))
    for (const wrong of [undefined, {}, policyOf([{ id: 'r', effect: 'allow' }]), '{}']) await assert.rejects(accessReview(wrong, []), TypeError)
  })

  it('keeps nothing of the policy that it is given', async () => {
    const policy = policyOf([{ id: 'r', effect: 'permit', action: ['chat', 'train'] }])
    const before = structuredClone(policy)
    const made = await review(policy, [[ada('chat', 'a')]])
    assert.deepEqual(policy, before)
    assert.notEqual(made.tighter.rules, policy.rules)
  })
})
