import type { Clock } from '../guard/clock.ts'
import type { Awaitable } from '../guard/context.ts'

/** What a source is told when it is to load. */
export interface LoadRequest {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** How long a text may be: a longer one is refused anyway. */
  readonly maxLength: number
  readonly clock: Clock
}

/** Where a policy comes from: `policyFile` of `sallyport/file` makes one, and so do a URL and a function. */
export interface PolicySource {
  /**
   * The policy as it is now: an object; or a text, or the bytes of one, as JSON or signed; or undefined for the same as
   * the last time. May throw.
   */
  load(request: LoadRequest): Awaitable<unknown>
  /** Calls `changed` when there may be something new, until the returned function is called. Must not keep the process alive. */
  watch?(changed: () => void): () => void
  /** How often it is asked, in seconds, unless `livePolicy` is told otherwise. */
  readonly every?: number
  /** Plain data for `guard.describe()`. Never a secret. */
  describe(): Readonly<Record<string, unknown>>
}
