import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import express from 'express'
import fc from 'fast-check'
import { expressGuard } from '../../../src/adapters/express/express-guard.ts'
import { toNode } from '../../../src/adapters/node/to-node.ts'
import { forwardedCertificateFields, throughProxy } from '../../../src/adapters/web/forwarded-certificate.ts'
import { guardHandler, type HandlerOptions } from '../../../src/adapters/web/guard-handler.ts'
import { authorize } from '../../../src/controls/authorize.ts'
import { unaudited } from '../../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../../src/controls/verify-identity.ts'
import type { Channel } from '../../../src/guard/context.ts'
import { control } from '../../../src/guard/control.ts'
import { guard } from '../../../src/guard/guard.ts'
import { apiKey } from '../../../src/identity/api-key.ts'
import { clientCertificate } from '../../../src/identity/client-certificate.ts'
import { anonymous } from '../../../src/identity/verifier.ts'
import { allowAll } from '../../../src/testing/allow-all.ts'
import { testIssuer } from '../../../src/testing/test-issuer.ts'
import { issue, makeAuthority, svidExtensions } from '../../identity/certificates.ts'
import { chatOperation, chatRequest, completion } from '../chat.ts'
import { listen, raw, rawPost } from '../loopback.ts'

type Setting = NonNullable<HandlerOptions['forwardedCertificate']>

const root = await makeAuthority()
const id = 'spiffe://example.org/billing'
const billing = await issue(root, { extensions: svidExtensions(id) })
const other = await issue(root, { extensions: svidExtensions('spiffe://example.org/other') })
const { key, entry } = await testIssuer().mintApiKey({ subject: 'ada' })
const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64')
const field = `:${base64(billing.der)}:`
const element = `By=spiffe://example.org/proxy;Hash=${'a'.repeat(64)};Cert="${encodeURIComponent(billing.pem)}";Subject="CN=a, O=\\"b;c\\"";URI=${id};DNS=`
const trust: Setting['trust'] = ({ remoteAddress }) => remoteAddress === '127.0.0.1'

/** A server behind what may be a proxy; gives how it answers requests with these fields, and what it saw. */
async function behind(t: TestContext, options: HandlerOptions, frame: 'node' | 'express' = 'node') {
  const channels: Channel[] = []
  const seen: Headers[] = []
  let ran = 0
  const chained = guard()
    .use(unaudited())
    .use(
      control('watch', {
        enter(call) {
          if (call.channel !== undefined) channels.push(call.channel)
        },
      }),
    )
    .use(verifyIdentity({ verifiers: [clientCertificate({ trustDomain: 'example.org', roots: root.pem }), apiKey({ keys: [entry] }), anonymous()] }))
    .use(authorize({ evaluator: allowAll() }))
  const listener =
    frame === 'node'
      ? toNode(
          guardHandler(
            chained,
            chatOperation,
            (request, { identity }) => {
              ran++
              seen.push(request.headers)
              return completion(identity.subject)
            },
            options,
          ),
        )
      : express().post(
          '/v1/chat',
          expressGuard(
            chained,
            chatOperation,
            (request, { identity }) => {
              ran++
              seen.push(new Headers(request.headers as Record<string, string>))
              for (const name of forwardedCertificateFields) assert.ok(!request.rawHeaders.some((text) => text.toLowerCase() === name))
              return completion(identity.subject)
            },
            options as object,
          ),
        )
  const origin = await listen(t, listener)
  return {
    channels,
    seen,
    ran: () => ran,
    async send(...fields: readonly string[]): Promise<{ readonly status: number; readonly subject: string | undefined }> {
      const text = await raw(origin, rawPost(JSON.stringify(chatRequest('x')), fields))
      return { status: Number(text.slice(9, 12)), subject: /"content":"([^"]*)"/.exec(text)?.[1] }
    },
  }
}

