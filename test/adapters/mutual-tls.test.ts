import assert from 'node:assert/strict'
import { Agent, createServer, request as send, type RequestOptions, type ServerOptions } from 'node:https'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import express from 'express'
import { expressAdmit } from '../../src/adapters/express/express-admit.ts'
import { expressGuard } from '../../src/adapters/express/express-guard.ts'
import { toNode } from '../../src/adapters/node/to-node.ts'
import { guardHandler } from '../../src/adapters/web/guard-handler.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import { type Clock, systemClock } from '../../src/guard/clock.ts'
import type { Call, Channel } from '../../src/guard/context.ts'
import { control } from '../../src/guard/control.ts'
import { guard } from '../../src/guard/guard.ts'
import { clientCertificate } from '../../src/identity/client-certificate.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { anonymous, type Verifier } from '../../src/identity/verifier.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'
import { extension, issue, type Issued, keysOf, makeAuthority, svidExtensions, usage } from '../identity/certificates.ts'
import { chatOperation, chatRequest, completion } from './chat.ts'

const id = 'spiffe://example.org/billing'
const extensions = svidExtensions(id)
const root = await makeAuthority()
const stranger = await makeAuthority('CN=stranger')
const server = await issue(root, { extensions: [extension.leaf(), extension.signs(), extension.names([{ type: 'dns', value: 'localhost' }])] })
const billing = await issue(root, { extensions })

/** A chain in front of a handler that answers who called, and the channels that it saw. */
function chain(verifiers: readonly Verifier[] = [clientCertificate({ trustDomain: 'example.org' })], clock: Clock = systemClock) {
  const channels: Channel[] = []
  const chained = guard({ clock })
    .use(unaudited())
    .use(
      control('watch', {
        enter(call) {
          if (call.channel !== undefined) channels.push(call.channel)
        },
      }),
    )
    .use(verifyIdentity({ verifiers }))
    .use(authorize({ evaluator: allowAll() }))
  const answer = (_request: unknown, call: Call & { readonly identity: { readonly subject: string } }): object => completion(call.identity.subject)
  return { channels, chained, answer, listener: toNode(guardHandler(chained, chatOperation, answer)) }
}

/** Serves over TLS on a free port of this machine, asking clients for a certificate. */
async function serve(t: TestContext, listener: RequestListener, options: ServerOptions = {}): Promise<number> {
  const own = createServer({ key: server.key, cert: server.pem, ca: [root.pem], requestCert: true, rejectUnauthorized: false, ...options }, listener)
  await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    own.close()
    own.closeAllConnections()
  })
  return (own.address() as AddressInfo).port
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly challenge: string | undefined
}

/** Sends a chat request, with a certificate or without. */
function call(
  port: number,
  certificate?: Pick<Issued, 'pem' | 'key'>,
  options: RequestOptions & { readonly session?: Buffer } = {},
): Promise<Answer> {
  const body = JSON.stringify(chatRequest('x'))
  return new Promise((resolve, reject) => {
    const sent = send(
      {
        host: '127.0.0.1',
        port,
        path: '/v1/chat',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        servername: 'localhost',
        ca: [root.pem],
        ...(certificate !== undefined && { cert: certificate.pem, key: certificate.key }),
        agent: false,
        ...options,
      },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (piece: string) => (text += piece))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, challenge: answer.headers['www-authenticate'] }))
        answer.on('error', reject)
      },
    )
    sent.on('error', reject).end(body)
  })
}

const hour = 3_600_000
const others: Readonly<Record<string, Issued | undefined>> = {
  'no certificate': undefined,
  'a certificate of another authority': await issue(stranger, { extensions }),
  'one of its own': await makeAuthority('CN=own', { extensions }),
  'one that has expired': await issue(root, { extensions, notBefore: new Date(Date.now() - 2 * hour), notAfter: new Date(Date.now() - hour) }),
  'one that is not valid yet': await issue(root, { extensions, notBefore: new Date(Date.now() + hour), notAfter: new Date(Date.now() + 2 * hour) }),
  'one for servers': await issue(root, { extensions: [extension.leaf(), extension.signs(), extension.purposes('serverAuth'), extension.uri(id)] }),
}

// Of these the runtime's own TLS breaks the connection in the middle of the answer.
const impostor = await issue(await makeAuthority(root.name), { extensions })

