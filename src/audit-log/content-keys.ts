import type { Awaitable } from '../guard/context.ts'

/** A data subject's key: 32 bytes, and a name that stands in the log. */
export interface ContentKey {
  readonly id: string
  readonly key: Uint8Array
}

/**
 * A key for each data subject, which contents in the log are sealed under. Without its key a content is gone, and every
 * proof stays valid: proofs are made of what stands in the log, which is the sealed text.
 */
export interface ContentKeys {
  /** The key of a data subject, by `identity.key`; a new one where it has none, or none any more. */
  keyOf(subject: string): Awaitable<ContentKey>
  /** The key of that name; `undefined` where it is gone, or never was. */
  find(id: string): Awaitable<Uint8Array | undefined>
  /** Erases whatever was sealed for this data subject, for good. Resolves to whether there was anything to erase. */
  shred(subject: string): Awaitable<boolean>
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
}

/**
 * Keys in memory: contents can be read for as long as the process lives.
 *
 * @param maxSubjects how many it keeps before it refuses another one; 100,000 unless given. None is ever dropped silently.
 * @throws TypeError for a bound that is not a whole number above zero.
 */
export function memoryContentKeys(maxSubjects = 100_000): ContentKeys {
  if (!Number.isSafeInteger(maxSubjects) || maxSubjects < 1) throw new TypeError('memoryContentKeys: give a whole number above zero')
  const bySubject = new Map<string, ContentKey>()
  const byId = new Map<string, Uint8Array>()
  return {
    keyOf(subject) {
      const known = bySubject.get(subject)
      if (known !== undefined) return known
      if (bySubject.size >= maxSubjects) throw new Error(`there are keys of ${maxSubjects} data subjects, which is all that are kept`)
      const made = { id: crypto.randomUUID(), key: crypto.getRandomValues(new Uint8Array(32)) }
      bySubject.set(subject, made)
      byId.set(made.id, made.key)
      return made
    },
    find: (id) => byId.get(id),
    shred(subject) {
      const known = bySubject.get(subject)
      if (known === undefined) return false
      bySubject.delete(subject)
      byId.delete(known.id)
      known.key.fill(0)
      return true
    },
    describe: () => ({ kind: 'memory', subjects: bySubject.size }),
  }
}
