import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readKeyChain } from '../audit-log/file-key-chain.ts'
import { proveEntry } from '../audit-log/file-prove.ts'
import { systemFiles } from '../audit-log/file-system.ts'
import { formatVerifierKey, parseVerifierKey } from '../audit-log/signed-note.ts'
import { formatProof, verifyProof } from '../audit-log/verify-proof.ts'
import { plain, UsageError } from './io.ts'
import type { Command } from './run.ts'
import { findVerifierKey } from './verifier-key.ts'

const help = `sallyport audit prove DIR --entry N [--key FILE|KEY] [--json]

Proves that entry N is in the log: writes a C2SP tlog-proof, which anybody who has the entry and the log's
verifier key can check, offline and with other tools. With --json the entry stands beside its proof.

  --entry N           the entry, numbered from 0, as its receipt and audit tail show it
  --key FILE|KEY      also verify the proof with this key
  --json              entry and proof as JSON

  sallyport audit prove var/audit --entry 1034 > 1034.tlog-proof

Exit 0: it is proven. 1: it is not. 2: the call is wrong.`

export const auditProve: Command = {
  name: 'audit prove',
  summary: 'proves that an entry is in a log',
  help,
  async run(args, io) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { entry: { type: 'string' }, key: { type: 'string' }, json: { type: 'boolean' } },
    })
    const [directory, ...rest] = positionals
    if (directory === undefined || rest.length > 0) throw new UsageError('give the folder of one log')
    if (values.entry === undefined || !/^\d{1,15}$/.test(values.entry)) throw new UsageError('--entry must be the number of an entry')
    const key = values.key === undefined ? undefined : await findVerifierKey(directory, values.key)
    const { proof, text } = await proveEntry(directory, Number(values.entry))
    const signing = key === undefined ? undefined : await readKeyChain(systemFiles, resolve(directory), await parseVerifierKey(key.key))
    if (signing !== undefined && !(await verifyProof(proof, text, formatVerifierKey(signing.current)))) {
      io.error('The entry is not proven: the checkpoint is not signed by this key.')
      return 1
    }
    io.out(values.json === true ? plain(JSON.stringify({ entry: text, proof })) : formatProof(proof).trimEnd())
    return 0
  },
}
