import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { AuditRecord, OutcomeRecord } from '../../src/audit-log/record.ts'
import { sampleRecord } from '../audit-log/records.ts'
import { type MadeLog, madeLog, run } from './made-log.ts'

function outcome(number: number, subject: string, more: Partial<OutcomeRecord> = {}): OutcomeRecord {
  const who = { issuer: 'https://id.example', key: subject, kind: 'user', roles: [], subject, tenant: subject < 'f' ? 'acme' : 'umbrella' } as const
  return {
    ...sampleRecord(number),
    kind: 'outcome',
    ending: 'completed',
    elapsed: 1,
    parts: 1,
    ran: true,
    streamed: false,
    subject: who,
    ...more,
  } as OutcomeRecord
}

const used = (inputTokens: number, outputTokens: number): Partial<OutcomeRecord> => ({ usage: { inputTokens, outputTokens } })
const records: readonly AuditRecord[] = [
  sampleRecord(0),
  outcome(1, 'ada', used(1_000, 200)),
  outcome(2, 'ada', used(500, 100)),
  outcome(3, 'eve\u202e\n', { allowed: false, ran: false, ending: 'refused', code: 'limit_exceeded' }),
  outcome(4, 'eve\u202e\n', { allowed: false, ran: false, ending: 'refused', code: 'limit_exceeded' }),
  outcome(5, 'grace', used(10, 9_000)),
  outcome(6, 'grace', { resource: { type: 'model', id: 'own' }, ...used(1, 1) }),
  outcome(7, 'bob'),
  outcome(8, 'mad', used(-5, 1e300)),
  { ...outcome(9, 'quoted'), reason: '"kind":"outcome"', kind: 'decision' } as never,
  { ...outcome(86_400_000, 'late', used(5, 5)) },
  { kind: 'outcome', time: 1, version: 2 } as never,
]

describe('sallyport limits top', () => {
  let made: MadeLog
  before(async () => void (made = await madeLog(records)))
  after(() => made.remove())
  const lines = async (...args: string[]): Promise<readonly Record<string, unknown>[]> => {
    const { code, out } = await run('limits', 'top', made.log, '--json', ...args)
    assert.equal(code, 0)
    return out.split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  it('shows who spends most, on a line each', async () => {
    const { code, out } = await run('limits', 'top', made.log, '-n', '3')
    assert.equal(code, 0)
    const [head, grace, ada, late, ...others] = out.split('\n')
    assert.match(head ?? '', /input tokens +output tokens +calls +unreported +limited {2}subject$/)
    assert.match(grace ?? '', /^ +11 +9,001 +2 +0 +0 {2}grace \(https:\/\/id\.example\)$/)
    assert.match(ada ?? '', /^ +1,500 +300 +2 +0 +0 {2}ada \(/)
    assert.match(late ?? '', /^ +5 +5 +1 +0 +0 {2}late \(/)
    assert.deepEqual(others, [])
  })

  it('sorts by what it is told, and no name makes a line or turns the writing round', async () => {
    const [eve] = await lines('--sort', 'limited')
    assert.deepEqual([eve?.limited, eve?.calls, eve?.unreported], [2, 2, 0])
    const { out } = await run('limits', 'top', made.log, '--sort', 'limited', '-n', '1')
    assert.match(out.split('\n')[1] ?? '', /eve\\u202e\\u000a \(/)
  })

  it('tells tenants, resources and actions apart', async () => {
    const named = async (by: string): Promise<unknown> => (await lines('--by', by)).map(({ who, calls }) => `${String(who)} ${String(calls)}`)
    assert.deepEqual(await named('tenant'), ['umbrella 4', 'acme 5', 'unknown 1'])
    assert.deepEqual(await named('resource'), ['model/gpt-5 8', 'model/own 1', 'unknown 1'])
    assert.deepEqual(await named('action'), ['chat 9', 'unknown 1'])
  })

  it('adds up money by prices, and says of how many calls there is no price', async () => {
    const prices = join(made.folder, 'prices.json')
    await writeFile(prices, JSON.stringify({ 'gpt-5': { input: 1_000_000, output: 10_000_000 } }))
    const [grace, ada] = await lines('--prices', prices)
    assert.deepEqual([grace?.cost, ada?.cost], [90_010, 4_500])
    const { out, error } = await run('limits', 'top', made.log, '--prices', prices, '-n', '1')
    assert.match(out, /0\.090010 +11 +9,001/)
    assert.equal(error, 'note: 1 calls were of models without a price')
    await writeFile(prices, JSON.stringify({ 'gpt-5': { input: -1, output: 1 } }))
    assert.equal((await run('limits', 'top', made.log, '--prices', prices)).code, 2)
  })

  it('takes only what ended in the time that was given', async () => {
    assert.deepEqual(
      (await lines('--from', '2026-01-02', '--to', '2026-01-03')).map(({ who }) => who),
      ['late (https://id.example)'],
    )
  })

  it('refuses a call that is wrong', async () => {
    for (const args of [
      [],
      [made.log, made.log],
      [made.log, '--by', 'key'],
      [made.log, '--sort', 'cost'],
      [made.log, '--sort', 'size'],
      [made.log, '-n', '0'],
      [made.log, '--from', 'yesterday'],
      [made.log, '--prices', join(made.folder, 'missing.json')],
      [made.log, '--what'],
    ])
      assert.equal((await run('limits', 'top', ...args)).code, 2, args.join(' '))
    assert.equal((await run('limits', 'top', join(made.folder, 'nowhere'))).code, 1)
    assert.match((await run('limits', 'top', '--help')).out, /limits top DIR/)
  })
})
