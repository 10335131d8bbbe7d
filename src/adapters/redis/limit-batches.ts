import { StateError } from '../../state/state-store.ts'
import { limitScript } from './limit-script.ts'
import type { RedisCommand } from './redis-client.ts'
import type { RedisCommands } from './redis-commands.ts'

/** Questions that are asked in one step: so long that much is saved, and Redis does nothing else for a millisecond at most. */
const most = 16

/** What the script is asked for one reservation. */
export interface Question {
  readonly keys: readonly string[]
  readonly words: readonly string[]
  /** Gets the answer that nobody waits for any more. */
  readonly late: ((answer: unknown) => void) | undefined
}

interface Open extends Question {
  resolve(answer: unknown): void
  reject(error: unknown): void
}

/**
 * Runs the script of limits. What is asked at the same moment goes in one command, and so costs one round trip, one write and
 * one deadline; each question is answered for itself. Alone, a question waits for nobody.
 */
export class LimitBatches {
  readonly #commands: RedisCommands
  readonly #isCluster: boolean
  /** How long a settlement is remembered: longer than what is sent again may take. */
  readonly #memory: string
  readonly #time: (() => number) | undefined
  /** The name that Redis gives the script, once that is known. */
  #digest: string | undefined
  #waiting: Open[] = []

  /** @param time takes the place of the servers' clock, in milliseconds since 1970: for tests. */
  constructor(commands: RedisCommands, isCluster: boolean, deadline: number, time: (() => number) | undefined) {
    this.#commands = commands
    this.#isCluster = isCluster
    this.#memory = String(Math.ceil(2 * deadline + 1_000))
    this.#time = time
  }

  /** Asks. @throws StateError */
  ask(question: Question): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const open: Open = { ...question, resolve, reject }
      // In a cluster one command cannot name keys of two slots.
      if (this.#isCluster) return this.#flush([open])
      this.#waiting.push(open)
      if (this.#waiting.length === 1) queueMicrotask(() => this.#flushWaiting())
      else if (this.#waiting.length === most) this.#flushWaiting()
    })
  }

  #flushWaiting(): void {
    const batch = this.#waiting
    this.#waiting = []
    if (batch.length > 0) this.#flush(batch)
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
      for (let index = 0; index < batch.length; index++) batch[index]?.late?.(answerOf(answers, index))
    }
    const checking = this.#commands.ready(Date.now())
    const asking = this.#ask(this.#digest, this.#words(batch), late)
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

  // Keys first, then what the script is told: see there.
  #words(batch: readonly Open[]): string[] {
    const words: string[] = ['']
    for (const { keys } of batch) words.push(...keys)
    words[0] = String(words.length - 1)
    if (this.#time === undefined) words.push(this.#commands.notAfter(), '', this.#memory)
    else words.push('', String(this.#time()), this.#memory)
    for (const { words: own } of batch) words.push(...own)
    return words
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
