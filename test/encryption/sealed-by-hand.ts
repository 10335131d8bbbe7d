import { createHash } from 'node:crypto'
import { CompactEncrypt, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose'
import { type Expected, type OpenedRequest, openRequest } from '../../src/encryption/open-request.ts'
import { memoryReplay } from '../../src/encryption/replay-memory.ts'
import type { AgreementKeys } from '../../src/keys/agreement-keys.ts'
import { localKeys } from '../../src/keys/local-keys.ts'

export type Curve = 'P-256' | 'X25519'

export const now: number = Date.UTC(2026, 0, 1)
export const address: string = 'https://api.example/v1/chat'
export const token: string = 'a.token.of-the-caller'

/** The hash of a credential, made without the code under test. */
export function athOf(credential: string): string {
  return createHash('sha256').update(credential).digest('base64url')
}

export interface Service {
  readonly keys: AgreementKeys
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
  readonly privateJwk: JWK
}

export async function makeService(crv: Curve = 'P-256', kid = 'k1'): Promise<Service> {
  const { privateKey, publicKey } = await generateKeyPair('ECDH-ES', { crv, extractable: true })
  const privateJwk = { ...(await exportJWK(privateKey)), kid }
  return { keys: localKeys({ jwks: { keys: [privateJwk] } }), publicKey, publicJwk: { ...(await exportJWK(publicKey)), kid }, privateJwk }
}

export async function makeReplyKey(crv: Curve = 'P-256'): Promise<{ privateKey: CryptoKey; jwk: JWK; privateJwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair('ECDH-ES', { crv, extractable: true })
  return { privateKey, jwk: await exportJWK(publicKey), privateJwk: await exportJWK(privateKey) }
}

export interface ByHand {
  readonly header?: Readonly<Record<string, unknown>>
  readonly omit?: readonly string[]
  readonly body?: string
  readonly epk?: CryptoKey
  readonly key?: CryptoKey | Uint8Array
}

/** A sealed request made with jose alone, every part of which a test can spoil; what it makes decrypts all the same. */
export async function sealByHand(
  service: Pick<Service, 'publicKey' | 'publicJwk'>,
  { header = {}, omit = [], body = '{"ask":1}', epk, key }: ByHand = {},
): Promise<string> {
  const crit = ['reply_jwk', 'ath', 'htu', 'iat', 'jti']
  const whole: Record<string, unknown> = {
    alg: 'ECDH-ES+A256KW',
    enc: 'A256GCM',
    kid: service.publicJwk.kid,
    crit,
    reply_jwk: (await makeReplyKey()).jwk,
    ath: athOf(token),
    htu: address,
    iat: now / 1000,
    jti: 'first-use',
    ...header,
  }
  for (const name of omit) delete whole[name]
  const sealing = new CompactEncrypt(new TextEncoder().encode(body)).setProtectedHeader(whole as { alg: string; enc: string })
  if (epk !== undefined) sealing.setKeyManagementParameters({ epk })
  const listed = Array.isArray(whole.crit) ? whole.crit : []
  return sealing.encrypt(key ?? service.publicKey, { crit: Object.fromEntries([...crit, ...listed].map((name) => [name, true])) })
}

/** Opens as the control does, in a fresh memory unless one is given. */
export function open(service: Pick<Service, 'keys'>, compact: string | Uint8Array, expected: Partial<Expected> = {}): Promise<OpenedRequest> {
  const body = typeof compact === 'string' ? new TextEncoder().encode(compact) : compact
  return openRequest(body, { keys: service.keys, replay: memoryReplay(), ath: athOf(token), address, maxAge: 60, now, ...expected })
}
