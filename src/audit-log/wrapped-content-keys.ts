import { type Check, checkOptions, hasMethods } from '../guard/check-options.ts'
import { systemClock, within } from '../guard/clock.ts'
import { isGuardError } from '../guard/errors.ts'
import { decodeBase64url, encodeBase64url } from '../keys/base64url.ts'
import type { KeyContext, KeyProvider, WrappedKey } from '../keys/key-provider.ts'
import { type SubjectKeys, type SubjectKeyStore, subjectKeys } from '../keys/subject-keys.ts'
import type { ContentKey, ContentKeys } from './content-keys.ts'
import { keyedDigest } from './keyed-digest.ts'

/** Options of `wrappedContentKeys`. */
export interface WrappedContentKeysOptions {
  /** Wraps the data subjects' keys: `localKeys`, `fileKeys`, or a key management service. */
  readonly keys: KeyProvider
  /** Keeps them, wrapped. Asked for each call, so that what one process erases no other one uses. */
  readonly store: SubjectKeyStore
  /**
   * A secret of at least 32 bytes, used for nothing else, the same for as long as the store: in the store and in the log a data
   * subject has a name that only it can make.
   */
  readonly names: Uint8Array
}

const checks: Readonly<Record<keyof WrappedContentKeysOptions, Check>> = {
  keys: [hasMethods('generate', 'unwrap', 'describe'), 'a KeyProvider, such as localKeys(…)'],
  store: [hasMethods('get', 'add', 'replace', 'delete'), 'a SubjectKeyStore'],
  names: [(value) => value instanceof Uint8Array && value.length >= 32, 'a Uint8Array of at least 32 bytes'],
}

/** Keys that are kept in clear in this process, beside the store, so that not every call asks the provider. */
const maxKept = 1_000
/** Milliseconds that the provider has. */
const patience = 5_000

const idForm = /^([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{22})$/

/**
 * Keys of data subjects that are kept wrapped by a key of yours (the KEK): whoever has a copy of the store, or of a backup, has
 * nothing without it. `shred` deletes a subject's key from the store.
 *
 * ```ts
 * const contentKeys = wrappedContentKeys({ keys: localKeys({ primary: 'k1', keys: { k1 } }), store, names })
 * const base = guard().use(audit({ log, content: 'sealed', contentKeys }))
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function wrappedContentKeys(options: WrappedContentKeysOptions): ContentKeys {
  checkOptions('wrappedContentKeys', options, checks)
  const { keys, store } = options
  const digest = keyedDigest(options.names)
  const kept = new KeptKeys(keys)
  const subjects: SubjectKeys = subjectKeys({ keys: kept.provider, store })
  const nameOf = async (subject: string): Promise<string> => (await digest.digest(subject)).replace(/^.*:/, '')
  return {
    async keyOf(subject): Promise<ContentKey> {
      const name = await nameOf(subject)
      const { plaintext, wrapped } = await subjects.generate({ subject: name })
      return { id: `${name}.${encodeBase64url(wrapped.bytes)}`, key: plaintext }
    },
    async find(id) {
      const [, name, own] = idForm.exec(id) ?? []
      const bytes = own === undefined ? undefined : decodeBase64url(own)
      if (name === undefined || bytes === undefined) return undefined
      try {
        return await subjects.unwrap({ id: 'subject', version: '', bytes }, { subject: name })
      } catch (error) {
        // It is gone, is another, or was not wrapped for this subject. A provider that does not answer is something else.
        if (isGuardError(error) && error.code === 'decryption_failed') return undefined
        throw error
      }
    },
    async shred(subject) {
      const name = await nameOf(subject)
      let wasThere = false
      const noting: SubjectKeyStore = {
        get: (record) => store.get(record),
        add: () => false,
        replace: () => false,
        async delete(record) {
          wasThere = (await store.get(record)) !== undefined
          await store.delete(record)
        },
      }
      await subjectKeys({ keys, store: noting }).shred({ subject: name })
      kept.forget(name)
      return wasThere
    },
    describe: () => ({ kind: 'wrapped', keys: keys.describe() }),
  }
}

interface Kept {
  readonly of: string
  readonly key: Uint8Array
}

/** A provider that unwraps what it has unwrapped before by itself. What is asked for still has to be in the store. */
class KeptKeys {
  readonly provider: KeyProvider
  // The oldest comes first.
  readonly #kept = new Map<string, Kept>()

  constructor(keys: KeyProvider) {
    const punctual = async <T>(answer: (signal: AbortSignal) => T | PromiseLike<T>): Promise<T> =>
      within(systemClock, patience, 'The key provider', Promise.resolve(answer(AbortSignal.timeout(patience))))
    this.provider = {
      generate: (context) => punctual((signal) => keys.generate(context, signal)),
      unwrap: async (wrapped, context) => {
        const of = identify(wrapped)
        const known = this.#kept.get(context.subject ?? '')
        if (known?.of === of) return new Uint8Array(known.key)
        const key = await punctual((signal) => keys.unwrap(wrapped, context, signal))
        // A copy, whose end is its own: `slice` makes none of a Buffer.
        this.#keep(context, of, new Uint8Array(key))
        return key
      },
      wrap: (key, context, signal) => keys.wrap(key, context, signal),
      rewrap: (wrapped, context, signal) => keys.rewrap(wrapped, context, signal),
      state: (signal) => keys.state(signal),
      describe: () => keys.describe(),
    }
  }

  forget(subject: string): void {
    this.#kept.get(subject)?.key.fill(0)
    this.#kept.delete(subject)
  }

  #keep({ subject = '' }: KeyContext, of: string, key: Uint8Array): void {
    this.forget(subject)
    this.#kept.set(subject, { of, key })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > maxKept && oldest !== undefined) this.forget(oldest)
  }
}

function identify({ id, version, bytes }: WrappedKey): string {
  return JSON.stringify([id, version, encodeBase64url(bytes)])
}
