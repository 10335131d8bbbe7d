import assert from 'node:assert/strict'
import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto'
import { describe, test } from 'node:test'
import type { GuardErrorCode } from '../../src/index.ts'
import { allowAll, testClock } from '../../src/testing/index.ts'
import { audience, everyCaller, provider, type TokenKind, tokenKinds, trustDomain } from './callers.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { wholeGuard } from './whole-guard.ts'

type Values = Readonly<Record<string, readonly unknown[]>>

const noText: readonly unknown[] = [undefined, null, '', [], {}, true, 5]
const noTime = (at: number): readonly unknown[] => [null, '', [], {}, true, String(at), [at], 1e300]
const noAudience: readonly unknown[] = [
  ...noText,
  `${audience}/`,
  'https://other.example',
  ['https://other.example'],
  [[audience]],
  [audience, 5],
  { 0: audience },
]

/** Values that a claim must not have, for each kind; those of access tokens stand in `a01-tokens`. */
const wrongClaims = (now: number): Readonly<Record<Exclude<TokenKind, 'access token'>, Values>> => ({
  'ID token': {
    iss: [...noText, `${provider}/`, provider.toUpperCase(), 'https://evil.example', [provider]],
    aud: [...noAudience, [audience, 'https://other.example']],
    azp: [null, '', [], 5, 'https://other.example'],
    sub: [...noText, ['ida'], 'x'.repeat(256), 'zoë'],
    exp: [undefined, ...noTime(now + 300)],
    iat: [undefined, ...noTime(now), now + 6],
    nbf: [...noTime(now), now + 6],
    auth_time: noTime(now),
    acr: [null, '', [], 5],
    amr: [null, [5], [['pwd']], {}],
    roles: [null, 5, [5], [['analyst']], {}],
    tenant: [null, '', [], 5],
    act: [null, 'agent', [], {}, { sub: '' }, { sub: 'x', act: {} }],
  },
  'JWT-SVID': {
    sub: [
      ...noText,
      'ada',
      `spiffe://${trustDomain}`,
      `spiffe://${trustDomain}/`,
      `spiffe://${trustDomain}/a//b`,
      `spiffe://${trustDomain}/../root`,
      `spiffe://${trustDomain}/%61gent`,
      `spiffe://${trustDomain}:443/agent`,
      `spiffe://${trustDomain}/agent?x`,
      `spiffe://user@${trustDomain}/agent`,
      `SPIFFE://${trustDomain}/agent`,
      `spiffe://${trustDomain.toUpperCase()}/agent`,
      `spiffe://${trustDomain}.evil.example/agent`,
      'spiffe://evil.example/agent',
    ],
    aud: noAudience,
    exp: [undefined, ...noTime(now + 300)],
    iat: [...noTime(now), now + 6],
    nbf: [...noTime(now), now + 6],
  },
  'delegated token': {
    iss: [...noText, 'https://evil.example'],
    sub: [...noText, 'root'],
    sub_id: [
      ...noText,
      { format: 'opaque', id: 'ada' },
      { format: 'iss_sub', iss: provider, sub: 'root' },
      { format: 'iss_sub', iss: 'https://evil.example', sub: 'ada' },
      { format: 'iss_sub', sub: 'ada' },
    ],
    aud: noAudience,
    exp: [undefined, ...noTime(now + 300)],
    iat: [undefined, ...noTime(now), now + 6],
    nbf: [...noTime(now), now + 6],
    jti: noText,
    kind: [...noText, 'root', ['user']],
    act: [...noText, 'agent', { sub: '' }, { sub: 5 }],
    made_of: [...noText, 'x', [{}], [{ jti: 'x' }], [{ iss: provider, jti: 5 }], [{ iss: provider, iat: 'now' }]],
    roles: [null, 5, [5], [['analyst']], {}],
    scope: [null, 5, [5], {}],
  },
})

