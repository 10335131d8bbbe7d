import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Clock } from '../../src/guard/clock.ts'

/** What a server says of a token. */
export type Said = Readonly<Record<string, unknown>>

/** An authorization server at a loopback address that speaks RFC 7662, and takes no request that is not as it says. */
export interface IntrospectionServer {
  readonly issuer: string
  readonly url: URL
  readonly client: { readonly id: string; readonly secret: string }
  /** The tokens it was asked about. */
  readonly asked: readonly string[]
  /** What was wrong with requests. A test that ends with something in it has sent something wrong. */
  readonly complaints: readonly string[]
  /** A new token. Members go over the right ones; `undefined` leaves one out. */
  issue(members?: Said): string
  /** Says something else of a token from now on. */
  change(token: string, members: Said): void
  revoke(token: string): void
  /** How it answers instead; undefined as it should. */
  instead: ((response: ServerResponse, request: IncomingMessage) => void) | undefined
}

/** Serves until the test ends. Client `api&1` has a secret with characters that must be encoded. */
export async function introspectionServer(context: TestContext, clock: Clock): Promise<IntrospectionServer> {
  const issuer = 'https://id.example'
  const client = { id: 'api&1', secret: 'p+s:/w %é' } as const
  const tokens = new Map<string, Said>()
  const asked: string[] = []
  const complaints: string[] = []
  const state: { instead: IntrospectionServer['instead'] } = { instead: undefined }
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const form = new URLSearchParams(body)
    const complaint = complaintOf(request, form, client)
    asked.push(form.get('token') ?? '')
    if (complaint !== undefined) {
      complaints.push(complaint)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="id"' }).end()
      return
    }
    if (state.instead !== undefined) return state.instead(response, request)
    const said = tokens.get(form.get('token') ?? '') ?? { active: false }
    response.writeHead(200, { 'content-type': 'application/json;charset=UTF-8', 'cache-control': 'no-store' }).end(JSON.stringify(said))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const whole = (members: Said): Said => ({
    active: true,
    iss: issuer,
    sub: 'ada',
    client_id: 'web',
    token_type: 'Bearer',
    iat: Math.floor(clock.now() / 1000),
    exp: Math.floor(clock.now() / 1000) + 300,
    ...members,
  })
  return {
    issuer,
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect?realm=one`),
    client,
    asked,
    complaints,
    issue(members = {}) {
      const token = randomBytes(24).toString('base64url')
      tokens.set(token, whole(members))
      return token
    },
    change: (token, members) => void tokens.set(token, whole(members)),
    revoke: (token) => void tokens.delete(token),
    get instead() {
      return state.instead
    },
    set instead(instead) {
      state.instead = instead
    },
  }
}

function complaintOf({ method, url, headers }: IncomingMessage, form: URLSearchParams, client: IntrospectionServer['client']): string | undefined {
  if (method !== 'POST') return `the method ${method}`
  if (url !== '/introspect?realm=one') return `the address ${url}`
  if (headers['content-type'] !== 'application/x-www-form-urlencoded') return `the content type ${headers['content-type']}`
  if (headers.accept !== 'application/json') return `the media type ${headers.accept}`
  const names = [...form.keys()].sort().join()
  if (names !== 'token,token_type_hint') return `the parameters ${names}`
  if (form.get('token_type_hint') !== 'access_token') return 'another hint'
  const [scheme, encoded = ''] = (headers.authorization ?? '').split(' ')
  const [id, secret, ...more] = Buffer.from(encoded, 'base64').toString('latin1').split(':').map(decodeForm)
  if (scheme !== 'Basic' || more.length > 0 || id !== client.id || secret !== client.secret) return 'another client'
  return undefined
}

function decodeForm(text: string): string {
  return new URLSearchParams(`_=${text}`).get('_') ?? ''
}
