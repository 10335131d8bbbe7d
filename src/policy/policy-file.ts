import { constants, type FSWatcher, watch } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { PolicyError } from './policy-error.ts'
import type { LoadRequest, PolicySource } from './policy-source.ts'

// A name may stand for a pipe that never says a word, or for a device without an end.
const { O_RDONLY, O_NONBLOCK = 0 } = constants

/**
 * A policy in a file, for `livePolicy({ load: policyFile(path) })`: JSON, or the text that `signPolicy` made. Noticed within moments
 * of a change where the system tells of changes, and every 5 seconds in any case.
 *
 * Write a new policy beside the old one and rename it: a file that is written in place may be read half, is refused then, and read
 * again. A link is followed, so that the folders in which Kubernetes mounts a ConfigMap work.
 *
 * ```ts
 * const policy = livePolicy({ load: policyFile('etc/policy.json') })
 * await policy.ready
 * ```
 *
 * @throws TypeError for what is no path.
 */
export function policyFile(path: string): PolicySource {
  if (typeof path !== 'string' || path === '') throw new TypeError('policyFile: give the path of a file')
  return new PolicyInFile(resolve(path))
}

class PolicyInFile implements PolicySource {
  readonly every = 5
  readonly #path: string
  readonly #folder: string
  readonly #name: string
  #watcher: FSWatcher | undefined
  #changed: (() => void) | undefined

  constructor(path: string) {
    this.#path = path
    this.#folder = dirname(path)
    this.#name = basename(path)
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'file', path: this.#path }
  }

  async load({ maxLength }: LoadRequest): Promise<Uint8Array> {
    // The folder may have come, or been put in the place of another, since.
    if (this.#watcher === undefined) this.#watch()
    let handle: FileHandle
    try {
      handle = await open(this.#path, O_RDONLY | O_NONBLOCK)
    } catch (error) {
      // With its folder the watch on it is gone as well.
      if (this.#watcher !== undefined) this.#forget(this.#watcher)
      throw unavailable(isCode(error, 'ENOENT') ? 'the file is not there' : 'the file cannot be opened', error)
    }
    try {
      return await read(handle, maxLength)
    } finally {
      await handle.close()
    }
  }

  watch(changed: () => void): () => void {
    this.#changed = changed
    this.#watch()
    return () => {
      this.#changed = undefined
      this.#watcher?.close()
      this.#watcher = undefined
    }
  }

  // The folder and not the file: what is renamed into its place is another file.
  #watch(): void {
    if (this.#changed === undefined) return
    try {
      const watcher = watch(this.#folder, { persistent: false }, (_event, name) => {
        // By `..data` a ConfigMap is put in the place of its last version.
        if (name === null || name === this.#name || name === '..data') this.#changed?.()
      })
      watcher.once('error', () => this.#forget(watcher))
      this.#watcher = watcher
    } catch {
      // Not there, or too many are watched: it is looked for every so often.
    }
  }

  #forget(watcher: FSWatcher): void {
    watcher.close()
    if (this.#watcher === watcher) this.#watcher = undefined
  }
}

async function read(handle: FileHandle, maxLength: number): Promise<Uint8Array> {
  const found = await handle.stat()
  if (!found.isFile()) throw unavailable('it is no regular file')
  if (found.size > maxLength) throw unavailable(`the file has ${found.size} bytes, and at most ${maxLength} are allowed`)
  const bytes = new Uint8Array(found.size)
  let length = 0
  // What is written to it meanwhile is for the next look.
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}

function unavailable(reason: string, cause?: unknown): PolicyError {
  return new PolicyError('unavailable', reason, cause === undefined ? undefined : { cause })
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
