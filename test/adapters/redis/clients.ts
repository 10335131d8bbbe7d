import { once } from 'node:events'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import type { RedisClient, RedisSubscriber } from '../../../src/adapters/redis/index.ts'

/** A client that a test has made and closes. */
export interface TestClient {
  readonly client: RedisClient
  close(): void
}

/** One of the libraries whose clients are taken. */
export interface ClientLibrary {
  readonly name: string
  connect(port: number, user?: { readonly username: string; readonly password: string }): Promise<TestClient>
  connectCluster(ports: readonly number[]): Promise<TestClient>
  connectSubscriber(port: number): Promise<{ readonly subscriber: RedisSubscriber; close(): void }>
}

const host = '127.0.0.1'

async function ioredis(port: number, user: object = {}): Promise<Redis> {
  // It tries again soon, and for ever, so that tests of outages are quick.
  const client = new Redis({ host, port, retryStrategy: () => 20, maxRetriesPerRequest: null, ...user })
  client.on('error', () => {})
  await once(client, 'ready')
  return client
}

function nodeRedis(port: number, user: object = {}) {
  return createClient({ socket: { host, port, reconnectStrategy: () => 20 }, ...user })
    .on('error', () => {})
    .connect()
}

export const clientLibraries: readonly ClientLibrary[] = [
  {
    name: 'ioredis',
    async connect(port, user) {
      const client = await ioredis(port, user)
      return { client, close: () => client.disconnect() }
    },
    async connectCluster(ports) {
      const client = new Cluster(
        ports.map((port) => ({ host, port })),
        { clusterRetryStrategy: () => 20 },
      )
      client.on('error', () => {})
      await once(client, 'ready')
      return { client, close: () => client.disconnect() }
    },
    async connectSubscriber(port) {
      const subscriber = await ioredis(port)
      return { subscriber, close: () => subscriber.disconnect() }
    },
  },
  {
    name: 'redis',
    async connect(port, user) {
      const client = await nodeRedis(port, user)
      return { client, close: () => client.destroy() }
    },
    async connectCluster(ports) {
      const client = createCluster({ rootNodes: ports.map((port) => ({ socket: { host, port } })) })
      client.on('error', () => {})
      await client.connect()
      return { client, close: () => client.destroy() }
    },
    async connectSubscriber(port) {
      const subscriber = await nodeRedis(port)
      return { subscriber, close: () => subscriber.destroy() }
    },
  },
]
