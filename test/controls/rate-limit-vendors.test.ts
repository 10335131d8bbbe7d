import assert from 'node:assert/strict'
import { test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { guardFetch } from '../../src/adapters/fetch/guard-fetch.ts'
import { guardHandler } from '../../src/adapters/web/guard-handler.ts'
import { audit } from '../../src/controls/audit.ts'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import type { Codec, Usage } from '../../src/guard/codec.ts'
import { guard } from '../../src/guard/guard.ts'
import { planLimit } from '../../src/limits/limit.ts'
import { memoryLimits } from '../../src/limits/memory-limits.ts'
import { aiSdkModel } from '../../src/payload/ai-sdk-model.ts'
import { anthropicMessages } from '../../src/payload/anthropic-messages.ts'
import { geminiContent } from '../../src/payload/gemini-content.ts'
import { langchainMessages } from '../../src/payload/langchain-messages.ts'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import { openaiResponses } from '../../src/payload/openai-responses.ts'
import { recordingLog } from '../../src/testing/recording-log.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { bytesOf, partsIn, type Protocol } from '../conformance/streams/protocol.ts'
import { chatCompletions, chatModel, gemini, languageModel, messages, responses } from '../conformance/streams/protocols.ts'
import { believe, decideBy, type Identified } from './limited-guard.ts'
import { ada, long, perCaller } from './metered-guard.ts'

interface Vendor {
  readonly protocol: Protocol
  readonly codec: unknown
  /** A text that answers have. */
  readonly text: string
  /** Parts of a stream in which the vendor says what was used, after everything else. */
  readonly usage: readonly unknown[]
  /** A whole answer that says the same. */
  readonly whole: object
  readonly reported: Usage
  /** In millionths, by the prices below. */
  readonly cost: number
  /** What of a refusal in mid-stream a reader of the protocol goes by, where it goes over a wire. */
  readonly refusal?: object
}

const all: Usage = { inputTokens: 1_000, outputTokens: 500, cachedInputTokens: 400, reasoningTokens: 300 }
const price = { input: 1_000_000, cachedInput: 100_000, output: 10_000_000, reasoning: 5_000_000 }
const limits = { tokens: { name: 'tokens', tokens: 3_000, window: long }, cost: { name: 'cost', cost: 1_000_000, window: long } } as const

const chatUsage = {
  prompt_tokens: 1_000,
  completion_tokens: 500,
  total_tokens: 1_500,
  prompt_tokens_details: { cached_tokens: 400 },
  completion_tokens_details: { reasoning_tokens: 300 },
}
const response = {
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  model: 'gpt-5',
  output: [],
  usage: {
    input_tokens: 1_000,
    output_tokens: 500,
    total_tokens: 1_500,
    input_tokens_details: { cached_tokens: 400 },
    output_tokens_details: { reasoning_tokens: 300 },
  },
}
const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-5',
  content: [],
  stop_reason: 'end_turn',
  stop_sequence: null,
}
const messageInput = { input_tokens: 500, cache_creation_input_tokens: 100, cache_read_input_tokens: 400 }
const generated = {
  candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, finishReason: 'STOP' }],
  usageMetadata: {
    promptTokenCount: 1_000,
    cachedContentTokenCount: 400,
    candidatesTokenCount: 200,
    thoughtsTokenCount: 300,
    totalTokenCount: 1_500,
  },
}
const modelUsage = {
  inputTokens: { total: 1_000, noCache: 600, cacheRead: 400, cacheWrite: 0 },
  outputTokens: { total: 500, text: 200, reasoning: 300 },
}
const said = {
  type: 'ai',
  content: [],
  usage_metadata: {
    input_tokens: 1_000,
    output_tokens: 500,
    total_tokens: 1_500,
    input_token_details: { cache_read: 400 },
    output_token_details: { reasoning: 300 },
  },
}

