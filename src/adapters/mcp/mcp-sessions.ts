import { type Clock, within } from '../../guard/clock.ts'
import type { Awaitable, Identity } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import type { StateStore } from '../../state/state-store.ts'

/** How long the store may take, in milliseconds. */
const patience = 2_000

/** Which caller each session belongs to: an id alone lets nobody into another's. */
export class McpSessions {
  readonly #store: StateStore
  readonly #prefix: string
  /** Milliseconds. */
  readonly #ttl: number

  constructor(store: StateStore, server: string, ttl: number) {
    this.#store = store
    this.#prefix = `mcp-session:${server.length}:${server}:`
    this.#ttl = ttl
  }

  /** Whether this session is the caller's; remembered for as long again where it is. @throws GuardError where nobody can tell. */
  async belongs(session: string, identity: Identity, clock: Clock): Promise<boolean> {
    const key = ownerOf(identity)
    const now = clock.now()
    const found: unknown = await this.#ask(clock, () => this.#store.get([this.#prefix + session], now))
    if (!Array.isArray(found) || found[0] !== key) return false
    await this.#ask(clock, () => this.#store.set(this.#prefix + session, key, now + this.#ttl, now))
    return true
  }

  /** Binds a new session to whoever began it. */
  async bind(session: string, identity: Identity, clock: Clock): Promise<void> {
    const key = ownerOf(identity)
    const now = clock.now()
    await this.#ask(clock, () => this.#store.set(this.#prefix + session, key, now + this.#ttl, now))
  }

  async end(session: string, clock: Clock): Promise<void> {
    await this.#ask(clock, () => this.#store.delete(this.#prefix + session))
  }

  async #ask<T>(clock: Clock, task: () => Awaitable<T>): Promise<T> {
    try {
      return await within(clock, patience, 'The store of sessions', task())
    } catch (cause) {
      throw new GuardError('keys_unavailable', { reason: 'the store of sessions failed', cause })
    }
  }
}

// In one tenant somebody is not who he is in another. The length keeps the two apart.
function ownerOf({ key, tenant = '' }: Identity): string {
  return `${tenant.length}:${tenant}${key}`
}
