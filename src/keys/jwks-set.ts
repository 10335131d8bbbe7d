import type { JWK } from 'jose'
import { algorithmOfKey, type JwksKey, readJwk, secretAlgorithms } from './jwks-key.ts'
import type { KeyQuery, KeySource, VerificationKey } from './key-source.ts'

/** A JWK Set (RFC 7517, section 5). */
export interface Jwks {
  readonly keys: readonly JWK[]
}

/** More keys than any issuer rotates through. */
const maxKeys = 100
const maxIdLength = 256
const privateMembers: readonly string[] = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv']

/** The keys of one JWK Set, each for one algorithm. */
export class JwksSet {
  readonly keys: readonly JwksKey[]
  readonly #byId: ReadonlyMap<string, JwksKey>
  readonly #all: ReadonlySet<VerificationKey>

  constructor(keys: readonly JwksKey[]) {
    this.keys = keys
    this.#byId = new Map(keys.flatMap((key) => (key.id === undefined ? [] : [[key.id, key] as const])))
    this.#all = new Set(keys)
  }

  find({ algorithm, id }: KeyQuery): JwksKey | undefined {
    const wanted = algorithmOfKey(algorithm)
    if (id !== undefined) {
      const key = this.#byId.get(id)
      return key?.algorithm === wanted ? key : undefined
    }
    let only: JwksKey | undefined
    for (const key of this.keys) {
      if (key.algorithm !== wanted) continue
      // Two that fit: which one is meant is not for us to try out.
      if (only !== undefined) return undefined
      only = key
    }
    return only
  }

  has(key: VerificationKey): boolean {
    return this.#all.has(key)
  }
}

/**
 * The keys for signatures in a JWK Set from outside. Keys for other uses, of unknown kinds and weak ones are left out;
 * keys that are in `before` as well stay the same objects.
 *
 * @throws TypeError for what is no JWK Set, more than 100 keys, a private or secret key, and a `kid` that stands twice.
 */
export function readJwks(value: unknown, before?: JwksSet): JwksSet {
  const known = new Map(before?.keys.map((key) => [key.fingerprint, key]))
  const keys: JwksKey[] = []
  for (const jwk of jwksMembers(value)) {
    if (jwk.kty === 'oct') throw new TypeError('the set holds a secret')
    const key = readUnlessRefused(jwk)
    if (key !== undefined) keys.push(known.get(key.fingerprint) ?? key)
  }
  return distinct(keys)
}

/**
 * A key source of keys that are at hand.
 *
 * @throws TypeError for what `readJwks` does not take, for a weak key, for a set without a usable key, and for one in
 * which secrets and public keys are mixed.
 */
export function localJwks(jwks: Jwks): KeySource {
  const keys = jwksMembers(jwks)
    .map(readJwk)
    .filter((key) => key !== undefined)
  const secrets = keys.filter((key) => secretAlgorithms.includes(key.algorithm))
  if (keys.length === 0) throw new TypeError('the JWK Set holds no key that signatures could be verified with')
  if (secrets.length > 0 && secrets.length < keys.length) throw new TypeError('the JWK Set mixes secrets with public keys')
  const set = distinct(keys)
  return Object.freeze({
    find: (query: KeyQuery) => set.find(query),
    trusts: (key: VerificationKey) => set.has(key),
    describe: () => ({ kind: 'local', keys: set.keys.map(({ id, algorithm }) => ({ id, algorithm })) }),
  })
}

function jwksMembers(value: unknown): Readonly<Record<string, unknown>>[] {
  const keys: unknown = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined
  if (!Array.isArray(keys)) throw new TypeError('this is no JWK Set: expected an object with a list of keys')
  if (keys.length > maxKeys) throw new TypeError(`a JWK Set may hold ${maxKeys} keys`)
  return keys.map((jwk: unknown) => {
    if (typeof jwk !== 'object' || jwk === null) throw new TypeError('the JWK Set holds something that is no JWK')
    const own: Readonly<Record<string, unknown>> = { ...jwk }
    if (privateMembers.some((member) => Object.hasOwn(own, member))) throw new TypeError('the JWK Set holds a private key: give the public half only')
    if (own.kid !== undefined && !(typeof own.kid === 'string' && own.kid.length <= maxIdLength))
      throw new TypeError(`a kid must be a text of at most ${maxIdLength} characters`)
    return own
  })
}

function distinct(keys: readonly JwksKey[]): JwksSet {
  const ids = keys.flatMap(({ id }) => id ?? [])
  if (new Set(ids).size < ids.length) throw new TypeError('a kid stands twice in the JWK Set')
  return new JwksSet(keys)
}

// One bad key of an issuer must not keep its good ones from being used.
function readUnlessRefused(jwk: Readonly<Record<string, unknown>>): JwksKey | undefined {
  try {
    return readJwk(jwk)
  } catch {
    return undefined
  }
}
