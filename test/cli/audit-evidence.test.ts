import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { EvidenceTally } from '../../src/audit-log/evidence-summary.ts'
import { evidence } from '../../src/audit-log/file-evidence.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import type { AuditRecord, DecisionRecord } from '../../src/audit-log/record.ts'
import { parseVerifierKey, signNote } from '../../src/audit-log/signed-note.ts'
import { verifyEvidence } from '../../src/audit-log/verify-evidence.ts'
import { sampleRecord } from '../audit-log/records.ts'
import { isHarmless, type MadeLog, madeLog, run, withOneByteChanged } from './made-log.ts'

const day = 86_400_000
const start = Date.parse('2026-01-01T00:00:00Z')
// Ten a day, a month long.
const records: AuditRecord[] = Array.from(
  { length: 300 },
  (_, number): DecisionRecord => ({
    ...sampleRecord(number),
    time: start + (number * day) / 10,
    allowed: number % 7 !== 0,
    ...(number % 7 === 0 && { code: 'denied' as const }),
    ...(number === 105 && { missing: 4 }),
    policy: { id: 'support', version: number < 120 ? '1' : '2', digest: `sha256:${number < 120 ? 'a' : 'b'}` },
  }),
)

describe('evidence for a period', () => {
  let made: MadeLog
  before(async () => void (made = await madeLog(records)))
  after(() => made.remove())

  const bundle = async (since?: number, until?: number): Promise<string[]> => {
    const lines: string[] = []
    const signer = await fileSigner(made.keyFile)
    for await (const line of evidence(made.log, { signer, ...(since !== undefined && { since }), ...(until !== undefined && { until }) }))
      lines.push(...line.split('\n'))
    return lines
  }

  it('is written by the command and verified by another one that has nothing but it and the key', async () => {
    const out = join(made.folder, 'october.evidence')
    const period = ['--since', '2026-01-11', '--until', '2026-01-16']
    const written = await run('audit', 'evidence', made.log, '--signer', made.keyFile, ...period, '--anchor', made.anchor, '--out', out)
    assert.deepEqual([written.code, written.error], [0, ''])
    assert.equal((await stat(out)).mode & 0o077, 0)
    const said = await run('audit', 'verify-evidence', out, '--key', made.verifierKeyFile)
    assert.equal(said.code, 0, said.out)
    assert.match(said.out, /entries 99 to 150 of bot/)
    assert.match(said.out, /records {2}50; calls: 43 let in, 7 refused/)
    assert.match(said.out, /policy {3}support 1 sha256:a: 20 decisions\n.*support 2 sha256:b: 30 decisions/)
    assert.match(said.out, /gap {6}missing at entry 105: 4/)
    assert.ok(isHarmless(said))
    const json = JSON.parse((await run('audit', 'verify-evidence', out, '--key', made.verifierKey, '--json')).out)
    assert.deepEqual([json.ok, json.anchored, json.summary.codes], [true, true, { denied: 7 }])
    assert.equal((await run('audit', 'evidence', made.log, '--signer', made.keyFile, '--out', out)).code, 2, 'never over another file')
  })

  it('holds for every period, also one without records, before the log, and after it', async () => {
    for (const [since, until, first, end, records] of [
      [undefined, undefined, 0, 300, 300],
      [0, start, 0, 1, 0],
      [0, start + 1, 0, 2, 1],
      [start + 1, start + 2, 0, 2, 0],
      [start + 29 * day, start + 90 * day, 289, 300, 10],
      [start + 60 * day, start + 90 * day, 299, 300, 0],
      [start + 5 * day, start + 6 * day, 49, 61, 10],
    ] as const) {
      const report = await verifyEvidence(await bundle(since, until), made.verifierKey)
      assert.deepEqual(report.problems, [], `${since} ${until}`)
      assert.deepEqual([report.ok, report.head?.first, report.head?.end, report.summary?.records], [true, first, end, records])
      // The end of the log is shown by its anchor alone, and here there is none.
      assert.equal(report.anchored, end < 300)
    }
  })

  it('does not hold with anything changed, left out, added or moved', async () => {
    const lines = await bundle(start + 10 * day, start + 12 * day)
    const at = lines.findIndex((line) => line.includes('"call-105"'))
    const changes: Record<string, (copy: string[]) => void> = {
      'an entry changed': (copy) =>
        void (copy[at] = copy[at]?.replace('"allowed":false', '"allowed":true').replace('"missing":4', '"missing":5') ?? ''),
      'an entry left out': (copy) => void copy.splice(at, 1),
      'an entry twice': (copy) => void copy.splice(at, 0, copy[at] ?? ''),
      'two swapped': (copy) => void ([copy[at], copy[at + 1]] = [copy[at + 1] ?? '', copy[at] ?? '']),
      'the first left out': (copy) => void copy.splice(1, 1),
      'cut off': (copy) => void copy.splice(-5),
      'the signature left out': (copy) => void copy.splice(-1),
      'something after it': (copy) => void copy.push('x'),
      'the head changed': (copy) => void (copy[0] = copy[0]?.replace('"since":', '"since":1') ?? ''),
      'nothing at all': (copy) => void copy.splice(0),
    }
    for (const [what, change] of Object.entries(changes)) {
      const copy = [...lines]
      change(copy)
      assert.notDeepEqual(copy, lines, what)
      const report = await verifyEvidence(copy, made.verifierKey)
      assert.equal(report.ok, false, what)
    }
    for (let line = 0; line < lines.length; line += 3)
      for (const place of [0, 0.3, 0.7]) {
        const copy = [...lines]
        const text = copy[line] ?? ''
        const index = Math.floor(text.length * place)
        copy[line] = `${text.slice(0, index)}~${text.slice(index + 1)}`
        assert.equal((await verifyEvidence(copy, made.verifierKey)).ok, false, `line ${line}`)
      }
  })

  it('does not hold where whoever has the key leaves entries of the period out', async () => {
    // A signed bundle of a narrower range that claims to be of the whole period: made by whoever can sign.
    const lines = await bundle(start + 10 * day, start + 12 * day)
    const head = JSON.parse(lines[0] ?? '')
    const entries = lines.slice(1, 1 + head.end - head.first)
    for (const [since, until] of [
      [start + 5 * day, start + 12 * day],
      [start + 10 * day, start + 20 * day],
    ] as const) {
      const tally = new EvidenceTally(since, until)
      for (const [place, entry] of entries.entries()) tally.add(JSON.parse(entry), head.first + place)
      const forged = [JSON.stringify({ ...head, since, until }), ...entries, JSON.stringify({ summary: tally.result() })]
      const digest = createHash('sha256')
        .update(`${forged.join('\n')}\n`)
        .digest('base64')
      const note = await signNote(`sallyport evidence v1\nbot\n${digest}\n`, await parseVerifierKey(made.verifierKey), await fileSigner(made.keyFile))
      const report = await verifyEvidence([...forged, ...note.trimEnd().split('\n')], made.verifierKey)
      assert.equal(report.ok, false)
      assert.match(report.problems.join(), /Nothing shows where the period (begins|ends)/)
    }
  })

  it('is not written from a log that does not hold, or with another key, and leaves no file', async () => {
    const tampered = await withOneByteChanged(made, 'tile/entries/000')
    const out = join(made.folder, 'never.evidence')
    assert.equal((await run('audit', 'evidence', tampered, '--signer', made.keyFile, '--out', out)).code, 1)
    const other = join(made.folder, 'other.key')
    await fileSigner(other)
    assert.equal((await run('audit', 'evidence', made.log, '--signer', other, '--out', out)).code, 1)
    await assert.rejects(readFile(out), { code: 'ENOENT' })
    for (const wrong of [
      ['--signer', made.keyFile],
      ['--out', out],
      ['--signer', 'none', '--out', out],
      ['--signer', made.keyFile, '--out', out, '--since', 'x'],
    ])
      assert.equal((await run('audit', 'evidence', made.log, ...wrong)).code, 2)
  })

  it('is no evidence to whoever has another key, and its end is none without an anchor', async () => {
    const out = join(made.folder, 'end.evidence')
    await run('audit', 'evidence', made.log, '--signer', made.keyFile, '--out', out)
    assert.equal((await run('audit', 'verify-evidence', out, '--key', made.verifierKey)).code, 1)
    assert.equal((await run('audit', 'verify-evidence', out, '--key', made.verifierKey, '--unanchored')).code, 0)
    const other = await madeLog([])
    assert.equal((await run('audit', 'verify-evidence', out, '--key', other.verifierKey, '--unanchored')).code, 1)
    await other.remove()
    assert.equal((await run('audit', 'verify-evidence', out, '--key', 'nonsense')).code, 2)
    assert.equal((await run('audit', 'verify-evidence', out)).code, 2)
    const copy = join(made.folder, 'garbage')
    await writeFile(copy, `${'x'.repeat(100)}\n`.repeat(10))
    assert.equal((await run('audit', 'verify-evidence', copy, '--key', made.verifierKey)).code, 1)
  })
})
