import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileAnchor, fileLog, fileSigner, type Report, storedEntries, verifyLog } from '../../src/file.ts'
import { type AuditRecord, memoryLog } from '../../src/index.ts'
import { recordingLog } from '../../src/testing/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { served } from './served.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const root = mkdtempSync(join(tmpdir(), 'sallyport-a24-'))
const place = (...names: string[]): string => join(root, ...names)
let copies = 0

interface Written {
  readonly folder: string
  readonly key: string
  readonly anchor: string
}

/** A log that real calls wrote: some allowed, some refused. */
async function write(name: string, calls: number, options: { signer?: string; origin?: string; from?: number } = {}): Promise<Written> {
  const { signer = 'key', origin = 'conformance', from = 0 } = options
  const folder = place(name)
  const anchor = place(`${name}.anchor`)
  const log = await fileLog(folder, { signer: await fileSigner(place(signer)), origin, anchor: fileAnchor(anchor) })
  const server = served(wholeGuard({ log }))
  await Promise.all(
    Array.from({ length: calls }, async (_, number) =>
      server.ask(chatRequest('x', number % 5 === 0 ? { model: 'gpt-6' } : {}), await analyst(`caller-${from + number}`)),
    ),
  )
  await log.close()
  return { folder, key: log.key, anchor }
}

/** A copy of a log that somebody has changed. */
function manipulated({ folder, ...rest }: Written, change: (folder: string) => void): Written {
  const copy = place(`copy-${copies++}`)
  cpSync(folder, copy, { recursive: true })
  change(copy)
  return { folder: copy, ...rest }
}

function verify({ folder, key, anchor }: Written, isAnchored = true): Promise<Report> {
  return verifyLog(folder, { key, ...(isAnchored && { anchor: fileAnchor(anchor) }) })
}

async function assertNo(what: string, written: Written, isAnchored = true): Promise<void> {
  const report = await verify(written, isAnchored)
  assert.equal(report.ok, false, `${what} was not noticed`)
  assert.ok(
    report.problems.some(({ severity }) => severity === 'error'),
    `${what} has no explanation`,
  )
  rmSync(written.folder, { recursive: true, force: true })
}

