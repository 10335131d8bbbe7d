import { GuardError, isGuardError } from '../guard/errors.ts'
import { isEqual } from './equal.ts'
import { InputKey, keyLength } from './input-key.ts'
import { encodeKeyContext, isWrappedKey, type KeyContext, type KeyProvider, type WrappedKey } from './key-provider.ts'

const separation = 'sallyport combined key v1'
const macLength = 32
const most = 8
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** One recipient of a data key. */
interface Share {
  readonly name: string
  readonly wrapped: WrappedKey
}

/**
 * Several providers as one: each of them wraps the data key, and any one that is known and answers opens it. For a second region, a
 * move from one service to another, or a key that lies in a safe.
 *
 * All of them must answer to seal. To open they are asked in their order here, each only for what it wrapped itself; what the others
 * wrapped is authentic too, by a code under the data key, so that nothing can be taken out or put in.
 *
 * ```ts
 * const keys = combine({ near: awsKms({ … }), far: awsKms({ … }) })
 * ```
 *
 * @param providers 1 to 8 of them, by names of 1 to 64 letters, digits, dots, underscores and hyphens.
 * @throws TypeError for wrong names.
 */
export function combine(providers: Readonly<Record<string, KeyProvider>>): KeyProvider {
  if (typeof providers !== 'object' || providers === null) throw new TypeError('combine: give providers by name')
  const own = Object.entries(providers)
  if (own.length === 0 || own.length > most) throw new TypeError(`combine: give 1 to ${most} providers`)
  for (const [name, provider] of own)
    if (!/^[A-Za-z][\w.-]{0,63}$/.test(name) || typeof provider?.unwrap !== 'function' || typeof provider.wrap !== 'function')
      throw new TypeError('combine: give providers, by names that begin with a letter')
  const id = 'combined'

  async function wrap(key: Uint8Array, context: KeyContext, signal?: AbortSignal): Promise<WrappedKey> {
    const shares = await Promise.all(
      own.map(async ([name, provider]): Promise<Share> => ({ name, wrapped: await provider.wrap(key, context, signal) })),
    )
    const list = writeShares(shares)
    const bytes = new Uint8Array(list.length + macLength)
    bytes.set(list)
    bytes.set(await authenticate(key, list, context), list.length)
    return { id, version: versionOf(shares.map(({ name, wrapped }) => [name, wrapped.version])), bytes }
  }

  async function unwrap(wrapped: WrappedKey, context: KeyContext, signal?: AbortSignal): Promise<Uint8Array> {
    const list = wrapped.bytes.subarray(0, -macLength)
    const shares = wrapped.id === id && wrapped.bytes.length > macLength ? readShares(list) : undefined
    if (shares === undefined || wrapped.version !== versionOf(shares.map((share) => [share.name, share.wrapped.version])))
      throw refused('it was not wrapped by several providers')
    let failure: unknown
    for (const [name, provider] of own) {
      const share = shares.find((each) => each.name === name)
      if (share === undefined) continue
      let key: Uint8Array
      try {
        key = await provider.unwrap(share.wrapped, context, signal)
      } catch (error) {
        // That one is not there counts for more than that another says no: asked again, it may open.
        if (failure === undefined || isRefusal(failure)) failure = error
        continue
      }
      if (key.length === keyLength && isEqual(await authenticate(key, list, context), wrapped.bytes.subarray(-macLength))) return key
      key.fill(0)
      throw refused('what the providers wrapped was changed')
    }
    throw failure ?? refused('none of the providers wrapped it')
  }

  return Object.freeze<KeyProvider>({
    async generate(context, signal) {
      const plaintext = crypto.getRandomValues(new Uint8Array(keyLength))
      return { plaintext, wrapped: await wrap(plaintext, context, signal) }
    },
    wrap,
    unwrap,
    async rewrap(wrapped, context, signal) {
      const key = await unwrap(wrapped, context, signal)
      try {
        return await wrap(key, context, signal)
      } finally {
        key.fill(0)
      }
    },
    async state(signal) {
      const states = await Promise.all(own.map(async ([name, provider]) => [name, (await provider.state(signal)).version] as const))
      return { id, version: versionOf(states) }
    },
    describe: () => ({ kind: 'combined', providers: Object.fromEntries(own.map(([name, provider]) => [name, provider.describe()])) }),
  })
}

/** HKDF-Expand as a code: only who has the data key can make it. */
async function authenticate(key: Uint8Array, list: Uint8Array, context: KeyContext): Promise<Uint8Array> {
  const input = new InputKey(key)
  const code = (await input.expand(macLength, encodeKeyContext(context, separation), list)).slice()
  input.wipe()
  return code
}

// The versions of all, so that who wraps anew sees whether one of them moved on. Empty where they are too long to be told.
function versionOf(versions: readonly (readonly [name: string, version: string])[]): string {
  const text = versions.map(([name, version]) => `${name}=${version}`).join(',')
  return encoder.encode(text).length <= 255 ? text : ''
}

function writeShares(shares: readonly Share[]): Uint8Array {
  const parts = shares.flatMap(({ name, wrapped }) => [
    encoder.encode(name),
    encoder.encode(wrapped.id),
    encoder.encode(wrapped.version),
    wrapped.bytes,
  ])
  const bytes = new Uint8Array(1 + parts.reduce((sum, part) => sum + 2 + part.length, 0))
  const view = new DataView(bytes.buffer)
  bytes[0] = shares.length
  let place = 1
  for (const part of parts) {
    view.setUint16(place, part.length)
    bytes.set(part, place + 2)
    place += 2 + part.length
  }
  return bytes
}

function readShares(bytes: Uint8Array): readonly Share[] | undefined {
  const count = bytes[0] ?? 0
  let place = 1
  const next = (): Uint8Array | undefined => {
    const length = ((bytes[place] ?? 0) << 8) | (bytes[place + 1] ?? 0)
    const part = bytes.slice(place + 2, place + 2 + length)
    place += 2 + length
    return place <= bytes.length ? part : undefined
  }
  const shares: Share[] = []
  try {
    for (let index = 0; index < Math.min(count, most); index++) {
      const [name, id, version, key] = [next(), next(), next(), next()]
      if (name === undefined || id === undefined || version === undefined || key === undefined) return undefined
      const wrapped = { id: decoder.decode(id), version: decoder.decode(version), bytes: key }
      if (!isWrappedKey(wrapped)) return undefined
      shares.push({ name: decoder.decode(name), wrapped })
    }
  } catch {
    return undefined
  }
  return shares.length === count && place === bytes.length ? shares : undefined
}

function isRefusal(error: unknown): boolean {
  return isGuardError(error) && error.code === 'decryption_failed'
}

function refused(reason: string): GuardError {
  return new GuardError('decryption_failed', { reason })
}
