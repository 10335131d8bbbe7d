import type { Awaitable } from '../guard/context.ts'
import { GuardError, isGuardError } from '../guard/errors.ts'
import { hex } from './writers.ts'
import type { KeyedHash } from './keyed-hash.ts'
import type { PseudonymScope } from './pseudonym.ts'
import { openScope, sealScope } from './sealed-scope.ts'

/**
 * Where the application keeps what pseudonyms of a session stand for, sealed: with the session itself. Nobody without the
 * key reads it, and it opens for the same tenant, caller and session alone.
 */
export interface SessionPseudonyms<C> {
  /** What was saved last for the session of this call; undefined where there is nothing. */
  load(call: C): Awaitable<string | undefined>
  /** Called before the function runs, where the request brought new values. What it throws refuses the call. Of two calls at once the last one stays. */
  save(call: C, sealed: string): Awaitable<void>
}

/** What is known of a scope's place in its session. */
interface Kept {
  readonly digest: string
  readonly serial: number
}

/** Keeps scopes in sessions. */
export class SessionKeeper<C> {
  readonly #sessions: SessionPseudonyms<C>
  readonly #hash: KeyedHash
  readonly #kept = new WeakMap<PseudonymScope, Kept>()

  constructor(sessions: SessionPseudonyms<C>, hash: KeyedHash) {
    this.#sessions = { load: sessions.load.bind(sessions), save: sessions.save.bind(sessions) }
    this.#hash = hash
  }

  /** Lets a scope remember what its session has. @throws GuardError `decryption_failed` and `misconfigured` */
  async load(scope: PseudonymScope, call: C): Promise<void> {
    const sealed: unknown = await this.#ask(() => this.#sessions.load(call))
    if (sealed === undefined || sealed === null) return
    const digest = typeof sealed === 'string' ? hex(this.#hash(`sallyport sealed digest\n${sealed}`)) : ''
    const kept = this.#kept.get(scope)
    // What this process saved or opened last is no news to it.
    if (kept !== undefined && kept.digest === digest) return
    const isAllThatIsKnown = scope.serial === 0
    await openScope(scope, this.#hash, sealed)
    this.#kept.set(scope, { digest, serial: isAllThatIsKnown ? scope.serial : -1 })
  }

  /** Saves what a scope remembers, where that is more than its session has. @throws GuardError `misconfigured` */
  async save(scope: PseudonymScope, call: C): Promise<void> {
    const { serial } = scope
    if (serial === (this.#kept.get(scope)?.serial ?? 0)) return
    const sealed = await sealScope(scope, this.#hash)
    await this.#ask(() => this.#sessions.save(call, sealed))
    this.#kept.set(scope, { digest: hex(this.#hash(`sallyport sealed digest\n${sealed}`)), serial })
  }

  async #ask<T>(ask: () => Awaitable<T>): Promise<T> {
    try {
      return await ask()
    } catch (cause) {
      throw isGuardError(cause)
        ? cause
        : new GuardError('misconfigured', { reason: 'the pseudonyms of a session could not be loaded or saved', cause })
    }
  }
}
