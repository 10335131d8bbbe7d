import { CompactSign, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'

/** A key pair as JWKs. */
export interface SigningKeys {
  readonly privateKey: JWK
  readonly publicKey: JWK
}

/** A new pair for one algorithm. */
export async function signingKeys(alg = 'ES256', kid = 'policies-1'): Promise<SigningKeys> {
  const pair = await generateKeyPair(alg, { extractable: true })
  const [privateKey, publicKey] = await Promise.all([exportJWK(pair.privateKey), exportJWK(pair.publicKey)])
  return { privateKey: { ...privateKey, alg, kid }, publicKey: { ...publicKey, alg, kid } }
}

/** Any text signed with any header, as whoever has the key could. */
export async function signAnything(payload: string | Uint8Array, key: JWK, header: Record<string, unknown>): Promise<string> {
  const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload
  const alg = String(header.alg)
  const options = Array.isArray(header.crit) ? { crit: Object.fromEntries(header.crit.map((name: unknown) => [String(name), true])) } : undefined
  return new CompactSign(bytes).setProtectedHeader({ ...header, alg }).sign(await importJWK(key, alg), options)
}
