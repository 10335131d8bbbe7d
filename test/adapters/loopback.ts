import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { TestContext } from 'node:test'

/** Serves on a free port of this machine until the test ends. Gives the origin. */
export async function listen(test: TestContext, listener: RequestListener | Server): Promise<string> {
  const server = typeof listener === 'function' ? createServer(listener) : listener
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Sends these bytes and gives everything that comes back until the other side closes. */
export function raw(origin: string, text: string): Promise<string> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text))
    let answer = ''
    socket.setEncoding('utf8')
    socket
      .on('data', (data) => (answer += data))
      .on('end', () => resolve(answer))
      .on('error', reject)
  })
}

/** A chat request with these fields as raw HTTP/1.1. */
export function rawPost(body: string, fields: readonly string[], target = '/v1/chat'): string {
  const lines = [
    `POST ${target} HTTP/1.1`,
    'host: evil.example',
    'connection: close',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return `${[...lines, ...fields].join('\r\n')}\r\n\r\n${body}`
}

/** Sends a chat request. */
export function send(origin: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`${origin}/v1/chat`, {
    method: 'POST',
    headers: { authorization: 'Bearer ada', 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  })
}
