// A model that needs no key, in the wire format of OpenAI's chat completions: it repeats the question and names a contact.
import { setTimeout as sleep } from 'node:timers/promises'

interface Question {
  readonly model: string
  readonly messages: readonly { readonly role: string; readonly content: unknown }[]
  readonly stream?: boolean
}

/** A whole answer. */
export function completion(model: string, content: string) {
  const usage = { prompt_tokens: 20, completion_tokens: Math.ceil(content.length / 4), total_tokens: 20 + Math.ceil(content.length / 4) }
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion' as const,
    created: 1_767_225_600,
    model,
    choices: [{ index: 0, message: { role: 'assistant' as const, content, refusal: null }, logprobs: null, finish_reason: 'stop' as const }],
    usage,
  }
}

/** The same answer in pieces of a few characters, as a model streams it: no piece holds a whole address. */
export async function* chunks(model: string, content: string) {
  const chunk = (delta: object, finish: 'stop' | null = null) => ({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk' as const,
    created: 1_767_225_600,
    model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  })
  yield chunk({ role: 'assistant', content: '' })
  for (let at = 0; at < content.length; at += 5) {
    await sleep(1)
    yield chunk({ content: content.slice(at, at + 5) })
  }
  yield chunk({}, 'stop')
}

/** What the model says. */
export function answerTo(question: Question): string {
  const { content } = question.messages.at(-1) ?? {}
  return `You asked: ${typeof content === 'string' ? content : 'something'} Please write to grace.hopper@example.com or ring +44 20 7946 0958.`
}

/** An endpoint of a vendor: `(Request) => Promise<Response>`. */
export async function embeddedModel(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  if (request.method !== 'POST' || pathname !== '/v1/chat/completions')
    return Response.json(
      { error: { message: `There is nothing at ${pathname}`, type: 'invalid_request_error', param: null, code: 'not_found' } },
      { status: 404 },
    )
  const question = (await request.json()) as Question
  if (question.stream !== true) return Response.json(completion(question.model, answerTo(question)))
  const events = chunks(question.model, answerTo(question))
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await events.next()
      controller.enqueue(encoder.encode(`data: ${done === true ? '[DONE]' : JSON.stringify(value)}\n\n`))
      if (done === true) controller.close()
    },
    cancel: async () => void (await events.return(undefined)),
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

interface Closable {
  close(done?: (error?: Error) => void): unknown
}

/** Starts a server on a free port of loopback. */
export async function listen(
  start: (options: { port: number; hostname: string; host: string }, ready: (info: { port: number }) => void) => Closable,
  port = 0,
) {
  return await new Promise<{ url: string; close: () => Promise<void> }>((resolve) => {
    const server = start({ port, hostname: '127.0.0.1', host: '127.0.0.1' }, (info) =>
      resolve({ url: `http://127.0.0.1:${info.port}`, close: () => new Promise<void>((closed) => void server.close(() => closed())) }),
    )
  })
}