const vendors: readonly Vendor[] = [
  {
    protocol: chatCompletions,
    codec: openaiChat,
    text: 'content',
    usage: [{ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'gpt-5', choices: [], usage: chatUsage }],
    whole: { id: 'c', object: 'chat.completion', created: 1, model: 'gpt-5', choices: [], usage: chatUsage },
    reported: all,
    cost: 4_140,
    refusal: { error: { type: 'guard_error', code: 'limit_exceeded' } },
  },
  {
    protocol: responses,
    codec: openaiResponses,
    text: 'text',
    usage: [{ type: 'response.completed', sequence_number: 1, response }],
    whole: response,
    reported: all,
    cost: 4_140,
    refusal: { type: 'error', code: 'limit_exceeded' },
  },
  {
    protocol: messages,
    codec: anthropicMessages,
    text: 'text',
    usage: [
      { type: 'message_start', message: { ...message, stop_reason: null, usage: { ...messageInput, output_tokens: 1 } } },
      { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 500 } },
      { type: 'message_stop' },
    ],
    whole: { ...message, usage: { ...messageInput, output_tokens: 500 } },
    // What it thinks is not told apart.
    reported: { inputTokens: 1_000, outputTokens: 500, cachedInputTokens: 400 },
    cost: 5_640,
    refusal: { type: 'error', error: { type: 'rate_limit_error', details: { error_code: 'limit_exceeded' } } },
  },
  {
    protocol: gemini,
    codec: geminiContent,
    text: 'text',
    usage: [generated],
    whole: generated,
    reported: all,
    cost: 4_140,
    refusal: { error: { code: 429, status: 'RESOURCE_EXHAUSTED' } },
  },
  {
    protocol: languageModel,
    codec: aiSdkModel,
    text: 'text',
    usage: [{ type: 'finish', finishReason: { unified: 'stop', raw: 'stop' }, usage: modelUsage }],
    whole: { content: [], finishReason: { unified: 'stop', raw: 'stop' }, usage: modelUsage, warnings: [] },
    reported: all,
    cost: 4_140,
    refusal: { type: 'error', error: { name: 'GuardError', code: 'limit_exceeded' } },
  },
  {
    protocol: chatModel,
    codec: langchainMessages,
    text: 'text',
    usage: [{ ...said, tool_call_chunks: [] }],
    whole: said,
    reported: all,
    cost: 4_140,
  },
]

function scene() {
  const clock = testClock()
  const store = memoryLimits()
  const log = recordingLog()
  const made = guard({ clock, onError: () => {} })
    .use(audit({ log }))
    .use(believe())
    .use(
      rateLimit<Identified>({
        limits: Object.values(limits).map((limit) => ({ ...limit, per: perCaller })),
        prices: Object.fromEntries(['gpt-5', 'claude-sonnet-5', 'gemini-3-flash', 'm'].map((model) => [model, price])),
        store,
      }),
    )
    .use(decideBy({ denies: false, obligations: [] }))
  const spent = (unit: 'tokens' | 'cost'): number => {
    const limit = planLimit(limits[unit])
    const answer = store.reserve([{ limit, key: '1:iada' }], { [unit]: 0 }, clock.monotonic())
    return limit.quantity - ((answer.allowed && answer.limits[0]?.remaining) || 0)
  }
  const recorded = (): Usage | undefined => log.entries.flatMap((record) => (record.kind === 'outcome' ? [record.usage] : [])).at(-1)
  return { made, spent, recorded, log }
}

const operation = (codec: unknown) => ({ action: 'chat', resource: { type: 'model', id: 'm' }, codec: codec as Codec<unknown> })

async function* streamOf(parts: readonly unknown[]): AsyncGenerator<unknown> {
  yield* parts
}

// An answer of this many pieces that a token each is said of, and that nobody has reported by then.
function endless({ protocol, text }: Vendor): unknown[] {
  return [...protocol.first(), ...protocol.begin(text), ...Array.from({ length: 5_000 }, () => protocol.piece(text, 'four'))]
}

