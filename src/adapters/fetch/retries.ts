import type { Call } from '../../guard/context.ts'

/** What is compared of a request. */
export interface Sent {
  readonly method: string
  readonly url: string
  readonly body: Uint8Array
}

/** How often one request may be sent again for nothing, and how many requests of a call are remembered. */
const bounds = { retries: 2, requests: 64 } as const

/** How often a request failed that was not sent again yet, and how often that still counts. */
interface Failures {
  open: number
  left: number
}

/**
 * Tells which requests are a client's second and third attempts: same call, same address, same bytes, after an attempt that failed
 * in a way after which clients try again. What was not seen to fail is no retry, however much it is alike.
 */
export class Retries {
  readonly #calls = new WeakMap<Call, Map<string, Failures>>()

  /** Remembers an attempt that failed. */
  async failed(call: Call, sent: Sent): Promise<void> {
    const digest = await digestOf(sent)
    const requests = this.#calls.get(call) ?? new Map<string, Failures>()
    this.#calls.set(call, requests)
    const known = requests.get(digest)
    // More than these are not remembered, and count.
    if (known === undefined && requests.size >= bounds.requests) return
    const failures = known ?? { open: 0, left: bounds.retries }
    requests.set(digest, failures)
    if (failures.left === 0) return
    failures.left--
    failures.open++
  }

  /** Whether this is one more attempt of what failed. Each failure is good for one. */
  async take(call: Call, sent: Sent): Promise<boolean> {
    const requests = this.#calls.get(call)
    if (requests === undefined) return false
    const failures = requests.get(await digestOf(sent))
    if (failures === undefined || failures.open === 0) return false
    failures.open--
    return true
  }
}

/** Whether clients try again after such an answer. */
export function isRetried({ status, headers }: Response): boolean {
  // Whatever it says of itself: what gave an answer is no failure.
  if (status < 400) return false
  const said = headers.get('x-should-retry')
  if (said === 'true' || said === 'false') return said === 'true'
  return status === 408 || status === 409 || status === 429 || status >= 500
}

async function digestOf({ method, url, body }: Sent): Promise<string> {
  const head = new TextEncoder().encode(`${method} ${url}\n`)
  const all = new Uint8Array(head.length + body.length)
  all.set(head)
  all.set(body, head.length)
  return String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', all)))
}
