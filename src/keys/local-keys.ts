import type { JWK } from 'jose'
import { type Check, checkOptions } from '../guard/check-options.ts'
import { type AgreementAlgorithm, agreementAlgorithms, type AgreementKey, importPrivateKey, parsePrivateKey } from './agreement-key.ts'
import type { DecryptionKey, AgreementKeys, PublicKey, PublicKeySet } from './agreement-keys.ts'
import type { KeyProvider } from './key-provider.ts'
import { keyring, type KeyringOptions } from './keyring.ts'
import { jwkThumbprint } from './thumbprint.ts'

/** Options of `localKeys` for keys that open what callers sealed to their public halves. */
export interface LocalAgreementKeysOptions {
  /**
   * Private keys as a JWK Set (RFC 7517, section 5): P-256 or X25519, each with `d`. `kid` is the key's thumbprint
   * (RFC 7638) unless given; `alg`, where given, `ECDH-ES` or `ECDH-ES+A256KW`; `use`, where given, `enc`.
   */
  readonly jwks: { readonly keys: readonly JWK[] }
}

const checks: Readonly<Record<keyof LocalAgreementKeysOptions, Check>> = {
  jwks: [(value) => typeof value === 'object' && value !== null, 'a JWK Set'],
}

interface Parsed {
  readonly point: AgreementKey
  readonly d: string
  readonly kid: string | undefined
  readonly alg: AgreementAlgorithm | undefined
}

interface Ring {
  readonly opening: ReadonlyMap<string, DecryptionKey>
  readonly published: PublicKeySet
}

/**
 * Keys that the process holds itself: private keys that open what callers sealed (`jwks`), or a keyring that wraps data keys
 * (`primary` and `keys`). Several may be given, so that a new key is known before the first one uses it and an old one for as
 * long as somebody may still.
 *
 * ```ts
 * const wire = localKeys({ jwks: { keys: [await exportJWK(privateKey)] } })
 * const rest = localKeys({ primary: 'k2', keys: { k1, k2 } })
 * ```
 *
 * @throws TypeError for a key of a keyring that has not 32 bytes, and where the primary one is not there.
 * @throws TypeError for a key of another curve or kind, a public key, a duplicate, or no key at all. Messages name the
 * place of a key and nothing of it. A secret that does not belong to its public key rejects at first use, since only the
 * asynchronous import can tell.
 */
export function localKeys(options: LocalAgreementKeysOptions): AgreementKeys
export function localKeys(options: KeyringOptions): KeyProvider
export function localKeys(options: LocalAgreementKeysOptions | KeyringOptions): AgreementKeys | KeyProvider {
  return typeof options === 'object' && options !== null && 'jwks' in options ? agreementKeys(options) : keyring(options)
}

function agreementKeys(options: LocalAgreementKeysOptions): AgreementKeys {
  checkOptions('localKeys', options, checks)
  const given: unknown = options.jwks.keys
  if (!Array.isArray(given) || given.length === 0) throw new TypeError('localKeys: jwks.keys must be a list of at least one private key')
  const parsed = given.map(parse)
  for (const [index, { point, kid }] of parsed.entries())
    if (parsed.findIndex((other) => other.point.x === point.x || (kid !== undefined && other.kid === kid)) !== index)
      throw new TypeError(`localKeys: jwks.keys[${index}]: is there twice, or its kid is`)
  // Imported once, and at first use: some runtimes do no cryptography while modules load.
  let ring: Promise<Ring> | undefined
  const opened = (): Promise<Ring> => (ring ??= importAll(parsed))
  return Object.freeze({
    decryptionKey: async (kid: string) => (await opened()).opening.get(kid),
    publicKeys: async () => (await opened()).published,
    describe: () => ({ kind: 'local', keys: parsed.map(({ point, kid }) => ({ ...(kid !== undefined && { kid }), curve: point.crv })) }),
  })
}

function parse(value: unknown, index: number): Parsed {
  const wrong = (what: string): TypeError => new TypeError(`localKeys: jwks.keys[${index}]: ${what}`)
  const key = parsePrivateKey(value)
  if (key === undefined) throw wrong('must be a private JWK on P-256 (kty EC) or X25519 (kty OKP)')
  const { kid, alg, use, key_ops } = value as JWK
  if (kid !== undefined && (typeof kid !== 'string' || kid === '' || kid.length > 256)) throw wrong('kid must be a string of 1 to 256 characters')
  if (use !== undefined && use !== 'enc') throw wrong("use must be 'enc': a key that signs must not open as well")
  if (key_ops !== undefined && !(Array.isArray(key_ops) && key_ops.some((operation) => operation === 'deriveBits' || operation === 'deriveKey')))
    throw wrong("key_ops must name 'deriveBits' or 'deriveKey'")
  const algorithm = agreementAlgorithms.find((known) => known === alg)
  if (alg !== undefined && algorithm === undefined) throw wrong(`alg must be one of ${agreementAlgorithms.join(', ')}`)
  return { ...key, kid, alg: algorithm }
}

async function importAll(parsed: readonly Parsed[]): Promise<Ring> {
  const opening = new Map<string, DecryptionKey>()
  const published: PublicKey[] = []
  for (const { point, d, kid: named, alg } of parsed) {
    const kid = named ?? (await jwkThumbprint(point))
    if (opening.has(kid)) throw new Error('two local keys have one kid')
    const key = await importPrivateKey(point, d)
    opening.set(kid, Object.freeze({ curve: point.crv, algorithms: alg === undefined ? agreementAlgorithms : Object.freeze([alg]), key }))
    published.push(Object.freeze({ ...point, kid, use: 'enc', ...(alg !== undefined && { alg }) }))
  }
  return { opening, published: Object.freeze({ keys: Object.freeze(published) }) }
}
