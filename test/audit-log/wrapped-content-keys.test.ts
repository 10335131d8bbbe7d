import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { ContentKeys } from '../../src/audit-log/content-keys.ts'
import { fileContentKeys } from '../../src/audit-log/file-content-keys.ts'
import { wrappedContentKeys } from '../../src/audit-log/wrapped-content-keys.ts'
import type { KeyProvider } from '../../src/keys/key-provider.ts'
import { localKeys } from '../../src/keys/local-keys.ts'
import { memorySubjectKeys, type SubjectKeyStore } from '../../src/keys/subject-keys.ts'

const names = new Uint8Array(32).fill(7)
const kek = (byte: number): KeyProvider => localKeys({ primary: 'k1', keys: { k1: createHash('sha256').update(`${byte}`).digest() } })
const hex = (key: Uint8Array | undefined): string | undefined => (key === undefined ? undefined : Buffer.from(key).toString('hex'))

/** How often a provider was asked. */
function counted(keys: KeyProvider): { keys: KeyProvider; asked(): number } {
  let asked = 0
  const unwrap: KeyProvider['unwrap'] = (...args) => {
    asked++
    return keys.unwrap(...args)
  }
  return { keys: { ...keys, unwrap }, asked: () => asked }
}

async function checkPort(keys: ContentKeys): Promise<void> {
  const [ada, again, bob] = [await keys.keyOf('ada'), await keys.keyOf('ada'), await keys.keyOf('bob')]
  assert.deepEqual([again.id, hex(again.key)], [ada.id, hex(ada.key)])
  assert.notEqual(hex(bob.key), hex(ada.key))
  assert.equal(ada.key.length, 32)
  assert.equal(ada.id.includes('ada'), false)
  assert.equal(hex(await keys.find(ada.id)), hex(ada.key))
  assert.equal(await keys.shred('ada'), true)
  assert.equal(await keys.shred('ada'), false)
  assert.equal(await keys.find(ada.id), undefined)
  assert.equal(hex(await keys.find(bob.id)), hex(bob.key))
  const anew = await keys.keyOf('ada')
  assert.notEqual(anew.id, ada.id)
  assert.notEqual(hex(anew.key), hex(ada.key))
  assert.equal(await keys.find(ada.id), undefined, 'what was erased stays erased')
  for (const nonsense of ['', 'x', `${ada.id}x`, `${ada.id.split('.')[0]}.${'A'.repeat(22)}`, '../../etc/passwd.AAAA'])
    assert.equal(await keys.find(nonsense), undefined)
}

