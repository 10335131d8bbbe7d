import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Codec, Text } from '../../src/guard/codec.ts'
import { aiSdkModel } from '../../src/payload/ai-sdk-model.ts'
import { anthropicMessages } from '../../src/payload/anthropic-messages.ts'
import { autoCodec } from '../../src/payload/auto.ts'
import { geminiContent } from '../../src/payload/gemini-content.ts'
import { makerOf } from '../../src/payload/json-codec.ts'
import { langchainMessages } from '../../src/payload/langchain-messages.ts'
import { mcpTool } from '../../src/payload/mcp-tool.ts'
import { openaiEmbeddings } from '../../src/payload/openai-embeddings.ts'
import { openaiResponses } from '../../src/payload/openai-responses.ts'
import { fullCall, fullResult, modelParts } from './ai-sdk-payloads.ts'
import { fullMessage, fullMessages, messageEvents } from './anthropic-payloads.ts'
import { fullGemini, fullGenerated, generated } from './gemini-payloads.ts'
import { fullResponse, fullResponses, responseEvents } from './responses-payloads.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import { apart, call, chunk, fullCompletion, fullRequest } from './chat-payloads.ts'

const { answer } = autoCodec
const small = { model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] }

async function assemble(parts: readonly unknown[]): Promise<unknown[]> {
  async function* source(): AsyncGenerator<unknown> {
    for (const part of parts) yield answer.snapshot(part, true)
  }
  const assembled: unknown[] = []
  for await (const part of answer.assemble(source())) assembled.push(part)
  return assembled
}

test('reads a string as a plain text', () => {
  const copy = autoCodec.snapshot('hello')
  assert.equal(copy, 'hello')
  assert.equal(autoCodec.texts(copy)[0]?.value, 'hello')
  assert.equal(autoCodec.replace(copy, ['x']), 'x')
  assert.equal(autoCodec.facts(copy).choices, 1)
  assert.equal(autoCodec.cap?.(copy, 5), 'hello')
})

test('reads a chat request as one, also after its texts were replaced', () => {
  const copy = autoCodec.snapshot(fullRequest())
  assert.deepEqual(copy, fullRequest())
  assert.deepEqual(autoCodec.texts(copy), openaiChat.texts(openaiChat.snapshot(fullRequest())))
  const minimal = autoCodec.replace(autoCodec.snapshot(small), ['bye'])
  assert.equal(autoCodec.texts(minimal)[0]?.value, 'bye')
  assert.equal(autoCodec.snapshot(minimal), minimal)
  assert.equal(autoCodec.facts(minimal).model, 'gpt-5')
  assert.deepEqual(autoCodec.cap?.(minimal, 5), { ...small, messages: [{ role: 'user', content: 'bye' }], max_completion_tokens: 5 })
})

test('A15: refuses every other input, and a copy that no codec made', () => {
  for (const other of [7, null, {}, [], { input: 'x' }, { model: 'm', input: 'x' }, { contents: [] }, { ...small, system: 'x' }, new Uint8Array(2)])
    assert.throws(() => autoCodec.snapshot(other), { code: 'payload_unsupported' })
  assert.throws(() => autoCodec.snapshot(undefined), { code: 'payload_invalid' })
  assert.throws(() => autoCodec.texts(small), { code: 'payload_unsupported' })
  assert.throws(() => autoCodec.facts(Object.freeze({ ...small })), { code: 'payload_unsupported' })
})

test('tells the shapes of all codecs apart', () => {
  const requests: readonly (readonly [Pick<Codec<never>, 'name'>, unknown])[] = [
    [anthropicMessages, fullMessages()],
    [anthropicMessages, { ...small, max_tokens: 5, system: 'x' }],
    [openaiResponses, fullResponses()],
    [openaiResponses, { model: 'm', input: 'x', instructions: 'y' }],
    [openaiEmbeddings, { model: 'm', input: ['x', 'y'] }],
    [openaiEmbeddings, { model: 'm', input: 'x', encoding_format: 'float' }],
    [geminiContent, fullGemini()],
    [aiSdkModel, fullCall()],
    [mcpTool, { name: 'f', arguments: {} }],
    [mcpTool, { method: 'tools/call', params: { name: 'f' } }],
    [langchainMessages, [{ type: 'human', content: 'x' }]],
    [langchainMessages, { messages: [{ type: 'human', content: 'x' }] }],
  ]
  for (const [codec, request] of requests) {
    const copy = autoCodec.snapshot(request)
    const own = codec as Codec<never>
    assert.equal(makerOf(copy)?.name, codec.name)
    assert.deepEqual(copy, own.snapshot(request))
    assert.deepEqual(autoCodec.texts(copy), own.texts(copy as never))
    assert.deepEqual(autoCodec.facts(copy), own.facts(copy as never))
    assert.equal(autoCodec.snapshot(copy), copy)
  }
})

