import { CircuitBreaker } from '../guard/circuit-breaker.ts'
import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'

/** How long a provider is waited for, and how often it is asked. */
export interface AccessOptions {
  /** Milliseconds that one operation may take, with all its attempts. */
  readonly deadline: number
  /** Attempts after the first. */
  readonly retries: number
  readonly clock: Clock
}

/** Milliseconds before the first repetition; twice as long before each one that follows. */
const pause = 50

/**
 * Asks a key provider so that nobody waits for ever: within a deadline, some times over where it fails, and while it is down one
 * call at a time. It fails closed: whatever goes wrong is an error.
 */
export class ProviderAccess {
  readonly #options: AccessOptions
  readonly #breaker = new CircuitBreaker()

  constructor(options: AccessOptions) {
    this.#options = options
  }

  /**
   * @param tooLate given what is answered when nobody waits for it any more.
   * @throws GuardError, or rejects with it: what the provider refuses as such (`decryption_failed` where what it was given is not
   * genuine), which is final; `keys_unavailable` for everything else.
   */
  ask<T>(operation: (signal: AbortSignal) => Awaitable<T>, tooLate?: (answer: T) => void): Awaitable<T> {
    if (!this.#breaker.admits()) throw unavailable('the key provider does not answer, and another call asks it already')
    const abort = new AbortController()
    try {
      const answer = operation(abort.signal)
      if (isThenable(answer)) return this.#wait(answer, operation, abort, tooLate)
      this.#breaker.succeeded()
      return answer
    } catch (error) {
      if (isFinal(error)) {
        this.#breaker.succeeded()
        throw error
      }
      if (this.#options.retries > 0) return this.#wait(Promise.reject(error), operation, abort, tooLate)
      this.#breaker.failed()
      throw unavailable('the key provider failed', error)
    }
  }

  #wait<T>(
    first: Promise<T>,
    operation: (signal: AbortSignal) => Awaitable<T>,
    abort: AbortController,
    tooLate: ((answer: T) => void) | undefined,
  ): Promise<T> {
    const { deadline, clock } = this.#options
    return new Promise<T>((resolve, reject) => {
      const cancel = clock.after(deadline, () => {
        this.#breaker.failed()
        reject(unavailable('the key provider did not answer in time'))
        abort.abort()
      })
      this.#attempt(first, operation, abort.signal, 0).then(
        (value) => {
          cancel()
          // What comes too late was reported as a failure already, and nobody waits for it.
          if (abort.signal.aborted) return drop(value, tooLate)
          this.#breaker.succeeded()
          resolve(value)
        },
        (error: unknown) => {
          cancel()
          if (!abort.signal.aborted) {
            if (isFinal(error)) this.#breaker.succeeded()
            else this.#breaker.failed()
          }
          reject(isFinal(error) ? error : unavailable('the key provider failed', error))
        },
      )
    })
  }

  async #attempt<T>(given: Promise<T>, operation: (signal: AbortSignal) => Awaitable<T>, signal: AbortSignal, done: number): Promise<T> {
    try {
      return await given
    } catch (error) {
      if (isFinal(error) || done >= this.#options.retries || signal.aborted) throw error
      // It holds the process: a program that only waits for its key would end here without a word.
      await new Promise<void>((resolve) => this.#options.clock.after(pause * 2 ** done, resolve, true))
      if (signal.aborted) throw error
      return this.#attempt(
        Promise.resolve().then(() => operation(signal)),
        operation,
        signal,
        done + 1,
      )
    }
  }
}

// A provider may answer anything, and there is nobody that could be told.
function drop<T>(answer: T, tooLate: ((answer: T) => void) | undefined): void {
  try {
    tooLate?.(answer)
  } catch {}
}

// A refusal says something of what was asked, and nothing of the provider: what a stranger sends must not make it look as if it were down.
function isFinal(error: unknown): boolean {
  return isGuardError(error) && error.code !== 'keys_unavailable'
}

function unavailable(reason: string, cause?: unknown): GuardError {
  if (isGuardError(cause) && cause.code === 'keys_unavailable') return cause
  return new GuardError('keys_unavailable', { reason, ...(cause !== undefined && { cause }) })
}
