import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { canonicalJson } from '../../src/audit-log/canonical-json.ts'
import { type ContentKeys, memoryContentKeys } from '../../src/audit-log/content-keys.ts'
import { fileContentKeys } from '../../src/audit-log/file-content-keys.ts'
import { fileLog } from '../../src/audit-log/file-log.ts'
import { fileSigner } from '../../src/audit-log/file-signer.ts'
import { verifyLog } from '../../src/audit-log/file-verify.ts'
import { memoryLog } from '../../src/audit-log/memory-log.ts'
import { openContent } from '../../src/audit-log/open-content.ts'
import type { AuditRecord, ContentRecord } from '../../src/audit-log/record.ts'
import { verifyProof } from '../../src/audit-log/verify-proof.ts'
import { audit } from '../../src/controls/audit.ts'
import type { CallOptions } from '../../src/guard/call-options.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { audited, tokenOf } from './audited.ts'

const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' } } as const
const by = (subject: string): CallOptions => ({ credentials: { authorization: tokenOf(subject) } })
const contents = (records: readonly AuditRecord[]): ContentRecord[] => records.filter((record) => record.kind === 'content')
const keyOf = (subject: string): string => `18:https://id.example${subject}`

async function opened(records: readonly AuditRecord[], keys: ContentKeys, of: 'input' | 'output'): Promise<string | undefined> {
  const pieces: Uint8Array[] = []
  for (const record of contents(records).filter((one) => one.of === of)) {
    const piece = await openContent(record, keys)
    if (piece === undefined) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

async function* stream(...parts: unknown[]): AsyncGenerator<unknown> {
  yield* parts
}

describe('sealed content', () => {
  let root = ''
  before(async () => void (root = await mkdtemp(join(tmpdir(), 'sallyport-content-'))))
  after(() => rm(root, { recursive: true }))

  it('can be opened with the key of whom the call was made for, before and after its decision', async () => {
    const log = recordingLog()
    const contentKeys = memoryContentKeys()
    const chat = audited({ log, content: 'sealed', contentKeys }).protect((input: { q: string }) => ({ answer: input.q }), operation)
    await chat({ q: 'a secret' }, by('ada'))
    assert.deepEqual(
      log.entries.map((record) => (record.kind === 'content' ? record.of : record.kind)),
      ['input', 'decision', 'output', 'outcome'],
    )
    assert.equal(JSON.stringify(log.entries).includes('secret'), false)
    assert.equal(await opened(log.entries, contentKeys, 'input'), '{"q":"a secret"}')
    assert.equal(await opened(log.entries, contentKeys, 'output'), '{"answer":"a secret"}')
    const [, decision, , outcome] = log.entries
    const [{ key = '' } = {}] = contents(log.entries)
    assert.ok(decision?.kind === 'decision' && outcome?.kind === 'outcome')
    assert.deepEqual(decision.content, { bytes: 16, key, parts: 1 })
    assert.deepEqual(outcome.content, { bytes: 21, key, parts: 1 })
    assert.equal(decision.input, undefined)
  })

  it('is erased with the key of its data subject, and every proof stays valid', async () => {
    const keys = await fileContentKeys(join(root, 'keys'))
    const folder = join(root, 'log')
    const log = await fileLog(folder, { signer: await fileSigner(join(root, 'key')) })
    const seen: AuditRecord[] = []
    const chat = audited({
      log,
      content: 'sealed',
      contentKeys: keys,
      sinks: [{ name: 'seen', deliver: (entries) => void seen.push(...entries.map(({ record }) => record)) }],
    }).protect((input: string) => input, operation)
    await chat('of ada', by('ada'))
    await chat('of bob', by('bob'))
    while (seen.length < 8) await new Promise((resolve) => setImmediate(resolve))
    const before = await log.prove(0)
    const ofAda = seen.slice(0, 4)
    assert.equal(await opened(ofAda, keys, 'input'), '"of ada"')
    assert.equal(await keys.shred(keyOf('ada')), true)
    assert.equal(await keys.shred(keyOf('ada')), false)
    assert.equal(await opened(ofAda, keys, 'input'), undefined)
    assert.equal(await opened(seen.slice(4), keys, 'output'), '"of bob"')
    const [first] = seen
    assert.equal(await verifyProof(before, canonicalJson(JSON.parse(JSON.stringify(first))), log.key), true)
    await log.close()
    const report = await verifyLog(folder, { key: log.key, expectedSize: 8 })
    assert.deepEqual([report.ok, report.entries], [true, 8])
    // What is sealed from now on has another key, under another name.
    const again = await keys.keyOf(keyOf('ada'))
    assert.notEqual(again.id, contents(ofAda)[0]?.key)
  })

  it('in a folder: names nobody, is for its owner only, and is one key however many ask at once', async () => {
    const folder = join(root, 'shared')
    const [one, other] = await Promise.all([fileContentKeys(folder), fileContentKeys(folder)])
    const made = await Promise.all([...Array(8).keys()].map((number) => (number % 2 === 0 ? one : other).keyOf('4:mail@example.org')))
    assert.equal(new Set(made.map(({ id, key }) => id + Buffer.from(key).toString('hex'))).size, 1)
    assert.deepEqual(await other.find(made[0]?.id ?? ''), made[0]?.key)
    const names = await readdir(folder)
    assert.equal(names.length, 2)
    assert.equal(names.join().includes('mail'), false)
    for (const id of ['', '../names', `${'0'.repeat(64)}.${'0'.repeat(24)}`, 'names']) assert.equal(await one.find(id), undefined)
    await one.shred('4:mail@example.org')
    for (const name of await readdir(folder)) assert.equal((await readFile(join(folder, name))).includes(Buffer.from(made[0]?.key ?? [])), false)
  })

  it('is bound to its place: no piece opens as another one', async () => {
    const log = recordingLog()
    const contentKeys = memoryContentKeys()
    await audited({ log, content: 'sealed', contentKeys }).protect(() => 'out', operation)('in', by('ada'))
    const [input, output] = contents(log.entries)
    assert.ok(input !== undefined && output !== undefined)
    assert.equal(await openContent({ ...input, sealed: output.sealed }, contentKeys), undefined)
    assert.equal(await openContent({ ...input, part: 1 }, contentKeys), undefined)
    assert.equal(await openContent({ ...input, id: 'other' }, contentKeys), undefined)
    assert.equal(await openContent({ ...input, sealed: 'x' }, contentKeys), undefined)
    assert.ok(await openContent(input, contentKeys))
  })

  it('is kept as it was delivered, part by part, up to 1 MiB, and says what is left out', async () => {
    const log = memoryLog()
    const contentKeys = memoryContentKeys()
    const chat = audited({ log, content: 'sealed', contentKeys }).protect((input: string) => stream('a', 'b', input, 'd'), operation)
    const long = 'ł'.repeat(700_000)
    for await (const part of await chat(long, by('ada'))) if (part === long) break
    assert.equal((await opened(log.entries, contentKeys, 'input'))?.length, 524_289, 'and half of the last letter')
    const output = await opened(log.entries, contentKeys, 'output')
    assert.ok(output?.startsWith('"a"\n"b"\n"łł'))
    const outcome = log.entries.at(-1)
    assert.ok(outcome?.kind === 'outcome' && outcome.content !== undefined)
    assert.equal(outcome.content.bytes, 1_048_576)
    assert.equal(outcome.content.omitted, 8 + 1_400_000 + 3 - 1_048_576)
    assert.equal(outcome.content.parts, Math.ceil(1_048_576 / 36_000))
    for (const record of contents(log.entries)) assert.ok(JSON.stringify(record).length <= 65_535)
  })

  it('refuses the call where there is no key, and nothing runs', async () => {
    const log = recordingLog()
    const contentKeys: ContentKeys = { ...memoryContentKeys(), keyOf: () => Promise.reject(new Error('no key')) }
    const chat = audited({ log, content: 'sealed', contentKeys }).protect(() => assert.fail('not called'), operation)
    await assert.rejects(chat('x', by('ada')), { code: 'audit_unavailable' })
    const [decision] = log.entries
    assert.ok(decision?.kind === 'decision' && !decision.allowed)
  })

  it('needs keys, and keys need it', () => {
    const log = memoryLog()
    assert.throws(() => audit({ log, content: 'sealed' }), /contentKeys/)
    assert.throws(() => audit({ log, contentKeys: memoryContentKeys() }), /contentKeys/)
    assert.throws(() => audit({ log, content: 'sealed', contentKeys: {} as never }), TypeError)
    assert.throws(() => memoryContentKeys(0), TypeError)
    const full = memoryContentKeys(1)
    void full.keyOf('a')
    assert.throws(() => full.keyOf('b'), /all that are kept/)
  })
})
