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
  /**
   * What proves that this very call was approved, as a control that asked for it described: at most 8 texts of 16,384
   * characters.
   */
  readonly approvals?: readonly string[]
  /** The `traceparent` field that came with it (W3C Trace Context), for its records. One of a wrong form is passed over. */
  readonly traceparent?: string
}

const optionNames = ['credentials', 'channel', 'onBehalfOf', 'signal', 'deadline', 'attributes', 'approvals', 'traceparent'] as const
const credentialNames = ['authorization', 'dpop', 'apiKey'] as const
const channelNames = ['secure', 'method', 'url', 'tlsVersion', 'peerCertificate', 'remoteAddress'] as const

const approvalBounds = { count: 8, length: 16_384 } as const

/** Copies what came with a call, each property read once. @throws TypeError for what no caller should have passed. */
export function copyCallOptions(options: CallOptions): CallOptions {
  plain('the second argument of a guarded call', options, optionNames)
  const { credentials, channel, onBehalfOf, signal, deadline, attributes, approvals, traceparent } = options
  if (onBehalfOf !== undefined && credentials !== undefined)
    throw new TypeError('onBehalfOf and credentials exclude each other: a call has one authority')
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal: must be an AbortSignal')
  if (deadline !== undefined && !(typeof deadline === 'number' && deadline > 0))
    throw new TypeError('deadline: must be a positive number of milliseconds')
  if (traceparent !== undefined && typeof traceparent !== 'string') throw new TypeError('traceparent: must be a string')
  const own: { -readonly [name in keyof CallOptions]: CallOptions[name] } = {}
  if (credentials !== undefined) own.credentials = copyCredentials(credentials)
  if (channel !== undefined) own.channel = copyChannel(channel)
  if (onBehalfOf !== undefined) own.onBehalfOf = onBehalfOf
  if (signal !== undefined) own.signal = signal
  if (deadline !== undefined) own.deadline = deadline
  if (attributes !== undefined) own.attributes = asTypeError('attributes', () => copyAttributes(attributes))
  if (approvals !== undefined) own.approvals = copyApprovals(approvals)
  if (traceparent !== undefined) own.traceparent = traceparent
  return own
}

function copyApprovals(value: readonly string[]): readonly string[] {
  if (!Array.isArray(value) || value.length > approvalBounds.count)
    throw new TypeError(`approvals: must be a list of at most ${approvalBounds.count}`)
  const texts: readonly unknown[] = Array.from(value)
  if (!texts.every((text) => typeof text === 'string' && text.length <= approvalBounds.length))
    throw new TypeError(`approvals: must be texts of at most ${approvalBounds.length} characters`)
  return Object.freeze(texts as string[])
}

function copyCredentials(value: Credentials): Credentials {
  plain('credentials', value, credentialNames)
  const own: { -readonly [name in keyof Credentials]: string } = {}
  for (const name of credentialNames) {
    const text: unknown = value[name]
    if (text === undefined) continue
    if (typeof text !== 'string') throw new TypeError(`credentials.${name}: must be a string`)
    own[name] = text
  }
  return Object.freeze(own)
}

function copyChannel(value: Channel): Channel {
  plain('channel', value, channelNames)
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

// A plain object with these members and no others. A credential under a wrong name, or in a container that is read as
// empty, would be taken for none at all.
function plain(what: string, value: unknown, names: readonly string[]): void {
  const prototype: unknown = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined
  if (prototype === undefined || Array.isArray(value) || (prototype !== null && Object.getPrototypeOf(prototype) !== null))
    throw new TypeError(`${what}: must be a plain object`)
  const own = Object.keys(value as object)
  if (own.every((name) => names.includes(name))) return
  throw new TypeError(`${what}: there is no member ${own.filter((name) => !names.includes(name)).join(', ')}`)
}
