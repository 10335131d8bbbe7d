import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { guardHandler, jwt, knownDevices, openaiChat, policySet } from '../../src/index.ts'
import { dpopKey, testClock, testIssuer } from '../../src/testing/index.ts'
import { certificateAuthority } from './certificates.ts'
import { chatRequest, completion } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { address, post, served } from './served.ts'
import { chat, issuer as usualIssuer, wholeGuard } from './whole-guard.ts'

/** What each model wants of a caller, and the claims by which an issuer says that it has it. */
const rights = {
  role: [{ subject: { roles: ['analyst'] } }, { roles: ['analyst'] }],
  scope: [{ when: { 'subject.scopes': { contains: 'admin' } } }, { scope: 'chat admin' }],
  kind: [{ subject: { type: 'service' } }, { sub: 'robot', client_id: 'robot' }],
  tenant: [{ when: { 'subject.tenant': { eq: 'acme' } } }, { tenant: 'acme' }],
  subject: [{ subject: { id: 'root' } }, { sub: 'root' }],
  issuer: [{ when: { 'subject.issuer': { eq: 'https://issuer.example' } }, subject: { roles: ['staff'] } }, { roles: ['staff'] }],
  actor: [{ when: { 'subject.actor': { eq: 'trusted-agent' } } }, { act: { sub: 'trusted-agent' } }],
  acr: [{ when: { 'subject.acr': { eq: 'phr' } } }, { acr: 'phr' }],
  amr: [{ when: { 'subject.amr': { contains: 'hwk' } } }, { amr: ['hwk'] }],
  claim: [{ when: { 'subject.claims.status': { eq: 'active' } } }, { status: 'active' }],
} as const

const policy = policySet({
  id: 'rights',
  rules: [
    ...Object.entries(rights).map(([name, [who]]) => ({ id: name, effect: 'permit', resource: { type: 'model', id: `gpt-${name}` }, ...who })),
    {
      id: 'device',
      effect: 'permit',
      resource: { type: 'model', id: 'gpt-device' },
      when: { 'subject.posture.compliant': { eq: true }, 'subject.deviceStatus': { eq: 'known' } },
    },
    { id: 'binding', effect: 'permit', resource: { type: 'model', id: 'gpt-binding' }, when: { 'subject.binding': { eq: 'dpop' } } },
  ],
})

/** Everything that a caller would like to be, under the names that somebody might read. */
const raised: Readonly<Record<string, unknown>> = {
  sub: 'root',
  subject: 'root',
  user: 'root',
  role: 'analyst',
  roles: ['analyst', 'staff'],
  groups: ['analyst', 'staff'],
  scope: 'chat admin',
  scopes: ['admin'],
  scp: ['admin'],
  client_id: 'eve',
  kind: 'service',
  type: 'service',
  tenant: 'acme',
  tid: 'acme',
  act: { sub: 'trusted-agent' },
  actor: 'trusted-agent',
  acr: 'phr',
  amr: ['hwk'],
  status: 'active',
  binding: 'dpop',
  posture: { compliant: true },
  device: { id: 'x', status: 'known', posture: { compliant: true } },
  deviceStatus: 'known',
  compliant: true,
  identity: { subject: 'root', roles: ['analyst'] },
  claims: { roles: ['analyst'], status: 'active' },
}

function scene() {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  const devices = knownDevices({ clock })
  const identity = { verifiers: [jwt(issuer.options)], devices: { posture: devices } }
  const server = served(wholeGuard({ clock, identity, policy: { evaluator: policy } }), undefined, { origin: new URL(address).origin })
  return { clock, issuer, devices, server }
}

const models = [...Object.keys(rights), 'device', 'binding'].map((name) => `gpt-${name}`)

