import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import type { AuditRecord, DecisionRecord, OutcomeRecord } from '../../src/audit-log/record.ts'
import { momentIn, sinceIn } from '../../src/cli/moment.ts'
import { progressBar } from '../../src/cli/progress-bar.ts'
import { main } from '../../src/cli/run.ts'
import { sampleRecord } from '../audit-log/records.ts'
import { isHarmless, type MadeLog, madeLog, run, withOneByteChanged } from './made-log.ts'

const start = Date.parse('2026-01-01T00:00:00Z')
const subject = (name: string) =>
  ({ issuer: 'https://id.example', key: `18:https://id.example${name}`, kind: 'user', roles: ['analyst'], subject: name }) as const

function decision(number: number, more: Partial<DecisionRecord> = {}): DecisionRecord {
  return { ...sampleRecord(number), time: start + number * 60_000, subject: subject('ada'), rules: [{ effect: 'permit', rule: 'all' }], ...more }
}

function outcome(number: number, more: Partial<OutcomeRecord> = {}): OutcomeRecord {
  const { id, task, action, resource, guard } = sampleRecord(number)
  return {
    ...{
      id,
      task,
      action,
      resource,
      guard,
      kind: 'outcome',
      version: 1,
      allowed: true,
      ending: 'completed',
      elapsed: 100,
      parts: 1,
      ran: true,
      streamed: false,
    },
    time: start + number * 60_000 + 100,
    subject: subject('ada'),
    usage: { inputTokens: 10, outputTokens: 20 },
    ...more,
  }
}

const evil = '=cmd|"/c calc"!A1\n\u001b[2J,'
const records: AuditRecord[] = [
  decision(0, { model: 'gpt-5', trace: { id: '4bf92f3577b34da6a3ce929d0e0e4736', parent: '00f067aa0ba902b7', sampled: true } }),
  outcome(0, { usage: { inputTokens: 1_000, outputTokens: 500 } }),
  decision(1, { subject: subject('eve'), allowed: false, code: 'denied', rules: [{ effect: 'forbid', rule: 'no-eve' }] }),
  outcome(1, { subject: subject('eve'), allowed: false, ending: 'refused', code: 'denied', ran: false, usage: undefined }),
  decision(2, {
    subject: { ...subject(evil), actors: [{ subject: 'agent-7' }], tenant: 'acme' },
    resource: { type: 'tool', id: 'delete_user' },
    action: 'execute_tool',
  }),
  outcome(2, { subject: subject(evil), ending: 'refused', code: 'identity_revoked', elapsed: 2_000, missing: 3 }),
  { counts: { identity_missing: 7, replayed: 2 }, guard: 'test', kind: 'refusals', since: start, time: start + 200_000, until: start, version: 1 },
  { cut: 5, event: 'recovered', kind: 'log', replayed: 3, size: 303, time: start + 300_000, version: 1 },
  { kind: 'newer', time: 8.64e15 + 1, version: 2 } as never,
  { kind: 'decision', time: start, resource: null, subject: 5, rules: 7, version: 1 } as never,
]

