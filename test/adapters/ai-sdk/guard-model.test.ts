import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { APICallError } from 'ai'
import { z } from 'zod'
import { guardModel } from '../../../src/adapters/ai-sdk/guard-model.ts'
import { isGuardError } from '../../../src/index.ts'
import { recordingLog } from '../../../src/testing/index.ts'
import { answered, asked, clientGuard, type SceneOptions } from '../../clients/vendor.ts'
import { type Script, versions } from './versions.ts'

const masked = 'write to [EMAIL]'
const said = `write to ${answered}`
const prompt = `I am ${asked}`
const credentials = () => ({ authorization: 'Bearer ada' })
const pieces = ['write to ', answered.slice(0, 5), answered.slice(5)]
const streamed = [
  { type: 'stream-start', warnings: [] },
  { type: 'text-start', id: '1' },
  ...pieces.map((delta) => ({ type: 'text-delta', id: '1', delta })),
  { type: 'text-end', id: '1' },
]

for (const { name, sdk, wrap } of versions)
  describe(name, () => {
    function scene(script: Script, options: SceneOptions = {}) {
      const log = recordingLog()
      const base = clientGuard(log, options)
      const guarded = guardModel(base, { credentials })
      return { ...wrap(guarded, script), log, base, guarded }
    }

    test('answers whole and streamed, and nothing protected passes either way', async () => {
      const { model, calls, log } = scene({ content: [{ type: 'text', text: said }], parts: streamed })
      const { text, usage } = await sdk.generateText({ model, prompt })
      assert.equal(text, masked)
      assert.equal(usage.totalTokens, 7)
      const parts: string[] = []
      for await (const part of sdk.streamText({ model, prompt }).textStream) parts.push(part)
      assert.equal(parts.join(''), masked)
      for (const call of calls) {
        assert.ok(!JSON.stringify(call.prompt).includes(asked), 'the prompt')
        assert.match(JSON.stringify(call.prompt), /I am \[EMAIL\]/)
      }
      assert.deepEqual(
        log.entries.filter(({ kind }) => kind === 'outcome').map((entry) => ('ending' in entry ? entry.ending : '')),
        ['completed', 'completed'],
      )
    })

    test('calls tools with masked arguments, and shows the model their masked results', async () => {
      const call = { type: 'tool-call', toolCallId: 'c1', toolName: 'send', input: JSON.stringify({ to: answered }) }
      const { model, calls } = scene({ content: [call], parts: [{ type: 'stream-start', warnings: [] }, call] })
      const given: unknown[] = []
      const tools = {
        send: sdk.tool({
          description: 'Sends',
          inputSchema: z.object({ to: z.string() }),
          execute: async (input: unknown) => `${given.push(input)} sent to ${asked}`,
        }),
      }
      await sdk.generateText({ model, prompt, tools, stopWhen: sdk.stepCountIs(2) })
      for await (const _ of sdk.streamText({ model, prompt, tools, stopWhen: sdk.stepCountIs(2) }).fullStream);
      assert.equal(calls.length, 4)
      assert.ok(given.length >= 2, String(given.length))
      for (const input of given) assert.deepEqual(input, { to: '[EMAIL]' })
      for (const { prompt: seen } of calls) assert.ok(!JSON.stringify(seen).includes(asked), 'the prompt')
    })

    test('gives structured output, masked inside its JSON', async () => {
      const { model } = scene({ content: [{ type: 'text', text: JSON.stringify({ to: answered }) }] })
      const { object } = await sdk.generateObject({ model, prompt, schema: z.object({ to: z.string() }) })
      assert.deepEqual(object, { to: '[EMAIL]' })
    })

    test('a refusal is a GuardError after one attempt, and the model is not called', async () => {
      const { model, calls, log } = scene({ content: [], parts: streamed }, { deny: true })
      await assert.rejects(sdk.generateText({ model, prompt }), isRefusal('denied'))
      const errors: unknown[] = []
      const { fullStream } = sdk.streamText({ model, prompt, onError: ({ error }) => void errors.push(error) })
      const kinds: string[] = []
      for await (const part of fullStream) kinds.push(part.type)
      assert.ok(kinds.includes('error'), kinds.join())
      assert.ok(errors.length === 1 && isRefusal('denied')(errors[0]), 'the error')
      assert.equal(calls.length, 0)
      assert.equal(log.entries.filter(({ kind }) => kind === 'outcome').length, 2)
    })

    test('a refusal in mid-stream is an error part, after which the stream ends', async () => {
      const unreadable = { type: 'file', mediaType: 'image/png', data: 'aGk=' }
      const { model } = scene({ parts: [...streamed.slice(0, 3), unreadable, ...streamed.slice(3)] })
      const errors: unknown[] = []
      let text = ''
      for await (const part of sdk.streamText({ model, prompt, onError: ({ error }) => void errors.push(error) }).textStream) text += part
      assert.ok('write to '.startsWith(text), text)
      assert.ok(isRefusal('payload_unsupported')(errors[0]), String(errors[0]))
    })

    test('what the model throws arrives unchanged, and its retries count once where they act for one call', async () => {
      const error = new APICallError({
        message: 'busy',
        url: 'https://vendor.example',
        requestBodyValues: {},
        statusCode: 500,
        responseHeaders: { 'retry-after-ms': '1' },
      })
      const script: Script = { content: [{ type: 'text', text: said }], fail: (count) => (count % 2 === 1 ? error : undefined) }
      const { model, base, guarded, calls } = scene(script, { requests: 3 })
      const task = base.protect(
        async (_input: string, call) => (await sdk.generateText({ model, prompt, maxRetries: 1, providerOptions: guarded.through(call) })).text,
        { action: 'invoke_agent', resource: { type: 'agent', id: 'a' } },
      )
      assert.equal(await task('x', { credentials: credentials() }), masked)
      assert.equal(calls.length, 2)
      for (const call of calls) assert.ok(!JSON.stringify(call).includes('sallyport'), 'the handle')
      // The third request of three. That it was made before says nothing.
      await assert.rejects(sdk.generateText({ model, prompt, maxRetries: 0 }), (thrown) => thrown === error)
      await assert.rejects(sdk.generateText({ model, prompt, maxRetries: 0 }), isRefusal('limit_exceeded'))
      assert.equal(calls.length, 3)
    })

    test('a handle of no call, or of one that has ended, is refused', async () => {
      const { model, base, guarded, calls } = scene({ content: [{ type: 'text', text: said }] })
      const task = base.protect((_input: string, call) => guarded.through(call).sallyport.call, {
        action: 'invoke_agent',
        resource: { type: 'agent', id: 'a' },
      })
      const ended = { sallyport: { call: await task('x', { credentials: credentials() }) } }
      for (const providerOptions of [ended, { sallyport: { call: 'f'.repeat(32) } }, { sallyport: {} }])
        await assert.rejects(sdk.generateText({ model, prompt, providerOptions }), isRefusal('identity_invalid'))
      assert.equal(calls.length, 0)
    })

    test('A19: giving up reaches the model, and ends the call once', async () => {
      let cancelled = 0
      const endless = () =>
        new ReadableStream<unknown>(
          {
            pull(controller) {
              controller.enqueue(cancelled === 0 ? streamed[Math.min(2, count++)] : undefined)
            },
            cancel: () => void cancelled++,
          },
          { highWaterMark: 0 },
        )
      let count = 0
      const { model, log, calls } = scene({ stream: endless })
      const controller = new AbortController()
      const { fullStream } = sdk.streamText({ model, prompt, abortSignal: controller.signal, onError: () => {} })
      let parts = 0
      for await (const _ of fullStream) if (++parts === 5) controller.abort()
      while (cancelled === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      assert.equal(calls[0]?.abortSignal?.aborted, true)
      while (log.entries.filter(({ kind }) => kind === 'outcome').length < 1) await new Promise((resolve) => setTimeout(resolve, 1))
      assert.equal(cancelled, 1)
    })
  })

function isRefusal(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isGuardError(error), String(error))
    assert.equal(error.code, code)
    return true
  }
}
