import type { Awaitable } from '../guard/context.ts'

/** Digests content with a key, so that a short or guessable text cannot be found again from its digest. */
export interface KeyedDigest {
  /** `hmac-sha256:` and the digest in base64url; at once where the runtime can. */
  digest(content: string | Uint8Array): Awaitable<string>
  /** Begins a digest over content that comes in pieces. It equals the digest of the whole. */
  running(): RunningDigest
}

/** A digest over content that comes in pieces. */
export interface RunningDigest {
  update(content: string | Uint8Array): void
  /** The digest of all of it. Nothing may follow. */
  end(): Awaitable<string>
}

const scheme = 'hmac-sha256:'

/**
 * HMAC-SHA-256 (RFC 2104) of content under one key. Where the runtime has no native HMAC, WebCrypto does it, and a
 * running digest holds its content until the end.
 *
 * @param key at least 32 bytes, copied. A key of its own: used for nothing else.
 * @throws TypeError for a key that is too short.
 */
export function keyedDigest(key: Uint8Array): KeyedDigest {
  if (!(key instanceof Uint8Array) || key.length < 32) throw new TypeError('keyedDigest: the key must be a Uint8Array of at least 32 bytes')
  const own = new Uint8Array(key)
  return nativeDigest(own) ?? webDigest(own)
}

function nativeDigest(key: Uint8Array): KeyedDigest | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) return undefined
  const secret = crypto.createSecretKey(key)
  return {
    digest: (content) => scheme + crypto.createHmac('sha256', secret).update(content).digest('base64url'),
    running() {
      const hmac = crypto.createHmac('sha256', secret)
      return {
        update: (content) => void hmac.update(content),
        end: () => scheme + hmac.digest('base64url'),
      }
    },
  }
}

/** The same by WebCrypto alone. */
export function webDigest(key: Uint8Array<ArrayBuffer>): KeyedDigest {
  const imported = crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  // Whoever digests something hears of a failure; nobody else has to.
  imported.catch(() => {})
  const digest = async (content: string | Uint8Array): Promise<string> => {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content)
    return scheme + base64url(new Uint8Array(await crypto.subtle.sign('HMAC', await imported, bytes)))
  }
  return {
    digest,
    running() {
      const pieces: Uint8Array[] = []
      return {
        update: (content) => void pieces.push(typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content)),
        end: () => digest(joined(pieces)),
      }
    },
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