describe('questions to a log', () => {
  let made: MadeLog
  before(async () => void (made = await madeLog(records)))
  after(() => made.remove())

  const found = async (...query: string[]): Promise<string> => {
    const { code, out, error } = await run('audit', 'query', made.log, '--json', ...query)
    assert.equal(code, 0, error)
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => records.findIndex((record) => JSON.stringify(sorted(record)) === JSON.stringify(sorted(JSON.parse(line)))))
      .join(' ')
  }

  it('query chooses by who, what, when, by which rule, and what became of it', async () => {
    for (const [query, expected] of [
      ['--subject ada', '0 1'],
      ['--subject 18:https://id.exampleeve', '2 3'],
      ['--subject agent-7', '4'],
      ['--subject ad', ''],
      ['--tenant acme', '4'],
      ['--action execute_tool', '4'],
      ['--action exec*', '4'],
      ['--resource delete_user', '4'],
      ['--resource tool/delete_user', '4'],
      ['--resource tool/*', '4'],
      ['--resource model/gpt-*', '0 1 2 3 5'],
      ['--model gpt*', '0'],
      ['--rule no-eve', '2'],
      ['--code denied', '2 3'],
      ['--code replayed', '6'],
      ['--id call-1', '2 3'],
      ['--trace 4bf92f3577b34da6a3ce929d0e0e4736', '0'],
      ['--kind log', '7'],
      ['--refused', '2 3 5 6'],
      ['--allowed --kind decision', '0 4'],
      ['--since 2026-01-01T00:02:00Z --until 2026-01-01T00:03:00Z', '4 5'],
      ['--subject ada --kind outcome --limit 1', '1'],
    ] as const)
      assert.equal(await found(...query.split(' ')), expected, query)
    assert.equal(await found('--subject', evil), '4 5')
    const counted = await run('audit', 'query', made.log, '--refused', '--count')
    assert.equal(counted.out, '4')
  })

  it('query shows lines for people, and what strangers wrote moves no cursor', async () => {
    const said = await run('audit', 'query', made.log, '--subject', evil)
    assert.equal(said.out.split('\n').length, 2)
    assert.match(said.out, /identity_revoked.*3 records before it could not be written/)
    assert.ok(isHarmless(said))
  })

  it('query verifies what it reads where it has a key, and says so where it does not hold', async () => {
    assert.equal((await run('audit', 'query', made.log, '--key', made.verifierKey, '--anchor', made.anchor)).code, 0)
    const tampered = await withOneByteChanged(made, 'tile/entries/000.p/10')
    const said = await run('audit', 'query', tampered, '--key', made.verifierKey)
    assert.equal(said.code, 1)
    assert.match(said.error, /not those that were signed|damaged/)
  })

  it('a wrong question is a wrong call', async () => {
    for (const wrong of [
      '--since yesterday',
      '--since 2026-02-30',
      '--limit 0',
      '--refused --allowed',
      '--since 2026-01-02 --until 2026-01-01',
      '--anchor x',
      '--nonsense',
      '--subject=',
    ])
      assert.equal((await run('audit', 'query', made.log, ...wrong.split(' '))).code, 2, wrong)
    for (const wrong of ['', '--ocsf --csv', '--xml'])
      assert.equal((await run('audit', 'export', made.log, ...wrong.split(' ').filter(Boolean))).code, 2, wrong)
    assert.equal((await run('audit', 'stats', made.log, '--top', '0')).code, 2)
    assert.equal((await run('audit', 'stats')).code, 2)
  })

  it('a moment may be how long ago', () => {
    assert.equal(sinceIn('90m', '--since', start), start - 90 * 60_000)
    assert.equal(sinceIn('7d', '--since', start), start - 7 * 86_400_000)
    assert.equal(momentIn('2026-01-01T08:00:00+01:00', '--since'), Date.parse('2026-01-01T07:00:00Z'))
  })

  it('export --csv is a table that runs nothing', async () => {
    const { code, out } = await run('audit', 'export', made.log, '--csv')
    assert.equal(code, 0)
    const [head, first, ...rest] = out.split('\n')
    assert.equal(rest.length, records.length - 1)
    assert.match(head ?? '', /^index,time,kind,id,task,/)
    assert.match(first ?? '', /^0,2026-01-01T00:00:00\.000Z,decision,call-0,call-0,,test,ada,https:\/\/id\.example,,,chat,model,gpt-5,true,/)
    const line = rest.find((text) => text.includes('execute_tool')) ?? ''
    assert.ok(line.includes(`"'=cmd|""/c calc""!A1\\u000a\\u001b[2J,"`), line)
    assert.ok(isHarmless({ out, error: '' }))
  })

  it('export --jsonl is the log as it stands, and only what was asked for', async () => {
    const { out } = await run('audit', 'export', made.log, '--jsonl', '--kind', 'outcome')
    assert.deepEqual(
      out.split('\n').map((line) => (JSON.parse(line) as AuditRecord).kind),
      ['outcome', 'outcome', 'outcome'],
    )
  })

  it('export --ocsf is API Activity with what the class requires (OCSF 1.8)', async () => {
    const { code, out } = await run('audit', 'export', made.log, '--ocsf', '--id', 'call-0')
    assert.equal(code, 0)
    const [event, ended] = out.split('\n').map((line) => JSON.parse(line))
    assert.deepEqual([event.class_uid, event.category_uid, event.activity_id, event.type_uid, event.severity_id], [6003, 6, 1, 600_301, 1])
    assert.equal(event.time, start)
    assert.deepEqual(event.metadata.product, { name: 'sallyport', vendor_name: 'sallyport' })
    assert.deepEqual(event.metadata.profiles, ['ai_operation', 'security_control', 'trace'])
    assert.equal(event.metadata.version, '1.8.0')
    assert.equal(event.actor.user.uid, 'ada')
    assert.equal(event.api.operation, 'chat')
    assert.ok(event.src_endpoint.name)
    assert.deepEqual(event.ai_model, { name: 'gpt-5', model_name: 'gpt-5', ai_provider: 'Unknown' })
    assert.equal(event.trace.uid, '4bf92f3577b34da6a3ce929d0e0e4736')
    assert.equal(ended.message_context.total_tokens, 1_500)
    assert.equal(ended.status_id, 1)
    const refused = JSON.parse((await run('audit', 'export', made.log, '--ocsf', '--rule', 'no-eve')).out)
    assert.deepEqual([refused.action_id, refused.status_id, refused.status_code, refused.severity_id], [2, 2, 'denied', 3])
  })

  it('stats count calls, refusals, tokens and times', async () => {
    const { code, out } = await run('audit', 'stats', made.log, '--json')
    assert.equal(code, 0)
    const counted = JSON.parse(out)
    assert.deepEqual(counted.calls, { allowed: 2, refused: 2, unknown: 9 })
    assert.deepEqual(counted.tokens, { input: 1_010, output: 520 })
    assert.equal(counted.missing, 3)
    assert.equal(counted.elapsed.max, 2_000)
    assert.deepEqual(counted.tables.refusal, [
      { value: 'identity_missing', count: 7 },
      { value: 'replayed', count: 2 },
      { value: 'denied', count: 1 },
      { value: 'identity_revoked', count: 1 },
    ])
    const text = await run('audit', 'stats', made.log, '--top', '1')
    assert.match(text.out, /calls {5}2 let in, 2 refused, 9 of nobody known/)
    assert.ok(isHarmless(text))
  })

  it('progress is a bar', () => {
    assert.equal(progressBar('reading', 500, 1_000), 'reading [============>           ] 50 %  500 of 1,000')
    assert.equal(progressBar('reading', 0, 0), 'reading [========================] 100 %  0 of 0')
  })

  it('long ones show how far they are, where somebody looks', async () => {
    const shown: string[] = []
    await main(['audit', 'verify', made.log, '--key', made.verifierKey, '--anchor', made.anchor], {
      out: () => {},
      error: () => {},
      write: async () => {},
      progress: (text) => void shown.push(text),
    })
    assert.match(shown[0] ?? '', /^verifying \[/)
    assert.equal(shown.at(-1), '')
  })

  it('tail -f shows what is added, until it is stopped', async () => {
    const folder = join(made.folder, 'followed')
    const log = await fileLog(folder, { signer: await fileSigner(made.keyFile), checkpointEvery: { seconds: 3_600 } })
    await log.append(decision(0))
    const stop = new AbortController()
    const lines: string[] = []
    const following = main(['audit', 'tail', folder, '-f'], {
      out: (text) => void lines.push(text),
      error: assert.fail,
      write: async () => {},
      colour: true,
      signal: stop.signal,
    })
    while (lines.length < 1) await new Promise((resolve) => setImmediate(resolve))
    await log.append(decision(1, { allowed: false, code: 'denied' }))
    await log.append(decision(2))
    while (lines.length < 3) await new Promise((resolve) => setImmediate(resolve))
    stop.abort()
    assert.equal(await following, 0)
    const [permitted = '', refused = ''] = lines.map((line) => line.replaceAll('\u001b', '<ESC>'))
    assert.match(permitted, /^<ESC>\[32m\* +0 {2}2026.*permitted<ESC>\[0m$/)
    assert.match(refused, /^<ESC>\[31m\* +1 .*refused \(denied\)<ESC>\[0m$/)
    await log.close()
  })
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  )
}