/** A server that takes every kind of token and lets whoever is known do anything. */
async function scene() {
  const clock = testClock()
  const callers = await everyCaller(clock)
  const server = served(wholeGuard({ clock, identity: { verifiers: callers.verifiers }, policy: { evaluator: allowAll() } }))
  const ask = (token: string): Promise<Response> => server.ask(chatRequest('x'), { authorization: `Bearer ${token}` })
  const refused = async (token: string, what: string, code: GuardErrorCode = 'identity_invalid'): Promise<void> => {
    try {
      await assertRefused(await ask(token), code, [provider, 'kid'])
    } catch (error) {
      throw new Error(`${what}: ${String(error)}`, { cause: error })
    }
  }
  const mint = (kind: TokenKind, { header, claims }: { readonly header?: object; readonly claims?: object }): Promise<string> => {
    const right = callers.token[kind]()
    return callers.key.sign({ ...right.header, ...header }, { ...right.claims, ...claims })
  }
  return { clock, callers, server, ask, refused, mint, now: Math.floor(clock.now() / 1000) }
}

describe('A1: tokens of every profile', () => {
  for (const kind of tokenKinds) {
    if (kind === 'access token') continue
    test(`${kind}: a claim that is missing, of a wrong type or of a wrong value`, async () => {
      const { server, ask, refused, mint, now } = await scene()
      assert.equal((await ask(await mint(kind, {}))).status, 200)
      for (const [name, values] of Object.entries(wrongClaims(now)[kind]))
        for (const value of values) await refused(await mint(kind, { claims: { [name]: value } }), `${name} is ${JSON.stringify(value)}`)
      for (const cnf of [{ jkt: 'x' }, { 'x5t#S256': 'x' }, {}, null])
        await refused(await mint(kind, { claims: { cnf } }), `bound as ${JSON.stringify(cnf)}`, 'binding_invalid')
      assert.equal(server.ran.length, 1)
    })
  }

  for (const kind of tokenKinds)
    test(`${kind}: an algorithm, a key or a parameter that does not count`, async () => {
      const { callers, server, ask, refused, mint } = await scene()
      const [jwk] = callers.key.jwks.keys
      for (const alg of ['none', 'None', 'HS256', 'RS256', 'ES384', 'EdDSA', 'ES256K', 'es256', '', null, 5, ['ES256']])
        await refused(await mint(kind, { header: { alg } }), `alg ${JSON.stringify(alg)}`)
      for (const kid of ['key-2', 'KEY-1', '', null, 5, ['key-1'], 'k'.repeat(5_000)])
        await refused(await mint(kind, { header: { kid } }), `kid ${String(kid)}`)
      for (const more of [{ crit: ['exp'], exp: 1 }, { crit: ['b64'], b64: false }, { crit: [] }, { crit: null }, { b64: false }])
        await refused(await mint(kind, { header: more }), JSON.stringify(more))
      await refused(await mint(kind, { claims: { padding: 'x'.repeat(10_000) } }), 'over-long')
      const [head = '', payload = '', signature = ''] = (await mint(kind, {})).split('.')
      for (const token of [
        `${head}.${payload}.`,
        `${head}.${payload}`,
        `${head}.${payload}.${signature}.`,
        `${head}.${payload}.${signature}=`,
        `${head}=.${payload}.${signature}`,
      ])
        await refused(token, 'respelled')
      await refused(`${head}.${payload}.${Buffer.alloc(64).toString('base64url')}`, 'zeros')
      const pem = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
      const input = `${Buffer.from(JSON.stringify({ ...callers.token[kind]().header, alg: 'HS256', kid: 'key-1' })).toString('base64url')}.${payload}`
      for (const secret of [pem, String(pem).trim(), JSON.stringify(jwk)])
        await refused(`${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`, 'an HMAC made with the public key')
      // What a token brings along is not followed, and does no harm.
      assert.equal(
        (await ask(await mint(kind, { header: { jku: 'https://evil.example', x5u: 'https://evil.example', jwk: { kty: 'EC' } } }))).status,
        200,
      )
      assert.equal(server.ran.length, 1)
    })

  for (const kind of tokenKinds)
    test(`${kind}: is over when it says so, and not good before it says so`, async () => {
      const { clock, server, ask, refused, mint, now } = await scene()
      const token = await mint(kind, { claims: { exp: now + 100, nbf: now } })
      for (let time = 0; time < 2; time++) assert.equal((await ask(token)).status, 200)
      clock.advance(99_999)
      assert.equal((await ask(token)).status, 200)
      clock.advance(1)
      for (const claims of [{ exp: now + 100 }, { exp: now }, { exp: 0 }, { exp: -1 }])
        await refused(await mint(kind, { claims: { nbf: now, ...claims } }), JSON.stringify(claims), 'identity_expired')
      await refused(token, 'remembered', 'identity_expired')
      assert.equal(server.ran.length, 3)
    })
})
