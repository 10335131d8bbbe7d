import { type ChatRequest, type Fetch, guardHandler, type HandlerOptions, type StatedChannel } from '../../src/index.ts'
import { completion } from './chat-payloads.ts'
import { chat, type WholeGuard } from './whole-guard.ts'

/** A guarded server, and what reached the model behind it. */
export interface Served {
  readonly handler: (request: Request) => Promise<Response>
  /** Inputs that reached the model. */
  readonly ran: readonly ChatRequest[]
  /** Posts a chat request. */
  ask(body: unknown, headers?: Readonly<Record<string, string>> | Headers, init?: RequestInit): Promise<Response>
  /** The same over a connection of which the transport says this. */
  askOver(channel: StatedChannel, body: unknown, headers?: Readonly<Record<string, string>> | Headers): Promise<Response>
}

export const address = 'https://api.example/v1/chat/completions'

/** What a model answers. */
export type Answering = (input: ChatRequest, signal: AbortSignal) => object | Promise<object>

/** A server behind this guard, with a model that says good day unless told otherwise. */
export function served(guard: WholeGuard, answering: Answering = () => completion('good day'), options: HandlerOptions = {}): Served {
  const ran: ChatRequest[] = []
  const channels = new WeakMap<Request, StatedChannel>()
  const handler = guardHandler(
    guard,
    chat,
    (_request, call) => {
      ran.push(call.input)
      return answering(call.input, call.signal)
    },
    { channel: (request) => channels.get(request) ?? {}, ...options },
  )
  return {
    handler,
    ran,
    ask: (body, headers, init) => handler(post(body, headers, init)),
    askOver(channel, body, headers) {
      const request = post(body, headers)
      channels.set(request, channel)
      return handler(request)
    },
  }
}

/** A chat request as it comes over a wire. */
export function post(body: unknown, headers: Readonly<Record<string, string>> | Headers = {}, init: RequestInit = {}): Request {
  const fields = new Headers(headers)
  if (!fields.has('content-type')) fields.set('content-type', 'application/json')
  const bytes = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body)
  return new Request(address, { method: 'POST', headers: fields, body: bytes as BodyInit, ...init })
}

/** A vendor that counts what is sent to it. */
export function vendor(answer: (body: string, init: RequestInit) => Response | Promise<Response>): {
  readonly fetch: Fetch
  readonly sent: string[]
} {
  const sent: string[] = []
  return {
    sent,
    fetch: async (url, init = {}) => {
      sent.push(String(url))
      return answer(String(init.body), init)
    },
  }
}
