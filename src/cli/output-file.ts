import { rmSync } from 'node:fs'
import { type FileHandle, link, lstat, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** How much is written at once, in UTF-16 units. */
const batch = 64 * 1024
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * A file that is there when all of it is, or not at all: it is written beside its place, readable by its owner alone, and
 * moved there at the end. An interrupt takes it away.
 */
export class OutputFile {
  readonly #path: string
  readonly #temporary: string
  readonly #file: FileHandle
  readonly #replaces: boolean
  readonly #interrupt: (signal: NodeJS.Signals) => void
  #pieces: string[] = []
  #length = 0

  private constructor(path: string, temporary: string, file: FileHandle, replaces: boolean) {
    this.#path = path
    this.#temporary = temporary
    this.#file = file
    this.#replaces = replaces
    this.#interrupt = (signal) => {
      rmSync(temporary, { force: true })
      this.#forget()
      process.kill(process.pid, signal)
    }
    for (const signal of signals) process.on(signal, this.#interrupt)
  }

  /** @returns undefined where there is such a file and it is not to be replaced. */
  static async create(path: string, replaces: boolean): Promise<OutputFile | undefined> {
    if (!replaces && (await exists(path))) return undefined
    const random = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')
    const temporary = join(dirname(path), `.${basename(path)}.${random}.tmp`)
    return new OutputFile(path, temporary, await open(temporary, 'wx', 0o600), replaces)
  }

  async write(text: string): Promise<void> {
    this.#pieces.push(text)
    this.#length += text.length
    if (this.#length >= batch) await this.#flush()
  }

  /** Puts it in its place. @returns false where somebody was there before. */
  async commit(): Promise<boolean> {
    await this.#flush()
    await this.#file.sync()
    await this.#file.close()
    const isThere = this.#replaces ? await rename(this.#temporary, this.#path).then(() => true) : await moveNew(this.#temporary, this.#path)
    this.#forget()
    await rm(this.#temporary, { force: true })
    return isThere
  }

  /** Leaves nothing. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => {})
    await rm(this.#temporary, { force: true })
    this.#forget()
  }

  async #flush(): Promise<void> {
    const text = this.#pieces.join('')
    this.#pieces = []
    this.#length = 0
    if (text !== '') await this.#file.writeFile(text)
  }

  #forget(): void {
    for (const signal of signals) process.off(signal, this.#interrupt)
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

// A second name is never given over an existing one; a rename would be.
async function moveNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') return false
    // File systems without second names.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS') throw error
    if (await exists(to)) return false
    await rename(from, to)
    return true
  }
}
