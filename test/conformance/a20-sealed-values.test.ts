import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sealMessage } from '../../src/encryption/chunked-message.ts'
import { encodeContext } from '../../src/encryption/seal-context.ts'
import { boundPart, writeHeader } from '../../src/encryption/sealed-header.ts'
import { kindOf } from '../../src/encryption/suites.ts'
import { type KeyProvider, localKeys, sealer } from '../../src/index.ts'
import { InputKey } from '../../src/keys/input-key.ts'
import { fromHex, messageOf, toHex, vectors } from '../encryption/cobblestone-vectors.ts'
import { openMessage } from '../../src/encryption/chunked-message.ts'
import { aesGcm } from '../../src/keys/aes-gcm.ts'

const acme = { tenant: 'acme' }
const sequence = (length: number, from = 0): Uint8Array<ArrayBuffer> => Uint8Array.from({ length }, (_, index) => index + from)
const sha256 = async (bytes: Uint8Array): Promise<string> => toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))))

// The example of docs/format.md, and the same with the other suite; the second number is the hash of a value of 40,000 bytes.
const made = {
  1: [
    '5350450101010000016b01310001ff404142434445464748494a4b4c4d4e4f5051525354555657639133acc42eacb05796c925e388f551fbf9487c9e3ea3fd1989648ee101b783db97931148f9804ade2bd3c7b99128fe36415d98ed',
    '94cd60bcc8cf6990d8db915d29466a6da3324e8e373003f61e8ef69d6c2bbc28',
  ],
  2: [
    '5350450102010000016b01310001ff404142434445464748494a4b4c4d4e4f5051525354555657ceb2be68dc5b1452a64d2e58a53b9a3b676ae5ecad9e235c3ec88f36e765319f4b42b95195268a789dfd94eb8be77f9f920cfed295',
    '2423afa6d05242d000a83a3ad250e08180df8a903063970441727d65dbaf0590',
  ],
} as const

const known: KeyProvider = {
  generate: () => Promise.reject(new Error('not here')),
  wrap: () => Promise.reject(new Error('not here')),
  unwrap: () => Promise.resolve(sequence(32)),
  rewrap: () => Promise.reject(new Error('not here')),
  state: () => ({ id: 'k', version: '1' }),
  describe: () => ({ kind: 'known' }),
}

const seal = async (suite: 1 | 2, text: Uint8Array): Promise<Uint8Array> =>
  sealMessage(
    new InputKey(sequence(32)),
    text,
    { kind: kindOf(suite), context: encodeContext(acme, boundPart(suite, 'bytes')) },
    writeHeader(suite, 'bytes', { id: 'k', version: '1', bytes: Uint8Array.of(255) }),
    sequence(24, 0x40),
  )

describe('A20: values that were sealed elsewhere', () => {
  for (const suite of [1, 2] as const)
    test(`suite ${suite}: what another runtime sealed is opened here, and what is sealed here has the same bytes`, async () => {
      const [small, large] = made[suite]
      const box = sealer({ keys: known })
      assert.deepEqual(await box.open(fromHex(small), acme), new TextEncoder().encode('hello'))
      assert.equal(toHex(await seal(suite, new TextEncoder().encode('hello'))), small)
      const sealed = await seal(suite, sequence(40_000))
      assert.equal(await sha256(sealed), large)
      assert.deepEqual(await box.open(sealed, acme), sequence(40_000))
    })

  test('published vectors of C2SP chunked-encryption', async () => {
    for (const vector of vectors) {
      const message = await messageOf(vector)
      const open = async (): Promise<Uint8Array> =>
        openMessage(new InputKey(fromHex(vector.key)), message, { kind: aesGcm, context: fromHex(vector.context) })
      if (vector.valid === true) assert.equal((await open()).length, vector.text?.[0])
      else await assert.rejects(open)
    }
  })

  test('any byte of them changed, cut, or for somebody else: refused', async () => {
    const box = sealer({ keys: localKeys({ primary: 'k1', keys: { k1: sequence(32, 1) } }) })
    const sealed = await box.seal({ said: 'hello' }, acme)
    for (let at = 0; at < sealed.length; at++) {
      const changed = Uint8Array.from(sealed)
      changed[at] = (changed[at] ?? 0) ^ 0x11
      await assert.rejects(box.open(changed, acme), { code: 'decryption_failed' })
      await assert.rejects(box.open(sealed.subarray(0, at), acme), { code: 'decryption_failed' })
    }
    await assert.rejects(box.open(sealed, { tenant: 'other' }), { code: 'decryption_failed' })
    assert.deepEqual(await box.open(sealed, acme), { said: 'hello' })
  })
})
