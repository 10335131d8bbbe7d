import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { guard } from '../../src/guard/guard.ts'
import type { Channel } from '../../src/guard/context.ts'
import { GuardError, reasonOf } from '../../src/guard/errors.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import { anonymous, type Verifier } from '../../src/identity/verifier.ts'
import { clientCertificate, type ClientCertificateOptions } from '../../src/identity/client-certificate.ts'
import { revocationList } from '../../src/identity/revocation-list.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { testClock } from '../../src/testing/test-clock.ts'
import { type Authority, type Extension, extension, issue, type Issued, keysOf, makeAuthority, svidExtensions, usage } from './certificates.ts'

const id = 'spiffe://example.org/billing'
const root = await makeAuthority()
const stranger = await makeAuthority('CN=stranger')
const billing = await issue(root, { extensions: svidExtensions(id) })
const plain = await issue(root)

function over(certificate: string | Uint8Array | undefined, secure = true): Channel {
  return { secure, ...(certificate !== undefined && { peerCertificate: certificate }) }
}

/** Expects a refusal for this reason. */
async function refuses(
  verifier: Verifier,
  certificate: string | Uint8Array,
  reason: RegExp,
  code = 'identity_invalid',
  what?: string,
): Promise<void> {
  await assert.rejects(
    verifier.verify({}, over(certificate)),
    (error: unknown) => {
      assert.ok(error instanceof GuardError, what)
      assert.equal(error.code, code, what)
      assert.match(reasonOf(error), reason, what)
      return true
    },
    what,
  )
}

