import type { HashReader } from './merkle-proof.ts'
import { nodeHash, tileHeight } from './merkle-tree.ts'
import { maxEntryBytes } from './record.ts'
import { octets } from './sha256.ts'
import type { Hash } from './sha256.ts'

/** Hashes in a whole tile, and entries in a whole bundle (C2SP `tlog-tiles`). */
export const tileWidth = 256

/** The most bytes that a tile or an entry bundle may have: an entry has its length in two bytes before it. */
export function maxTileBytes(level: number | 'entries'): number {
  return tileWidth * (level === 'entries' ? 2 + maxEntryBytes : 32)
}

/** The path of a tile or an entry bundle inside a log. A width below 256 names a partial one. */
export function tilePath(level: number | 'entries', index: number, width: number = tileWidth): string {
  let name = String(index % 1000).padStart(3, '0')
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) name = `x${String(rest % 1000).padStart(3, '0')}/${name}`
  return `tile/${level}/${name}${width === tileWidth ? '' : `.p/${width}`}`
}

/** How many hashes (or entries) the tile of that index has in a tree of that size; 0 where there is no such tile. */
export function widthOf(level: number | 'entries', index: number, size: number): number {
  const count = Math.floor(size / tileWidth ** (level === 'entries' ? 0 : level))
  return Math.max(0, Math.min(tileWidth, count - index * tileWidth))
}

/** The entries of a bundle, each with a length of 16 bits before it. `undefined` where the bytes do not end with one, or hold far too many. */
export function splitBundle(bytes: Uint8Array): Uint8Array[] | undefined {
  const entries: Uint8Array[] = []
  let at = 0
  while (at < bytes.length) {
    const from = at + 2
    const to = from + (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
    if (to > bytes.length || from > bytes.length || entries.length === 2 * tileWidth) return undefined
    entries.push(bytes.subarray(from, to))
    at = to
  }
  return entries
}

/** The hashes of a tile; `undefined` where the bytes are not a row of hashes. */
export function splitTile(bytes: Uint8Array): Hash[] | undefined {
  if (bytes.length % 32 !== 0 || bytes.length > tileWidth * 32) return undefined
  const hashes: Hash[] = []
  for (let at = 0; at < bytes.length; at += 32) hashes.push(octets(bytes.subarray(at, at + 32)))
  return hashes
}

/** Fetches a tile's hashes, at least `width` of them. Rejects where it cannot. */
export type TileFetch = (level: number, index: number, width: number) => Promise<readonly Hash[]>

/** Reads any whole subtree's hash from the tiles of a tree of that size. Holds a few tiles. */
export function tileReader(fetch: TileFetch, size: number): HashReader {
  const held = new Map<string, Promise<readonly Hash[]>>()
  const tile = (level: number, index: number): Promise<readonly Hash[]> => {
    const name = `${level}/${index}`
    const known = held.get(name)
    if (known !== undefined) return known
    const fetched = fetch(level, index, widthOf(level, index, size))
    held.set(name, fetched)
    if (held.size > 16) for (const oldest of held.keys()) if (held.delete(oldest)) break
    return fetched
  }
  return async (height, index) => {
    const level = Math.floor(height / tileHeight)
    const count = 2 ** (height % tileHeight)
    const first = index * count
    const hashes = await tile(level, Math.floor(first / tileWidth))
    let row = hashes.slice(first % tileWidth, (first % tileWidth) + count)
    if (row.length !== count) throw new RangeError('This subtree is not whole in a tree of this size')
    while (row.length > 1) row = await pairs(row)
    return row[0] ?? ''
  }
}

async function pairs(row: readonly Hash[]): Promise<Hash[]> {
  const above: Hash[] = []
  for (let index = 0; index < row.length; index += 2) above.push(await nodeHash(row[index] ?? '', row[index + 1] ?? ''))
  return above
}
