import assert from 'node:assert/strict'
import {
  apiKey,
  authorize,
  clientCertificate,
  delegated,
  delegator,
  guard,
  jwt,
  jwtSvid,
  newApiKey,
  oidcIdToken,
  opaque,
  plainText,
  type StatedChannel,
  unaudited,
  type Verifier,
  verifyIdentity,
} from '../../src/index.ts'
import { allowAll, type DpopKey, dpopKey, type TestClock } from '../../src/testing/index.ts'
import { authorizationServer, type AuthorizationServer } from './authorization-server.ts'
import { certificateAuthority } from './certificates.ts'
import { address } from './served.ts'
import { type SigningKey, signingKey } from './signing-key.ts'

/** One kind of token is told from another by its type and its claims alone here: one issuer signs all of them, with one key. */
export const provider = 'https://id.example'
export const audience = 'https://api.example'
export const trustDomain = 'example.org'

/** Kinds of JWTs. */
export const tokenKinds = ['access token', 'ID token', 'JWT-SVID', 'delegated token'] as const
export type TokenKind = (typeof tokenKinds)[number]

/** Kinds of credentials. */
export const kinds = [...tokenKinds, 'bound token', 'opaque token', 'API key', 'certificate'] as const
export type Kind = (typeof kinds)[number]

/** What a caller shows. */
export interface Shown {
  readonly headers: Readonly<Record<string, string>>
  /** What the transport says of it. */
  readonly channel?: StatedChannel
}

/** A caller of every kind, and what verifies each. */
export interface Callers {
  readonly key: SigningKey
  readonly server: AuthorizationServer
  /** The key of the bound token. */
  readonly holder: DpopKey
  /** One for each kind, all to be configured at once. */
  readonly verifiers: readonly Verifier[]
  /** The right header and the right claims of a kind of JWT, as of now. */
  readonly token: Readonly<Record<TokenKind, () => { readonly header: object; readonly claims: Readonly<Record<string, unknown>> }>>
  /** The bare credential of each kind; of a certificate its text. */
  readonly secret: Readonly<Record<Kind, string>>
  /** Each as it is to be shown; a proof is made anew. */
  show(kind: Kind): Promise<Shown>
}

export async function everyCaller(clock: TestClock): Promise<Callers> {
  const key = await signingKey()
  const server = authorizationServer(clock)
  const holder = await dpopKey({ clock })
  const authority = await certificateAuthority(clock.now())
  const certificate = await authority.issue({ now: clock.now(), uri: `spiffe://${trustDomain}/worker` })
  const { key: apiSecret, hash } = await newApiKey({ prefix: 'sp_' })
  const { delegate } = delegator({ issuer: provider, key: key.jwk, clock })
  const access = jwt({ issuer: provider, audience, keys: key.jwks, clock, dpop: {} })
  const seconds = (): number => Math.floor(clock.now() / 1000)
  const common = () => ({ aud: audience, iat: seconds(), exp: seconds() + 3_000 })
  const token: Callers['token'] = {
    'access token': () => ({
      header: { typ: 'at+jwt' },
      claims: { ...common(), iss: provider, sub: 'ada', client_id: 'web', jti: crypto.randomUUID(), scope: 'chat mail', roles: ['analyst'] },
    }),
    'ID token': () => ({ header: { typ: 'JWT' }, claims: { ...common(), iss: provider, sub: 'ida', nonce: 'n-1', roles: ['analyst'] } }),
    'JWT-SVID': () => ({ header: { typ: 'JWT' }, claims: { ...common(), sub: `spiffe://${trustDomain}/agent` } }),
    'delegated token': () => ({
      header: { typ: 'delegation+jwt' },
      claims: JSON.parse(Buffer.from(secret['delegated token'].split('.')[1] ?? '', 'base64url').toString()) as Readonly<Record<string, unknown>>,
    }),
  }
  const mint = (kind: TokenKind, more: object = {}): Promise<string> => {
    const { header, claims } = token[kind]()
    return key.sign(header, { ...claims, ...more })
  }
  const parent = await mint('access token')
  const secret: Record<Kind, string> = {
    'access token': await mint('access token'),
    'ID token': await mint('ID token'),
    'JWT-SVID': await mint('JWT-SVID'),
    'delegated token': await within(access, parent, clock, (call) => delegate(call, { scopes: 'chat', roles: 'analyst', ttl: 300, audience })),
    'bound token': await mint('access token', { sub: 'bea', cnf: { jkt: holder.jkt } }),
    'opaque token': server.issue({ sub: 'olga' }),
    'API key': apiSecret,
    certificate: certificate.pem,
  }
  return {
    key,
    server,
    holder,
    verifiers: [
      access,
      oidcIdToken({ issuer: provider, audience, keys: key.jwks, clock }),
      jwtSvid({ trustDomain, audience, bundle: { keys: key.jwks.keys.map((each) => ({ ...each, use: 'jwt-svid' })) }, clock }),
      delegated({ issuer: provider, subjectsOf: provider, audience, keys: key.jwks, clock }),
      opaque({ ...server.options, clock }),
      apiKey({ prefix: 'sp_', keys: [{ id: 'key-of-robot', hash, identity: { subject: 'robot', roles: ['analyst'] } }], clock }),
      clientCertificate({ trustDomain, clock }),
    ],
    token,
    secret,
    async show(kind) {
      switch (kind) {
        case 'certificate':
          return { headers: {}, channel: { secure: true, peerCertificate: secret[kind] } }
        case 'API key':
          return { headers: { 'x-api-key': secret[kind] } }
        case 'bound token':
          return {
            headers: { authorization: `DPoP ${secret[kind]}`, dpop: await holder.proof({ method: 'POST', url: address, token: secret[kind] }) },
          }
        default:
          return { headers: { authorization: `Bearer ${secret[kind]}` } }
      }
    },
  }
}

type Delegating = Parameters<ReturnType<typeof delegator>['delegate']>[0]

/** What a task makes of a call that runs with this token. */
export async function within<T>(verifier: Verifier, token: string, clock: TestClock, task: (call: Delegating) => Promise<T>): Promise<T> {
  const made: T[] = []
  const run = guard({ name: 'agent', clock, onError: () => {} })
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [verifier] }))
    .use(authorize({ evaluator: allowAll() }))
    .protect(
      async (_input: string, call) => {
        made.push(await task(call))
        return ''
      },
      { action: 'invoke_agent', resource: { type: 'agent', id: 'agent' }, codec: plainText },
    )
  await run('go', { credentials: { authorization: `Bearer ${token}` } })
  const [first] = made
  assert.ok(first !== undefined)
  return first
}
