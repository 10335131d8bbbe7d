import { type CallOptions, copyCallOptions } from '../../guard/call-options.ts'
import type { Call } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import type { Mediator } from '../../guard/guard.ts'
import { liveCall } from '../../guard/live-calls.ts'
import { mediate } from '../../guard/mediate.ts'
import { askWithin } from '../../guard/questions.ts'
import { asRefusal } from '../../guard/refusing.ts'
import { snapshotJson } from '../../guard/snapshot.ts'
import type { KnownTools } from './known-tools.ts'
import { extraFor } from './mcp-authority.ts'
import { refusalFrame } from './mcp-errors.ts'
import type { ListRule, McpMethod } from './mcp-methods.ts'
import { splitMeta } from './split-meta.ts'
import type { McpFrame } from './tap-transport.ts'
import type { PinnedTools } from './tool-pins.ts'

/** A method, and the chain for it. */
export interface GuardedMethod extends McpMethod {
  readonly mediator: Mediator
}

/** What all connections of one server share. */
export interface ServerRules {
  readonly methods: ReadonlyMap<string, GuardedMethod>
  readonly authority: (extra: unknown) => CallOptions
  readonly pinned: PinnedTools | undefined
  /** Methods of a server's own requests and notifications that pass without any control. */
  readonly unscanned: ReadonlySet<string>
}

/** Asks the server something; under an id of the connection's own where the message has none. Rejects when the signal is aborted. */
export type AskServer = (request: GuardedRequest, message: McpFrame, extra: unknown, signal: AbortSignal) => Promise<McpFrame>

interface RequestParts {
  readonly rules: ServerRules
  readonly method: GuardedMethod
  readonly message: McpFrame
  readonly extra: unknown
  readonly tools: KnownTools | undefined
  readonly ask: AskServer
}

type Members = Readonly<Record<string, unknown>>

/** One request of a client, through the guard to the server and back. */
export class GuardedRequest {
  /** What the server sent its last answer with. */
  options: unknown
  readonly #parts: RequestParts
  readonly #controller = new AbortController()

  constructor(parts: RequestParts) {
    this.#parts = parts
  }

  /** The client gives up. */
  cancel(): void {
    this.#controller.abort()
  }

  /** The message that answers it. Never rejects. */
  async run(): Promise<McpFrame> {
    const { method, message } = this.#parts
    const { id } = message
    try {
      const { options, failure } = this.#authority()
      const { meta, approvals, read } = splitMeta(message)
      const { signal, ...others } = options
      const own = this.#controller.signal
      const request = {
        ...others,
        signal: signal === undefined ? own : AbortSignal.any([signal, own]),
        ...(approvals !== undefined && { approvals: [...(others.approvals ?? []), ...approvals].slice(0, 8) }),
      }
      const source = {
        // Read by the engine, so that it is recorded where it fails.
        get value(): unknown {
          if (failure !== undefined) throw failure
          return read()
        },
      }
      const { chain, plan } = method.mediator
      const given = await mediate(chain, plan, source, request, (input, call) => judged(call, () => this.#serve(input, meta, call)))
      // A tool's codec reads what a tool gives, and not what stands around it.
      const answer = method.codec.name === 'mcp-tool' && !('error' in (given as object)) ? { result: given } : (given as object)
      return { jsonrpc: '2.0', id, ...answer }
    } catch (error) {
      return refusalFrame(id, error)
    }
  }

  #authority(): { readonly options: CallOptions; readonly failure?: GuardError } {
    const { rules, extra } = this.#parts
    try {
      return { options: copyCallOptions(rules.authority(extra)) }
    } catch (cause) {
      return { options: {}, failure: new GuardError('misconfigured', { reason: 'what comes with the request could not be had', cause }) }
    }
  }

  async #serve(input: unknown, meta: object | undefined, call: Call): Promise<object> {
    const { method, message, extra, tools, ask } = this.#parts
    const beside = extraFor(call, extra)
    const isTool = method.codec.name === 'mcp-tool'
    const params = isTool ? (input as Members) : (input as { readonly params?: Members }).params
    if (isTool) await tools?.require(String(params?.name), (cursor) => this.#page(cursor, meta, beside, call))
    const frame = {
      jsonrpc: '2.0',
      id: message.id,
      method: message.method,
      ...((params ?? meta) !== undefined && {
        params: { ...params, ...(meta !== undefined && { _meta: { ...membersOf(params?._meta), ...meta } }) },
      }),
    }
    const answer = await ask(this, structuredClone(frame), beside, call.signal)
    if ('error' in answer) return { error: answer.error }
    if (isTool) return membersOf(answer.result)
    return { result: method.lists === undefined ? answer.result : await this.#shown(answer.result, method.lists, call) }
  }

  async #page(cursor: string | undefined, meta: object | undefined, beside: unknown, call: Call): Promise<McpFrame> {
    const params = { ...(cursor !== undefined && { cursor }), ...(meta !== undefined && { _meta: meta }) }
    const { result } = await this.#parts.ask(this, structuredClone({ jsonrpc: '2.0', method: 'tools/list', params }), beside, call.signal)
    if (typeof result !== 'object' || result === null) throw new GuardError('payload_invalid', { reason: 'the server does not list its tools' })
    return result as McpFrame
  }

  /** A list without what its caller may not use, and without tools that are not what was approved. */
  async #shown(result: unknown, { member, id, action, type }: ListRule, call: Call): Promise<object> {
    const { tools } = this.#parts
    const copy = snapshotJson(result) as Members
    const items: unknown = copy[member]
    if (!Array.isArray(items)) throw new GuardError('payload_invalid', { reason: 'a list without its items' })
    const pinned = member === 'tools' && tools !== undefined ? await tools.page(items) : items
    const shown: unknown[] = []
    for (const item of pinned) {
      const name = membersOf(item)[id]
      if (typeof name !== 'string' || name === '') continue
      const { allowed } = await askWithin(call, action, { type, id: name })
      if (allowed === true) shown.push(item)
    }
    liveCall(call)?.note(`${items.length} listed, ${items.length - shown.length} kept back`)
    return { ...copy, [member]: shown }
  }
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {}
}

// What goes wrong here is a refusal of the guard's, and is recorded as one.
async function judged<T>(call: Call, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (error) {
    const refusal = asRefusal(error)
    liveCall(call)?.step.end(refusal)
    throw refusal
  }
}
