import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  anonymous,
  apiKey,
  clientCertificate,
  delegated,
  type GuardErrorCode,
  jwt,
  jwtSvid,
  newApiKey,
  oidcIdToken,
  opaque,
  type Verifier,
  verifyIdentity,
} from '../../src/index.ts'
import { allowAll, dpopKey, recordingLog, testClock } from '../../src/testing/index.ts'
import { audience, everyCaller, type Kind, kinds, provider, type Shown, tokenKinds, trustDomain } from './callers.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { address, type Served, served } from './served.ts'
import { signingKey } from './signing-key.ts'
import { wholeGuard } from './whole-guard.ts'

/** Who stands behind each kind of credential: issuer, subject, kind, binding, who acts. */
const identities: Readonly<Record<Kind, readonly unknown[]>> = {
  'access token': [provider, 'ada', 'user', undefined, undefined],
  'ID token': [provider, 'ida', 'user', undefined, undefined],
  'JWT-SVID': [`spiffe://${trustDomain}`, `spiffe://${trustDomain}/agent`, 'service', undefined, undefined],
  'delegated token': [provider, 'ada', 'user', undefined, [{ subject: 'agent', issuer: provider }]],
  'bound token': [provider, 'bea', 'user', 'dpop', undefined],
  'opaque token': ['https://as.example', 'olga', 'user', undefined, undefined],
  'API key': ['urn:sallyport:api-key', 'robot', 'service', undefined, undefined],
  certificate: [`spiffe://${trustDomain}`, `spiffe://${trustDomain}/worker`, 'service', 'mtls', undefined],
}

/** A server that takes every kind, and lets whoever is known do anything: identity alone refuses here. */
async function scene() {
  const clock = testClock()
  const callers = await everyCaller(clock)
  const serverOf = (verifiers: readonly Verifier[] = callers.verifiers, log = recordingLog()): Served =>
    served(wholeGuard({ clock, log, identity: { verifiers }, policy: { evaluator: allowAll() } }), undefined, { origin: new URL(address).origin })
  return { clock, callers, serverOf }
}

const ask = (server: Served, { headers, channel = {} }: Shown): Promise<Response> => server.askOver(channel, chatRequest('x'), headers)

async function refused(server: Served, shown: Shown, what: string, codes: readonly GuardErrorCode[] = ['identity_invalid', 'binding_invalid']) {
  const before = server.ran.length
  const response = await ask(server, shown)
  const { code } = (await response.clone().json()) as { code: GuardErrorCode }
  assert.ok(codes.includes(code), `${what}: ${response.status} ${code}`)
  await assertRefused(
    response,
    code,
    Object.values(shown.headers).filter(({ length }) => length > 8),
  )
  assert.equal(server.ran.length, before, what)
}