describe('clientCertificate', () => {
  test('gives the identity of a certificate by its thumbprint', async () => {
    for (const certificate of [plain.der, plain.pem, Buffer.from(plain.der)]) {
      const identity = await clientCertificate().verify({}, over(certificate))
      assert.equal(identity.subject, plain.thumbprint)
      assert.equal(identity.issuer, 'urn:sallyport:client-certificate')
      assert.equal(identity.kind, 'service')
      assert.equal(identity.binding, 'mtls')
      assert.equal(identity.tokenId, plain.thumbprint)
      assert.equal(identity.device?.id, plain.thumbprint)
      assert.deepEqual([identity.roles, identity.scopes, identity.actors, identity.tenant], [[], [], [], undefined])
    }
  })

  test('expires with the certificate, to the second', async () => {
    const clock = testClock(Date.UTC(2026, 0, 1))
    const short = await issue(root, { notBefore: new Date(Date.UTC(2026, 0, 1, 0, 1)), notAfter: new Date(Date.UTC(2026, 0, 1, 0, 2)) })
    const verifier = clientCertificate({ clock })
    for (let round = 0; round < 2; round++) {
      clock.set(Date.UTC(2026, 0, 1, 0, 0, 59, 999))
      await refuses(verifier, short.der, /not valid yet/)
      clock.set(Date.UTC(2026, 0, 1, 0, 1))
      assert.equal((await verifier.verify({}, over(short.der))).expiresAt, Date.UTC(2026, 0, 1, 0, 2))
      clock.set(Date.UTC(2026, 0, 1, 0, 1, 59, 999))
      await verifier.verify({}, over(short.der))
      clock.set(Date.UTC(2026, 0, 1, 0, 2))
      await refuses(verifier, short.der, /has expired/, 'identity_expired')
    }
  })

  test('takes a certificate where it is the only credential, from the channel alone', async () => {
    const verifier = clientCertificate()
    assert.equal(verifier.accepts({}, over(plain.der)), true)
    assert.equal(verifier.accepts({}, over(undefined)), false)
    assert.equal(verifier.accepts({}), false)
    assert.equal(verifier.accepts({ authorization: 'Bearer a.b.c' }, over(plain.der)), false)
    assert.equal(verifier.accepts({ apiKey: 'x' }, over(plain.der)), false)
    await assert.rejects(verifier.verify({}), { code: 'identity_missing' })
    await assert.rejects(verifier.verify({ authorization: 'Bearer x' }, over(plain.der)), { code: 'identity_invalid' })
    await assert.rejects(verifier.verify({ dpop: 'a.b.c' }, over(plain.der)), { code: 'identity_invalid' })
  })

  test('refuses a certificate over a connection that is not secure', async () => {
    await assert.rejects(clientCertificate().verify({}, over(plain.der, false)), { code: 'identity_invalid' })
  })

  test('refuses what is no certificate', async () => {
    const verifier = clientCertificate()
    const others = ['', plain.pem.slice(1), `${plain.pem}\n${plain.pem}`, plain.key, new Uint8Array(), plain.der.slice(1), new Uint8Array(20_000)]
    for (const other of others) await refuses(verifier, other, /certificate/)
  })

  test('refuses certificates that say that they are for something else', async () => {
    const { leaf, signs, purposes, uses, authority } = extension
    const made: readonly [reason: RegExp, extensions: Extension[]][] = [
      [/one of an authority/, [authority(), uses(usage.keyCertSign | usage.digitalSignature)]],
      [/not for signatures/, [leaf(), uses(usage.keyEncipherment)]],
      [/not for a client/, [leaf(), signs(), purposes('serverAuth')]],
      [/not for a client/, [leaf(), signs(), purposes('codeSigning')]],
    ]
    for (const [reason, extensions] of made) await refuses(clientCertificate(), (await issue(root, { extensions })).der, reason)
    for (const extensions of [[leaf()], [signs()], [purposes('any')], [purposes('serverAuth', 'clientAuth')]])
      assert.ok(await clientCertificate().verify({}, over((await issue(root, { extensions })).der)))
  })

  test('takes subject, tenant, roles and scopes from the application', async () => {
    const named = await issue(root, { extensions: [extension.leaf(), extension.names([{ type: 'dns', value: 'billing.acme.example' }])] })
    const verifier = clientCertificate({
      issuer: 'https://ca.example',
      subject: ({ dnsNames }) => dnsNames[0],
      tenant: ({ dnsNames }) => dnsNames[0]?.split('.')[1],
      roles: ({ dnsNames }) => (dnsNames.includes('billing.acme.example') ? ['payer'] : []),
      scopes: ['pay'],
      kind: 'agent',
    })
    const identity = await verifier.verify({}, over(named.der))
    assert.equal(identity.key, '18:https://ca.examplebilling.acme.example')
    assert.deepEqual([identity.tenant, identity.roles, identity.scopes, identity.kind], ['acme', ['payer'], ['pay'], 'agent'])
    await refuses(verifier, plain.der, /knows nobody/)
  })

  test('refuses where the application fails, and passes on what it refuses with', async () => {
    const failing: readonly ClientCertificateOptions[] = [
      { subject: () => '' },
      { subject: () => 1 as never },
      { subject: (async () => 'ada') as never },
      { subject: () => assert.fail('secret') },
      { roles: () => 'admin' as never },
      { roles: () => [''] },
      { scopes: (async () => []) as never },
      { tenant: () => '\ud800' },
    ]
    for (const options of failing) await refuses(clientCertificate(options), plain.der, /application/, 'misconfigured')
    const denying = clientCertificate({
      subject() {
        throw new GuardError('identity_revoked', { reason: 'left' })
      },
    })
    await refuses(denying, plain.der, /left/, 'identity_revoked')
  })

  test('remembers those that it accepted, as one identity, and a bounded number of them', async () => {
    let asked = 0
    const verifier = clientCertificate({
      roots: root.der,
      subject: () => `caller-${++asked}`,
    })
    const first = await verifier.verify({}, over(plain.der))
    assert.equal(await verifier.verify({}, over(plain.pem)), first)
    assert.equal(asked, 1)
    const keys = await keysOf({ name: 'ECDSA', namedCurve: 'P-256' })
    const other = await issue(root, { keys })
    await verifier.verify({}, over(other.der))
    assert.equal(asked, 2)
    const foreign = await issue(stranger, { keys })
    for (let round = 0; round < 2; round++) await refuses(verifier, foreign.der, /no authority/)
    assert.equal(asked, 2)
  })

  test('forgets the one that was longest not used, once there are too many', async () => {
    let asked = 0
    const verifier = clientCertificate({ subject: () => `caller-${++asked}` })
    // Without roots nobody looks at the signature, so each of these is another certificate.
    const numbered = (number: number): Uint8Array => Uint8Array.from([...plain.der.subarray(0, -2), number >> 8, number & 0xff])
    const used = numbered(0)
    const unused = numbered(1)
    await verifier.verify({}, over(used))
    await verifier.verify({}, over(unused))
    for (let number = 2; number < 1001; number++) {
      await verifier.verify({}, over(numbered(number)))
      await verifier.verify({}, over(used))
    }
    assert.equal(asked, 1001)
    await verifier.verify({}, over(used))
    assert.equal(asked, 1001)
    await verifier.verify({}, over(unused))
    assert.equal(asked, 1002)
  })

  test('works where the runtime hashes only later', async (t) => {
    const verifier = clientCertificate({ trustDomain: 'example.org' })
    t.mock.method(process, 'getBuiltinModule', () => undefined)
    const bytes = Buffer.from(billing.der)
    const verifying = verifier.verify({}, over(bytes))
    bytes.fill(0)
    const identity = await verifying
    assert.equal(identity.tokenId, billing.thumbprint)
    assert.equal(await verifier.verify({}, over(billing.pem)), identity)
    assert.throws(() => clientCertificate({ roots: root.pem }), { name: 'TypeError', message: /node:crypto/ })
  })

  test('describes itself without anything secret', () => {
    assert.deepEqual(clientCertificate().describe(), { kind: 'clientCertificate', issuer: 'urn:sallyport:client-certificate', roots: false })
    assert.deepEqual(clientCertificate({ trustDomain: 'example.org', roots: [root.pem, stranger.der] }).describe(), {
      kind: 'clientCertificate',
      issuer: 'spiffe://example.org',
      trustDomain: 'example.org',
      roots: [root.thumbprint, stranger.thumbprint],
    })
  })

  test('a wrong set-up is a TypeError when it is made', async () => {
    const weak = await makeAuthority('CN=weak', { keys: await keysOf(rsa(1024)), signingAlgorithm: { name: 'RSASSA-PKCS1-v1_5' } })
    const constrained = await makeAuthority('CN=constrained', {
      extensions: [extension.authority(), extension.raw('2.5.29.30', true, '3010a00e300c860a6578616d706c652e6f7267')],
    })
    const wrong: readonly unknown[] = [
      1,
      { trustdomain: 'example.org' },
      { trustDomain: 'spiffe://example.org' },
      { trustDomain: 'Example.org' },
      { trustDomain: '' },
      { trustDomain: 'example.org', subject: () => 'x' },
      { trustDomain: 'example.org', issuer: 'https://ca.example' },
      { issuer: 'urn:sallyport:api-key' },
      { issuer: '' },
      { subject: 'x' },
      { kind: 'robot' },
      { roles: 'admin' },
      { roles: [1] },
      { scopes: [''] },
      { tenant: 1 },
      { clock: {} },
      { roots: '' },
      { roots: [] },
      { roots: [1] },
      { roots: 1 },
      { roots: 'ca.pem' },
      { roots: new Uint8Array(3) },
      { roots: plain.pem },
      { roots: [root.pem, plain.pem] },
      { roots: `${root.pem}\n${root.key}` },
      { roots: `# ours\n${root.pem}` },
      { roots: Array.from({ length: 101 }, () => root.pem) },
      { roots: weak.pem },
      { roots: constrained.pem },
    ]
    for (const options of wrong) assert.throws(() => clientCertificate(options as never), { name: 'TypeError', message: /^clientCertificate: / })
  })
})

