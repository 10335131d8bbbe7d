import type { Clock } from '../guard/clock.ts'
import { GuardError } from '../guard/errors.ts'
import type { ClientSettings } from './introspection-client.ts'
import type { Claims } from './jwt-claims.ts'
import { parseTokenPart } from './presented.ts'

/** How the authorization server is asked. */
export interface IntrospectionRequest {
  readonly endpoint: URL
  readonly issuer: string
  readonly client: ClientSettings
  readonly fetch: typeof globalThis.fetch
  /** Milliseconds, to the last byte of the answer. */
  readonly timeout: number
}

/** No honest answer is longer, in bytes. */
const maxAnswer = 65_536

/**
 * Asks the authorization server about a token (RFC 7662, section 2.1): one request, no redirect followed, no more bytes read
 * than an answer can have. Undefined where the server does not take this question (status 400).
 *
 * Rejects where there is no answer: `keys_unavailable`, or whatever `fetch` and the client's own functions threw.
 */
export function introspect(token: string, request: IntrospectionRequest, clock: Clock): Promise<Claims | undefined> {
  const abort = new AbortController()
  return new Promise((resolve, reject) => {
    // Not left to `fetch` alone, which may be anybody's and may not heed the signal.
    const cancel = clock.after(request.timeout, () => {
      reject(unanswered(`there was no answer within ${request.timeout} ms`))
      abort.abort()
    })
    post(token, request, clock, abort.signal).then(resolve, reject).finally(cancel)
  })
}

async function post(token: string, request: IntrospectionRequest, clock: Clock, signal: AbortSignal): Promise<Claims | undefined> {
  const { authorization, fields } = await authentication(request, clock)
  signal.throwIfAborted()
  const response = await request.fetch(request.endpoint, {
    method: 'POST',
    redirect: 'manual',
    signal,
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...(authorization !== undefined && { authorization }),
    },
    body: new URLSearchParams({ token, token_type_hint: 'access_token', ...fields }).toString(),
  })
  if (response.status === 200 && response.body !== null && isJson(response.headers.get('content-type'))) {
    const answer = parseTokenPart(await read(response.body, signal))
    if (answer === undefined) throw unanswered('the answer is no JSON object in which each name stands once')
    return answer
  }
  forget(response.body)
  if (response.status === 400) return undefined
  throw unanswered(response.status === 200 ? 'the answer is no JSON' : `the answer has status ${response.status}`)
}

interface Authentication {
  readonly authorization?: string
  readonly fields?: Readonly<Record<string, string>>
}

async function authentication({ client, issuer }: IntrospectionRequest, clock: Clock): Promise<Authentication> {
  switch (client.method) {
    case 'basic':
      // RFC 6749, section 2.3.1: both are form-urlencoded first, and are ASCII then.
      return { authorization: `Basic ${btoa(`${formEncoded(client.id)}:${formEncoded(client.secret)}`)}` }
    case 'post':
      return { fields: { client_id: client.id, client_secret: client.secret } }
    case 'token': {
      const token: unknown = await client.token()
      if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw unanswered('the client was given no token to ask with')
      return { authorization: `Bearer ${token}` }
    }
    case 'private_key_jwt': {
      const { id, key, algorithm, kid } = client
      const { SignJWT } = await import('jose/jwt/sign')
      const iat = Math.floor(clock.now() / 1000)
      // RFC 7523, section 3. For the issuer and no other address, so that nobody else can use it.
      const assertion = await new SignJWT({ iss: id, sub: id, aud: issuer, jti: crypto.randomUUID(), iat, exp: iat + 60 })
        .setProtectedHeader({ alg: algorithm, ...(kid !== undefined && { kid }) })
        .sign(key)
      return {
        fields: { client_id: id, client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: assertion },
      }
    }
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams({ _: text }).toString().slice(2)
}

// RFC 7662, section 2.2; parameters such as a charset change nothing.
function isJson(contentType: string | null): boolean {
  const [essence = ''] = (contentType ?? '').split(';', 1)
  return essence.trim().toLowerCase() === 'application/json'
}

async function read(body: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<Uint8Array> {
  const reader = body.getReader()
  // A body that is not fetched by the runtime's own `fetch` need not end with the signal.
  if (signal.aborted) forget(reader)
  else signal.addEventListener('abort', () => forget(reader), { once: true })
  let bytes = new Uint8Array(4096)
  for (let length = 0; ; ) {
    const { done, value } = await reader.read()
    if (done) return bytes.subarray(0, length)
    const needed = length + value.length
    if (needed > maxAnswer) {
      forget(reader)
      throw unanswered(`the answer is longer than ${maxAnswer} bytes`)
    }
    if (needed > bytes.length) {
      const larger = new Uint8Array(Math.min(maxAnswer, Math.max(needed, 2 * bytes.length)))
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

function unanswered(reason: string): GuardError {
  return new GuardError('keys_unavailable', { reason: `the authorization server was asked about a token: ${reason}` })
}