describe('keys of data subjects that are wrapped', () => {
  let root = ''
  before(async () => void (root = await mkdtemp(join(tmpdir(), 'sallyport-wrapped-'))))
  after(() => rm(root, { recursive: true }))

  it('are the same for a subject until it is erased, in any store', async () => {
    await checkPort(wrappedContentKeys({ keys: kek(1), store: memorySubjectKeys(), names }))
    await checkPort(await fileContentKeys(join(root, 'port'), { keys: kek(1) }))
  })

  it('stay what they are whatever becomes of the key that was given, of a provider that answers with a Buffer as well', async () => {
    const ring = kek(1)
    const buffers: KeyProvider = { ...ring, unwrap: async (wrapped, context) => Buffer.from(await ring.unwrap(wrapped, context)) }
    const keys = wrappedContentKeys({ keys: buffers, store: memorySubjectKeys(), names })
    const given = hex((await keys.keyOf('ada')).key)
    for (let time = 0; time < 3; time++) {
      const { key } = await keys.keyOf('ada')
      assert.equal(hex(key), given)
      key.fill(0)
    }
  })

  it('stand in the store wrapped, under names that say nothing', async () => {
    const folder = join(root, 'secret')
    const keys = await fileContentKeys(folder, { keys: kek(1) })
    const { key } = await keys.keyOf('18:https://id.exampleada')
    let files = 0
    for (const name of await readdir(folder)) {
      const bytes = await readFile(join(folder, name))
      assert.equal(name.includes('ada') || bytes.includes('ada'), false)
      for (const form of ['latin1', 'hex', 'base64', 'base64url'] as const)
        assert.equal(bytes.includes(Buffer.from(key).toString(form), 0, 'latin1'), false)
      files++
    }
    assert.equal(files, 2, 'the names and the key')
  })

  it('open with the key that wraps them and with no other one, which is no answer and no new key', async () => {
    const store = memorySubjectKeys()
    const { id } = await wrappedContentKeys({ keys: kek(1), store, names }).keyOf('ada')
    const other = wrappedContentKeys({ keys: kek(2), store, names })
    assert.equal(await other.find(id), undefined)
    await assert.rejects(Promise.resolve(other.keyOf('ada')))
    assert.notEqual(await wrappedContentKeys({ keys: kek(1), store, names }).find(id), undefined)
  })

  it('are not a subject’s when a record was copied over from another one', async () => {
    const records = new Map<string, string>()
    const store: SubjectKeyStore = {
      get: (name) => records.get(name),
      add: (name, record) => !records.has(name) && records.set(name, record) === records,
      replace: () => false,
      delete: (name) => records.delete(name),
    }
    const keys = wrappedContentKeys({ keys: kek(1), store, names })
    await keys.keyOf('ada')
    const [ada = ''] = records.keys()
    const bob = await keys.keyOf('bob')
    records.set([...records.keys()].find((name) => name !== ada) ?? '', records.get(ada) ?? '')
    assert.equal(await keys.find(bob.id), undefined)
    await assert.rejects(Promise.resolve(wrappedContentKeys({ keys: kek(1), store, names }).keyOf('bob')))
  })

  it('ask the provider once for each, and the store each time: what another process erased is gone', async () => {
    const store = memorySubjectKeys()
    const { keys, asked } = counted(kek(1))
    const [one, other] = [wrappedContentKeys({ keys, store, names }), wrappedContentKeys({ keys, store, names })]
    const { id, key } = await one.keyOf('ada')
    key.fill(0)
    for (let call = 0; call < 5; call++) assert.notEqual(hex((await one.keyOf('ada')).key), hex(key), 'whoever got it may wipe it')
    assert.equal(asked(), 1)
    assert.equal(await other.shred('ada'), true)
    assert.equal(await one.find(id), undefined)
    assert.notEqual((await one.keyOf('ada')).id, id)
  })

  it('fail where the provider does, and never say that a subject was erased then', async () => {
    const store = memorySubjectKeys()
    const { id } = await wrappedContentKeys({ keys: kek(1), store, names }).keyOf('ada')
    const down = wrappedContentKeys({ keys: { ...kek(1), unwrap: () => Promise.reject(new Error('down')) }, store, names })
    await assert.rejects(Promise.resolve(down.find(id)), /down/)
    await assert.rejects(Promise.resolve(down.keyOf('ada')), /down/)
    assert.equal(await down.shred('ada'), true, 'to erase needs no provider')
  })

  it('open beside those that a folder has in clear, and are erased with them', async () => {
    const folder = join(root, 'older')
    const plain = await fileContentKeys(folder)
    const before = await plain.keyOf('ada')
    const keys = await fileContentKeys(folder, { keys: kek(1) })
    const since = await keys.keyOf('ada')
    assert.notEqual(since.id, before.id)
    assert.equal(hex(await keys.find(before.id)), hex(before.key))
    assert.equal(await keys.shred('ada'), true)
    for (const { id } of [before, since]) assert.equal(await keys.find(id), undefined)
    assert.deepEqual(await readdir(folder), ['names'])
  })

  it('are never made of what was overwritten and not removed yet', async () => {
    const folder = join(root, 'torn')
    for (const keys of [await fileContentKeys(folder), await fileContentKeys(folder, { keys: kek(1) })]) {
      const { id } = await keys.keyOf('ada')
      const [name = ''] = (await readdir(folder)).filter((file) => file !== 'names')
      await writeFile(join(folder, name), new Uint8Array((await readFile(join(folder, name))).length))
      assert.equal(await keys.find(id), undefined)
      await assert.rejects(Promise.resolve(keys.keyOf('ada')))
      await keys.shred('ada')
      assert.notEqual((await keys.keyOf('ada')).id, id)
      await keys.shred('ada')
    }
  })

  it('want right options', async () => {
    const store = memorySubjectKeys()
    for (const wrong of [
      {},
      { keys: kek(1), store },
      { keys: kek(1), names },
      { keys: {}, store, names },
      { keys: kek(1), store, names: new Uint8Array(31) },
    ])
      assert.throws(() => wrappedContentKeys(wrong as never), TypeError)
    await assert.rejects(fileContentKeys(join(root, 'wrong'), { keys: {} as never }), TypeError)
    assert.deepEqual(wrappedContentKeys({ keys: kek(1), store, names }).describe(), { kind: 'wrapped', keys: kek(1).describe() })
  })
})