describe('an X.509-SVID', () => {
  const verifier = clientCertificate({ trustDomain: 'example.org', roots: root.pem })
  const { leaf, signs, purposes, uses, uri, names, authority } = extension
  const both = purposes('clientAuth', 'serverAuth')
  const url = (value: string) => ({ type: 'url', value }) as const

  test('is the identity of a workload: its SPIFFE ID, of its trust domain', async () => {
    const identity = await verifier.verify({}, over(billing.der))
    assert.equal(identity.subject, id)
    assert.equal(identity.issuer, 'spiffe://example.org')
    assert.equal(identity.key, `20:spiffe://example.org${id}`)
    assert.equal(identity.binding, 'mtls')
    assert.equal(identity.kind, 'service')
  })

  const others: Readonly<Record<string, readonly [reason: RegExp, extensions: Extension[]]>> = {
    '2: no URI': [/no URI/, [leaf(), signs(), both]],
    '2: a DNS name instead': [/no URI/, [leaf(), signs(), both, names([{ type: 'dns', value: 'billing.example.org' }])]],
    '2: two SPIFFE IDs': [/more than one/, [leaf(), signs(), both, names([url(id), url('spiffe://example.org/other')])]],
    '2: the same twice': [/more than one/, [leaf(), signs(), both, names([url(id), url(id)])]],
    '2: another URI beside it': [/more than one/, [leaf(), signs(), both, names([url('https://a.example'), url(id)])]],
    '2: another scheme': [/no SPIFFE ID/, svidExtensions('https://example.org/billing')],
    '2: the scheme in capitals': [/no SPIFFE ID/, svidExtensions('SPIFFE://example.org/billing')],
    'SPIFFE ID 2.1: another trust domain': [/another trust domain/, svidExtensions('spiffe://example.com/billing')],
    'SPIFFE ID 2.1: a trust domain that begins the same': [/another trust domain/, svidExtensions('spiffe://example.org.evil.example/billing')],
    'SPIFFE ID 2.1: a trust domain below it': [/another trust domain/, svidExtensions('spiffe://a.example.org/billing')],
    'SPIFFE ID 2.1: a port': [/no SPIFFE ID/, svidExtensions('spiffe://example.org:443/billing')],
    'SPIFFE ID 2.1: a user': [/no SPIFFE ID/, svidExtensions('spiffe://x@example.org/billing')],
    'SPIFFE ID 2.2: two dots': [/no SPIFFE ID/, svidExtensions('spiffe://example.org/a/../billing')],
    'SPIFFE ID 2.2: a slash at the end': [/no SPIFFE ID/, svidExtensions(`${id}/`)],
    'SPIFFE ID 2.2: percent encoding': [/no SPIFFE ID/, svidExtensions('spiffe://example.org/%62illing')],
    'SPIFFE ID 2: a query': [/no SPIFFE ID/, svidExtensions(`${id}?x=1`)],
    '3.1: no path': [/no workload/, svidExtensions('spiffe://example.org')],
    '4.1: an authority': [/authority/, [authority(), signs(), both, uri(id)]],
    '4.3: no key usage': [/what its key is for/, [leaf(), both, uri(id)]],
    '4.3: a key usage that is not critical': [/what its key is for/, [leaf(), uses(usage.digitalSignature, false), both, uri(id)]],
    '4.3: no digitalSignature': [/not for signatures/, [leaf(), uses(usage.keyAgreement), both, uri(id)]],
    '4.3: keyCertSign': [/key is one of an authority/, [leaf(), uses(usage.digitalSignature | usage.keyCertSign), both, uri(id)]],
    '4.3: cRLSign': [/key is one of an authority/, [leaf(), uses(usage.digitalSignature | usage.cRLSign), both, uri(id)]],
    '4.4: no clientAuth': [/both ends/, [leaf(), signs(), purposes('serverAuth'), uri(id)]],
    '4.4: no serverAuth': [/both ends/, [leaf(), signs(), purposes('clientAuth'), uri(id)]],
    '5.1: a critical extension that nobody knows': [/malformed|no authority/, [...svidExtensions(id), extension.raw('1.2.3.4', true, '0500')]],
  }
  for (const [section, [reason, extensions]] of Object.entries(others))
    test(`is refused by X509-SVID, section ${section}`, async () => refuses(verifier, (await issue(root, { extensions })).der, reason))

  test('may have other names beside its URI, no basic constraints, no purposes, and be used otherwise as well (2, 4.1, 4.3, 4.4)', async () => {
    for (const extensions of [
      [leaf(), signs(), both, names([{ type: 'dns', value: 'a.example' }, url(id), { type: 'ip', value: '192.0.2.1' }])],
      [signs(), uri(id)],
      [leaf(), uses(usage.digitalSignature | usage.keyEncipherment | usage.keyAgreement), uri(id)],
      [...svidExtensions(id), extension.raw('1.2.3.4', false, '0500')],
    ])
      assert.equal((await verifier.verify({}, over((await issue(root, { extensions })).der))).subject, id)
  })

  test('may name nobody but in its URI, which is critical then (3.1)', async () => {
    const extensions = [leaf(), signs(), both, names([url(id)], true)]
    assert.equal((await verifier.verify({}, over((await issue(root, { subject: '', extensions })).der))).subject, id)
    await refuses(verifier, (await issue(root, { subject: '', extensions: svidExtensions(id) })).der, /malformed/)
  })

  test('is refused where it was issued by nobody who may (5.1)', async () => {
    const impostor = await makeAuthority(root.name)
    const intermediate = await issue(root, {
      subject: 'CN=intermediate',
      extensions: [authority(), uses(usage.keyCertSign)],
      keys: stranger.keys,
    })
    const below: Authority = { ...intermediate, name: 'CN=intermediate', keys: stranger.keys }
    const own = await keysOf({ name: 'ECDSA', namedCurve: 'P-256' })
    const extensions = svidExtensions(id)
    const made: Readonly<Record<string, Issued>> = {
      'another authority': await issue(stranger, { extensions }),
      'another authority of the same name': await issue(impostor, { extensions }),
      'the right key under another name': await issue({ ...root, name: 'CN=other' }, { extensions }),
      itself: await issue({ name: 'CN=caller', keys: own }, { extensions, keys: own }),
      'itself, under the name of the authority': await issue({ name: root.name, keys: own }, { extensions, keys: own }),
      'an intermediate authority': await issue(below, { extensions }),
    }
    for (const [what, { der }] of Object.entries(made)) await refuses(verifier, der, /no authority/, 'identity_invalid', what)
    await refuses(verifier, root.der, /URI/)
    // An intermediate authority can be given as one of the roots, and then it alone issues.
    const narrow = clientCertificate({ trustDomain: 'example.org', roots: intermediate.pem })
    assert.equal((await narrow.verify({}, over(made['an intermediate authority']?.der))).subject, id)
    await refuses(narrow, billing.der, /no authority/)
  })

  test('of which any byte was changed is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(billing.der.length - 1), fc.integer({ min: 1, max: 255 }), async (place, difference) => {
        const changed = Uint8Array.from(billing.der)
        changed[place] = (changed[place] ?? 0) ^ difference
        await assert.rejects(verifier.verify({}, over(changed)), { code: 'identity_invalid' })
      }),
      { numRuns: 500 },
    )
  })
})

