import { type Check, checkNames, checkOptions, isFunction, oneOf, optional } from '../guard/check-options.ts'
import type { Awaitable } from '../guard/context.ts'
import { publicAlgorithms } from '../keys/jwks.ts'
import { isText } from './jwt-options.ts'

/** How this service authenticates to the authorization server that it asks about tokens (RFC 7662, section 2.1). */
export type IntrospectionClient =
  /** An id and a secret (RFC 6749, section 2.3.1), in the `Authorization` field, or in the body with `post`; `basic` unless given. */
  | { readonly id: string; readonly secret: string; readonly method?: 'basic' | 'post' }
  /** A private key, which signs an assertion for every question: `private_key_jwt` (RFC 7523, section 2.2). */
  | { readonly id: string; readonly key: CryptoKey; readonly algorithm: string; readonly kid?: string }
  /** An access token of its own (RFC 6750), asked for with every question. */
  | {
      /** Gives the token. */
      readonly token: () => Awaitable<string>
      readonly id?: string
    }

/** Parsed. */
export type ClientSettings =
  | { readonly method: 'basic' | 'post'; readonly id: string; readonly secret: string }
  | { readonly method: 'private_key_jwt'; readonly id: string; readonly key: CryptoKey; readonly algorithm: string; readonly kid: string | undefined }
  | { readonly method: 'token'; readonly id: string | undefined; readonly token: () => Awaitable<string> }

const secretChecks: Readonly<Record<string, Check>> = {
  id: [isText, 'a non-empty text'],
  secret: [isText, 'a non-empty text'],
  method: [optional(oneOf('basic', 'post')[0]), oneOf('basic', 'post')[1]],
}
const keyChecks: Readonly<Record<string, Check>> = {
  id: [isText, 'a non-empty text'],
  key: [isSigningKey, 'a private CryptoKey that may sign'],
  algorithm: [(value) => typeof value === 'string' && publicAlgorithms.includes(value), 'an asymmetric algorithm'],
  kid: [optional(isText), 'a non-empty text'],
}
const tokenChecks: Readonly<Record<string, Check>> = {
  token: [isFunction, 'a function that gives a token'],
  id: [optional(isText), 'a non-empty text'],
}

/** Parses and copies it. @throws TypeError where it is wrong. */
export function clientSettings(client: IntrospectionClient): ClientSettings {
  const factory = 'opaque: client'
  checkNames(factory, client, ['id', 'secret', 'method', 'key', 'algorithm', 'kid', 'token'])
  const own: IntrospectionClient = { ...client }
  if ('key' in own) {
    checkOptions(factory, own, keyChecks)
    const { id, key, algorithm, kid } = own
    if (!fits(algorithm, key)) throw new TypeError(`${factory}: this key cannot sign ${algorithm}`)
    return { method: 'private_key_jwt', id, key, algorithm, kid }
  }
  if ('token' in own) {
    checkOptions(factory, own, tokenChecks)
    return { method: 'token', id: own.id, token: own.token }
  }
  checkOptions(factory, own, secretChecks)
  return { method: own.method ?? 'basic', id: own.id, secret: own.secret }
}

/** What of it may be shown. */
export function describeClient({ method, id }: ClientSettings): Readonly<Record<string, unknown>> {
  return { method, ...(id !== undefined && { id }) }
}

function isSigningKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('type' in value && 'usages' in value && 'algorithm' in value)) return false
  return value.type === 'private' && Array.isArray(value.usages) && value.usages.includes('sign')
}

const families: Readonly<Record<string, string>> = { ES: 'ECDSA', RS: 'RSASSA-PKCS1-v1_5', PS: 'RSA-PSS', Ed: 'Ed25519' }
const curves: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

function fits(algorithm: string, key: CryptoKey): boolean {
  const { name, namedCurve, hash } = key.algorithm as KeyAlgorithm & { readonly namedCurve?: string; readonly hash?: KeyAlgorithm }
  if (name !== families[algorithm.slice(0, 2)]) return false
  if (name === 'Ed25519') return true
  return name === 'ECDSA' ? namedCurve === curves[algorithm] : hash?.name === `SHA-${algorithm.slice(2)}`
}
