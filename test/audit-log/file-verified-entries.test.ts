import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileAnchor } from '../../src/audit-log/file-anchor.ts'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import { verifiedEntries, verifiedRecords } from '../../src/audit-log/file-verified-entries.ts'
import type { VerifyOptions } from '../../src/audit-log/file-verify.ts'
import { LogError, type LogErrorCode } from '../../src/audit-log/log-error.ts'
import { type MadeLog, madeLog, withOneByteChanged } from '../cli/made-log.ts'
import { sampleRecord } from './records.ts'

const count = 300

async function read(directory: string, options: VerifyOptions): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const record of await verifiedRecords(directory, options)) all.push(record)
  return all
}

describe('records that are verified while they are read', () => {
  let made: MadeLog
  let key: string
  before(async () => {
    made = await madeLog(Array.from({ length: count }, (_, number) => sampleRecord(number)))
    key = made.verifierKey
  })
  after(() => made.remove())
  const refuses = (directory: string, options: VerifyOptions, code: LogErrorCode) =>
    assert.rejects(read(directory, options), (error) => error instanceof LogError && error.code === code, code)

  it('are all that the checkpoint covers, in order', async () => {
    const records = await verifiedRecords(made.log, { key, anchor: fileAnchor(made.anchor) })
    assert.deepEqual([records.checkpoint.size, records.anchored], [count, true])
    const all = await read(made.log, { key })
    assert.deepEqual(
      all.map((record) => JSON.stringify(record)),
      Array.from({ length: count }, (_, number) => JSON.stringify(JSON.parse(JSON.stringify(sampleRecord(number))))).map((text) =>
        JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).sort(([one], [other]) => (one < other ? -1 : 1)))),
      ),
    )
    assert.equal((await verifiedRecords(made.log, { key })).anchored, false)
    assert.equal((await verifiedRecords(made.log, { key, expectedSize: count })).anchored, true)
  })

  it('end with an error where one byte of an entry is another, wherever it stands (A24)', async () => {
    for (const file of ['tile/entries/000', 'tile/entries/001.p/44']) {
      const directory = await withOneByteChanged(made, file)
      await assert.rejects(read(directory, { key }), LogError)
    }
  })

  it('end with an error where an entry was taken from the end and the checkpoint still says so', async () => {
    const copy = join(made.folder, 'shorter')
    await cp(made.log, copy, { recursive: true })
    const file = join(copy, 'tile/entries/001.p/44')
    const bytes = await readFile(file)
    await writeFile(file, bytes.subarray(0, (bytes.length / 2) | 0))
    await assert.rejects(read(copy, { key }), LogError)
  })

  it('are refused at once where the checkpoint, the key or the anchor says no', async () => {
    const other = await madeLog([sampleRecord(1)])
    await refuses(made.folder, { key }, 'checkpoint_missing')
    await refuses(made.log, { key: other.verifierKey }, 'key_unknown')
    await refuses(made.log, { key, expectedSize: count + 1 }, 'truncated')
    await refuses(made.log, { key, anchor: fileAnchor(join(made.folder, 'nowhere')) }, 'anchor_unavailable')
    await refuses(made.log, { key, anchor: fileAnchor(other.anchor) }, 'key_unknown')
    await other.remove()
  })

  it('are refused where an older copy was put back, or the same key signed another log of that name (A24)', async () => {
    const own = await madeLog([sampleRecord(1)])
    const older = join(own.folder, 'older')
    await cp(own.log, older, { recursive: true })
    const signer = await fileSigner(own.keyFile)
    const log = await fileLog(own.log, { signer, origin: 'bot', anchor: fileAnchor(own.anchor) })
    await log.append(sampleRecord(2))
    await log.close()
    await refuses(older, { key: own.verifierKey, anchor: fileAnchor(own.anchor) }, 'rolled_back')
    const fork = await fileLog(join(own.folder, 'fork'), { signer, origin: 'bot' })
    for (const number of [8, 9, 10]) await fork.append(sampleRecord(number))
    await fork.close()
    await refuses(join(own.folder, 'fork'), { key: own.verifierKey, anchor: fileAnchor(own.anchor) }, 'forked')
    await own.remove()
  })

  it('refuses wrong options', async () => {
    await assert.rejects(verifiedRecords('', { key }), TypeError)
    await assert.rejects(verifiedRecords(made.log, { key: 'x' }), TypeError)
    await assert.rejects(verifiedRecords(made.log, { key, expectedSize: -1 }), TypeError)
  })

  it('knows how many more there are when all were read', async () => {
    const entries = await verifiedEntries(made.log, { key })
    let rows = 0
    for await (const texts of entries) rows += texts.length
    assert.deepEqual([rows, entries.unsigned], [count, 0])
  })
})
