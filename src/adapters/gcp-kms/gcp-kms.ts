import { type Check, checkOptions, hasMethods } from '../../guard/check-options.ts'
import { generateByWrapping, notGenuine, rewrapByUnwrapping } from '../../keys/generate-by-wrapping.ts'
import { InputKey, keyLength } from '../../keys/input-key.ts'
import { encodeKeyContext, type KeyContext, type KeyProvider, type WrappedKey } from '../../keys/key-provider.ts'
import { unwrapKey, wrapKey } from '../../keys/wrap-key.ts'
import { crc32c } from './crc32c.ts'

/** A checksum as the client has it: a number, or a text of one. */
export interface GcpChecksum {
  readonly value?: unknown
}

/** The part of `KeyManagementServiceClient` from `@google-cloud/kms` that is used. */
export interface GcpKmsClient {
  /** `Encrypt`. */
  encrypt(request: {
    name: string
    plaintext: Uint8Array
    plaintextCrc32c: { value: number }
    additionalAuthenticatedData: Uint8Array
    additionalAuthenticatedDataCrc32c: { value: number }
  }): Promise<readonly [GcpEncrypted, ...unknown[]]>
  /** `Decrypt`. */
  decrypt(request: {
    name: string
    ciphertext: Uint8Array
    ciphertextCrc32c: { value: number }
    additionalAuthenticatedData: Uint8Array
    additionalAuthenticatedDataCrc32c: { value: number }
  }): Promise<readonly [GcpDecrypted, ...unknown[]]>
  /** `GetCryptoKey`. */
  getCryptoKey(request: {
    name: string
  }): Promise<readonly [{ readonly primary?: { readonly name?: string | null; readonly state?: unknown } | null }, ...unknown[]]>
}

/** What `Encrypt` answers. */
export interface GcpEncrypted {
  /** The version that encrypted. */
  readonly name?: string | null
  readonly ciphertext?: Uint8Array | string | null
  readonly ciphertextCrc32c?: GcpChecksum | null
  readonly verifiedPlaintextCrc32c?: boolean | null
  readonly verifiedAdditionalAuthenticatedDataCrc32c?: boolean | null
}

/** What `Decrypt` answers. */
export interface GcpDecrypted {
  readonly plaintext?: Uint8Array | string | null
  readonly plaintextCrc32c?: GcpChecksum | null
}

/** Options of `gcpKms`. */
export interface GcpKmsOptions {
  /** `new KeyManagementServiceClient()`; made and closed by whoever passes it in. */
  readonly client: GcpKmsClient
  /** The resource of the key: `projects/…/locations/…/keyRings/…/cryptoKeys/…`. Its primary version wraps. */
  readonly key: string
}

const resource = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/

const checks: Readonly<Record<keyof GcpKmsOptions, Check>> = {
  client: [hasMethods('encrypt', 'decrypt', 'getCryptoKey'), 'a KeyManagementServiceClient of @google-cloud/kms'],
  key: [(value) => typeof value === 'string' && value.length <= 1024 && resource.test(value), 'the resource of a key, without a version'],
}

const separation = 'sallyport gcp kms v1'
/** INVALID_ARGUMENT of gRPC: so the service calls what is not genuine, or not for this context. */
const invalidArgument = 3