describe('a forwarded certificate', () => {
  for (const frame of ['node', 'express'] as const)
    test(`is the caller's where the peer is the proxy, with ${frame}`, async (t) => {
      const standard = await behind(t, { forwardedCertificate: { field: 'client-cert', trust } }, frame)
      assert.deepEqual(await standard.send(`Client-Cert: ${field}`), { status: 200, subject: id })
      assert.deepEqual(standard.channels[0]?.peerCertificate, billing.der)
      const envoy = await behind(t, { forwardedCertificate: { field: 'x-forwarded-client-cert', trust } }, frame)
      assert.deepEqual(await envoy.send(`X-Forwarded-Client-Cert: ${element}`), { status: 200, subject: id })
      for (const { send } of [standard, envoy]) assert.deepEqual(await send(), { status: 200, subject: 'anonymous' })
    })

  test('is ignored where nothing is said of it, where the peer is another, and in the other field', async (t) => {
    const fields = [`client-cert: ${field}`, `x-forwarded-client-cert: ${element}`]
    const servers: readonly HandlerOptions[] = [
      {},
      { forwardedCertificate: { field: 'client-cert', trust: () => false } },
      { forwardedCertificate: { field: 'x-forwarded-client-cert', trust: ({ remoteAddress }) => remoteAddress === '192.0.2.7' } },
    ]
    for (const options of servers) {
      const { send, channels } = await behind(t, options)
      assert.deepEqual(await send(...fields), { status: 200, subject: 'anonymous' })
      assert.deepEqual(await send('client-cert: x', 'client-cert: y'), { status: 200, subject: 'anonymous' })
      for (const channel of channels) assert.equal(channel.peerCertificate, undefined)
    }
    const { send } = await behind(t, { forwardedCertificate: { field: 'client-cert', trust } })
    assert.deepEqual(await send(`x-forwarded-client-cert: ${element}`), { status: 200, subject: 'anonymous' })
  })

  test('is asked for by what the socket says, and not by what the application says of the caller', async (t) => {
    const asked: (string | undefined)[] = []
    const { send } = await behind(t, {
      channel: () => ({ remoteAddress: '203.0.113.9' }),
      forwardedCertificate: {
        field: 'client-cert',
        trust({ remoteAddress }, request) {
          asked.push(remoteAddress, request.method)
          return true
        },
      },
    })
    assert.equal((await send(`client-cert: ${field}`)).subject, id)
    assert.deepEqual(asked, ['127.0.0.1', 'POST'])
  })

  test('counts over a secure connection to the proxy alone', async (t) => {
    const { send } = await behind(t, { channel: () => ({ secure: false }), forwardedCertificate: { field: 'client-cert', trust } })
    assert.equal((await send(`client-cert: ${field}`)).status, 401)
  })

  test('that stands twice or cannot be read refuses the call, whatever else the caller has', async (t) => {
    const bytes = base64(billing.der)
    const standard: readonly (readonly string[])[] = [
      [field, field],
      [field, `:${base64(other.der)}:`],
      [''],
      ['::'],
      [bytes],
      [`"${bytes}"`],
      [`:${bytes}`],
      [`:${bytes}:;a=1`],
      [`:${bytes}:, :${bytes}:`],
      [`:${bytes.slice(0, -1)}:`],
      [`:${bytes} :`],
      [':AB==:'],
      [`:${'A'.repeat(12_000)}===:`],
      [`:${bytes.replaceAll('+', '-').replaceAll('/', '_')}-_:`],
      [encodeURIComponent(billing.pem)],
    ]
    const cert = `Cert="${encodeURIComponent(billing.pem)}"`
    const envoy: readonly (readonly string[])[] = [
      [cert, cert],
      [`${cert},${cert}`],
      [`By=a,${cert}`],
      [`${cert};${cert}`],
      [`${cert};cert="x"`],
      [`URI=${id}`],
      [''],
      ['Cert='],
      ['Cert'],
      [cert.slice(0, -1)],
      [`${cert}x`],
      [`${cert};`],
      [`;${cert}`],
      [`${cert} ;By=a`],
      [`Cert="${encodeURIComponent(billing.pem)}%"`],
      [`Cert="${encodeURIComponent(billing.pem)}%ff"`],
      [`Cert="${encodeURIComponent(`${billing.pem}\n${other.pem}`)}"`],
      [`Cert="${encodeURIComponent(billing.key)}"`],
      [`Cert="${base64(billing.der)}"`],
      [`Subject="a\\";${cert}`],
      [`1=a;${cert}`],
    ]
    const made = [
      ['client-cert', standard],
      ['x-forwarded-client-cert', envoy],
    ] as const
    for (const [name, values] of made) {
      const { send, ran } = await behind(t, { forwardedCertificate: { field: name, trust } })
      for (const lines of values)
        for (const credential of [[], [`x-api-key: ${key}`]])
          assert.equal((await send(...lines.map((value) => `${name}: ${value}`), ...credential)).status, 401, lines.join().slice(0, 200))
      assert.equal(ran(), 0)
      assert.deepEqual(await send(`x-api-key: ${key}`), { status: 200, subject: 'ada' })
    }
  })

  test('a setting that fails refuses the call, and tells nobody why', async (t) => {
    const failing: readonly unknown[] = [
      () => assert.fail('secret'),
      () => undefined,
      () => 1,
      async () => true,
      async () => {
        throw new Error('x')
      },
    ]
    for (const each of failing) {
      const { send, ran } = await behind(t, { forwardedCertificate: { field: 'client-cert', trust: each as Setting['trust'] } })
      assert.deepEqual(await send(`client-cert: ${field}`, `x-api-key: ${key}`), { status: 500, subject: undefined })
      assert.equal(ran(), 0)
    }
  })

  test('is seen by no handler, whether it is read or not', async (t) => {
    const fields = [`client-cert: ${field}`, 'client-cert-chain: :AA==:', `x-forwarded-client-cert: ${element}`]
    for (const frame of ['node', 'express'] as const)
      for (const options of [{}, { forwardedCertificate: { field: 'client-cert', trust } }] as const) {
        const { send, seen } = await behind(t, options, frame)
        assert.equal((await send(...fields)).status, 200)
        for (const name of forwardedCertificateFields) assert.equal(seen[0]?.has(name), false, name)
      }
  })

  test('a wrong setting is a TypeError when it is made', () => {
    const chained = guard()
      .use(unaudited())
      .use(verifyIdentity({ verifiers: anonymous() }))
      .use(authorize({ evaluator: allowAll() }))
    for (const wrong of [
      null,
      true,
      {},
      { field: 'client-cert' },
      { trust },
      { field: 'x-client-cert', trust },
      { field: 'client-cert', trust: true },
      { field: 'client-cert', trust, more: 1 },
    ])
      assert.throws(() => guardHandler(chained, chatOperation, () => '', { forwardedCertificate: wrong as never }), TypeError, JSON.stringify(wrong))
  })
})

