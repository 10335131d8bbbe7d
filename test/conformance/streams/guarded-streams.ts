import { z } from 'zod'
import {
  aiSdkModel,
  anonymous,
  anthropicMessages,
  authorize,
  type Codec,
  detectors,
  geminiContent,
  guard,
  guardFetch,
  json,
  langchainMessages,
  maskData,
  openaiChat,
  openaiResponses,
  plainText,
  unaudited,
  verifyIdentity,
} from '../../../src/index.ts'
import { allowAll } from '../../../src/testing/index.ts'
import type { StreamDriver } from './leak-suite.ts'
import { chatCompletions, chatModel, gemini, languageModel, messages, ownJson, responses, texts } from './protocols.ts'
import type { Protocol } from './protocol.ts'

const codecs = new Map<Protocol, unknown>([
  [chatCompletions, openaiChat],
  [messages, anthropicMessages],
  [responses, openaiResponses],
  [gemini, geminiContent],
  [languageModel, aiSdkModel],
  [chatModel, langchainMessages],
  [texts, plainText],
  [ownJson, json(z.object({ question: z.string() }), { running: ['/delta', '/thought'] })],
])

/** A guard that masks whatever it finds, as the suite's subject. `codec` is the protocol's own, or the one that decides by shape. */
export function guardedStreams(choice: 'own' | 'auto'): StreamDriver {
  const base = guard({ name: 'streams', onError: () => {} })
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [anonymous()] }))
    .use(authorize({ evaluator: allowAll() }))
    .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both' }))
  let sent: readonly Uint8Array[] = []
  const guarded = guardFetch(base, {
    fetch: async () => {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (const piece of sent) controller.enqueue(piece)
          controller.close()
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
  })
  return {
    name: `sallyport, codec ${choice}`,
    async *parts(protocol, parts, pulled) {
      const codec = choice === 'own' ? (codecs.get(protocol) as Codec<unknown>) : 'auto'
      const run = base.protect(
        async function* (_input: unknown): AsyncGenerator<unknown> {
          for (const [index, part] of parts.entries()) {
            pulled?.(index + 1)
            yield part
          }
        },
        { action: 'chat', resource: { type: 'model', id: 'm' }, codec },
      )
      yield* await run(protocol.request)
    },
    async bytes(protocol, pieces) {
      sent = pieces
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(protocol.request) }
      return (await guarded(protocol.url ?? '', init)).text()
    },
  }
}
