import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { tagLength } from './aead.ts'
import { aesGcm } from './aes-gcm.ts'
import { andThen, type InputKey, keyLength } from './input-key.ts'
import { commitmentLength, deriveMessageKey, openMessageKey, saltLength } from './message-key.ts'

const prefixLength = saltLength + commitmentLength

/** Bytes of a wrapped key. */
const wrappedLength: number = prefixLength + keyLength + tagLength

/**
 * Wraps a key of 32 bytes with another: a C2SP chunked-encryption message of one chunk, so that wrapping commits to the key and
 * to the context, and no counter of uses is needed.
 */
export function wrapKey(kek: InputKey, key: Uint8Array, context: Uint8Array): Awaitable<Uint8Array> {
  if (key.length !== keyLength) throw new TypeError(`a data key must have ${keyLength} bytes`)
  const salt = crypto.getRandomValues(new Uint8Array(saltLength))
  return andThen(deriveMessageKey(kek, aesGcm, salt, context), ({ aead, nonce, commitment }) => {
    const wrapped = new Uint8Array(wrappedLength)
    wrapped.set(salt)
    wrapped.set(commitment, saltLength)
    return andThen(aead.seal(nonce, key, undefined, wrapped.subarray(prefixLength)), () => {
      aead.wipe()
      return wrapped
    })
  })
}

/** Unwraps such a key. @throws GuardError `decryption_failed` for another key or context, and for whatever was changed. */
export function unwrapKey(kek: InputKey, wrapped: Uint8Array, context: Uint8Array): Awaitable<Uint8Array> {
  if (wrapped.length !== wrappedLength) throw notWrapped()
  const salt = wrapped.subarray(0, saltLength)
  return andThen(openMessageKey(kek, aesGcm, salt, wrapped.subarray(saltLength, prefixLength), context), (opened) => {
    if (opened === undefined) throw notWrapped()
    const key = new Uint8Array(keyLength)
    const { aead, nonce } = opened
    const opening = open()
    return andThen(opening, () => {
      aead.wipe()
      return key
    })
    function open(): Awaitable<void> {
      try {
        const pending = aead.open(nonce, wrapped.subarray(prefixLength), undefined, key)
        return isThenable(pending) ? pending.catch(() => Promise.reject(notWrapped())) : pending
      } catch {
        throw notWrapped()
      }
    }
  })
}

function notWrapped(): GuardError {
  return new GuardError('decryption_failed', { reason: 'the data key was wrapped by another key, for another context, or was changed' })
}
