// Looks at every key and nonce that AES-256-GCM of this process is used with, at the cipher itself, while the real code seals.
import { createRequire } from 'node:module'
import { FrameSealer, frameSecretLength } from '../../src/encryption/sealed-frames.ts'
import { nativeCrypto } from '../../src/keys/native-crypto.ts'

/** What was seen. */
export interface Watched {
  frames: number
  keys: number
}

interface SeenKey {
  /** The first nonce: the base, with frame 0 in it. */
  readonly base: Uint8Array
  last: number
}

/**
 * Calls `work`, and throws at the first nonce that is not above the one before it under the same key, or that has another base: so none
 * is used twice, whatever the count, with 40 bytes kept for each key.
 */
export async function watchNonces(work: () => Promise<void>): Promise<Watched> {
  const crypto = createRequire(import.meta.url)('node:crypto') as { createCipheriv: (...given: unknown[]) => unknown }
  // It tries the runtime out at its first use.
  nativeCrypto()
  const real = crypto.createCipheriv
  const seen = new WeakMap<object, SeenKey>()
  const bytesOfKeys = new Set<string>()
  const watched: Watched = { frames: 0, keys: 0 }
  const look = (key: Uint8Array, nonce: Uint8Array): void => {
    watched.frames++
    const known = seen.get(key)
    if (known === undefined) {
      // Another object with the same bytes would be the same key.
      const bytes = Buffer.from(key).toString('latin1')
      if (bytesOfKeys.has(bytes)) throw new Error('a key was used for two streams')
      bytesOfKeys.add(bytes)
      watched.keys++
      seen.set(key, { base: Uint8Array.from(nonce), last: 0 })
      return
    }
    let number = 0
    for (let index = 0; index < nonce.length; index++) {
      const differs = (nonce[index] ?? 0) ^ (known.base[index] ?? 0)
      if (index < 6 && differs !== 0) throw new Error('a nonce has another base')
      number = number * 256 + differs
    }
    if (number <= known.last) throw new Error(`nonce ${number} came after nonce ${known.last}`)
    known.last = number
  }
  crypto.createCipheriv = (...given) => {
    const [cipher, key, nonce] = given
    if (cipher === 'aes-256-gcm' && key instanceof Uint8Array && nonce instanceof Uint8Array) look(key, nonce)
    return real(...given)
  }
  try {
    await work()
  } finally {
    crypto.createCipheriv = real
  }
  return watched
}

const types = ['', 'delta', 'message_start']

/** Seals so many frames, in so many streams that are under way at the same time, both ways, with and without types of events. */
export async function sealFrames(frames: number, streams: number): Promise<void> {
  const sealers = await Promise.all(
    Array.from({ length: streams }, (_, number) =>
      FrameSealer.start(crypto.getRandomValues(new Uint8Array(frameSecretLength)), `stream ${number}`, number % 2 === 0 ? 'response' : 'request'),
    ),
  )
  const text = new Uint8Array(40)
  for (let frame = 0; frame < frames; frame++) {
    const isLast = frame >= frames - streams
    const type = types[frame % types.length] ?? ''
    await sealers[frame % streams]?.seal(text, isLast, type)
  }
}
