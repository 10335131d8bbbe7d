import { type Check, checkOptions, isFunction, optional } from '../../guard/check-options.ts'
import { generateByWrapping, notGenuine } from '../../keys/generate-by-wrapping.ts'
import { InputKey, keyLength } from '../../keys/input-key.ts'
import { encodeKeyContext, type KeyContext, type KeyProvider, type WrappedKey } from '../../keys/key-provider.ts'
import { isSecureUrl } from '../../keys/secure-url.ts'
import { unwrapKey, wrapKey } from '../../keys/wrap-key.ts'
import { type VaultAnswer, VaultClient } from './vault-client.ts'

/** Options of `vaultTransit`. */
export interface VaultTransitOptions {
  /** Where Vault is: https, or http at a loopback address. */
  readonly address: URL
  /** A token that may use the key: a function where it changes. */
  readonly token: string | (() => string | Promise<string>)
  /** The name of a transit key that encrypts (`aes256-gcm96`, `chacha20-poly1305`), not derived. */
  readonly key: string
  /** Where the engine is mounted; `transit` unless given. */
  readonly mount?: string
  /** The namespace, where there are some. */
  readonly namespace?: string
  /** What sends the requests; the runtime's own `fetch` unless given. */
  readonly fetch?: (input: string, init: RequestInit) => Promise<Response>
}

const name = /^[\w.-]{1,128}$/
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

const checks: Readonly<Record<keyof VaultTransitOptions, Check>> = {
  address: [(value) => value instanceof URL && isSecureUrl(value), 'a URL object: https, or http at a loopback address, without a password'],
  token: [(value) => isText(value) || isFunction(value), 'a token, or a function that gives one'],
  key: [(value) => typeof value === 'string' && name.test(value), 'the name of a transit key'],
  mount: [optional((value) => typeof value === 'string' && /^[\w.-]+(?:\/[\w.-]+)*$/.test(value)), 'a mount path'],
  namespace: [optional(isText), 'a namespace'],
  fetch: [optional(isFunction), 'a function'],
}

const separation = 'sallyport vault transit v1'

/**
 * Data keys wrapped by the transit engine of HashiCorp Vault, or OpenBao. Vault wraps a key of ours that wraps the data key for its
 * context, so that Vault alone can wrap anew (`rewrap`), and no data key is seen then. Versions are Vault's: what is below the
 * key's `min_decryption_version` is refused by it.
 *
 * ```ts
 * const keys = vaultTransit({ address: new URL('https://vault.example:8200'), token, key: 'notes' })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function vaultTransit(options: VaultTransitOptions): KeyProvider {
  checkOptions('vaultTransit', options, checks)
  const { key, mount = 'transit' } = options
  const vault = new VaultClient(options)
  const id = `vault:${mount}/${key}`
  const at = (operation: string): string => `${mount}/${operation}/${key}`
  const binding = (context: KeyContext): Uint8Array => encodeKeyContext(context, separation, id)

  async function wrap(dataKey: Uint8Array, context: KeyContext, signal?: AbortSignal): Promise<WrappedKey> {
    // 32 random bytes of Vault's, and the same wrapped.
    const answer = await vault.post(at('datakey/plaintext'), { bits: 256 }, signal)
    const inner = answer.bytes('plaintext')
    if (inner.length !== keyLength) throw new Error('Vault gave no data key')
    const kek = new InputKey(inner)
    inner.fill(0)
    const wrapped = await wrapKey(kek, dataKey, binding(context))
    kek.wipe()
    return join(id, answer, wrapped)
  }

  async function unwrap(wrapped: WrappedKey, context: KeyContext, signal?: AbortSignal): Promise<Uint8Array> {
    const { ciphertext, rest } = split(id, wrapped)
    const inner = (await vault.post(at('decrypt'), { ciphertext }, signal, 'genuine')).bytes('plaintext')
    if (inner.length !== keyLength) throw notGenuine('Vault unwrapped no key')
    const kek = new InputKey(inner)
    inner.fill(0)
    try {
      return await unwrapKey(kek, rest, binding(context))
    } finally {
      kek.wipe()
    }
  }

  return Object.freeze<KeyProvider>({
    generate: generateByWrapping({ wrap }),
    wrap,
    unwrap,
    async rewrap(wrapped, _context, signal) {
      const { ciphertext, rest } = split(id, wrapped)
      return join(id, await vault.post(at('rewrap'), { ciphertext }, signal, 'genuine'), rest)
    },
    async state(signal) {
      const answer = await vault.get(`${mount}/keys/${key}`, signal)
      const [latest, least] = [answer.number('latest_version'), answer.number('min_decryption_version')]
      return {
        id,
        version: String(latest),
        opens: Array.from({ length: Math.max(0, Math.min(latest - least + 1, 10_000)) }, (_, index) => String(least + index)),
      }
    },
    describe: () => ({ kind: 'vault-transit', address: options.address.origin, mount, key }),
  })
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** The text of Vault with its length (2 bytes), and what its key wraps. */
function join(id: string, answer: VaultAnswer, rest: Uint8Array): WrappedKey {
  const ciphertext = answer.text('ciphertext')
  const version = versionOf(ciphertext)
  if (version === undefined) throw new Error('Vault gave no ciphertext')
  const text = encoder.encode(ciphertext)
  const bytes = new Uint8Array(2 + text.length + rest.length)
  new DataView(bytes.buffer).setUint16(0, text.length)
  bytes.set(text, 2)
  bytes.set(rest, 2 + text.length)
  return { id, version, bytes }
}

function split(id: string, wrapped: WrappedKey): { readonly ciphertext: string; readonly rest: Uint8Array } {
  const { bytes } = wrapped
  const end = 2 + (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0))
  if (wrapped.id !== id || end > bytes.length) throw notGenuine('it was not wrapped by this key of Vault')
  let ciphertext: string
  try {
    ciphertext = decoder.decode(bytes.subarray(2, end))
  } catch {
    throw notGenuine('it was not wrapped by Vault')
  }
  // Compared, so that no header can name another version than the one that opens.
  if (versionOf(ciphertext) !== wrapped.version) throw notGenuine('it was wrapped by another version of the key of Vault')
  return { ciphertext, rest: bytes.subarray(end) }
}

function versionOf(ciphertext: string): string | undefined {
  return /^vault:v([1-9]\d{0,8}):[A-Za-z0-9+/]{1,8192}={0,2}$/.exec(ciphertext)?.[1]
}
