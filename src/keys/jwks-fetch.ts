import type { Clock } from '../guard/clock.ts'

/** How a JWK Set is fetched. */
export interface JwksRequest {
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  /** Milliseconds, to the last byte. */
  readonly timeout: number
  readonly maxBytes: number
}

/**
 * Fetches a JSON document: one request, no redirect followed, no more bytes read than allowed. Rejects with an `Error`
 * for the operator for anything but a whole answer of status 200 in time.
 */
export function fetchJwks(url: URL, { fetch, clock, timeout, maxBytes }: JwksRequest): Promise<unknown> {
  const abort = new AbortController()
  return new Promise((resolve, reject) => {
    // Not left to `fetch` alone, which may be anybody's and may not heed the signal.
    const cancel = clock.after(timeout, () => {
      reject(new Error(`no answer within ${timeout} ms`))
      abort.abort()
    })
    request(fetch, url, abort.signal, maxBytes).then(resolve, reject).finally(cancel)
  })
}

async function request(fetch: JwksRequest['fetch'], url: URL, signal: AbortSignal, maxBytes: number): Promise<unknown> {
  const response = await fetch(url, { redirect: 'manual', signal, headers: { accept: 'application/jwk-set+json, application/json' } })
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel()
    throw new Error(`the answer has status ${response.status}`)
  }
  const reader = response.body.getReader()
  const chunks: Uint8Array[] = []
  for (let length = 0; ; ) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > maxBytes) {
      await reader.cancel()
      throw new Error(`the answer is longer than ${maxBytes} bytes`)
    }
    chunks.push(value)
  }
  return JSON.parse(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).text())
}
