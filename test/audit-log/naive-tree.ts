import { createHash } from 'node:crypto'
import type { Hash } from '../../src/audit-log/sha256.ts'

// The definitions of RFC 9162, section 2.1, word for word and without any thought of cost.

/** The hash of a tree of these entries (section 2.1.1). */
export function treeHash(entries: readonly Uint8Array[]): Hash {
  const [first] = entries
  if (first === undefined) return sha256(new Uint8Array(0))
  if (entries.length === 1) return sha256(Uint8Array.of(0, ...first))
  const middle = largestPowerBelow(entries.length)
  return sha256(Buffer.concat([Buffer.of(1), bytes(treeHash(entries.slice(0, middle))), bytes(treeHash(entries.slice(middle)))]))
}

/** The inclusion proof PATH(m, D_n) (section 2.1.3.1). */
export function path(index: number, entries: readonly Uint8Array[]): Hash[] {
  if (entries.length <= 1) return []
  const middle = largestPowerBelow(entries.length)
  return index < middle
    ? [...path(index, entries.slice(0, middle)), treeHash(entries.slice(middle))]
    : [...path(index - middle, entries.slice(middle)), treeHash(entries.slice(0, middle))]
}

/** The consistency proof PROOF(m, D_n) (section 2.1.4.1). */
export function proof(older: number, entries: readonly Uint8Array[]): Hash[] {
  return subproof(older, entries, true)
}

function subproof(older: number, entries: readonly Uint8Array[], whole: boolean): Hash[] {
  if (older === entries.length) return whole ? [] : [treeHash(entries)]
  const middle = largestPowerBelow(entries.length)
  return older <= middle
    ? [...subproof(older, entries.slice(0, middle), whole), treeHash(entries.slice(middle))]
    : [...subproof(older - middle, entries.slice(middle), false), treeHash(entries.slice(0, middle))]
}

function largestPowerBelow(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

function sha256(data: Uint8Array): Hash {
  return createHash('sha256').update(data).digest('binary')
}

function bytes(hash: Hash): Buffer {
  return Buffer.from(hash, 'latin1')
}
