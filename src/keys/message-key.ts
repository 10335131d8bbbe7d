import type { Awaitable } from '../guard/context.ts'
import type { Aead, AeadKind } from './aead.ts'
import { isEqual } from './equal.ts'
import { andThen, type InputKey, keyLength } from './input-key.ts'
import { type Backend, defaultBackend } from './native-crypto.ts'

/** Bytes of the salt that stands before every message. */
export const saltLength = 24
/** Bytes of the commitment that stands behind it. */
export const commitmentLength = 32

/** What one message is sealed with, and nothing else ever. */
export interface MessageKey {
  readonly aead: Aead
  /** The nonce of chunk 0. */
  readonly nonce: Uint8Array
  readonly commitment: Uint8Array
}

const prefix = 'c2sp.org/chunked-encryption@v1+'
const encoder = new TextEncoder()

/**
 * Derives what one message is sealed with, as C2SP chunked-encryption lays down:
 *
 * `key || base nonce || commitment = HKDF-Expand(input key, "c2sp.org/chunked-encryption@v1+" || aead || 0x00 || salt || context)`
 *
 * @param salt 24 bytes, never twice with one input key.
 * @param context whatever the message is bound to.
 */
export function deriveMessageKey(
  input: InputKey,
  kind: AeadKind,
  salt: Uint8Array,
  context: Uint8Array,
  backend: Backend = defaultBackend(),
): Awaitable<MessageKey> {
  return andThen(expand(input, kind, salt, context), (derived) => finish(derived, kind, backend))
}

/**
 * The same for a message that is there. The commitment is compared first: a message that was sealed with another key or for
 * another context goes no further.
 *
 * @returns undefined where the commitment is another.
 */
export function openMessageKey(
  input: InputKey,
  kind: AeadKind,
  salt: Uint8Array,
  commitment: Uint8Array,
  context: Uint8Array,
  backend: Backend = defaultBackend(),
): Awaitable<MessageKey | undefined> {
  return andThen(expand(input, kind, salt, context), (derived) => {
    if (isEqual(derived.subarray(keyLength + kind.nonceLength), commitment)) return finish(derived, kind, backend)
    derived.fill(0)
    return undefined
  })
}

function expand(input: InputKey, kind: AeadKind, salt: Uint8Array, context: Uint8Array): Awaitable<Uint8Array<ArrayBuffer>> {
  if (salt.length !== saltLength) throw new TypeError(`a salt must have ${saltLength} bytes`)
  return input.expand(keyLength + kind.nonceLength + commitmentLength, nameOf(kind), salt, context)
}

// Copies, of at most 64 bytes each, which engines keep with their objects; the rest is overwritten.
function finish(derived: Uint8Array<ArrayBuffer>, kind: AeadKind, backend: Backend): Awaitable<MessageKey> {
  const key = derived.slice(0, keyLength)
  const nonce = derived.slice(keyLength, keyLength + kind.nonceLength)
  const commitment = derived.slice(keyLength + kind.nonceLength)
  derived.fill(0)
  return andThen(kind.create(key, nonce, backend), (aead) => ({ aead, nonce, commitment }))
}

const names = new Map<AeadKind, Uint8Array>()

function nameOf(kind: AeadKind): Uint8Array {
  let name = names.get(kind)
  if (name === undefined) {
    name = encoder.encode(`${prefix}${kind.name}\0`)
    names.set(kind, name)
  }
  return name
}

/**
 * Writes the nonce of a chunk: the base nonce, with the number of the chunk as a big-endian integer XORed into its last bytes.
 *
 * @param number at most 2^38.
 */
export function writeNonce(base: Uint8Array, number: number, into: Uint8Array): void {
  into.set(base)
  const low = number >>> 0
  const high = Math.floor(number / 2 ** 32)
  const end = base.length
  into[end - 1] = byteOf(base, end - 1) ^ (low & 0xff)
  into[end - 2] = byteOf(base, end - 2) ^ ((low >>> 8) & 0xff)
  into[end - 3] = byteOf(base, end - 3) ^ ((low >>> 16) & 0xff)
  into[end - 4] = byteOf(base, end - 4) ^ (low >>> 24)
  into[end - 5] = byteOf(base, end - 5) ^ (high & 0xff)
}

function byteOf(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0
}
