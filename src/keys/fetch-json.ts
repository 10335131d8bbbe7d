import type { Clock } from '../guard/clock.ts'

/** How a JSON document is asked for. */
export interface JsonRequest {
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  /** Milliseconds, to the last byte. */
  readonly timeout: number
  /** Bytes of the answer, after any content coding. */
  readonly maxBytes: number
  /** `GET` unless given. */
  readonly method?: 'GET' | 'POST'
  /** `accept: application/json` unless given. Nothing else is sent. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const json: Readonly<Record<string, string>> = { accept: 'application/json' }

/**
 * Fetches a JSON document: one request, no redirect followed, no more bytes held than allowed, however slowly they drip.
 *
 * Rejects for anything but a whole answer of status 200 in time, with an `Error` whose message is for the operator and has
 * nothing of the answer.
 */
export function fetchJson(url: URL, request: JsonRequest): Promise<unknown> {
  const abort = new AbortController()
  return new Promise((resolve, reject) => {
    // Not left to `fetch` alone, which may be anybody's and may not heed the signal.
    const cancel = request.clock.after(request.timeout, () => {
      reject(new Error(`no answer within ${request.timeout} ms`))
      abort.abort()
    })
    answerTo(url, request, abort.signal).then(resolve, reject).finally(cancel)
  })
}

async function answerTo(url: URL, request: JsonRequest, signal: AbortSignal): Promise<unknown> {
  const { fetch, maxBytes, method = 'GET', headers = json, body } = request
  const response = await fetch(url, { method, redirect: 'manual', signal, headers, ...(body !== undefined && { body }) })
  if (response.status !== 200 || response.body === null) {
    forget(response.body)
    throw new Error(response.status === 200 ? 'the answer is empty' : `the answer has status ${response.status}`)
  }
  return parse(await read(response.body, signal, maxBytes))
}

/** All bytes of a body, copied as they come: a thousand small pieces weigh no more than one large one. */
async function read(body: ReadableStream<Uint8Array>, signal: AbortSignal, maxBytes: number): Promise<Uint8Array> {
  const reader = body.getReader()
  // A body that is not fetched by the runtime's own `fetch` need not end with the signal.
  const stop = (): void => forget(reader)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  let bytes = new Uint8Array(Math.min(maxBytes, 16_384))
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return bytes.subarray(0, length)
    const needed = length + value.length
    if (needed > maxBytes) {
      stop()
      throw new Error(`the answer is longer than ${maxBytes} bytes`)
    }
    if (needed > bytes.length) {
      const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, 2 * bytes.length)))
      larger.set(bytes.subarray(0, length))
      bytes = larger
    }
    bytes.set(value, length)
    length = needed
  }
}

function forget(stream: { cancel(): Promise<void> } | null): void {
  // Whether it minds is of no interest any more.
  stream?.cancel().catch(() => {})
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch {
    // A parser quotes what it could not read.
    throw new Error('the answer is no JSON')
  }
}
