import { rateLimit, type RateLimitOptions } from '../../src/controls/rate-limit.ts'
import type { Json } from '../../src/guard/context.ts'
import type { LimitStore } from '../../src/limits/limit-store.ts'
import { type Limit, planLimit } from '../../src/limits/limit.ts'
import { memoryLimits, type MemoryLimits } from '../../src/limits/memory-limits.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import type { ChatRequest } from '../../src/payload/openai-chat-request.ts'
import { type TestClock, testClock } from '../../src/testing/test-clock.ts'
import { as, chunk, type Identified, type LimitedGuard, limitedGuard } from './limited-guard.ts'

/** A window that nothing leaks away in. */
export const long = 3_600_000
export const chat = { action: 'chat', resource: { type: 'model', id: 'm' }, codec: openaiChat }
export const ada = as('ada')
export const perCaller = (call: Identified): string => call.identity.key

/** A guard with one limiter over a store that a test can ask. */
export interface MeteredGuard extends LimitedGuard {
  readonly store: MemoryLimits
  /** What ada has left of a limit. */
  left(limit: Omit<Limit<never>, 'per'>): number
}

/** Makes one. Each limit is ada's own. */
export function meteredGuard(
  limits: Omit<Limit<never>, 'per'> | readonly Omit<Limit<never>, 'per'>[],
  more: Partial<RateLimitOptions<Identified>> = {},
  wrap: (store: MemoryLimits) => LimitStore = (store) => store,
  clock: TestClock = testClock(),
): MeteredGuard {
  const store = memoryLimits()
  const list = (Array.isArray(limits) ? limits : [limits]) as readonly Omit<Limit<never>, 'per'>[]
  const own = list.map((limit) => ({ ...limit, per: perCaller }))
  const made = limitedGuard(rateLimit<Identified>({ limits: own, store: wrap(store), ...more }), clock)
  return {
    ...made,
    store,
    left(limit) {
      const planned = planLimit(limit)
      const answer = store.reserve([{ limit: planned, key: '1:iada' }], { [planned.unit]: 0 }, clock.monotonic(), clock.now())
      return (answer.allowed && answer.limits[0]?.remaining) || 0
    },
  }
}

export function request(more: Partial<ChatRequest> = {}): ChatRequest {
  return { model: 'm', messages: [{ role: 'user', content: 'hello' }], ...more }
}

export const streamed: ChatRequest = request({ stream: true })

/** The parts one by one, as a model would send them. */
export async function* stream(parts: readonly Json[]): AsyncGenerator<Json> {
  yield* parts
}

/** Parts of four characters, a token each. */
export function words(count: number): Json[] {
  return Array.from({ length: count }, () => chunk({ content: 'four' }))
}

/** Reads to the end. How many parts there were. */
export async function read(parts: Promise<AsyncIterable<unknown>>): Promise<number> {
  let count = 0
  for await (const _ of await parts) count++
  return count
}
