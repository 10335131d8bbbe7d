import type { LRUCache } from 'lru-cache'
import type { Awaitable } from '../guard/context.ts'
import { decodeBase64url, encodeBase64url } from '../keys/base64url.ts'
import { algorithmOfKey, readJwks } from '../keys/jwks.ts'
import type { VerificationKey } from '../keys/key-source.ts'

/** More clients than come again within a while; each has one key. */
const maxKeys = 5_000

/** The keys of proofs, each imported once and remembered by its thumbprint, the ones used lately. */
export class DpopKeys {
  #keys: LRUCache<string, Loaded> | undefined

  /**
   * The key that a proof brings along, for one algorithm. Looked at each time, whatever is remembered: a JWK may hold more
   * than its thumbprint says. Rejects with an `Error` for a key that cannot be used, that is not a public key alone, or
   * that is for another algorithm.
   *
   * @param jkt the thumbprint of `jwk`, as the caller has seen.
   */
  load(jkt: string, jwk: Readonly<Record<string, unknown>>, algorithm: string): Awaitable<CryptoKey> {
    const read = proofKey(jwk, algorithm)
    const known = this.#keys?.get(jkt)
    if (known === undefined) return importKey(read)
    // One key, one algorithm (RFC 8725, section 3.2).
    if (known.algorithm !== read.algorithm) throw new Error('the key was used with another algorithm')
    return known.key
  }

  /** Remembers a key that a proof has verified with: one that did not verify leaves no trace, or anybody could choose the algorithm. */
  async remember(jkt: string, algorithm: string, key: CryptoKey): Promise<void> {
    if (this.#keys?.has(jkt) === true) return
    this.#keys ??= new (await import('lru-cache')).LRUCache<string, Loaded>({ max: maxKeys })
    this.#keys.set(jkt, { algorithm: algorithmOfKey(algorithm), key })
  }
}

async function importKey(read: VerificationKey): Promise<CryptoKey> {
  const key = await read.load()
  if (key instanceof Uint8Array) throw new Error('the key is a secret')
  return key
}

interface Loaded {
  readonly algorithm: string
  readonly key: CryptoKey
}

/** The public key in the header of a proof. @throws Error for anything else. */
function proofKey(jwk: Readonly<Record<string, unknown>>, algorithm: string): VerificationKey {
  // The other private members are looked for where a JWK Set is read.
  if (Object.hasOwn(jwk, 'k')) throw new Error('the JWK holds a secret')
  const [key] = readJwks({ keys: [{ alg: algorithm, ...jwk }] }).keys
  if (key?.algorithm !== algorithmOfKey(algorithm)) throw new Error('the JWK is no key for this algorithm')
  if (key.algorithm === 'EdDSA' && !hasFullOrder(jwk.x)) throw new Error('the key is a point of low order')
  return key
}

// The y coordinates (RFC 8032, section 5.1.2) of points whose order divides eight, the spellings that are not canonical as
// well. With such a key anybody can sign.
const lowOrder: readonly string[] = [
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
  'JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU',
  'xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o',
  '7P_______________________________________38',
  '7f_______________________________________38',
  '7v_______________________________________38',
]

function hasFullOrder(x: unknown): boolean {
  const bytes = typeof x === 'string' ? decodeBase64url(x) : undefined
  if (bytes?.length !== 32) return false
  // Without the sign of the x coordinate.
  bytes[31] = (bytes[31] ?? 0) & 0x7f
  return !lowOrder.includes(encodeBase64url(bytes))
}