function rsa(modulusLength: number, name = 'RSASSA-PKCS1-v1_5', hash = 'SHA-256'): RsaHashedKeyGenParams {
  return { name, modulusLength, publicExponent: Uint8Array.of(1, 0, 1), hash }
}

describe('the roots of certificates', () => {
  test('may be several, in one text or in a list, and any of them issues', async () => {
    const two = await issue(stranger, { extensions: svidExtensions(id) })
    for (const roots of [`${root.pem}\n${stranger.pem}\n`, [root.pem, stranger.der], [`${stranger.pem}\n\n${root.pem}`]]) {
      const verifier = clientCertificate({ trustDomain: 'example.org', roots })
      for (const { der } of [billing, two]) assert.equal((await verifier.verify({}, over(der))).subject, id)
    }
  })

  test('may share a name, as while an authority changes its key', async () => {
    const next = await makeAuthority(root.name)
    const verifier = clientCertificate({ roots: [next.pem, root.pem] })
    for (const from of [root, next]) assert.ok(await verifier.verify({}, over((await issue(from)).der)))
  })

  test('sign with strong keys and hashes alone', async () => {
    const strong: readonly [RsaHashedKeyGenParams | EcKeyGenParams | { name: 'Ed25519' }, Algorithm | EcdsaParams][] = [
      [
        { name: 'ECDSA', namedCurve: 'P-384' },
        { name: 'ECDSA', hash: 'SHA-384' },
      ],
      [
        { name: 'ECDSA', namedCurve: 'P-521' },
        { name: 'ECDSA', hash: 'SHA-512' },
      ],
      [{ name: 'Ed25519' }, { name: 'Ed25519' }],
      [rsa(2048), { name: 'RSASSA-PKCS1-v1_5' }],
      [rsa(2048, 'RSA-PSS'), { name: 'RSA-PSS', saltLength: 32 } as Algorithm],
      [rsa(2048, 'RSA-PSS', 'SHA-512'), { name: 'RSA-PSS', saltLength: 64 } as Algorithm],
    ]
    for (const [algorithm, signingAlgorithm] of strong) {
      const from = await makeAuthority('CN=strong', { keys: await keysOf(algorithm), signingAlgorithm })
      const verifier = clientCertificate({ roots: from.pem })
      assert.ok(await verifier.verify({}, over((await issue(from, { signingAlgorithm })).der)), JSON.stringify(signingAlgorithm))
    }
    const old = { name: 'ECDSA', hash: 'SHA-1' } as const
    await refuses(clientCertificate({ roots: root.pem }), (await issue(root, { signingAlgorithm: old })).der, /no authority/)
    const weak = await issue(root, { keys: await keysOf(rsa(1024)) })
    await refuses(clientCertificate({ roots: root.pem }), weak.der, /no authority/)
  })

  test('end what they issued when they end', async () => {
    const clock = testClock(Date.UTC(2026, 0, 1))
    const day = (number: number) => new Date(Date.UTC(2026, 0, number))
    const short = await makeAuthority('CN=short', { notBefore: day(2), notAfter: day(4) })
    const issued = await issue(short, { notBefore: day(1), notAfter: day(9) })
    const verifier = clientCertificate({ roots: short.pem, clock })
    await refuses(verifier, issued.der, /not valid yet/)
    clock.set(day(2).getTime())
    assert.equal((await verifier.verify({}, over(issued.der))).expiresAt, day(4).getTime())
    clock.set(day(4).getTime())
    await refuses(verifier, issued.der, /expired/, 'identity_expired')
  })
})

