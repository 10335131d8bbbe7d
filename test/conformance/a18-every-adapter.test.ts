import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BaseChatModel } from '@langchain/core/language_models/chat_models'
import { AIMessage, AIMessageChunk, type BaseMessage, HumanMessage } from '@langchain/core/messages'
import { ChatGenerationChunk, type ChatResult } from '@langchain/core/outputs'
import { guardModel } from '../../src/adapters/ai-sdk/guard-model.ts'
import { guardChatModel } from '../../src/adapters/langchain/guard-chat-model.ts'
import { allowAll } from '../../src/testing/index.ts'
import { secrets } from './secrets.ts'
import { type Report, runLeakSuite, type StreamDriver } from './streams/leak-suite.ts'
import { chatModel, languageModel } from './streams/protocols.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const { EMAIL = '' } = secrets
const base = wholeGuard({ policy: { evaluator: allowAll() } })
const credentials = await analyst()

/** What a reader gets of a language model of the AI SDK. */
const aiSdk: StreamDriver = {
  name: 'guardModel',
  async *parts({ request }, parts, pulled = () => {}) {
    const { wrapStream } = guardModel(base, { credentials: () => credentials })
    const inner = { modelId: 'gpt-5', doStream: async () => ({ stream: streamOf(parts, pulled) }) }
    const { stream } = await wrapStream<{ stream: ReadableStream<unknown> }>({
      params: request as object,
      model: inner,
      doStream: inner.doStream,
    })
    yield* stream
  },
}

class Scripted extends BaseChatModel {
  readonly #parts: readonly unknown[]
  readonly #pulled: (count: number) => void

  constructor(parts: readonly unknown[], pulled: (count: number) => void) {
    super({})
    this.#parts = parts
    this.#pulled = pulled
  }

  _llmType(): string {
    return 'scripted'
  }

  async _generate(): Promise<ChatResult> {
    return { generations: [{ text: '', message: new AIMessage('') }] }
  }

  override async *_streamResponseChunks(): AsyncGenerator<ChatGenerationChunk> {
    let count = 0
    for (const part of this.#parts) {
      this.#pulled(++count)
      yield new ChatGenerationChunk({ text: '', message: new AIMessageChunk(part as never) })
    }
  }
}

/** What a reader gets of a chat model of LangChain, and what callbacks are told: it must be the same. */
const langchain: StreamDriver = {
  name: 'guardChatModel',
  async *parts(_protocol, parts, pulled = () => {}) {
    const model = guardChatModel(base, new Scripted(parts, pulled), { credentials: () => credentials })
    const told: unknown[] = []
    const callbacks = [
      {
        handleLLMNewToken: (_token: string, _index: unknown, _run: string, _parent: unknown, _tags: unknown, fields: unknown) =>
          void told.push(fields),
      },
    ]
    let count = 0
    const asked: BaseMessage[] = [new HumanMessage('hi')]
    for await (const message of await model.stream(asked, { callbacks })) {
      yield plain(message)
      const fields = told[count++]
      assert.ok(typeof fields === 'object' && fields !== null && 'chunk' in fields && fields.chunk instanceof ChatGenerationChunk, 'a chunk')
      assert.deepEqual(plain(fields.chunk.message), plain(message))
    }
    assert.equal(told.length, count)
  },
}

function plain(message: BaseMessage): object {
  const { id, content, additional_kwargs, tool_call_chunks, tool_calls, invalid_tool_calls } = message as AIMessageChunk
  return { type: 'ai', id, content, additional_kwargs, tool_call_chunks, tool_calls, invalid_tool_calls }
}

function streamOf(parts: readonly unknown[], pulled: (count: number) => void): ReadableStream<unknown> {
  let count = 0
  return new ReadableStream<unknown>(
    {
      pull(controller) {
        if (count === parts.length) return controller.close()
        controller.enqueue(parts[count++])
        pulled(count)
      },
    },
    { highWaterMark: 0 },
  )
}

function print({ driver, streams, leakedBytes, heldBack }: Report): void {
  console.log(`${driver}: ${streams} streams, leaked bytes: ${leakedBytes}, hold-back: ${heldBack} characters`)
}

describe('A18: the leak suite, through the adapters', () => {
  for (const [driver, protocol] of [
    [aiSdk, languageModel],
    [langchain, chatModel],
  ] as const)
    test(`${driver.name}: no byte of a secret leaves, in any position, however it is cut`, async () => {
      const report = await runLeakSuite(driver, [protocol], [EMAIL])
      print(report)
      assert.deepEqual(report.leaks, [])
      assert.equal(report.leakedBytes, 0)
      assert.deepEqual(report.differences, [])
    })
})
