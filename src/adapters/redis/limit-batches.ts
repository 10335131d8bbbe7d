import { StateError } from '../../state/state-store.ts'
import { type LimitQuestion, LimitWords } from './limit-question.ts'
import { limitScript } from './limit-script.ts'
import type { RedisCommand } from './redis-client.ts'
import type { RedisCommands } from './redis-commands.ts'

/** Questions that are asked in one step: so many that much is saved, and Redis does nothing else for a millisecond at most. */
const most = 32

/** How many turns of the queue of microtasks a question waits for others of the same moment. */
const turns = 8

interface Open {
  readonly question: LimitQuestion
  resolve(answer: unknown): void
  reject(error: unknown): void
}

/** How a store is set. */
interface LimitBatchesSettings {
  readonly prefix: string
  readonly isCluster: boolean
  /** How long each command may take, in milliseconds. */
  readonly deadline: number
  /** How many replicas must have what was granted. */
  readonly replicas: number
}

/**
 * Runs the script of limits. What is asked at the same moment goes in one command, and so costs one round trip, one write and
 * one deadline; each question is answered for itself. Alone, a question waits for nobody.
 */
export class LimitBatches {
  readonly #commands: RedisCommands
  readonly #prefix: string
  readonly #isCluster: boolean
  /** Waits for them, where there must be any. */
  readonly #wait: RedisCommand | undefined
  readonly #replicas: number
  /** How long a settlement is remembered: longer than what is sent again may take. */
  readonly #memory: string
  readonly #time: (() => number) | undefined
  /** The name that Redis gives the script, once that is known. */
  #digest: string | undefined
  #waiting: Open[] = []
  #turns = 0

  /** @param time takes the place of the servers' clock, in milliseconds since 1970: for tests. */
  constructor(commands: RedisCommands, { prefix, isCluster, deadline, replicas }: LimitBatchesSettings, time: (() => number) | undefined) {
    this.#commands = commands
    this.#prefix = prefix
    this.#isCluster = isCluster
    this.#replicas = replicas
    this.#wait = replicas > 0 ? ['WAIT', String(replicas), String(Math.ceil(deadline))] : undefined
    this.#memory = String(Math.ceil(2 * deadline + 1_000))
    this.#time = time
  }

  /** Asks. @throws StateError */
  ask(question: LimitQuestion): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const open: Open = { question, resolve, reject }
      // In a cluster one command cannot name keys of two slots.
      if (this.#isCluster) return this.#flush([open])
      this.#waiting.push(open)
      if (this.#waiting.length === most) this.#flushWaiting()
      else if (this.#turns === 0) this.#turn()
    })
  }

  // Whoever was answered by one command asks again a few turns later, one sooner than the other.
  readonly #turn = (): void => {
    if (this.#waiting.length === 0) this.#turns = 0
    else if (++this.#turns <= turns) queueMicrotask(this.#turn)
    else this.#flushWaiting()
  }

  #flushWaiting(): void {
    const batch = this.#waiting
    this.#waiting = []
    if (this.#turns > turns) this.#turns = 0
    this.#flush(batch)
  }

  #flush(batch: readonly Open[]): void {
    this.#send(batch).then(
      (answers) => {
        for (let index = 0; index < batch.length; index++) (batch[index] as Open).resolve(answerOf(answers, index))
      },
      (error: unknown) => {
        for (const { reject } of batch) reject(error)
      },
    )
  }

  async #send(batch: readonly Open[]): Promise<unknown> {
    this.#digest ??= await digestOf(limitScript)
    const late = (answers: unknown): void => {
      for (let index = 0; index < batch.length; index++) batch[index]?.question.late?.(answerOf(answers, index))
    }
    const checking = this.#commands.ready(Date.now())
    const asking = this.#askReplicas(this.#ask(this.#digest, this.#words(batch), late), late)
    if (checking === undefined) return asking
    // Both at once: what a server grants that may not grant anything is not waited for, and given back.
    asking.catch(() => {})
    try {
      await checking
    } catch (error) {
      asking.then(late, () => {})
      throw error
    }
    return asking
  }

  // Sent at once, on the same connection: it waits for what was written before it.
  #askReplicas(asking: Promise<unknown>, late: (answers: unknown) => void): Promise<unknown> {
    if (this.#wait === undefined) return asking
    const waiting = this.#commands.send('', this.#wait)
    waiting.catch(() => {})
    return asking.then(async (answers) => {
      try {
        if (Number(await waiting) >= this.#replicas) return answers
      } catch (error) {
        late(answers)
        throw error
      }
      late(answers)
      throw new StateError('unavailable', 'Too few replicas of Redis have what was granted')
    })
  }

  #words(batch: readonly Open[]): string[] {
    const words = new LimitWords(this.#prefix)
    for (const { question } of batch) words.add(question)
    if (this.#time === undefined) return words.end(this.#commands.notAfter(), '', this.#memory)
    return words.end('', String(this.#time()), this.#memory)
  }

  #ask(digest: string, words: readonly string[], late: (answer: unknown) => void): Promise<unknown> {
    const key = words[1] ?? ''
    const command: RedisCommand = ['EVALSHA', digest, ...words]
    return this.#commands.send(key, command, late).catch((error: unknown) => {
      // It was restarted, or its scripts were flushed.
      if (!(error instanceof StateError && error.cause instanceof Error && error.cause.message.startsWith('NOSCRIPT'))) throw error
      return this.#commands.send(key, ['EVAL', limitScript, ...words], late)
    })
  }
}

function answerOf(answers: unknown, index: number): unknown {
  return Array.isArray(answers) ? answers[index] : undefined
}

async function digestOf(script: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-1', new TextEncoder().encode(script)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
