/** What is used of the cryptography of Node, which Bun, Deno and (in part) workerd have as well. */
export interface NativeCrypto {
  /** One call for a whole hash, where the runtime has it (Node from 20.12 on). */
  hash?(algorithm: 'sha512', data: Uint8Array, encoding: 'buffer'): Uint8Array
  createHash(algorithm: 'sha512'): NativeHash
  createCipheriv(cipher: 'aes-256-gcm' | 'chacha20-poly1305', key: Uint8Array, nonce: Uint8Array, options?: TagLength): NativeCipher
  createDecipheriv(cipher: 'aes-256-gcm' | 'chacha20-poly1305', key: Uint8Array, nonce: Uint8Array, options?: TagLength): NativeDecipher
}

interface TagLength {
  readonly authTagLength: number
}

interface NativeHash {
  update(data: Uint8Array): NativeHash
  digest(): Uint8Array
}

interface NativeCipher {
  setAAD(aad: Uint8Array, options: { readonly plaintextLength: number }): unknown
  update(data: Uint8Array): Uint8Array
  final(): Uint8Array
  getAuthTag(): Uint8Array
}

interface NativeDecipher {
  setAAD(aad: Uint8Array, options: { readonly plaintextLength: number }): unknown
  setAuthTag(tag: Uint8Array): unknown
  update(data: Uint8Array): Uint8Array
  final(): Uint8Array
}

// `null` is "looked for and not there".
let found: NativeCrypto | null | undefined

/** The runtime's own synchronous cryptography; undefined where there is none, or where it cannot do what is needed here. */
export function nativeCrypto(): NativeCrypto | undefined {
  if (found === undefined) {
    const crypto: NativeCrypto | undefined = globalThis.process?.getBuiltinModule?.('node:crypto')
    found = crypto !== undefined && works(crypto) ? crypto : null
  }
  return found ?? undefined
}

// A runtime may have the module and leave out what is in it: then its functions are missing, or throw when they are called.
function works(crypto: NativeCrypto): boolean {
  try {
    const key = new Uint8Array(32)
    const cipher = crypto.createCipheriv('aes-256-gcm', key, new Uint8Array(12), { authTagLength: 16 })
    const text = cipher.update(key)
    cipher.final()
    const decipher = crypto.createDecipheriv('aes-256-gcm', key, new Uint8Array(12), { authTagLength: 16 })
    decipher.setAuthTag(cipher.getAuthTag())
    const opened = decipher.update(text)
    decipher.final()
    return opened.length === 32 && crypto.createHash('sha512').update(opened).digest().length === 64 && opened.every((byte) => byte === 0)
  } catch {
    return false
  }
}

/** What computes: the runtime's synchronous cryptography, or WebCrypto, which every runtime has. */
export type Backend = NativeCrypto | 'webcrypto'

/** What computes here. What it makes is the same with either. */
export function defaultBackend(): Backend {
  return nativeCrypto() ?? 'webcrypto'
}