describe('mutual TLS with a server that turns nobody away', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    test(`the certificate that ${version} has verified is the caller`, async (t) => {
      const { listener, channels } = chain()
      const port = await serve(t, listener, { minVersion: version, maxVersion: version })
      const answer = await call(port, billing)
      assert.equal(answer.status, 200)
      assert.match(answer.text, /spiffe:\/\/example\.org\/billing/)
      const [channel] = channels
      assert.equal(channel?.tlsVersion, version)
      assert.equal(channel?.secure, true)
      assert.equal(channel?.remoteAddress, '127.0.0.1')
      assert.deepEqual(channel?.peerCertificate, billing.der)
    })

  test('of a certificate that it has not verified, nothing is stated', async (t) => {
    const { listener, channels } = chain()
    const port = await serve(t, listener)
    for (const [what, certificate] of Object.entries(others)) {
      const answer = await call(port, certificate)
      assert.equal(answer.status, 401, what)
      assert.match(answer.text, /identity_missing/, what)
      assert.match(answer.challenge ?? '', /^Certificate/, what)
    }
    assert.equal(channels.length, Object.keys(others).length)
    for (const channel of channels) {
      assert.equal(channel.peerCertificate, undefined)
      assert.equal(channel.tlsVersion, 'TLSv1.3')
    }
  })

  test('a certificate of another authority of the same name brings nobody in', async (t) => {
    const { listener, channels } = chain()
    const port = await serve(t, listener)
    const answer = await call(port, impostor).catch(() => undefined)
    assert.ok(answer === undefined || answer.status === 401)
    for (const channel of channels) assert.equal(channel.peerCertificate, undefined)
  })

  test('a certificate that was verified and is no X.509-SVID of the domain is refused, and is not anonymous', async (t) => {
    const { listener } = chain([anonymous(), clientCertificate({ trustDomain: 'example.org' })])
    const port = await serve(t, listener)
    assert.match((await call(port)).text, /anonymous/)
    for (const wrong of ['spiffe://example.com/billing', 'spiffe://example.org']) {
      const answer = await call(port, await issue(root, { extensions: svidExtensions(wrong) }))
      assert.equal(answer.status, 401)
      assert.match(answer.text, /identity_invalid/)
    }
  })

  test('one that asks for no certificate states none', async (t) => {
    const { listener, channels } = chain()
    const port = await serve(t, listener, { requestCert: false })
    assert.match((await call(port, billing)).text, /identity_missing/)
    assert.equal(channels[0]?.peerCertificate, undefined)
  })

  test('an intermediate authority that the caller presents counts for the transport, and not for roots', async (t) => {
    const keys = await keysOf({ name: 'ECDSA', namedCurve: 'P-256' })
    const name = 'CN=intermediate'
    const between = await issue(root, { subject: name, keys, extensions: [extension.authority(), extension.uses(usage.keyCertSign)] })
    const below = await issue({ name, keys }, { extensions })
    const both = { pem: `${below.pem.trimEnd()}\n${between.pem}`, key: below.key }
    const port = await serve(t, chain().listener)
    assert.equal((await call(port, both)).status, 200)
    assert.equal((await call(port, below)).status, 401)
    const strict = await serve(t, chain([clientCertificate({ trustDomain: 'example.org', roots: root.pem })]).listener)
    assert.equal((await call(strict, both)).status, 401)
    assert.equal((await call(strict, billing)).status, 200)
  })

  test('roots narrow whom a server with several authorities takes', async (t) => {
    const two = { ca: [root.pem, stranger.pem] }
    const other = await issue(stranger, { extensions })
    const wide = await serve(t, chain().listener, two)
    assert.equal((await call(wide, other)).status, 200)
    const narrow = await serve(t, chain([clientCertificate({ trustDomain: 'example.org', roots: root.pem })]).listener, two)
    assert.equal((await call(narrow, other)).status, 401)
    assert.equal((await call(narrow, billing)).status, 200)
  })

  test('what the caller writes states no certificate', async (t) => {
    const { listener, channels } = chain()
    const port = await serve(t, listener)
    const headers = {
      'content-type': 'application/json',
      'client-cert': `:${Buffer.from(billing.der).toString('base64')}:`,
      'x-forwarded-client-cert': `Cert="${encodeURIComponent(billing.pem)}"`,
      'x-client-cert': encodeURIComponent(billing.pem),
    }
    assert.match((await call(port, undefined, { headers })).text, /identity_missing/)
    assert.equal(channels[0]?.peerCertificate, undefined)
  })
})

