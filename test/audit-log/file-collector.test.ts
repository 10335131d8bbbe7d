import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type CollectedLog, collector } from '../../src/audit-log/file-collector.ts'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'

describe('the logs of several instances', () => {
  let root = ''
  const logs: CollectedLog[] = []
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'sallyport-collector-'))
    for (let instance = 0; instance < 3; instance++) {
      const directory = join(root, `instance-${instance}`)
      const log = await fileLog(directory, { signer: seededSigner(instance + 1), origin: `bot.eu-${instance}` })
      // One after the other in turn; the last one is short.
      for (let number = instance; number < (instance === 2 ? 30 : 1_000); number += 3)
        await log.append(sampleRecord(number), { durability: 'written' })
      await log.close()
      logs.push({ directory, key: log.key })
    }
  })
  after(() => rm(root, { recursive: true }))

  const read = async (list: readonly CollectedLog[]): Promise<string[]> => {
    const found: string[] = []
    for await (const { origin, index, record } of await collector({ logs: list })) found.push(`${origin} ${index} ${'id' in record ? record.id : ''}`)
    return found
  }

  it('are verified and merged by time, whatever their order', async () => {
    const merged = await read(logs)
    assert.equal(merged.length, 334 + 333 + 10)
    const numbers = merged.map((line) => Number(line.split('call-')[1]))
    assert.deepEqual(
      numbers,
      [...numbers].sort((one, other) => one - other),
    )
    assert.deepEqual(merged.slice(0, 4), ['bot.eu-0 0 call-0', 'bot.eu-1 0 call-1', 'bot.eu-2 0 call-2', 'bot.eu-0 1 call-3'])
    assert.deepEqual(await read([...logs].reverse()), merged)
    const { checkpoints, anchored } = await collector({ logs: logs.map((log, index) => ({ ...log, ...(index === 0 && { expectedSize: 334 }) })) })
    assert.deepEqual(
      checkpoints.map(({ origin, size }) => [origin, size]),
      [
        ['bot.eu-0', 334],
        ['bot.eu-1', 333],
        ['bot.eu-2', 10],
      ],
    )
    assert.equal(anchored, false)
  })

  it('do not hold where one of them does not', async () => {
    const [first, second] = logs
    assert.ok(first !== undefined && second !== undefined)
    const copy = join(root, 'tampered')
    await cp(first.directory, copy, { recursive: true })
    const path = join(copy, 'tile/entries/000')
    const bytes = await readFile(path)
    bytes[100] = (bytes[100] ?? 0) ^ 1
    await writeFile(path, bytes)
    await assert.rejects(read([{ ...first, directory: copy }, second]), { code: 'root_mismatch' })
    await assert.rejects(collector({ logs: [{ ...first, key: second.key }, second] }), { code: 'key_unknown' })
    await assert.rejects(collector({ logs: [{ ...first, expectedSize: 335 }] }), { code: 'truncated' })
    await assert.rejects(collector({ logs: [first, first] }), TypeError)
    await assert.rejects(collector({ logs: [] }), TypeError)
  })
})