describe('A1: every kind of credential', () => {
  test('is taken for what it is, where every kind is taken', async () => {
    const { callers, serverOf } = await scene()
    for (const kind of kinds) {
      const log = recordingLog()
      const server = serverOf([...callers.verifiers, anonymous()], log)
      // Twice: what was verified before is remembered, and is the same.
      for (let time = 1; time <= 2; time++) assert.equal((await ask(server, await callers.show(kind))).status, 200, kind)
      assert.equal(server.ran.length, 2)
      for (const record of log.entries) {
        assert.ok((record.kind === 'decision' || record.kind === 'outcome') && record.subject)
        const { issuer, subject, kind: found, binding, actors } = record.subject
        assert.deepEqual([issuer, subject, found, binding, actors], identities[kind])
      }
    }
  })

  test('is refused where every kind but its own is taken', async () => {
    const { callers, serverOf } = await scene()
    const own: Readonly<Record<Kind, string>> = {
      'access token': 'jwt',
      'ID token': 'oidcIdToken',
      'JWT-SVID': 'jwtSvid',
      'delegated token': 'delegated',
      'bound token': 'jwt',
      'opaque token': 'opaque',
      'API key': 'apiKey',
      certificate: 'clientCertificate',
    }
    for (const kind of kinds) {
      const others = callers.verifiers.filter((verifier) => verifier.describe().kind !== own[kind])
      assert.equal(others.length, callers.verifiers.length - 1)
      // An API key that comes as a bearer's is a token of some kind to whoever knows no API keys.
      const server = serverOf(others)
      await refused(server, await callers.show(kind), kind, ['identity_invalid', 'binding_invalid', 'identity_missing'])
      assert.equal(server.ran.length, 0)
      if (kind === 'certificate') continue
      const open = serverOf([...others, anonymous()])
      await refused(open, await callers.show(kind), `${kind}, where strangers are let in`)
      assert.equal(open.ran.length, 0)
    }
  })

  test('is refused in every place and under every scheme but its own', async () => {
    const { callers, serverOf } = await scene()
    const server = serverOf([...callers.verifiers, anonymous()])
    const proof = (token: string) => callers.holder.proof({ method: 'POST', url: address, token })
    const places: Readonly<Record<string, (secret: string) => Promise<Shown> | Shown>> = {
      Bearer: (secret) => ({ headers: { authorization: `Bearer ${secret}` } }),
      DPoP: async (secret) => ({ headers: { authorization: `DPoP ${secret}`, dpop: await proof(secret) } }),
      'DPoP without a proof': (secret) => ({ headers: { authorization: `DPoP ${secret}` } }),
      'Bearer with a proof': async (secret) => ({ headers: { authorization: `Bearer ${secret}`, dpop: await proof(secret) } }),
      ApiKey: (secret) => ({ headers: { authorization: `ApiKey ${secret}` } }),
      'x-api-key': (secret) => ({ headers: { 'x-api-key': secret } }),
      Basic: (secret) => ({ headers: { authorization: `Basic ${btoa(`ada:${secret}`)}` } }),
      Token: (secret) => ({ headers: { authorization: `Token ${secret}` } }),
      Certificate: (secret) => ({ headers: { authorization: `Certificate ${secret}` } }),
      'no scheme': (secret) => ({ headers: { authorization: secret } }),
      'a proof': (secret) => ({ headers: { dpop: secret } }),
      'a certificate': (secret) => ({ headers: {}, channel: { secure: true, peerCertificate: secret } }),
      'a certificate in bytes': (secret) => ({ headers: {}, channel: { secure: true, peerCertificate: new TextEncoder().encode(secret) } }),
    }
    const right: Readonly<Record<Kind, readonly string[]>> = {
      'access token': ['Bearer'],
      'ID token': ['Bearer'],
      'JWT-SVID': ['Bearer'],
      'delegated token': ['Bearer'],
      'bound token': ['DPoP'],
      'opaque token': ['Bearer'],
      'API key': ['Bearer', 'ApiKey', 'x-api-key'],
      certificate: ['a certificate'],
    }
    for (const kind of kinds)
      for (const [place, put] of Object.entries(places)) {
        // A text of several lines is no header field.
        const secret = callers.secret[kind]
        if (kind === 'certificate' && !place.startsWith('a certificate')) continue
        if (!right[kind].includes(place)) await refused(server, await put(secret), `${kind} as ${place}`)
      }
    assert.equal(server.ran.length, 0)
    for (const kind of kinds)
      for (const place of right[kind])
        assert.equal((await ask(server, await (places[place]?.(callers.secret[kind]) ?? assert.fail()))).status, 200, `${kind} as ${place}`)
  })

  test('is told from the others by its type and its claims alone, where one key signs them all', async () => {
    const { callers, serverOf } = await scene()
    const server = serverOf()
    const right: Readonly<Record<(typeof tokenKinds)[number], readonly (string | undefined)[]>> = {
      'access token': ['at+jwt', 'application/at+jwt', 'AT+JWT'],
      'ID token': ['JWT', undefined],
      'JWT-SVID': ['JWT', 'JOSE', undefined],
      'delegated token': ['delegation+jwt'],
    }
    const types = [...new Set(Object.values(right).flat()), 'secevent+jwt', 'logout+jwt', 'dpop+jwt', 'at-jwt', 'access', '', null, 5]
    for (const kind of tokenKinds)
      for (const typ of types) {
        const { claims } = callers.token[kind]()
        const authorization = `Bearer ${await callers.key.sign({ typ }, claims)}`
        const what = `${kind} of type ${String(typ)}`
        if (right[kind].some((each) => each === typ)) assert.equal((await ask(server, { headers: { authorization } })).status, 200, what)
        else await refused(server, { headers: { authorization } }, what)
      }
    // What only the others have makes a token of none of these kinds.
    const foreign: Readonly<Record<(typeof tokenKinds)[number], readonly object[]>> = {
      'access token': [{ at_hash: 'x' }, { c_hash: 'x' }, { events: {} }],
      'ID token': [{ scope: 'chat' }, { scp: ['chat'] }, { client_id: 'web' }, { events: {} }],
      'JWT-SVID': [{ events: {} }, { at_hash: 'x' }, { c_hash: 'x' }],
      'delegated token': [{ sub_id: undefined }, { made_of: undefined }, { act: undefined }],
    }
    for (const kind of tokenKinds)
      for (const more of foreign[kind]) {
        const { header, claims } = callers.token[kind]()
        const authorization = `Bearer ${await callers.key.sign(header, { ...claims, ...more })}`
        await refused(server, { headers: { authorization } }, `${kind} with ${JSON.stringify(more)}`)
      }
    // A proof of possession, signed by a key that an issuer has, is no token.
    const { jwk } = await dpopKey()
    const claims = { htm: 'POST', htu: address, ...callers.token['access token']().claims }
    await refused(server, { headers: { authorization: `Bearer ${await callers.key.sign({ typ: 'dpop+jwt', jwk }, claims)}` } }, 'a proof')
  })

  test('is signed by a key of its own kind: the keys of one issuer verify nothing of another', async () => {
    const { clock, callers, serverOf } = await scene()
    const [here, bot, spire, other] = [callers.key, await signingKey(), await signingKey(), await signingKey()]
    const server = serverOf([
      jwt({ issuer: provider, audience, keys: here.jwks, clock }),
      delegated({ issuer: 'https://bot.example', subjectsOf: provider, audience, keys: bot.jwks, clock }),
      jwtSvid({
        trustDomain,
        audience,
        clock,
        bundle: {
          keys: [
            ...spire.jwks.keys.map((key) => ({ ...key, use: 'jwt-svid' })),
            // For certificates, and for whatever: in the bundle, and not for these tokens.
            ...other.jwks.keys.map((key) => ({ ...key, kid: 'x509', use: 'x509-svid' })),
            ...here.jwks.keys.map((key) => ({ ...key, kid: 'any' })),
          ],
        },
      }),
    ])
    const delegation = callers.token['delegated token']()
    const tokens = {
      'access token': [callers.token['access token'](), here],
      'delegated token': [{ ...delegation, claims: { ...delegation.claims, iss: 'https://bot.example' } }, bot],
      'JWT-SVID': [callers.token['JWT-SVID'](), spire],
    } as const
    for (const [kind, [{ header, claims }, own]] of Object.entries(tokens)) {
      for (const key of [here, bot, spire, other])
        if (key !== own)
          for (const kid of [undefined, 'key-1', 'x509', 'any'])
            await refused(server, { headers: { authorization: `Bearer ${await key.sign({ ...header, kid }, claims)}` } }, `${kind} with ${kid}`)
      assert.equal((await ask(server, { headers: { authorization: `Bearer ${await own.sign(header, claims)}` } })).status, 200, kind)
    }
  })

  test('comes alone: of two at once none is taken, and a good one beside a bad one does not save it', async () => {
    const { callers, serverOf } = await scene()
    const server = serverOf([...callers.verifiers, anonymous()])
    const { secret } = callers
    const certificate = { secure: true, peerCertificate: secret.certificate }
    for (const kind of [...tokenKinds, 'opaque token'] as const) {
      const headers = { authorization: `Bearer ${secret[kind]}`, 'x-api-key': secret['API key'] }
      await refused(server, { headers }, `${kind} and an API key`)
      const forged = { authorization: `Bearer ${secret[kind].slice(0, -4)}AAAA` }
      await refused(server, { headers: forged, channel: certificate }, `${kind}, forged, with a good certificate`)
      const two = { authorization: `Bearer ${secret[kind]}, Bearer ${secret['access token']}` }
      await refused(server, { headers: two }, `${kind} and an access token`)
    }
    await refused(
      server,
      { headers: { 'x-api-key': `${secret['API key'].slice(0, -4)}AAAA` }, channel: certificate },
      'a forged key with a certificate',
    )
    await refused(server, { headers: { authorization: '' }, channel: certificate }, 'an empty field with a certificate')
    await refused(server, { headers: {}, channel: { secure: true, peerCertificate: '' } }, 'an empty certificate')
    assert.equal(server.ran.length, 0)
  })

  test('has one verifier: two that could take the same credential are a mistake of the set-up', async () => {
    const { callers } = await scene()
    const { key, server } = callers
    const entry = async (id: string) => ({ id, hash: (await newApiKey()).hash, identity: { subject: id } })
    const keys = [await entry('a')]
    const pairs: readonly (readonly [Verifier, Verifier])[] = [
      [jwt({ issuer: provider, audience, keys: key.jwks }), jwt({ issuer: provider, audience: 'other', keys: key.jwks })],
      [jwt({ issuer: provider, audience, keys: key.jwks, typ: 'JWT' }), oidcIdToken({ issuer: provider, audience, keys: key.jwks })],
      [
        jwtSvid({ trustDomain, audience, bundle: { keys: key.jwks.keys.map((each) => ({ ...each, use: 'jwt-svid' })) } }),
        jwtSvid({ trustDomain, audience: 'other', bundle: { keys: key.jwks.keys.map((each) => ({ ...each, use: 'jwt-svid' })) } }),
      ],
      [opaque(server.options), opaque({ ...server.options, issuer: 'https://other.example', prefix: 'x' })],
      [apiKey({ keys, prefix: 'sp' }), apiKey({ keys, prefix: 'sp_' })],
      [apiKey({ keys }), apiKey({ keys, prefix: 'sp_' })],
      [clientCertificate(), clientCertificate({ trustDomain })],
      [anonymous(), anonymous()],
    ]
    for (const verifiers of pairs)
      assert.throws(() => verifyIdentity({ verifiers }), TypeError, JSON.stringify(verifiers.map((each) => each.describe())))
  })
})
