import type { Awaitable } from '../guard/context.ts'

/**
 * Where data keys come from, and who wraps them: a keyring, a key management service, a module in hardware. The key that wraps
 * (the KEK) stays where it is; data keys (DEKs) come and go wrapped.
 *
 * What it throws as a `GuardError` of code `decryption_failed` says that a wrapped key is not genuine, or not for this context;
 * anything else, that the provider failed. Deadlines, retries and the breaker are the sealer's, and so a provider needs none.
 *
 * ```ts
 * const keys: KeyProvider = localKeys({ primary: 'k1', keys: { k1 } })
 * const { plaintext, wrapped } = await keys.generate({ tenant: 'acme' })
 * ```
 */
export interface KeyProvider {
  /** A new data key of 32 bytes, and the same wrapped by the current KEK. */
  generate(context: KeyContext, signal?: AbortSignal): Awaitable<DataKey>
  /** Wraps a data key that exists, by the current KEK. */
  wrap(key: Uint8Array, context: KeyContext, signal?: AbortSignal): Awaitable<WrappedKey>
  /** The data key. Only by the KEK and version that `wrapped` names: keys are never tried one after the other. */
  unwrap(wrapped: WrappedKey, context: KeyContext, signal?: AbortSignal): Awaitable<Uint8Array>
  /** The same data key, wrapped by the current KEK. */
  rewrap(wrapped: WrappedKey, context: KeyContext, signal?: AbortSignal): Awaitable<WrappedKey>
  /** Which KEK wraps now, and which versions still open. */
  state(signal?: AbortSignal): Awaitable<KeyState>
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
}

/** Who a data key is for: what a provider binds to it, as an encryption context or as associated data. */
export type KeyContext = Readonly<Record<string, string>>

/** A data key, in clear and wrapped. */
export interface DataKey {
  /** 32 random bytes. Whoever asked wipes them. */
  readonly plaintext: Uint8Array
  readonly wrapped: WrappedKey
}

/** A wrapped data key, as it stands in the header of what was sealed with it. */
export interface WrappedKey {
  /** The KEK: a name, an ARN. At most 2,048 bytes of UTF-8. */
  readonly id: string
  /** Its version, where the provider tells versions apart; else empty. At most 255 bytes of UTF-8. */
  readonly version: string
  /** 1 to 16,384 bytes that only the provider reads. */
  readonly bytes: Uint8Array
}

/** What a provider says of its KEK. */
export interface KeyState {
  readonly id: string
  /** The version that wraps now; empty where there are none. */
  readonly version: string
  /** Every version that still opens, the oldest first, where the provider knows them. */
  readonly opens?: readonly string[]
}

/** Whether this is a wrapped key of a form that a header can hold. */
export function isWrappedKey(value: WrappedKey): boolean {
  const { id, version, bytes } = value
  return isName(id, 2048) && id !== '' && isName(version, 255) && bytes instanceof Uint8Array && bytes.length > 0 && bytes.length <= 16_384
}

// In UTF-8 a character of UTF-16 is at most three bytes.
function isName(value: unknown, most: number): boolean {
  return typeof value === 'string' && value.isWellFormed() && (value.length * 3 <= most || new TextEncoder().encode(value).length <= most)
}

const encoder = new TextEncoder()

/**
 * A context in one form only, for providers that bind bytes: names in the order of their code units, each name and value with
 * its length (4 bytes, big-endian) before it.
 */
export function encodeKeyContext(context: KeyContext, ...before: readonly string[]): Uint8Array {
  const texts = [...before]
  for (const name of Object.keys(context).sort()) texts.push(name, context[name] ?? '')
  const encoded = texts.map((text) => encoder.encode(text))
  const bytes = new Uint8Array(encoded.reduce((sum, text) => sum + 4 + text.length, 0))
  const view = new DataView(bytes.buffer)
  let place = 0
  for (const text of encoded) {
    view.setUint32(place, text.length)
    bytes.set(text, place + 4)
    place += 4 + text.length
  }
  return bytes
}
