import type { Credentials } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { decodeBase64url } from '../keys/base64url.ts'

/** How a credential came. `none` is no credential at all, `other` a scheme that nobody here knows. */
type Scheme = 'none' | 'bearer' | 'dpop' | 'api-key' | 'other'

/** The one credential of a call. Read once, decoded once, and only if somebody asks. */
export class Presented {
  readonly scheme: Scheme
  /** What stands behind the scheme; empty where there is nothing. */
  readonly secret: string
  /** Whether a proof of possession came with it (RFC 9449, section 4.1). */
  readonly hasProof: boolean
  #jwt: UnverifiedJwt | null | undefined
  #digest: string | undefined

  constructor(scheme: Scheme, secret: string, hasProof: boolean) {
    this.scheme = scheme
    this.secret = secret
    this.hasProof = hasProof
  }

  /** The token, read and not verified; undefined where it is no JWT in the one allowed spelling. */
  get jwt(): UnverifiedJwt | undefined {
    // `null` is "read, and none".
    if (this.#jwt === undefined) this.#jwt = (this.scheme === 'bearer' || this.scheme === 'dpop' ? readJwt(this.secret) : undefined) ?? null
    return this.#jwt ?? undefined
  }

  /** What the secret is remembered by. */
  get digest(): string {
    this.#digest ??= tokenDigest(this.secret)
    return this.#digest
  }
}

const none = new Presented('none', '', false)

/**
 * The one credential in what a caller presents. A field that is there and empty is a bad credential and not the want of
 * one.
 *
 * @throws GuardError `identity_invalid` for more than one credential, a proof without one, and one that is too long.
 */
export function presentedIn({ authorization, apiKey, dpop }: Credentials): Presented {
  if (authorization !== undefined && apiKey !== undefined) throw invalid('two credentials came at once')
  const hasProof = dpop !== undefined
  if (authorization === undefined) {
    if (apiKey !== undefined) return new Presented('api-key', bounded(apiKey), hasProof)
    if (hasProof) throw invalid('a proof came without the credential that it is for')
    return none
  }
  const end = authorization.indexOf(' ')
  if (end === -1) return new Presented('other', '', hasProof)
  const secret = bounded(authorization.slice(end + 1))
  return new Presented(schemeOf(authorization.slice(0, end)), secret, hasProof)
}

// Schemes are compared without regard to case (RFC 9110, section 11.1).
function schemeOf(name: string): Scheme {
  if (name === 'Bearer') return 'bearer'
  switch (name.length <= 8 ? name.toLowerCase() : '') {
    case 'bearer':
      return 'bearer'
    case 'dpop':
      return 'dpop'
    case 'apikey':
      return 'api-key'
    default:
      return 'other'
  }
}

function bounded(secret: string): string {
  if (secret.length > maxCredentialLength) throw invalid('the credential is too long')
  return secret
}

function invalid(reason: string): GuardError {
  return new GuardError('identity_invalid', { reason })
}

type Digest = (text: string) => string

// `null` is "looked for and not there".
let native: Digest | null | undefined

/**
 * What a token is remembered by: its SHA-256 where the runtime hashes at once, so that the memory holds no credential,
 * else its text. A text that is looked up in a map is found by a seeded hash first, so time tells nothing about it.
 */
function tokenDigest(token: string): string {
  native ??= findNative() ?? null
  return native === null ? token : native(token)
}

function findNative(): Digest | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) return undefined
  // The type knows only the older of the two names of one encoding; the older is also looked up slower.
  const encoding = 'latin1' as 'binary'
  if (typeof crypto.hash === 'function') return (text) => crypto.hash('sha256', text, encoding)
  return (text) => crypto.createHash('sha256').update(text).digest(encoding)
}

/** A JWT as it was read and before anything was verified: good for choosing who verifies it, and for nothing else. */
interface UnverifiedJwt {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** No credential is longer, in characters. */
const maxCredentialLength = 8192

/**
 * Reads a JWT in compact form (RFC 7515, section 7.1; RFC 7519, section 7.2), strictly; undefined for what is none: three
 * parts in base64url of one spelling, header and claims each a JSON object without doubled names.
 */
export function readJwt(token: string): UnverifiedJwt | undefined {
  if (token.length > maxCredentialLength) return undefined
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first === -1 || second === -1 || token.indexOf('.', second + 1) !== -1) return undefined
  const header = partOf(token.slice(0, first))
  if (header === undefined) return undefined
  const claims = partOf(token.slice(first + 1, second))
  // An unsigned token has an empty third part; nobody here takes one.
  if (claims === undefined || !decodeBase64url(token.slice(second + 1))?.length) return undefined
  return { header, claims }
}

function partOf(text: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = decodeBase64url(text)
  return bytes && parseTokenPart(bytes)
}

/** No deeper than any honest token. */
const maxDepth = 32

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The JSON object in a part of a token; undefined for what is not one in the strict form in which two readers cannot
 * disagree (RFC 7493): UTF-8 without errors, no name twice in an object (RFC 7515, section 4; RFC 7519, section 4), no
 * `__proto__`, a bounded depth. For short texts.
 */
export function parseTokenPart(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes)
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    // A name that stands twice in an object leaves one member for two colons.
    return countMembers(value, 0) === countColons(text) ? (value as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined
  }
}

function countMembers(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0
  if (depth === maxDepth) throw new RangeError('too deep')
  let members = 0
  if (Array.isArray(value)) for (const item of value) members += countMembers(item, depth + 1)
  else
    for (const [name, member] of Object.entries(value)) {
      if (name === '__proto__') throw new RangeError('not a name')
      members += 1 + countMembers(member, depth + 1)
    }
  return members
}

// Of a text that is JSON: the colons outside strings.
function countColons(text: string): number {
  let colons = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x3a) colons++
    else if (code === 0x22) index = endOfString(text, index)
  }
  return colons
}

function endOfString(text: string, start: number): number {
  let index = start + 1
  // A backslash takes the next character with it.
  for (let code = text.charCodeAt(index); code !== 0x22; code = text.charCodeAt(index)) index += code === 0x5c ? 2 : 1
  return index
}