describe('a proxy', () => {
  const proxy: Channel = { secure: true, tlsVersion: 'TLSv1.3', peerCertificate: other.der }
  const setting: Setting = { field: 'client-cert', trust: ({ peerCertificate }) => peerCertificate === other.der }
  const through = (headers: Record<string, string>, channel = proxy) =>
    throughProxy(setting, channel, new Request('https://a.example'), new Headers(headers))

  test('that proves itself by a certificate of its own is not taken for its caller', () => {
    assert.deepEqual(through({ 'client-cert': field }).channel, { secure: true, tlsVersion: 'TLSv1.3', peerCertificate: billing.der })
    assert.deepEqual(through({}).channel, { secure: true, tlsVersion: 'TLSv1.3' })
    const bad = through({ 'client-cert': 'x' })
    assert.equal(bad.channel.peerCertificate, '')
    assert.equal(bad.mistake?.code, 'identity_invalid')
    const failing: Setting = { field: 'client-cert', trust: () => assert.fail() }
    assert.equal(throughProxy(failing, proxy, new Request('https://a.example'), new Headers()).channel.peerCertificate, undefined)
  })

  test('that somebody else only claims to be stays who it is', () => {
    const caller: Channel = { secure: true, peerCertificate: billing.der }
    assert.deepEqual(through({ 'client-cert': `:${base64(other.der)}:` }, caller), { channel: caller })
  })

  test('may write anything, and nothing is thrown, nor taken for less than a refusal', () => {
    const trusting: Setting = { field: 'x-forwarded-client-cert', trust: () => true }
    const text = fc.stringMatching(/^[A-Za-z=;,"\\% -]{0,40}$/)
    fc.assert(
      fc.property(text, text, (before, behindIt) => {
        const value = `${before}Cert="${encodeURIComponent(billing.pem)}"${behindIt}`
        const { channel, mistake } = throughProxy(
          trusting,
          proxy,
          new Request('https://a.example'),
          new Headers({ 'x-forwarded-client-cert': value }),
        )
        if (mistake === undefined) assert.equal(channel.peerCertificate, billing.pem)
        else assert.equal(channel.peerCertificate, '')
      }),
      { numRuns: 1000 },
    )
  })

  test('costs time in proportion to what it writes', () => {
    const long: Setting = { field: 'x-forwarded-client-cert', trust: () => true }
    for (const value of [
      'a='.repeat(500_000),
      '"'.repeat(1_000_000),
      `a="${'\\"'.repeat(500_000)}`,
      ';'.repeat(1_000_000),
      `Cert=${'%2B'.repeat(20_000)}`,
      ':'.repeat(1_000_000),
    ])
      for (const name of ['client-cert', 'x-forwarded-client-cert'] as const)
        assert.equal(
          throughProxy({ ...long, field: name }, proxy, new Request('https://a.example'), new Headers({ [name]: value })).mistake?.code,
          'identity_invalid',
        )
  })
})
