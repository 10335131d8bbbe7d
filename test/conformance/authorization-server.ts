import type { OpaqueOptions } from '../../src/index.ts'
import type { TestClock } from '../../src/testing/index.ts'

/** What a server says of a token (RFC 7662, section 2.2). */
export type Said = Readonly<Record<string, unknown>>

/** An authorization server whose tokens say nothing themselves. It is asked through `options.fetch`, so that it needs no socket. */
export interface AuthorizationServer {
  readonly issuer: string
  /** For `opaque`. */
  readonly options: OpaqueOptions
  /** The tokens that it was asked about. */
  readonly asked: readonly string[]
  /** A new token. Members go over the right ones; `undefined` leaves one out. */
  issue(members?: Said): string
  /** Says something else of a token from now on. */
  change(token: string, members: Said): void
  /** Ends a token. */
  end(token: string): void
  /** How it answers instead; undefined as it should. */
  instead: (() => Response | Promise<Response>) | undefined
}

export function authorizationServer(clock: TestClock, options: Partial<OpaqueOptions> = {}): AuthorizationServer {
  const issuer = 'https://as.example'
  const audience = 'https://api.example'
  const client = { id: audience, secret: 'a secret of this service' }
  const introspection = new URL('https://as.example/introspect')
  const tokens = new Map<string, Said>()
  const asked: string[] = []
  const fetch = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    const form = new URLSearchParams(String(init.body))
    const isAsked = String(input) === introspection.href && init.method === 'POST' && init.redirect === 'manual'
    const basic = `Basic ${btoa(`${encodeURIComponent(client.id)}:${client.secret.replaceAll(' ', '+')}`)}`
    if (!isAsked || new Headers(init.headers).get('authorization') !== basic) return new Response(null, { status: 401 })
    const token = form.get('token') ?? ''
    asked.push(token)
    return server.instead === undefined ? Response.json(tokens.get(token) ?? { active: false }) : server.instead()
  }
  const seconds = (): number => Math.floor(clock.now() / 1000)
  const whole = (members: Said): Said => ({
    active: true,
    iss: issuer,
    sub: 'ada',
    aud: audience,
    client_id: 'web',
    token_type: 'Bearer',
    roles: ['analyst'],
    iat: seconds(),
    exp: seconds() + 3_000,
    ...members,
  })
  const server: AuthorizationServer = {
    issuer,
    options: { issuer, introspection, client, audience, fetch, ...options },
    asked,
    issue(members = {}) {
      const token = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('base64url')
      tokens.set(token, whole(members))
      return token
    },
    change: (token, members) => void tokens.set(token, whole(members)),
    end: (token) => void tokens.delete(token),
    instead: undefined,
  }
  return server
}
