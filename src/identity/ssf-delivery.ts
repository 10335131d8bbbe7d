import { within } from '../guard/clock.ts'
import { GuardError } from '../guard/errors.ts'
import { challenge } from './challenge.ts'
import { identityKey } from './make-identity.ts'
import { understand, type UnderstoodEvent } from './ssf-event.ts'
import type { SsfEvent, SsfSettings } from './ssf-receiver.ts'
import { SsfRefusal } from './ssf-refusal.ts'
import { type SecurityEventToken, verifyToken } from './ssf-token.ts'

/** No token is longer, in bytes. */
const maxLength = 8_192
/** How long a store, the list or an own function may take, and a body to arrive, in milliseconds. */
const deadline = 10_000
/** Seconds until the transmitter may try again. */
const retryAfter = '30'

/** Takes deliveries (RFC 8935) and carries out what they say. */
export class SsfDelivery {
  readonly #settings: SsfSettings
  /** What is being carried out now, by token. */
  readonly #running = new Map<string, Promise<void>>()

  constructor(settings: SsfSettings) {
    this.#settings = settings
  }

  async receive(request: Request): Promise<Response> {
    try {
      await this.#admit(request)
      const text = await bodyOf(request, this.#settings)
      await this.#once(await verifyToken(text, this.#settings, (error) => this.#tell(error)))
      return new Response(null, { status: 202, headers: { 'cache-control': 'no-store' } })
    } catch (error) {
      if (error instanceof SsfRefusal) return answer(error.status, error.code, error.message, error.headers)
      this.#tell(error)
      return answer(503, undefined, 'The token could not be processed now. Send it again.', { 'retry-after': retryAfter })
    }
  }

  async #admit({ method, headers }: Request): Promise<void> {
    if (method !== 'POST') throw new SsfRefusal('invalid_request', 'Tokens are delivered with POST.', 405, { allow: 'POST' })
    const { authorization } = this.#settings
    if (authorization.length > 0 && !(await isAnyOf(headers.get('authorization') ?? '', authorization))) {
      const schemes = [...new Set(authorization.map((field) => field.slice(0, field.indexOf(' '))))]
      const challenges = schemes.map((scheme) => challenge(scheme, 'security events')).join(', ')
      throw new SsfRefusal('authentication_failed', 'The transmitter is not authenticated.', 401, { 'www-authenticate': challenges })
    }
    const [mediaType = ''] = (headers.get('content-type') ?? '').split(';')
    const encoding = headers.get('content-encoding') ?? 'identity'
    if (mediaType.trim().toLowerCase() !== 'application/secevent+jwt' || encoding.toLowerCase() !== 'identity')
      throw new SsfRefusal('invalid_request', 'The body must be application/secevent+jwt, not compressed.', 415, {
        accept: 'application/secevent+jwt',
      })
  }

  /** However often a token is delivered at once, it is carried out once. */
  #once(token: SecurityEventToken): Promise<void> {
    // By its content as well: a second token of one name says something else, and is not taken for done.
    const key = `ssf:${identityKey(this.#settings.issuer, token.id)}:${token.digest}`
    let running = this.#running.get(key)
    if (running === undefined) {
      running = this.#carryOut(token, key).finally(() => this.#running.delete(key))
      this.#running.set(key, running)
    }
    return running
  }

  async #carryOut(token: SecurityEventToken, key: string): Promise<void> {
    const { store, clock, maxAge, revocation, onEvent, issuer } = this.#settings
    const [before] = await within(clock, deadline, 'The store', store.get([key], clock.now()))
    if (typeof before === 'string') return
    if (before !== undefined) throw new TypeError('ssfReceiver: the store answered nonsense')
    // All of it is understood before any of it is done.
    const understood: UnderstoodEvent[] = []
    try {
      for (const [type, payload] of token.events) understood.push(await understand(type, payload, token, this.#settings))
    } catch (error) {
      // The issuer meant something, and it is not done: whoever runs this must know, and not the transmitter alone.
      if (error instanceof SsfRefusal) this.#tell(new GuardError('payload_invalid', { reason: `a security event was refused: ${error.message}` }))
      throw error
    }
    for (const { targets } of understood)
      for (const target of targets) await within(clock, deadline, 'The revocation list', revocation.revoke(target))
    if (onEvent !== undefined)
      for (const [index, { occurredAt, subject, targets }] of understood.entries()) {
        const [type = '', payload = {}] = token.events[index] ?? []
        const event: SsfEvent = { type, issuer, tokenId: token.id, issuedAt: token.issuedAt, occurredAt, subject, payload, revoked: targets }
        await within(clock, deadline, 'onEvent', onEvent(Object.freeze(event)))
      }
    // Last, so that a token that was not carried out is not taken for one that was. To carry it out twice revokes the same.
    const now = clock.now()
    await within(clock, deadline, 'The store', store.add(key, Math.max(token.issuedAt, now) + maxAge, now))
  }

  #tell(error: unknown): void {
    try {
      this.#settings.onError(error)
    } catch {
      // Whoever is told decides nothing.
    }
  }
}

/** The body as a text, no longer than any token is. */
async function bodyOf({ headers, body }: Request, { clock }: SsfSettings): Promise<string> {
  if (Number(headers.get('content-length') ?? 0) > maxLength) throw tooLarge()
  if (body === null) return ''
  const reader = body.getReader()
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const read = async (): Promise<string> => {
    let text = ''
    for (let length = 0; ; ) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      length += value.length
      if (length > maxLength) throw tooLarge()
      text += decoder.decode(value, { stream: true })
    }
  }
  try {
    return await within(clock, deadline, 'The body', read())
  } catch (error) {
    void reader.cancel().then(undefined, () => {})
    // What did not arrive is no answer to what it says: the transmitter sends it again.
    throw error instanceof SsfRefusal ? error : new GuardError('payload_invalid', { reason: 'the body did not arrive', cause: error })
  }
}

function tooLarge(): SsfRefusal {
  return new SsfRefusal('invalid_request', `A token has at most ${maxLength} bytes.`, 413)
}

/** RFC 8935, section 2.3. */
function answer(status: number, err: string | undefined, description: string, headers: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify({ ...(err !== undefined && { err }), description }), {
    status,
    headers: { 'content-type': 'application/json', 'content-language': 'en', 'cache-control': 'no-store', ...headers },
  })
}

// By hashes, which have one length: how long it takes tells nothing of what is wanted.
async function isAnyOf(presented: string, wanted: readonly string[]): Promise<boolean> {
  const hash = await hashOf(presented)
  let isFound = false
  for (const one of wanted) if (isEqual(await hashOf(one), hash)) isFound = true
  return isFound
}

async function hashOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = 0
  for (let index = 0; index < 32; index++) difference |= (one[index] ?? 0) ^ (other[index] ?? 0)
  return difference === 0
}
