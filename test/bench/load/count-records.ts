import { join } from 'node:path'
import { fileAnchor, type Report, verifiedRecords, verifyLog } from '../../../dist/file.js'

/** What a log holds. */
export interface Counted {
  readonly verified: boolean
  readonly problems: Report['problems']
  readonly entries: number
  readonly decisions: number
  readonly allowed: number
  readonly outcomes: number
  /** Decisions without an outcome, and outcomes without a decision of before. */
  readonly unpaired: number
  /** Refusals before anybody was known, which are counted and not listed. */
  readonly refusals: number
  readonly endings: Readonly<Record<string, number>>
}

/** Verifies a log and counts what is in it. */
export async function countRecords(folder: string, key: string): Promise<Counted> {
  const directory = join(folder, 'audit')
  const anchor = fileAnchor(join(folder, 'audit.anchor'))
  const report = await verifyLog(directory, { key, anchor })
  const open = new Set<string>()
  const counted = { entries: 0, decisions: 0, allowed: 0, outcomes: 0, unpaired: 0, refusals: 0 }
  const endings: Record<string, number> = {}
  for await (const record of await verifiedRecords(directory, { key, anchor })) {
    counted.entries++
    if (record?.kind === 'decision') {
      counted.decisions++
      if (record.allowed) counted.allowed++
      if (open.has(record.id)) counted.unpaired++
      open.add(record.id)
    } else if (record?.kind === 'outcome') {
      counted.outcomes++
      endings[record.ending] = (endings[record.ending] ?? 0) + 1
      if (!open.delete(record.id)) counted.unpaired++
    } else if (record?.kind === 'refusals') for (const count of Object.values(record.counts)) counted.refusals += count ?? 0
  }
  counted.unpaired += open.size
  return { verified: report.ok && report.anchored && report.unsigned === 0, problems: report.problems, ...counted, endings }
}
