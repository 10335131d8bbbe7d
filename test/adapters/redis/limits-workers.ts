import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Amounts, LimitStore, Refusal, Reservation } from '../../../src/limits/limit-store.ts'
import type { Answered, Asked } from './limits-worker.ts'

type Question = Asked extends infer Each ? (Each extends unknown ? Omit<Each, 'call'> : never) : never

/** A process that reserves limits in Redis. */
export interface Worker {
  ask(question: Question): Promise<Answered>
  stop(): void
  /** Ends it without a word. */
  kill(): Promise<void>
}

/** Starts one. */
export async function startWorker(library: string, port: number): Promise<Worker> {
  const child: ChildProcess = fork(new URL('limits-worker.ts', import.meta.url), [library, String(port)])
  const waiting = new Map<number, (answer: Answered) => void>()
  let calls = 0
  await once(child, 'message')
  child.on('message', (answer: Answered) => {
    waiting.get(answer.call)?.(answer)
    waiting.delete(answer.call)
  })
  return {
    ask: (question) =>
      new Promise((resolve, reject) => {
        const call = ++calls
        waiting.set(call, (answer) => (answer.error === undefined ? resolve(answer) : reject(new Error(answer.error))))
        child.send({ call, ...question } satisfies Asked)
      }),
    stop: () => (child.connected ? child.disconnect() : undefined),
    async kill() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** A store that is several processes, asked in turn. Times begin at `start`. */
export function storeOfWorkers(workers: readonly Worker[], prefix: string, start: number): LimitStore {
  let turn = 0
  const made = (worker: Worker, { granted, refused }: Answered): Reservation | Refusal => {
    if (refused !== undefined) {
      // A number that JSON does not have.
      const violated = refused.violated.map((one) => ({ ...one, retryAfter: one.retryAfter ?? Number.POSITIVE_INFINITY }))
      return { ...refused, violated, retryAfter: Math.max(...violated.map(({ retryAfter }) => retryAfter)) }
    }
    if (granted === undefined) throw new Error('no answer')
    const { of, limits } = granted
    const at = (now = 0): { readonly of: number; readonly prefix: string; readonly time: number } => ({ of, prefix, time: start + now })
    return {
      allowed: true,
      limits,
      extend: async (amounts: Amounts, now) => made(worker, await worker.ask({ what: 'extend', amounts, ...at(now) })),
      settle: async (amounts, now) => void (await worker.ask({ what: 'settle', amounts, ...at(now) })),
      release: async (now) => void (await worker.ask({ what: 'release', ...at(now) })),
    }
  }
  return {
    async reserve(limits, amounts, now) {
      const worker = workers[turn++ % workers.length] as Worker
      return made(worker, await worker.ask({ what: 'reserve', prefix, limits, amounts, time: start + now }))
    },
  }
}
