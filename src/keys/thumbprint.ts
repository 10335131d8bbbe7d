import type { Awaitable } from '../guard/context.ts'
import { encodeBase64url } from './base64url.ts'

// RFC 7638, section 3.2; RFC 8037, section 2. In the order of their names.
const members: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
  oct: ['k', 'kty'],
}

/**
 * The SHA-256 thumbprint of a JWK in base64url (RFC 7638): its one name, whatever else stands in the JWK. At once where the
 * runtime hashes at once. The members are taken as they are spelled: whoever lets a key be spelled in two ways gets two.
 *
 * @throws TypeError for a kind of key that is not known, and where a member that makes the key is missing or no text.
 */
export function jwkThumbprint(jwk: object): Awaitable<string> {
  return hashOfText(membersOf(jwk))
}

/** The SHA-256 of a text in base64url. At once where the runtime hashes at once. */
export function hashOfText(text: string): Awaitable<string> {
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (native !== undefined) return native.createHash('sha256').update(text).digest('base64url')
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)).then((hash) => encodeBase64url(new Uint8Array(hash)))
}

// Without white space, and nothing but the members that make the key.
function membersOf(jwk: object): string {
  const { kty } = jwk as Readonly<Record<string, unknown>>
  if (typeof kty !== 'string' || !Object.hasOwn(members, kty)) throw new TypeError('a thumbprint is not defined for this kind of key')
  const own: Record<string, string> = {}
  for (const name of members[kty] ?? []) {
    const value = Object.hasOwn(jwk, name) ? (jwk as Readonly<Record<string, unknown>>)[name] : undefined
    if (typeof value !== 'string') throw new TypeError(`a JWK without a text as ${name} has no thumbprint`)
    own[name] = value
  }
  return JSON.stringify(own)
}
