// Run as a process of its own, to be killed: makes guarded calls for ever and says each one's id once it was answered.
import { writeSync } from 'node:fs'
import { fileAnchor, fileLog, fileSigner } from '../../src/file.ts'
import { plainText } from '../../src/index.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const [, , folder = '', key = ''] = process.argv
const log = await fileLog(folder, {
  signer: await fileSigner(key),
  origin: 'conformance',
  anchor: fileAnchor(`${folder}.anchor`),
  checkpointEvery: { records: 7 },
})
const run = wholeGuard({ log, masking: { direction: 'request' } }).protect((_input: string, call) => call.id, {
  action: 'chat',
  resource: { type: 'model', id: 'gpt-5' },
  codec: plainText,
})
const credentials = await analyst()
for (;;) for (const id of await Promise.all([1, 2, 3].map(() => run('x', { credentials })))) writeSync(1, `${id}\n`)
