// The leak suite of `test/conformance/streams`, against this package and its peers.
import { BaseChatModel } from '@langchain/core/language_models/chat_models'
import { AIMessage, AIMessageChunk, HumanMessage } from '@langchain/core/messages'
import { ChatGenerationChunk, type ChatResult } from '@langchain/core/outputs'
import { GuardrailsOpenAI } from '@openai/guardrails'
import { createAgent, piiMiddleware } from 'langchain'
import { bytesOf, type Protocol } from '../../conformance/streams/protocol.ts'
import { type Report, runLeakSuite, type StreamDriver } from '../../conformance/streams/leak-suite.ts'
import { chatCompletions, chatModel } from '../../conformance/streams/protocols.ts'
import { tell } from '../report/figure.ts'
import { controls, vendor } from './answers.ts'

const email = 'ada.lovelace@example.org'

class Scripted extends BaseChatModel {
  readonly parts: readonly unknown[]

  constructor(parts: readonly unknown[]) {
    super({})
    this.parts = parts
  }

  _llmType(): string {
    return 'scripted'
  }

  override bindTools(): this {
    return this
  }

  async _generate(): Promise<ChatResult> {
    return { generations: [{ text: '', message: new AIMessage('') }] }
  }

  override async *_streamResponseChunks(
    _messages: unknown,
    _options: unknown,
    runManager?: { handleLLMNewToken(...list: unknown[]): Promise<void> },
  ) {
    for (const part of this.parts) {
      const chunk = new ChatGenerationChunk({ text: '', message: new AIMessageChunk(part as never) })
      await runManager?.handleLLMNewToken('', undefined, undefined, undefined, undefined, { chunk })
      yield chunk
    }
  }
}

/** LangChain's own middleware, as its page says, read as applications read agents. */
const langchain: StreamDriver = {
  name: "langchain piiMiddleware('email', redact)",
  async *parts(_protocol, parts) {
    const middleware = [piiMiddleware('email', { strategy: 'redact', applyToInput: true, applyToOutput: true })]
    const agent = createAgent({ model: new Scripted(parts), tools: [], middleware })
    for await (const [message] of await agent.stream({ messages: [new HumanMessage('hi')] }, { streamMode: 'messages' })) {
      const { content, additional_kwargs, tool_call_chunks } = message as AIMessageChunk
      if (message instanceof AIMessageChunk) yield { type: 'ai', content, additional_kwargs, tool_call_chunks }
    }
  },
}

/** OpenAI's guardrails, with its check for personal data on what comes out. */
const guardrails: StreamDriver = {
  name: "@openai/guardrails, 'Contains PII' on output",
  async *parts(protocol, parts) {
    const body = bytesOf(protocol, parts)
    const config = {
      version: 1,
      output: { version: 1, guardrails: [{ name: 'Contains PII', config: { entities: ['EMAIL_ADDRESS'], block: true, detect_encoded_pii: false } }] },
    }
    const client = await GuardrailsOpenAI.create(config as never, { apiKey: 'k', fetch: vendor(() => [body]) } as never)
    try {
      const request = { model: 'gpt-5', stream: true, messages: [{ role: 'user', content: 'hi' }] }
      for await (const part of (await client.chat.completions.create(request as never)) as unknown as AsyncIterable<object>)
        yield JSON.parse(JSON.stringify(part))
    } catch {
      // Its tripwire: what it let through until then is what counts.
    }
  },
}

/** This package, in front of the same vendor. */
const sallyport: StreamDriver = {
  name: 'sallyport guardFetch',
  async *parts(protocol, parts) {
    const body = bytesOf(protocol, parts)
    const fetch = controls(vendor(() => [body]))
    const request = { ...(protocol.request as object), model: 'small-1' }
    const response = await fetch(protocol.url ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    })
    for (const event of (await response.text()).split('\n\n')) if (event.startsWith('data: {')) yield JSON.parse(event.slice('data: '.length))
  },
}

/** Of a protocol only what the peer looks at: its text. */
function onlyText(protocol: Protocol, text: string): Protocol {
  return { ...protocol, heard: (parts) => protocol.heard(parts), texts: [text], calls: [] }
}

export async function leaks(): Promise<void> {
  console.log('\nleaks: the text of an answer alone, with one address in it, cut unkindly')
  const subjects: [StreamDriver, Protocol][] = [
    [sallyport, onlyText(chatCompletions, 'content')],
    [guardrails, onlyText(chatCompletions, 'content')],
    [langchain, onlyText(chatModel, 'text')],
  ]
  for (const [driver, protocol] of subjects) print(await runLeakSuite(driver, [protocol], [email]))
}

function print({ driver, streams, leakedBytes }: Report): void {
  tell({
    bench: 'streams',
    table: 'leaked of an address that is cut into pieces',
    subject: driver,
    unit: 'bytes',
    values: [leakedBytes],
    peer: driver !== sallyport.name,
  })
  console.log(`${driver.padEnd(48)} leaked bytes: ${String(leakedBytes).padStart(6)} in ${streams} streams`)
}
