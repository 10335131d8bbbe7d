import { GuardError } from '../guard/errors.ts'
import { keyLength } from './input-key.ts'
import type { KeyContext, KeyProvider, WrappedKey } from './key-provider.ts'

/** How a provider wraps and unwraps. */
interface Wrapping {
  wrap(key: Uint8Array, context: KeyContext, signal?: AbortSignal): Promise<WrappedKey>
  unwrap(wrapped: WrappedKey, context: KeyContext, signal?: AbortSignal): Promise<Uint8Array>
}

/** `generate` of a provider that makes no data keys of its own. A key that could not be wrapped is wiped. */
export function generateByWrapping({ wrap }: Pick<Wrapping, 'wrap'>): KeyProvider['generate'] {
  return async (context, signal) => {
    const plaintext = crypto.getRandomValues(new Uint8Array(keyLength))
    try {
      return { plaintext, wrapped: await wrap(plaintext, context, signal) }
    } catch (error) {
      plaintext.fill(0)
      throw error
    }
  }
}

/** `rewrap` of a provider that has no such operation: the data key, and never what it sealed, is seen here for a moment. */
export function rewrapByUnwrapping({ wrap, unwrap }: Wrapping): KeyProvider['rewrap'] {
  return async (wrapped, context, signal) => {
    const key = await unwrap(wrapped, context, signal)
    try {
      return await wrap(key, context, signal)
    } finally {
      key.fill(0)
    }
  }
}

/** What a provider throws for a wrapped key that is not genuine, or not for this context. Nobody asks again. */
export function notGenuine(reason: string): GuardError {
  return new GuardError('decryption_failed', { reason })
}
