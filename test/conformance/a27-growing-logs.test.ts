import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileLog, fileSigner, storedEntries, verifyLog, verifyProof } from '../../src/file.ts'
import { type AuditLog, type AuditRecord, memoryLog, plainText } from '../../src/index.ts'
import { assertRejects } from './refusals.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const root = mkdtempSync(join(tmpdir(), 'sallyport-a27-'))
const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: plainText }

// Records of real calls, which are then written many times: what is looked at here is the log.
async function sample(): Promise<readonly AuditRecord[]> {
  const log = memoryLog()
  await wholeGuard({ log }).protect(() => 'x', operation)('x', { credentials: await analyst() })
  return log.entries
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}

async function fill(log: AuditLog, records: readonly AuditRecord[], count: number): Promise<void> {
  for (let done = 0; done < count; done += 500)
    await Promise.all(
      Array.from({ length: Math.min(500, count - done) }, (_, index) => log.append(records[(done + index) % records.length] as AuditRecord)),
    )
}

describe('A27: a log that grows', () => {
  after(() => rmSync(root, { recursive: true, force: true }))

  test('takes as much disk for a record when it is large as when it is small, and keeps every one', async () => {
    const records = await sample()
    const costs: number[] = []
    for (const count of [1_000, 8_000]) {
      const folder = join(root, `log-${count}`)
      const log = await fileLog(folder, { signer: await fileSigner(join(root, 'key')), origin: 'conformance', checkpointEvery: { records: 500 } })
      await fill(log, records, count)
      const proofs = await Promise.all([0, 3, count - 1].map((index) => log.prove(index)))
      await log.close()
      costs.push(sizeOf(folder) / count)
      const report = await verifyLog(folder, { key: log.key, expectedSize: count })
      assert.ok(report.ok, JSON.stringify(report.problems))
      const texts: string[] = []
      for await (const { index, text } of storedEntries(folder)) {
        assert.equal(index, texts.length)
        texts.push(text)
      }
      assert.equal(texts.length, count)
      for (const proof of proofs) {
        assert.ok(await verifyProof(proof, texts[proof.index] ?? '', log.key))
        assert.equal(await verifyProof(proof, `${texts[proof.index]} `, log.key), false)
      }
    }
    const [small = 0, large = 0] = costs
    assert.ok(large <= small * 1.05, `${small} bytes a record, then ${large}`)
  })

  test('in memory refuses when it is full, and evicts nothing', async () => {
    const log = memoryLog({ maxEntries: 100 })
    const run = wholeGuard({ log }).protect((input: string) => input, operation)
    const credentials = await analyst()
    let ran = 0
    const counting = wholeGuard({ log }).protect(() => String(++ran), operation)
    for (let call = 0; call < 50; call++) await run('x', { credentials })
    const before = log.entries
    assert.equal(before.length, 100)
    for (let call = 0; call < 5; call++) await assertRejects(counting('x', { credentials }), 'audit_unavailable', ['full'])
    assert.equal(ran, 0)
    assert.deepEqual(log.entries, before)
  })
})
