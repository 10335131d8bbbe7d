import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accessReview } from '../../../src/access-review/access-review.ts'
import { policyDiff } from '../../../src/access-review/policy-diff.ts'
import { entryText } from '../../../src/audit-log/record.ts'
import { tell } from '../report/figure.ts'
import { policy, traffic } from './traffic.ts'

const [mode = 'review', count = '1000000'] = process.argv.slice(2)
const records = Number(count)
const before = process.cpuUsage()
const started = performance.now()

function* texts(): Generator<unknown> {
  for (const record of traffic(records)) yield JSON.parse(entryText(record))
}

function report(label: string, more = ''): void {
  const { user, system } = process.cpuUsage(before)
  const peak = process.resourceUsage().maxRSS / 1024
  const seconds = (performance.now() - started) / 1000
  const told = { bench: 'access-review', subject: label, peer: mode === 'generate' }
  const decisions = `${records.toLocaleString('en')} decisions`
  tell({ ...told, table: decisions, unit: 's', values: [(user + system) / 1e6] })
  tell({ ...told, table: `${decisions}: memory at the most`, unit: 'MB', values: [peak] })
  console.log(
    `  ${label.padEnd(46)}${seconds.toFixed(1).padStart(6)} s${((user + system) / 1e6).toFixed(1).padStart(7)} s CPU${peak.toFixed(0).padStart(6)} MB peak  ${more}`,
  )
}

switch (mode) {
  case 'generate': {
    let generated = 0
    for (const record of traffic(records)) if (record.allowed) generated++
    report('making the records alone', `${generated} allowed`)
    break
  }
  case 'review':
  case 'review-texts':
  case 'review-other-version': {
    const from = mode === 'review-texts' ? texts() : traffic(records, mode === 'review' ? undefined : '11')
    const { proof, changes, callers } = await accessReview(policy, from)
    report(
      {
        review: 'review',
        'review-texts': 'review, each written as JSON and read again',
        'review-other-version': 'review of the log of another version',
      }[mode],
      `${callers} callers, ${changes.length} changes, proof ${proof.holds ? 'holds' : 'fails'}: ${proof.permitted} permitted, ${proof.carried} carried, ${proof.stillRefused} refused`,
    )
    break
  }
  case 'diff': {
    const rules = policy.rules.filter(({ id }) => !id.startsWith('deploy-1'))
    const { changed, undecided, same } = await policyDiff(policy, { ...policy, version: '13', rules }, traffic(records))
    report('policy diff', `${changed.refuses} would be refused, ${same} the same, ${undecided} cannot be told`)
    break
  }
  case 'log': {
    const { fileLog } = await import('../../../src/audit-log/file-log.ts')
    const { fileSigner } = await import('../../../src/audit-log/file-signer.ts')
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-review-'))
    const log = await fileLog(join(folder, 'log'), { signer: await fileSigner(join(folder, 'key')) })
    let waiting: Promise<unknown>[] = []
    for (const record of traffic(records)) {
      waiting.push(log.append(record))
      if (waiting.length === 2_000) {
        await Promise.all(waiting)
        waiting = []
      }
    }
    await Promise.all(waiting)
    await log.close()
    const { openRecords } = await import('../../../src/cli/log-records.ts')
    const again = process.cpuUsage()
    const begun = performance.now()
    const place = { directory: join(folder, 'log'), key: log.key, anchor: undefined, expectedSize: records, unanchored: false, unverified: false }
    const { records: found, standing } = await openRecords(place, { out: () => {}, error: () => {} })
    const { proof } = await accessReview(policy, found)
    const { user, system } = process.cpuUsage(again)
    console.log(
      `  verified and read from a log on the disk      ${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s${((user + system) / 1e6).toFixed(1).padStart(7)} s CPU  trusted: ${standing().trusted}, proof ${proof.holds ? 'holds' : 'fails'}`,
    )
    await rm(folder, { recursive: true, force: true })
    break
  }
}
