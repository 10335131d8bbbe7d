// Opens a log in a process of its own and writes to it without end: for tests of what happens then, and when it is killed.
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import { sampleRecord } from './records.ts'

const [directory = '', keyFile = ''] = process.argv.slice(2)
try {
  const log = await fileLog(directory, { signer: await fileSigner(keyFile), origin: 'held' })
  for (let number = 0; ; number++) {
    const { index } = await log.append(sampleRecord(number))
    // A line for each record that it was told is safe.
    process.stdout.write(`${index} call-${number}\n`)
  }
} catch (error) {
  process.stdout.write(`refused ${error instanceof Error && 'code' in error ? error.code : error}\n`)
}
