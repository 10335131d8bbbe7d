import type { Checkpoint, Signer } from './audit-log.ts'
import type { Hash } from './sha256.ts'
import { openNote, signNote } from './signed-note.ts'
import type { VerifierKey } from './signed-note.ts'

/** Why a checkpoint was not accepted. */
export type CheckpointProblem = 'checkpoint_malformed' | 'key_unknown' | 'signature_invalid'

/** A checkpoint that its log's key signed, or why it is none. */
export type OpenedCheckpoint = { readonly checkpoint: Checkpoint } | { readonly problem: CheckpointProblem }

/** Signs a tree head as a C2SP `tlog-checkpoint`. The key's name is the log's origin. */
export async function signCheckpoint(size: number, root: Hash, key: VerifierKey, signer: Signer): Promise<Checkpoint> {
  const head = { origin: key.name, size, root: btoa(root) }
  const note = await signNote(`${head.origin}\n${head.size}\n${head.root}\n`, key, signer)
  return { ...head, note }
}

/** Verifies a checkpoint with the log's key. Its origin must be the key's name, so that two logs cannot be swapped. */
export async function openCheckpoint(note: string, key: VerifierKey): Promise<OpenedCheckpoint> {
  const opened = await openNote(note, key)
  if ('refused' in opened)
    return { problem: opened.refused === 'unknown' ? 'key_unknown' : opened.refused === 'invalid' ? 'signature_invalid' : 'checkpoint_malformed' }
  const head = parseHead(opened.text)
  if (head === undefined) return { problem: 'checkpoint_malformed' }
  return head.origin === key.name ? { checkpoint: { ...head, note } } : { problem: 'key_unknown' }
}

/** What a checkpoint's text says; `undefined` for a text that is none. Says nothing about its signature. */
export function parseHead(text: string): Omit<Checkpoint, 'note'> | undefined {
  const [origin, size, root, ...rest] = text.split('\n')
  // Lines of extension may follow and say nothing to us; the last piece is what follows the last newline: nothing.
  if (origin === undefined || origin === '' || size === undefined || root === undefined || rest.at(-1) !== '') return undefined
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) return undefined
  if (!/^[A-Za-z0-9+/]{43}=$/.test(root) || btoa(atob(root)) !== root) return undefined
  return { origin, size: Number(size), root }
}
