import type { Awaitable, Call, Resource } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { type Guard, mediator, type Mediator } from '../guard/guard.ts'
import { isStream } from '../guard/guarded-parts.ts'
import { mediate } from '../guard/mediate.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { abandon } from '../guard/thenable.ts'
import { toolCall, type LocalToolCall } from '../payload/tool-call.ts'
import type { ArgumentCheck } from './argument-check.ts'
import { callFor, type ToolAuthority } from './tool-authority.ts'

/** One call of a tool, as a framework makes it. */
export interface ToolRun {
  readonly args: unknown
  readonly extra: unknown
  readonly signals: readonly AbortSignal[]
  /** The tool itself, called at most once, with exactly what was authorized. */
  readonly execute: (args: unknown, call: Call) => unknown
}

/** A tool, and whose authority its calls have. */
interface GatedTool {
  readonly name: string
  readonly resource: Resource
  readonly check: ArgumentCheck
  readonly authority: ToolAuthority
}

/** The way to one tool through a guard. */
export class ToolGate {
  readonly #mediator: Mediator
  readonly #tool: GatedTool

  /** @throws TypeError for an incomplete chain, a wrong name or a wrong resource. */
  constructor(guard: Guard, tool: GatedTool) {
    const { name, resource } = tool
    if (typeof name !== 'string' || !/^[\w.:/+-]{1,256}$/.test(name))
      throw new TypeError('a tool needs a name of letters, digits and . : / + - _ , of at most 256 characters')
    this.#mediator = mediator(guard, { action: 'execute_tool', resource, codec: toolCall }, 'value')
    this.#tool = tool
  }

  run({ args, extra, signals, execute }: ToolRun): Promise<unknown> {
    const { chain, plan } = this.#mediator
    const copied = copyOnce(args)
    const { name, check, authority } = this.#tool
    const { options, refusal } = callFor(authority, extra, name, signals)
    let checked: unknown
    const source = {
      // Once the caller is known, and not before: what is refused here is recorded, and a stranger's arguments are nobody's work.
      arrive: async () => {
        if (refusal !== undefined) throw refusal
        if ('failure' in copied) throw copied.failure
        checked = await check(copied.value)
        return nothing
      },
      parse: () => ({ name, arguments: checked }),
    }
    return mediate(chain, plan, source, options, async (input, call) => {
      const { arguments: own } = input as LocalToolCall
      return (await lastOf(execute(own, call), call.signal)) ?? null
    })
  }
}

const nothing = Object.freeze({ mediaType: 'application/json', body: new Uint8Array() })

function copyOnce(args: unknown): { readonly value: unknown } | { readonly failure: unknown } {
  try {
    return { value: snapshotJson(args) }
  } catch (error) {
    return { failure: error }
  }
}

/**
 * What a tool comes to in the end. What it says on the way, as tools of the AI SDK may, goes nowhere: half a secret is none that a
 * detector would know.
 */
async function lastOf(answer: unknown, signal: AbortSignal): Promise<unknown> {
  const value = await (answer as Awaitable<unknown>)
  if (!isStream(value)) return value
  if (!(Symbol.asyncIterator in value) || value instanceof ReadableStream) {
    abandon((value as ReadableStream<unknown>).cancel())
    throw new GuardError('payload_unsupported', { reason: 'the result of a tool as a stream of bytes' })
  }
  const parts = value[Symbol.asyncIterator]()
  const leave = (): void => abandon(parts.return?.())
  signal.addEventListener('abort', leave, { once: true })
  try {
    if (signal.aborted) leave()
    let last: unknown
    for (;;) {
      const { done, value: part } = await parts.next()
      if (done === true) return last
      last = part
    }
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
