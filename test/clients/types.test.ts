import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import { ChatAnthropic } from '@langchain/anthropic'
import type { BaseChatModel } from '@langchain/core/language_models/chat_models'
import { ChatOpenAI } from '@langchain/openai'
import { Mistral } from '@mistralai/mistralai'
import { HTTPClient } from '@mistralai/mistralai/lib/http.js'
import { wrapLanguageModel } from 'ai'
import { wrapLanguageModel as wrapLanguageModel5 } from 'ai-5'
import { MockLanguageModelV2 } from 'ai-5/test'
import { wrapLanguageModel as wrapLanguageModel6 } from 'ai-6'
import { MockLanguageModelV4 } from 'ai/test'
import OpenAI from 'openai'
import OpenAI7 from 'openai-7'
import { guardModel } from '../../src/adapters/ai-sdk/guard-model.ts'
import { guardChatModel } from '../../src/adapters/langchain/guard-chat-model.ts'
import { guardFetch } from '../../src/index.ts'
import { mockGuard } from '../../src/testing/index.ts'

const base = mockGuard()
const apiKey = 'k'

test('every client takes the guarded fetch without a cast', () => {
  const fetch = guardFetch(base)
  const clients = [
    new OpenAI({ apiKey, fetch }),
    new OpenAI7({ apiKey, fetch }),
    new Anthropic({ apiKey, fetch }),
    new GoogleGenAI({ apiKey, httpOptions: { fetch } }),
    new Mistral({ apiKey, httpClient: new HTTPClient({ fetcher: fetch }) }),
    createOpenAI({ apiKey, fetch }),
    createAnthropic({ apiKey, fetch }),
    new ChatOpenAI({ apiKey, model: 'm', configuration: { fetch } }),
    new ChatAnthropic({ apiKey, model: 'm', clientOptions: { fetch } }),
  ]
  assert.equal(clients.length, 9)
})

test('one middleware suits three versions of the AI SDK without a cast', () => {
  const middleware = guardModel(base)
  const openai = createOpenAI({ apiKey })
  const wrapped = [
    wrapLanguageModel5({ model: new MockLanguageModelV2(), middleware }),
    wrapLanguageModel6({ model: openai('m'), middleware }),
    wrapLanguageModel6({ model: openai('m'), middleware: [middleware] }),
    wrapLanguageModel({ model: openai('m'), middleware }),
    wrapLanguageModel({ model: new MockLanguageModelV4(), middleware: [middleware] }),
  ]
  assert.equal(wrapped.length, 5)
})

test('a guarded chat model has the type of the model that it stands on', () => {
  const openai: ChatOpenAI = guardChatModel(base, new ChatOpenAI({ apiKey, model: 'm' }))
  const anthropic: ChatAnthropic = guardChatModel(base, new ChatAnthropic({ apiKey, model: 'm' }))
  const any: BaseChatModel = guardChatModel(base, anyModel())
  assert.ok(openai instanceof ChatOpenAI && anthropic instanceof ChatAnthropic && any instanceof ChatOpenAI, 'of their classes')
  assert.throws(() => guardChatModel(base, openai), TypeError)
  // @ts-expect-error no chat model
  assert.throws(() => guardChatModel(base, {}), TypeError)
  // @ts-expect-error an unknown option
  assert.throws(() => guardModel(base, { credential: () => undefined }), TypeError)
})

function anyModel(): BaseChatModel {
  return new ChatOpenAI({ apiKey, model: 'm' })
}
