// Run as a process of its own, to be killed: writes to many logs at once, and says of each record when it was acknowledged.
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileLog, fileSigner } from '../../src/file.ts'
import { sampleRecord } from '../audit-log/records.ts'

const [, , folder = '', key = '', logs = '1'] = process.argv
const signer = await fileSigner(key)

async function write(name: string): Promise<void> {
  const log = await fileLog(join(folder, name), { signer, origin: 'killed', checkpointEvery: { records: 5 } })
  const append = async (number: number, durability: 'durable' | 'written'): Promise<void> => {
    const { index } = await log.append(sampleRecord(number), { durability })
    writeSync(1, `${name} ${index} call-${number}\n`)
  }
  // Alone and together, so that a kill meets batches of every size.
  for (let number = 0; ; number += 4) {
    await append(number, 'durable')
    await Promise.all([append(number + 1, 'written'), append(number + 2, 'durable'), append(number + 3, 'written')])
  }
}

await Promise.all(Array.from({ length: Number(logs) }, (_, number) => write(`log-${number}`)))
