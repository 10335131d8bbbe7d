import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { ChatAnthropic } from '@langchain/anthropic'
import type { BaseChatModel } from '@langchain/core/language_models/chat_models'
import { AIMessageChunk, HumanMessage } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { END, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph'
import { ChatOpenAI } from '@langchain/openai'
import { createAgent } from 'langchain'
import { z } from 'zod'
import { guardChatModel } from '../../../src/adapters/langchain/guard-chat-model.ts'
import { isGuardError } from '../../../src/index.ts'
import { events, message, text, toolEvents, toolUse } from '../../clients/anthropic-fixtures.ts'
import { callEveryPath } from '../../clients/every-path.ts'
import { chunks, completion, toolCall, toolChunks } from '../../clients/openai-fixtures.ts'
import { type Answer, answered, asked, type Hit, type Scene, type SceneOptions, scene } from '../../clients/vendor.ts'

const credentials = () => ({ authorization: 'Bearer ada' })
const masked = 'write to [EMAIL]'
const said = `write to ${answered}`
const prompt = `I am ${asked}`
const structured = JSON.stringify({ to: answered })

function openai({ json }: Hit): Answer {
  if (json.stream === true) return { events: json.tools === undefined ? chunks : toolChunks, end: '[DONE]' }
  if (json.response_format !== undefined) return { json: completion({ content: structured }) }
  return { json: json.tools === undefined ? completion({ content: said }) : completion({ tool_calls: [toolCall] }, 'tool_calls') }
}

function anthropic({ json }: Hit): Answer {
  // An agent without tools says so with an empty list.
  const isPlain = !Array.isArray(json.tools) || json.tools.length === 0
  if (json.stream === true) return { events: isPlain ? events : toolEvents }
  return { json: isPlain ? message([text(said)]) : message([{ ...toolUse, name: nameOfTool(json) }], 'tool_use') }
}

function nameOfTool(json: Hit['json']): string {
  const [first] = json.tools as { name: string }[]
  return first?.name ?? ''
}

const models = [
  [
    'ChatOpenAI',
    ChatOpenAI,
    openai,
    { type: 'web_search' },
    (origin: string) => new ChatOpenAI({ model: 'gpt-4o', apiKey: 'k', maxRetries: 1, configuration: { baseURL: `${origin}/v1` } }),
  ],
  [
    'ChatAnthropic',
    ChatAnthropic,
    anthropic,
    { type: 'web_search_20250305', name: 'web_search' },
    (origin: string) => new ChatAnthropic({ model: 'claude-sonnet-5', apiKey: 'k', maxRetries: 1, anthropicApiUrl: origin }),
  ],
] as const

const sends = tool(() => 'sent', { name: 'send_mail', description: `Sends for ${asked}`, schema: z.object({ to: z.string() }) })

for (const [name, Class, vendor, hosted, make] of models)
  describe(name, () => {
    async function guarded(t: TestContext, answer: (hit: Hit, count: number) => Answer = vendor, options: SceneOptions = {}) {
      const own: Scene = await scene(t, answer, options)
      const model = guardChatModel<never, BaseChatModel>(own.base as never, make(own.origin) as unknown as BaseChatModel, { credentials })
      return { ...own, model }
    }

    test('answers whole, streamed and in batches, and nothing protected passes either way', async (t) => {
      const { model, hits, log } = await guarded(t)
      assert.equal((await model.invoke(prompt)).text, masked)
      let said = ''
      const got: AIMessageChunk[] = []
      for await (const chunk of await model.stream([new HumanMessage(prompt)])) {
        said += chunk.text
        if (chunk instanceof AIMessageChunk) got.push(chunk)
      }
      assert.equal(said, masked)
      const last = got.reduce((sum, chunk) => sum.concat(chunk))
      assert.match(JSON.stringify(last.usage_metadata), /"output_tokens":[1-9]/)
      assert.ok(!JSON.stringify(last).includes(answered.slice(0, 6)), 'leaked')
      assert.deepEqual(
        (await model.batch([prompt, prompt])).map((answer) => answer.text),
        [masked, masked],
      )
      for (const { body } of hits) assert.ok(body.includes('I am [EMAIL]') && !body.includes(asked), body)
      assert.equal(log.entries.filter(({ kind }) => kind === 'outcome').length, 4)
    })

    test('is what it was, with tools and structured output', async (t) => {
      const { model, hits } = await guarded(t)
      assert.ok(model instanceof Class, name)
      const withTools = model.bindTools?.([sends])
      assert.ok(withTools !== undefined, 'bindTools')
      const answer = await withTools.invoke(prompt)
      assert.deepEqual(
        answer.tool_calls?.map((call) => [call.name, call.args]),
        [['send_mail', { to: '[EMAIL]' }]],
      )
      let sum: AIMessageChunk | undefined
      for await (const chunk of await withTools.stream(prompt)) sum = sum === undefined ? chunk : sum.concat(chunk)
      assert.deepEqual(
        sum?.tool_calls?.map((call) => call.args),
        [{ to: '[EMAIL]' }],
      )
      const parsed: unknown = await model.withStructuredOutput(z.object({ to: z.string() }), { name: 'send_mail' }).invoke(prompt)
      assert.deepEqual(parsed, { to: '[EMAIL]' })
      for (const { body } of hits) assert.ok(!body.includes(asked), body)
    })

    test('LangGraph shows guarded tokens alone, in streamMode messages', async (t) => {
      const { model } = await guarded(t)
      const graph = new StateGraph(MessagesAnnotation)
        .addNode('model', async (state) => ({ messages: [await model.invoke(state.messages)] }))
        .addEdge(START, 'model')
        .addEdge('model', END)
        .compile()
      const seen: string[] = []
      for await (const [chunk] of await graph.stream({ messages: [new HumanMessage('hello')] }, { streamMode: 'messages' }))
        if (chunk instanceof AIMessageChunk) seen.push(chunk.text)
      assert.equal(seen.join(''), masked)
      assert.ok(seen.length > 1, 'streamed')
      const told: string[] = []
      const callbacks = [{ handleLLMNewToken: (token: string) => void told.push(token) }]
      for await (const _ of await model.stream('hello', { callbacks }));
      assert.equal(told.join(''), masked)
      const all: unknown[] = []
      for await (const event of model.streamEvents('hello', { version: 'v2' })) all.push(event)
      assert.ok(all.length > 3 && !JSON.stringify(all).includes(answered.slice(0, 6)), 'events')
    })

    test('agents of LangChain take it as it is', async (t) => {
      const { model, hits } = await guarded(t)
      const agent = createAgent({ model, tools: [] })
      const { messages } = await agent.invoke({ messages: [new HumanMessage(prompt)] })
      assert.equal(messages.at(-1)?.text, masked)
      for (const { body } of hits) assert.ok(!body.includes(asked), body)
    })

    test('a refusal is a GuardError after one attempt, and nothing leaves', async (t) => {
      const { model, hits } = await guarded(t, vendor, { deny: true })
      await assert.rejects(model.invoke(prompt), isRefusal('denied'))
      await assert.rejects(async () => {
        for await (const _ of await model.stream(prompt));
      }, isRefusal('denied'))
      assert.deepEqual(hits, [])
    })

    test('options, tools and references that no control knows are refused', async (t) => {
      const { model, hits } = await guarded(t)
      for (const options of [{ previous_response_id: 'resp_1' }, { tools: [hosted] }, { store: true }, { sallyport: {} }])
        await assert.rejects(model.invoke(prompt, options as never), isRefusal('sallyport' in options ? 'identity_invalid' : 'payload_unsupported'))
      await assert.rejects(
        model.invoke([new HumanMessage({ content: [{ type: 'unheard_of', x: asked }] as never })]),
        isRefusal('payload_unsupported'),
      )
      assert.deepEqual(hits, [])
    })

    test('passes a call on, and counts its own retries once', async (t) => {
      const flaky = (hit: Hit, count: number): Answer => (count === 1 ? { status: 500, json: { error: { message: 'again' } } } : vendor(hit))
      const { model, base, hits } = await guarded(t, flaky, { requests: 2 })
      const task = base.protect(async (_input: string, call) => (await model.invoke(prompt, { ...model.through(call), metadata: {} })).text, {
        action: 'invoke_agent',
        resource: { type: 'agent', id: 'a' },
      })
      assert.equal(await task('x', { credentials: credentials() }), masked)
      assert.equal(hits.length, 2)
      for (const hit of hits) assert.ok(!JSON.stringify([hit.headers, hit.body]).includes('sallyport'), 'the handle')
      await assert.rejects(model.invoke(prompt), isRefusal('limit_exceeded'))
    })

    test('A19: giving up reaches the vendor', async (t) => {
      const endless = name === 'ChatOpenAI' ? chunks.slice(0, 3) : [...events.slice(0, 8), events[7]]
      const { model, hits, log } = await guarded(t, () => ({ events: endless, endless: true }))
      for await (const _ of await model.stream(prompt)) break
      await hits[0]?.closed
      const controller = new AbortController()
      await assert.rejects(async () => {
        for await (const _ of await model.stream(prompt, { signal: controller.signal })) controller.abort()
      })
      await hits[1]?.closed
      while (log.entries.filter(({ kind }) => kind === 'outcome').length < 2) await new Promise((resolve) => setTimeout(resolve, 1))
    })

    test('A14: no request leaves under a denial, on any path of the model', async (t) => {
      const { model, hits } = await guarded(t, vendor, { deny: true })
      const names = await callEveryPath(model, {
        // What is inside it, and what answers from elsewhere.
        leaveOut: /^(?:caller|client|completions|responses|batchClient|streamingClient|getNumTokens|getNumTokensFromMessages|lc_|createClient)/,
        more: {
          _generate: () => model._generate([new HumanMessage(prompt)], {} as never),
          _streamResponseChunks: () => model._streamResponseChunks([new HumanMessage(prompt)], {} as never),
          _streamChatModelEvents: () => model._streamChatModelEvents([new HumanMessage(prompt)], {} as never),
          withConfig: () => model.withConfig({ stop: ['x'] } as never).invoke(prompt),
          withRetry: () => model.withRetry({ stopAfterAttempt: 1 }).invoke(prompt),
        },
        argumentLists: [[prompt], [[new HumanMessage(prompt)], {}], [[[new HumanMessage(prompt)]], {}], [prompt, { version: 'v2' }]],
      })
      assert.ok(names.has('invoke') && names.has('stream') && names.has('generatePrompt') && names.has('_generate'), [...names].join())
      assert.deepEqual(hits, [])
    })
  })

function isRefusal(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isGuardError(error), String(error))
    assert.equal(error.code, code)
    return true
  }
}
