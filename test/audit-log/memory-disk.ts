import { dirname } from 'node:path'
import type { FileSystem } from '../../src/audit-log/file-system.ts'

interface File {
  readonly kind: 'file'
  /** What a reader sees. */
  data: Buffer
  /** What a power cut leaves for sure. */
  saved: Buffer
  touched: number
}

type Node = File | { readonly kind: 'folder' }

/** Where a disk loses its power. */
export interface Cut {
  /** In this call, counted from one. */
  readonly at: number
  /** How many bytes of it arrive, where it is a write. */
  readonly bytes?: number
}

/** Picks a number from zero up to, and without, another. */
export type Pick = (bound: number) => number

/**
 * A disk in memory that forgets what was not brought to it: content that was not synced, and names whose folder was not.
 * It can be cut off at any call, and made to fail without being cut off.
 */
export class MemoryDisk implements FileSystem {
  /** What readers see. */
  readonly #names: Map<string, Node>
  /** What a power cut leaves for sure. */
  readonly #saved: Map<string, Node>
  readonly #open = new Map<number, File>()
  #nextDescriptor = 3
  #cut: Cut | undefined
  #isOff = false
  /** How many calls there were. */
  calls = 0
  /** How many bytes the last write had. */
  lastWrite = 0
  /** What each was, for messages. */
  readonly trace: string[] = []
  /** Gives the error that a call fails with, where it is to fail. */
  fault: ((call: string, path: string) => Error | undefined) | undefined

  constructor(names: ReadonlyMap<string, Node> = new Map(), cut?: Cut) {
    this.#names = new Map(names)
    this.#saved = new Map(names)
    this.#cut = cut
  }

  get isOff(): boolean {
    return this.#isOff
  }

