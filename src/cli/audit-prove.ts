import { type Command, command } from './command.ts'
import { resolve } from 'node:path'
import { readKeyChain } from '../audit-log/file-key-chain.ts'
import { proveEntry } from '../audit-log/file-prove.ts'
import { systemFiles } from '../audit-log/file-system.ts'
import { formatVerifierKey, parseVerifierKey } from '../audit-log/signed-note.ts'
import { formatProof, verifyProof } from '../audit-log/verify-proof.ts'
import { plain, UsageError } from './io.ts'
import { findVerifierKey } from './verifier-key.ts'

export const auditProve: Command = command({
  name: 'audit prove',
  summary: 'proves that an entry is in a log',
  operands: ['DIR'],
  missing: 'give the folder of one log',
  about:
    "Proves that entry N is in the log: writes a C2SP tlog-proof, which anybody who has the entry and the log's verifier key can check, offline and with other tools.",
  options: {
    entry: { type: 'string', value: 'N', help: 'the entry, numbered from 0, as its receipt and audit tail show it' },
    key: { type: 'string', value: 'FILE|KEY', help: 'also verify the proof with this key' },
    json: { type: 'boolean', help: 'the entry and its proof as JSON' },
  },
  examples: ['sallyport audit prove var/audit --entry 1034 > 1034.tlog-proof'],
  exits: ['it is proven', 'it is not'],
  async run(values, [directory], io) {
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
})