describe('clientCertificate in a guard', () => {
  const operation = { action: 'ping', resource: { type: 'service', id: 's' } }

  test('a caller without a certificate may be anonymous, and one with a bad one may not', async () => {
    const ping = guard()
      .use(unaudited())
      .use(verifyIdentity({ verifiers: [anonymous(), clientCertificate({ roots: root.pem })] }))
      .use(authorize({ evaluator: allowAll() }))
      .protect((_input: null, call) => call.identity.subject, operation)
    assert.equal(await ping(null, { channel: over(undefined) }), 'anonymous')
    assert.equal(await ping(null, { channel: over(plain.der) }), plain.thumbprint)
    for (const bad of ['', stranger.der, 'x']) await assert.rejects(ping(null, { channel: over(bad) }), { code: 'identity_invalid', status: 401 })
    await assert.rejects(ping(null, { channel: over(plain.der, false) }), { code: 'identity_invalid' })
  })

  test('meets a wanted binding, and is revoked by certificate, root, subject and issuer', async () => {
    const verifiers = [clientCertificate({ trustDomain: 'example.org', roots: root.pem })]
    for (const target of [{ token: billing.thumbprint }, { key: root.thumbprint }, { subject: id }, { issuer: 'spiffe://example.org' }]) {
      const revocation = revocationList()
      const ping = guard()
        .use(unaudited())
        .use(verifyIdentity({ verifiers, binding: 'mtls', revocation }))
        .use(authorize({ evaluator: allowAll() }))
        .protect(() => 'pong', operation)
      assert.equal(await ping(null, { channel: over(billing.der) }), 'pong')
      await revocation.revoke(target)
      await assert.rejects(ping(null, { channel: over(billing.der) }), { code: 'identity_revoked' }, JSON.stringify(target))
    }
  })

  test('two of them are a mistake: a certificate has one verifier', () => {
    assert.throws(() => verifyIdentity({ verifiers: [clientCertificate(), clientCertificate({ trustDomain: 'example.org' })] }), TypeError)
  })

  test('asks for a certificate where there is none', async () => {
    const ping = guard()
      .use(unaudited())
      .use(verifyIdentity({ verifiers: clientCertificate() }))
      .use(authorize({ evaluator: allowAll() }))
      .protect(() => 'pong', operation)
    await assert.rejects(ping(null), (error: unknown) => {
      assert.ok(error instanceof GuardError)
      assert.equal(error.code, 'identity_missing')
      assert.match(error.headers['www-authenticate'] ?? '', /^Certificate realm=/)
      return true
    })
  })
})
