import type { Attributes, Call, Channel, Credentials } from './context.ts'
import { asTypeError, copyAttributes } from './operation.ts'

/** What comes with one call. */
export interface CallOptions {
  /** What the caller presents. */
  readonly credentials?: Credentials
  /** What the transport saw. */
  readonly channel?: Channel
  /** The live call that this one is made for (the sense of RFC 8693): its verified identity is taken over and checked again. */
  readonly onBehalfOf?: Call
  readonly signal?: AbortSignal
  /** Milliseconds, to the last part of the answer. Can only shorten the guard's own deadline. */
  readonly deadline?: number
  /** What the application states of this call: `context.*` in policy. */
  readonly attributes?: Attributes
}

/** Copies what came with a call, each property read once. @throws TypeError for what no caller should have passed. */
export function copyCallOptions(options: CallOptions): CallOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError('the second argument of a guarded call must be an object')
  const { credentials, channel, onBehalfOf, signal, deadline, attributes } = options
  if (onBehalfOf !== undefined && credentials !== undefined)
    throw new TypeError('onBehalfOf and credentials exclude each other: a call has one authority')
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal: must be an AbortSignal')
  if (deadline !== undefined && !(typeof deadline === 'number' && deadline > 0))
    throw new TypeError('deadline: must be a positive number of milliseconds')
  return {
    ...(credentials !== undefined && { credentials: copyCredentials(credentials) }),
    ...(channel !== undefined && { channel: copyChannel(channel) }),
    ...(onBehalfOf !== undefined && { onBehalfOf }),
    ...(signal !== undefined && { signal }),
    ...(deadline !== undefined && { deadline }),
    ...(attributes !== undefined && { attributes: asTypeError('attributes', () => copyAttributes(attributes)) }),
  }
}

function copyCredentials(value: Credentials): Credentials {
  if (typeof value !== 'object' || value === null) throw new TypeError('credentials: must be an object')
  const { authorization, dpop, apiKey } = value
  for (const [name, text] of Object.entries({ authorization, dpop, apiKey }))
    if (text !== undefined && typeof text !== 'string') throw new TypeError(`credentials.${name}: must be a string`)
  return Object.freeze({
    ...(authorization !== undefined && { authorization }),
    ...(dpop !== undefined && { dpop }),
    ...(apiKey !== undefined && { apiKey }),
  })
}

function copyChannel(value: Channel): Channel {
  if (typeof value !== 'object' || value === null) throw new TypeError('channel: must be an object')
  const { secure, method, url, tlsVersion, peerCertificate, remoteAddress } = value
  if (typeof secure !== 'boolean') throw new TypeError('channel.secure: must be a boolean')
  for (const [name, text] of Object.entries({ method, url, tlsVersion, remoteAddress }))
    if (text !== undefined && typeof text !== 'string') throw new TypeError(`channel.${name}: must be a string`)
  return Object.freeze({
    secure,
    ...(method !== undefined && { method }),
    ...(url !== undefined && { url }),
    ...(tlsVersion !== undefined && { tlsVersion }),
    ...(peerCertificate !== undefined && {
      peerCertificate: typeof peerCertificate === 'string' ? peerCertificate : Uint8Array.from(peerCertificate),
    }),
    ...(remoteAddress !== undefined && { remoteAddress }),
  })
}
