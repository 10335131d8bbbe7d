import { openSealedContent } from '../encryption/sealed-content.ts'
import type { ContentKeys } from './content-keys.ts'
import { contentContext } from './content-writer.ts'
import type { ContentRecord } from './record.ts'

/**
 * The bytes of one piece of an input or an output that `audit({ content: 'sealed' })` recorded; `undefined` where its key
 * is gone, since its data subject was erased, or where it is damaged. The pieces of a call, in order of `part`, are the
 * canonical JSON of its input, or of each part of its answer with a line break after it.
 *
 * ```ts
 * const bytes = await openContent(record, contentKeys)
 * ```
 */
export async function openContent(record: ContentRecord, keys: Pick<ContentKeys, 'find'>): Promise<Uint8Array | undefined> {
  const { key, sealed } = record
  if (typeof key !== 'string' || typeof sealed !== 'string') return undefined
  const secret = await keys.find(key)
  return secret === undefined ? undefined : openSealedContent(sealed, secret, contentContext(record))
}
