import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { clientCertificate, type ClientCertificateOptions, type GuardErrorCode } from '../../src/index.ts'
import { allowAll, recordingLog, testClock } from '../../src/testing/index.ts'
import { type Authority, certificateAuthority, type Issued } from './certificates.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { wholeGuard } from './whole-guard.ts'

const trustDomain = 'example.org'
const agent = `spiffe://${trustDomain}/agent`

interface Scene {
  readonly authority: Authority
  readonly now: number
}

/** A server that takes client certificates, over connections of which the transport says what it is told. */
async function scene(options: (scene: Scene) => ClientCertificateOptions = () => ({})) {
  const clock = testClock()
  const now = clock.now()
  const authority = await certificateAuthority(now)
  const log = recordingLog()
  const identity = { verifiers: [clientCertificate(options({ authority, now }))] }
  const server = served(wholeGuard({ clock, log, identity, policy: { evaluator: allowAll() } }))
  const ask = (peerCertificate: string | Uint8Array, secure = true): Promise<Response> =>
    server.askOver({ secure, peerCertificate }, chatRequest('x'))
  const refused = async (peerCertificate: string | Uint8Array, what: string, code: GuardErrorCode = 'identity_invalid'): Promise<void> => {
    try {
      await assertRefused(await ask(peerCertificate), code, [agent])
    } catch (error) {
      throw new Error(`${what}: ${String(error)}`, { cause: error })
    }
  }
  return { clock, now, authority, log, server, ask, refused }
}

describe('A1: client certificates', () => {
  test('count where the transport states them, over a secure connection, and nowhere else', async () => {
    const { authority, now, server, ask } = await scene()
    const { pem, der, thumbprint } = await authority.issue({ now })
    for (const certificate of [pem, der]) assert.equal((await ask(certificate)).status, 200)
    await assertRefused(await ask(pem, false), 'identity_invalid', [thumbprint])
    const oneLine = der.length > 0 ? Buffer.from(der).toString('base64') : ''
    for (const headers of [
      { 'client-cert': `:${oneLine}:` },
      { 'x-forwarded-client-cert': `Cert="${encodeURIComponent(pem)}"` },
      { 'x-client-cert': oneLine },
      { 'x-ssl-client-cert': encodeURIComponent(pem) },
      { 'ssl-client-cert': oneLine },
    ])
      await assertRefused(await server.askOver({ secure: true }, chatRequest('x'), headers), 'identity_missing', [thumbprint])
    await assertRefused(await server.ask(chatRequest('x'), { authorization: `Certificate ${oneLine}` }), 'identity_invalid', [oneLine])
    assert.equal(server.ran.length, 2)
  })

  test('what is not exactly one certificate of a client is none', async () => {
    const { authority, now, server, refused } = await scene()
    const { pem, der } = await authority.issue({ now })
    const other = await authority.issue({ now })
    const malformed: readonly (string | Uint8Array)[] = [
      '',
      'x',
      new Uint8Array(0),
      new Uint8Array(20_000),
      der.slice(0, -1),
      Uint8Array.from([...der, 0]),
      `${pem}\n${other.pem}`,
      pem.replaceAll('CERTIFICATE', 'PUBLIC KEY'),
      pem.replace('-----BEGIN', ' -----BEGIN'),
      `subject=CN=root\n${pem}`,
    ]
    for (const [index, certificate] of malformed.entries()) await refused(certificate, `malformed ${index}`)
    await refused(authority.pem, "the authority's own")
    await refused((await authority.issue({ now, isAuthority: true })).pem, 'one of another authority')
    await refused((await authority.issue({ now, purpose: 'serverAuth' })).pem, 'one for servers')
    await refused((await authority.issue({ now, signs: false })).pem, 'one whose key does not sign')
    assert.equal(server.ran.length, 0)
  })

  test('are good from when to when they say, also those that were good a moment ago', async () => {
    const { clock, authority, now, server, ask, refused } = await scene()
    const { pem } = await authority.issue({ now, notBefore: now + 60_000, notAfter: now + 120_000 })
    await refused(pem, 'not yet')
    clock.advance(60_000)
    for (let time = 0; time < 2; time++) assert.equal((await ask(pem)).status, 200)
    clock.advance(60_000)
    await refused(pem, 'over', 'identity_expired')
    assert.equal(server.ran.length, 2)
  })

  test('are of an authority that is trusted, where authorities are named', async () => {
    const { authority, now, server, ask, refused } = await scene(({ authority: own }) => ({ roots: own.pem }))
    const stranger = await certificateAuthority(now)
    const impostor = await certificateAuthority(now, 'CN=someone else')
    for (const other of [stranger, impostor]) await refused((await other.issue({ now })).pem, 'of another authority')
    // Whose name and key are right, and of whose signature one bit is not.
    const { der, pem } = await authority.issue({ now })
    const forged = Uint8Array.from(der)
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
    await refused(forged, 'forged')
    assert.equal(server.ran.length, 0)
    assert.equal((await ask(pem)).status, 200)
  })

  test('of a workload name it by one SPIFFE ID of the trust domain (X509-SVID)', async () => {
    const { authority, now, log, server, ask, refused } = await scene(() => ({ trustDomain }))
    const wrong: Readonly<Record<string, Partial<Parameters<Authority['issue']>[0]>>> = {
      'no SPIFFE ID': {},
      'of another domain': { uri: 'spiffe://evil.example/agent' },
      'of a domain that begins so': { uri: `spiffe://${trustDomain}.evil.example/agent` },
      'of no workload': { uri: `spiffe://${trustDomain}` },
      'of no scheme of SPIFFE': { uri: `https://${trustDomain}/agent` },
      'with an empty segment': { uri: `spiffe://${trustDomain}/a//b` },
      'for one end only': { uri: agent, purpose: 'clientAuth' },
      'of an authority': { uri: agent, isAuthority: true },
      'of a key that does not sign': { uri: agent, signs: false },
    }
    for (const [what, wanted] of Object.entries(wrong)) await refused((await authority.issue({ now, ...wanted })).pem, what)
    assert.equal(server.ran.length, 0)
    const svid: Issued = await authority.issue({ now, uri: agent })
    assert.equal((await ask(svid.pem)).status, 200)
    const [record] = log.entries.filter(({ kind }) => kind === 'decision').slice(-1)
    assert.ok(record?.kind === 'decision' && record.subject)
    const { issuer, subject, token, binding } = record.subject
    assert.deepEqual([issuer, subject, token, binding], [`spiffe://${trustDomain}`, agent, svid.thumbprint, 'mtls'])
  })
})
