import { type Check, checkOptions, hasMethods, optional } from '../../guard/check-options.ts'
import { generateByWrapping, notGenuine, rewrapByUnwrapping } from '../../keys/generate-by-wrapping.ts'
import { keyLength } from '../../keys/input-key.ts'
import { encodeKeyContext, type KeyContext, type KeyProvider, type WrappedKey } from '../../keys/key-provider.ts'

/** The part of `PKCS11` from `pkcs11js` that is used. */
export interface Pkcs11 {
  /** As in PKCS #11. */
  C_FindObjectsInit(session: Buffer, template: { type: number; value: number | boolean | string | Buffer }[]): void
  /** As in PKCS #11. */
  C_FindObjects(session: Buffer, most: number): Buffer[]
  /** As in PKCS #11. */
  C_FindObjectsFinal(session: Buffer): void
  /** As in PKCS #11. */
  C_EncryptInit(session: Buffer, mechanism: Pkcs11Mechanism, key: Buffer): void
  /** As in PKCS #11. */
  C_Encrypt(session: Buffer, input: Buffer, output: Buffer, done: (error: Error | null, data: Buffer) => void): void
  /** As in PKCS #11. */
  C_DecryptInit(session: Buffer, mechanism: Pkcs11Mechanism, key: Buffer): void
  /** As in PKCS #11. */
  C_Decrypt(session: Buffer, input: Buffer, output: Buffer, done: (error: Error | null, data: Buffer) => void): void
}

/** AES-GCM as `pkcs11js` wants it. */
export interface Pkcs11Mechanism {
  mechanism: number
  parameter: { type: number; iv: Buffer; aad: Buffer; ivBits: number; tagBits: number }
}

/** Options of `pkcs11Keys`. */
export interface Pkcs11KeysOptions {
  /** A `PKCS11` of `pkcs11js` that was loaded and initialized. */
  readonly pkcs11: Pkcs11
  /** An open session that is logged in. It is used for nothing else while this provider works. */
  readonly session: Buffer
  /** The label of the AES-256 keys that wrap (`CKA_LABEL`). Each of them is a version, and has an id of its own (`CKA_ID`). */
  readonly label: string
  /** The id of the one that wraps now, in hexadecimal. */
  readonly version: string
  /** Ids of others that still unwrap, the oldest first. */
  readonly alsoOpens?: readonly string[]
}

const isId = (value: unknown): value is string => typeof value === 'string' && /^(?:[0-9a-f]{2}){1,64}$/.test(value)

const checks: Readonly<Record<keyof Pkcs11KeysOptions, Check>> = {
  pkcs11: [hasMethods('C_FindObjectsInit', 'C_EncryptInit', 'C_Encrypt', 'C_DecryptInit', 'C_Decrypt'), 'a PKCS11 of pkcs11js'],
  session: [(value) => value instanceof Uint8Array, 'the handle of a session'],
  label: [(value) => typeof value === 'string' && value !== '' && value.length <= 128, 'the label of keys'],
  version: [isId, 'the id of a key in hexadecimal, in lower case'],
  alsoOpens: [optional((value) => Array.isArray(value) && value.every(isId)), 'a list of such ids'],
}

// PKCS #11 2.40, and what pkcs11js calls the form of the parameter.
const secretKey = { type: 0, value: 4 } as const
const labelAttribute = 3
const idAttribute = 0x102
const aesGcm = 0x1087
const gcmParameters = 3
const nonceLength = 12
const tagLength = 16

/** What a module says where what it decrypts is not genuine; some have no better word than a general one. */
const refusals: readonly string[] = ['CKR_ENCRYPTED_DATA_INVALID', 'CKR_ENCRYPTED_DATA_LEN_RANGE', 'CKR_GENERAL_ERROR', 'CKR_AEAD_DECRYPT_FAILED']

const separation = 'sallyport pkcs11 wrap v1'

/**
 * Data keys wrapped by a key in hardware, over PKCS #11 (`pkcs11js`): AES-256-GCM in the module, with the context as associated data.
 * The keys that wrap never leave it. One operation at a time goes to the session.
 *
 * ```ts
 * const keys = pkcs11Keys({ pkcs11, session, label: 'notes', version: '01' })
 * ```
 *
 * @throws TypeError for wrong options, or where there is no such key, or more than one.
 */
