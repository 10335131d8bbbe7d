import { isGuardError, toProblem } from '../../guard/errors.ts'
import { refusalFields } from '../web/answer-fields.ts'
import type { McpFrame } from './tap-transport.ts'

/** Codes of JSON-RPC 2.0, section 5.1. */
export const codes = { invalidRequest: -32_600, unknownMethod: -32_601, server: -32_000 } as const

/** An error as an answer of JSON-RPC. */
export function errorFrame(id: unknown, code: number, message: string, data?: object): McpFrame {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data !== undefined && { data }) } }
}

/**
 * A refusal as an answer of JSON-RPC: the fixed public sentence, and in `data` its code and what a caller can do about it, such as the
 * request for an approval. Of what is no refusal it tells nothing.
 */
export function refusalFrame(id: unknown, error: unknown): McpFrame {
  const { code, title } = toProblem(error)
  const headers = Object.fromEntries(isGuardError(error) ? refusalFields(error) : [])
  return errorFrame(id, codes.server, title, { code, ...(Object.keys(headers).length > 0 && { headers }) })
}
