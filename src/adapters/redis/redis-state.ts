import { type Check, checkOptions, optional } from '../../guard/check-options.ts'
import type { Awaitable } from '../../guard/context.ts'
import { StateError, type StateStore, type StoredEntry } from '../../state/state-store.ts'
import { has, type RedisClient, redisServers } from './redis-client.ts'
import { RedisCommands } from './redis-commands.ts'
import { listenBeside } from './redis-connection.ts'
import { listenOn, type RedisSubscriber } from './redis-subscriber.ts'
import { RedisSubscription } from './redis-subscription.ts'
import { type Write, writeScript } from './write-script.ts'

/** Options of `redisState`. */
export interface RedisStateOptions {
  /** A client of `ioredis` or `redis` (node-redis), for one server or a cluster. It stays the application's to connect and to close. */
  readonly client: RedisClient
  /** What every key and channel begins with; `sallyport` unless given. Stores of one prefix are one store. */
  readonly prefix?: string
  /** How long each command may take, in milliseconds; 50 unless given. */
  readonly deadline?: number
  /** The connection on which it listens, which does nothing else and stays the application's. A duplicate of the client unless given. */
  readonly subscriber?: RedisSubscriber
}

/** A state store in Redis. */
export interface RedisState extends StateStore {
  /** Closes the connection on which it listened, and refuses what comes after. The client stays open. */
  close(): Promise<void>
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>
}

const checks: Readonly<Record<keyof RedisStateOptions, Check>> = {
  client: [(value) => typeof value === 'object' && value !== null, 'a client of ioredis or of redis (node-redis)'],
  prefix: [optional((value) => typeof value === 'string' && /^[\w.:{}-]{1,64}$/.test(value)), 'a text of letters, digits, _ . : { } and -'],
  deadline: [optional((value) => typeof value === 'number' && value > 0 && value <= 60_000), 'milliseconds, above zero and at most 60,000'],
  subscriber: [optional((value) => typeof value === 'object' && value !== null), 'a client of ioredis or of redis (node-redis)'],
}

/**
 * A state store in Redis 7 or later, or in Valkey: what one instance remembers or revokes the others know. It asks Redis
 * every time and keeps nothing itself. What fails or is late throws a `StateError` of code `unavailable`, and Redis without
 * room one of code `full`. Let the client connect before the first call.
 *
 * Redis must be no replica and must not drop entries: `maxmemory-policy noeviction`. Both are looked up with `INFO` at the
 * first use, once a minute and after failures; where its user may not ask, whoever runs Redis answers for it. A flood that
 * fills Redis keeps it from taking revocations too: give those a Redis of their own. A restart forgets what was not written
 * to a disk (`appendonly yes`), and a failover what the replica had not got yet.
 *
 * A user of its own needs `eval`, `time`, `set`, `get`, `mget`, `del`, `publish`, `subscribe`, `unsubscribe` and `info`, for keys
 * and channels that begin with the prefix. What is written is done by a script, so that a write that was given up is not carried
 * out later, when the connection is back.
 *
 * ```ts
 * const state = redisState({ client: new Redis('redis://state.internal') })
 * const revocation = revocationList({ store: state })
 * ```
 *
 * @throws TypeError for a wrong option, and for a client that reads from replicas.
 */
export function redisState(options: RedisStateOptions): RedisState {
  checkOptions('redisState', options, checks)
  const { client, prefix = 'sallyport', deadline = 50, subscriber } = options
  const servers = redisServers('redisState', client)
  if (subscriber === undefined && !servers.isCluster && !has(client, 'duplicate'))
    throw new TypeError('redisState: subscriber: must be given for a client that has no duplicate()')
  const listen = subscriber === undefined ? listenBeside(servers) : listenOn('redisState', subscriber)
  const subscription = new RedisSubscription(listen, `${prefix}:${layout}:state-set`)
  return new StateInRedis(new RedisCommands(servers, deadline), subscription, { prefix, deadline, cluster: servers.isCluster })
}

/** The version of how keys and messages look, so that instances of another one do not misread them. */
const layout = 1

