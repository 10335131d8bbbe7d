import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Pkcs11, pkcs11Keys, type Pkcs11KeysOptions } from '../../../src/adapters/pkcs11/index.ts'
import { sealer } from '../../../src/index.ts'

interface Module extends Pkcs11 {
  load(path: string): void
  C_Initialize(): void
  C_GetSlotList(present: boolean): Buffer[]
  C_GetTokenInfo(slot: Buffer): { readonly label: string }
  C_OpenSession(slot: Buffer, flags: number): Buffer
  C_Login(session: Buffer, user: number, pin: string): void
  C_GenerateKey(session: Buffer, mechanism: { mechanism: number }, template: { type: number; value: unknown }[]): Buffer
  C_Logout(session: Buffer): void
  C_CloseSession(session: Buffer): void
  C_Finalize(): void
  close(): void
}

// An optional peer that is built when it is installed, and a module in software that the system brings: `test/install-services.sh`
// brings both.
const library = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'].find((path) => existsSync(path))
const PKCS11 = load()

function load(): (new () => Module) | undefined {
  try {
    return (createRequire(import.meta.url)(process.env.PKCS11JS ?? 'pkcs11js') as { PKCS11: new () => Module }).PKCS11
  } catch {
    return undefined
  }
}

const acme = { tenant: 'acme' }
const refused = { code: 'decryption_failed' }

if (library === undefined || PKCS11 === undefined)
  test('pkcs11Keys with a real SoftHSM', { skip: library === undefined ? 'no softhsm2' : 'no pkcs11js' }, () => {})
