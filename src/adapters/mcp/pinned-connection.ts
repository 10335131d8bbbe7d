import { GuardError } from '../../guard/errors.ts'
import { snapshotJson } from '../../guard/snapshot.ts'
import { KnownTools, toolsIn } from './known-tools.ts'
import { refusalFrame } from './mcp-errors.ts'
import { idKey, kindOf, type McpFrame, type Tap, type TapEnds } from './tap-transport.ts'
import type { PinnedTools } from './tool-pins.ts'

/** How long a server may take for one page of its list, in milliseconds. */
const patience = 30_000
/** How many requests may wait for their lists at once. */
const maxListing = 1_000

/** One connection of a client, in which tools count only as they were approved. */
export class PinnedConnection implements Tap {
  readonly #ends: TapEnds
  readonly #tools: KnownTools
  /** Requests of the client for a list. */
  readonly #listing = new Set<string>()
  /** This connection's own questions. */
  readonly #questions = new Map<string, { readonly resolve: (answer: McpFrame) => void; readonly reject: (error: unknown) => void }>()
  #count = 0

  constructor(pinned: PinnedTools, ends: TapEnds) {
    this.#ends = ends
    this.#tools = new KnownTools(pinned)
  }

  incoming(message: McpFrame, extra: unknown): void {
    const key = idKey(message.id)
    const isAnswer = kindOf(message) === 'response'
    const question = isAnswer ? this.#questions.get(key) : undefined
    if (message.method === 'notifications/tools/list_changed') this.#tools.forget()
    if (question !== undefined) question.resolve(message)
    else if (isAnswer && this.#listing.delete(key) && 'result' in message) void this.#list(message, extra)
    else this.#ends.deliver(message, extra)
  }

  outgoing(message: McpFrame, options: unknown): Promise<void> {
    const { method, id } = message
    // As a notification it would run a tool and nobody would hear of it.
    if (method === 'tools/call' || method === 'tools/list') {
      if (kindOf(message) !== 'request') return Promise.resolve()
      if (method === 'tools/call') return this.#call(message, options)
      if (this.#listing.size >= maxListing) {
        this.#ends.deliver(refusalFrame(id, new GuardError('payload_too_large')), undefined)
        return Promise.resolve()
      }
      this.#listing.add(idKey(id))
    }
    return this.#ends.send(message, options)
  }

  closed(): void {
    for (const { reject } of this.#questions.values()) reject(new GuardError('aborted', { reason: 'the connection has ended' }))
    this.#listing.clear()
  }

  async #list(message: McpFrame, extra: unknown): Promise<void> {
    try {
      const result = snapshotJson(message.result) as McpFrame
      const tools = await this.#tools.page(toolsIn(result))
      this.#ends.deliver({ ...message, result: structuredClone({ ...result, tools }) }, extra)
    } catch (error) {
      this.#ends.deliver(refusalFrame(message.id, error), extra)
    }
  }

  async #call(message: McpFrame, options: unknown): Promise<void> {
    try {
      // What was looked at is what is sent.
      const own = snapshotJson(message) as McpFrame
      const { params } = own
      const name = typeof params === 'object' && params !== null && 'name' in params ? params.name : undefined
      const meta = typeof params === 'object' && params !== null && '_meta' in params ? params._meta : undefined
      if (typeof name !== 'string') throw new GuardError('payload_invalid', { reason: 'a call of a tool without its name' })
      await this.#tools.require(name, (cursor) => this.#ask(cursor, meta))
      await this.#ends.send(structuredClone(own), options)
    } catch (error) {
      this.#ends.deliver(refusalFrame(message.id, error), undefined)
    }
  }

  async #ask(cursor: string | undefined, meta: unknown): Promise<McpFrame> {
    const id = `sallyport:${++this.#count}`
    const key = idKey(id)
    const params = { ...(cursor !== undefined && { cursor }), ...(typeof meta === 'object' && meta !== null && { _meta: own(meta) }) }
    try {
      const answer = await new Promise<McpFrame>((resolve, reject) => {
        const late = setTimeout(() => reject(new GuardError('deadline_exceeded')), patience)
        const end = (): void => clearTimeout(late)
        this.#questions.set(key, {
          resolve(message) {
            end()
            resolve(message)
          },
          reject(error) {
            end()
            reject(error)
          },
        })
        this.#ends.send({ jsonrpc: '2.0', id, method: 'tools/list', params }, undefined).catch(reject)
      })
      if (typeof answer.result !== 'object' || answer.result === null)
        throw new GuardError('denied', { reason: 'the server does not say what its tools are' })
      return answer.result as McpFrame
    } finally {
      this.#questions.delete(key)
    }
  }
}

// What the protocol wants beside every request, but not the progress of another one.
function own(meta: object): object {
  return Object.fromEntries(Object.entries(meta).filter(([name]) => name.startsWith('io.modelcontextprotocol/')))
}