test('A15: what two codecs take is refused, unless both read it alike', () => {
  for (const either of [
    { model: 'm', input: 'x' },
    { model: 'm', input: 'x', user: 'y' },
    { messages: small.messages, contents: [], model: 'm' },
    { ...small, input: 'x' },
  ])
    assert.throws(() => autoCodec.snapshot(either), { code: 'payload_unsupported' })
  // A beginning that two vendors share, in which nothing could be read in another way.
  const shared = autoCodec.snapshot({ ...small, max_tokens: 5 })
  assert.equal(makerOf(shared)?.name, 'openai-chat')
  assert.equal(autoCodec.facts(shared).maxOutputTokens, 5)
})

test('tells the answers of all codecs apart, whole and in parts', () => {
  const wholes: readonly (readonly [Pick<Codec<never>, 'answer'>, unknown])[] = [
    [anthropicMessages, fullMessage()],
    [openaiResponses, fullResponse()],
    [geminiContent, fullGenerated()],
    [aiSdkModel, fullResult()],
    [mcpTool, { content: [{ type: 'text', text: 'x' }] }],
    [langchainMessages, { type: 'ai', content: 'x' }],
    [openaiEmbeddings, { object: 'list', data: [{ embedding: [0.5] }], model: 'm' }],
  ]
  for (const [codec, whole] of wholes) {
    const copy = answer.snapshot(whole, false)
    assert.deepEqual(copy, codec.answer.snapshot(whole, false))
    assert.deepEqual(answer.texts(copy), codec.answer.texts(copy))
  }
  const streams: readonly (readonly [Pick<Codec<never>, 'answer'>, readonly unknown[]])[] = [
    [anthropicMessages, messageEvents({ thinking: ['a'], text: ['b'], calls: [['{}']] })],
    [openaiResponses, responseEvents({ summary: ['a'], text: ['b'], refusal: ['c'], args: ['{}'], input: ['d'] })],
    [geminiContent, [generated([{ text: 'a' }], { finishReason: 'STOP' })]],
    [aiSdkModel, modelParts({ reasoning: ['a'], text: ['b'], input: ['{}'] })],
    [langchainMessages, [{ type: 'ai', content: 'x', tool_call_chunks: [] }]],
  ]
  for (const [codec, parts] of streams)
    for (const part of parts) {
      const copy = answer.snapshot(part, true)
      assert.deepEqual(copy, codec.answer.snapshot(part, true))
      // Errors look alike, whoever made them.
      const places = (texts: readonly Text[]): unknown => texts.map(({ value, path, channel }) => [value, path, channel])
      assert.deepEqual(places(answer.texts(copy)), places(codec.answer.texts(copy)))
      assert.deepEqual(answer.ends(copy), codec.answer.ends(copy))
    }
})

test('an input is read once', () => {
  let reads = 0
  const input = {
    model: 'gpt-5',
    get messages() {
      reads++
      return small.messages
    },
  }
  autoCodec.snapshot(input)
  assert.equal(reads, 1)
})

test('reads answers of either kind, whole and in parts', async () => {
  assert.equal(answer.snapshot('text', false), 'text')
  assert.deepEqual(answer.snapshot(fullCompletion(), false), fullCompletion())
  const part = answer.snapshot(chunk({ content: 'a' }, 'stop'), true)
  assert.deepEqual(
    apart(answer.texts(part)).others.map(({ value }) => value),
    ['a'],
  )
  assert.ok(answer.ends(part).includes('choices/0/content'))
  assert.deepEqual(
    apart(answer.texts(answer.carry(part, 'choices/0/content', 'b'))).others.map(({ value }) => value),
    ['b'],
  )
  assert.equal(answer.carry('a', 'text', 'b'), 'b')
  assert.deepEqual(answer.usage(fullCompletion()), { inputTokens: 10, outputTokens: 20, reasoningTokens: 4 })
  assert.deepEqual(await assemble(['a\ud83d', '\ude00b']), ['a', '\u{1f600}b'])
  assert.equal((await assemble([chunk(call(0, '{"a"')), chunk(call(0, ':1}')), chunk({}, 'tool_calls')])).length, 2)
  assert.deepEqual(await assemble([]), [])
})

test('A15: refuses every other answer', () => {
  for (const other of [7, null, {}, [], { text: 'x' }, { object: 'response' }, new Uint8Array(2)]) {
    assert.throws(() => answer.snapshot(other, false), { code: 'payload_unsupported' })
    assert.throws(() => answer.snapshot(other, true), { code: 'payload_unsupported' })
  }
})

test('what a stream throws is passed on, and a reader that leaves closes it', async () => {
  const failure = new Error('reset')
  let closed = 0
  async function* source(fails: boolean): AsyncGenerator<unknown> {
    try {
      if (fails) throw failure
      yield 'a'
      yield 'b'
    } finally {
      closed++
    }
  }
  await assert.rejects(async () => {
    for await (const _ of answer.assemble(source(true)));
  }, failure)
  for await (const _ of answer.assemble(source(false))) break
  assert.equal(closed, 2)
})

test('has no wire form: bytes do not tell what they are', () => {
  assert.equal(autoCodec.wire, undefined)
})
