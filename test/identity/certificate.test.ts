import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readCertificate } from '../../src/identity/certificate.ts'
import { certificateBytes, certificateThumbprint } from '../../src/identity/certificate-thumbprint.ts'
import { extension, issue, makeAuthority, svidExtensions } from './certificates.ts'

/** An element of DER. */
function element(tag: number, ...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const content = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : part)))
  const { length } = content
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...head]), content])
}

const sequence = (...parts: readonly (Uint8Array | string)[]): Uint8Array => element(0x30, ...parts)
const time = (text: string, tag = text.length > 13 ? 0x18 : 0x17): Uint8Array => element(tag, Buffer.from(text, 'latin1'))
const octets = (value: Uint8Array | string): Uint8Array => element(0x04, value)
const flag = '0101ff'
const ids = {
  keyUsage: '0603551d0f',
  names: '0603551d11',
  constraints: '0603551d13',
  nameConstraints: '0603551d1e',
  purposes: '0603551d25',
  own: '06032a0304',
}
const uri = (text: string): Uint8Array => element(0x86, Buffer.from(text, 'latin1'))
const named = (...names: readonly Uint8Array[]): Uint8Array => sequence(ids.names, octets(sequence(...names)))

const ordinary = {
  version: element(0xa0, '020102'),
  serial: '020101',
  innerAlgorithm: sequence('06032b6570'),
  issuer: sequence(element(0x31, sequence('0603550403', element(0x0c, '61')))),
  validity: sequence(time('260101000000Z'), time('270101000000Z')),
  subject: sequence(element(0x31, sequence('0603550403', element(0x0c, '62')))),
  key: sequence(sequence('06032b6570'), element(0x03, `00${'11'.repeat(32)}`)),
  before: '',
  extensions: [named(uri('https://a.example/b'))] as readonly (Uint8Array | string)[],
  after: '',
  algorithm: sequence('06032b6570'),
  signature: element(0x03, `00${'22'.repeat(64)}`) as Uint8Array | string,
  behind: '',
}

/** A certificate whose signature means nothing. */
function built(
  changed: Partial<Record<keyof Omit<typeof ordinary, 'extensions'>, Uint8Array | string>> & { extensions?: readonly (Uint8Array | string)[] } = {},
) {
  const part = { ...ordinary, ...changed }
  const extensions = element(0xa3, sequence(...part.extensions))
  const body = sequence(
    part.version,
    part.serial,
    part.innerAlgorithm,
    part.issuer,
    part.validity,
    part.subject,
    part.key,
    part.before,
    part.extensions.length > 0 ? extensions : '',
    part.after,
  )
  return sequence(body, part.algorithm, part.signature, part.behind)
}

function opensslOf(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der)
  } catch {
    return undefined
  }
}

