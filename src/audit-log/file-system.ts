import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { LogError } from './log-error.ts'

/** What a log does with a disk: few calls, so that tests can make each of them fail. Descriptors, not handles: they cost less. */
export interface FileSystem {
  /** A regular file and never a link: `w` and `wd` make it or empty it, `r+` wants it to be there; `wd` is for `writeThrough`. */
  open(path: string, flags: 'w' | 'wd' | 'r+'): Promise<number>
  /** Writes all of it at that position, or rejects. */
  write(descriptor: number, bytes: Uint8Array, position: number): Promise<void>
  /** The same into a file that was opened with `wd`: resolves when it is on the disk. */
  writeThrough(descriptor: number, bytes: Uint8Array, position: number): Promise<void>
  /** Resolves when what was written is on the disk. */
  sync(descriptor: number): Promise<void>
  truncate(descriptor: number, length: number): Promise<void>
  close(descriptor: number): Promise<void>
  /**
   * The whole file; `undefined` where there is none. Rejects with a `LogError` `unreadable`, and without waiting for
   * anything, where it is no regular file, a link, or has more than `most` bytes.
   */
  read(path: string, most: number): Promise<Buffer | undefined>
  /** Names in a folder; none where there is no such folder. */
  list(path: string): Promise<string[]>
  makeFolder(path: string): Promise<void>
  /** Resolves when the names in a folder are on the disk. */
  syncFolder(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Gives a file a second name; rejects where that name is taken. */
  link(from: string, to: string): Promise<void>
  /** Removes a file or a folder with all that is in it; nothing where it is not there. */
  remove(path: string): Promise<void>
  /** When it was last written or touched, in milliseconds since 1970; `undefined` where it is not there. */
  touchedAt(path: string): Promise<number | undefined>
  /** Rejects where it is not there. */
  touch(path: string): Promise<void>
}

const open = promisify(fs.open)
const write = promisify(fs.write) as (
  descriptor: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>
const readSome = promisify(fs.read) as (
  descriptor: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesRead: number }>
const fstat = promisify(fs.fstat)
const readdir = promisify(fs.readdir)
const fsync = promisify(fs.fsync)
const close = promisify(fs.close)
const stat = promisify(fs.stat)
const utimes = promisify(fs.utimes)
const remove = promisify(fs.rm)
const makeFolder = promisify(fs.mkdir)

// Who may write to a log's folder may put anything under a name that the log will open: a pipe that never says a word, a
// device without an end, a link to a file of somebody else's. Some systems have no such flags, and no need of them.
const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_TRUNC, O_DSYNC = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants
// By open(2) a write to such a file is a write and an fdatasync in one: one way to the disk and back instead of two. Only
// where that is so: on macOS neither of them empties the disk's own cache, which `fdatasync` of this runtime does.
const writesThrough = process.platform === 'linux' && O_DSYNC !== 0
const anew = O_WRONLY | O_CREAT | O_TRUNC
const flagsOf = { r: O_RDONLY, 'r+': O_RDWR, w: anew, wd: writesThrough ? anew | O_DSYNC : anew } as const

/** Bytes of a checkpoint, a key or the like at most. */
export const maxNoteBytes: number = 64 * 1024

async function openRegular(path: string, flags: keyof typeof flagsOf, link: 'refuse' | 'follow'): Promise<{ descriptor: number; size: number }> {
  let descriptor: number
  try {
    descriptor = await open(path, flagsOf[flags] | O_NONBLOCK | (link === 'refuse' ? O_NOFOLLOW : 0), 0o600)
  } catch (error) {
    // A link, and a pipe or a socket that nobody is at the other end of.
    if (isCode(error, 'ELOOP') || isCode(error, 'ENXIO')) throw unreadable(path, 'is no regular file', error)
    throw error
  }
  try {
    const found = await fstat(descriptor)
    if (!found.isFile()) throw unreadable(path, 'is no regular file')
    return { descriptor, size: found.size }
  } catch (error) {
    await close(descriptor)
    throw error
  }
}

/** A whole regular file of at most so many bytes; `undefined` where there is none. Never waits for a file that is none. */
export async function readRegular(path: string, most: number, link: 'refuse' | 'follow' = 'refuse'): Promise<Buffer | undefined> {
  let opened: { descriptor: number; size: number }
  try {
    opened = await openRegular(path, 'r', link)
  } catch (error) {
    return unlessMissing(undefined)(error)
  }
  const { descriptor, size } = opened
  try {
    if (size > most) throw unreadable(path, `has ${size} bytes, and at most ${most} are right`)
    const bytes = Buffer.allocUnsafe(size)
    let length = 0
    // What is written to it meanwhile is for the next one who reads.
    while (length < size) {
      const { bytesRead } = await readSome(descriptor, bytes, length, size - length, length)
      if (bytesRead === 0) break
      length += bytesRead
    }
    return bytes.subarray(0, length)
  } finally {
    await close(descriptor)
  }
}

function unreadable(path: string, what: string, cause?: unknown): LogError {
  return new LogError('unreadable', `The file ${path} ${what}`, { cause })
}

/** The real one. What it makes is for its owner's eyes only. */
export const systemFiles: FileSystem = {
  open: async (path, flags) => (await openRegular(path, flags, 'refuse')).descriptor,
  async write(descriptor, bytes, position) {
    // A full disk may take a part and refuse the rest with the next call.
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await write(descriptor, bytes, done, bytes.length - done, position + done)
      if (bytesWritten === 0) throw new Error('The disk took nothing')
      done += bytesWritten
    }
  },
  async writeThrough(descriptor, bytes, position) {
    await systemFiles.write(descriptor, bytes, position)
    if (!writesThrough) await systemFiles.sync(descriptor)
  },
  sync: promisify(fs.fdatasync),
  truncate: promisify(fs.ftruncate),
  close,
  read: (path, most) => readRegular(path, most),
  list: (path) => readdir(path).catch(unlessMissing<string[]>([])),
  makeFolder: async (path) => void (await makeFolder(path, { recursive: true, mode: 0o700 })),
  async syncFolder(path) {
    // Windows has no such thing, and needs none.
    if (process.platform === 'win32') return
    const descriptor = await open(path, O_RDONLY | O_NONBLOCK)
    try {
      await fsync(descriptor)
    } finally {
      await close(descriptor)
    }
  },
  rename: promisify(fs.rename),
  link: promisify(fs.link),
  remove: (path) => remove(path, { recursive: true, force: true }),
  touchedAt: (path) => stat(path).then((found) => found.mtimeMs, unlessMissing(undefined)),
  async touch(path) {
    const now = new Date()
    await utimes(path, now, now)
  },
}

function unlessMissing<T>(otherwise: T): (error: unknown) => T {
  return (error) => {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return otherwise
    throw error
  }
}

/** Whether an error is the system's error of that code. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** Makes a file with that content, or writes over it. With `sync` it is on the disk afterwards, its name excepted. */
export async function writeFile(files: FileSystem, path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  const descriptor = await files.open(path, 'w')
  try {
    await files.write(descriptor, bytes, 0)
    if (sync) await files.sync(descriptor)
  } finally {
    await files.close(descriptor)
  }
}

/** Puts a file's new content in the place of the old, at once and on the disk: a reader sees one or the other. */
export async function replaceFile(files: FileSystem, path: string, text: string): Promise<void> {
  const next = `${path}.next`
  await writeFile(files, next, Buffer.from(text), true)
  await files.rename(next, path)
  await files.syncFolder(dirname(path))
}

/** Cuts a file to that length, on the disk as well. */
export async function truncateFile(files: FileSystem, path: string, length: number): Promise<void> {
  const descriptor = await files.open(path, 'r+')
  try {
    await files.truncate(descriptor, length)
    await files.sync(descriptor)
  } finally {
    await files.close(descriptor)
  }
}

/** Brings a file that was written earlier to the disk. */
export async function syncFile(files: FileSystem, path: string): Promise<void> {
  const descriptor = await files.open(path, 'r+')
  try {
    await files.sync(descriptor)
  } finally {
    await files.close(descriptor)
  }
}
