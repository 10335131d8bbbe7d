import { has } from './redis-client.ts'

/** A connection of `ioredis` that does nothing but listen. Only what is used of it. */
export interface IoredisSubscriber {
  /** Sends a command. */
  call(command: string, args: string[]): Promise<unknown>
  /** Listens to a channel. */
  subscribe(channel: string): Promise<unknown>
  /** Listens to it no more. */
  unsubscribe(channel: string): Promise<unknown>
  /** Tells of an event. */
  on(event: string, listener: (...texts: string[]) => void): unknown
  /** Tells no more. */
  off(event: string, listener: (...texts: string[]) => void): unknown
}

/** A connection of `redis` (node-redis) that does nothing but listen. Only what is used of it. */
export interface NodeRedisSubscriber {
  /** Listens to a channel. */
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  /** Listens to it no more. */
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  /** Tells of an event. */
  on(event: string, listener: () => void): unknown
  /** Tells no more. */
  off(event: string, listener: () => void): unknown
}

/** A connection for listening that an application has made, and that stays its own to connect and to close. */
export type RedisSubscriber = IoredisSubscriber | NodeRedisSubscriber

/** Whom a connection tells. */
interface Hearer {
  /** It listens from now on; what was said before was missed. */
  live(): void
  message(text: string): void
  /** It does not listen any more, and will not again. */
  lost(): void
}

/** Begins to listen on a channel, and returns what ends it. Tells nobody before it has returned. */
export type Listen = (channel: string, hearer: Hearer) => () => void

/** Listens on a connection that the application has made, which connects again by itself. @throws TypeError for what is none. */
export function listenOn(factory: string, subscriber: RedisSubscriber): Listen {
  if (!has(subscriber, 'subscribe', 'unsubscribe', 'on', 'off'))
    throw new TypeError(`${factory}: subscriber: must be a client of ioredis or of redis (node-redis)`)
  return (channel, hearer) => {
    const hearing = hear(subscriber, channel, (text) => hearer.message(text))
    // Also where the client has subscribed again by itself: only an answer says that nothing more is missed.
    const again = async (): Promise<void> => {
      try {
        await hearing.begin()
        hearer.live()
      } catch {
        // It is not connected, and will say when it is.
      }
    }
    subscriber.on('ready', again)
    void again()
    return () => {
      subscriber.off('ready', again)
      hearing.end()
    }
  }
}

/** Listening on one channel, whichever the client is. May begin again. */
export function hear(subscriber: RedisSubscriber, channel: string, listener: (text: string) => void): { begin(): Promise<unknown>; end(): void } {
  if (!('call' in subscriber))
    return {
      begin: () => subscriber.subscribe(channel, listener),
      end: () => void subscriber.unsubscribe(channel, listener).catch(() => {}),
    }
  const listenerOf = (from?: string, text?: string): void => {
    if (from === channel && text !== undefined) listener(text)
  }
  subscriber.on('message', listenerOf)
  return {
    begin: () => subscriber.subscribe(channel),
    end() {
      subscriber.off('message', listenerOf)
      void subscriber.unsubscribe(channel).catch(() => {})
    },
  }
}
