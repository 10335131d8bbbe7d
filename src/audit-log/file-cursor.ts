import type { Awaitable } from '../guard/context.ts'
import { replaceFile, systemFiles } from './file-system.ts'
import { Frontier } from './merkle-tree.ts'
import type { Hash, SyncHash } from './sha256.ts'

/** A tree has at most as many whole subtrees as a safe integer has bits. */
const mostSubtrees = 53
const maxBytes = 16 * 1024

/** Remembers how far somebody has read a log. */
export interface Cursor {
  /** Where the last one stopped. */
  read(hash: SyncHash): Awaitable<Frontier>
  write(read: Frontier): Awaitable<void>
}

/** A cursor that begins at the beginning each time. */
export const fromTheBeginning: Cursor = { read: (hash) => new Frontier(hash), write: () => {} }

/**
 * How far somebody has read a log, on a disk: how many entries, and the right edge of their tree. So whoever goes on can still prove
 * that what follows belongs to what was read before.
 */
export class FileCursor implements Cursor {
  readonly #path: string
  readonly #origin: string

  /** @param origin the log's name. */
  constructor(path: string, origin: string) {
    this.#path = path
    this.#origin = origin
  }

  /** Where the last one stopped; the beginning where there is no file. @throws Error for a file that is no cursor, or of another log. */
  async read(hash: SyncHash): Promise<Frontier> {
    const bytes = await systemFiles.read(this.#path, maxBytes)
    if (bytes === undefined) return new Frontier(hash)
    const kept = parse(bytes.toString())
    if (kept === undefined) throw new Error(`The file ${this.#path} is no cursor, or it is damaged`)
    if (kept.origin !== this.#origin) throw new Error(`The cursor ${this.#path} is one of the log ${kept.origin}, not of ${this.#origin}`)
    return new Frontier(hash, undefined, kept.size, kept.subtrees)
  }

  /** Remembers it, on the disk. */
  async write({ size, subtrees }: Frontier): Promise<void> {
    await replaceFile(
      systemFiles,
      this.#path,
      `${JSON.stringify({ version: 1, origin: this.#origin, size, subtrees: subtrees.map((hash) => btoa(hash)) })}\n`,
    )
  }
}

interface Kept {
  readonly origin: string
  readonly size: number
  readonly subtrees: readonly Hash[]
}

function parse(text: string): Kept | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== 1) return undefined
    const { origin, size, subtrees }: { readonly version: unknown } & Partial<Record<keyof Kept, unknown>> = value
    if (typeof origin !== 'string' || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined
    if (!Array.isArray(subtrees) || subtrees.length !== bitsIn(size) || subtrees.length > mostSubtrees) return undefined
    const hashes = subtrees.map(hashIn)
    return hashes.every((hash) => hash !== undefined) ? { origin, size, subtrees: hashes } : undefined
  } catch {
    return undefined
  }
}

// Each bit of a size is a whole subtree.
function bitsIn(size: number): number {
  return size.toString(2).replaceAll('0', '').length
}

function hashIn(value: unknown): Hash | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]{43}=$/.test(value)) return undefined
  return atob(value)
}
