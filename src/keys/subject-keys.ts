import { checkNames, hasMethods } from '../guard/check-options.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { decodeBase64url, encodeBase64url } from './base64url.ts'
import { isEqual } from './equal.ts'
import { encodeKeyContext, isWrappedKey, type KeyContext, type KeyProvider, type WrappedKey } from './key-provider.ts'

/** Keeps the wrapped data keys of data subjects: a table, a bucket, a folder. What is deleted must be gone from its copies too. */
export interface SubjectKeyStore {
  /** The record of that name, where there is one. */
  get(name: string): Awaitable<string | undefined>
  /** Adds a record unless there is one of that name, in one step that two callers cannot both win. True where it was added. */
  add(name: string, record: string): Awaitable<boolean>
  /** Puts a record in the place of exactly that other one. True where it was. */
  replace(name: string, record: string, before: string): Awaitable<boolean>
  /** Deletes a record, where there is one. */
  delete(name: string): Awaitable<unknown>
}

/** Options of `subjectKeys`. */
export interface SubjectKeysOptions {
  /** Wraps the data keys. */
  readonly keys: KeyProvider
  readonly store: SubjectKeyStore
}

/** Data keys of one data subject each, which can be destroyed. */
export interface SubjectKeys extends KeyProvider {
  /**
   * Destroys the data key of a subject, and with it everything that was ever sealed for it, wherever its copies are. Sealers that
   * hold the key open with it until they forget it: at once where `clear()` is called, else `maxAge` and `staleWhileDown` seconds
   * (300 unless given) after they fetched it.
   *
   * @param subject the same parts of the context as were sealed for: `{ tenant, subject, audience }`.
   */
  shred(subject: KeyContext): Promise<void>
  /** Has the data key of a subject wrapped by the current KEK. Nothing that was sealed with it changes. False where there is none. */
  renew(subject: KeyContext): Promise<boolean>
}

/** How often a race with others is run again. */
const attempts = 5
const idLength = 16

interface SubjectRecord {
  readonly id: Uint8Array
  readonly wrapped: WrappedKey
}

/**
 * A key provider with one data key for each data subject, kept wrapped in a store of yours: what is sealed carries the key's id and
 * not the key. So `shred` makes all of it unreadable, in backups as well, without finding it. A context must name a `subject`.
 *
 * ```ts
 * const keys = subjectKeys({ keys: localKeys({ primary: 'k1', keys: { k1 } }), store })
 * await keys.shred({ tenant: 'acme', subject: 'ada' })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function subjectKeys(options: SubjectKeysOptions): SubjectKeys {
  checkNames('subjectKeys', options, ['keys', 'store'])
  const { keys, store } = options
  if (!hasMethods('generate', 'unwrap', 'rewrap', 'describe')(keys)) throw new TypeError('subjectKeys: keys: must be a KeyProvider')
  if (!hasMethods('get', 'add', 'replace', 'delete')(store)) throw new TypeError('subjectKeys: store: must be a SubjectKeyStore')
  const id = 'subject'

  async function find(context: KeyContext): Promise<{ readonly text: string; readonly record: SubjectRecord } | undefined> {
    const text = await store.get(nameOf(context))
    if (text === undefined) return undefined
    const record = readRecord(text)
    if (record === undefined) throw new Error('the store gave no record of a data key')
    return { text, record }
  }

  return Object.freeze<SubjectKeys>({
    async generate(context, signal) {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const found = await find(context)
        if (found !== undefined) {
          const plaintext = await keys.unwrap(found.record.wrapped, context, signal)
          return { plaintext, wrapped: { id, version: '', bytes: found.record.id } }
        }
        const { plaintext, wrapped } = await keys.generate(context, signal)
        const record = { id: crypto.getRandomValues(new Uint8Array(idLength)), wrapped }
        // Compared with true: a store that answers something else has kept nothing.
        if ((await store.add(nameOf(context), writeRecord(record))) === true) return { plaintext, wrapped: { id, version: '', bytes: record.id } }
        plaintext.fill(0)
      }
      throw new Error('the store neither has a record nor takes one')
    },
    wrap() {
      throw new Error('the data key of a subject is made here, and not brought')
    },
    async unwrap(wrapped, context, signal) {
      if (wrapped.id !== id || wrapped.version !== '') throw refused('it was not sealed with the data key of a subject')
      const found = await find(context)
      if (found === undefined || !isEqual(found.record.id, wrapped.bytes)) throw refused('the data key of this subject was destroyed, or is another')
      return keys.unwrap(found.record.wrapped, context, signal)
    },
    // The key is wrapped anew where it is kept; what carries its id stays as it is.
    async rewrap(wrapped, context) {
      await renew(context)
      return wrapped
    },
    async state() {
      return { id, version: '' }
    },
    describe: () => ({ kind: 'subjects', keys: keys.describe() }),
    async shred(subject) {
      await store.delete(nameOf(subject))
    },
    renew,
  })

  async function renew(context: KeyContext): Promise<boolean> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const found = await find(context)
      if (found === undefined) return false
      const renewed = writeRecord({ id: found.record.id, wrapped: await keys.rewrap(found.record.wrapped, context) })
      // A record that was shredded meanwhile must not come back.
      if ((await store.replace(nameOf(context), renewed, found.text)) === true) return true
    }
    throw new Error('the store does not take a record')
  }
}

/** Subjects' keys in the memory of this process: for tests. */
export function memorySubjectKeys(): SubjectKeyStore {
  const records = new Map<string, string>()
  return Object.freeze<SubjectKeyStore>({
    get: (name) => records.get(name),
    add(name, record) {
      if (records.has(name)) return false
      records.set(name, record)
      return true
    },
    replace(name, record, before) {
      if (records.get(name) !== before) return false
      records.set(name, record)
      return true
    },
    delete: (name) => records.delete(name),
  })
}

/** In one form only: two subjects never have one name. */
function nameOf(context: KeyContext): string {
  const { subject } = context
  if (typeof subject !== 'string' || subject === '')
    throw new GuardError('misconfigured', { reason: 'a context must name the subject whose data key is used' })
  return encodeBase64url(encodeKeyContext(context))
}

function writeRecord({ id, wrapped }: SubjectRecord): string {
  const { id: kek, version, bytes } = wrapped
  return JSON.stringify({ id: encodeBase64url(id), kek, version, wrapped: encodeBase64url(bytes) })
}

function readRecord(text: unknown): SubjectRecord | undefined {
  if (typeof text !== 'string') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('id' in value && 'kek' in value && 'version' in value && 'wrapped' in value)) return undefined
  const { id, kek, version, wrapped } = value
  if (typeof id !== 'string' || typeof kek !== 'string' || typeof version !== 'string' || typeof wrapped !== 'string') return undefined
  const [own, bytes] = [decodeBase64url(id), decodeBase64url(wrapped)]
  if (own?.length !== idLength || bytes === undefined) return undefined
  const key = { id: kek, version, bytes }
  return isWrappedKey(key) ? { id: own, wrapped: key } : undefined
}

function refused(reason: string): GuardError {
  return new GuardError('decryption_failed', { reason })
}