else {
  const own = new PKCS11()
  describe('pkcs11Keys with a real SoftHSM', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-hsm-'))
    let session: Buffer
    let other: Buffer
    const keysOf = (options: Partial<Pkcs11KeysOptions> = {}) => pkcs11Keys({ pkcs11: own, session, label: 'notes', version: '01', ...options })

    before(() => {
      writeFileSync(join(folder, 'softhsm2.conf'), `directories.tokendir = ${folder}\nobjectstore.backend = file\nlog.level = ERROR\n`)
      process.env.SOFTHSM2_CONF = join(folder, 'softhsm2.conf')
      for (const label of ['one', 'two']) {
        const made = spawnSync('softhsm2-util', ['--init-token', '--free', '--label', label, '--so-pin', '123456', '--pin', '1234'])
        assert.equal(made.status, 0, String(made.stderr))
      }
      own.load(library)
      own.C_Initialize()
      session = loggedIn('one')
      other = loggedIn('two')
      for (const id of ['01', '02']) for (const each of [session, other]) generateKey(each, id)
    })

    /** A session that may write, on the token of that label. */
    function open(label: string): Buffer {
      const slot = own.C_GetSlotList(true).find((each) => own.C_GetTokenInfo(each).label.trim() === label)
      assert.ok(slot)
      return own.C_OpenSession(slot, 2 | 4)
    }

    function loggedIn(label: string): Buffer {
      const opened = open(label)
      own.C_Login(opened, 1, '1234')
      return opened
    }

    function generateKey(within: Buffer, id: string): void {
      own.C_GenerateKey(within, { mechanism: 0x1080 }, [
        { type: 0, value: 4 },
        { type: 0x100, value: 0x1f },
        { type: 1, value: true },
        { type: 2, value: true },
        { type: 3, value: 'notes' },
        { type: 0x102, value: Buffer.from(id, 'hex') },
        { type: 0x161, value: 32 },
        { type: 0x104, value: true },
        { type: 0x105, value: true },
        { type: 0x103, value: true },
        { type: 0x162, value: false },
      ])
    }

    after(() => {
      own.C_CloseSession(session)
      own.C_CloseSession(other)
      own.C_Finalize()
      own.close()
      rmSync(folder, { recursive: true, force: true })
    })

    test('wraps and unwraps in the module, for one context and by the key that a header names', async () => {
      const keys = keysOf()
      const { plaintext, wrapped } = await keys.generate(acme)
      assert.deepEqual([wrapped.id, wrapped.version, wrapped.bytes.length], ['pkcs11:notes', '01', 60])
      assert.deepEqual(await keys.unwrap(wrapped, acme), plaintext)
      await assert.rejects(async () => keys.unwrap(wrapped, { tenant: 'other' }), refused)
      for (const other of [{ version: '02' }, { version: '' }, { id: 'pkcs11:other' }, { bytes: new Uint8Array(10) }])
        await assert.rejects(async () => keysOf({ alsoOpens: ['02'] }).unwrap({ ...wrapped, ...other }, acme), refused)
      for (let at = 0; at < wrapped.bytes.length; at++) {
        const bytes = Uint8Array.from(wrapped.bytes)
        bytes[at] = (bytes[at] ?? 0) ^ 1
        await assert.rejects(async () => keys.unwrap({ ...wrapped, bytes }, acme), refused)
      }
      assert.deepEqual(await keys.unwrap(wrapped, acme), plaintext)
    })

    test('takes many at once, one after the other', async () => {
      const keys = keysOf()
      const all = await Promise.all(Array.from({ length: 20 }, () => keys.generate(acme)))
      const opened = await Promise.all(all.map(({ wrapped }) => keys.unwrap(wrapped, acme)))
      assert.deepEqual(
        opened,
        all.map(({ plaintext }) => plaintext),
      )
    })

    test('rotates, and refuses what is not listed any more', async () => {
      const sealed = await sealer({ keys: keysOf() }).seal({ a: 1 }, acme)
      const both = keysOf({ version: '02', alsoOpens: ['01'] })
      const renewed = await sealer({ keys: both }).rewrap(sealed, acme)
      assert.deepEqual(await both.state(), { id: 'pkcs11:notes', version: '02', opens: ['01', '02'] })
      const later = sealer({ keys: keysOf({ version: '02' }) })
      assert.deepEqual(await later.open(renewed, acme), { a: 1 })
      await assert.rejects(later.open(sealed, acme), refused)
    })

    test('opens nothing that a key of the same name in another token wrapped', async () => {
      const [one, two] = [keysOf(), keysOf({ session: other })]
      const { plaintext, wrapped } = await one.generate(acme)
      await assert.rejects(async () => two.unwrap(wrapped, acme), refused)
      assert.deepEqual(await one.unwrap(wrapped, acme), plaintext)
      const back = await two.generate(acme)
      assert.deepEqual(await two.unwrap(back.wrapped, acme), back.plaintext)
    })

    test('is not made without a login, as after a wrong PIN', () => {
      own.C_Logout(other)
      assert.throws(() => own.C_Login(other, 1, '4321'), /CKR_PIN_INCORRECT/)
      assert.throws(() => keysOf({ session: other }), TypeError)
      own.C_Login(other, 1, '1234')
      assert.equal(keysOf({ session: other }).describe().kind, 'pkcs11')
    })

    test('A28: is closed where nobody is logged in any more, or the token or the session is gone, and says nothing of what it was given', async () => {
      const sealed = await sealer({ keys: keysOf() }).seal('text', acme)
      const elsewhere = open('one')
      const keys = keysOf({ session: elsewhere })
      assert.equal(await sealer({ keys }).open(sealed, acme), 'text')
      own.C_Logout(elsewhere)
      const box = sealer({ keys, dataKeys: { retries: 0 } })
      await assert.rejects(box.open(sealed, acme), { code: 'keys_unavailable' })
      await assert.rejects(box.seal('text', acme), { code: 'keys_unavailable' })
      own.C_Login(session, 1, '1234')
      own.C_CloseSession(elsewhere)
      const gone = sealer({ keys, dataKeys: { retries: 0 } })
      await assert.rejects(gone.open(sealed, acme), { code: 'keys_unavailable' })
      await assert.rejects(gone.seal('text', acme), { code: 'keys_unavailable' })
      assert.equal(await sealer({ keys: keysOf() }).open(sealed, acme), 'text')
    })

    test('is not made where there is no such key', () => {
      for (const wrong of [{ version: '03' }, { label: 'other' }, { version: 'xx' }, { label: '' }, { pkcs11: {} }, { more: 1 }])
        assert.throws(() => keysOf(wrong as Partial<Pkcs11KeysOptions>), TypeError)
    })
  })
}