for (const vendor of vendors) {
  const { protocol, codec, text, usage, whole, reported, cost, refusal } = vendor

  test(`${protocol.name}: what is recorded and what is settled is what the vendor says, what was cached and what was thought by prices of their own`, async () => {
    const parts = [...protocol.first(), ...protocol.begin(text), protocol.piece(text, 'four'), ...protocol.end(text, 'four'), ...usage]
    for (const answer of [() => streamOf(parts), () => whole]) {
      const { made, spent, recorded } = scene()
      const asked = await made.protect(answer, operation(codec))(protocol.request, ada)
      if (typeof asked === 'object' && asked !== null && Symbol.asyncIterator in asked) for await (const _ of asked as AsyncIterable<unknown>);
      assert.deepEqual(recorded(), reported)
      assert.deepEqual([spent('tokens'), spent('cost')], [1_500, cost])
    }
  })

  if (refusal === undefined) continue
  test(`${protocol.name}: a stream that may not reserve more ends as the protocol says, typed, and what was delivered is spent`, async () => {
    const { made, spent, log } = scene()
    const handler = guardHandler(made, operation(codec), () => streamOf(endless(vendor)))
    const sent = await handler(
      new Request('https://api.example/', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': 'ada' },
        body: JSON.stringify(protocol.request),
      }),
    )
    assert.equal(sent.status, 200)
    const body = await sent.text()
    assert.ok(protocol.endMarker === undefined || !body.includes(`data: ${protocol.endMarker}`))
    const parts = partsIn(protocol, body)
    assert.ok(matches(parts.at(-1), refusal), JSON.stringify(parts.at(-1)))
    if (protocol.eventType !== undefined) assert.match(body, /event: error\ndata: [^\n]*limit_exceeded[^\n]*\n\n$/)
    assert.ok(spent('tokens') > 2_900 && spent('tokens') <= 3_000, `${spent('tokens')}`)
    assert.deepEqual(
      log.entries.flatMap((record) => (record.kind === 'outcome' ? [[record.code, record.ran]] : [])),
      [['limit_exceeded', true]],
    )
  })
}

function matches(value: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return value === wanted
  return typeof value === 'object' && value !== null && Object.entries(wanted).every(([name, one]) => matches(Reflect.get(value, name), one))
}

// What a client of the vendor's own makes of a stream that is cut.
const clients: Readonly<Record<string, (fetch: typeof globalThis.fetch) => Promise<AsyncIterable<unknown>>>> = {
  [chatCompletions.name]: async (fetch) =>
    new OpenAI({ apiKey: 'k', baseURL: 'https://vendor.example/v1', fetch, maxRetries: 0 }).chat.completions.create({
      model: 'gpt-5',
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    }),
  [responses.name]: async (fetch) =>
    new OpenAI({ apiKey: 'k', baseURL: 'https://vendor.example/v1', fetch, maxRetries: 0 }).responses.create({
      model: 'gpt-5',
      stream: true,
      input: 'hi',
    }),
  [messages.name]: async (fetch) =>
    new Anthropic({ apiKey: 'k', baseURL: 'https://vendor.example', fetch, maxRetries: 0 }).messages.create({
      model: 'claude-sonnet-5',
      max_tokens: 100,
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    }),
}

for (const vendor of vendors) {
  const client = clients[vendor.protocol.name]
  if (client === undefined) continue
  test(`${vendor.protocol.name}: the vendor's own client throws its own error, with the code`, async () => {
    const { made } = scene()
    const bytes = bytesOf(vendor.protocol, endless(vendor))
    const guarded = guardFetch(made, {
      credentials: () => ({ apiKey: 'ada' }),
      fetch: async () => new Response(bytes as BodyInit, { headers: { 'content-type': 'text/event-stream' } }),
    })
    let count = 0
    await assert.rejects(
      async () => {
        for await (const _ of await client(guarded as typeof globalThis.fetch)) count++
      },
      (error: unknown) => {
        assert.ok(error instanceof OpenAI.APIError || error instanceof Anthropic.APIError, String(error))
        assert.match(JSON.stringify([error.message, error, (error as { error?: unknown }).error]), /limit_exceeded/)
        return true
      },
    )
    assert.ok(count > 1_000, `${count}`)
  })
}

test('Gemini: its own client throws its own error, with the status', async () => {
  const vendor = vendors.find(({ protocol }) => protocol === gemini) as Vendor
  const { made } = scene()
  const guarded = guardFetch(made, {
    credentials: () => ({ apiKey: 'ada' }),
    fetch: async () => new Response(bytesOf(gemini, endless(vendor)) as BodyInit, { headers: { 'content-type': 'text/event-stream' } }),
  })
  const before = globalThis.fetch
  globalThis.fetch = guarded as typeof globalThis.fetch
  try {
    const client = new GoogleGenAI({ apiKey: 'k' })
    await assert.rejects(async () => {
      for await (const _ of await client.models.generateContentStream({ model: 'gemini-3-flash', contents: 'hi' }));
    }, /RESOURCE_EXHAUSTED|429/)
  } finally {
    globalThis.fetch = before
  }
})
