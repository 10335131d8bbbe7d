// What sealing costs in CPU time, beside its peers, interleaved in one process. Build first: it measures `dist`; frames, which
// stand behind `encryptPayload` and are no export of their own, are those of `src`. Part of a title runs that group alone.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { cpus } from 'node:os'
import { buildClient, CommitmentPolicy, RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/client-node'
import { CompactEncrypt, compactDecrypt } from 'jose'
import sodium from 'libsodium-wrappers'
import { localKeys, sealer } from '../../../dist/index.js'
import { tell } from '../report/figure.ts'
import { FrameOpener, FrameSealer } from '../../../src/encryption/sealed-frames.ts'

const rounds = Number(process.env.ROUNDS ?? 15)
const [, , only = ''] = process.argv

const key = new Uint8Array(randomBytes(32))
const context = { tenant: 'acme', field: '/notes' }
const box = sealer({ keys: localKeys({ primary: 'k1', keys: { k1: key } }) })
const chacha = sealer({ keys: localKeys({ primary: 'k1', keys: { k1: key } }), suite: 'xchacha20-poly1305' })
await sodium.ready
// 0x0478: AES-256-GCM, HKDF-SHA-512, commitment, no signature.
const aws = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
const keyring = new RawAesKeyringNode({
  keyName: 'k1',
  keyNamespace: 'bench',
  unencryptedMasterKey: Uint8Array.from(key),
  wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
})

const small = new Uint8Array(randomBytes(4096))
const large = new Uint8Array(randomBytes(16 * 1024 * 1024))
const tiny = new Uint8Array(randomBytes(40))
const chunk = 16_384

function nativeSeal(text: Uint8Array): { nonce: Uint8Array; sealed: Uint8Array; tag: Uint8Array } {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const sealed = cipher.update(text)
  cipher.final()
  return { nonce, sealed, tag: cipher.getAuthTag() }
}

function nativeOpen({ nonce, sealed, tag }: ReturnType<typeof nativeSeal>): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 }).setAuthTag(tag)
  const text = decipher.update(sealed)
  decipher.final()
  return text
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

async function drain(parts: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of parts);
}

const frames = async (): Promise<{ sealer: FrameSealer; opener: FrameOpener }> => {
  const secret = new Uint8Array(randomBytes(56))
  return {
    sealer: await FrameSealer.start(Uint8Array.from(secret), 'bench', 'response'),
    opener: await FrameOpener.start(secret, 'bench', 'response'),
  }
}

const kept = await frames()
const tinyFrames = await frames()
const sealedLarge = await box.seal(large, context)
const nativeLarge = nativeSeal(large)
const nativeChunks = Array.from({ length: large.length / chunk }, (_, number) => nativeSeal(large.subarray(number * chunk, (number + 1) * chunk)))

interface Contender {
  readonly name: string
  readonly calls: number
  readonly run: () => unknown
}

const groups: readonly (readonly [title: string, limit: string, contenders: readonly Contender[]])[] = [
  [
    'seal and open 4 KB, microseconds',
    'node:crypto, AES-256-GCM with a key that is kept',
    [
      { name: 'node:crypto, AES-256-GCM with a key that is kept', calls: 1000, run: () => nativeOpen(nativeSeal(small)) },
      { name: 'sealer, a key of its own for each', calls: 1000, run: async () => box.open(await box.seal(small, context), context) },
      { name: 'the same with xchacha20-poly1305', calls: 1000, run: async () => chacha.open(await chacha.seal(small, context), context) },
      { name: 'frames of a stream, a key that is kept', calls: 1000, run: async () => kept.opener.open(await kept.sealer.seal(small, false)) },
      {
        name: 'jose, CompactEncrypt (dir, A256GCM)',
        calls: 200,
        run: async () => compactDecrypt(await new CompactEncrypt(small).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(key), key),
      },
      {
        name: 'libsodium-wrappers, XChaCha20-Poly1305',
        calls: 200,
        run: () => {
          const nonce = sodium.randombytes_buf(24)
          const sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(small, null, null, nonce, key)
          return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, null, nonce, key)
        },
      },
      {
        name: '@aws-crypto/client-node (0x0478, raw keyring)',
        calls: 30,
        run: async () => {
          const { result } = await aws.encrypt(keyring, small, { suiteId: 0x0478, encryptionContext: context })
          return aws.decrypt(keyring, result)
        },
      },
    ],
  ],
  [
    'seal 16 MB, microseconds',
    'node:crypto, all at once',
    [
      { name: 'node:crypto, all at once', calls: 4, run: () => nativeSeal(large) },
      {
        name: 'node:crypto, in chunks of 16 KiB',
        calls: 4,
        run: () => {
          for (let at = 0; at < large.length; at += chunk) nativeSeal(large.subarray(at, at + chunk))
        },
      },
      { name: 'sealer.sealStream', calls: 4, run: () => drain(box.sealStream(pieces(large), context)) },
      { name: 'sealer.seal', calls: 4, run: () => box.seal(large, context) },
    ],
  ],
  [
    'open 16 MB, microseconds',
    'node:crypto, all at once',
    [
      { name: 'node:crypto, all at once', calls: 4, run: () => nativeOpen(nativeLarge) },
      { name: 'node:crypto, in chunks of 16 KiB', calls: 4, run: () => nativeChunks.forEach(nativeOpen) },
      { name: 'sealer.openStream', calls: 4, run: () => drain(box.openStream(pieces(sealedLarge), context)) },
      { name: 'sealer.open', calls: 4, run: () => box.open(sealedLarge, context) },
    ],
  ],
  [
    'one frame of 40 bytes, microseconds',
    'node:crypto, AES-256-GCM',
    [
      { name: 'node:crypto, AES-256-GCM', calls: 2000, run: () => nativeSeal(tiny) },
      { name: 'FrameSealer.seal', calls: 2000, run: () => tinyFrames.sealer.seal(tiny, false) },
    ],
  ],
]

const askedOf = (subject: string, limit: string): object => {
  if (subject === 'sealer, a key of its own for each') return { asked: 4, askedOf: limit }
  if (subject.startsWith('frames of')) return { asked: 1.6, askedOf: limit }
  if (subject.startsWith('sealer.')) return { asked: 1.25, askedOf: limit }
  return subject === 'FrameSealer.seal' ? { asked: 10 } : {}
}
console.log(`Node ${process.version}, ${cpus()[0]?.model}, medians of ${rounds} rounds, CPU time\n`)
for (const [title, limit, contenders] of groups) {
  if (!title.includes(only)) continue
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (let round = -2; round < rounds; round++)
    for (const { name, calls, run } of contenders) {
      // Nobody pays for what another left behind.
      globalThis.gc?.()
      const before = process.cpuUsage()
      for (let call = 0; call < calls; call++) await run()
      const { user, system } = process.cpuUsage(before)
      // The first two warm up.
      if (round >= 0) times.get(name)?.push((user + system) / calls)
    }
  const median = (name: string): number => [...(times.get(name) ?? [])].sort((one, other) => one - other)[rounds >> 1] ?? Number.NaN
  console.log(title)
  const table = title.replace(/, microseconds$/, '')
  for (const [subject, values] of times)
    tell({ bench: 'encryption', table, subject, unit: 'µs', values, peer: /^(node:|jose|libsodium|@aws)/.test(subject), ...askedOf(subject, limit) })
  for (const { name } of contenders)
    console.log(`  ${name.padEnd(52)}${median(name).toFixed(1).padStart(10)}${`${(median(name) / median(limit)).toFixed(2)} x`.padStart(10)}`)
  console.log()
}
