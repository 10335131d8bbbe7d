import { type Check, checkOptions, optional } from '../../guard/check-options.ts'
import type { Awaitable } from '../../guard/context.ts'
import type { Amounts, KeyedLimit, LimitStore, Refusal, Reservation } from '../../limits/limit-store.ts'
import { checkNames } from '../../limits/limit-request.ts'
import type { PlannedLimit } from '../../limits/limit.ts'
import { CellPlan, tagOf } from './limit-cells.ts'
import { LimitBatches } from './limit-batches.ts'
import { LimitCommands } from './limit-commands.ts'
import { type Holding, newHolding } from './limit-holding.ts'
import { LimitSlices } from './limit-slices.ts'
import { has, isIoredis, type RedisClient, redisServers, type RedisServers } from './redis-client.ts'
import { RedisCommands } from './redis-commands.ts'
import { ReservationInRedis, unitsOf } from './redis-reservation.ts'

/** Options of `redisLimits`. */
export interface RedisLimitsOptions {
  /** A client of `ioredis` or `redis` (node-redis), for one server or a cluster. It stays the application's to connect and to close. */
  readonly client: RedisClient
  /** What every key begins with; `sallyport` unless given. Stores of one prefix are one store. */
  readonly prefix?: string
  /** How long each command may take, in milliseconds; 50 unless given. */
  readonly deadline?: number
  /**
   * How many units of each limit and key this process takes at a time, to grant them without asking Redis: a whole number from 2
   * up; none unless given. What it took counts as spent at once, and what is left of it after a second is given back. So in any
   * stretch of time a key may get, beyond its limit, at most this many units for each process, and at most what leaks away in a
   * second; and others may be refused what lies here unused. Calls under limits of `concurrent` always ask Redis.
   */
  readonly lease?: number
  /**
   * How many replicas must have what was granted before it counts as granted; 0 unless given. With at least one nothing is
   * granted twice when the server fails and the replica that knows most takes its place; each command waits for them, and where they do not answer within the
   * deadline it has failed. For one server and a client with one connection: neither a cluster nor a pool can wait.
   */
  readonly replicas?: number
}

const checks: Readonly<Record<keyof RedisLimitsOptions, Check>> = {
  client: [(value) => typeof value === 'object' && value !== null, 'a client of ioredis or of redis (node-redis)'],
  prefix: [optional((value) => typeof value === 'string' && /^[\w.:-]{1,64}$/.test(value)), 'a text of letters, digits, _ . : and -'],
  deadline: [optional((value) => typeof value === 'number' && value > 0 && value <= 60_000), 'milliseconds, above zero and at most 60,000'],
  lease: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 2), 'a whole number from 2 up'],
  replicas: [optional((value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= 100), 'a whole number up to 100'],
}

/**
 * Limits in Redis 7 or later, or in Valkey: exact for all processes of one prefix. All limits of a call are checked and
 * reserved by one script, in one round trip, by the server's clock. What fails or is late throws, and who asked refuses or goes
 * on with a part of the limits, as `rateLimit({ onStoreFailure })` says; what is granted too late is given back. Let the client
 * connect before the first call.
 *
 * Every key expires by itself once it holds nothing. Redis must be no replica and must not drop entries
 * (`maxmemory-policy noeviction`): a caller whose count was dropped would begin afresh. Both are looked up with `INFO` as
 * `redisState` does; a restart without a disk begins afresh as well. In a cluster limits of one key are in one slot; those of
 * several keys are asked for at the same time, and where one refuses the others are given back at once.
 *
 * A user of its own needs `eval`, `evalsha`, `time`, `get`, `set`, `del`, `zadd`, `zrem`, `zcard`, `zscore`,
 * `zrange`, `zrangebyscore`, `zremrangebyscore`, `pttl`, `pexpire`, `wait` and `info`, for keys that begin with the prefix.
 *
 * ```ts
 * const store = redisLimits({ client: new Redis('redis://limits.internal') })
 * rateLimit({ limits: { name: 'minute', per: (call) => call.identity.key, requests: 60, window: 60 }, store })
 * ```
 *
 * @throws TypeError for a wrong option, and for a client that reads from replicas.
 */
export function redisLimits(options: RedisLimitsOptions): LimitStore {
  checkOptions('redisLimits', options, checks)
  const { client, prefix = 'sallyport', deadline = 50, lease, replicas = 0 } = options
  const servers = redisServers('redisLimits', client)
  // Which server or connection waits must be the one that wrote.
  if (replicas > 0 && (servers.isCluster || (!isIoredis(client) && !has(client, 'duplicate'))))
    throw new TypeError('redisLimits: replicas: needs one server and a client with one connection')
  return new LimitsInRedis(servers, { prefix, deadline, lease, replicas })
}

/** How a store is set. */
export interface RedisLimitsSettings {
  readonly prefix: string
  readonly deadline: number
  readonly lease: number | undefined
  readonly replicas?: number
}

/** What `redisLimits` makes. */
export class LimitsInRedis implements LimitStore {
  readonly #commands: LimitCommands
  readonly #settings: RedisLimitsSettings
  readonly #isCluster: boolean
  readonly #plans = new WeakMap<PlannedLimit, CellPlan>()
  readonly #slices: LimitSlices | undefined
  // Of this store and no other one: it names reservations.
  readonly #self: string = crypto.randomUUID()
  #made = 0

  /** @param time takes the place of the servers' clock: for tests. */
  constructor(servers: RedisServers, settings: RedisLimitsSettings, time?: () => number) {
    const { prefix, deadline, lease, replicas = 0 } = settings
    const { isCluster } = servers
    const batches = new LimitBatches(new RedisCommands(servers, deadline), { prefix, isCluster, deadline, replicas }, time)
    this.#commands = new LimitCommands(batches, time)
    this.#settings = settings
    this.#isCluster = servers.isCluster
    if (lease !== undefined) this.#slices = new LimitSlices((limits, amounts) => this.#reserve(limits, amounts, false), lease)
  }

  reserve(limits: readonly KeyedLimit[], amounts: Amounts): Awaitable<Reservation | Refusal> {
    checkNames(limits)
    return this.#slices?.serves(limits) ? this.#slices.reserve(limits, amounts) : this.#reserve(limits, amounts)
  }

  describe(): Readonly<Record<string, unknown>> {
    const { lease, replicas = 0, ...settings } = this.#settings
    return { kind: 'redis', cluster: this.#isCluster, ...settings, ...(lease !== undefined && { lease }), ...(replicas > 0 && { replicas }) }
  }

  // What a slice holds was granted here already, so it does not come back by itself.
  #reserve(limits: readonly KeyedLimit[], amounts: Amounts, comesBack = true): Promise<ReservationInRedis | Refusal> {
    const units = unitsOf(limits, amounts)
    const now = this.#commands.now()
    const holdings: Holding[] = []
    let last = ''
    let tag = ''
    for (const { limit, key } of limits) {
      const plan = this.#plan(limit)
      if (key !== last) tag = tagOf((last = key))
      holdings.push(newHolding(plan, tag, plan.periodAt(now)))
    }
    const id = `${this.#self}${(++this.#made).toString(36)}`
    return new ReservationInRedis(this.#commands, id, holdings, this.#isCluster, comesBack).take(units)
  }

  #plan(limit: PlannedLimit): CellPlan {
    let plan = this.#plans.get(limit)
    if (plan === undefined) this.#plans.set(limit, (plan = new CellPlan(limit)))
    return plan
  }
}
