import { systemClock } from '../../guard/clock.ts'
import type { Listen } from './redis-subscriber.ts'

/** How long a connection stays after the last listener has left, in milliseconds: the next one seldom comes much later. */
const linger = 1_000

/** How long the waits between attempts to connect are, in milliseconds. */
const shortestWait = 100
const longestWait = 5_000

/** What was set elsewhere: one connection for all who want to know, as long as there is one. */
export class RedisSubscription {
  readonly channel: string
  readonly #listen: Listen
  // What is said here comes back on the channel, and was told already.
  readonly #self: string = crypto.randomUUID()
  readonly #listeners = new Set<(key: string) => void>()
  #stop: (() => void) | undefined
  #cancelLeaving = (): void => {}
  #failures = 0

  constructor(listen: Listen, channel: string) {
    this.#listen = listen
    this.channel = channel
  }

  add(listener: (key: string) => void): () => void {
    // A function of its own, so that one that is given twice is told twice and each can stop alone.
    const own = (key: string): void => listener(key)
    this.#listeners.add(own)
    this.#cancelLeaving()
    if (this.#stop === undefined) this.#open()
    return () => {
      if (!this.#listeners.delete(own) || this.#listeners.size > 0) return
      this.#cancelLeaving()
      this.#cancelLeaving = systemClock.after(linger, () => this.close())
    }
  }

  /** Tells who listens here; an empty key where it is not known what was missed. */
  tell(key: string): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(key)
      } catch {
        // That is its own affair, and must not keep the others from being told.
      }
    }
  }

  /** What the others are told. */
  message(key: string): string {
    return `${this.#self} ${key}`
  }

  close(): void {
    this.#listeners.clear()
    this.#cancelLeaving()
    this.#stop?.()
    this.#stop = undefined
  }

  #open(): void {
    this.#stop = this.#listen(this.channel, {
      live: () => {
        this.#failures = 0
        this.tell('')
      },
      message: (text) => {
        const end = text.indexOf(' ')
        // Nothing that this library says: better look at everything.
        if (end === -1) this.tell('')
        else if (text.slice(0, end) !== this.#self) this.tell(text.slice(end + 1))
      },
      lost: () => {
        const wait = Math.min(longestWait, shortestWait * 2 ** this.#failures++)
        // Not all at once, where many have lost the same server.
        this.#stop = systemClock.after(wait * (0.5 + Math.random() / 2), () => this.#open())
      },
    })
  }
}
