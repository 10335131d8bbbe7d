import type { ChatRequest } from '../../src/index.ts'

/** A request for a chat completion, or what somebody made of one. */
export function chatRequest(content: string, more: Readonly<Record<string, unknown>> = {}): ChatRequest {
  return { model: 'gpt-5', messages: [{ role: 'user', content }], ...more }
}

/** A whole answer with one choice for each text. */
export function completion(...contents: readonly string[]): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-5',
    choices: contents.map((content, index) => ({ index, message: { role: 'assistant', content, refusal: null }, finish_reason: 'stop' })),
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  }
}

/** A part of a streamed answer, with what it says for each choice. */
export function chunk(...choices: readonly { readonly index?: number; readonly delta?: object; readonly finish_reason?: string | null }[]): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'gpt-5',
    choices: choices.map(({ index = 0, delta = {}, finish_reason = null }) => ({ index, delta, finish_reason })),
  }
}

/** A streamed answer that says one text in these pieces. */
export function chunksOf(pieces: readonly string[]): object[] {
  return [
    chunk({ delta: { role: 'assistant', content: '' } }),
    ...pieces.map((content) => chunk({ delta: { content } })),
    chunk({ finish_reason: 'stop' }),
  ]
}

/** Parts as the body of a streamed answer. */
export function eventsOf(parts: readonly object[], end = 'data: [DONE]\n\n'): string {
  return parts.map((part) => `data: ${JSON.stringify(part)}\n\n`).join('') + end
}

/** A response with such a body, in these pieces of bytes. */
export function eventResponse(pieces: readonly Uint8Array[]): Response {
  const waiting = [...pieces]
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = waiting.shift()
      if (next === undefined) controller.close()
      else controller.enqueue(next)
    },
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

/** The parts in a body of server-sent events, and whether it ended as the protocol wants. */
export function partsIn(body: string): { readonly parts: readonly unknown[]; readonly isWhole: boolean } {
  const data = [...body.matchAll(/^data: (.*)$/gm)].map(([, text]) => text ?? '')
  const isWhole = data.at(-1) === '[DONE]'
  return { parts: (isWhole ? data.slice(0, -1) : data).map((text) => JSON.parse(text) as unknown), isWhole }
}

/** What the choices of an answer say in the end, as a client would put it together. */
export interface Said {
  readonly [channel: string]: string
}

interface ToolCall {
  readonly index: number
  readonly function?: { readonly arguments?: string }
  readonly custom?: { readonly input?: string }
}

/** What the parts of a streamed answer say. */
export function saidIn(parts: readonly unknown[]): Said {
  const said: Record<string, string> = {}
  const add = (channel: string, text: unknown): void => {
    if (typeof text === 'string') said[channel] = (said[channel] ?? '') + text
  }
  for (const part of parts) {
    for (const { index, delta } of (part as { choices?: { index: number; delta?: Record<string, unknown> }[] }).choices ?? []) {
      for (const name of ['content', 'refusal', 'reasoning', 'reasoning_content']) add(`${index}/${name}`, delta?.[name])
      for (const call of (delta?.tool_calls ?? []) as ToolCall[]) add(`${index}/tool/${call.index}`, call.function?.arguments ?? call.custom?.input)
      add(`${index}/function_call`, (delta?.function_call as { arguments?: string } | undefined)?.arguments)
    }
  }
  return withoutEmpty(said)
}

/** What a whole answer says. */
export function saidByWhole(answer: unknown): Said {
  const said: Record<string, string> = {}
  for (const { index, message } of (answer as { choices: { index: number; message: Record<string, unknown> }[] }).choices) {
    for (const name of ['content', 'refusal', 'reasoning', 'reasoning_content'])
      if (typeof message[name] === 'string') said[`${index}/${name}`] = message[name]
    for (const [place, call] of ((message.tool_calls ?? []) as ToolCall[]).entries())
      said[`${index}/tool/${place}`] = call.function?.arguments ?? call.custom?.input ?? ''
    const called = message.function_call as { arguments: string } | null | undefined
    if (called !== undefined && called !== null) said[`${index}/function_call`] = called.arguments
  }
  return withoutEmpty(said)
}

function withoutEmpty(said: Said): Said {
  return Object.fromEntries(Object.entries(said).filter(([, text]) => text !== ''))
}
