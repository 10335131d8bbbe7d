import {
  authorize,
  type Clock,
  guard,
  type ChatRequest,
  memoryLimits,
  openaiChat,
  rateLimit,
  unaudited,
  verifyIdentity,
} from '../../../dist/index.js'
import { allowAll, identityOf } from '../../../dist/testing/index.js'
import type { Contender } from './contenders.ts'

/** The whole guard: a stream for each call, as a model's client would see it. */
export interface GuardedTraffic extends Omit<Contender, 'begin'> {
  begin(expected: number, most: number, now: number): Promise<GuardedStream | undefined>
}

/** A stream that is being read. */
export interface GuardedStream {
  /** Reads a part of that many tokens; false where the stream was cut. */
  grow(tokens: number, now: number): Promise<boolean>
  /** Reads the end, where the vendor reports what it took. */
  settle(actual: number, now: number): Promise<void>
}

const head = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }

export function guardedTraffic(tokens: number, window: number, input: number, onOverrun: 'cut' | 'debt'): GuardedTraffic {
  let time = 0
  const clock: Clock = { now: () => time, monotonic: () => time, after: () => () => {} }
  const base = guard({ clock, onError: () => {} })
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
    .use(rateLimit({ limits: { name: 'tokens', per: (call) => call.identity.key, tokens, window }, store: memoryLimits(), onOverrun }))
    .use(authorize({ evaluator: allowAll() }))
  // What the model says next is decided by who reads.
  const asked = { tokens: 0, isLast: false }
  const chat = base.protect(
    async function* (_request: ChatRequest) {
      let output = 0
      for (;;) {
        const { tokens: more, isLast } = asked
        output += more
        if (isLast) {
          yield { ...head, choices: [], usage: { prompt_tokens: input, completion_tokens: output } }
          return
        }
        yield { ...head, choices: [{ index: 0, delta: { content: 'four'.repeat(more) }, finish_reason: null }] }
      }
    },
    { action: 'chat', resource: { type: 'model', id: 'm' }, codec: openaiChat },
  )
  const content = 'four'.repeat(input)
  return {
    name: `sallyport, guarded, ${onOverrun}`,
    async begin(_expected, most, now) {
      time = now
      const request: ChatRequest = { model: 'm', messages: [{ role: 'user', content }], stream: true, max_completion_tokens: most - input }
      try {
        const parts = await chat(request, { credentials: { authorization: 'Bearer ada' } })
        const read = async (more: number, isLast: boolean, at: number): Promise<boolean> => {
          time = at
          asked.tokens = more
          asked.isLast = isLast
          try {
            return (await parts.next()).done !== true
          } catch {
            return false
          }
        }
        return {
          grow: (more, at) => read(more, false, at),
          async settle(_actual, at) {
            if (await read(0, true, at)) await parts.next()
          },
        }
      } catch {
        return undefined
      }
    },
  }
}
