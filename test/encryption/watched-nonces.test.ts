import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { sealEvents } from '../../src/encryption/sealed-answer.ts'
import { FrameSealer, frameSecretLength } from '../../src/encryption/sealed-frames.ts'
import { localKeys, sealer } from '../../src/index.ts'
import { deriveAnswerKey } from '../../src/encryption/sealed-answer.ts'
import { generateAgreementKeys } from '../../src/keys/agreement-key.ts'
import { sealFrames, watchNonces } from './watched-nonces.ts'

async function* many(count: number): AsyncGenerator<string> {
  for (let number = 0; number < count; number++) yield 'part'
}

describe('no nonce is used twice under one key', () => {
  let keys: CryptoKeyPair
  before(async () => {
    keys = await generateAgreementKeys('X25519', true)
  })

  // The same with ten million: `npm run nonces` in test/bench.
  test('in 100,000 frames of streams that are under way at the same time', async () => {
    assert.deepEqual(await watchNonces(() => sealFrames(100_000, 16)), { frames: 100_000, keys: 16 })
  })

  test('in answers that are sealed for callers, one after the other', async () => {
    const recipient = { alg: 'ECDH-ES', key: keys.publicKey, proof: await deriveAnswerKey(keys.privateKey, keys.publicKey), request: 'r' } as const
    const answers = async (): Promise<void> => {
      for (let answer = 0; answer < 10; answer++) for await (const _ of sealEvents(many(100), 'text/plain', recipient));
    }
    assert.deepEqual(await watchNonces(answers), { frames: 1010, keys: 10 })
  })

  test('in values and streams at rest under one data key', async () => {
    const box = sealer({ keys: localKeys({ primary: 'k', keys: { k: crypto.getRandomValues(new Uint8Array(32)) } }) })
    const source = async function* (): AsyncGenerator<Uint8Array> {
      for (let piece = 0; piece < 20; piece++) yield new Uint8Array(10_000)
    }
    const watched = await watchNonces(async () => {
      for (let value = 0; value < 200; value++) await box.seal('text', { tenant: 'a' })
      await box.seal(new Uint8Array(100_000), { tenant: 'a' })
      for await (const _ of box.sealStream(source(), { tenant: 'a' }));
    })
    // One key for each value and each stream, and the one that wraps their data key.
    assert.deepEqual(watched, { frames: 200 + 7 + 13 + 1, keys: 203 })
  })

  test('and who watches sees one that would be', async () => {
    const twice = async (): Promise<void> => {
      const secret = crypto.getRandomValues(new Uint8Array(frameSecretLength))
      for (const _ of [1, 2]) await (await FrameSealer.start(Uint8Array.from(secret), 'r', 'response')).seal(new Uint8Array(1), false)
    }
    await assert.rejects(watchNonces(twice), /a key was used for two streams/)
    const native = process.getBuiltinModule('node:crypto')
    const { createCipheriv } = native
    const key = new Uint8Array(32)
    const backwards = async (): Promise<void> => {
      for (const number of [0, 1, 1]) native.createCipheriv('aes-256-gcm', key, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, number))
    }
    await assert.rejects(watchNonces(backwards), /nonce 1 came after nonce 1/)
    assert.equal(native.createCipheriv, createCipheriv)
  })
})
