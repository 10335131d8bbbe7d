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

/** An issuer of tokens for tests: real keys, real signatures, and no server unless you make one of its `handler`. */
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
  /**
   * The issuer as a server, to try an application with before there is an identity provider: its metadata at
   * `/.well-known/openid-configuration`, its keys at `/jwks`, and at `/token?sub=ada&roles=staff,admin` a token with whatever claims
   * are asked for, `roles` as a list. Whoever reaches it gets any token: listen on a loopback address alone.
   */
  readonly handler: (request: Request) => Promise<Response>
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
    return `${input}.${fields.alg === 'none' ? '' : await key.sign(input)}`
  }
  const handler = async ({ url }: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(url)
    if (pathname === '/.well-known/openid-configuration') return Response.json({ issuer, jwks_uri: new URL('/jwks', issuer).href })
    if (pathname === '/jwks') return Response.json(jwks())
    if (pathname !== '/token')
      return new Response('There is /token?sub=ada&roles=staff, /jwks and /.well-known/openid-configuration.', { status: 404 })
    const { roles, ...claims } = Object.fromEntries(searchParams)
    return new Response(await mint({ ...claims, ...(roles !== undefined && { roles: roles.split(',') }) }, { expiresIn: 3_600 }))
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
    handler,
  }
}

interface TestKey {
  readonly id: string
  readonly jwk: JWK
  isRetired: boolean
  sign(input: string): Promise<string>
}

// How WebCrypto calls each algorithm, to import its key and to sign with it (RFC 7518, section 3; RFC 8037, section 3.1).
const webCrypto = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  EdDSA: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 },
} as const

function newKey(id: string, algorithm: TestAlgorithm): TestKey {
  // At once, so that a test file can make its issuer where it declares it: WebCrypto only makes keys later.
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
  const parameters = webCrypto[algorithm]
  let loading: Promise<CryptoKey> | undefined
  return {
    id,
    jwk: { ...definedIn(publicKey.export({ format: 'jwk' })), kid: id, alg: algorithm, use: 'sig' },
    isRetired: false,
    // By WebCrypto, which signs alike everywhere; what `node:crypto` takes for a key differs between runtimes.
    async sign(input) {
      loading ??= crypto.subtle.importKey('jwk', definedIn(privateKey.export({ format: 'jwk' })), parameters, false, ['sign'])
      return encode(new Uint8Array(await crypto.subtle.sign(parameters, await loading, new TextEncoder().encode(input))))
    },
  }
}

// workerd exports a key with every member that any key has, most of them undefined: also the private ones of a public key.
function definedIn(jwk: object): JWK {
  return Object.fromEntries(Object.entries(jwk).filter(([, value]) => value !== undefined))
}
