import type { Awaitable } from '../guard/context.ts'
import type { Backend } from './native-crypto.ts'

/** Bytes of an authentication tag, of every cipher here. */
export const tagLength = 16

/** An authenticated cipher under one key, for the messages whose nonces differ in their last bytes only. */
export interface Aead {
  /**
   * Writes ciphertext and tag. Never twice with one nonce.
   *
   * @param into as long as the plaintext and the tag.
   */
  seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array | undefined, into: Uint8Array): Awaitable<void>
  /**
   * The plaintext, in memory of its own, once the tag was found to fit.
   *
   * @throws Error, or rejects, where the tag does not fit.
   */
  open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array | undefined): Awaitable<Uint8Array<ArrayBuffer>>
  /** Overwrites the key, as far as this process can. Not while it works. */
  wipe(): void
}

/** A kind of authenticated cipher. */
export interface AeadKind {
  /** As the key derivation knows it (the AEAD algorithms of IANA, where it is one of them). */
  readonly name: string
  /** Bytes. */
  readonly nonceLength: number
  /**
   * @param key 32 bytes, of which it keeps a copy or this.
   * @param nonce where the nonces start; all but the last eight bytes are the same in each.
   */
  create(key: Uint8Array<ArrayBuffer>, nonce: Uint8Array, backend: Backend): Awaitable<Aead>
}
