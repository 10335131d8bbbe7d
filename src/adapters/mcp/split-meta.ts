import { GuardError } from '../../guard/errors.ts'
import { snapshotJson } from '../../guard/snapshot.ts'
import type { McpFrame } from './tap-transport.ts'

/** The member of a request's `_meta` that holds approvals of this very call: a list of texts, as `signApproval` makes them. */
const approvalsMember = 'sallyport/approvals'

/** A request, taken apart. */
interface SplitMessage {
  /** What the protocol itself says of the request; no part of what is done, and new with every request. */
  readonly meta: object | undefined
  readonly approvals: readonly string[] | undefined
  /**
   * What is done: the parameters of a call of a tool, or the method and the parameters.
   *
   * @throws GuardError for what is no request.
   */
  readonly read: () => unknown
}

type Members = Readonly<Record<string, unknown>>

/** Takes a request apart, so that what is authorized and approved is what is done, and not under which id it was asked for. */
export function splitMeta(message: McpFrame): SplitMessage {
  try {
    return split(snapshotJson({ method: message.method, params: message.params }) as Members)
  } catch (error) {
    const read = (): never => {
      throw error
    }
    return { meta: undefined, approvals: undefined, read }
  }
}

function split({ method, params: given }: Members): SplitMessage {
  if (given !== undefined && !isRecord(given)) throw new GuardError('payload_invalid', { reason: 'parameters that are no object' })
  const { _meta: whole, ...rest } = given ?? {}
  const { [approvalsMember]: approvals, ...meta } = isRecord(whole) ? whole : {}
  const own = Object.entries(meta).filter(([name]) => isProtocols(name))
  const others = Object.entries(meta).filter(([name]) => !isProtocols(name))
  const kept = { ...rest, ...(others.length > 0 && { _meta: Object.fromEntries(others) }) }
  const input = method === 'tools/call' ? kept : { method, ...(given !== undefined && { params: kept }) }
  return { meta: own.length === 0 ? undefined : Object.fromEntries(own), approvals: textsIn(approvals), read: () => input }
}

function isRecord(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// What the other side says of itself, and under which token it hears of progress. No model reads it.
function isProtocols(name: string): boolean {
  return name === 'progressToken' || name.startsWith('io.modelcontextprotocol/')
}

function textsIn(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined
  const texts = value.filter((text): text is string => typeof text === 'string' && text.length <= 16_384).slice(0, 8)
  return texts.length === 0 ? undefined : texts
}
