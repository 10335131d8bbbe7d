// A process of its own that is asked questions over a channel. It ends when its parent does, however that ends.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const bench = fileURLToPath(new URL('..', import.meta.url))

export interface Child {
  readonly url: string
  ask<T>(question: string): Promise<T>
  stop(): Promise<void>
}

interface Message {
  readonly id: number
  readonly url?: string
  readonly answer?: unknown
  readonly error?: string
}

/** Starts a file of this folder with what it is told; resolves when it listens. */
export async function startChild(file: string, told: object, env: Readonly<Record<string, string>> = {}): Promise<Child> {
  const process_ = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(told)], {
    cwd: bench,
    execArgv: ['--import', 'tsx', '--expose-gc'],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  // Servers tell of each client that left; the end is enough where one fails.
  let said = ''
  process_.stderr?.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-2_000)))
  const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>()
  let asked = 0
  const ended = new Promise<void>((resolve) => process_.once('exit', () => resolve()))
  const ready = new Promise<string>((resolve, reject) => {
    process_.on('message', ({ id, url, answer, error }: Message) => {
      if (url !== undefined) return resolve(url)
      const { resolve: give, reject: fail } = waiting.get(id) ?? {}
      waiting.delete(id)
      if (error === undefined) give?.(answer)
      else fail?.(new Error(`${file}: ${error}`))
    })
    process_.once('exit', (code, signal) => {
      const error = new Error(`${file} ended with ${code ?? signal}: ${said}`)
      reject(error)
      for (const { reject: fail } of waiting.values()) fail(error)
    })
  })
  return {
    url: await ready,
    ask: <T>(question: string) =>
      new Promise<T>((resolve, reject) => {
        const id = asked++
        waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject })
        process_.send({ id, question })
      }),
    async stop() {
      if (process_.connected) process_.disconnect()
      const late = setTimeout(() => process_.kill('SIGKILL'), 20_000)
      await ended
      clearTimeout(late)
    },
  }
}

/** In the child: what it was told. */
export function told<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

/** In the child: says where it listens, answers questions, and ends with its parent. An interrupt is the parent's to handle. */
export function serveParent(url: string, answers: Readonly<Record<string, () => unknown>>, close: () => unknown): void {
  process.on('SIGINT', () => {})
  // With its parent go the pipes to it: what cannot be said any more must not end it before it has put away what is its own.
  process.stderr.on('error', () => {})
  const say = (message: Message): void => void (process.connected && process.send?.(message, () => {}))
  process.once('disconnect', async () => {
    setTimeout(() => process.exit(1), 15_000).unref()
    await close()
    process.exit(0)
  })
  process.on('message', async ({ id, question }: { id: number; question: string }) => {
    try {
      say({ id, answer: await answers[question]?.() })
    } catch (error) {
      say({ id, error: String(error) })
    }
  })
  say({ id: -1, url })
}