describe('a certificate', () => {
  test('is read from DER and from PEM, and says what node:crypto says of it', async () => {
    const root = await makeAuthority()
    const names = [
      { type: 'dns', value: 'a.example' },
      { type: 'ip', value: '192.0.2.1' },
      { type: 'url', value: 'urn:x:1' },
      { type: 'email', value: 'a@b.example' },
      { type: 'dns', value: 'c.example' },
    ] as const
    const issued = await issue(root, { extensions: [...svidExtensions('spiffe://a.example/b').slice(0, 3), extension.names(names)] })
    const read = readCertificate(issued.der)
    assert.ok(read !== undefined)
    assert.deepEqual(read, readCertificate(issued.pem))
    assert.deepEqual(read.der, issued.der)
    const other = new X509Certificate(issued.der)
    assert.equal(read.notBefore, Date.parse(other.validFrom))
    assert.equal(read.notAfter, Date.parse(other.validTo))
    assert.equal(read.isAuthority, other.ca)
    assert.deepEqual([read.uris, read.dnsNames, read.emailAddresses], [['urn:x:1'], ['a.example', 'c.example'], ['a@b.example']])
    assert.deepEqual(read.keyUsage, { critical: true, digitalSignature: true, keyCertSign: false, cRLSign: false })
    assert.deepEqual(read.extendedKeyUsage, { serverAuth: true, clientAuth: true, any: false })
    assert.equal(readCertificate(root.der)?.isAuthority, true)
    assert.deepEqual(readCertificate(root.der)?.keyUsage, { critical: true, digitalSignature: false, keyCertSign: true, cRLSign: true })
  })

  test('is a copy, which nobody can change', async () => {
    const { der } = await issue(await makeAuthority())
    const bytes = Buffer.from(der)
    const read = readCertificate(bytes)
    bytes.fill(0)
    assert.deepEqual(read?.der, der)
    assert.ok(Object.isFrozen(read) && Object.isFrozen(read?.uris))
  })

  test('may be valid for centuries, with two or four digits for the year (RFC 5280, section 4.1.2.5)', () => {
    const read = (from: string, to: string) => readCertificate(built({ validity: sequence(time(from), time(to)) }))
    assert.equal(read('500101000000Z', '491231235959Z')?.notBefore, Date.UTC(1950, 0, 1))
    assert.equal(read('500101000000Z', '491231235959Z')?.notAfter, Date.UTC(2049, 11, 31, 23, 59, 59))
    assert.equal(read('260101000000Z', '99991231235959Z')?.notAfter, Date.UTC(9999, 11, 31, 23, 59, 59))
  })

  const oddities: Readonly<Record<string, Parameters<typeof built>[0]>> = {
    'of version 1 (4.1.2.1)': { version: '', extensions: [] },
    'of version 1, said where it is the default': { version: element(0xa0, '020100') },
    'of version 2': { version: element(0xa0, '020101') },
    'of version 4': { version: element(0xa0, '020103') },
    'with something behind the version': { version: element(0xa0, '0201020500') },
    'with a serial number that is longer than it need be (X.690, 8.3.2)': { serial: '02020001' },
    'with a negative one that is longer than it need be': { serial: '0202ff80' },
    'with a serial number of no bytes': { serial: '0200' },
    'with a serial number of 21 bytes (4.1.2.2)': { serial: `0215${'11'.repeat(21)}` },
    'with one of 21 bytes behind a zero': { serial: `021600${'ff'.repeat(21)}` },
    'that names two algorithms (4.1.1.2)': { algorithm: sequence('06032b6571') },
    'with a signature that is not made of whole bytes': { signature: element(0x03, `01${'22'.repeat(64)}`) },
    'without a signature': { signature: element(0x03, '00') },
    'with something behind the signature': { behind: '0500' },
    'with a time without seconds (4.1.2.5)': { validity: sequence(time('2601010000Z', 0x17), time('270101000000Z')) },
    'with a time of another zone': { validity: sequence(time('260101000000+0100', 0x17), time('270101000000Z')) },
    'with a fraction of a second': { validity: sequence(time('260101000000Z'), time('20500101000000.5Z')) },
    'with four digits for a year before 2050': { validity: sequence(time('20260101000000Z'), time('270101000000Z')) },
    'with a day that does not exist': { validity: sequence(time('260230000000Z'), time('270101000000Z')) },
    'with an hour that does not exist': { validity: sequence(time('260201240000Z'), time('270101000000Z')) },
    'with a time in another type': { validity: sequence(time('260101000000Z', 0x13), time('270101000000Z')) },
    'with three times': { validity: sequence(time('260101000000Z'), time('270101000000Z'), time('280101000000Z')) },
    'with a unique identifier (4.1.2.8)': { before: element(0x81, '0011') },
    'with something behind the extensions': { after: '0500' },
    'with something behind the list of extensions': { before: element(0xa3, sequence(named(uri('a:b'))), '0500'), extensions: [] },
    'with a name that is longer than what it stands in': { extensions: [sequence(ids.names, octets('3003860261')), sequence(ids.own, octets('05'))] },
    'without extensions': { extensions: [] },
    'of nobody (4.1.2.6)': { subject: sequence() },
    'with a name that is no list of sets (4.1.2.4)': { issuer: sequence('0500') },
    'with a name of which a part is empty': { issuer: sequence(element(0x31)) },
    'with an attribute without a value': { subject: sequence(element(0x31, sequence('0603550403'))) },
    'with an attribute of two values': { subject: sequence(element(0x31, sequence('0603550403', element(0x0c, '62'), element(0x0c, '63')))) },
    'with a key that is not made of whole bytes (4.1.2.7)': { key: sequence(sequence('06032b6570'), element(0x03, `01${'11'.repeat(32)}`)) },
    'with something behind the key': { key: sequence(sequence('06032b6570'), element(0x03, `00${'11'.repeat(32)}`), '0500') },
    'with an extension that stands twice (4.2)': { extensions: [named(uri('a:b')), named(uri('a:b'))] },
    'with a foreign extension that stands twice': { extensions: [sequence(ids.own, octets('0500')), sequence(ids.own, octets('0500'))] },
    'with a critical extension that is not known (4.2)': { extensions: [sequence(ids.own, flag, octets('0500'))] },
    'with constraints on names, critical or not (4.2.1.10)': { extensions: [sequence(ids.nameConstraints, octets(sequence()))] },
    'with a flag that is not critical and says so (X.690, 11.5)': { extensions: [sequence(ids.own, '010100', octets('0500'))] },
    'with a flag that is neither (X.690, 11.1)': { extensions: [sequence(ids.own, '010101', octets('0500'))] },
    'with a flag of two bytes': { extensions: [sequence(ids.own, '0102ffff', octets('0500'))] },
    'with something behind an extension': { extensions: [sequence(ids.own, octets('0500'), '0500')] },
    'with something behind the value of an extension': {
      extensions: [sequence(ids.names, octets(Buffer.concat([sequence(uri('a:b')), Buffer.of(5, 0)])))],
    },
    'with an identifier without an end (X.690, 8.19)': { extensions: [sequence('06032a0384', octets('0500'))] },
    'with an identifier that is longer than it need be': { extensions: [sequence('06042a800304', octets('0500'))] },
    'with an identifier of no bytes': { extensions: [sequence('0600', octets('0500'))] },
    'without a name among the names (4.2.1.6)': { extensions: [named()] },
    'with an empty name': { extensions: [named(uri(''))] },
    'with a NUL in a name': { extensions: [named(uri('https://a.example\0.evil.example'))] },
    'with a line break in a name': { extensions: [named(uri('https://a.example\n'))] },
    'with a space in a name': { extensions: [named(uri('https://a.example b'))] },
    'with a name that is not ASCII': { extensions: [named(uri('https://ä.example'))] },
    'with a name of a kind that there is not': { extensions: [named(element(0x89, '61'))] },
    'with a name that is made of others': { extensions: [named(element(0xa6, '8601aa'))] },
    'with a key for nothing (4.2.1.3)': { extensions: [sequence(ids.keyUsage, octets('03020700'))] },
    'with uses in no bytes': { extensions: [sequence(ids.keyUsage, octets('0300'))] },
    'with bits behind the last use (X.690, 11.2.2)': { extensions: [sequence(ids.keyUsage, octets('03020080'))] },
    'with bits that are not used and set (X.690, 11.2.1)': { extensions: [sequence(ids.keyUsage, octets('030207ff'))] },
    'with more unused bits than there are': { extensions: [sequence(ids.keyUsage, octets('03020880'))] },
    'with more uses than there are': { extensions: [sequence(ids.keyUsage, octets('03040080808001'))] },
    'with basic constraints that say what is the default': { extensions: [sequence(ids.constraints, octets(sequence('010100')))] },
    'with the length of a path of no authority (4.2.1.9)': { extensions: [sequence(ids.constraints, octets(sequence('020100')))] },
    'without a purpose among the purposes (4.2.1.12)': { extensions: [sequence(ids.purposes, octets(sequence()))] },
    'with purposes of another type': { extensions: [sequence(ids.purposes, octets(sequence('0500')))] },
  }
  test('is not read where anything is odd', () => {
    assert.ok(readCertificate(built()) !== undefined)
    assert.ok(readCertificate(built({ before: element(0xa3, sequence(named(uri('a:b')))), extensions: [] })) !== undefined)
    assert.ok(readCertificate(built({ extensions: [sequence(ids.own, octets('0500'))] })) !== undefined)
    assert.ok(readCertificate(built({ extensions: [sequence(ids.names, flag, octets(sequence(uri('a:b'))))], subject: sequence() })) !== undefined)
    for (const [what, changed] of Object.entries(oddities)) assert.equal(readCertificate(built(changed)), undefined, what)
  })

  test('is not read in another encoding than DER (X.690, section 10)', () => {
    const good = Buffer.from(built({ extensions: [sequence(ids.own, octets('05'.repeat(200)))] }))
    const length = good.length - 4
    const content = good.subarray(4)
    const with0 = (...head: readonly number[]): Uint8Array => Buffer.concat([Buffer.from([0x30, ...head]), content])
    assert.ok(readCertificate(with0(0x82, length >> 8, length & 0xff)) !== undefined)
    assert.equal(readCertificate(with0(0x83, 0, length >> 8, length & 0xff)), undefined, 'a length of three bytes')
    assert.equal(readCertificate(with0(0x84, 0, 0, length >> 8, length & 0xff)), undefined, 'a length of four bytes')
    assert.equal(readCertificate(Buffer.concat([with0(0x80), Buffer.of(0, 0)])), undefined, 'an indefinite length')
    assert.equal(readCertificate(with0(0x82, length >> 8, (length & 0xff) + 1)), undefined, 'a length beyond the end')
    assert.equal(readCertificate(with0(0x82, length >> 8, (length & 0xff) - 1)), undefined, 'a length before the end')
    assert.equal(readCertificate(built({ serial: '02810101' })), undefined, 'a short length in the long form')
    assert.equal(readCertificate(built({ serial: '0282000101' })), undefined, 'a short length in the longer form')
    assert.equal(readCertificate(built({ serial: '1f020101' })), undefined, 'a tag of several bytes')
    assert.equal(readCertificate(Buffer.concat([good, Buffer.of(0)])), undefined, 'a byte behind it')
  })

  test('of any other bytes nothing is read, and nothing is thrown', () => {
    const good = built()
    for (let end = 0; end < good.length; end++) assert.equal(readCertificate(good.subarray(0, end)), undefined)
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assert.equal(readCertificate(bytes), undefined)))
    fc.assert(fc.property(fc.string(), (text) => assert.equal(readCertificate(text), undefined)))
    assert.equal(readCertificate(new Uint8Array(16_385)), undefined)
    assert.equal(readCertificate(''), undefined)
  })

  test('of which any byte was changed is another one, or none', async () => {
    const { der } = await issue(await makeAuthority(), { extensions: svidExtensions('spiffe://example.org/billing') })
    const before = readCertificate(der)
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (place, difference) => {
        const changed = Uint8Array.from(der)
        changed[place] = (changed[place] ?? 0) ^ difference
        const read = readCertificate(changed)
        if (read === undefined) return
        assert.notEqual(certificateThumbprint(read.der), certificateThumbprint(before?.der ?? new Uint8Array()))
        const other = opensslOf(changed)
        if (other !== undefined)
          assert.deepEqual([Date.parse(other.validFrom), Date.parse(other.validTo), other.ca], [read.notBefore, read.notAfter, read.isAuthority])
      }),
      { numRuns: 2000 },
    )
  })

  test('takes time in proportion to its input', () => {
    const names = Array.from({ length: 1200 }, () => uri('a:b'))
    assert.equal(readCertificate(built({ extensions: [named(...names)] }))?.uris.length, 1200)
    const many = Array.from({ length: 1200 }, (_, index) =>
      sequence(`06042a03${(0x8100 + (index & 0x7f) + ((index >> 7) << 8)).toString(16)}`, octets('05')),
    )
    assert.ok(readCertificate(built({ extensions: many })) !== undefined)
    assert.equal(readCertificate(`-----BEGIN CERTIFICATE-----\n${'A\n'.repeat(500_000)}`), undefined)
    assert.equal(readCertificate(`-----BEGIN CERTIFICATE-----\n${'='.repeat(20_000)}\n-----END CERTIFICATE-----`), undefined)
  })
})

