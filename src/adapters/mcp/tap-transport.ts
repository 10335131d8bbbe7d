/** A message of JSON-RPC 2.0 as a transport hands it over: nobody has checked it. */
export type McpFrame = Readonly<Record<string, unknown>>

/** A transport of the Model Context Protocol, of whichever version of the SDK. */
export interface McpTransport {
  onmessage?: ((message: never, extra?: never) => void) | undefined
  onclose?: (() => void) | undefined
  send(message: never, options?: never): Promise<void>
}

/** The two ends of a tapped transport. */
export interface TapEnds {
  /** Hands a message to whoever is connected, as if it had come over the wire. */
  deliver(message: McpFrame, extra: unknown): void
  /** Sends a message over the wire. */
  send(message: McpFrame, options: unknown): Promise<void>
}

/** What stands between a transport and whoever is connected to it. */
export interface Tap {
  incoming(message: McpFrame, extra: unknown): void
  outgoing(message: McpFrame, options: unknown): Promise<void>
  closed(): void
}

/**
 * Puts a tap into a transport, so that no message passes it by in either direction. The transport stays the same object: servers tell
 * their own ones by it.
 *
 * @throws TypeError for what is no transport, and for one that somebody listens to already.
 */
export function tapTransport(transport: McpTransport, tapOf: (ends: TapEnds) => Tap): void {
  if (typeof transport !== 'object' || transport === null || typeof transport.send !== 'function') throw new TypeError('connect: give a transport')
  if (transport.onmessage !== undefined) throw new TypeError('connect: somebody listens to this transport already')
  type Handler = (message: McpFrame, extra?: unknown) => void
  let handler: Handler | undefined
  const send = transport.send.bind(transport) as unknown as TapEnds['send']
  const tap = tapOf({
    deliver: (message, extra) => handler?.(message, extra),
    send,
  })
  const incoming: Handler = (message, extra) => tap.incoming(message, extra)
  Object.defineProperties(transport, {
    onmessage: {
      configurable: true,
      enumerable: true,
      get: () => (handler === undefined ? undefined : incoming),
      set(next: Handler | undefined) {
        handler = next
      },
    },
    send: {
      configurable: true,
      enumerable: true,
      writable: false,
      value: (message: McpFrame, options?: unknown): Promise<void> => tap.outgoing(message, options),
    },
  })
  const { onclose } = transport
  // Whoever connects calls the one that it finds.
  transport.onclose = () => {
    tap.closed()
    onclose?.()
  }
}

/** The kind of a message: what it asks for or answers, by its members (JSON-RPC 2.0, sections 4 and 5). */
export function kindOf(message: unknown): 'request' | 'notification' | 'response' | undefined {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return undefined
  const hasId = 'id' in message && (typeof message.id === 'string' || typeof message.id === 'number')
  if ('method' in message) return typeof message.method === 'string' ? (hasId ? 'request' : 'notification') : undefined
  return 'result' in message || 'error' in message ? 'response' : undefined
}

/** One text for one id: a number and its digits are two. */
export function idKey(id: unknown): string {
  return `${typeof id}:${String(id)}`
}
