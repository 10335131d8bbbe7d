import assert from 'node:assert/strict'
import { test } from 'node:test'
import { channelOfSocket, type SocketFacts } from '../../../src/adapters/web/socket-channel.ts'

const raw = Uint8Array.of(0x30, 0)
const tls: SocketFacts = {
  remoteAddress: '192.0.2.1',
  encrypted: true,
  authorized: true,
  getProtocol: () => 'TLSv1.3',
  getPeerX509Certificate: () => ({ raw }),
}

test('a socket without TLS is secure only where it ends on this machine, and states no certificate', () => {
  assert.deepEqual(channelOfSocket({ remoteAddress: '192.0.2.1', authorized: true, getPeerX509Certificate: () => ({ raw }) }), {
    secure: false,
    remoteAddress: '192.0.2.1',
  })
  assert.deepEqual(channelOfSocket({ remoteAddress: '127.0.0.1' }), { secure: true, remoteAddress: '127.0.0.1' })
  assert.deepEqual(channelOfSocket({}), { secure: false })
  assert.deepEqual(channelOfSocket({ encrypted: 'true', remoteAddress: 1 }), { secure: false })
})

test('a certificate is stated where TLS has verified it', () => {
  assert.deepEqual(channelOfSocket({ ...tls }), { secure: true, remoteAddress: '192.0.2.1', tlsVersion: 'TLSv1.3', peerCertificate: raw })
  for (const authorized of [false, undefined, null, 1, 'true']) assert.equal(channelOfSocket({ ...tls, authorized }).peerCertificate, undefined)
})

test('what a runtime does not say is not stated', () => {
  for (const nothing of [undefined, null, {}, { raw: undefined }, { raw: new Uint8Array() }, { raw: 'x' }, 1])
    assert.equal(channelOfSocket({ ...tls, getPeerX509Certificate: () => nothing }).peerCertificate, undefined)
  const { getPeerX509Certificate, getProtocol, ...less } = tls
  assert.deepEqual(channelOfSocket({ ...less }), { secure: true, remoteAddress: '192.0.2.1' })
  assert.deepEqual(channelOfSocket({ ...less, getPeerCertificate: () => ({ raw }) }).peerCertificate, raw)
  assert.equal(channelOfSocket({ ...tls, getProtocol: () => null }).tlsVersion, undefined)
})

test('a connection of TLS 1.3 is asked once, and one that may renegotiate every time; addresses are looked at anew', () => {
  for (const [version, times] of [
    ['TLSv1.3', 1],
    ['TLSv1.2', 3],
  ] as const) {
    let asked = 0
    const socket = { ...tls, getProtocol: () => version, getPeerX509Certificate: () => ({ raw: Uint8Array.of(0x30, asked++) }) }
    const [first, second] = [channelOfSocket(socket), channelOfSocket(socket)]
    assert.equal(first.peerCertificate === second.peerCertificate, times === 1)
    assert.equal(channelOfSocket(Object.assign(socket, { remoteAddress: undefined })).remoteAddress, undefined)
    assert.equal(asked, times)
  }
})

test('a certificate is a copy', () => {
  const own = Uint8Array.from(raw)
  const { peerCertificate } = channelOfSocket({ ...tls, getPeerX509Certificate: () => ({ raw: own }) })
  own.fill(0)
  assert.deepEqual(peerCertificate, raw)
})
