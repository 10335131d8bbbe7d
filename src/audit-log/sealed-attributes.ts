import type { Awaitable } from '../guard/context.ts'

/** Seals the attributes of a decision for the log. */
export interface AttributeSealer {
  /** `a256gcm:` and, in base64url, nonce, ciphertext and tag; at once where the runtime can. */
  seal(id: string, text: string): Awaitable<string>
}

/** Opens what an `AttributeSealer` sealed. */
export interface AttributeOpener {
  /** The attributes by path; `undefined` where no key opens them, or where they were sealed for another call. */
  open(id: string, sealed: string): Awaitable<Readonly<Record<string, unknown>> | undefined>
}

const scheme = 'a256gcm:'
const nonceBytes = 12
const tagBytes = 16
// A ciphertext is as long as its text: without padding its length would tell `true` from `false`.
const block = 64

/** Whether a value is a key for sealing attributes: 32 bytes. */
export function isAttributeKey(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === 32
}

/**
 * AES-256-GCM (NIST SP 800-38D) under one key, with a random nonce of 96 bits: at most 2^32 calls a key. A call's id is
 * authenticated with its attributes, so that they cannot be moved to another record.
 *
 * @param key 32 bytes, copied.
 */
export function attributeSealer(key: Uint8Array): AttributeSealer {
  return nativeSealer(checked(key)) ?? webSealer(checked(key))
}

/** Opens what was sealed under one of these keys. */
export function attributeOpener(keys: readonly Uint8Array[]): AttributeOpener {
  const decrypts = keys.map((key) => nativeDecrypt(checked(key)) ?? webDecrypt(checked(key)))
  return {
    open(id, sealed) {
      const bytes = sealed.startsWith(scheme) ? bytesOf(sealed.slice(scheme.length)) : undefined
      if (bytes === undefined || bytes.length < nonceBytes + tagBytes) return undefined
      const context = additional(id)
      const attempt = (index: number): Awaitable<Readonly<Record<string, unknown>> | undefined> => {
        const decrypt = decrypts[index]
        if (decrypt === undefined) return undefined
        const opened = decrypt(bytes, context)
        if (opened instanceof Promise) return opened.then((text) => (text === undefined ? attempt(index + 1) : attributesIn(text)))
        return opened === undefined ? attempt(index + 1) : attributesIn(opened)
      }
      return attempt(0)
    },
  }
}

function checked(key: Uint8Array): Uint8Array<ArrayBuffer> {
  if (!isAttributeKey(key)) throw new TypeError('sealed attributes: the key must be a Uint8Array of 32 bytes')
  return new Uint8Array(key)
}

function additional(id: string): string {
  return `sallyport decision attributes v1\n${id}`
}

function attributesIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

// Spaces behind a JSON text are none of its content.
function padded(text: string, bytes: number): string {
  return text + ' '.repeat((block - (bytes % block)) % block)
}

function nativeSealer(key: Uint8Array): AttributeSealer | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) return undefined
  const secret = crypto.createSecretKey(key)
  // Drawn a page at a time: one system call serves many nonces.
  let page = crypto.randomBytes(nonceBytes * 256)
  let used = 0
  return {
    seal(id, text) {
      if (used === page.length) {
        page = crypto.randomBytes(page.length)
        used = 0
      }
      const nonce = page.subarray(used, (used += nonceBytes))
      const cipher = crypto.createCipheriv('aes-256-gcm', secret, nonce)
      cipher.setAAD(Buffer.from(additional(id)))
      const sealed = Buffer.concat([nonce, cipher.update(padded(text, Buffer.byteLength(text)), 'utf8'), cipher.final(), cipher.getAuthTag()])
      return scheme + sealed.toString('base64url')
    },
  }
}

/** The same by WebCrypto alone. */
export function webSealer(key: Uint8Array<ArrayBuffer>): AttributeSealer {
  const imported = importKey(key, 'encrypt')
  return {
    async seal(id, text) {
      const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes))
      const bytes = new TextEncoder().encode(padded(text, new TextEncoder().encode(text).length))
      const algorithm = { name: 'AES-GCM', iv: nonce, additionalData: new TextEncoder().encode(additional(id)), tagLength: tagBytes * 8 }
      const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, await imported, bytes))
      const whole = new Uint8Array(nonceBytes + sealed.length)
      whole.set(nonce)
      whole.set(sealed, nonceBytes)
      return scheme + base64url(whole)
    },
  }
}

type Decrypt = (bytes: Uint8Array<ArrayBuffer>, context: string) => Awaitable<string | undefined>

function nativeDecrypt(key: Uint8Array): Decrypt | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) return undefined
  const secret = crypto.createSecretKey(key)
  return (bytes, context) => {
    try {
      const decipher = crypto.createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(context))
      decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes))
      return decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      return undefined
    }
  }
}

/** The same by WebCrypto alone. */
export function webDecrypt(key: Uint8Array<ArrayBuffer>): Decrypt {
  const imported = importKey(key, 'decrypt')
  return async (bytes, context) => {
    try {
      const algorithm = {
        name: 'AES-GCM',
        iv: bytes.subarray(0, nonceBytes),
        additionalData: new TextEncoder().encode(context),
        tagLength: tagBytes * 8,
      }
      return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, await imported, bytes.subarray(nonceBytes)))
    } catch {
      return undefined
    }
  }
}

function importKey(key: Uint8Array<ArrayBuffer>, usage: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  const imported = crypto.subtle.importKey('raw', key, 'AES-GCM', false, [usage])
  // Whoever seals something hears of a failure; nobody else has to.
  imported.catch(() => {})
  return imported
}

function base64url(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const octets = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = new Uint8Array(octets.length)
    for (let index = 0; index < octets.length; index++) bytes[index] = octets.charCodeAt(index)
    return bytes
  } catch {
    return undefined
  }
}
