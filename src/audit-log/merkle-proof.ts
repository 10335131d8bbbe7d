import type { Awaitable } from '../guard/context.ts'
import { emptyRoot, nodeHash } from './merkle-tree.ts'
import type { Hash } from './sha256.ts'

/** Gives the hash of the whole subtree of that height which is the `index`th of its height. Height 0 are the leaves. */
export type HashReader = (height: number, index: number) => Awaitable<Hash>

/** The root of the tree of the first `size` entries. */
export async function rootOf(read: HashReader, size: number): Promise<Hash> {
  return size === 0 ? emptyRoot() : rangeHash(read, 0, size)
}

/** The inclusion proof of an entry in the tree of the first `size` entries (RFC 9162, section 2.1.3.1): from the leaf up. */
export async function inclusionPath(read: HashReader, index: number, size: number): Promise<Hash[]> {
  const path: Hash[] = []
  let from = 0
  let to = size
  while (to - from > 1) {
    const middle = from + split(to - from)
    if (index < middle) {
      path.push(await rangeHash(read, middle, to))
      to = middle
    } else {
      path.push(await rangeHash(read, from, middle))
      from = middle
    }
  }
  return path.reverse()
}

/** The proof that the tree of the first `older` entries is a beginning of that of `size` (RFC 9162, section 2.1.4.1). */
export async function consistencyPath(read: HashReader, older: number, size: number): Promise<Hash[]> {
  if (older === 0 || older === size) return []
  const path: Hash[] = []
  let from = 0
  let to = size
  let rest = older
  let whole = true
  while (rest !== to - from) {
    const middle = split(to - from)
    if (rest <= middle) {
      path.push(await rangeHash(read, from + middle, to))
      to = from + middle
    } else {
      path.push(await rangeHash(read, from, from + middle))
      from += middle
      rest -= middle
      whole = false
    }
  }
  if (!whole) path.push(await rangeHash(read, from, to))
  return path.reverse()
}

/** The root that an inclusion proof leads to (RFC 9162, section 2.1.3.2); `undefined` for a proof of a wrong form. */
export async function rootFromInclusion(index: number, size: number, leaf: Hash, path: readonly Hash[]): Promise<Hash | undefined> {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return undefined
  let node = index
  let last = size - 1
  let root = leaf
  for (const hash of path) {
    if (last === 0) return undefined
    if (node % 2 === 1 || node === last) {
      root = await nodeHash(hash, root)
      while (node % 2 === 0 && node !== 0) {
        node = node / 2
        last = half(last)
      }
    } else {
      root = await nodeHash(root, hash)
    }
    node = half(node)
    last = half(last)
  }
  return last === 0 ? root : undefined
}

/** Whether a proof shows that one tree is a beginning of another (RFC 9162, section 2.1.4.2). */
export async function isConsistent(older: number, olderRoot: Hash, size: number, root: Hash, path: readonly Hash[]): Promise<boolean> {
  if (older > size) return false
  if (older === size) return path.length === 0 && olderRoot === root
  if (older === 0) return path.length === 0
  const proof = isPowerOfTwo(older) ? [olderRoot, ...path] : [...path]
  let node = older - 1
  let last = size - 1
  while (node % 2 === 1) {
    node = half(node)
    last = half(last)
  }
  const first = proof.shift()
  if (first === undefined) return false
  let old = first
  let now = first
  for (const hash of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      old = await nodeHash(hash, old)
      now = await nodeHash(hash, now)
      while (node % 2 === 0 && node !== 0) {
        node = node / 2
        last = half(last)
      }
    } else {
      now = await nodeHash(now, hash)
    }
    node = half(node)
    last = half(last)
  }
  return last === 0 && old === olderRoot && now === root
}

/** The whole subtrees that a tree of that size is made of, the largest first, by height and place. */
export function subtreesOf(size: number): [height: number, index: number][] {
  const subtrees: [number, number][] = []
  let before = 0
  for (let height = 52; height >= 0; height--) {
    const width = 2 ** height
    if (size - before < width) continue
    subtrees.push([height, before / width])
    before += width
  }
  return subtrees
}

async function rangeHash(read: HashReader, from: number, to: number): Promise<Hash> {
  const size = to - from
  const height = Math.round(Math.log2(size))
  // Both ends of a range come from splits, so one whose size is a power of two is a subtree of its own.
  if (2 ** height === size) return read(height, from / size)
  const middle = from + split(size)
  return nodeHash(await rangeHash(read, from, middle), await rangeHash(read, middle, to))
}

// The largest power of two that is smaller than a size of two or more.
function split(size: number): number {
  let power = 2 ** Math.floor(Math.log2(size))
  if (power >= size) power /= 2
  return power * 2 < size ? power * 2 : power
}

function half(value: number): number {
  return Math.floor(value / 2)
}

function isPowerOfTwo(value: number): boolean {
  let rest = value
  while (rest % 2 === 0) rest /= 2
  return rest === 1
}
