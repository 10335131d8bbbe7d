import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { attributeOpener, attributeSealer, isAttributeKey, webDecrypt, webSealer } from '../../src/audit-log/sealed-attributes.ts'

const key = new Uint8Array(32).fill(1)
const other = new Uint8Array(32).fill(2)
const text = '{"context.risk":0.3,"resource.owner":"Łucja"}'
const attributes = JSON.parse(text) as unknown

describe('sealed attributes', () => {
  it('are opened with their key for their call alone', async () => {
    const sealed = await attributeSealer(key).seal('call-1', text)
    assert.deepEqual(await attributeOpener([key]).open('call-1', sealed), attributes)
    assert.equal(await attributeOpener([other]).open('call-1', sealed), undefined)
    assert.equal(await attributeOpener([key]).open('call-2', sealed), undefined)
    assert.equal(await attributeOpener([]).open('call-1', sealed), undefined)
  })

  it('are opened with any of several keys, since keys are changed', async () => {
    const opener = attributeOpener([other, key])
    assert.deepEqual(await opener.open('a', await attributeSealer(key).seal('a', text)), attributes)
    assert.deepEqual(await opener.open('a', await attributeSealer(other).seal('a', text)), attributes)
  })

  it('are the same with the runtime’s own cryptography and with WebCrypto', async () => {
    const native = await attributeSealer(key).seal('a', text)
    const web = await webSealer(key).seal('a', text)
    assert.deepEqual(await attributeOpener([key]).open('a', web), attributes)
    const bytes = new Uint8Array(Buffer.from(native.slice('a256gcm:'.length), 'base64url'))
    assert.equal((await webDecrypt(key)(bytes, 'sallyport decision attributes v1\na'))?.trim(), text)
    assert.equal(await webDecrypt(other)(bytes, 'sallyport decision attributes v1\na'), undefined)
  })

  it('are not opened when a byte of them is another, or any are missing', async () => {
    const sealed = await attributeSealer(key).seal('a', text)
    const opener = attributeOpener([key])
    const bytes = Buffer.from(sealed.slice('a256gcm:'.length), 'base64url')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      assert.equal(await opener.open('a', `a256gcm:${changed.toString('base64url')}`), undefined)
      assert.equal(await opener.open('a', `a256gcm:${bytes.subarray(0, at).toString('base64url')}`), undefined)
    }
    for (const wrong of ['', 'a256gcm:', 'a256gcm:***', sealed.slice(8), sealed.replace('a256gcm', 'a128gcm')])
      assert.equal(await opener.open('a', wrong), undefined)
  })

  it('do not tell by their length what they hold', async () => {
    const sealer = attributeSealer(key)
    const lengths = ['{"a":true}', '{"a":false}', '{}', '{"a":"Łódź"}'].map((own) => sealer.seal('a', own))
    assert.equal(new Set((await Promise.all(lengths)).map(({ length }) => length)).size, 1)
    const web = await Promise.all(['{"a":true}', '{"a":false}'].map((own) => webSealer(key).seal('a', own)))
    assert.equal(new Set(web.map(({ length }) => length)).size, 1)
  })

  it('never have the same nonce twice, also over many pages of random bytes', async () => {
    const sealer = attributeSealer(key)
    const nonces = new Set<string>()
    for (let call = 0; call < 1_000; call++) nonces.add((await sealer.seal('a', text)).slice(8, 24))
    assert.equal(nonces.size, 1_000)
  })

  it('want a key of 32 bytes, and keep a copy of it', async () => {
    for (const wrong of [new Uint8Array(31), new Uint8Array(33), 'x'.repeat(32), undefined, Array(32).fill(0)]) {
      assert.equal(isAttributeKey(wrong), false)
      assert.throws(() => attributeSealer(wrong as Uint8Array), TypeError)
      assert.throws(() => attributeOpener([wrong as Uint8Array]), TypeError)
    }
    const own = Uint8Array.from(key)
    const [sealer, opener] = [attributeSealer(own), attributeOpener([own])]
    own.fill(9)
    assert.deepEqual(await opener.open('a', await attributeSealer(key).seal('a', text)), attributes)
    assert.deepEqual(await attributeOpener([key]).open('a', await sealer.seal('a', text)), attributes)
  })
})