describe('A3: what nobody has signed', () => {
  test('gives no right, in whatever place it stands; signed, it does', async () => {
    const { issuer, server } = scene()
    const guest = { sub: 'eve', roles: ['guest'], scope: 'chat' }
    const { authorization } = await issuer.bearer(guest)
    const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
    const named = Object.entries(raised).map(([name, value]): [string, string] => [name, text(value)])
    const fields = (prefix: string): Record<string, string> => Object.fromEntries(named.map(([name, value]) => [`${prefix}${name}`, value]))
    const inHeader = await issuer.bearer(guest, { header: raised })
    const places: Readonly<Record<string, (model: string) => Request>> = {
      'header fields': (model) =>
        post(chatRequest('x', { model }), { authorization, ...fields('x-'), ...fields('x-auth-'), ...fields('x-forwarded-') }),
      'header fields without a prefix': (model) => post(chatRequest('x', { model }), { authorization, ...fields('') }),
      'fields of proxies': (model) =>
        post(chatRequest('x', { model }), {
          authorization,
          forwarded: 'for=root;by=root',
          'x-remote-user': 'root',
          'x-spiffe-id': 'spiffe://example.org/root',
          'x-amzn-oidc-identity': 'root',
          'x-goog-authenticated-user-email': 'root',
          'x-ms-client-principal': Buffer.from(JSON.stringify(raised)).toString('base64'),
        }),
      cookies: (model) =>
        post(chatRequest('x', { model }), { authorization, cookie: named.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('; ') }),
      'the query': (model) => new Request(`${address}?${new URLSearchParams(named)}`, post(chatRequest('x', { model }), { authorization })),
      'the body, where vendors have a place for it': (model) =>
        post(chatRequest('x', { model, user: 'root', metadata: Object.fromEntries(named.slice(0, 16)) }), { authorization }),
      'the body, anywhere': (model) => post(chatRequest('x', { ...raised, model }), { authorization }),
      'a message': (model) => post(chatRequest(`I am root. ${JSON.stringify(raised)}`, { model }), { authorization }),
      "the token's header": (model) => post(chatRequest('x', { model }), inHeader),
      'behind the token': (model) =>
        post(chatRequest('x', { model }), { authorization: `${authorization}.${Buffer.from(JSON.stringify(raised)).toString('base64url')}` }),
    }
    for (const [place, request] of Object.entries(places))
      for (const model of models) {
        const response = await server.handler(request(model))
        const { code } = (await response.clone().json()) as { code: string }
        assert.ok(
          ['denied', 'payload_unsupported', 'payload_invalid', 'identity_invalid'].includes(code),
          `${model}, by ${place}: ${response.status} ${code}`,
        )
        if (code === 'denied') await assertRefused(response, 'denied', ['eve', 'guest'])
      }
    assert.equal(server.ran.length, 0)
    for (const [name, [, claims]] of Object.entries(rights)) {
      const response = await server.ask(chatRequest('x', { model: `gpt-${name}` }), await issuer.bearer({ ...guest, ...claims }))
      assert.equal(response.status, 200, name)
    }
    assert.equal(server.ran.length, Object.keys(rights).length)
  })

  test('gives no right where the caller itself has signed it: in its proof of possession', async () => {
    const { clock, issuer, devices, server } = scene()
    const key = await dpopKey({ clock })
    const token = await issuer.mint({ sub: 'eve', roles: ['guest'], cnf: { jkt: key.jkt } }, { expiresIn: 3_000 })
    const headers = async (more: object): Promise<Record<string, string>> => ({
      authorization: `DPoP ${token}`,
      dpop: await key.proof({ method: 'POST', url: address, token, ...more }),
    })
    for (const model of models.filter((name) => name !== 'gpt-binding')) {
      await assertRefused(await server.ask(chatRequest('x', { model }), await headers({ claims: raised })), 'denied')
      await assertRefused(await server.ask(chatRequest('x', { model }), await headers({ header: raised })), 'denied')
    }
    assert.equal(server.ran.length, 0)
    // That there is a proof is proven, and what somebody else knows of its key.
    assert.equal((await server.ask(chatRequest('x', { model: 'gpt-binding' }), await headers({}))).status, 200)
    await devices.report(key.jkt, { compliant: true })
    assert.equal((await server.ask(chatRequest('x', { model: 'gpt-device' }), await headers({}))).status, 200)
    await devices.report(key.jkt, { compliant: 'true' })
    await assertRefused(await server.ask(chatRequest('x', { model: 'gpt-device' }), await headers({})), 'denied')
    await devices.forget(key.jkt)
    await assertRefused(await server.ask(chatRequest('x', { model: 'gpt-device' }), await headers({})), 'denied')
    await devices.report(key.jkt, { compliant: true })
    clock.advance(300_001)
    await assertRefused(await server.ask(chatRequest('x', { model: 'gpt-device' }), await headers({})), 'denied')
  })

  test("a certificate that was copied into a field is nobody's proof, unless it comes from the proxy that was named", async () => {
    const clock = testClock()
    const issuer = testIssuer({ clock })
    const certificate = await (await certificateAuthority(clock.now())).issue({ now: clock.now() })
    const token = await issuer.mint({ roles: ['analyst'], cnf: { 'x5t#S256': certificate.thumbprint } })
    const base = wholeGuard({ clock, identity: { verifiers: [jwt(issuer.options)] } })
    const oneLine = Buffer.from(certificate.der).toString('base64')
    const copies: readonly Readonly<Record<string, string>>[] = [
      { 'client-cert': `:${oneLine}:` },
      { 'x-forwarded-client-cert': `Cert="${encodeURIComponent(certificate.pem)}"` },
      { 'x-client-cert': oneLine },
      { 'x-ssl-cert': encodeURIComponent(certificate.pem) },
      { 'ssl-client-cert': oneLine },
      { 'x-arr-clientcert': oneLine },
      { 'cf-client-cert-der-base64': oneLine },
    ]
    const fromProxy = new WeakSet<Request>()
    const forwardedCertificate = { field: 'client-cert', trust: (_channel: unknown, request: Request) => fromProxy.has(request) } as const
    const servers = [
      served(base, undefined, { channel: () => ({ secure: true }) }),
      served(base, undefined, { channel: () => ({ secure: true }), forwardedCertificate }),
    ]
    for (const server of servers)
      for (const copy of copies)
        for (const scheme of ['Bearer', 'DPoP'])
          await assertRefused(await server.ask(chatRequest('x'), { authorization: `${scheme} ${token}`, ...copy }), 'binding_invalid', [oneLine])
    const [, trusting] = servers
    assert.ok(trusting)
    const proxied = (headers: Record<string, string>): Promise<Response> => {
      const request = post(chatRequest('x'), { authorization: `Bearer ${token}`, ...headers })
      fromProxy.add(request)
      return trusting.handler(request)
    }
    const other = await (await certificateAuthority(clock.now())).issue({ now: clock.now() })
    const field = (der: Uint8Array): string => `:${Buffer.from(der).toString('base64')}:`
    assert.equal((await proxied({ 'client-cert': field(certificate.der) })).status, 200)
    for (const headers of [{}, { 'client-cert': field(other.der) }, { 'x-forwarded-client-cert': copies[1]?.['x-forwarded-client-cert'] ?? '' }])
      await assertRefused(await proxied(headers), 'binding_invalid')
    for (const value of ['', oneLine, `${field(certificate.der)}, ${field(other.der)}`, `${field(certificate.der)};x=1`, ':AAAA:x'])
      assert.equal((await proxied({ 'client-cert': value })).status, 401)
    assert.equal(trusting.ran.length, 1)
    assert.equal(servers[0]?.ran.length, 0)
  })

  test('nothing that a caller proved itself with reaches the handler, to be taken for a proof there', async () => {
    const seen: string[] = []
    const handler = guardHandler(wholeGuard(), { ...chat, codec: openaiChat }, (request, call) => {
      seen.push(...request.headers.keys(), ...Object.keys(call))
      assert.equal(call.credentials, undefined)
      return completion('x')
    })
    const { authorization } = await usualIssuer.bearer({ roles: ['analyst'] })
    const headers = {
      authorization,
      cookie: 'a=b',
      'proxy-authorization': 'Basic x',
      'client-cert': ':AAAA:',
      'x-forwarded-client-cert': 'Hash=x',
      'x-kept': '1',
    }
    assert.equal((await handler(post(chatRequest('x'), headers))).status, 200)
    assert.ok(seen.includes('x-kept') && seen.includes('identity'))
    for (const name of [
      'authorization',
      'cookie',
      'proxy-authorization',
      'dpop',
      'x-api-key',
      'client-cert',
      'x-forwarded-client-cert',
      'credentials',
    ])
      assert.ok(!seen.includes(name), name)
  })
})
