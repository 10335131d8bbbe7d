import { systemClock } from '../../guard/clock.ts'
import type { Awaitable } from '../../guard/context.ts'
import { StateError } from '../../state/state-store.ts'
import type { RedisCommand, RedisServers, Send } from './redis-client.ts'
import { type ServerFacts, serverFacts } from './server-facts.ts'

/** How many commands may be under way: a client keeps them all while Redis is away, also those that nobody waits for any more. */
const maxUnderWay = 10_000

/** How far the clocks of servers may go apart between two looks, in milliseconds. */
const clockDrift = 200

/** How long what was found out about the servers is taken for true, in milliseconds. */
const checkPeriod = 60_000

/** Sends commands to servers that keep what they are given, and waits for none longer than it may. */
export class RedisCommands {
  readonly #servers: RedisServers
  readonly #deadline: number
  #underWay = 0
  #checkedUntil = Number.NEGATIVE_INFINITY
  #checking: Promise<void> | undefined
  #ahead = 0
  /** What a server's wall clock shows beyond this process's monotonic one, of the server that is ahead of all others. */
  #offset: number | undefined

  /** @param deadline how long each command may take, in milliseconds. */
  constructor(servers: RedisServers, deadline: number) {
    this.#servers = servers
    this.#deadline = deadline
  }

  /**
   * Sends a command to the server that has the key.
   *
   * @param late gets the answer that nobody waits for any more.
   * @throws StateError `full` where Redis has no room, `unavailable` for every other failure and for an answer that is late.
   */
  send(key: string, command: RedisCommand, late?: (answer: unknown) => void): Promise<unknown> {
    return this.#ask(() => this.#servers.send(key, command), late)
  }

  /**
   * Makes sure that the servers keep what they are given, at the first use, once a minute and after every failure. At once
   * where that is known.
   *
   * @param now the caller's wall clock, in milliseconds since 1970.
   * @throws StateError `unavailable`
   */
  ready(now: number): Awaitable<void> {
    if (systemClock.monotonic() < this.#checkedUntil) return undefined
    this.#checking ??= this.#check(now).finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  /**
   * When an entry shall expire, in milliseconds since 1970 of the servers' clock: never before it does by the caller's. Where
   * a server's clock runs ahead, what was seen would else be forgotten while it can still be shown again.
   */
  expiry(expiresAt: number, now: number): number {
    // A time that has passed, but one that Redis takes for a time.
    return expiresAt <= now ? 1 : Math.ceil(expiresAt + this.#ahead)
  }

  /** Until when a write that is sent now may be done, by the servers' clock; empty where that is not known. */
  notAfter(): string {
    return this.#offset === undefined ? '' : String(Math.ceil(this.#offset + systemClock.monotonic() + this.#deadline + clockDrift))
  }

  async #check(now: number): Promise<void> {
    const primaries = await this.#ask(() => this.#servers.primaries())
    if (primaries.length === 0) throw new StateError('unavailable', 'No Redis server is known')
    // One that does not answer fails by itself when it is asked for a key of its own; the others can be used.
    const facts: ServerFacts[] = []
    for (const found of await Promise.allSettled(primaries.map((send) => this.#facts(send)))) {
      if (found.status === 'fulfilled') facts.push(found.value)
      else if (primaries.length === 1) throw found.reason
    }
    if (facts.length === 0) throw new StateError('unavailable', 'No Redis server of the cluster answers')
    let ahead = 0
    let offset: number | undefined
    for (const { isReplica, evictionPolicy, time } of facts) {
      if (isReplica) throw new StateError('unavailable', 'This Redis server is a replica, which learns late what was revoked')
      if (evictionPolicy !== undefined && evictionPolicy !== 'noeviction')
        throw new StateError('unavailable', `Redis may drop what has not expired: its maxmemory-policy is ${evictionPolicy}, not noeviction`)
      if (time === undefined) continue
      ahead = Math.max(ahead, time - now)
      // The latest: a server must not take what is in time for late.
      offset = Math.max(offset ?? Number.NEGATIVE_INFINITY, time - systemClock.monotonic())
    }
    this.#ahead = ahead
    this.#offset = offset
    this.#checkedUntil = systemClock.monotonic() + checkPeriod
  }

  async #facts(send: Send): Promise<ServerFacts> {
    let info: unknown
    try {
      info = await this.#ask(() => send(['INFO']))
    } catch (error) {
      // Where the user may not ask, the one who set Redis up answers for it.
      if (error instanceof StateError && error.cause instanceof Error && /^(NOPERM|ERR)\b/.test(error.cause.message)) return {}
      throw error
    }
    if (typeof info !== 'string') throw new StateError('unavailable', 'Redis answered nonsense')
    return serverFacts(info)
  }

  #ask<T>(ask: () => Promise<T>, late?: (answer: T) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (error: StateError): void => {
        // Another server may answer next time, after a failover or a restart.
        if (error.code === 'unavailable') this.#checkedUntil = Number.NEGATIVE_INFINITY
        reject(error)
      }
      if (this.#underWay >= maxUnderWay) return fail(new StateError('unavailable', `${maxUnderWay} commands wait for Redis already`))
      let isLate = false
      const cancel = systemClock.after(this.#deadline, () => {
        isLate = true
        fail(new StateError('unavailable', `Redis did not answer within ${this.#deadline} ms`))
      })
      const over = (): void => {
        this.#underWay--
        cancel()
      }
      this.#underWay++
      attempt(ask).then(
        (answer) => {
          over()
          if (isLate) late?.(answer)
          else resolve(answer)
        },
        (error: unknown) => {
          over()
          fail(asStateError(error))
        },
      )
    })
  }
}

async function attempt<T>(ask: () => Promise<T>): Promise<T> {
  return ask()
}

/** A failure as the store's own. Of what Redis said only the beginning is kept: it may go on with what it was sent. */
function asStateError(error: unknown): StateError {
  const said = error instanceof Error ? error.message.split(', with args', 1)[0]?.slice(0, 200) : undefined
  // A new error: that of a client holds the command, and with it what was to be stored.
  const cause = said === undefined ? undefined : new Error(said)
  if (said?.startsWith('OOM ') === true) return new StateError('full', 'Redis has no room', { cause })
  return new StateError('unavailable', 'Redis did not do what it was asked', { cause })
}
