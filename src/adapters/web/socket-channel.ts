import type { Channel } from '../../guard/context.ts'
import { isLoopback } from './loopback.ts'

/** What a socket of `node:net` or `node:tls` may say of its connection, on whatever runtime. */
export interface SocketFacts {
  readonly remoteAddress?: unknown
  readonly encrypted?: unknown
  readonly authorized?: unknown
  readonly getProtocol?: unknown
  readonly getPeerX509Certificate?: unknown
  readonly getPeerCertificate?: unknown
}

/**
 * What a connection's socket says of it. The peer's certificate is stated only where TLS has verified it: where the server asked
 * for one (`requestCert`) and an authority that it trusts issued it. Of a peer without one, or with another, nothing is stated.
 */
export function channelOfSocket(socket: SocketFacts): Channel {
  const isEncrypted = socket.encrypted === true
  const address = typeof socket.remoteAddress === 'string' ? plainAddress(socket.remoteAddress) : undefined
  return {
    // A connection that its peer has reset has no address any more, and looks like one of the file system: neither is secure
    // by itself.
    secure: isEncrypted || (address !== undefined && isLoopback(address)),
    ...(address !== undefined && { remoteAddress: address }),
    ...(isEncrypted && agreedWith(socket)),
  }
}

// A listener for both families writes an IPv4 peer as one of IPv6 (RFC 4291, section 2.5.5.2), and whoever compares it would not
// know it again.
function plainAddress(address: string): string {
  return /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1] ?? address
}

/** What the two ends of a TLS connection agreed on. */
type Agreed = Pick<Channel, 'tlsVersion' | 'peerCertificate'>

const agreements = new WeakMap<object, Agreed>()

function agreedWith(socket: SocketFacts): Agreed {
  const known = agreements.get(socket)
  if (known !== undefined) return known
  const version = ask(socket, socket.getProtocol)
  const certificate = socket.authorized === true ? certificateOf(socket) : undefined
  const agreed: Agreed = {
    ...(typeof version === 'string' && { tlsVersion: version }),
    ...(certificate !== undefined && { peerCertificate: certificate }),
  }
  // Once for a connection of TLS 1.3, which never renegotiates (RFC 8446, section 4.1.2); one of an earlier version may.
  if (version === 'TLSv1.3') agreements.set(socket, agreed)
  return agreed
}

function certificateOf(socket: SocketFacts): Uint8Array | undefined {
  const certificate = ask(socket, socket.getPeerX509Certificate) ?? ask(socket, socket.getPeerCertificate)
  if (typeof certificate !== 'object' || certificate === null || !('raw' in certificate)) return undefined
  // A resumed session of TLS 1.3 can be authorized and know no certificate.
  return certificate.raw instanceof Uint8Array && certificate.raw.length > 0 ? new Uint8Array(certificate.raw) : undefined
}

function ask(socket: SocketFacts, method: unknown): unknown {
  return typeof method === 'function' ? method.call(socket) : undefined
}
