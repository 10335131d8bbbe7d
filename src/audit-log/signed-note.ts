import type { Signer } from './audit-log.ts'
import { fromOctets, sha256 } from './sha256.ts'

/** A key that signed notes verify with (C2SP `signed-note`). */
export interface VerifierKey {
  readonly name: string
  /** Eight hexadecimal digits that tell keys of one name apart. */
  readonly id: string
  /** 32 bytes of Ed25519. */
  readonly publicKey: Uint8Array
}

/** What came of opening a note. */
export type Opened =
  | { readonly text: string }
  /** `malformed`: no note. `unknown`: no signature by this key. `invalid`: a signature that says it is by this key and is not. */
  | { readonly refused: 'malformed' | 'unknown' | 'invalid' }

const ed25519 = '\u0001'
const maxNoteLength = 64 * 1024

/** The verifier key of a name and an Ed25519 public key. Throws a `TypeError` for a name or a key that cannot be one. */
export async function verifierKey(name: string, publicKey: Uint8Array): Promise<VerifierKey> {
  if (!isKeyName(name)) throw new TypeError('A verifier key needs a name without spaces, plus signs and control characters')
  if (!isSafePoint(publicKey)) throw new TypeError('The public key is not a usable Ed25519 key: 32 bytes, canonical, not of low order')
  const own = new Uint8Array(publicKey)
  const head = new TextEncoder().encode(`${name}\n${ed25519}`)
  const bytes = new Uint8Array(head.length + 32)
  bytes.set(head)
  bytes.set(own, head.length)
  const hash = fromOctets(await sha256(bytes))
  return { name, id: hex(hash.subarray(0, 4)), publicKey: own }
}

/** A verifier key as text: `name+id+base64`. */
export function formatVerifierKey(key: VerifierKey): string {
  return `${key.name}+${key.id}+${btoa(ed25519 + String.fromCharCode(...key.publicKey))}`
}

/** Reads a verifier key. Throws a `TypeError` for what is none, and for one whose id is not that of its key. */
export async function parseVerifierKey(text: string): Promise<VerifierKey> {
  const [name, id, encoded, ...rest] = text.trim().split('+')
  // Base64 may hold plus signs itself.
  const bytes = base64(encoded === undefined ? '' : [encoded, ...rest].join('+'))
  if (name === undefined || id === undefined || bytes === undefined || bytes.length !== 33 || bytes[0] !== 1)
    throw new TypeError('This is no verifier key: expected name+id+base64 with an Ed25519 key')
  const key = await verifierKey(name, bytes.subarray(1))
  if (key.id !== id) throw new TypeError('This verifier key is damaged: its id does not belong to its key')
  return key
}

/** A note: the text, which must end in a newline, and a signature below it. */
export async function signNote(text: string, key: VerifierKey, signer: Signer): Promise<string> {
  const signature = await signer.sign(new TextEncoder().encode(text))
  if (signature.length !== 64) throw new TypeError('The signer did not return an Ed25519 signature of 64 bytes')
  const line = `\u2014 ${key.name} ${btoa(octetsOfHex(key.id) + String.fromCharCode(...signature))}\n`
  const note = `${text}\n${line}`
  // A signer that signs with another key than it shows would make a log that nobody can verify.
  if ('refused' in (await openNote(note, key))) throw new TypeError('The signer does not sign with the key that it shows')
  return note
}

/** Verifies a note and gives its text. Signatures by other keys are ignored, as the specification wants. */
export async function openNote(note: string, key: VerifierKey): Promise<Opened> {
  const parts = splitNote(note)
  if (parts === undefined) return { refused: 'malformed' }
  let found = false
  for (const line of parts.signatures) {
    const [, name, encoded] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? []
    const signature = base64(encoded ?? '')
    if (name === undefined || signature === undefined || signature.length < 5) return { refused: 'malformed' }
    if (name !== key.name || hex(signature.subarray(0, 4)) !== key.id) continue
    if (!(await verifyEd25519(key.publicKey, new TextEncoder().encode(parts.text), signature.subarray(4)))) return { refused: 'invalid' }
    found = true
  }
  return found ? { text: parts.text } : { refused: 'unknown' }
}

/** The text of a note, not verified: for messages only, never to be trusted. */
export function unverifiedText(note: string): string | undefined {
  return splitNote(note)?.text
}

function splitNote(note: string): { text: string; signatures: string[] } | undefined {
  if (note.length > maxNoteLength || !note.endsWith('\n') || !note.isWellFormed()) return undefined
  for (let index = 0; index < note.length; index++) if (note.charCodeAt(index) < 0x20 && note[index] !== '\n') return undefined
  const end = note.lastIndexOf('\n\n')
  if (end === -1) return undefined
  const signatures = note.slice(end + 2, -1).split('\n')
  return signatures.length > 64 || signatures[0] === '' ? undefined : { text: note.slice(0, end + 1), signatures }
}

/** Whether it is an Ed25519 signature (RFC 8032) of that message by that key. */
export async function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  if (signature.length !== 64) return false
  const native = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (native !== undefined) {
    const x = btoa(String.fromCharCode(...publicKey))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace('=', '')
    return native.verify(null, message, native.createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), signature)
  }
  const key = await crypto.subtle.importKey('raw', new Uint8Array(publicKey), 'Ed25519', false, ['verify'])
  return crypto.subtle.verify('Ed25519', key, new Uint8Array(signature), new Uint8Array(message))
}

/** Whether a text can be a key's name and a log's origin. */
export function isKeyName(name: string): boolean {
  return name.length <= 256 && name.isWellFormed() && /^[^\s+\p{Cc}\p{Z}]+$/u.test(name)
}

const prime = 2n ** 255n - 19n
// The y coordinates of the points whose order divides eight. With such a key one signature fits many messages, and
// runtimes disagree on whether to accept it.
const lowOrder: readonly bigint[] = [
  0n,
  1n,
  prime - 1n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]

/** Whether bytes are a public key that is canonical and not of low order. */
export function isSafePoint(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false
  const y = BigInt(`0x${hex(new Uint8Array(bytes).reverse())}`) & (2n ** 255n - 1n)
  return y < prime && !lowOrder.includes(y)
}

/** Canonical base64 only: one text for one sequence of bytes. */
export function base64(text: string): Uint8Array | undefined {
  try {
    const decoded = atob(text)
    return btoa(decoded) === text ? fromOctets(decoded) : undefined
  } catch {
    return undefined
  }
}

/** Bytes in hexadecimal digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function octetsOfHex(text: string): string {
  return (text.match(/../g) ?? []).map((pair) => String.fromCharCode(Number.parseInt(pair, 16))).join('')
}
