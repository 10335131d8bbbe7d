import type { Proof } from './audit-log.ts'
import { openCheckpoint } from './checkpoint.ts'
import { rootFromInclusion } from './merkle-proof.ts'
import { leafHash } from './merkle-tree.ts'
import { parseVerifierKey } from './signed-note.ts'

/**
 * Whether a proof shows that an entry is in the log of that key. Needs nothing but its arguments.
 *
 * @param entry the entry's text, as it stands in the log
 * @param key the log's verifier key
 * @throws TypeError for a text that is no verifier key.
 */
export async function verifyProof(proof: Proof, entry: string, key: string): Promise<boolean> {
  const own = await parseVerifierKey(key)
  // No tree is higher; a proof may come from anywhere.
  if (!Array.isArray(proof.path) || proof.path.length > 64) return false
  const opened = await openCheckpoint(String(proof.checkpoint?.note ?? ''), own)
  if ('problem' in opened) return false
  const { size, root } = opened.checkpoint
  const leaf = await leafHash(new TextEncoder().encode(entry))
  const path = proof.path.map(hashOf)
  if (btoa(leaf) !== proof.hash || path.includes('')) return false
  const found = await rootFromInclusion(proof.index, size, leaf, path)
  return found !== undefined && btoa(found) === root
}

/** A proof as text that other tools read (C2SP `tlog-proof`). The checkpoint must be signed. */
export function formatProof(proof: Proof): string {
  return ['c2sp.org/tlog-proof@v1', `index ${proof.index}`, ...proof.path, '', proof.checkpoint.note ?? ''].join('\n')
}

function hashOf(text: string): string {
  try {
    const hash = atob(text)
    return hash.length === 32 && btoa(hash) === text ? hash : ''
  } catch {
    return ''
  }
}
