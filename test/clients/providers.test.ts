import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { ChatAnthropic } from '@langchain/anthropic'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI } from '@langchain/openai'
import * as ai7 from 'ai'
import * as ai6 from 'ai-6'
import { z } from 'zod'
import * as anthropicSays from './anthropic-fixtures.ts'
import * as openaiSays from './openai-fixtures.ts'
import { type Answer, answered, asked, type Hit, type SceneOptions, scene } from './vendor.ts'

const prompt = `I am ${asked}`
const masked = 'write to [EMAIL]'
const said = `write to ${answered}`
const structured = JSON.stringify({ to: answered })

// Both vendors, by path.
function vendor({ path, json }: Hit): Answer {
  const streamed = json.stream === true
  const wantsTool = json.tools !== undefined && !/"tool_result"|"role":"tool"|function_call_output/.test(JSON.stringify(json))
  const wantsJson = /json_schema|"json_object"/.test(JSON.stringify(json))
  if (path === '/v1/messages') {
    if (streamed) return { events: (wantsTool ? anthropicSays.toolEvents : anthropicSays.events).map(onWire) }
    const { message, text, toolUse } = anthropicSays
    return { json: onWire(wantsTool ? message([toolUse], 'tool_use') : message([text(wantsJson ? structured : said)])) }
  }
  if (path === '/v1/responses') return streamed ? { events: openaiSays.responseEvents } : { json: openaiSays.response() }
  if (streamed) return { events: wantsTool ? openaiSays.toolChunks : openaiSays.chunks, end: '[DONE]' }
  const { completion, toolCall } = openaiSays
  return { json: wantsTool ? completion({ tool_calls: [toolCall] }, 'tool_calls') : completion({ content: wantsJson ? structured : said }) }
}

// The vendor leaves out what it has nothing to say of, whatever the types of its package say; one of these clients minds.
function onWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (name, inner: unknown) => (name === 'citations' && inner === null ? undefined : inner)))
}

const providers = [
  [
    '@ai-sdk/openai chat',
    (origin: string, fetch: typeof globalThis.fetch) => createOpenAI({ apiKey: 'k', baseURL: `${origin}/v1`, fetch }).chat('gpt-5'),
  ],
  [
    '@ai-sdk/openai responses',
    (origin: string, fetch: typeof globalThis.fetch) => createOpenAI({ apiKey: 'k', baseURL: `${origin}/v1`, fetch })('gpt-5'),
  ],
  [
    '@ai-sdk/anthropic',
    (origin: string, fetch: typeof globalThis.fetch) => createAnthropic({ apiKey: 'k', baseURL: `${origin}/v1`, fetch })('claude-sonnet-5'),
  ],
] as const

// Of two versions with the same words, whose types the compiler keeps apart.
for (const [version, sdk] of [
  ['AI SDK 6', ai6 as unknown as typeof ai7],
  ['AI SDK 7', ai7],
] as const)
  for (const [name, make] of providers)
    describe(`${version}, ${name}`, () => {
      async function provider(t: TestContext, options: SceneOptions = {}) {
        const own = await scene(t, vendor, options)
        return { ...own, model: make(own.origin, own.fetch as typeof globalThis.fetch) as ai7.LanguageModel }
      }

      test('works whole, streamed and with tools, and nothing protected passes either way', async (t) => {
        const { model, hits } = await provider(t)
        assert.equal((await sdk.generateText({ model, prompt })).text, masked)
        let text = ''
        for await (const part of sdk.streamText({ model, prompt }).textStream) text += part
        assert.equal(text, masked)
        const given: unknown[] = []
        const send = sdk.tool({
          description: `Sends for ${asked}`,
          inputSchema: z.object({ to: z.string() }),
          execute: async (input: unknown) => `${given.push(input)} sent to ${asked}`,
        })
        await sdk.generateText({ model, prompt, tools: { send_mail: send }, stopWhen: sdk.stepCountIs(2) })
        for await (const _ of sdk.streamText({ model, prompt, tools: { send_mail: send }, stopWhen: sdk.stepCountIs(2) }).fullStream);
        assert.ok(given.length >= 2, String(given.length))
        for (const input of given) assert.deepEqual(input, { to: '[EMAIL]' })
        for (const { body } of hits) assert.ok(!body.includes(asked) && !body.includes(answered), body)
      })

      test('a refusal is an APICallError after one attempt', async (t) => {
        const denied = await provider(t, { deny: true })
        await assert.rejects(sdk.generateText({ model: denied.model, prompt }), (error) => {
          assert.ok(sdk.APICallError.isInstance(error), String(error))
          assert.equal(error.statusCode, 403)
          return true
        })
        const errors: unknown[] = []
        for await (const _ of sdk.streamText({ model: denied.model, prompt, onError: ({ error }) => void errors.push(error) }).fullStream);
        assert.ok(sdk.APICallError.isInstance(errors[0]), String(errors[0]))
        assert.deepEqual([denied.attempts(), denied.hits.length], [2, 0])
      })
    })

const send = tool(() => 'sent', { name: 'send_mail', description: `Sends for ${asked}`, schema: z.object({ to: z.string() }) })

for (const [name, make] of [
  [
    'ChatOpenAI',
    (origin: string, fetch: typeof globalThis.fetch) =>
      new ChatOpenAI({ model: 'gpt-4o', apiKey: 'k', maxRetries: 0, configuration: { baseURL: `${origin}/v1`, fetch } }),
  ],
  [
    'ChatAnthropic',
    (origin: string, fetch: typeof globalThis.fetch) =>
      new ChatAnthropic({ model: 'claude-sonnet-5', apiKey: 'k', maxRetries: 0, anthropicApiUrl: origin, clientOptions: { fetch } }),
  ],
] as const)
  describe(`LangChain, ${name}`, () => {
    async function model(t: TestContext, options: SceneOptions = {}) {
      const own = await scene(t, vendor, options)
      return { ...own, model: make(own.origin, own.fetch as typeof globalThis.fetch) }
    }

    test('works whole, streamed and with tools, and nothing protected passes either way', async (t) => {
      const { model: chat, hits } = await model(t)
      assert.equal((await chat.invoke(prompt)).text, masked)
      let text = ''
      for await (const chunk of await chat.stream(prompt)) text += chunk.text
      assert.equal(text, masked)
      const answer = await chat.bindTools([send]).invoke(prompt)
      assert.deepEqual(
        answer.tool_calls?.map(({ args }) => args),
        [{ to: '[EMAIL]' }],
      )
      for (const { body } of hits) assert.ok(!body.includes(asked) && !body.includes(answered), body)
    })

    test('a refusal is an error of its client, after one attempt', async (t) => {
      for (const [options, status] of [
        [{ deny: true }, 403],
        [{ requests: 1 }, 429],
      ] as const) {
        const { model: chat, hits, attempts } = await model(t, options)
        if (status === 429) await chat.invoke(prompt)
        const before = attempts()
        await assert.rejects(chat.invoke(prompt), (error) => error instanceof Error && 'status' in error && error.status === status)
        assert.equal(attempts(), before + 1)
        assert.equal(hits.length, before)
      }
    })
  })
