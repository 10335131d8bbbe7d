import type { IncomingMessage } from 'node:http'
import { withheld } from '../web/guard-handler.ts'

/** Takes off the request what no handler sees. */
export function withhold(request: IncomingMessage): void {
  // Node makes the other two out of the raw ones when they are first asked for, by the number of fields that came.
  const { headers, headersDistinct, rawHeaders } = request
  const kept = rawHeaders.filter((_, index) => !withheld.includes((rawHeaders[index - (index % 2)] ?? '').toLowerCase()))
  rawHeaders.splice(0, rawHeaders.length, ...kept)
  for (const name of withheld) {
    delete headers[name]
    delete headersDistinct[name]
  }
  withholdTrailers(request)
}

const ignore = (): void => {}
const noTrailers: PropertyDescriptorMap = {
  trailers: { get: () => ({}), set: ignore },
  rawTrailers: { get: () => [], set: ignore },
  trailersDistinct: { get: () => ({}), set: ignore },
}

/**
 * Takes the fields behind the body off the request, also those that are still to come: no credential counts there (RFC 9110,
 * section 6.5.1), and no control reads them.
 */
export function withholdTrailers(request: IncomingMessage): void {
  Object.defineProperties(request, noTrailers)
}
