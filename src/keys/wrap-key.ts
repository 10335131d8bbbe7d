import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { tagLength } from './aead.ts'
import { aesGcm } from './aes-gcm.ts'
import { andThen, type InputKey, keyLength } from './input-key.ts'
import { commitmentLength, deriveMessageKey, openMessageKey, saltLength } from './message-key.ts'

const prefixLength = saltLength + commitmentLength
/** A secret fits into one chunk of a message. */
const maxSecret = 16_383

/**
 * Wraps a key of 32 bytes with another: a C2SP chunked-encryption message of one chunk, so that wrapping commits to the key and
 * to the context, and no counter of uses is needed.
 */
export function wrapKey(kek: InputKey, key: Uint8Array, context: Uint8Array): Awaitable<Uint8Array> {
  if (key.length !== keyLength) throw new TypeError(`a data key must have ${keyLength} bytes`)
  return wrapSecret(kek, key, context)
}

/** Unwraps such a key. @throws GuardError `decryption_failed` for another key or context, and for whatever was changed. */
export function unwrapKey(kek: InputKey, wrapped: Uint8Array, context: Uint8Array): Awaitable<Uint8Array> {
  if (wrapped.length !== prefixLength + keyLength + tagLength) throw notWrapped()
  return unwrapSecret(kek, wrapped, context)
}

/** The same for a secret of up to 16,383 bytes. */
export function wrapSecret(kek: InputKey, secret: Uint8Array, context: Uint8Array): Awaitable<Uint8Array> {
  if (secret.length > maxSecret) throw new TypeError(`a secret must have at most ${maxSecret} bytes`)
  const salt = crypto.getRandomValues(new Uint8Array(saltLength))
  return andThen(deriveMessageKey(kek, aesGcm, salt, context), ({ aead, nonce, commitment }) => {
    const wrapped = new Uint8Array(prefixLength + secret.length + tagLength)
    wrapped.set(salt)
    wrapped.set(commitment, saltLength)
    return andThen(aead.seal(nonce, secret, undefined, wrapped.subarray(prefixLength)), () => {
      aead.wipe()
      return wrapped
    })
  })
}

/** Unwraps such a secret. @throws GuardError `decryption_failed` */
export function unwrapSecret(kek: InputKey, wrapped: Uint8Array, context: Uint8Array): Awaitable<Uint8Array> {
  const length = wrapped.length - prefixLength - tagLength
  if (length < 0 || length > maxSecret) throw notWrapped()
  const salt = wrapped.subarray(0, saltLength)
  return andThen(openMessageKey(kek, aesGcm, salt, wrapped.subarray(saltLength, prefixLength), context), (opened) => {
    if (opened === undefined) throw notWrapped()
    const { aead, nonce } = opened
    const open = (): Awaitable<Uint8Array> => {
      try {
        const pending = aead.open(nonce, wrapped.subarray(prefixLength), undefined)
        return isThenable(pending) ? pending.catch(() => Promise.reject(notWrapped())) : pending
      } catch {
        throw notWrapped()
      }
    }
    return andThen(open(), (secret) => {
      aead.wipe()
      return secret
    })
  })
}

function notWrapped(): GuardError {
  return new GuardError('decryption_failed', { reason: 'the data key was wrapped by another key, for another context, or was changed' })
}
