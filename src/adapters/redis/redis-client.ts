/** A client of `ioredis` (5 or later): `Redis`, or `Cluster`. Only what is used of it. */
export interface IoredisClient {
  readonly isCluster: boolean
  readonly status: string
  readonly options: object
  /** Sends a command. */
  call(command: string, args: string[]): Promise<unknown>
  /** A second connection with the same options. */
  duplicate(override?: object): unknown
  /** A cluster's servers. */
  nodes?(role?: 'master'): readonly IoredisClient[]
}

/** A client of `redis` (node-redis, 5 or later), as `createClient` or `createClientPool` makes it. Only what is used of it. */
export interface NodeRedisClient {
  readonly isOpen: boolean
  /** Sends a command. */
  sendCommand(command: string[]): Promise<unknown>
  /** A pool has none: it needs a `subscriber` beside it. */
  duplicate?(override?: object): unknown
}

/** A client of `redis` (node-redis, 5 or later), as `createCluster` makes it. Only what is used of it. */
export interface NodeRedisCluster {
  readonly masters: readonly NodeRedisNode[]
  /** Sends a command to the server that has the key. */
  sendCommand(firstKey: string | undefined, isReadonly: boolean | undefined, command: string[]): Promise<unknown>
  /** A client of one server. */
  nodeClient(node: NodeRedisNode): Promise<NodeRedisClient>
}

/** A server of a cluster, as node-redis knows it. */
export interface NodeRedisNode {
  readonly address: string
}

/** A client of Redis or Valkey that an application has made, and that stays its own to connect and to close. */
export type RedisClient = IoredisClient | NodeRedisClient | NodeRedisCluster

/** A command, as words. */
export type RedisCommand = readonly [name: string, ...args: string[]]

/** Sends a command to one server. */
export type Send = (command: RedisCommand) => Promise<unknown>

/** What is done with a client, whichever it is. */
export interface RedisServers {
  /** Whether keys are spread over several servers, so that one command cannot name two of them. */
  readonly isCluster: boolean
  /** Sends a command to the server that has the key. */
  send(key: string, command: RedisCommand): Promise<unknown>
  /** Each server that takes writes. */
  primaries(): Promise<readonly Send[]>
  /** A client of one server, whose duplicate can listen: every server of a cluster passes on what is published at another. */
  one(): Promise<IoredisClient | NodeRedisClient>
}

/** The servers behind a client. @throws TypeError for what is no such client, and for one that reads from replicas. */
export function redisServers(factory: string, client: RedisClient): RedisServers {
  if (isIoredis(client)) return ioredisServers(factory, client)
  if (isNodeRedisCluster(client)) return nodeRedisCluster(client)
  if (isNodeRedis(client)) return oneServer(client, (command) => client.sendCommand([...command]))
  throw new TypeError(`${factory}: client: must be a client of ioredis or of redis (node-redis)`)
}

/** Whether a client is one of ioredis. */
export function isIoredis(client: unknown): client is IoredisClient {
  return has(client, 'call', 'duplicate') && 'isCluster' in client
}

function isNodeRedis(client: unknown): client is NodeRedisClient {
  return has(client, 'sendCommand') && 'isOpen' in client
}

function isNodeRedisCluster(client: unknown): client is NodeRedisCluster {
  return has(client, 'sendCommand', 'nodeClient')
}

/** Whether something has these methods. */
export function has<Name extends string>(value: unknown, ...names: readonly Name[]): value is Readonly<Record<Name, (...args: never[]) => unknown>> {
  return typeof value === 'object' && value !== null && names.every((name) => typeof Reflect.get(value, name) === 'function')
}

function oneServer(client: IoredisClient | NodeRedisClient, send: Send): RedisServers {
  return { isCluster: false, send: (_key, command) => send(command), primaries: async () => [send], one: async () => client }
}

function ioredisServers(factory: string, client: IoredisClient): RedisServers {
  const sending =
    (to: IoredisClient): Send =>
    ([name, ...args]) =>
      to.call(name, args)
  const { options } = client
  const send = sending(client)
  if (!client.isCluster) return oneServer(client, send)
  // A replica does not know yet what was revoked a moment ago.
  if ('scaleReads' in options && options.scaleReads !== 'master')
    throw new TypeError(`${factory}: client: must read from masters: its scaleReads is not 'master'`)
  const masters = async (): Promise<readonly IoredisClient[]> => {
    // Before it is ready it knows only the servers that it was given, whatever they are.
    if (client.status !== 'ready') await client.call('PING', [])
    return client.nodes?.('master') ?? []
  }
  return {
    isCluster: true,
    send: (_key, command) => send(command),
    primaries: async () => (await masters()).map(sending),
    one: async () => anyOf(await masters()),
  }
}

function nodeRedisCluster(client: NodeRedisCluster): RedisServers {
  return {
    isCluster: true,
    // Never as a command that reads, which may go to a replica.
    send: (key, command) => client.sendCommand(key, false, [...command]),
    primaries: async () =>
      client.masters.map(
        (node): Send =>
          async (command) =>
            (await client.nodeClient(node)).sendCommand([...command]),
      ),
    one: async () => client.nodeClient(anyOf(client.masters)),
  }
}

function anyOf<T>(items: readonly T[]): T {
  const item = items[Math.floor(Math.random() * items.length)]
  if (item === undefined) throw new Error('no server of the cluster is known')
  return item
}