export function pkcs11Keys(options: Pkcs11KeysOptions): KeyProvider {
  checkOptions('pkcs11Keys', options, checks)
  const { pkcs11, session, label, version, alsoOpens = [] } = options
  const id = `pkcs11:${label}`
  const handles = new Map([...alsoOpens, version].map((each) => [each, find(pkcs11, session, label, each)]))
  // Of a session only one operation can be under way.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(operation: () => Promise<T>): Promise<T> => {
    const next = last.then(operation, operation)
    last = next.catch(() => {})
    return next
  }

  async function wrap(key: Uint8Array, context: KeyContext): Promise<WrappedKey> {
    if (key.length !== keyLength) throw new TypeError(`a data key must have ${keyLength} bytes`)
    const handle = handles.get(version)
    if (handle === undefined) throw new Error('the key of the module is gone')
    const nonce = crypto.getRandomValues(new Uint8Array(nonceLength))
    const mechanism = mechanismOf(nonce, encodeKeyContext(context, separation, id, version))
    const input = Buffer.from(key)
    const sealed = await inTurn(() =>
      finish((done) => {
        pkcs11.C_EncryptInit(session, mechanism, handle)
        pkcs11.C_Encrypt(session, input, Buffer.alloc(keyLength + tagLength), done)
      }),
    ).finally(() => input.fill(0))
    if (sealed.length !== keyLength + tagLength) throw new Error('the module wrapped no key')
    const bytes = new Uint8Array(nonceLength + sealed.length)
    bytes.set(nonce)
    bytes.set(sealed, nonceLength)
    return { id, version, bytes }
  }

  async function unwrap(wrapped: WrappedKey, context: KeyContext): Promise<Uint8Array> {
    const handle = wrapped.id === id ? handles.get(wrapped.version) : undefined
    if (handle === undefined || wrapped.bytes.length !== nonceLength + keyLength + tagLength)
      throw notGenuine('no key of the module, or none that still opens, wrapped it')
    const mechanism = mechanismOf(wrapped.bytes.subarray(0, nonceLength), encodeKeyContext(context, separation, id, wrapped.version))
    const opened = await inTurn(() =>
      finish((done) => {
        pkcs11.C_DecryptInit(session, mechanism, handle)
        pkcs11.C_Decrypt(session, Buffer.from(wrapped.bytes.subarray(nonceLength)), Buffer.alloc(keyLength + tagLength), done)
      }),
    ).catch((error: unknown) => {
      if (error instanceof Error && refusals.some((code) => error.message.includes(code))) throw notGenuine('the module says that it is not genuine')
      throw error
    })
    if (opened.length !== keyLength) throw notGenuine('the module unwrapped no key')
    const key = Uint8Array.from(opened)
    opened.fill(0)
    return key
  }

  return Object.freeze<KeyProvider>({
    generate: generateByWrapping({ wrap }),
    wrap,
    unwrap,
    rewrap: rewrapByUnwrapping({ wrap, unwrap }),
    state: () => ({ id, version, opens: [...handles.keys()] }),
    describe: () => ({ kind: 'pkcs11', label, version, opens: [...handles.keys()] }),
  })
}

function find(pkcs11: Pkcs11, session: Buffer, label: string, id: string): Buffer {
  pkcs11.C_FindObjectsInit(session, [secretKey, { type: labelAttribute, value: label }, { type: idAttribute, value: Buffer.from(id, 'hex') }])
  try {
    const [handle, ...others] = pkcs11.C_FindObjects(session, 2)
    if (handle === undefined || others.length > 0) throw new TypeError(`pkcs11Keys: there must be one key with the label '${label}' and the id ${id}`)
    return handle
  } finally {
    pkcs11.C_FindObjectsFinal(session)
  }
}

function mechanismOf(nonce: Uint8Array, aad: Uint8Array): Pkcs11Mechanism {
  const parameter = { type: gcmParameters, iv: Buffer.from(nonce), aad: Buffer.from(aad), ivBits: nonceLength * 8, tagBits: tagLength * 8 }
  return { mechanism: aesGcm, parameter }
}

function finish(start: (done: (error: Error | null, data: Buffer) => void) => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    start((error, data) => (error === null || error === undefined ? resolve(data) : reject(error)))
  })
}