describe('the text of a certificate', () => {
  test('is one PEM block alone (RFC 7468, section 5)', async () => {
    const root = await makeAuthority()
    const pem = root.pem.trimEnd()
    for (const text of [pem, `${pem}\n`, pem.replaceAll('\n', '\r\n'), `${pem.replaceAll('\n', '\r\n')}\r\n`])
      assert.deepEqual(certificateBytes(text), root.der)
    const [first = '', second = '', ...rest] = pem.split('\n')
    const others: Readonly<Record<string, string>> = {
      'two blocks': `${pem}\n${pem}`,
      'text before it': `a\n${pem}`,
      'a line before it': `\n${pem}`,
      'text behind it': `${pem}\na`,
      'two lines behind it': `${pem}\n\n`,
      'another label': pem.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'),
      'a private key': root.key,
      'a header': [first, 'Proc-Type: 4,ENCRYPTED', '', second, ...rest].join('\n'),
      'a space': [first, ` ${second}`, ...rest].join('\n'),
      base64url: pem.replaceAll(/[+/]/g, (character) => (character === '+' ? '-' : '_')).replace(second, `${second.slice(0, -1)}_`),
      'no end': pem.slice(0, -1),
      'no line break behind the label': pem.replace('-----\n', '-----'),
      'nothing in it': `${first}\n-----END CERTIFICATE-----`,
      'an empty line in it': `${first}\n\n-----END CERTIFICATE-----`,
      'padding where there is none to fill': pem.replace('\n-----END', '=\n-----END'),
    }
    for (const [what, text] of Object.entries(others)) assert.equal(certificateBytes(text), undefined, what)
    assert.equal(certificateBytes('-----BEGIN CERTIFICATE-----\nAB==\n-----END CERTIFICATE-----'), undefined, 'bits that are not used and set')
    assert.deepEqual(certificateBytes('-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----'), Uint8Array.of(0))
  })

  test('is of at most 16 KiB, as are its bytes', () => {
    const pem = (length: number): string => `-----BEGIN CERTIFICATE-----\n${Buffer.alloc(length).toString('base64')}\n-----END CERTIFICATE-----`
    assert.equal(certificateBytes(pem(16_384))?.length, 16_384)
    assert.equal(certificateBytes(pem(16_385)), undefined)
    assert.equal(certificateBytes(new Uint8Array(16_384))?.length, 16_384)
    assert.equal(certificateBytes(new Uint8Array(16_385)), undefined)
    assert.equal(certificateBytes(new Uint8Array()), undefined)
  })
})

describe('the thumbprint of a certificate', () => {
  test('is the SHA-256 of its DER in base64url (RFC 8705, section 3.1)', async () => {
    const issued = await issue(await makeAuthority())
    assert.equal(certificateThumbprint(issued.der), issued.thumbprint)
    assert.equal(
      Buffer.from(issued.thumbprint, 'base64url').toString('hex').toUpperCase(),
      new X509Certificate(issued.der).fingerprint256.replaceAll(':', ''),
    )
  })

  test('is the same where the runtime hashes only later', async (t) => {
    const issued = await issue(await makeAuthority())
    t.mock.method(process, 'getBuiltinModule', () => undefined)
    const promise = certificateThumbprint(issued.der)
    assert.ok(promise instanceof Promise)
    assert.equal(await promise, issued.thumbprint)
  })
})
