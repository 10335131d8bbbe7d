import { GuardError } from '../../guard/errors.ts'
import { type AskServer, GuardedRequest, type ServerRules } from './guarded-request.ts'
import { KnownTools } from './known-tools.ts'
import { codes, errorFrame } from './mcp-errors.ts'
import { silent } from './notifications.ts'
import { idKey, kindOf, type McpFrame, type Tap, type TapEnds } from './tap-transport.ts'

/** How many requests of one connection may run at once, in each direction. */
const maxRunning = 1_000

/** Ids of this connection's questions to its own server, which no client may use. */
const ownIds = 'sallyport:'

/** One request that the server has been given, and who waits for its answer. */
interface Waiting {
  readonly resolve: (answer: McpFrame) => void
  /** Whether the answer goes back to the client, so that it matters what the server sends it with. */
  readonly request: GuardedRequest
}

/** One connection of a server: every message in both directions goes through here. */
export class GuardedConnection implements Tap {
  readonly #rules: ServerRules
  readonly #ends: TapEnds
  readonly #tools: KnownTools | undefined
  readonly #running = new Map<string, GuardedRequest>()
  readonly #waiting = new Map<string, Waiting>()
  /** Requests that no guard looks at: a ping. */
  readonly #pings = new Set<string>()
  /** The server's own requests, which wait for their answers. */
  readonly #asked = new Set<string>()
  #questions = 0

  constructor(rules: ServerRules, ends: TapEnds) {
    this.#rules = rules
    this.#ends = ends
    this.#tools = rules.pinned === undefined ? undefined : new KnownTools(rules.pinned)
  }

  incoming(message: McpFrame, extra: unknown): void {
    const kind = kindOf(message)
    if (kind === 'request') this.#asks(message, extra)
    else if (kind === 'notification') this.#tells(message, extra)
    // Of answers only those that somebody waits for.
    else if (kind === 'response' && this.#asked.delete(idKey(message.id))) this.#ends.deliver(message, extra)
  }

  async outgoing(message: McpFrame, options: unknown): Promise<void> {
    const { method, id } = message
    const isUnscanned = typeof method === 'string' && this.#rules.unscanned.has(method)
    switch (kindOf(message)) {
      case 'response':
        return this.#answers(message, options)
      case 'request':
        if (isUnscanned && this.#asked.size < maxRunning) {
          this.#asked.add(idKey(id))
          return this.#ends.send(message, options)
        }
        // The server's own code waits for it.
        this.#ends.deliver(errorFrame(id, codes.unknownMethod, 'The guard lets no such request through'), undefined)
        return
      case 'notification': {
        if (method === 'notifications/tools/list_changed') this.#tools?.forget()
        const own = isUnscanned ? message : silent(message)
        if (own !== undefined) await this.#ends.send(own, options)
      }
    }
  }

  closed(): void {
    for (const request of this.#running.values()) request.cancel()
    this.#asked.clear()
    this.#pings.clear()
  }

  async #answers(message: McpFrame, options: unknown): Promise<void> {
    const key = idKey(message.id)
    const waiting = this.#waiting.get(key)
    if (waiting !== undefined) {
      waiting.request.options = options
      waiting.resolve(message)
    } else if (this.#pings.delete(key)) await this.#ends.send(message, options)
    // Anything else comes too late, and nobody waits for it.
  }

  #tells(message: McpFrame, extra: unknown): void {
    const own = silent(message)
    if (own === undefined) return
    const { params } = own
    if (own.method === 'notifications/cancelled' && typeof params === 'object' && params !== null && 'requestId' in params)
      // The server is told by the call that ends with it.
      this.#running.get(idKey(params.requestId))?.cancel()
    else this.#ends.deliver(own, extra)
  }

  #asks(message: McpFrame, extra: unknown): void {
    const { id, method } = message
    const key = idKey(id)
    const known = typeof method === 'string' ? this.#rules.methods.get(method) : undefined
    const isKnownId = this.#running.has(key) || this.#pings.has(key) || (typeof id === 'string' && id.startsWith(ownIds))
    if (isKnownId || this.#running.size + this.#pings.size >= maxRunning)
      this.#reply(errorFrame(id, codes.invalidRequest, 'The request has an id that is in use, or is one too many'), undefined)
    else if (method === 'ping') {
      this.#pings.add(key)
      this.#ends.deliver({ jsonrpc: '2.0', id, method }, extra)
    } else if (known === undefined) this.#reply(errorFrame(id, codes.unknownMethod, 'Method not found'), undefined)
    else {
      const request = new GuardedRequest({ rules: this.#rules, method: known, message, extra, tools: this.#tools, ask: this.#ask })
      this.#running.set(key, request)
      void request.run().then((reply) => {
        this.#running.delete(key)
        this.#reply(reply, request.options)
      })
    }
  }

  // The server answers by sending a response with this id.
  readonly #ask: AskServer = (request, asked, extra, signal) => {
    const frame = asked.id === undefined ? { ...asked, id: `${ownIds}${++this.#questions}` } : asked
    const key = idKey(frame.id)
    return new Promise<McpFrame>((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(key)
        signal.removeEventListener('abort', leave)
      }
      const leave = (): void => {
        end()
        this.#ends.deliver({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: frame.id } }, extra)
        reject(new GuardError('aborted', { reason: 'the call has ended' }))
      }
      const answered = (message: McpFrame): void => {
        end()
        resolve(message)
      }
      this.#waiting.set(key, { request, resolve: answered })
      if (signal.aborted) return void leave()
      signal.addEventListener('abort', leave, { once: true })
      this.#ends.deliver(frame, extra)
    })
  }

  #reply(message: McpFrame, options: unknown): void {
    // A transport that has closed meanwhile has nobody to tell.
    this.#ends.send(message, options).catch(() => {})
  }
}
