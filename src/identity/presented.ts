import type { Awaitable, Channel, Credentials } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { decodeBase64url, encodeBase64url, isCanonical } from '../keys/base64url.ts'

/** How a credential came. `none` is no credential at all, `other` a scheme that nobody here knows. */
type Scheme = 'none' | 'bearer' | 'dpop' | 'api-key' | 'other'

/** The one credential of a call, and what came beside it. Read once, decoded once, and only if somebody asks. */
export class Presented {
  readonly scheme: Scheme
  /** What stands behind the scheme; empty where there is nothing. */
  readonly secret: string
  /** The `DPoP` field (RFC 9449, section 4.1), as it came. */
  readonly proof: string | undefined
  /** What the transport saw. */
  readonly channel: Channel | undefined
  /** Header fields for the answer to whoever presented it, where there is something to say. */
  answer: Readonly<Record<string, string>> | undefined
  #header: UnverifiedJwt['header'] | null | undefined
  #jwt: UnverifiedJwt | null | undefined
  #digest: string | undefined

  constructor(scheme: Scheme, secret: string, proof: string | undefined, channel: Channel | undefined) {
    this.scheme = scheme
    this.secret = secret
    this.proof = proof
    this.channel = channel
  }

  /** The header of the token alone, which is cheaper: undefined where it is no JWT in the one allowed spelling. */
  get header(): UnverifiedJwt['header'] | undefined {
    // `null` is "read, and none".
    if (this.#header === undefined) this.#header = (this.scheme === 'bearer' || this.scheme === 'dpop' ? readHeader(this.secret) : undefined) ?? null
    return this.#header ?? undefined
  }

  /** The token, read and not verified; undefined where it is no JWT in the one allowed spelling. */
  get jwt(): UnverifiedJwt | undefined {
    if (this.#jwt === undefined) this.#jwt = (this.header && readJwt(this.secret, this.header)) ?? null
    return this.#jwt ?? undefined
  }

  /**
   * The same for a token that was written with padding (RFC 4648, section 3.2), which RFC 7515, section 2 forbids and some
   * issuers write all the same: the token in its one spelling, and what stands in it. Undefined where there is no padding.
   */
  get padded(): PaddedJwt | undefined {
    if (this.scheme !== 'bearer' && this.scheme !== 'dpop') return undefined
    const canonical = withoutPadding(this.secret)
    const jwt = canonical === undefined ? undefined : readJwt(canonical)
    return canonical === undefined || jwt === undefined ? undefined : { canonical, digest: tokenDigest(canonical), jwt }
  }

  /** What the secret is remembered by. */
  get digest(): string {
    this.#digest ??= tokenDigest(this.secret)
    return this.#digest
  }

  /** The secret's SHA-256 in base64url: what a proof says as `ath` (RFC 9449, section 4.2). At once where the runtime hashes at once. */
  ath(): Awaitable<string> {
    return hashesAtOnce() ? encodeBinary(this.digest) : hashOf(this.secret)
  }
}

/**
 * The one credential in what a caller presents. A field that is there and empty is a bad credential and not the want of
 * one.
 *
 * @throws GuardError `identity_invalid` for more than one credential, a proof without one, and one that is too long.
 */
export function presentedIn({ authorization, apiKey, dpop }: Credentials, channel?: Channel): Presented {
  if (authorization !== undefined && apiKey !== undefined) throw invalid('two credentials came at once')
  if (authorization === undefined) {
    if (apiKey !== undefined) return new Presented('api-key', bounded(apiKey), dpop, channel)
    if (dpop !== undefined) throw invalid('a proof came without the credential that it is for')
    return new Presented('none', '', undefined, channel)
  }
  const end = authorization.indexOf(' ')
  if (end === -1) return new Presented('other', '', dpop, channel)
  const secret = bounded(authorization.slice(end + 1))
  return new Presented(schemeOf(authorization.slice(0, end)), secret, dpop, channel)
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
  return hashesAtOnce() ? (native?.(token) ?? token) : token
}

function hashesAtOnce(): boolean {
  if (native === undefined) native = findNative() ?? null
  return native !== null
}

function encodeBinary(bytes: string): string {
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

async function hashOf(text: string): Promise<string> {
  return encodeBase64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
}

function findNative(): Digest | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) return undefined
  // The type knows only the older of the two names of one encoding; the older is also looked up slower.
  const encoding = 'latin1' as 'binary'
  if (typeof crypto.hash === 'function') return (text) => crypto.hash('sha256', text, encoding)
  return (text) => crypto.createHash('sha256').update(text).digest(encoding)
}

/** A token that came with padding, without it. */
export interface PaddedJwt {
  readonly canonical: string
  readonly digest: string
  readonly jwt: UnverifiedJwt
}

// As much as fills up each part to a multiple of four characters, and no more.
function withoutPadding(token: string): string | undefined {
  if (!token.includes('=')) return undefined
  const parts = token.split('.')
  const bare = parts.map((part) => part.replace(/={1,2}$/, ''))
  const isProper = parts.every((part, index) => part === bare[index] || part.length % 4 === 0)
  return isProper ? bare.join('.') : undefined
}

/** A JWT as it was read and before anything was verified: good for choosing who verifies it, and for nothing else. */
export interface UnverifiedJwt {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** No credential is longer, in characters. */
const maxCredentialLength = 8192

const compact = /^[\w-]+\.[\w-]+\.[\w-]+$/

/**
 * Reads a JWT in compact form (RFC 7515, section 7.1; RFC 7519, section 7.2), strictly; undefined for what is none: three
 * parts in base64url of one spelling, header and claims each a JSON object without doubled names.
 *
 * @param header where it was read before.
 */
export function readJwt(token: string, header: UnverifiedJwt['header'] | undefined = readHeader(token)): UnverifiedJwt | undefined {
  if (header === undefined) return undefined
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  const claims = partOf(token.slice(first + 1, second))
  return claims && isCanonical(token.slice(second + 1)) ? { header, claims } : undefined
}

function readHeader(token: string): UnverifiedJwt['header'] | undefined {
  // Linear, and cheaper than decoding what is none. An unsigned token has an empty third part; nobody here takes one.
  if (token.length > maxCredentialLength || !compact.test(token)) return undefined
  return partOf(token.slice(0, token.indexOf('.')))
}

// Of a text in the right alphabet.
function partOf(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!isCanonical(text)) return undefined
  // The runtime's own decoder where there is one: it takes what was just seen to be in the one spelling, and costs a sixth.
  const bytes = globalThis.Buffer?.from(text, 'base64url') ?? decodeBase64url(text)
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
    for (const name of Object.keys(value)) {
      if (name === '__proto__') throw new RangeError('not a name')
      const member: unknown = (value as Readonly<Record<string, unknown>>)[name]
      members += typeof member === 'object' ? 1 + countMembers(member, depth + 1) : 1
    }
  return members
}

// Of a text that is JSON: the colons outside strings.
function countColons(text: string): number {
  let colons = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x3a) colons++
    else if (code === 0x22) {
      // Most strings hold no backslash: the next quotation mark ends them.
      const end = text.indexOf('"', index + 1)
      index = text.charCodeAt(end - 1) === 0x5c ? endOfString(text, index) : end
    }
  }
  return colons
}

function endOfString(text: string, start: number): number {
  let index = start + 1
  // A backslash takes the next character with it.
  for (let code = text.charCodeAt(index); code !== 0x22; code = text.charCodeAt(index)) index += code === 0x5c ? 2 : 1
  return index
}
