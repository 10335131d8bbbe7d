import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type FileLog, fileAnchor, fileLog, fileSigner, storedEntries, verifyLog } from '../../src/file.ts'
import type { AuditRecord } from '../../src/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { ownProcess } from './own-process.ts'
import { served } from './served.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const root = mkdtempSync(join(tmpdir(), 'sallyport-a25-'))
const place = (...names: string[]): string => join(root, ...names)
const open = async (folder: string): Promise<FileLog> =>
  fileLog(folder, {
    signer: await fileSigner(place('key')),
    origin: 'conformance',
    anchor: fileAnchor(`${folder}.anchor`),
    checkpointEvery: { seconds: 3_600 },
  })

async function idsIn(folder: string): Promise<string[]> {
  const ids: string[] = []
  for await (const { text } of storedEntries(folder)) {
    const record = JSON.parse(text) as AuditRecord
    if (record.kind === 'decision') ids.push(record.id)
  }
  return ids
}

// Another process's copy of a folder, as it lies on a disk after a crash: nobody holds it any more.
function crashed(folder: string, name: string): string {
  const copy = place(name)
  cpSync(folder, copy, { recursive: true })
  cpSync(`${folder}.anchor`, `${copy}.anchor`)
  for (const file of readdirSync(copy)) if (file.startsWith('lock-')) rmSync(join(copy, file))
  return copy
}

function journalOf(folder: string): string {
  const [file] = readdirSync(join(folder, 'journal')).sort().slice(-1)
  return join(folder, 'journal', file ?? '')
}

describe('A25: a writer that is killed', () => {
  after(() => rmSync(root, { recursive: true, force: true }))

  test('at every byte of a write: no acknowledged record is lost, and start-up says what it repaired', async () => {
    const folder = place('torn')
    const log = await open(folder)
    const server = served(wholeGuard({ log }))
    for (let call = 0; call < 3; call++) await server.ask(chatRequest('x'), await analyst(`caller-${call}`))
    const acknowledged = await idsIn(folder)
    const before = readFileSync(journalOf(folder))
    await server.ask(chatRequest('x'), await analyst('the-last'))
    const whole = readFileSync(journalOf(folder))
    assert.ok(whole.length > before.length && whole.subarray(0, before.length).equals(before))
    const step = 31
    for (
      let length = before.length;
      length <= whole.length;
      length += length + step > whole.length && length < whole.length ? whole.length - length : step
    ) {
      const copy = crashed(folder, `torn-${length}`)
      writeFileSync(journalOf(copy), whole.subarray(0, length))
      const again = await open(copy)
      const { key } = again
      await again.close()
      const ids = await idsIn(copy)
      assert.deepEqual(ids.slice(0, acknowledged.length), acknowledged, `cut at ${length}`)
      const report = await verifyLog(copy, { key, anchor: fileAnchor(`${copy}.anchor`) })
      assert.deepEqual(
        report.problems.filter(({ severity }) => severity === 'error'),
        [],
      )
      assert.equal(report.unsigned, 0)
      const texts: AuditRecord[] = []
      for await (const { text } of storedEntries(copy)) texts.push(JSON.parse(text) as AuditRecord)
      const said = texts.find((record) => record.kind === 'log')
      assert.ok(said?.kind === 'log' && said.event === 'recovered' && (said.replayed ?? 0) >= acknowledged.length * 2, `cut at ${length}`)
      rmSync(copy, { recursive: true })
    }
    await log.close()
  })

  test('with kill -9 amid real calls: what was answered is in the log', async () => {
    const folder = place('killed')
    const [command, args] = ownProcess('calling-process')
    const child = spawn(command, [...args, folder, place('key')], { stdio: ['ignore', 'pipe', 'inherit'] })
    let heard = ''
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (data: Buffer) => {
        heard += data.toString()
        if (heard.split('\n').length > 60) child.kill('SIGKILL')
      })
      child.on('exit', () => resolve())
    })
    const answered = heard.split('\n').slice(0, -1)
    assert.ok(answered.length >= 60, `${answered.length} answers`)
    const again = await open(folder)
    await again.close()
    const ids = new Set(await idsIn(folder))
    for (const id of answered) assert.ok(ids.has(id), `${id} was answered and is not in the log`)
    const report = await verifyLog(folder, { key: again.key, anchor: fileAnchor(`${folder}.anchor`) })
    assert.ok(report.ok, JSON.stringify(report.problems))
  })

  test('a second writer is refused while the first one lives, and not after it has closed', async () => {
    const folder = place('shared')
    const first = await open(folder)
    await assert.rejects(open(folder), { code: 'locked' })
    await assert.rejects(Promise.all([open(folder), open(folder)]), { code: 'locked' })
    const server = served(wholeGuard({ log: first }))
    assert.equal((await server.ask(chatRequest('x'), await analyst())).status, 200)
    await first.close()
    assert.equal((await server.ask(chatRequest('x'), await analyst())).status, 503)
    assert.equal(server.ran.length, 1)
    const second = await open(folder)
    assert.equal((await idsIn(folder)).length, 1)
    await second.close()
  })

  test('a journal that was changed, and not torn, is not taken for a crash', async () => {
    const folder = place('changed')
    const log = await open(folder)
    const server = served(wholeGuard({ log }))
    for (let call = 0; call < 4; call++) await server.ask(chatRequest('x'), await analyst())
    const bytes = readFileSync(journalOf(folder))
    // In the middle: damage that no unfinished write leaves.
    for (const at of [20, Math.floor(bytes.length / 3), Math.floor(bytes.length / 2)]) {
      const copy = crashed(folder, `changed-${at}`)
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      writeFileSync(journalOf(copy), changed)
      const opened = await open(copy).catch((error: { code: string }) => error.code)
      if (typeof opened === 'string') assert.match(opened, /^[a-z_]+$/)
      else {
        await opened.close()
        assert.fail(`a changed byte at ${at} was passed over`)
      }
    }
    await log.close()
  })
})
