import type { LoadRequest, PolicySource } from './policy-source.ts'
import { PolicyError } from './policy-error.ts'

const accept = 'application/json, application/jose;q=0.9, text/plain;q=0.8'
const maxTagLength = 1024

/**
 * A policy at a URL. Asked with the entity tag of what came last (RFC 9110, section 13.1.2), so that a policy that stays
 * the same costs a few bytes. No redirect is followed, and no more bytes are held than allowed, however slowly they drip.
 */
export class PolicyAtUrl implements PolicySource {
  readonly every = 60
  readonly #url: URL
  readonly #fetch: typeof globalThis.fetch
  /** Of what was loaded last. */
  #tag: string | undefined

  /** @param url that is known to be secure. */
  constructor(url: URL, fetch: typeof globalThis.fetch) {
    this.#url = url
    this.#fetch = fetch
  }

  describe(): Readonly<Record<string, unknown>> {
    return { kind: 'url', url: this.#url.origin + this.#url.pathname }
  }

  async load({ signal, maxLength }: LoadRequest): Promise<Uint8Array | undefined> {
    const tag = this.#tag
    const headers = { accept, ...(tag !== undefined && { 'if-none-match': tag }) }
    const fetch = this.#fetch
    const response = await fetch(this.#url, { redirect: 'manual', signal, headers })
    const { status, body } = response
    if (status === 304 && tag !== undefined) {
      forget(body)
      return undefined
    }
    if (status !== 200 || body === null) {
      forget(body)
      throw new PolicyError('unavailable', status === 200 ? 'the answer is empty' : `the answer has status ${status}`)
    }
    const bytes = await read(body, signal, maxLength)
    this.#tag = tagOf(response.headers.get('etag'))
    return bytes
  }
}

// What goes into a header field of the next request is what a header field may hold.
function tagOf(field: string | null): string | undefined {
  return field !== null && field.length <= maxTagLength && /^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(field) ? field : undefined
}

async function read(body: ReadableStream<Uint8Array>, signal: AbortSignal, maxLength: number): Promise<Uint8Array> {
  const reader = body.getReader()
  // A body that is not fetched by the runtime's own `fetch` need not end with the signal.
  const stop = (): void => forget(reader)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  let bytes = new Uint8Array(Math.min(maxLength, 65_536))
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (signal.aborted) throw new PolicyError('unavailable', 'the answer was too late')
    if (done) return bytes.subarray(0, length)
    const needed = length + value.length
    if (needed > maxLength) {
      stop()
      throw new PolicyError('unavailable', `the answer is longer than ${maxLength} bytes`)
    }
    if (needed > bytes.length) {
      const larger = new Uint8Array(Math.min(maxLength, Math.max(needed, 2 * bytes.length)))
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
