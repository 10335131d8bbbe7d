import { readFile, readlink } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { every } from '../guard/clock.ts'
import type { Clock } from '../guard/clock.ts'
import type { FileSystem } from './file-system.ts'
import { isCode, maxNoteBytes, writeFile } from './file-system.ts'
import { LogError } from './log-error.ts'

/** A hold on a folder: at most one process writes to it. */
export interface Lock {
  /** Rejects when somebody else has taken over, which can only be after this process was stopped for long. */
  check(): Promise<void>
  release(): Promise<void>
}

/** Who holds a folder. */
interface Holder {
  readonly pid: number
  /** When the process began, in the system's own units: a process id alone is used again. */
  readonly started: string
  /** Changes with every start of the machine. */
  readonly boot: string
  readonly host: string
  /** The namespace that the process id counts in: containers on one machine have their own. */
  readonly space: string
}

/** Milliseconds. A holder that cannot be looked up must have been silent for `silence`; it beats every `beat`. */
export interface LockTimes {
  readonly beat: number
  readonly silence: number
}

const usual: LockTimes = { beat: 2_000, silence: 15_000 }

/**
 * Takes the folder, or throws a `LogError` `locked`.
 *
 * The holder is the file `lock-<n>` with the highest n. A gone holder is followed by making n + 1 with a link, which
 * only one process can do; the newest file is never removed, only marked as released. So two that find the same holder
 * gone cannot both follow.
 */
export async function lockFolder(files: FileSystem, folder: string, clock: Clock, times: LockTimes = usual): Promise<Lock> {
  const self = await holderHere()
  const last = await newest(files, folder)
  if (last !== 0) await mustBeGone(files, join(folder, `lock-${last}`), self, clock, times)
  const mine = last + 1
  const path = join(folder, `lock-${mine}`)
  await place(files, folder, path, { ...self })
  // Somebody who looked earlier and acted later may have passed us.
  if ((await newest(files, folder)) !== mine) {
    await files.remove(path)
    throw held()
  }
  if (last !== 0) await files.remove(join(folder, `lock-${last}`))
  let beaten = clock.monotonic()
  const stop = every(clock, times.beat, async () => {
    await files.touch(path)
    beaten = clock.monotonic()
  })
  return {
    async check() {
      // While it beats nobody can have followed. Looking costs a system call, so it is done after a pause only.
      if (clock.monotonic() - beaten < times.silence / 2) return
      if ((await newest(files, folder)) !== mine) throw new LogError('locked', 'Another process took the log over while this one stood still')
      await files.touch(path)
      beaten = clock.monotonic()
    },
    async release() {
      stop()
      const draft = `${path}.released`
      await writeFile(files, draft, Buffer.from(JSON.stringify({ released: true })), false)
      if ((await newest(files, folder)) === mine) await files.rename(draft, path)
      else await files.remove(draft)
    },
  }
}

async function place(files: FileSystem, folder: string, path: string, holder: Holder): Promise<void> {
  const draft = join(folder, `.lock.${randomBytes(6).toString('hex')}`)
  await writeFile(files, draft, Buffer.from(JSON.stringify(holder)), false)
  try {
    await files.link(draft, path)
  } catch (error) {
    throw isCode(error, 'EEXIST') ? held() : error
  } finally {
    await files.remove(draft)
  }
}

async function newest(files: FileSystem, folder: string): Promise<number> {
  let highest = 0
  for (const name of await files.list(folder)) {
    const [, digits] = /^lock-(\d{1,15})$/.exec(name) ?? []
    if (digits !== undefined) highest = Math.max(highest, Number(digits))
  }
  return highest
}

async function mustBeGone(files: FileSystem, path: string, self: Holder, clock: Clock, times: LockTimes): Promise<void> {
  const content: unknown = parse((await files.read(path, maxNoteBytes))?.toString())
  if (isRecord(content) && content.released === true) return
  const holder = isRecord(content) && isHolder(content) ? content : undefined
  if (holder !== undefined && holder.host === self.host && holder.boot === self.boot && holder.space === self.space) {
    if (await isAlive(holder)) throw held(holder)
    return
  }
  // A process of another machine, another container or before a restart cannot be looked up. A living one touches its file.
  const first = await files.touchedAt(path)
  const began = clock.monotonic()
  if (first !== undefined && (await nowOf(files, path)) - first > times.silence) return
  while (clock.monotonic() - began < times.silence) {
    await new Promise<void>((resolve) => setTimeout(resolve, times.silence / 20))
    if ((await files.touchedAt(path)) !== first) throw held(holder)
  }
}

// The time by the clock that stamps the files, which for a network disk is not ours.
async function nowOf(files: FileSystem, path: string): Promise<number> {
  const probe = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(files, probe, new Uint8Array(0), false)
  const now = await files.touchedAt(probe)
  await files.remove(probe)
  return now ?? 0
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    // Not permitted means: it is there and somebody else's.
    if (!isCode(error, 'EPERM')) return false
  }
  const started = await startOf(holder.pid)
  return started === '' || holder.started === '' || started === holder.started
}

async function holderHere(): Promise<Holder> {
  const [started, boot, space] = await Promise.all([
    startOf(process.pid),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ])
  return { pid: process.pid, started, boot: boot.trim(), host: hostname(), space }
}

// Field 22 of proc_pid_stat(5), counted behind the command's name, which may hold anything. A zombie is gone already.
async function startOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? 'gone' : (fields[19] ?? '')
}

function held(holder?: Holder): LogError {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`
  return new LogError('locked', `The log is being written by ${who}: one writer at a time. Give each process a folder and an origin of its own`)
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isHolder(value: Record<string, unknown>): value is Record<string, unknown> & Holder {
  const { pid, started, boot, host, space } = value
  // A pid of zero or below would name a group of processes.
  return Number.isSafeInteger(pid) && (pid as number) > 0 && [started, boot, host, space].every((member) => typeof member === 'string')
}
