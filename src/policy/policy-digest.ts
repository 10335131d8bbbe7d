import type { Awaitable } from '../guard/context.ts'

/**
 * The digest of a policy: `sha256:` and the hash, in hexadecimal, of its canonical form (RFC 8785). Whoever has the same policy
 * gets the same digest, however it is laid out and whatever the order of its members: `sha256sum` of the canonical text says the same.
 * At once where the runtime hashes at once.
 *
 * ```ts
 * await policyDigest({ id: 'support', version: '7', rules: [] }) // 'sha256:…'
 * ```
 *
 * @throws TypeError for what JSON cannot hold.
 */
export function policyDigest(policy: unknown): Awaitable<string> {
  const text = canonicalPolicy(policy)
  return hashNow(text) ?? hash(text)
}

// Of policies that nobody can change any more, where the runtime takes its time to hash.
const noted = new WeakMap<object, string>()

/** A copy of a policy, for `digestLater` to know its digest also where the runtime takes its time to hash. */
export async function copyWithDigest(policy: unknown): Promise<unknown> {
  const text = canonicalPolicy(policy)
  const copy: unknown = JSON.parse(text)
  if (typeof copy === 'object' && copy !== null) noted.set(copy, await hash(text))
  return copy
}

/** Whether the runtime hashes at once. */
export function hashesAtOnce(): boolean {
  return nativeHash() !== undefined
}

/**
 * The digest of a policy as it is now, worked out when it is first asked for: that costs half of what it costs to load the
 * policy, and to keep its text next to nothing. Never throws: it gives undefined for what has no canonical form, and, where the
 * runtime takes its time to hash, until that is done; of a copy from `copyWithDigest` it is known at once.
 */
export function digestLater(policy: unknown): () => string | undefined {
  const known = typeof policy === 'object' && policy !== null ? noted.get(policy) : undefined
  if (known !== undefined) return () => known
  let text = textNow(policy)
  let digest: string | undefined
  return () => {
    if (text === undefined) return digest
    const canonical = canonicalNow(text)
    text = undefined
    if (canonical === undefined) return undefined
    digest = hashNow(canonical)
    if (digest === undefined)
      hash(canonical).then(
        (made) => (digest = made),
        () => undefined,
      )
    return digest
  }
}

function textNow(policy: unknown): string | undefined {
  try {
    return JSON.stringify(policy)
  } catch {
    return undefined
  }
}

function canonicalNow(text: string): string | undefined {
  try {
    return canonicalPolicy(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** A policy as canonical JSON (RFC 8785). @throws TypeError for what JSON cannot hold. */
export function canonicalPolicy(policy: unknown): string {
  const found = { ordered: true }
  const sorted = inOrder(policy, 0, found)
  const text = found.ordered ? JSON.stringify(sorted) : write(sorted)
  // What is no half of a pair is not written as an escape (ECMA-262, section 25.5.2.3), unless somebody wrote it out.
  if (text.includes('\\ud') && loneSurrogate.test(text)) refuse('a lone surrogate')
  return text
}

// An escape is what an odd number of backslashes begins.
const loneSurrogate = /(?<!\\)(?:\\\\)*\\u[d][89a-f][0-9a-f]{2}/

const maxDepth = 128

interface Found {
  /** Whether the members of every object stand in their order, so that the runtime writes them in it. */
  ordered: boolean
}

// A copy whose members are in order is written by the runtime, at a third of what it costs to do by hand.
function inOrder(value: unknown, depth: number, found: Found): unknown {
  if (typeof value === 'object' && value !== null) {
    if (depth === maxDepth) refuse(`more than ${maxDepth} levels`)
    return Array.isArray(value) ? listInOrder(value, depth + 1, found) : membersInOrder(value, depth + 1, found)
  }
  if (typeof value === 'string' || typeof value === 'boolean' || value === null || Number.isFinite(value)) return value
  return refuse(typeof value === 'number' ? 'a number that is not finite' : `a value of type ${typeof value}`)
}

function listInOrder(list: readonly unknown[], depth: number, found: Found): unknown[] {
  // As long as it must be from the beginning: most of a policy is short lists.
  const copy = new Array<unknown>(list.length)
  for (let index = 0; index < copy.length; index++) copy[index] = inOrder(list[index], depth, found)
  return copy
}

function membersInOrder(value: object, depth: number, found: Found): object {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) refuse('an instance of a class')
  const copy: Record<string, unknown> = {}
  for (const name of sorted(Object.keys(value))) {
    if (name === '__proto__') refuse('a member named __proto__')
    // Whatever looks like an index comes before all others in an object, and in the order of numbers.
    const first = name.charCodeAt(0)
    if (first >= 0x30 && first <= 0x39) found.ordered = false
    copy[name] = inOrder((value as Readonly<Record<string, unknown>>)[name], depth, found)
  }
  return copy
}

// By UTF-16 units (RFC 8785, section 3.2.3). Most objects have a handful of members, for which a sort costs more than it does.
function sorted(names: string[]): string[] {
  if (names.length > 12) return names.sort()
  for (let index = 1; index < names.length; index++) {
    const name = names[index] as string
    let place = index - 1
    for (; place >= 0 && (names[place] as string) > name; place--) names[place + 1] = names[place] as string
    names[place + 1] = name
  }
  return names
}

// Of what `inOrder` gave: only data that JSON can hold.
function write(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${write(member)}`).join(',')}}`
}

function refuse(what: string): never {
  throw new TypeError(`policyDigest: a policy cannot hold ${what}`)
}

type Hash = (text: string) => string

// `null` is "looked for and not there".
let native: Hash | null | undefined

function nativeHash(): Hash | undefined {
  if (native === undefined) native = findHash() ?? null
  return native ?? undefined
}

function findHash(): Hash | undefined {
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  return crypto && ((text) => crypto.createHash('sha256').update(text).digest('hex'))
}

function hashNow(text: string): string | undefined {
  const hex = nativeHash()?.(text)
  return hex && `sha256:${hex}`
}

async function hash(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return `sha256:${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