describe('a connection', () => {
  test('is judged anew with each of its calls', async (t) => {
    const clock = testClock(Date.now())
    const { listener, channels } = chain([clientCertificate({ trustDomain: 'example.org' })], clock)
    const port = await serve(t, listener)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    for (let count = 0; count < 3; count++) assert.equal((await call(port, billing, { agent })).status, 200)
    for (const { peerCertificate } of channels) assert.deepEqual(peerCertificate, billing.der)
    clock.advance(2 * hour)
    const late = await call(port, billing, { agent })
    assert.equal(late.status, 401)
    assert.match(late.text, /identity_expired/)
  })

  test('of two callers, each with its own, never says the other', async (t) => {
    const port = await serve(t, chain().listener)
    const made = await Promise.all(['a', 'b', 'c'].map((name) => issue(root, { extensions: svidExtensions(`spiffe://example.org/${name}`) })))
    const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => call(port, made[index % 3])))
    for (const [index, { text }] of answers.entries()) assert.match(text, new RegExp(`example\\.org/${'abc'[index % 3]}"`))
  })

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    test(`that resumes a session of ${version} is no more than it was`, async (t) => {
      const { listener, channels } = chain()
      const port = await serve(t, listener, { minVersion: version, maxVersion: version })
      for (const [certificate, status] of [
        [billing, 200],
        [others['a certificate of another authority'], 401],
        [undefined, 401],
      ] as const) {
        const { session, socket } = await sessionOf(port, certificate)
        socket.destroy()
        // Also without the certificate at hand: the session alone, as who stole it would use it.
        const resumed = await call(port, undefined, { session })
        assert.ok(resumed.status === status || resumed.status === 401, `${resumed.status}`)
        if (resumed.status === 200) assert.match(resumed.text, /spiffe:\/\/example\.org\/billing/)
        assert.equal((await call(port, certificate, { session })).status, status)
      }
      for (const { peerCertificate } of channels) if (peerCertificate !== undefined) assert.deepEqual(peerCertificate, billing.der)
    })
})

/** A session that can be resumed. */
function sessionOf(port: number, certificate: Issued | undefined): Promise<{ readonly session: Buffer; readonly socket: TLSSocket }> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: [root.pem],
      ...(certificate !== undefined && { cert: certificate.pem, key: certificate.key }),
    })
    socket.once('session', (session) => resolve({ session, socket })).once('error', reject)
    // With TLS 1.3 the session comes behind the handshake, when something is read.
    socket.once('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'))
    socket.resume()
  })
}

describe('mutual TLS with a server that turns others away', () => {
  test('only who has a certificate that it trusts comes in', async (t) => {
    const { listener, channels } = chain()
    const port = await serve(t, listener, { rejectUnauthorized: true })
    assert.equal((await call(port, billing)).status, 200)
    for (const [what, certificate] of Object.entries({ ...others, impostor })) await assert.rejects(call(port, certificate), Error, what)
    assert.equal(channels.length, 1)
  })
})

describe('a token that is bound to a certificate (RFC 8705, section 3)', () => {
  test('counts with that certificate alone', async (t) => {
    const issuer = testIssuer()
    const { listener, channels } = chain([jwt(issuer.options), clientCertificate({ trustDomain: 'example.org' })], systemClock)
    const port = await serve(t, listener)
    const bound = { ...(await issuer.bearer({ sub: 'ada', cnf: { 'x5t#S256': billing.thumbprint } })), 'content-type': 'application/json' }
    const own = await call(port, billing, { headers: bound })
    assert.equal(own.status, 200)
    // The subject is the token's: the certificate is not another credential.
    assert.match(own.text, /"ada"/)
    const another = await issue(root, { extensions })
    for (const certificate of [another, ...Object.values(others)]) {
      const answer = await call(port, certificate, { headers: bound })
      assert.equal(answer.status, 401)
      assert.match(answer.text, /binding_invalid/)
    }
    const free = { ...(await issuer.bearer({ sub: 'bob' })), 'content-type': 'application/json' }
    for (const certificate of [billing, undefined]) assert.match((await call(port, certificate, { headers: free })).text, /"bob"/)
    assert.equal(channels.length, 10)
  })
})

describe('mutual TLS over Express', () => {
  test('goes the same way, for mediation and for mere admission', async (t) => {
    const { chained, answer, channels } = chain()
    const app = express()
    app.post('/v1/chat', expressGuard(chained, chatOperation, answer))
    const admitting = guard()
      .use(unaudited())
      .use(verifyIdentity({ verifiers: clientCertificate({ trustDomain: 'example.org' }) }))
      .use(authorize({ evaluator: allowAll() }))
    app.post('/admitted', expressAdmit(admitting, chatOperation), (_request, response) => void response.json(response.locals.call.identity.subject))
    const port = await serve(t, app)
    for (const path of ['/v1/chat', '/admitted']) {
      const answered = await call(port, billing, { path })
      assert.equal(answered.status, 200)
      assert.match(answered.text, /spiffe:\/\/example\.org\/billing/)
      for (const certificate of Object.values(others)) assert.equal((await call(port, certificate, { path })).status, 401)
    }
    assert.deepEqual(channels[0]?.peerCertificate, billing.der)
  })
})
