import { systemClock } from '../../guard/clock.ts'
import { has, type IoredisClient, isIoredis, type NodeRedisClient, type RedisServers } from './redis-client.ts'
import { hear, type IoredisSubscriber, type Listen, type NodeRedisSubscriber, type RedisSubscriber } from './redis-subscriber.ts'

/** How long a new connection may take until it listens, in milliseconds. */
const connectDeadline = 5_000

/**
 * Listens on a connection of its own, a duplicate of the client's. It lives once: when it is lost the next one may go to
 * another server of a cluster.
 */
export function listenBeside(servers: RedisServers): Listen {
  return (channel, hearer) => {
    let close = (): void => {}
    let isOver = false
    const end = (): void => {
      isOver = true
      forget()
      close()
    }
    const lose = (): void => {
      if (isOver) return
      end()
      hearer.lost()
    }
    const forget = systemClock.after(connectDeadline, lose)
    const open = async (): Promise<void> => {
      const connection = duplicate(await servers.one())
      close = connection.close
      if (isOver) return close()
      connection.onLost(lose)
      await connection.connect()
      await hear(connection.subscriber, channel, (text) => hearer.message(text)).begin()
      forget()
      if (!isOver) hearer.live()
    }
    open().catch(lose)
    return end
  }
}

/** A connection that ends for good when it is lost, and does not keep a process that is done. */
interface OwnConnection {
  readonly subscriber: RedisSubscriber
  connect(): Promise<unknown>
  onLost(lose: () => void): void
  close(): void
}

function duplicate(client: IoredisClient | NodeRedisClient): OwnConnection {
  if (isIoredis(client)) {
    const copy = client.duplicate({
      lazyConnect: true,
      retryStrategy: () => null,
      autoResubscribe: false,
      maxRetriesPerRequest: null,
      // Silence is all that it usually hears: whether the other side is still there, the system finds out.
      keepAlive: 10_000,
    })
    if (isIoredisCopy(copy)) return ioredisConnection(copy)
  } else {
    // A cache is not its business, and a timer would keep the process.
    const copy = client.duplicate?.({ clientSideCache: undefined, pingInterval: undefined })
    if (isNodeRedisCopy(copy)) return nodeRedisConnection(copy)
  }
  throw new Error('the client has no duplicate that can listen')
}

interface IoredisCopy extends IoredisSubscriber {
  readonly stream?: { unref?(): unknown } | null
  connect(): Promise<unknown>
  disconnect(): void
}

function isIoredisCopy(copy: unknown): copy is IoredisCopy {
  return has(copy, 'call', 'connect', 'disconnect', 'subscribe', 'on')
}

function ioredisConnection(copy: IoredisCopy): OwnConnection {
  // An error that nobody hears ends the process; what follows it is `end`.
  copy.on('error', () => {})
  copy.on('connect', () => void copy.stream?.unref?.())
  return {
    subscriber: copy,
    connect: () => copy.connect(),
    onLost: (lose) => void copy.on('end', lose),
    close: () => copy.disconnect(),
  }
}

interface NodeRedisCopy extends NodeRedisSubscriber {
  connect(): Promise<unknown>
  destroy(): void
  unref(): void
}

function isNodeRedisCopy(copy: unknown): copy is NodeRedisCopy {
  return has(copy, 'connect', 'destroy', 'unref', 'subscribe', 'on')
}

function nodeRedisConnection(copy: NodeRedisCopy): OwnConnection {
  copy.unref()
  return {
    subscriber: copy,
    connect: () => copy.connect(),
    onLost(lose) {
      copy.on('error', lose)
      copy.on('end', lose)
    },
    close() {
      try {
        copy.destroy()
      } catch {
        // It was never open, or is closed already.
      }
    },
  }
}
