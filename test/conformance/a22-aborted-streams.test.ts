import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  authorize,
  type ChatRequest,
  guard,
  type LimitStore,
  memoryLimits,
  openaiChat,
  planLimit,
  rateLimit,
  unaudited,
  verifyIdentity,
} from '../../src/index.ts'
import { allowAll, identityOf, testClock } from '../../src/testing/index.ts'
import { chatRequest, chunk } from './chat-payloads.ts'

const window = 1e12
const places = 100
const million = 1_000_000_000
const stream = chatRequest('go on', { stream: true })

async function* talk(signal: AbortSignal): AsyncGenerator<object> {
  while (!signal.aborted) yield chunk({ delta: { content: 'word' } })
}

/** The same store for everybody, which answers later. */
function slow(store: LimitStore): LimitStore {
  return { reserve: async (...asked) => store.reserve(...asked) }
}

describe('A22: ten thousand streams that are given up', () => {
  for (const isSlow of [false, true])
    test(`leave every place free and nothing reserved, ${isSlow ? 'in a store that takes its time' : 'in memory'}`, async () => {
      const clock = testClock()
      const store = memoryLimits()
      const base = guard({ clock, deadline: 60_000, onError: () => {} })
        .use(unaudited())
        .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
        .use(
          rateLimit({
            limits: [
              { name: 'places', per: (call) => call.identity.subject, concurrent: places },
              { name: 'tokens', per: (call) => call.identity.subject, tokens: million, window },
            ],
            store: isSlow ? slow(store) : store,
            estimate: () => ({ input: 10, output: 500 }),
          }),
        )
        .use(authorize({ evaluator: allowAll() }))
      const run = base.protect((_input: ChatRequest, call) => talk(call.signal), {
        action: 'chat',
        resource: { type: 'model', id: 'gpt-5' },
        codec: openaiChat,
      })
      const credentials = { authorization: 'Bearer ada' }
      const ways: readonly ((controller: AbortController) => Promise<unknown>)[] = [
        // Gives up while it is asked whether there is room.
        async (controller) => {
          const asked = run(stream, { credentials, signal: controller.signal })
          controller.abort()
          await asked.then((parts) => parts.return?.())
        },
        // Never reads.
        async (controller) => {
          await run(stream, { credentials, signal: controller.signal })
          controller.abort()
        },
        // Reads, and leaves.
        async () => {
          const parts = await run(stream, { credentials })
          await parts.next()
          await parts.return?.()
        },
        // Reads, and gives up while it waits.
        async (controller) => {
          const parts = await run(stream, { credentials, signal: controller.signal })
          await parts.next()
          const next = parts.next()
          controller.abort()
          await next
        },
        // Throws.
        async () => {
          for await (const _ of await run(stream, { credentials })) throw new Error('mine')
        },
        // Stays until it takes too long.
        async () => {
          await run(stream, { credentials })
        },
      ]
      for (let round = 0; round < 10_000 / places; round++) {
        await Promise.allSettled(Array.from({ length: places }, (_, index) => ways[(round + index) % ways.length]?.(new AbortController())))
        clock.advance(60_001)
        for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve))
      }
      const limits = [planLimit({ name: 'places', concurrent: places }), planLimit({ name: 'tokens', tokens: million, window })]
      const answer = store.reserve(
        limits.map((limit) => ({ limit, key: 'ada' })),
        { concurrent: 0, tokens: 0 },
        clock.monotonic(),
      )
      assert.ok(answer.allowed)
      const [free, tokens] = answer.limits
      assert.equal(free?.remaining, places)
      // The input of those that ran, and the few words that were delivered. Of those that were given up before it was known what the
      // model answers, what was reserved.
      const spent = million - (tokens?.remaining ?? 0)
      assert.ok(spent <= 10_000 * 12 + (10_000 / ways.length) * 510, `${spent} tokens are spent`)
    })
})
