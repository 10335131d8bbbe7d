import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { exportedAnchor } from '../../src/audit-log/exported-anchor.ts'
import { fileAnchor } from '../../src/audit-log/file-anchor.ts'
import { type FileLog, fileLog } from '../../src/audit-log/file-log.ts'
import { verifyLog } from '../../src/audit-log/file-verify.ts'
import { isConsistent } from '../../src/audit-log/merkle-proof.ts'
import { witnessAnchor } from '../../src/audit-log/witness-anchor.ts'
import { openCheckpoint } from './independent-reader.ts'
import { sampleRecord } from './records.ts'
import { seededSigner } from './signing.ts'

const name = 'witness.example/w1'

/** A witness as C2SP tlog-witness has it, for one log. */
class Witness {
  readonly #privateKey: KeyObject
  readonly key: string
  readonly #data: Buffer
  seen: { size: number; root: Buffer } = { size: 0, root: Buffer.alloc(0) }
  logKey = ''
  asked: string[] = []
  answer: { status: number; body: string } | undefined

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    this.#privateKey = privateKey
    this.#data = Buffer.concat([Buffer.of(4), Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')])
    this.key = `${name}+${this.#id().toString('hex')}+${this.#data.toString('base64')}`
  }

  async take(body: string): Promise<{ status: number; body: string }> {
    this.asked.push(body)
    if (this.answer !== undefined) return this.answer
    const split = body.indexOf('\n\n')
    const [first = '', ...proof] = body.slice(0, split).split('\n')
    const note = body.slice(split + 2)
    const old = Number(/^old (\d+)$/.exec(first)?.[1] ?? assert.fail('no old size'))
    const head = openCheckpoint(note, this.logKey)
    if (old > head.size) return { status: 400, body: '' }
    if (old !== this.seen.size) return { status: 409, body: `${this.seen.size}\n` }
    const path = proof.map((line) => atob(line))
    const isNext =
      old === 0 ? proof.length === 0 : await isConsistent(old, this.seen.root.toString('latin1'), head.size, head.root.toString('latin1'), path)
    if (!isNext) return { status: 422, body: '' }
    this.seen = { size: head.size, root: head.root }
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(1_767_225_600n)
    const text = note.slice(0, note.indexOf('\n\n') + 1)
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime 1767225600\n${text}`), this.#privateKey)
    return { status: 200, body: `— ${name} ${Buffer.concat([this.#id(), time, signature]).toString('base64')}\n` }
  }

  #id(): Buffer {
    return createHash('sha256').update(`${name}\n`).update(this.#data).digest().subarray(0, 4)
  }
}

describe('an anchor that is a witness (C2SP tlog-witness)', () => {
  let root = ''
  let server: Server
  let url = ''
  let witness: Witness
  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'sallyport-witness-'))
    server = createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (piece: string) => void (body += piece))
      request.on('end', () => {
        assert.equal(request.url, '/prefix/add-checkpoint')
        witness.take(body).then(
          (answer) => response.writeHead(answer.status).end(answer.body),
          () => response.writeHead(403).end(),
        )
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix/`
  })
  after(() => {
    server.close()
    server.closeAllConnections()
    rmSync(root, { recursive: true })
  })

  let made = 0
  async function setUp(): Promise<{
    folder: string
    store: string
    open: (at?: string) => Promise<FileLog>
    anchor: () => ReturnType<typeof witnessAnchor>
  }> {
    witness = new Witness()
    const folder = join(root, `log-${++made}`)
    const store = join(root, `store-${made}`)
    const anchor = () => witnessAnchor({ url, key: witness.key, store: fileAnchor(store) })
    const open = async (at = folder): Promise<FileLog> => {
      const log = await fileLog(at, {
        signer: seededSigner(1),
        origin: 'log.example/1',
        anchor: await anchor(),
        patience: 0,
        checkpointEvery: { seconds: 3_600 },
      })
      return log
    }
    const { key } = await fileLog(join(root, `key-${made}`), { signer: seededSigner(1), origin: 'log.example/1' }).then(async (log) => {
      await log.close()
      return log
    })
    witness.logKey = key
    return { folder, store, open, anchor }
  }

  it('is given each checkpoint with the proof that it follows, and its cosignature is kept', async () => {
    const { open, anchor, folder } = await setUp()
    const log = await open()
    for (const size of [1, 2, 5, 300]) {
      while (log.describe().size !== size) await log.append(sampleRecord(0))
      await log.checkpoint()
      assert.equal(witness.seen.size, size)
    }
    await log.close()
    const note = await (await anchor()).latest()
    assert.match(note ?? '', /— witness\.example\/w1 /)
    const report = await verifyLog(folder, { key: log.key, anchor: await anchor() })
    assert.deepEqual([report.ok, report.anchored], [true, true])
    const again = await open()
    await again.append(sampleRecord(1))
    await again.close()
    assert.equal(witness.seen.size, 301)
  })

  it('tells what was rolled back, also where an older cosignature was put back beside it', async () => {
    const { open, anchor, folder, store } = await setUp()
    const log = await open()
    await log.append(sampleRecord(0))
    await log.close()
    cpSync(folder, `${folder}-old`, { recursive: true })
    cpSync(store, `${store}-old`)
    const next = await open()
    await next.append(sampleRecord(1))
    await next.close()
    rmSync(folder, { recursive: true })
    cpSync(`${folder}-old`, folder, { recursive: true })
    cpSync(`${store}-old`, store)
    const report = await verifyLog(folder, { key: log.key, anchor: await anchor() })
    assert.equal(report.ok, false)
    assert.ok(report.problems.some(({ code }) => code === 'rolled_back'))
    await assert.rejects(open(), { code: 'rolled_back' })
    // And where what was kept is gone as well, nothing new is signed into it.
    rmSync(store)
    const blind = await open().catch((error: { code: string }) => error)
    assert.ok('code' in blind)
  })

  it('does not cosign another log of the same name, whoever has the key', async () => {
    const { open, folder, store } = await setUp()
    const log = await open()
    await log.append(sampleRecord(0))
    await log.close()
    rmSync(store)
    const other = await open(`${folder}-other`).catch((error: { code: string }) => error)
    if ('append' in other) {
      await other.append(sampleRecord(5))
      await other.append(sampleRecord(6))
      await assert.rejects(other.checkpoint(), { code: 'audit_unavailable' })
      await other.close().catch(() => {})
    }
    assert.equal(witness.seen.size, 1)
  })

  it('that cosigns a second log of the same name is shown by any two of its words', async () => {
    const { open, folder, store, anchor } = await setUp()
    const log = await open()
    await log.append(sampleRecord(0))
    await log.append(sampleRecord(1))
    await log.close()
    const word = await fileAnchor(store).latest()
    for (const path of [folder, store]) rmSync(path, { recursive: true })
    // It forgets what it has seen, for whoever has the key.
    witness.seen = { size: 0, root: Buffer.alloc(0) }
    const second = await open()
    for (let number = 5; number < 8; number++) await second.append(sampleRecord(number))
    await second.close()
    const fooled = await verifyLog(folder, { key: log.key, anchor: await anchor() })
    assert.equal(fooled.ok, true, 'by its newest word alone')
    const lines = [word, await fileAnchor(store).latest()].map((note) => JSON.stringify({ note }))
    const report = await verifyLog(folder, { key: log.key, anchor: await exportedAnchor({ lines: () => lines, key: log.key }) })
    assert.deepEqual(
      report.problems.map(({ code, index }) => [code, index]),
      [['forked', 2]],
    )
  })

  it('is no news after a crash between the witness and what is kept', async () => {
    const { open, store } = await setUp()
    const log = await open()
    await log.append(sampleRecord(0))
    await log.close()
    const kept = await fileAnchor(store).latest()
    // As it was stored before the witness was asked.
    rmSync(store)
    await fileAnchor(store).publish(`${(kept ?? '').split('\n').slice(0, 5).join('\n')}\n`)
    const again = await open()
    await again.append(sampleRecord(1))
    await again.close()
    assert.equal(witness.seen.size, 2)
  })

  it('that lies, is down, or signs something else does not count', async () => {
    const { open } = await setUp()
    const log = await open()
    await log.append(sampleRecord(0))
    for (const answer of [
      { status: 500, body: '' },
      { status: 200, body: '' },
      { status: 200, body: `— ${name} ${Buffer.alloc(76).toString('base64')}\n` },
      { status: 409, body: 'x' },
      { status: 409, body: '7\n' },
      { status: 409, body: '0\n' },
      { status: 302, body: '' },
      { status: 200, body: 'x'.repeat(100_000) },
    ]) {
      witness.answer = answer
      await assert.rejects(log.checkpoint(), { code: 'audit_unavailable' }, JSON.stringify(answer).slice(0, 80))
    }
    witness.answer = undefined
    await log.close()
    assert.equal(witness.seen.size, 1)
  })

  it('is refused where it is set up wrong', async () => {
    const store = fileAnchor(join(root, 'none'))
    const { key } = new Witness()
    for (const wrong of [
      { url: 'http://witness.example', key, store },
      { url: 'nonsense', key, store },
      { url, key: 'nonsense', store },
      { url, key: key.replace(/\+[0-9a-f]{8}\+/, '+00000000+'), store },
      { url, key: witness.logKey, store },
      { url, key, store: {} },
      { url, key, store, more: 1 },
    ])
      await assert.rejects(witnessAnchor(wrong as never), TypeError)
  })
})
