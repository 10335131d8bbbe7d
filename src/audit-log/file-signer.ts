import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Signer } from './audit-log.ts'
import { isCode, maxNoteBytes, readRegular, systemFiles, writeFile } from './file-system.ts'

const signAsync = promisify(sign) as (algorithm: null, data: Uint8Array, key: KeyObject) => Promise<Buffer>

/**
 * The key of a log, kept in a file: Ed25519, PKCS #8 in PEM, readable by its owner only. Makes the file when there is
 * none, and never writes over one. Keep it where the log is not, or whoever can rewrite the log can also sign it.
 *
 * ```ts
 * const log = await fileLog('var/audit', { signer: await fileSigner('var/audit.key') })
 * ```
 *
 * @throws TypeError for a file that holds no Ed25519 private key; Error for one that others may read.
 */
export async function fileSigner(path: string): Promise<Signer> {
  const existing = await loadKey(path)
  if (existing !== undefined) return signerOf(existing)
  try {
    return await createKeyFile(path)
  } catch (error) {
    // Another process was faster: its key is the key.
    const theirs = isCode(error, 'EEXIST') ? await loadKey(path) : undefined
    if (theirs === undefined) throw error
    return signerOf(theirs)
  }
}

/** Makes a key file. Rejects with `EEXIST` where there is a file of that name. */
export async function createKeyFile(path: string): Promise<Signer> {
  const { privateKey } = generateKeyPairSync('ed25519')
  await systemFiles.makeFolder(dirname(resolve(path)))
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(systemFiles, draft, Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })), true)
    // A link appears whole or not at all, so nobody can load half a key.
    await systemFiles.link(draft, path)
  } finally {
    await systemFiles.remove(draft)
  }
  await systemFiles.syncFolder(dirname(resolve(path)))
  return signerOf(privateKey)
}

async function loadKey(path: string): Promise<KeyObject | undefined> {
  // A key is often a link to where secrets are mounted.
  const pem = await readRegular(path, maxNoteBytes, 'follow')
  if (pem === undefined) return undefined
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0)
    throw new Error(`The key file ${path} can be read or changed by others: run chmod 600 on it`)
  const key = privateKeyOf(pem)
  if (key?.asymmetricKeyType !== 'ed25519') throw new TypeError(`The file ${path} holds no Ed25519 private key in PEM`)
  return key
}

function privateKeyOf(pem: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey(pem)
  } catch {
    // The parser's own message may show parts of the file.
    return undefined
  }
}

function signerOf(key: KeyObject): Signer {
  return { publicKey: rawPublicKey(key), sign: (message) => signAsync(null, message, key) }
}

/** The 32 bytes of an Ed25519 key's public half. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const { x } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' })
  return new Uint8Array(Buffer.from(x ?? '', 'base64url'))
}