interface Settings {
  readonly prefix: string
  readonly deadline: number
  readonly cluster: boolean
}

const nothing: readonly undefined[] = Object.freeze([])

class StateInRedis implements RedisState {
  readonly #commands: RedisCommands
  readonly #subscription: RedisSubscription
  readonly #settings: Settings
  #isClosed = false

  constructor(commands: RedisCommands, subscription: RedisSubscription, settings: Settings) {
    this.#commands = commands
    this.#subscription = subscription
    this.#settings = settings
  }

  async add(key: string, expiresAt: number, now: number): Promise<boolean> {
    return this.#write('add', key, { value: '', expiresAt }, now)
  }

  async set(key: string, value: string, expiresAt: number, now: number): Promise<void> {
    await this.#write('set', key, { value, expiresAt }, now)
    await this.#tell(key)
  }

  async replace(key: string, before: string | undefined, next: StoredEntry | undefined, now: number): Promise<boolean> {
    const expected = before === undefined ? ['', ''] : ['1', before]
    const isDone = await this.#write(next === undefined ? 'forget' : 'replace', key, next, now, expected)
    if (isDone && next !== undefined) await this.#tell(key)
    return isDone
  }

  async get(keys: readonly string[], now: number): Promise<readonly (string | undefined)[]> {
    const [first] = keys
    if (first === undefined) return nothing
    await this.#ready(now)
    const names = keys.map((key) => this.#name(key))
    const answers = this.#settings.cluster
      ? await Promise.all(names.map((name) => this.#commands.send(name, ['GET', name])))
      : await this.#commands.send(this.#name(first), ['MGET', ...names])
    if (!Array.isArray(answers) || answers.length !== keys.length) throw nonsense()
    const values = answers.map(asText)
    return values.every((value) => value === undefined) ? nothing : values
  }

  async delete(key: string): Promise<void> {
    await this.#write('delete', key, undefined, Date.now())
  }

  subscribe(listener: (key: string) => void): () => void {
    this.#requireOpen()
    return this.#subscription.add(listener)
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'redis', ...this.#settings }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#subscription.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #write(what: Write, key: string, next: StoredEntry | undefined, now: number, expected: readonly string[] = []): Promise<boolean> {
    await this.#ready(now)
    const name = this.#name(key)
    const { value = '', expiresAt = Number.POSITIVE_INFINITY } = next ?? {}
    const expiry = checkedTime(expiresAt) > latest ? '' : String(this.#commands.expiry(expiresAt, now))
    const answer = await this.#commands.send(name, ['EVAL', writeScript, '1', name, this.#commands.notAfter(), what, value, expiry, ...expected])
    if (answer === 'LATE') throw new StateError('unavailable', 'Redis got a write after it was given up')
    if (answer !== 'DONE' && answer !== 'KEPT') throw nonsense()
    return answer === 'DONE'
  }

  async #tell(key: string): Promise<void> {
    this.#subscription.tell(key)
    // Only now, so that who is told finds it, also where another server of a cluster passes it on.
    const { channel } = this.#subscription
    await this.#commands.send(channel, ['PUBLISH', channel, this.#subscription.message(key)])
  }

  #ready(now: number): Awaitable<void> {
    this.#requireOpen()
    return this.#commands.ready(checkedTime(now))
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new StateError('unavailable', 'The Redis state is closed')
  }

  #name(key: string): string {
    // As bytes two keys that differ in lone surrogates alone would be one.
    if (!key.isWellFormed()) throw new TypeError('redisState: a key must be a text without lone surrogates')
    return `${this.#settings.prefix}:${layout}:state:${key}`
  }
}

/** Past the last time that a `Date` can hold, which `Infinity` is too, nothing expires. */
const latest = 8.64e15

function checkedTime(time: number): number {
  if (typeof time !== 'number' || Number.isNaN(time)) throw new TypeError('redisState: a time must be a number of milliseconds')
  return time
}

function asText(answer: unknown): string | undefined {
  if (answer === null) return undefined
  if (typeof answer !== 'string') throw nonsense()
  return answer
}

function nonsense(): StateError {
  return new StateError('unavailable', 'Redis answered nonsense')
}
