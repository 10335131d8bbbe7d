import { type Command, command } from './command.ts'
import { createReadStream } from 'node:fs'
import { verifyEvidence } from '../audit-log/verify-evidence.ts'
import type { EvidenceReport } from '../audit-log/verify-evidence.ts'
import { formatVerifierKey, parseVerifierKey } from '../audit-log/signed-note.ts'
import { readRegular } from '../audit-log/file-system.ts'
import { type Io, plain, UsageError } from './io.ts'
import { dateOf } from './records-text.ts'

export const auditVerifyEvidence: Command = command({
  name: 'audit verify-evidence',
  summary: 'verifies what audit evidence wrote',
  operands: ['FILE'],
  missing: 'give one file',
  about:
    "Verifies what audit evidence wrote, without the log and without a network: that the log's key signed it, that its entries are a gapless part of the signed log, that the period has no others, and that its summary is what they add up to.",
  options: {
    key: { type: 'string', value: 'FILE|KEY', help: "the log's verifier key (name+id+base64), or a file with it, from elsewhere" },
    unanchored: { type: 'boolean', help: 'be content where the period reaches to the end of the log and nothing shows that this was not cut off' },
    json: { type: 'boolean', help: 'the report as JSON' },
  },
  examples: ['sallyport audit verify-evidence october.evidence --key support-bot.vkey'],
  exits: ['it holds', 'it does not'],
  async run(values, [path], io) {
    if (values.key === undefined) throw new UsageError("give the log's verifier key with --key")
    const report = await verifyEvidence(linesOf(path), await keyIn(values.key))
    const whole = report.anchored || values.unanchored === true
    if (values.json === true) io.out(plain(JSON.stringify(report)))
    else print(report, io)
    return report.ok && whole ? 0 : 1
  },
})

async function keyIn(option: string): Promise<string> {
  const text = (await parseVerifierKey(option).then(
    () => true,
    () => false,
  ))
    ? option
    : (await readRegular(option, 65_536, 'follow').catch(() => undefined))?.toString()
  if (text === undefined) throw new UsageError(`'${option}' is no verifier key and no file that can be read`)
  try {
    return formatVerifierKey(await parseVerifierKey(text))
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'this is no verifier key', { cause: error })
  }
}

/** Longer than any line of a bundle. */
const maxLine = 16 * 1024 * 1024

// Not by `readline`, which takes more than one character for the end of a line.
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of createReadStream(path, { encoding: 'utf8' }) as AsyncIterable<string>) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
    if (rest.length > maxLine) break
  }
  if (rest !== '') yield rest
}

function print({ ok, problems, head, summary, anchored }: EvidenceReport, io: Io): void {
  io.out(
    ok ? `The evidence holds: entries ${head?.first} to ${(head?.end ?? 0) - 1} of ${plain(head?.origin ?? '')}.` : 'The evidence does not hold.',
  )
  for (const problem of problems) io.out(`  problem  ${plain(problem)}`)
  if (head !== undefined) io.out(`  period   ${dateOf(head.since)} to ${dateOf(head.until)}`)
  if (summary === undefined) return
  io.out(
    `  records  ${summary.records.toLocaleString('en')}; calls: ${summary.allowed.toLocaleString('en')} let in, ${summary.refused.toLocaleString('en')} refused`,
  )
  for (const { id, version, digest, decisions } of summary.policies)
    io.out(`  policy   ${plain(`${id} ${version}${digest === undefined ? '' : ` ${digest}`}`)}: ${decisions.toLocaleString('en')} decisions`)
  for (const { index, kind, count } of summary.gaps.slice(0, 20))
    io.out(`  gap      ${kind} at entry ${index}${count === undefined ? '' : `: ${count}`}`)
  const more = summary.gaps.length - 20 + summary.moreGaps
  if (more > 0) io.out(`  gap      and ${more.toLocaleString('en')} more`)
  if (!anchored)
    io.out('  anchor   none: the period reaches to the end of the log, and whether that was cut off cannot be told. Say --unanchored to be content.')
}
