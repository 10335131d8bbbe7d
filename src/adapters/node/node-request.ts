import type { IncomingMessage, ServerResponse } from 'node:http'
import { stateChannel } from '../web/guard-handler.ts'
import { channelOfSocket } from '../web/socket-channel.ts'

/**
 * A connection's request as a web request. Its signal is aborted when the connection ends before the answer has; its body
 * is read from the connection only as it is asked for. What the transport saw is stated beside it, for the guard.
 *
 * Undefined for a method that a web request cannot have (TRACE, CONNECT), which is to be answered with 501.
 *
 * @param target path and query, where a framework has changed `incoming.url`.
 * @param origin what the request's URL begins with; the `Host` field, which no control looks at, unless given.
 */
export function nodeRequest(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: string | undefined = incoming.url,
  origin?: string,
): Request | undefined {
  const { method = 'GET' } = incoming
  if (/^(?:CONNECT|TRACE|TRACK)$/i.test(method)) return undefined
  const headers = headersOf(incoming)
  const controller = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) controller.abort()
  })
  const isFramed = incoming.headers['transfer-encoding'] !== undefined || incoming.headers['content-length'] !== undefined
  const hasBody = isFramed && method !== 'GET' && method !== 'HEAD'
  const init: RequestInit & { duplex: 'half' } = {
    method,
    headers,
    signal: controller.signal,
    body: hasBody ? bodyOf(incoming) : null,
    duplex: 'half',
  }
  const channel = channelOfSocket(incoming.socket)
  // The scheme of the request's own URL, which no control looks at.
  const isEncrypted = 'encrypted' in incoming.socket && incoming.socket.encrypted === true
  const request = new Request(`${origin ?? originOf(headers, isEncrypted)}${targetOf(target)}`, init)
  stateChannel(request, channel)
  return request
}

/** All fields as they came. Node keeps the first of two `Authorization` fields; here both arrive, joined, and nobody accepts them. */
function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    const value = rawHeaders[index + 1] ?? ''
    const before = name.toLowerCase() === 'cookie' ? headers.get(name) : null
    if (before === null) headers.append(name, value)
    else headers.set(name, `${before}; ${value}`)
  }
  return headers
}

function originOf(headers: Headers, encrypted: boolean): string {
  const scheme = encrypted ? 'https' : 'http'
  const stated = `${scheme}://${headers.get('host')}`
  return URL.canParse(stated) && new URL(stated).href === `${new URL(stated).origin}/` ? new URL(stated).origin : `${scheme}://localhost`
}

// A request line may hold a whole URL, whose host is the caller's to write (RFC 9112, section 3.2.2).
function targetOf(target = '/'): string {
  if (target.startsWith('/')) return target
  const { pathname, search } = URL.canParse(target) ? new URL(target) : { pathname: '/', search: '' }
  return pathname.startsWith('/') ? pathname + search : '/'
}

// By hand: the stream that Node makes of a message destroys the connection when it is cancelled, and with it the answer.
function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let forget: (() => void) | undefined
  const listen = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    const data = (chunk: Uint8Array): void => {
      incoming.pause()
      controller.enqueue(chunk)
    }
    const end = (): void => {
      forget?.()
      controller.close()
    }
    const close = (): void => {
      forget?.()
      controller.error(new Error('the connection ended before the body had'))
    }
    forget = () => {
      incoming.off('data', data).off('end', end).off('error', close).off('close', close)
    }
    incoming.on('data', data).on('end', end).on('error', close).on('close', close)
    if (incoming.readableEnded) end()
    else if (incoming.destroyed) close()
  }
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (forget === undefined) listen(controller)
        else incoming.resume()
      },
      cancel() {
        forget?.()
        // What still comes is not kept, so that the connection can go on to the answer.
        incoming.on('error', () => {})
        incoming.resume()
      },
    },
    { highWaterMark: 0 },
  )
}
