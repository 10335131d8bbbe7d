import { type Command, command } from './command.ts'
import { open } from 'node:fs/promises'
import { fileAnchor } from '../audit-log/file-anchor.ts'
import { evidence } from '../audit-log/file-evidence.ts'
import { fileSigner } from '../audit-log/file-signer.ts'
import { readRegular } from '../audit-log/file-system.ts'
import { plain, UsageError } from './io.ts'
import { sinceIn } from './moment.ts'

export const auditEvidence: Command = command({
  name: 'audit evidence',
  summary: 'writes what happened in a period for a third party to verify',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about:
    'Writes what happened in a period into one file that a third party verifies offline with audit verify-evidence: the entries, the proof that they are a gapless part of the signed log, which policies decided, counts, and what the log itself says is missing. The whole log is verified first.',
  options: {
    signer: { type: 'string', value: 'FILE', help: "the log's key file in PEM: it signs the bundle" },
    since: { type: 'string', value: 'T', help: 'from then on: 2026-01-01, 2026-01-01T08:00:00+01:00, or how long ago (24h, 7d)' },
    until: { type: 'string', value: 'T', help: 'before then, written alike' },
    anchor: { type: 'string', value: 'FILE', help: 'the anchor that the log publishes to: it shows that the end was not cut off' },
    out: { type: 'string', value: 'FILE', help: 'a new file' },
    json: { type: 'boolean', help: 'what was written as JSON: file and entries' },
  },
  examples: ['sallyport audit evidence var/audit --signer audit.key --since 2026-10-01 --until 2026-11-01 --out october.evidence'],
  exits: ['it was written', 'the log does not hold'],
  async run(values, [directory], io) {
    const { signer: keyFile, out, anchor } = values
    if (keyFile === undefined || out === undefined) throw new UsageError('give the key file with --signer, and a new file with --out')
    // A key that is made here would sign for nobody.
    if ((await readRegular(keyFile, 65_536, 'follow').catch(() => undefined)) === undefined) throw new UsageError(`there is no key file ${keyFile}`)
    const since = values.since === undefined ? undefined : sinceIn(values.since, '--since')
    const until = values.until === undefined ? undefined : sinceIn(values.until, '--until')
    if (since !== undefined && until !== undefined && since >= until) throw new UsageError('--since must be before --until')
    const file = await open(out, 'wx', 0o600).catch((error: unknown) => {
      throw new UsageError(`${out} cannot be made as a new file`, { cause: error })
    })
    let whole = false
    try {
      let waiting = ''
      let lines = 0
      for await (const line of evidence(directory, {
        signer: await fileSigner(keyFile),
        ...(since !== undefined && { since }),
        ...(until !== undefined && { until }),
        ...(anchor !== undefined && { anchor: fileAnchor(anchor) }),
      })) {
        waiting += `${line}\n`
        if (++lines % 4096 === 0) io.progress?.(`writing: ${lines.toLocaleString('en')} entries`)
        if (waiting.length < 1 << 18) continue
        await file.write(waiting)
        waiting = ''
      }
      await file.write(waiting)
      await file.sync()
      whole = true
      io.progress?.('')
      const entries = lines - 3
      io.out(values.json ? plain(JSON.stringify({ file: out, entries })) : `${plain(out)} holds ${entries.toLocaleString('en')} entries.`)
    } finally {
      await file.close()
      // Half a bundle would only be taken for one that was tampered with.
      if (!whole) await (await import('node:fs/promises')).rm(out, { force: true })
    }
    return 0
  },
})
