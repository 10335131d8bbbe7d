import type { Awaitable } from '../guard/context.ts'
import { fromOctets, putOctets, sha256 } from './sha256.ts'
import type { Hash, SyncHash } from './sha256.ts'

/** Below each hash of a tile there is a subtree of this height (C2SP `tlog-tiles`). */
export const tileHeight = 8

/** The hash of an entry (RFC 9162, section 2.1.1): a zero byte before it keeps entries and nodes apart. */
export function leafHash(entry: Uint8Array): Awaitable<Hash> {
  const bytes = new Uint8Array(entry.length + 1)
  bytes.set(entry, 1)
  return sha256(bytes)
}

/** The hash of a node above two others (RFC 9162, section 2.1.1). */
export function nodeHash(left: Hash, right: Hash): Awaitable<Hash> {
  const bytes = new Uint8Array(65)
  bytes[0] = 1
  putOctets(bytes, 1, left)
  putOctets(bytes, 33, right)
  return sha256(bytes)
}

/** The root of a tree without entries: the hash of nothing. */
export function emptyRoot(): Awaitable<Hash> {
  return sha256(new Uint8Array(0))
}

/** Called when a subtree of a height that is a multiple of eight is whole. */
export type OnSubtree = (level: number, hash: Hash) => void

/**
 * The right edge of a growing tree: the roots of its whole subtrees, the largest first. Enough to append and to know the
 * root, with about one hash an entry and a few dozen hashes of memory at any size.
 */
export class Frontier {
  readonly #hash: SyncHash
  readonly #stack: Hash[]
  readonly #scratch: Uint8Array = new Uint8Array(65)
  readonly #onSubtree: OnSubtree | undefined
  #size: number

  /** Begins with an empty tree, or with the subtrees of a tree of that size, the largest first. */
  constructor(hash: SyncHash, onSubtree?: OnSubtree, size = 0, subtrees: readonly Hash[] = []) {
    this.#hash = hash
    this.#onSubtree = onSubtree
    this.#size = size
    this.#stack = [...subtrees]
    this.#scratch[0] = 1
  }

  get size(): number {
    return this.#size
  }

  /** The roots of its whole subtrees, the largest first: with its size, all that it is. */
  get subtrees(): readonly Hash[] {
    return [...this.#stack]
  }

  /** Appends the hash of an entry. */
  push(leaf: Hash): void {
    let hash = leaf
    let height = 0
    // Every trailing one bit of the size is a whole subtree that this entry completes with its neighbour.
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      hash = this.#node(this.#stack.pop() ?? '', hash)
      if (++height % tileHeight === 0) this.#onSubtree?.(height / tileHeight, hash)
    }
    this.#stack.push(hash)
    this.#size++
  }

  /** The root hash (RFC 9162, section 2.1.1). */
  root(): Hash {
    let root = this.#stack.at(-1)
    if (root === undefined) return this.#hash(fromOctets(''))
    for (let index = this.#stack.length - 2; index >= 0; index--) root = this.#node(this.#stack[index] ?? '', root)
    return root
  }

  /** A frontier of its own that begins where this one is. */
  copy(onSubtree?: OnSubtree): Frontier {
    return new Frontier(this.#hash, onSubtree, this.#size, this.#stack)
  }

  #node(left: Hash, right: Hash): Hash {
    putOctets(this.#scratch, 1, left)
    putOctets(this.#scratch, 33, right)
    return this.#hash(this.#scratch)
  }
}
