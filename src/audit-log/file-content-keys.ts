import { createHmac, randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import type { ContentKey, ContentKeys } from './content-keys.ts'
import { isCode, maxNoteBytes, systemFiles, writeFile } from './file-system.ts'

const files = systemFiles
const idForm = /^([0-9a-f]{64})\.([0-9a-f]{24})$/

/**
 * Keys of data subjects in a folder, one file each, readable by their owner only. Keep it where the log is not, out of the
 * log's backups: whoever has a copy of a key can read what was sealed under it after the subject was erased. Several
 * processes may share it; keys are read anew for each call, so that what one of them erases no other one uses.
 *
 * ```ts
 * const contentKeys = await fileContentKeys('/etc/support-bot/content-keys')
 * const base = guard().use(audit({ log, content: 'sealed', contentKeys }))
 * await contentKeys.shred(identity.key)
 * ```
 */
export async function fileContentKeys(directory: string): Promise<ContentKeys> {
  if (typeof directory !== 'string' || directory === '') throw new TypeError('fileContentKeys: give the path of a folder')
  const folder = resolve(directory)
  await files.makeFolder(folder)
  const names = await nameKey(folder)
  const pathOf = (name: string): string => join(folder, name)
  const nameOf = (subject: string): string => createHmac('sha256', names).update(subject).digest('hex')

  const read = async (name: string): Promise<ContentKey | undefined> => {
    const bytes = await files.read(pathOf(name), maxNoteBytes)
    // 12 bytes that tell this key from earlier ones of the subject, and the key.
    if (bytes === undefined) return undefined
    if (bytes.length !== 44) throw new Error('a content key is damaged')
    return { id: `${name}.${bytes.toString('hex', 0, 12)}`, key: new Uint8Array(bytes.subarray(12)) }
  }
  const create = async (name: string): Promise<void> => {
    const draft = pathOf(`.${randomBytes(12).toString('hex')}`)
    try {
      await writeFile(files, draft, randomBytes(44), true)
      await files.link(draft, pathOf(name))
      // Before anything is sealed under it: a key that a power cut takes away would take the content with it.
      await files.syncFolder(folder)
    } catch (error) {
      // Another call was faster: its key is the key.
      if (!isCode(error, 'EEXIST')) throw error
    } finally {
      await files.remove(draft)
    }
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
    async shred(subject) {
      const path = pathOf(nameOf(subject))
      try {
        const descriptor = await files.open(path, 'r+')
        try {
          // Where the disk writes in place. Others keep old blocks for a while: encrypt such disks.
          await files.write(descriptor, new Uint8Array(44), 0)
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
    },
    describe: () => ({ kind: 'file', directory: folder }),
  }
}

// Names of files are keyed: a list of them says of nobody that he was here.
async function nameKey(folder: string): Promise<Buffer> {
  const path = join(folder, 'names')
  const known = await files.read(path, maxNoteBytes)
  if (known?.length === 32) return known
  if (known !== undefined) throw new Error(`The file ${path} is damaged`)
  const draft = join(folder, `.${randomBytes(12).toString('hex')}`)
  try {
    await writeFile(files, draft, randomBytes(32), true)
    await files.link(draft, path)
    await files.syncFolder(folder)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    await files.remove(draft)
  }
  return nameKey(folder)
}
