import type { WireCodec } from '../../guard/codec.ts'
import { callHandleField } from './call-handle-field.ts'

/**
 * Fields that a handler does not see: what the caller proved itself with, which is nobody's after the identity is known,
 * and what describes the bytes that came, which are not those that are handed on.
 */
export const withheld: readonly string[] = [
  'authorization',
  'cookie',
  'dpop',
  'proxy-authorization',
  'x-api-key',
  callHandleField,
  'content-digest',
  'content-encoding',
  'content-length',
  'content-md5',
  'digest',
  'expect',
  'repr-digest',
  'transfer-encoding',
]

/** The request as a handler gets it: the same method and URL, the rewritten body, and the call's own signal. */
export function freshRequest(request: Request, wire: WireCodec, input: unknown, signal: AbortSignal): Request {
  const headers = new Headers(request.headers)
  for (const name of withheld) headers.delete(name)
  headers.set('content-type', wire.mediaTypes[0] ?? 'application/octet-stream')
  return new Request(request.url, { method: request.method, headers, body: wire.serialize(input), signal })
}
