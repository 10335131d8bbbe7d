import { createHmac, randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { type Check, checkOptions, hasMethods, optional } from '../guard/check-options.ts'
import type { KeyProvider } from '../keys/key-provider.ts'
import type { SubjectKeyStore } from '../keys/subject-keys.ts'
import type { ContentKey, ContentKeys } from './content-keys.ts'
import { isCode, maxNoteBytes, systemFiles, writeFile } from './file-system.ts'
import { wrappedContentKeys } from './wrapped-content-keys.ts'

const files = systemFiles
const idForm = /^([0-9a-f]{64})\.([0-9a-f]{24})$/

/** Options of `fileContentKeys`. */
export interface FileContentKeysOptions {
  /**
   * Wraps the data subjects' keys (`localKeys`, `fileKeys`, a key management service), so that a copy of the folder alone opens
   * nothing. Without it the keys stand in the folder in clear. Those that a folder has in clear go on to open what was sealed.
   */
  readonly keys?: KeyProvider
}

const checks: Readonly<Record<keyof FileContentKeysOptions, Check>> = {
  keys: [optional(hasMethods('generate', 'unwrap', 'describe')), 'a KeyProvider, such as localKeys(…)'],
}

/**
 * Keys of data subjects in a folder, one file each, readable by their owner only. Keep it where the log is not, out of the
 * log's backups: whoever has a copy of a key, and the key that wraps it, can read what was sealed under it after the subject was
 * erased. Several processes may share it; files are read anew for each call, so that what one of them erases no other one uses.
 *
 * ```ts
 * const contentKeys = await fileContentKeys('/etc/support-bot/content-keys', { keys: localKeys({ primary: 'k1', keys: { k1 } }) })
 * const base = guard().use(audit({ log, content: 'sealed', contentKeys }))
 * await contentKeys.shred(identity.key)
 * ```
 *
 * @throws TypeError for wrong options.
 */
export async function fileContentKeys(directory: string, options: FileContentKeysOptions = {}): Promise<ContentKeys> {
  if (typeof directory !== 'string' || directory === '') throw new TypeError('fileContentKeys: give the path of a folder')
  checkOptions('fileContentKeys', options, checks)
  const folder = resolve(directory)
  await files.makeFolder(folder)
  const names = await nameKey(folder)
  const plain = plainKeys(folder, names)
  if (options.keys === undefined) return plain
  const wrapped = wrappedContentKeys({ keys: options.keys, store: fileStore(folder), names })
  return {
    keyOf: (subject) => wrapped.keyOf(subject),
    find: (id) => (idForm.test(id) ? plain.find(id) : wrapped.find(id)),
    async shred(subject) {
      // Both, whatever became of the other.
      const done = await Promise.allSettled([plain.shred(subject), wrapped.shred(subject)])
      for (const one of done) if (one.status === 'rejected') throw one.reason
      return done.some((one) => one.status === 'fulfilled' && one.value)
    },
    describe: () => ({ ...wrapped.describe(), kind: 'file', directory: folder }),
  }
}

function plainKeys(folder: string, names: Buffer): ContentKeys {
  const pathOf = (name: string): string => join(folder, name)
  const nameOf = (subject: string): string => createHmac('sha256', names).update(subject).digest('hex')

  const read = async (name: string): Promise<ContentKey | undefined> => {
    const bytes = await files.read(pathOf(name), maxNoteBytes)
    // 12 bytes that tell this key from earlier ones of the subject, and the key.
    if (bytes === undefined || isErased(bytes)) return undefined
    if (bytes.length !== 44) throw new Error('a content key is damaged')
    return { id: `${name}.${bytes.toString('hex', 0, 12)}`, key: new Uint8Array(bytes.subarray(12)) }
  }
  const create = async (name: string): Promise<void> => {
    // Another call may be faster: then its key is the key.
    await addFile(folder, name, randomBytes(44))
  }
  return {
    async keyOf(subject) {
      const name = nameOf(subject)
      const known = await read(name)
      if (known !== undefined) return known
      await create(name)
      const made = await read(name)
      if (made === undefined) throw new Error('the data subject was erased just now')
      return made
    },
    async find(id) {
      const [, name] = idForm.exec(id) ?? []
      const known = name === undefined ? undefined : await read(name)
      return known?.id === id ? known.key : undefined
    },
    shred: (subject) => eraseFile(folder, nameOf(subject)),
    describe: () => ({ kind: 'file', directory: folder }),
  }
}

// Wrapped keys as files. A name is short, and of letters that every file system knows.
function fileStore(folder: string): SubjectKeyStore {
  const nameIn = (name: string): string => {
    if (!/^[A-Za-z0-9_-]{1,200}$/.test(name)) throw new Error('this is no name of a data subject')
    return `${name}.wrapped`
  }
  return {
    async get(name) {
      const bytes = await files.read(join(folder, nameIn(name)), maxNoteBytes)
      return bytes === undefined || isErased(bytes) ? undefined : bytes.toString()
    },
    add: (name, record) => addFile(folder, nameIn(name), Buffer.from(record)),
    // Two steps, and what was erased between them would come back.
    replace: () => false,
    delete: (name) => eraseFile(folder, nameIn(name)),
  }
}

/** Makes a file that is not there, at once and on the disk; false where it is. */
async function addFile(folder: string, name: string, bytes: Uint8Array): Promise<boolean> {
  const draft = join(folder, `.${randomBytes(12).toString('hex')}`)
  try {
    await writeFile(files, draft, bytes, true)
    await files.link(draft, join(folder, name))
    // Before anything is sealed under it: a key that a power cut takes away would take the content with it.
    await files.syncFolder(folder)
    return true
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
    return false
  } finally {
    await files.remove(draft)
  }
}

// Overwritten and not removed yet: a key that everybody knows must never be used.
function isErased(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}

/** Overwrites a file and removes it; false where there was none. */
async function eraseFile(folder: string, name: string): Promise<boolean> {
  const path = join(folder, name)
  const bytes = await files.read(path, maxNoteBytes)
  if (bytes === undefined) return false
  try {
    const descriptor = await files.open(path, 'r+')
    try {
      // Where the disk writes in place. Others keep old blocks for a while: encrypt such disks.
      await files.write(descriptor, new Uint8Array(bytes.length), 0)
      await files.sync(descriptor)
    } finally {
      await files.close(descriptor)
    }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false
    throw error
  }
  await files.remove(path)
  await files.syncFolder(folder)
  return true
}

// Names of files are keyed: a list of them says of nobody that he was here.
async function nameKey(folder: string): Promise<Buffer> {
  const path = join(folder, 'names')
  const known = await files.read(path, maxNoteBytes)
  if (known?.length === 32) return known
  if (known !== undefined) throw new Error(`The file ${path} is damaged`)
  await addFile(folder, 'names', randomBytes(32))
  return nameKey(folder)
}