/**
 * Data keys wrapped by Google Cloud KMS. It wraps a key of ours that wraps the data key for its context and version, since the
 * service itself does not tell by which version something was wrapped. The context is its additional authenticated data as well.
 *
 * ```ts
 * const keys = gcpKms({ client: new KeyManagementServiceClient(), key: 'projects/p/locations/l/keyRings/r/cryptoKeys/notes' })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function gcpKms(options: GcpKmsOptions): KeyProvider {
  checkOptions('gcpKms', options, checks)
  const { client, key: id } = options
  const aadOf = (context: KeyContext): Uint8Array => encodeKeyContext(context, separation, id)

  async function wrap(key: Uint8Array, context: KeyContext): Promise<WrappedKey> {
    const inner = crypto.getRandomValues(new Uint8Array(keyLength))
    const kek = new InputKey(inner)
    const aad = aadOf(context)
    try {
      const [answer] = await client.encrypt({
        name: id,
        plaintext: inner,
        plaintextCrc32c: { value: crc32c(inner) },
        additionalAuthenticatedData: aad,
        additionalAuthenticatedDataCrc32c: { value: crc32c(aad) },
      })
      const ciphertext = bytesOf(answer.ciphertext, answer.ciphertextCrc32c)
      const version = versionOf(answer.name, id)
      if (answer.verifiedPlaintextCrc32c !== true || answer.verifiedAdditionalAuthenticatedDataCrc32c !== true || ciphertext.length > 8192)
        throw new Error('what Google Cloud KMS was sent did not arrive as it was')
      const rest = await wrapKey(kek, key, encodeKeyContext(context, separation, id, version))
      const bytes = new Uint8Array(2 + ciphertext.length + rest.length)
      new DataView(bytes.buffer).setUint16(0, ciphertext.length)
      bytes.set(ciphertext, 2)
      bytes.set(rest, 2 + ciphertext.length)
      return { id, version, bytes }
    } finally {
      // However it ended, also where the client threw before it promised anything.
      inner.fill(0)
      kek.wipe()
    }
  }

  async function unwrap(wrapped: WrappedKey, context: KeyContext): Promise<Uint8Array> {
    const { bytes, version } = wrapped
    const end = 2 + (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0))
    if (wrapped.id !== id || end > bytes.length) throw notGenuine('it was not wrapped by this key of Google Cloud KMS')
    const ciphertext = bytes.slice(2, end)
    const aad = aadOf(context)
    const [answer] = await client
      .decrypt({
        name: id,
        ciphertext,
        ciphertextCrc32c: { value: crc32c(ciphertext) },
        additionalAuthenticatedData: aad,
        additionalAuthenticatedDataCrc32c: { value: crc32c(aad) },
      })
      .catch((error: unknown) => {
        if (typeof error === 'object' && error !== null && 'code' in error && error.code === invalidArgument)
          throw notGenuine('Google Cloud KMS says that the wrapped key is not genuine, or for another context')
        throw error
      })
    const inner = bytesOf(answer.plaintext, answer.plaintextCrc32c)
    if (inner.length !== keyLength) throw notGenuine('Google Cloud KMS unwrapped no key')
    const kek = new InputKey(inner)
    inner.fill(0)
    try {
      return await unwrapKey(kek, bytes.subarray(end), encodeKeyContext(context, separation, id, version))
    } finally {
      kek.wipe()
    }
  }

  return Object.freeze<KeyProvider>({
    generate: generateByWrapping({ wrap }),
    wrap,
    unwrap,
    rewrap: rewrapByUnwrapping({ wrap, unwrap }),
    async state() {
      const [{ primary }] = await client.getCryptoKey({ name: id })
      if (primary?.state !== 'ENABLED' && primary?.state !== 1) throw new Error('the primary version of the key is not enabled')
      return { id, version: versionOf(primary.name, id) }
    },
    describe: () => ({ kind: 'gcp-kms', key: id }),
  })
}

function versionOf(name: string | null | undefined, key: string): string {
  const prefix = `${key}/cryptoKeyVersions/`
  const version = typeof name === 'string' && name.startsWith(prefix) ? name.slice(prefix.length) : ''
  if (!/^[1-9]\d{0,8}$/.test(version)) throw new Error('Google Cloud KMS names no version of this key')
  return version
}

/** Bytes of an answer, copied. @throws Error where they did not arrive as they were sent. */
function bytesOf(value: Uint8Array | string | null | undefined, checksum: GcpChecksum | null | undefined): Uint8Array<ArrayBuffer> {
  const bytes = typeof value === 'string' ? Uint8Array.from(atob(value), (character) => character.charCodeAt(0)) : Uint8Array.from(value ?? [])
  if (bytes.length === 0 || Number(checksum?.value) !== crc32c(bytes)) throw new Error('what Google Cloud KMS answered did not arrive as it was')
  return bytes
}
