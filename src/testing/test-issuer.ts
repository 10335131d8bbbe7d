import type { JWK } from 'jose'
import { encode } from 'jose/base64url'
import { type Clock, systemClock } from '../guard/clock.ts'
import { newApiKey, type ApiKeyEntry } from '../identity/api-key.ts'
import type { Jwks } from '../keys/jwks.ts'

/** Options of `testIssuer`. */
export interface TestIssuerOptions {
  /** `https://issuer.example` unless given. */
  readonly issuer?: string
  /** `https://api.example` unless given. */
  readonly audience?: string
  /** `ES256` unless given. */
  readonly algorithm?: TestAlgorithm
  /** What tells the time of `iat` and `exp`; the system's unless given. */
  readonly clock?: Clock
}

/** Algorithms that a test issuer can sign with. */
export type TestAlgorithm = 'ES256' | 'ES384' | 'EdDSA' | 'RS256' | 'PS256'

/** What a test token is to be, beside its claims. A wrong one is made by giving what is wrong. */
export interface MintOptions {
  /** Seconds from now to `exp`, negative for one that has expired; 300 unless given. */
  readonly expiresIn?: number
  /** Members of the header, over the right ones; `undefined` leaves one out, and `alg: 'none'` the signature. */
  readonly header?: Readonly<Record<string, unknown>>
  /** The id of the key that signs: one that was retired as well; the newest unless given. */
  readonly key?: string
}

/** An issuer of tokens for tests: real keys, real signatures, no server. */
export interface TestIssuer {
  readonly issuer: string
  readonly audience: string
  /** The public keys that stand now: pass it as `keys`, or serve it. */
  readonly jwks: Jwks
  /** `{ issuer, audience, keys }`, to spread into `jwt({ … })`. */
  readonly options: { readonly issuer: string; readonly audience: string; readonly keys: Jwks }
  /**
   * A signed access token (RFC 9068). Claims go over the right ones, which are `iss`, `aud`, `sub` (`user-1`), `client_id`
   * (`test-client`), `jti`, `iat` and `exp`; `undefined` leaves one out.
   */
  mint(claims?: Readonly<Record<string, unknown>>, options?: MintOptions): Promise<string>
  /** Credentials with such a token. */
  bearer(claims?: Readonly<Record<string, unknown>>, options?: MintOptions): Promise<{ readonly authorization: string }>
  /** A new API key, and its entry for `apiKey({ keys: [entry] })`. */
  mintApiKey(
    identity: ApiKeyEntry['identity'],
    options?: { readonly prefix?: string },
  ): Promise<{ readonly key: string; readonly entry: ApiKeyEntry }>
  /** Signs with a new key from now on, and returns its id. The older ones stay in the set until they are retired. */
  rotate(): string
  /** Takes a key out of the set. It can still sign, as a stolen one would. */
  retire(id: string): void
}

/**
 * Makes an issuer for tests.
 *
 * ```ts
 * const issuer = testIssuer()
 * const verifier = jwt(issuer.options)
 * const identity = await verifier.verify({ authorization: `Bearer ${await issuer.mint({ sub: 'ada', roles: ['analyst'] })}` })
 * ```
 *
 * @throws TypeError for an algorithm that it cannot sign with, and on runtimes without `node:crypto`.
 */
export function testIssuer(options: TestIssuerOptions = {}): TestIssuer {
  const { issuer = 'https://issuer.example', audience = 'https://api.example', algorithm = 'ES256', clock = systemClock } = options
  const keys = new Map<string, TestKey>()
  const rotate = (): string => {
    const id = `test-${keys.size + 1}`
    keys.set(id, newKey(id, algorithm))
    return id
  }
  rotate()
  const mint = async (claims: Readonly<Record<string, unknown>> = {}, { expiresIn = 300, header, key: id }: MintOptions = {}): Promise<string> => {
    const key = id === undefined ? [...keys.values()].at(-1) : keys.get(id)
    if (key === undefined) throw new TypeError('testIssuer: there is no key of this id')
    const now = Math.floor(clock.now() / 1000)
    const payload = {
      iss: issuer,
      aud: audience,
      sub: 'user-1',
      client_id: 'test-client',
      jti: crypto.randomUUID(),
      iat: now,
      exp: now + expiresIn,
      ...claims,
    }
    // Spelled by hand and not by a library, which would refuse to write what a forger writes.
    const fields: Readonly<Record<string, unknown>> = { alg: algorithm, typ: 'at+jwt', kid: key.id, ...header }
    const input = `${encode(JSON.stringify(fields))}.${encode(JSON.stringify(payload))}`
    return `${input}.${fields.alg === 'none' ? '' : key.sign(input)}`
  }
  const jwks = (): Jwks => ({ keys: [...keys.values()].filter((key) => !key.isRetired).map((key) => ({ ...key.jwk })) })
  return {
    issuer,
    audience,
    get jwks() {
      return jwks()
    },
    get options() {
      return { issuer, audience, keys: jwks() }
    },
    mint,
    bearer: async (claims, minted) => ({ authorization: `Bearer ${await mint(claims, minted)}` }),
    async mintApiKey(identity, { prefix } = {}) {
      const { key, hash } = await newApiKey(prefix === undefined ? {} : { prefix })
      return { key, entry: { id: crypto.randomUUID(), hash, identity } }
    },
    rotate,
    retire(id) {
      const key = keys.get(id)
      if (key === undefined) throw new TypeError('testIssuer: there is no key of this id')
      key.isRetired = true
    },
  }
}

interface TestKey {
  readonly id: string
  readonly jwk: JWK
  isRetired: boolean
  sign(input: string): string
}

function newKey(id: string, algorithm: TestAlgorithm): TestKey {
  // At once, so that a test file can make its issuer where it declares it.
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (native === undefined) throw new TypeError('testIssuer: this runtime has no node:crypto')
  const make = {
    ES256: () => native.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ES384: () => native.generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    EdDSA: () => native.generateKeyPairSync('ed25519'),
    RS256: () => native.generateKeyPairSync('rsa', { modulusLength: 2048 }),
    PS256: () => native.generateKeyPairSync('rsa', { modulusLength: 2048 }),
  }
  if (!Object.hasOwn(make, algorithm)) throw new TypeError('testIssuer: it cannot sign with this algorithm')
  const { publicKey, privateKey } = make[algorithm]()
  return {
    id,
    jwk: { ...(publicKey.export({ format: 'jwk' }) as JWK), kid: id, alg: algorithm, use: 'sig' },
    isRetired: false,
    sign(input) {
      const hash = algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`
      // JWS writes the two numbers of an ECDSA signature one after the other (RFC 7518, section 3.4).
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
      const pss = { padding: native.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
      return encode(native.sign(hash, new TextEncoder().encode(input), algorithm === 'PS256' ? { ...key, ...pss } : key))
    },
  }
}
