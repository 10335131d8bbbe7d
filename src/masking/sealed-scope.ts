import { openDirect, sealDirect } from '../encryption/direct-jwe.ts'
import { GuardError } from '../guard/errors.ts'
import type { KeyedHash } from './keyed-hash.ts'
import type { PseudonymScope } from './pseudonym.ts'

const typ = 'sallyport-pseudonyms'

/** More than a scope remembers, in base64url. */
const longest = 8 * 1024 * 1024

/**
 * What a scope remembers, sealed for this scope alone: each has a key of its own, made from the masker's, so that it opens in
 * no other.
 */
export function sealScope(scope: PseudonymScope, hash: KeyedHash): Promise<string> {
  return sealDirect(new TextEncoder().encode(JSON.stringify(scope.entries())), keyOf(scope, hash), typ)
}

/**
 * Lets a scope remember what was sealed for it, beside what it remembers already.
 *
 * @throws GuardError `decryption_failed` for what was altered, or sealed for another scope or under another key.
 */
export async function openScope(scope: PseudonymScope, hash: KeyedHash, sealed: unknown): Promise<void> {
  const failed = (): GuardError => new GuardError('decryption_failed', { reason: 'sealed pseudonyms that were not sealed for this scope' })
  if (typeof sealed !== 'string' || sealed.length > longest) throw failed()
  const opened = await openDirect(sealed, keyOf(scope, hash), typ)
  if (opened === undefined) throw failed()
  const entries: unknown = JSON.parse(new TextDecoder().decode(opened))
  if (!Array.isArray(entries)) throw failed()
  for (const entry of entries) if (!scope.add(entry)) throw failed()
}

function keyOf({ name }: PseudonymScope, hash: KeyedHash): Uint8Array {
  return new Uint8Array(hash(`sallyport sealed pseudonyms\n${name}`))
}
