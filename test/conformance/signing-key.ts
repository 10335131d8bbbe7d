import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { encode } from 'jose/base64url'
import type { Jwks } from '../../src/index.ts'

/** A key that signs whatever it is given. */
export interface SigningKey {
  /** The private key, with its `kid`. */
  readonly jwk: JWK
  readonly jwks: Jwks
  /** A token with this header and these claims, over the right `alg` and `kid`. */
  sign(header: object, claims: object): Promise<string>
}

/**
 * A key that signs tokens of every kind. By hand: a library would refuse to write what a forger writes, and an issuer of one
 * kind of token does not write the others.
 */
export async function signingKey(kid = 'key-1'): Promise<SigningKey> {
  const pair = await generateKeyPair('ES256', { extractable: true })
  const publicKey: JWK = { ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256' }
  return {
    jwk: { ...(await exportJWK(pair.privateKey)), kid },
    jwks: { keys: [publicKey] },
    async sign(header, claims) {
      const input = `${encode(JSON.stringify({ alg: 'ES256', kid, ...header }))}.${encode(JSON.stringify(claims))}`
      const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, new TextEncoder().encode(input))
      return `${input}.${encode(new Uint8Array(signature))}`
    },
  }
}
