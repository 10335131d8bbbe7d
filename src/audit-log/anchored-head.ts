import type { Checkpoint } from './audit-log.ts'
import { parseHead } from './checkpoint.ts'
import { unverifiedText } from './signed-note.ts'

/** What a tree head says. */
export type Head = Omit<Checkpoint, 'note'>

/** What a checkpoint says, by its own word: an anchor keeps it, and whoever verifies checks its signature. Undefined for what is none. */
export function anchoredHead(note: string): Head | undefined {
  const text = unverifiedText(note)
  return text === undefined ? undefined : parseHead(text)
}

/** The same of what an anchor is to remember. Throws a TypeError for what is no checkpoint. */
export function headToAnchor(note: string): Head {
  const head = anchoredHead(note)
  if (head === undefined) throw new TypeError('an anchor remembers checkpoints, and this is none')
  return head
}

/** Throws where an anchor that remembers the one may not remember the other after it. */
export function requireLater(known: Head, next: Head): void {
  if (known.origin !== next.origin) throw new Error('The anchor belongs to another log')
  if (known.size > next.size) throw new Error('The anchor remembers a larger tree')
  if (known.size === next.size && known.root !== next.root) throw new Error('The anchor remembers another tree of this size')
}
