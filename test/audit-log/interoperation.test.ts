import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type FileLog, fileLog, fileSigner, formatProof } from '../../src/file.ts'
import { inclusionProof, isIncluded, openCheckpoint, readEntries, readProof, treeHash } from './independent-reader.ts'
import { sampleRecord } from './records.ts'

const leaf = (entry: Buffer): Buffer => createHash('sha256').update(Buffer.of(0)).update(entry).digest()

describe('a reader that was written from the specifications alone', () => {
  let folder = ''
  let log: FileLog
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-interoperation-'))
    log = await fileLog(join(folder, 'log'), { signer: await fileSigner(join(folder, 'key')), origin: 'example.com/log' })
  })
  after(() => rm(folder, { recursive: true }))

  it('reads every entry, finds the signed root, and proves entries out of tiles (C2SP tlog-tiles, RFC 9162)', async () => {
    let written = 0
    // At the edges of tiles, and with a second level of them.
    for (const size of [1, 2, 255, 256, 257, 300, 66_000]) {
      while (written < size) {
        const count = Math.min(2_000, size - written)
        await Promise.all(Array.from({ length: count }, (_, place) => log.append(sampleRecord(written + place))))
        written += count
      }
      await log.checkpoint()
      const directory = join(folder, 'log')
      const head = openCheckpoint(await readFile(join(directory, 'checkpoint'), 'utf8'), log.key)
      assert.deepEqual([head.origin, head.size], ['example.com/log', size])
      const entries = readEntries(directory, size)
      assert.equal(entries.length, size)
      assert.deepEqual(treeHash(entries.map(leaf)), head.root)
      assert.equal(JSON.parse(String(entries.at(-1))).id, `call-${size - 1}`)
      for (const index of new Set([0, 1, 254, 255, 256, size >> 1, size - 1].filter((one) => one < size))) {
        const path = inclusionProof(directory, index, size)
        const entry = entries[index] ?? Buffer.alloc(0)
        assert.equal(isIncluded(entry, index, head, path), true, `${index} of ${size}`)
        assert.equal(isIncluded(Buffer.concat([entry, Buffer.of(0)]), index, head, path), false)
      }
    }
  })

  it('verifies the proofs that this log gives (C2SP tlog-proof)', async () => {
    const directory = join(folder, 'log')
    for (const index of [0, 255, 256, 65_535, 65_536, 65_999]) {
      const { path, checkpoint, index: said } = readProof(formatProof(await log.prove(index)))
      const head = openCheckpoint(checkpoint, log.key)
      assert.equal(said, index)
      assert.equal(isIncluded(readEntries(directory, head.size)[index] ?? Buffer.alloc(0), index, head, path), true)
    }
    await log.close()
  })
})
