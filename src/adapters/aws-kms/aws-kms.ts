import { type Check, checkOptions, hasMethods, optional } from '../../guard/check-options.ts'
import { GuardError } from '../../guard/errors.ts'
import { keyLength } from '../../keys/input-key.ts'
import type { KeyContext, KeyProvider, WrappedKey } from '../../keys/key-provider.ts'

/** The part of `KMS` from `@aws-sdk/client-kms` that is used. */
export interface KmsClient {
  /** `GenerateDataKey`. */
  generateDataKey(input: { KeyId: string; KeySpec: 'AES_256'; EncryptionContext?: Record<string, string> }, options?: KmsCall): Promise<KmsAnswer>
  /** `Encrypt`. */
  encrypt(input: { KeyId: string; Plaintext: Uint8Array; EncryptionContext?: Record<string, string> }, options?: KmsCall): Promise<KmsAnswer>
  /** `Decrypt`. */
  decrypt(input: { KeyId: string; CiphertextBlob: Uint8Array; EncryptionContext?: Record<string, string> }, options?: KmsCall): Promise<KmsAnswer>
  /** `ReEncrypt`. */
  reEncrypt(
    input: {
      CiphertextBlob: Uint8Array
      SourceKeyId: string
      SourceEncryptionContext?: Record<string, string>
      DestinationKeyId: string
      DestinationEncryptionContext?: Record<string, string>
    },
    options?: KmsCall,
  ): Promise<KmsAnswer>
  /** `DescribeKey`. */
  describeKey(input: { KeyId: string }, options?: KmsCall): Promise<{ readonly KeyMetadata?: KmsKeyMetadata | undefined }>
}

/** What the client tells of a key. */
export interface KmsKeyMetadata {
  readonly Arn?: string | undefined
  readonly KeyState?: string | undefined
  readonly CurrentKeyMaterialId?: string | undefined
}

/** Options of one call of the client. */
export interface KmsCall {
  readonly abortSignal?: AbortSignal
}

/** What the client answers. */
export interface KmsAnswer {
  readonly KeyId?: string | undefined
  readonly Plaintext?: Uint8Array | undefined
  readonly CiphertextBlob?: Uint8Array | undefined
  /** The material that wrapped, or unwrapped. */
  readonly KeyMaterialId?: string | undefined
  /** Of `ReEncrypt`. */
  readonly SourceKeyMaterialId?: string | undefined
  /** Of `ReEncrypt`. */
  readonly DestinationKeyMaterialId?: string | undefined
}

