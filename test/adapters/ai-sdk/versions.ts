import * as ai7 from 'ai'
import * as ai5 from 'ai-5'
import { MockLanguageModelV2 } from 'ai-5/test'
import * as ai6 from 'ai-6'
import { MockLanguageModelV3 } from 'ai-6/test'
import { MockLanguageModelV4 } from 'ai/test'
import type { GuardedModel } from '../../../src/adapters/ai-sdk/guard-model.ts'

/** What a model of a test does: an answer, the parts of one, or an error. */
export interface Script {
  readonly content?: readonly object[]
  readonly parts?: readonly object[]
  readonly stream?: () => ReadableStream<unknown>
  readonly fail?: (count: number) => unknown
}

/** A version of the AI SDK around a model that follows a script. */
export interface Version {
  readonly name: string
  readonly sdk: typeof ai7
  /** The model behind a middleware, and what reached it. */
  wrap(middleware: GuardedModel, script: Script): { readonly model: ai7.LanguageModel; readonly calls: readonly Call[] }
}

/** What a model was called with. */
export interface Call {
  readonly prompt: unknown
  readonly providerOptions?: unknown
  readonly headers?: unknown
  readonly abortSignal?: AbortSignal
}

// The third and fourth version of the specification count alike.
const counts = {
  finishReason: { unified: 'stop' as const, raw: 'stop' },
  usage: { inputTokens: { total: 3, noCache: 3, cacheRead: 0, cacheWrite: 0 }, outputTokens: { total: 4, text: 4, reasoning: 0 } },
}
const plain = { finishReason: 'stop' as const, usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 } }

function scripted({ content = [], parts = [], stream, fail }: Script, end: object) {
  const calls: Call[] = []
  const begin = (call: object): void => {
    calls.push(call as Call)
    const error = fail?.(calls.length)
    if (error !== undefined) throw error
  }
  return {
    calls,
    doGenerate: async (call: object) => {
      begin(call)
      return { content, warnings: [], response: { id: 'r1', timestamp: new Date(0), modelId: 'm', headers: { a: 'b' }, body: {} }, ...end }
    },
    doStream: async (call: object) => {
      begin(call)
      return { stream: stream?.() ?? streamOf([...parts, { type: 'finish', ...end }]), request: { body: 'prompt' } }
    },
  }
}

function streamOf(parts: readonly object[]): ReadableStream<unknown> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(part)
      controller.close()
    },
  })
}

// One body for three versions, whose types differ in what does not matter here; `types.test.ts` shows that users need no cast.
export const versions: readonly Version[] = [
  {
    name: 'AI SDK 5',
    sdk: ai5 as unknown as typeof ai7,
    wrap(middleware, script) {
      const { calls, ...model } = scripted(script, plain)
      return { model: ai5.wrapLanguageModel({ model: new MockLanguageModelV2({ modelId: 'm', ...model } as never), middleware }) as never, calls }
    },
  },
  {
    name: 'AI SDK 6',
    sdk: ai6 as unknown as typeof ai7,
    wrap(middleware, script) {
      const { calls, ...model } = scripted(script, counts)
      return { model: ai6.wrapLanguageModel({ model: new MockLanguageModelV3({ modelId: 'm', ...model } as never), middleware }) as never, calls }
    },
  },
  {
    name: 'AI SDK 7',
    sdk: ai7,
    wrap(middleware, script) {
      const { calls, ...model } = scripted(script, counts)
      return { model: ai7.wrapLanguageModel({ model: new MockLanguageModelV4({ modelId: 'm', ...model } as never), middleware }), calls }
    },
  },
]