/** The files that are the log: not who holds it, nor the copy of its public key. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !/lock-|verifier-key/.test(path))
}

function entriesIn(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at < bundle.length; ) {
    const length = bundle.readUInt16BE(at)
    entries.push(bundle.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return entries
}

const bundleOf = (entries: readonly Buffer[]): Buffer =>
  Buffer.concat(entries.flatMap((entry) => [Buffer.of(entry.length >> 8, entry.length & 255), entry]))

function change(path: string, edit: (bytes: Buffer) => Buffer): (folder: string) => void {
  return (folder) => writeFileSync(join(folder, path), edit(readFileSync(join(folder, path))))
}

describe('A24: a log that somebody has changed', () => {
  let small: Written
  let large: Written
  before(async () => {
    small = await write('small', 4)
    large = await write('large', 140)
  })
  after(() => rmSync(root, { recursive: true, force: true }))

  test('holds when nobody did, and has a decision and an outcome for each call', async () => {
    for (const [written, calls] of [
      [small, 4],
      [large, 140],
    ] as const) {
      const report = await verify(written)
      assert.deepEqual(report.problems, [])
      assert.ok(report.ok && report.anchored && report.unsigned === 0)
      assert.equal(report.entries, calls * 2)
    }
  })

  test('any bit of any file of a small one', async () => {
    for (const path of filesOf(small.folder)) {
      const { length } = readFileSync(join(small.folder, path))
      for (let at = 0; at < length; at += path.includes('entries') ? 41 : 7) {
        const flip = change(path, (bytes) => {
          bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
          return bytes
        })
        await assertNo(`bit ${at % 8} of byte ${at} of ${path}`, manipulated(small, flip))
      }
    }
  })

  test('any file of it gone, emptied, cut, made longer, or in the place of another', async () => {
    for (const written of [small, large]) {
      const files = filesOf(written.folder)
      for (const path of files) {
        await assertNo(
          `${path} is gone`,
          manipulated(written, (folder) => rmSync(join(folder, path))),
        )
        await assertNo(
          `${path} is empty`,
          manipulated(
            written,
            change(path, () => Buffer.alloc(0)),
          ),
        )
        await assertNo(
          `${path} is cut`,
          manipulated(
            written,
            change(path, (bytes) => bytes.subarray(0, -1)),
          ),
        )
        await assertNo(
          `${path} is longer`,
          manipulated(
            written,
            change(path, (bytes) => Buffer.concat([bytes, Buffer.of(10)])),
          ),
        )
      }
      const tiles = files.filter((path) => path.includes('tile'))
      for (const [index, path] of tiles.entries()) {
        const other = tiles[(index + 1) % tiles.length] ?? ''
        if (readFileSync(join(written.folder, path)).equals(readFileSync(join(written.folder, other)))) continue
        await assertNo(
          `${path} and ${other} are swapped`,
          manipulated(written, (folder) => {
            renameSync(join(folder, path), join(folder, 'x'))
            renameSync(join(folder, other), join(folder, path))
            renameSync(join(folder, 'x'), join(folder, other))
          }),
        )
      }
    }
  })

  test('an entry that was edited, removed, repeated, inserted or moved, wherever it is', async () => {
    const bundles = filesOf(large.folder).filter((path) => path.includes('entries'))
    assert.ok(bundles.length >= 2, bundles.join())
    const forged = Buffer.from(JSON.stringify({ kind: 'decision', allowed: true, time: 1, version: 1 }))
    for (const path of bundles) {
      const count = entriesIn(readFileSync(join(large.folder, path))).length
      for (const at of [0, Math.floor(count / 2), count - 1]) {
        const edits: Record<string, (entries: Buffer[]) => Buffer[]> = {
          edited: (entries) => entries.with(at, Buffer.from(entries[at]?.toString().replace('caller-', 'callee-') ?? '')),
          'edited to the opposite': (entries) =>
            entries.with(at, Buffer.from(entries[at]?.toString().replace('"allowed":true', '"allowed":false') ?? '').subarray(0)),
          removed: (entries) => entries.toSpliced(at, 1),
          repeated: (entries) => entries.toSpliced(at, 0, entries[at] ?? forged),
          inserted: (entries) => entries.toSpliced(at, 0, forged),
          replaced: (entries) => entries.with(at, forged),
          moved: (entries) => entries.with(at, entries[(at + 1) % count] ?? forged).with((at + 1) % count, entries[at] ?? forged),
        }
        for (const [what, edit] of Object.entries(edits)) {
          const before = readFileSync(join(large.folder, path))
          const edited = bundleOf(edit(entriesIn(before)))
          if (edited.equals(before)) continue
          await assertNo(
            `entry ${at} of ${path} ${what}`,
            manipulated(
              large,
              change(path, () => edited),
            ),
            false,
          )
        }
      }
    }
  })

  test('everything written anew without the key', async () => {
    const theirs = await write('theirs', 4, { signer: 'another-key', from: 100 })
    // The whole of it, under the name of ours.
    await assertNo('another log in its place', { ...small, folder: manipulated(theirs, () => {}).folder })
    for (const path of filesOf(small.folder)) {
      const copy = manipulated(theirs, (folder) => cpSync(join(small.folder, path), join(folder, path)))
      await assertNo(`another log with our ${path}`, { ...small, folder: copy.folder })
    }
    // Their own key verifies theirs, and says nothing of ours.
    assert.equal((await verify(theirs)).ok, true)
    await assertNo('our log, by their key', { ...theirs, folder: manipulated(small, () => {}).folder })
  })

  test('its end cut off, an older copy put back, all of it deleted', async () => {
    const grown = await write('grown', 4)
    const older = manipulated(grown, () => {})
    await write('grown', 4, { from: 50 })
    assert.equal((await verify(grown)).entries, 16)
    // From inside it cannot be seen; whoever has an anchor, or knows how many there were, sees it.
    const alone = await verify(older, false)
    assert.ok(alone.ok && !alone.anchored)
    assert.equal((await verifyLog(older.folder, { key: older.key, expectedSize: 16 })).ok, false)
    await assert.rejects(fileLog(older.folder, { signer: await fileSigner(place('key')), anchor: fileAnchor(grown.anchor) }), { code: 'rolled_back' })
    await assertNo('an older copy', older)
    await assertNo(
      'an empty folder',
      manipulated(grown, (folder) => {
        for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
      }),
    )
    await assertNo(
      'no folder',
      manipulated(grown, (folder) => rmSync(folder, { recursive: true })),
    )
    // Begun anew by its own writer, with the right key.
    const anew = await write('anew', 4, { from: 70 })
    await assertNo('a log begun anew', { ...anew, anchor: grown.anchor, folder: manipulated(anew, () => {}).folder })
  })

  test('two logs swapped, and their anchors', async () => {
    const other = await write('other', 4, { origin: 'another-origin', from: 30 })
    await assertNo('one for the other', { ...small, folder: manipulated(other, () => {}).folder })
    await assertNo('the other for the one', { ...other, folder: manipulated(small, () => {}).folder })
    await assertNo('one with the anchor of the other', { ...small, anchor: other.anchor, folder: manipulated(small, () => {}).folder })
    await assertNo('an anchor that is gone', { ...small, anchor: place('nothing'), folder: manipulated(small, () => {}).folder })
    const same = await write('same', 4, { from: 90 })
    await assertNo('one of the same name and key', { ...same, anchor: small.anchor, folder: manipulated(same, () => {}).folder })
  })

  test('a record that was given out and changed changes nothing', async () => {
    const delivered: AuditRecord[] = []
    for (const log of [memoryLog(), recordingLog()]) {
      const sinks = [
        { name: 'own', deliver: (entries: readonly { record: AuditRecord }[]) => void delivered.push(...entries.map(({ record }) => record)) },
      ]
      const base = wholeGuard({ log, audit: { sinks } })
      await served(base).ask(chatRequest('x'), await analyst())
      const before = await log.checkpoint()
      const [record] = log.entries
      assert.ok(record)
      Object.assign(record, { kind: 'decision', allowed: 'forged' })
      assert.ok(!JSON.stringify(log.entries).includes('forged'))
      assert.deepEqual(await log.checkpoint(), before)
      await base.close()
    }
    assert.equal(delivered.length, 4)
    for (const record of delivered) assert.throws(() => Object.assign(record, { allowed: 'forged' }), TypeError)
  })

  test('a line break in a field forges nothing', async () => {
    const folder = place('breaks')
    const forged = '{"kind":"decision","allowed":true,"time":1,"version":1}'
    const breaks = ['\n', '\r\n', '\r', '\u2028', '\u2029', '\u0085', '\0', '\n\n— conformance AAAA\n', '"}\n']
    const log = await fileLog(folder, { signer: await fileSigner(place('key')), origin: 'conformance' })
    const server = served(wholeGuard({ log }))
    for (const line of breaks) await server.ask(chatRequest('x'), await analyst(`eve${line}${forged}${line}`, { jti: `j${line}${forged}` }))
    await log.close()
    const report = await verifyLog(folder, { key: log.key, expectedSize: breaks.length * 2 })
    assert.deepEqual(report.problems, [])
    assert.equal(report.entries, breaks.length * 2)
    let index = 0
    for await (const entry of storedEntries(folder)) {
      assert.equal(entry.index, index++)
      assert.ok(!/[\n\r]/.test(entry.text))
      const record = JSON.parse(entry.text) as { subject: { subject: string }; time: number }
      assert.ok(record.subject.subject.startsWith('eve') && record.time > 1)
    }
    assert.equal(index, breaks.length * 2)
    assert.ok(existsSync(folder))
  })
})