/** Options of `awsKms`. */
export interface AwsKmsOptions {
  /** `new KMS({ region })` from `@aws-sdk/client-kms`; made and closed by whoever passes it in. */
  readonly client: KmsClient
  /** The symmetric key that wraps: an id, an ARN or an alias. */
  readonly key: string
  /** ARNs of other keys that still unwrap, as after an alias was turned to a new key. */
  readonly alsoOpens?: readonly string[]
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && value.length <= 2048

const checks: Readonly<Record<keyof AwsKmsOptions, Check>> = {
  client: [hasMethods('generateDataKey', 'encrypt', 'decrypt', 'reEncrypt', 'describeKey'), 'a KMS of @aws-sdk/client-kms'],
  key: [isText, 'the id, the ARN or the alias of a key'],
  alsoOpens: [optional((value) => Array.isArray(value) && value.every(isText)), 'a list of ARNs'],
}

/** Bytes of a `CiphertextBlob`, as its API bounds them. */
const maxBlob = 6144

/** What KMS says where a wrapped key is not genuine, not for this context, or not by this key. */
const refusals: readonly string[] = ['InvalidCiphertextException', 'IncorrectKeyException']

/**
 * Data keys wrapped by AWS KMS. The context of keys is the encryption context: it is bound, and it stands in CloudTrail in clear.
 * KMS turns the material of a key over by itself: its id is the version here, so that `rewrapAll` sees what an older one wrapped.
 * Where KMS does not tell it (`Encrypt`, by which keys of others are wrapped) the version is empty. Wrapping anew is its `ReEncrypt`,
 * by which no data key leaves it.
 *
 * The key is chosen here and never by what a header says: a header that names a key that is not listed is refused.
 *
 * ```ts
 * const keys = awsKms({ client: new KMS({ region: 'eu-central-1' }), key: 'alias/notes' })
 * ```
 *
 * @throws TypeError for wrong options.
 */
export function awsKms(options: AwsKmsOptions): KeyProvider {
  checkOptions('awsKms', options, checks)
  const { client, key, alsoOpens = [] } = options
  const others = [...alsoOpens]
  const sourceOf = ({ id }: WrappedKey): string => (others.includes(id) ? id : key)

  return Object.freeze<KeyProvider>({
    async generate(context, signal) {
      const answer = await client.generateDataKey({ KeyId: key, KeySpec: 'AES_256', ...bound(context) }, callOf(signal))
      return { plaintext: own(answer.Plaintext), wrapped: wrappedIn(answer, answer.KeyMaterialId) }
    },
    async wrap(dataKey, context, signal) {
      return wrappedIn(await client.encrypt({ KeyId: key, Plaintext: dataKey, ...bound(context) }, callOf(signal)))
    },
    async unwrap(wrapped, context, signal) {
      const answer = await asking(() =>
        client.decrypt({ KeyId: sourceOf(checkForm(wrapped)), CiphertextBlob: wrapped.bytes, ...bound(context) }, callOf(signal)),
      )
      checkKey(answer.KeyId, answer.KeyMaterialId, wrapped)
      return own(answer.Plaintext)
    },
    async rewrap(wrapped, context, signal) {
      const { EncryptionContext } = bound(context)
      const contexts =
        EncryptionContext === undefined ? {} : { SourceEncryptionContext: EncryptionContext, DestinationEncryptionContext: EncryptionContext }
      const answer = await asking(() =>
        client.reEncrypt(
          { CiphertextBlob: wrapped.bytes, SourceKeyId: sourceOf(checkForm(wrapped)), DestinationKeyId: key, ...contexts },
          callOf(signal),
        ),
      )
      checkMaterial(answer.SourceKeyMaterialId, wrapped)
      return wrappedIn(answer, answer.DestinationKeyMaterialId)
    },
    async state(signal) {
      const { KeyMetadata: metadata } = await client.describeKey({ KeyId: key }, callOf(signal))
      if (metadata?.Arn === undefined || metadata.KeyState !== 'Enabled') throw new Error('the key of AWS KMS is not enabled')
      return { id: metadata.Arn, version: metadata.CurrentKeyMaterialId ?? '' }
    },
    describe: () => ({ kind: 'aws-kms', key, alsoOpens: others }),
  })
}

function bound(context: KeyContext): { EncryptionContext?: Record<string, string> } {
  return Object.keys(context).length === 0 ? {} : { EncryptionContext: { ...context } }
}

function callOf(signal: AbortSignal | undefined): KmsCall {
  return signal === undefined ? {} : { abortSignal: signal }
}

async function asking(ask: () => Promise<KmsAnswer>): Promise<KmsAnswer> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof Error && refusals.includes(error.name))
      throw new GuardError('decryption_failed', { reason: 'AWS KMS says that the wrapped key is not genuine, or for another context' })
    throw error
  }
}

function checkForm(wrapped: WrappedKey): WrappedKey {
  // KMS calls it a wrong request, and not a wrong key: a stranger could make it look as if KMS failed.
  if (wrapped.bytes.length > maxBlob) throw new GuardError('decryption_failed', { reason: 'it is longer than what AWS KMS wraps' })
  return wrapped
}

function checkKey(answered: string | undefined, material: string | undefined, wrapped: WrappedKey): void {
  if (answered !== wrapped.id) throw new GuardError('decryption_failed', { reason: 'it was wrapped by another key of AWS KMS than it says' })
  checkMaterial(material, wrapped)
}

// Compared, so that no header can name another material than the one that unwraps.
function checkMaterial(answered: string | undefined, { version }: WrappedKey): void {
  if (version !== '' && answered !== version)
    throw new GuardError('decryption_failed', { reason: 'it was wrapped by other material of the key of AWS KMS than it says' })
}

function wrappedIn({ KeyId, CiphertextBlob }: KmsAnswer, version: string = ''): WrappedKey {
  if (typeof KeyId !== 'string' || !(CiphertextBlob instanceof Uint8Array)) throw new Error('AWS KMS gave no wrapped key')
  return { id: KeyId, version, bytes: Uint8Array.from(CiphertextBlob) }
}

function own(plaintext: Uint8Array | undefined): Uint8Array {
  if (!(plaintext instanceof Uint8Array) || plaintext.length !== keyLength) throw new Error('AWS KMS gave no data key')
  const key = Uint8Array.from(plaintext)
  plaintext.fill(0)
  return key
}
