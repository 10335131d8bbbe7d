import { checkNames } from '../../guard/check-options.ts'
import { type CallOptions, copyCallOptions } from '../../guard/call-options.ts'
import type { Chain } from '../../guard/chain.ts'
import type { Codec, WireCodec } from '../../guard/codec.ts'
import type { Attributes, Channel } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import { type Guard, mediator } from '../../guard/guard.ts'
import { copyAttributes, type Operation, type Planned } from '../../guard/operation.ts'
import { abandon, isThenable } from '../../guard/thenable.ts'
import { type ForwardedCertificate, forwardedCertificateOf, throughProxy } from './forwarded-certificate.ts'

/** What an application says of a transport. */
export type StatedChannel = { readonly [Member in keyof Channel]?: Channel[Member] | undefined }

/** Options of every server adapter. `R` is the request as its framework has it. */
export interface ServerOptions<R> {
  /**
   * Where callers reach this server, such as `https://api.example`: what a call's `channel.url`, and with it DPoP's `htu`
   * (RFC 9449, section 4.3), is built from. The `Host` header is never used, since the caller writes it; without an origin
   * the channel has no URL.
   */
  readonly origin?: string
  /** The longest body that is read, in bytes; 1 MiB unless given. */
  readonly maxBodyBytes?: number
  /** The longest whole answer that is read from a `Response` of the handler, in bytes; 8 MiB unless given. */
  readonly maxAnswerBytes?: number
  /**
   * What the application knows better of the transport, as behind a proxy that it trusts, or on a runtime without sockets
   * (workerd, Deno, Bun), where nothing else says that a connection is secure. What it leaves out is what the socket says. Must
   * not wait.
   */
  readonly channel?: (request: R) => StatedChannel
  /**
   * Where a proxy that ends TLS writes its client's certificate, and how that proxy is known. Unless it is given, and from every
   * other peer, fields with certificates are ignored. The proxy must take off what its own clients write there. Over a connection
   * to it that is not secure by itself, `channel` must say that it is.
   */
  readonly forwardedCertificate?: ForwardedCertificate<R>
  /** What the application states of this call: `context.*` in policy. Must not wait. */
  readonly attributes?: (request: R) => Attributes
  /**
   * What becomes of a call over a connection of which is known that it is neither encrypted nor within this machine: it is refused unless
   * this says `allow`. Behind a proxy that ends TLS, `channel` says that the connection is secure, of a peer that is that proxy.
   */
  readonly insecure?: 'refuse' | 'allow'
}

/** Server options, parsed and copied. */
export interface ServerSettings<R> {
  readonly origin: string | undefined
  readonly maxBodyBytes: number
  readonly maxAnswerBytes: number
  readonly channel: ((request: R) => StatedChannel) | undefined
  readonly forwardedCertificate: ForwardedCertificate<R> | undefined
  readonly attributes: ((request: R) => Attributes) | undefined
  readonly allowsInsecure: boolean
}

/** What is known of a connection of which nobody has said anything. It counts as not secure, and nobody knows that it is not. */
export const unstatedChannel: Channel = Object.freeze({ secure: false })

/** Parses and copies server options. @throws TypeError for what is wrong. */
export function serverSettings<R>(options: ServerOptions<R>): ServerSettings<R> {
  checkNames('options', options, ['origin', 'maxBodyBytes', 'maxAnswerBytes', 'channel', 'forwardedCertificate', 'attributes', 'insecure'])
  const { origin, channel, forwardedCertificate, attributes, insecure = 'refuse' } = options
  if (insecure !== 'refuse' && insecure !== 'allow') throw new TypeError("options.insecure: must be 'refuse' or 'allow'")
  for (const [name, value] of Object.entries({ channel, attributes }))
    if (value !== undefined && typeof value !== 'function') throw new TypeError(`options.${name}: must be a function of the request`)
  return Object.freeze({
    origin: origin === undefined ? undefined : originOf(origin),
    ...bodyBounds(options, 1024 * 1024),
    channel,
    forwardedCertificate: forwardedCertificate === undefined ? undefined : forwardedCertificateOf(forwardedCertificate),
    attributes,
    allowsInsecure: insecure === 'allow',
  })
}

/** Parses how much is read. @throws TypeError for what is no whole number of bytes. */
export function bodyBounds(
  { maxBodyBytes, maxAnswerBytes = 8 * 1024 * 1024 }: Pick<ServerOptions<never>, 'maxBodyBytes' | 'maxAnswerBytes'>,
  usual: number,
): Pick<ServerSettings<never>, 'maxBodyBytes' | 'maxAnswerBytes'> {
  const bounds = { maxBodyBytes: maxBodyBytes ?? usual, maxAnswerBytes }
  for (const [name, value] of Object.entries(bounds))
    if (!Number.isSafeInteger(value) || value <= 0) throw new TypeError(`options.${name}: must be a positive whole number of bytes`)
  return bounds
}

