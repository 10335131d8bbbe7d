import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import { type AuditRecord, entryText } from '../../src/audit-log/record.ts'
import { sampleRecord } from '../audit-log/records.ts'
import { type MadeLog, madeLog, run } from './made-log.ts'

const subject = { issuer: 'https://id.example', key: 'ada', kind: 'user', roles: [], subject: 'ada' } as const
const records: AuditRecord[] = [
  ...Array.from({ length: 300 }, (_, number) => sampleRecord(number)),
  { ...sampleRecord(300), allowed: false, code: 'denied', missing: 2, reason: 'no rule permits it', subject },
  {
    ...sampleRecord(301),
    kind: 'outcome',
    ending: 'completed',
    elapsed: 12.5,
    parts: 1,
    ran: true,
    streamed: false,
    subject,
  } as AuditRecord,
  { counts: { identity_missing: 7 }, guard: 'test', kind: 'refusals', since: 1, time: 2, until: 2, version: 1 },
  { cut: 5, event: 'recovered', kind: 'log', replayed: 3, size: 303, time: 3, version: 1 },
  { ...sampleRecord(304), action: '\u001b[2Jgone\u202e\n9999  decision', subject: { ...subject, subject: 'eve\r\nada' } },
  { kind: 'newer', time: 8.64e15 + 1, version: 2 } as never,
  'no record' as never,
]

describe('sallyport audit tail', () => {
  let made: MadeLog
  before(async () => void (made = await madeLog(records)))
  after(() => made.remove())

  it('shows the newest ten, the newest last, each on one line', async () => {
    const { code, out } = await run('audit', 'tail', made.log)
    assert.equal(code, 0)
    const lines = out.split('\n')
    assert.equal(lines.length, 10)
    const [denied, outcome, refusals, recovered, forged, newer, none] = lines.slice(-7)
    assert.match(
      denied ?? '',
      /^ +300 {2}2026-01-01T00:00:00\.300Z {2}decision {2}ada {2}chat model\/gpt-5 {2}refused \(denied: no rule permits it\); 2 records before it could not be written$/,
    )
    assert.match(outcome ?? '', /outcome {3}ada {2}chat model\/gpt-5 {2}completed after 12\.5 ms$/)
    assert.match(refusals ?? '', /refusals {2}identity_missing 7$/)
    assert.match(recovered ?? '', /log {7}recovered, 3 records taken up, 5 bytes cut$/)
    assert.match(newer ?? '', /at no known time {2}newer$/)
    assert.match(none ?? '', /no record: "no record"$/)
    // What strangers wrote moves no cursor and makes no line.
    assert.match(forged ?? '', /eve\\u000d\\u000aada {2}\\u001b\[2Jgone\\u202e\\u000a9999 {2}decision/)
    assert.equal(/[^\n\x20-\x7e]/.test(out), false)
  })

  it('shows as many as it is told, over more than one bundle, as they stand in the log', async () => {
    const { code, out } = await run('audit', 'tail', made.log, '-n', '100', '--json')
    assert.equal(code, 0)
    const lines = out.split('\n')
    assert.equal(lines.length, 100)
    assert.equal(lines[0], entryText(sampleRecord(207)))
    assert.deepEqual(JSON.parse(lines[97] ?? ''), records[304])
    assert.equal((await run('audit', 'tail', made.log, '--lines', '9999', '--json')).out.split('\n').length, records.length)
  })

  it('shows what is not under a checkpoint yet, and marks it', async () => {
    const directory = join(made.folder, 'open')
    const log = await fileLog(directory, { signer: await fileSigner(made.keyFile), origin: 'open' })
    await log.append(sampleRecord(1))
    await log.checkpoint()
    await log.append(sampleRecord(2))
    const { out } = await run('audit', 'tail', directory)
    assert.match(out, /^ +0 .*\n\* +1 /)
    await log.close()
  })

  it('exits 1 where there is no log, and 2 when the call is wrong', async () => {
    assert.equal((await run('audit', 'tail', join(made.folder, 'nowhere'))).code, 1)
    for (const args of [[], [made.log, 'more'], [made.log, '-n', '0'], [made.log, '-n', 'x'], [made.log, '-n', '-5'], [made.log, '--nonsense']])
      assert.equal((await run('audit', 'tail', ...args)).code, 2, args.join(' '))
  })
})
