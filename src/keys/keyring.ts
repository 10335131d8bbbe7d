import { checkNames } from '../guard/check-options.ts'
import { GuardError } from '../guard/errors.ts'
import { andThen, InputKey, keyLength } from './input-key.ts'
import { encodeKeyContext, type KeyContext, type KeyProvider, type WrappedKey } from './key-provider.ts'
import { unwrapKey, wrapKey } from './wrap-key.ts'

/** Options of a keyring. */
export interface KeyringOptions {
  /** The name of the key that wraps. */
  readonly primary: string
  /**
   * Keys of 32 random bytes by their names, the oldest first. All of them open what they wrapped: so a new key can be known
   * everywhere before it becomes the primary one, and an old one for as long as something is wrapped by it.
   */
  readonly keys: Readonly<Record<string, Uint8Array>>
  /** The oldest key that still opens; those before it are refused. All of them open unless given. */
  readonly minimum?: string
  /** What the ring is called in what it wraps; `local` unless given. */
  readonly id?: string
}

const separation = 'sallyport key wrap v1'

/** Keys that the process holds itself, and that wrap data keys. @throws TypeError for wrong options; messages never hold a key. */
export function keyring(options: KeyringOptions): KeyProvider {
  checkNames('localKeys', options, ['primary', 'keys', 'minimum', 'id'])
  const { primary, keys, minimum, id = 'local' } = options
  if (!isName(id)) throw new TypeError('localKeys: id: must begin with a letter and have at most 64 letters, digits, dots, underscores and hyphens')
  if (typeof keys !== 'object' || keys === null) throw new TypeError('localKeys: keys: must be an object of keys by name')
  const entries = Object.entries(keys)
  for (const [name, key] of entries) {
    if (!isName(name))
      throw new TypeError('localKeys: keys: a name must begin with a letter and have at most 64 letters, digits, dots, underscores and hyphens')
    if (!(key instanceof Uint8Array) || key.length !== keyLength) throw new TypeError(`localKeys: keys.${name}: must be ${keyLength} bytes`)
    if (key.every((byte) => byte === key[0])) throw new TypeError(`localKeys: keys.${name}: is not random`)
  }
  const names = entries.map(([name]) => name)
  if (!names.includes(primary)) throw new TypeError('localKeys: primary: must be the name of one of the keys')
  if (minimum !== undefined && !names.includes(minimum)) throw new TypeError('localKeys: minimum: must be the name of one of the keys')
  const first = minimum === undefined ? 0 : names.indexOf(minimum)
  if (names.indexOf(primary) < first) throw new TypeError('localKeys: minimum: must not be newer than the primary key')
  const ring = new Map(entries.slice(first).map(([name, key]) => [name, new InputKey(key)]))

  const wrap = (key: Uint8Array, context: KeyContext) => {
    const kek = ring.get(primary)
    if (kek === undefined) throw new Error('the primary key is gone')
    return andThen(wrapKey(kek, key, binding(id, primary, context)), (bytes): WrappedKey => ({ id, version: primary, bytes }))
  }
  const unwrap = ({ id: of, version, bytes }: WrappedKey, context: KeyContext) => {
    const kek = of === id ? ring.get(version) : undefined
    if (kek === undefined) throw new GuardError('decryption_failed', { reason: 'no key of this ring, or none that still opens, has this name' })
    return unwrapKey(kek, bytes, binding(id, version, context))
  }
  return Object.freeze<KeyProvider>({
    generate(context) {
      const plaintext = crypto.getRandomValues(new Uint8Array(keyLength))
      return andThen(wrap(plaintext, context), (wrapped) => ({ plaintext, wrapped }))
    },
    wrap,
    unwrap,
    rewrap: (wrapped, context) =>
      andThen(unwrap(wrapped, context), (key) =>
        andThen(wrap(key, context), (renewed) => {
          key.fill(0)
          return renewed
        }),
      ),
    state: () => ({ id, version: primary, opens: [...ring.keys()] }),
    describe: () => ({ kind: 'local', id, primary, opens: [...ring.keys()] }),
  })
}

function binding(id: string, version: string, context: KeyContext): Uint8Array {
  return encodeKeyContext(context, separation, id, version)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z][\w.-]{0,63}$/.test(value)
}