/** An origin (RFC 6454) without a slash at its end. @throws TypeError for anything more or less. */
export function originOf(value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`)
    throw new TypeError("options.origin: must be scheme, host and port alone, such as 'https://api.example'")
  return url.origin
}

/** As many as a call may have, and as long, in characters. */
const maxApprovals = 8
const maxApprovalLength = 16_384

/** What comes with a call, and what keeps it from being admitted whatever the controls say. */
export interface StatedCall {
  readonly options: CallOptions
  readonly mistake?: GuardError
}

/**
 * What comes with the call of this request: the credentials and the approval from its header fields, as they came (two `Authorization`
 * fields arrive as one with a comma in it, which no scheme accepts), the channel and the attributes. Where the
 * application's own functions fail, the call is refused for that once its caller is known.
 */
export function stateCall<R>(settings: ServerSettings<R>, request: R, head: RequestHead, transport: Channel): StatedCall {
  const { origin, channel, forwardedCertificate, attributes } = settings
  const { method, target, headers, signal } = head
  // The URL is put together as text: a path that begins with two slashes would become a host.
  const seen: Channel = { ...transport, method, ...(origin !== undefined && { url: `${origin}${target}` }) }
  const forwarded = forwardedCertificate === undefined ? { channel: seen } : throughProxy(forwardedCertificate, seen, request, headers)
  const traceparent = headers.get('traceparent')
  const stated: CallOptions = { ...credentialsIn(headers), channel: forwarded.channel, signal, ...(traceparent !== null && { traceparent }) }
  if (forwarded.mistake !== undefined) return { options: stated, mistake: forwarded.mistake }
  const isStated = transport !== unstatedChannel
  if (channel === undefined && attributes === undefined) return judged(stated, isStated, settings)
  try {
    const given = channel && atOnce('options.channel', channel(request))
    const known = { ...stated.channel, ...given } as Channel
    const options = copyCallOptions({
      ...stated,
      channel: known,
      ...(attributes && { attributes: copyAttributes(atOnce('options.attributes', attributes(request))) }),
    })
    return judged(options, isStated || given?.secure !== undefined, settings)
  } catch (error) {
    return { options: stated, mistake: new GuardError('misconfigured', { reason: "the adapter's options failed", cause: error }) }
  }
}

// Whoever reads along has the credentials and can change what is asked: nothing that such a call says is its caller's.
function judged(options: CallOptions, isStated: boolean, { allowsInsecure }: ServerSettings<never>): StatedCall {
  if (!isStated || allowsInsecure || options.channel?.secure === true) return { options }
  return { options, mistake: new GuardError('denied', { reason: 'the connection is not secure' }) }
}

/**
 * What a function of the application gave for a call, as it is. A promise, or an object with one among its members, is let go.
 *
 * @throws TypeError for a promise, and for what is no object: taken for nothing it would say the wrong thing of the call.
 */
export function atOnce<T extends object>(what: string, given: T): T {
  if (typeof given !== 'object' || given === null) throw new TypeError(`${what}: must give an object`)
  const slow = [given, ...Object.values(given)].filter(isThenable)
  slow.forEach(abandon)
  if (slow.length > 0) throw new TypeError(`${what}: must not be asynchronous`)
  return given
}

/** What the first lines of a request say. */
export interface RequestHead {
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly headers: Headers
  /** Aborted when the client goes. */
  readonly signal: AbortSignal
}

/** What a caller proves who it is with, and that this very call was approved. Nothing of it reaches a handler. */
function credentialsIn(headers: Headers): Pick<CallOptions, 'credentials' | 'approvals'> {
  const authorization = headers.get('authorization')
  const dpop = headers.get('dpop')
  const apiKey = headers.get('x-api-key')
  return {
    ...((authorization ?? dpop ?? apiKey) !== null && {
      credentials: {
        ...(authorization !== null && { authorization }),
        ...(dpop !== null && { dpop }),
        ...(apiKey !== null && { apiKey }),
      },
    }),
    ...approvalsIn(headers.get('step-up-assertion'), headers.get('approval')),
  }
}

// Those that no control could want are none, and are asked for again. Several approvals arrive as one field with commas between.
function approvalsIn(assertion: string | null, approvals: string | null): Pick<CallOptions, 'approvals'> {
  const texts = [assertion, ...(approvals ?? '').split(',').slice(0, maxApprovals)].map((text) => text?.trim() ?? '')
  const useful = texts.filter((text) => text !== '' && text.length <= maxApprovalLength).slice(0, maxApprovals)
  return useful.length === 0 ? {} : { approvals: useful }
}

/** An operation of a server adapter: it names the codec, since the bytes of a stranger do not choose how they are read. */
export interface WireOperation<I = unknown> extends Operation<I> {
  /** How the payload is read from bytes and written to them. */
  readonly codec: Codec<I>
}

/** An operation on bytes, whatever its input. */
type AnyWireOperation = Omit<Operation<never>, 'codec'> & { readonly codec?: Codec | undefined }

/** A guard's chain and an operation on bytes. */
export interface WireMediator {
  readonly chain: Chain
  readonly plan: Planned
  readonly codec: Codec
  readonly wire: WireCodec
  /** Whether a control of the chain opens what arrives sealed. */
  readonly opens: boolean
}

/**
 * What every adapter on bytes begins with.
 *
 * @throws TypeError for what is no guard, an incomplete chain, a wrong operation, or a codec without a form on the wire.
 */
export function wireMediator(guard: Guard, operation: AnyWireOperation, source: 'value' | 'wire'): WireMediator {
  // The engine reads inputs with this very codec, so their type is what the operation's functions take.
  const { chain, plan } = mediator(guard, operation as Operation<never>, source)
  const { codec } = plan
  if (operation.codec === undefined || codec === undefined || codec !== operation.codec)
    throw new TypeError('operation.codec: bytes need a codec, such as openaiChat, that is named')
  if (codec.wire === undefined) throw new TypeError(`operation.codec: '${codec.name}' has no form on the wire`)
  return { chain, plan, codec, wire: codec.wire, opens: chain.arriveAt < chain.readAt }
}
