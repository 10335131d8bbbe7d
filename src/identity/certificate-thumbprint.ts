import type { Awaitable } from '../guard/context.ts'
import { decodeBase64url, encodeBase64url } from '../keys/base64url.ts'

/** No certificate is longer, in bytes. */
const maxLength = 16_384
/** With a line break after every character of base64 a text would be twice as long; none is. */
const maxText = maxLength * 2

/**
 * A certificate's own bytes (DER), as a copy; undefined for what is too long, and for a text that is not exactly one PEM block
 * of the kind CERTIFICATE (RFC 7468, section 5) with nothing around it but a line break. Bytes are not looked into.
 */
export function certificateBytes(value: string | Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (typeof value !== 'string') return value.length > 0 && value.length <= maxLength ? new Uint8Array(value) : undefined
  if (value.length > maxText) return undefined
  const bytes = bytesOfPem(value)
  return bytes !== undefined && bytes.length <= maxLength ? bytes : undefined
}

const begin = '-----BEGIN CERTIFICATE-----\n'
const end = '\n-----END CERTIFICATE-----'

function bytesOfPem(text: string): Uint8Array<ArrayBuffer> | undefined {
  const plain = text.replaceAll('\r\n', '\n')
  const stop = plain.endsWith('\n') ? plain.length - 1 : plain.length
  if (!plain.startsWith(begin) || !plain.endsWith(end, stop) || stop < begin.length + end.length) return undefined
  const base64 = plain.slice(begin.length, stop - end.length).replaceAll('\n', '')
  if (base64.length === 0 || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return undefined
  return decodeBase64url(base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''))
}

/**
 * A certificate's SHA-256 thumbprint in base64url (`x5t#S256`; RFC 8705, section 3.1), of its DER. At once where the runtime
 * hashes at once.
 */
export function certificateThumbprint(der: Uint8Array): Awaitable<string> {
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (native === undefined) return hashOf(Uint8Array.from(der))
  // Since Node 20.12; the one-shot form costs less.
  if (typeof native.hash === 'function') return native.hash('sha256', der, 'base64url')
  return native.createHash('sha256').update(der).digest('base64url')
}

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}
