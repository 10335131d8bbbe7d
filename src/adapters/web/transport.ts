import type { Channel } from '../../guard/context.ts'

// Beside the request and not in its headers: only what runs in this process can state it.
const channels = new WeakMap<Request, Channel>()

/** Says what the transport saw of a request. For servers that make web requests out of connections, such as `toNode`. */
export function stateChannel(request: Request, channel: Channel): void {
  channels.set(request, channel)
}

/**
 * What the transport saw of a request. Where no server of this package stated it, only the scheme of the URL is known,
 * which the runtime's own server sets.
 */
export function channelOf(request: Request): Channel {
  return channels.get(request) ?? { secure: request.url.startsWith('https:') }
}