  /** Every file, by its path. */
  get files(): ReadonlyMap<string, Buffer> {
    return new Map([...this.#names].flatMap(([path, node]) => (node.kind === 'file' ? [[path, node.data]] : [])))
  }

  /** A disk with the same content, all of it safe. */
  copy(cut?: Cut): MemoryDisk {
    return new MemoryDisk(new Map([...this.#names].map(([path, node]) => [path, node.kind === 'file' ? safe(node.data, node.touched) : node])), cut)
  }

  /**
   * The disk as it may be found after the power went. What was not brought to it is there or not there, each by itself;
   * of a file's new content any beginning, or all of it with holes.
   */
  afterCut(pick: Pick, cut?: Cut): MemoryDisk {
    const names = new Map<string, Node>()
    for (const path of new Set([...this.#saved.keys(), ...this.#names.keys()])) {
      const before = this.#saved.get(path)
      const after = this.#names.get(path)
      const node = before === after || pick(2) === 0 ? before : after
      if (node === undefined) continue
      names.set(path, node.kind === 'file' ? safe(torn(node, pick), node.touched) : node)
    }
    for (const path of [...names.keys()]) if (!hasFolders(names, path)) names.delete(path)
    return new MemoryDisk(names, cut)
  }

  /** The disk after the process alone was killed: all that was written is there. */
  afterKill(cut?: Cut): MemoryDisk {
    return this.copy(cut)
  }

  /** Removes what says that a process has the folder: its process is this one, which is not gone. */
  forgetLocks(): void {
    for (const names of [this.#names, this.#saved]) for (const path of [...names.keys()]) if (/\/(\.lock|lock-)[^/]*$/.test(path)) names.delete(path)
  }

  async open(path: string, flags: string): Promise<number> {
    this.#call('open', path)
    let node = this.#names.get(path)
    if (node === undefined) {
      if (!flags.startsWith('w') || !hasFolders(this.#names, path)) throw failure('ENOENT', path)
      node = { kind: 'file', data: Buffer.alloc(0), saved: Buffer.alloc(0), touched: Date.now() }
      this.#names.set(path, node)
    }
    if (node.kind === 'folder') throw failure('EISDIR', path)
    if (flags.startsWith('w')) node.data = Buffer.alloc(0)
    const descriptor = this.#nextDescriptor++
    this.#open.set(descriptor, node)
    return descriptor
  }

  async write(descriptor: number, bytes: Uint8Array, position: number): Promise<void> {
    const file = this.#file(descriptor)
    const store = (count: number): void => {
      const data = Buffer.alloc(Math.max(file.data.length, position + count))
      file.data.copy(data)
      data.set(bytes.subarray(0, count), position)
      file.data = data
      file.touched = Date.now()
    }
    this.lastWrite = bytes.length
    try {
      this.#call('write', this.#pathOf(file))
    } catch (error) {
      const count = this.#isOff ? (this.#cut?.bytes ?? 0) : Math.floor(bytes.length / 2)
      if (this.#isOff && this.calls !== this.#cut?.at) throw error
      store(Math.min(count, bytes.length))
      throw error
    }
    store(bytes.length)
  }

  // A power cut may come between the two, as it may in the middle of the real one.
  async writeThrough(descriptor: number, bytes: Uint8Array, position: number): Promise<void> {
    await this.write(descriptor, bytes, position)
    await this.sync(descriptor)
  }

  async sync(descriptor: number): Promise<void> {
    const file = this.#file(descriptor)
    this.#call('sync', this.#pathOf(file))
    file.saved = Buffer.from(file.data)
  }

  async truncate(descriptor: number, length: number): Promise<void> {
    const file = this.#file(descriptor)
    this.#call('truncate', this.#pathOf(file))
    file.data = Buffer.from(file.data.subarray(0, length))
  }

  async close(descriptor: number): Promise<void> {
    this.#open.delete(descriptor)
    this.#call('close', '')
  }

  async read(path: string): Promise<Buffer | undefined> {
    this.#call('read', path)
    const node = this.#names.get(path)
    if (node?.kind === 'folder') throw failure('EISDIR', path)
    return node === undefined ? undefined : Buffer.from(node.data)
  }

  async list(path: string): Promise<string[]> {
    this.#call('list', path)
    return [...this.#names.keys()].filter((name) => dirname(name) === path && name !== path).map((name) => name.slice(path.length + 1))
  }

  async makeFolder(path: string): Promise<void> {
    this.#call('makeFolder', path)
    for (let folder = path; folder !== '/'; folder = dirname(folder)) if (!this.#names.has(folder)) this.#names.set(folder, { kind: 'folder' })
  }

  async syncFolder(path: string): Promise<void> {
    this.#call('syncFolder', path)
    for (const name of this.#saved.keys()) if (dirname(name) === path && !this.#names.has(name)) this.#saved.delete(name)
    for (const [name, node] of this.#names) if (dirname(name) === path) this.#saved.set(name, node)
  }

  async rename(from: string, to: string): Promise<void> {
    this.#call('rename', to)
    const node = this.#names.get(from)
    if (node === undefined) throw failure('ENOENT', from)
    this.#names.delete(from)
    this.#names.set(to, node)
  }

  async link(from: string, to: string): Promise<void> {
    this.#call('link', to)
    const node = this.#names.get(from)
    if (node === undefined) throw failure('ENOENT', from)
    if (this.#names.has(to)) throw failure('EEXIST', to)
    this.#names.set(to, node)
  }

  async remove(path: string): Promise<void> {
    this.#call('remove', path)
    for (const name of [...this.#names.keys()]) if (name === path || name.startsWith(`${path}/`)) this.#names.delete(name)
  }

  async touchedAt(path: string): Promise<number | undefined> {
    this.#call('touchedAt', path)
    const node = this.#names.get(path)
    return node?.kind === 'file' ? node.touched : node === undefined ? undefined : 0
  }

  async touch(path: string): Promise<void> {
    this.#call('touch', path)
    const node = this.#names.get(path)
    if (node?.kind !== 'file') throw failure('ENOENT', path)
    node.touched = Date.now()
  }

  #call(call: string, path: string): void {
    if (this.#isOff) throw failure('EIO', 'the power is off')
    this.calls++
    this.trace.push(`${call} ${path}`)
    if (this.calls === this.#cut?.at) {
      this.#isOff = true
      throw failure('EIO', 'the power went')
    }
    const error = this.fault?.(call, path)
    if (error !== undefined) throw error
  }

  #file(descriptor: number): File {
    const file = this.#open.get(descriptor)
    if (file === undefined) throw failure('EBADF', String(descriptor))
    return file
  }

  #pathOf(file: File): string {
    for (const [path, node] of this.#names) if (node === file) return path
    return ''
  }
}

/** An error as a file system gives it. */
export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

/** A repeatable source of picks (mulberry32). */
export function picks(seed: number): Pick {
  let state = seed >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
}

function safe(data: Buffer, touched: number): File {
  return { kind: 'file', data, saved: data, touched }
}

function torn(file: File, pick: Pick): Buffer {
  const { data, saved } = file
  if (data.equals(saved)) return saved
  switch (pick(4)) {
    case 0:
      return saved
    case 1:
      return data
    case 2: {
      // A beginning of what is new, after what both have.
      const shorter = Math.min(data.length, saved.length)
      return data.subarray(0, shorter + pick(data.length - shorter + 1))
    }
    default: {
      // As long as it became, with blocks that never arrived.
      const holes = Buffer.from(data)
      for (let at = saved.length; at < holes.length; at += 64) if (pick(2) === 0) holes.fill(0, at, Math.min(at + 64, holes.length))
      return holes
    }
  }
}

function hasFolders(names: ReadonlyMap<string, Node>, path: string): boolean {
  for (let folder = dirname(path); folder !== '/'; folder = dirname(folder)) if (names.get(folder)?.kind !== 'folder') return false
  return true
}
