import { join } from 'node:path'
import { fileLog, fileSigner, proveEntry, verifyLog, verifyProof } from '../../../dist/file.js'
import { tell } from '../report/figure.ts'
import { measure } from './costs.ts'

/** What becomes of it as a log grows: the cost of a record, memory, verification and proofs. */
export async function printLarge(folder: string, records: number): Promise<void> {
  const directory = join(folder, 'large')
  const log = await fileLog(directory, { signer: await fileSigner(join(folder, 'key')), origin: 'large' })
  const writer = { name: 'large', promise: '', append: (record: Record<string, unknown>) => log.append(record as never), close: () => log.close() }
  console.log(`\na log that grows to ${records.toLocaleString('en')} records, 1,000 in flight`)
  console.log('       records   µs CPU a record   heap MB   process MB')
  let size = 0
  for (let next = 1_000; size < records; next = Math.min(records, next * 10)) {
    let left = next - size
    let cpu = 0
    const costs: number[] = []
    // By the hundred thousand, so that the bench's own latencies need no memory.
    while (left > 0) {
      const count = Math.min(left, 100_000)
      cpu = (await measure(writer, Math.min(1_000, count), count, size)).cpu
      costs.push(cpu)
      size += count
      left -= count
    }
    const told = { bench: 'audit', subject: 'sallyport', size: { of: 'records', value: size } }
    tell({ ...told, table: 'a record in a log that grows', unit: 'µs', values: costs })
    globalThis.gc?.()
    tell({ ...told, table: 'heap of a log that grows', unit: 'MB', values: [process.memoryUsage().heapUsed / 1e6] })
    const { heapUsed, rss } = process.memoryUsage()
    console.log(
      `  ${size.toLocaleString('en').padStart(12)} ${cpu.toFixed(1).padStart(17)} ${(heapUsed / 1e6).toFixed(0).padStart(9)} ${(rss / 1e6).toFixed(0).padStart(12)}`,
    )
  }
  await log.close()
  const opening = performance.now()
  const again = await fileLog(directory, { signer: await fileSigner(join(folder, 'key')), origin: 'large' })
  console.log(`  opened again in ${(performance.now() - opening).toFixed(0)} ms`)
  await again.close()
  const cpu = process.cpuUsage()
  const began = performance.now()
  const report = await verifyLog(directory, { key: log.key, expectedSize: size })
  const seconds = (performance.now() - began) / 1_000
  const millions = `${size.toLocaleString('en')} records`
  tell({
    bench: 'audit',
    table: `verifying a log of ${millions}, by the clock`,
    subject: 'sallyport',
    unit: 's',
    values: [seconds],
    ...(size === 1_000_000 && { asked: 8 }),
  })
  const { user, system } = process.cpuUsage(cpu)
  console.log(
    `  verified in ${seconds.toFixed(2)} s, ${((user + system) / 1e6).toFixed(2)} s CPU: ${report.ok ? 'holds' : 'DOES NOT HOLD'}, ${report.entries.toLocaleString('en')} entries`,
  )
  const times: number[] = []
  for (let run = 0; run < 200; run++) {
    const index = Math.floor(((run * 0.618_034) % 1) * size)
    const start = performance.now()
    const { proof, text } = await proveEntry(directory, index)
    times.push(performance.now() - start)
    if (!(await verifyProof(proof, text, log.key))) throw new Error(`entry ${index} is not proven`)
  }
  tell({ bench: 'audit', table: `a proof out of ${millions}, by the clock`, subject: 'sallyport', unit: 'ms', values: times, asked: 10 })
  times.sort((one, other) => one - other)
  console.log(`  a proof of any of them: median ${(times[100] ?? 0).toFixed(2)} ms, 99 % within ${(times[198] ?? 0).toFixed(2)} ms`)
}
