import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { keyLength } from './input-key.ts'

/** A key of a keyring file. */
interface RingKey {
  readonly name: string
  /** When it was made (RFC 3339). */
  readonly created: string
  readonly key: Uint8Array
}

/** What a keyring file holds, once it was opened. */
export interface RingContent {
  readonly id: string
  readonly primary: string
  /** The oldest first. */
  readonly keys: readonly RingKey[]
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** The content as bytes to be sealed. */
export function writeKeyring({ id, primary, keys }: RingContent): Uint8Array {
  const own = keys.map(({ name, created, key }) => ({ name, created, key: encodeBase64url(key) }))
  return new TextEncoder().encode(JSON.stringify({ id, primary, keys: own }))
}

/** The content that was sealed; undefined where it is none. Names and their order are for `keyring` to judge. */
export function readKeyring(bytes: Uint8Array): RingContent | undefined {
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('id' in value) || !('primary' in value) || !('keys' in value)) return undefined
  const { id, primary, keys } = value
  if (typeof id !== 'string' || typeof primary !== 'string' || !Array.isArray(keys)) return undefined
  const own: RingKey[] = []
  for (const each of keys as readonly unknown[]) {
    const key = readKey(each)
    if (key === undefined || own.some(({ name }) => name === key.name)) return undefined
    own.push(key)
  }
  return { id, primary, keys: own }
}

function readKey(value: unknown): RingKey | undefined {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('created' in value) || !('key' in value)) return undefined
  const { name, created, key } = value
  if (typeof name !== 'string' || typeof created !== 'string' || typeof key !== 'string') return undefined
  const bytes = decodeBase64url(key)
  return bytes?.length === keyLength ? { name, created, key: bytes } : undefined
}
