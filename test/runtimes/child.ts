import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

/** What a process is started with. */
export interface ChildOptions {
  readonly cwd: string
  /** Milliseconds until it, and all that it started, is ended. */
  readonly timeout: number
  /** Takes each line that it writes to its output, or to its third channel. */
  readonly onLine?: (line: string, channel: 1 | 3) => void
}

/** A process that runs. */
export interface Child {
  /** Why it failed, in words; undefined where it ended well, or was stopped. */
  readonly ended: Promise<string | undefined>
  /** The end of what it wrote to its error output. */
  said(): string
  /** Ends it and all that it started. */
  stop(): void
}

const running = new Set<ChildProcess>()
process.on('exit', () => running.forEach(killGroup))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** Starts a process in a group of its own, so that what it starts ends with it. */
export function startChild(command: string, args: readonly string[], { cwd, timeout, onLine }: ChildOptions): Child {
  const child = spawn(command, args, { cwd, env: environment(cwd), stdio: ['ignore', 'pipe', 'pipe', 'pipe'], detached: true })
  running.add(child)
  let said = ''
  let isStopped = false
  let isLate = false
  for (const channel of [1, 3] as const) lines(child.stdio[channel] as Readable, (line) => onLine?.(line, channel))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)))
  const timer = setTimeout(() => {
    isLate = true
    killGroup(child)
  }, timeout)
  const ended = new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(`it could not be started: ${error.message}`))
    child.on('close', (code, signal) => {
      if (isLate) resolve(`it did not end within ${Math.round(timeout / 1_000)} s`)
      else resolve(isStopped || code === 0 ? undefined : `it ended with ${signal ?? code}`)
    })
  }).finally(() => {
    clearTimeout(timer)
    running.delete(child)
  })
  return {
    ended,
    said: () => said.trim(),
    stop() {
      isStopped = true
      killGroup(child)
    },
  }
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

// Nothing that was said to this Node is meant for another runtime, and none of them is to keep anything or to ask home.
function environment(cwd: string): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...others } = process.env
  const own = { DENO_DIR: join(cwd, 'deno'), DENO_NO_UPDATE_CHECK: '1', BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0' }
  return { ...others, ...own, NO_COLOR: '1', DO_NOT_TRACK: '1' }
}

function lines(stream: Readable, onLine: (line: string) => void): void {
  let rest = ''
  stream.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) onLine(line)
  })
}
