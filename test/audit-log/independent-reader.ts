// A reader of transparency logs, written from the specifications alone: C2SP tlog-tiles, tlog-checkpoint, signed-note and
// tlog-proof, and RFC 9162. It shares no code with what it reads.
import { createHash, createPublicKey, verify } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const sha256 = (...parts: readonly Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()
const leaf = (entry: Buffer): Buffer => sha256(Buffer.of(0), entry)
const node = (left: Buffer, right: Buffer): Buffer => sha256(Buffer.of(1), left, right)

/** What a checkpoint says, after its signature was verified. */
export interface Head {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

/** Opens a checkpoint with a verifier key. Throws where anything is wrong. */
export function openCheckpoint(note: string, key: string): Head {
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(key.trim()) ?? []
  const data = Buffer.from(encoded ?? '', 'base64')
  if (data[0] !== 1 || data.length !== 33) throw new Error('no Ed25519 key')
  // signed-note: key ID = SHA-256(key name || 0x0A || signature type || public key)[:4]
  if (sha256(Buffer.from(`${name}\n`), data).toString('hex', 0, 4) !== id) throw new Error('wrong key id')
  const split = note.indexOf('\n\n')
  const text = note.slice(0, split + 1)
  const line = note
    .slice(split + 2)
    .split('\n')
    .find((one) => one.startsWith(`— ${name} `))
  const signature = Buffer.from(line?.split(' ')[2] ?? '', 'base64')
  if (signature.toString('hex', 0, 4) !== id) throw new Error('not signed by this key')
  const x = data.subarray(1).toString('base64url')
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  if (!verify(null, Buffer.from(text), publicKey, signature.subarray(4))) throw new Error('wrong signature')
  const [origin = '', size = '', root = ''] = text.split('\n')
  if (!/^(0|[1-9][0-9]*)$/.test(size)) throw new Error('wrong size')
  return { origin, size: Number(size), root: Buffer.from(root, 'base64') }
}

/** tlog-tiles: `<N>` in groups of three digits, all but the last one with an x before it. */
function nameOf(index: number): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, '0')
  const groups = digits.match(/.../g) ?? []
  return groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join('/')
}

/** A tile of a tree of that size: the partial form where it is not whole, or the whole one that has taken its place. */
function tile(folder: string, level: number | 'entries', index: number, size: number): Buffer {
  const below = level === 'entries' ? size : Math.floor(size / 256 ** level)
  const width = Math.min(256, below - index * 256)
  const whole = join(folder, 'tile', String(level), nameOf(index))
  const partial = `${whole}.p/${width}`
  if (width < 256 && existsSync(partial)) return readFileSync(partial)
  return readFileSync(whole)
}

/** All entries under a checkpoint, each compared with its hash in the level-0 tile. */
export function readEntries(folder: string, size: number): Buffer[] {
  const entries: Buffer[] = []
  for (let bundle = 0; bundle * 256 < size; bundle++) {
    const bytes = tile(folder, 'entries', bundle, size)
    const hashes = tile(folder, 0, bundle, size)
    let at = 0
    for (let place = 0; place < 256 && bundle * 256 + place < size; place++) {
      const length = bytes.readUInt16BE(at)
      const entry = bytes.subarray(at + 2, at + 2 + length)
      at += 2 + length
      if (!leaf(entry).equals(hashes.subarray(place * 32, place * 32 + 32)))
        throw new Error(`entry ${bundle * 256 + place} is not what its tile says`)
      entries.push(entry)
    }
  }
  return entries
}

/** MTH (RFC 9162, section 2.1.1). */
export function treeHash(hashes: readonly Buffer[]): Buffer {
  const [first] = hashes
  if (first === undefined) return sha256()
  if (hashes.length === 1) return first
  let split = 1
  while (split * 2 < hashes.length) split *= 2
  return node(treeHash(hashes.slice(0, split)), treeHash(hashes.slice(split)))
}

/** The hash of entries `from` up to `to`, a whole subtree, out of the tiles of the highest level that has it. */
export function subtreeHash(folder: string, from: number, to: number, size: number): Buffer {
  let level = 0
  while (256 ** (level + 1) <= to - from) level++
  const unit = 256 ** level
  const hashes: Buffer[] = []
  for (let place = from / unit; place < to / unit; place++) {
    const bytes = tile(folder, level, Math.floor(place / 256), size)
    hashes.push(bytes.subarray((place % 256) * 32, (place % 256) * 32 + 32))
  }
  return treeHash(hashes)
}

/** PATH (RFC 9162, section 2.1.3.1), out of tiles alone. */
export function inclusionProof(folder: string, index: number, size: number): Buffer[] {
  const range = (from: number, to: number): Buffer => {
    let split = 1
    while (split * 2 < to - from) split *= 2
    if (split * 2 === to - from || to - from === 1) return subtreeHash(folder, from, to, size)
    return node(range(from, from + split), range(from + split, to))
  }
  const path = (from: number, to: number): Buffer[] => {
    if (to - from === 1) return []
    let split = 1
    while (split * 2 < to - from) split *= 2
    return index < from + split ? [...path(from, from + split), range(from + split, to)] : [...path(from + split, to), range(from, from + split)]
  }
  return path(0, size)
}

/** Verifies an inclusion proof (RFC 9162, section 2.1.3.2). */
export function isIncluded(entry: Buffer, index: number, { size, root }: Head, path: readonly Buffer[]): boolean {
  if (index >= size) return false
  let fn = BigInt(index)
  let sn = BigInt(size - 1)
  let r = leaf(entry)
  for (const p of path) {
    if (sn === 0n) return false
    if ((fn & 1n) === 1n || fn === sn) {
      r = node(p, r)
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n
        sn >>= 1n
      }
    } else r = node(r, p)
    fn >>= 1n
    sn >>= 1n
  }
  return sn === 0n && r.equals(root)
}

/** Reads a C2SP tlog-proof: index, path and checkpoint. */
export function readProof(text: string): { readonly index: number; readonly path: readonly Buffer[]; readonly checkpoint: string } {
  const [title, index, ...rest] = text.split('\n')
  if (title !== 'c2sp.org/tlog-proof@v1' || !index?.startsWith('index ')) throw new Error('no tlog-proof')
  const end = rest.indexOf('')
  return {
    index: Number(index.slice(6)),
    path: rest.slice(0, end).map((line) => Buffer.from(line, 'base64')),
    checkpoint: rest.slice(end + 1).join('\n'),
  }
}
