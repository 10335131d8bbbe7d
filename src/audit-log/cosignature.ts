import { fromOctets, sha256 } from './sha256.ts'
import { base64, hex, isKeyName, isSafePoint, verifyEd25519 } from './signed-note.ts'

/** A witness's key (C2SP `tlog-cosignature`). */
export interface Cosigner {
  readonly name: string
  /** Eight hexadecimal digits. */
  readonly id: string
  readonly publicKey: Uint8Array
}

/** The type of timestamped Ed25519 cosignatures. */
const type = 4

/** Reads a witness's verifier key: `name+id+base64`. @throws TypeError for what is none. */
export async function parseCosigner(text: string): Promise<Cosigner> {
  const [name, id, ...encoded] = text.trim().split('+')
  const bytes = base64(encoded.join('+'))
  if (name === undefined || id === undefined || bytes?.length !== 33 || bytes[0] !== type || !isKeyName(name) || !isSafePoint(bytes.subarray(1)))
    throw new TypeError('This is no key of a witness: expected name+id+base64 with a key for timestamped Ed25519 cosignatures')
  const head = new TextEncoder().encode(`${name}\n`)
  const whole = new Uint8Array(head.length + bytes.length)
  whole.set(head)
  whole.set(bytes, head.length)
  if (hex(fromOctets(await sha256(whole)).subarray(0, 4)) !== id)
    throw new TypeError('This key of a witness is damaged: its id does not belong to it')
  return { name, id, publicKey: bytes.slice(1) }
}

/** The line among these in which a witness signs that text as a checkpoint; `undefined` where none is. */
export async function cosignatureIn(lines: string, text: string, { name, id, publicKey }: Cosigner): Promise<string | undefined> {
  for (const line of lines.split('\n').slice(0, 64)) {
    const [, signer, encoded] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? []
    const bytes = signer === name ? base64(encoded ?? '') : undefined
    // The key's id, eight bytes of seconds since 1970, and the signature.
    if (bytes?.length !== 76 || hex(bytes.subarray(0, 4)) !== id) continue
    const time = new DataView(bytes.buffer, bytes.byteOffset + 4, 8).getBigUint64(0)
    const message = new TextEncoder().encode(`cosignature/v1\ntime ${time}\n${text}`)
    if (await verifyEd25519(publicKey, message, bytes.subarray(12))) return line
  }
  return undefined
}
