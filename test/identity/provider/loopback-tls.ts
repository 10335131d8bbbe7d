import { request as send, Agent, createServer } from 'node:https'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { type Authority, extension, issue, type Issued, makeAuthority, svidExtensions } from '../certificates.ts'

/** Whom servers and clients of these tests trust. */
const root: Authority = await makeAuthority()
const own: Issued = await issue(root, {
  subject: 'CN=loopback',
  extensions: [extension.leaf(), extension.signs(), extension.purposes('serverAuth'), extension.names([{ type: 'ip', value: '127.0.0.1' }])],
})

/** A certificate of a workload, by an authority that both servers trust. */
export function workload(uri: string): Promise<Issued> {
  return issue(root, { extensions: svidExtensions(uri) })
}

/** Serves over TLS until the test ends. Clients are asked for a certificate, and those without one are let in. Gives the origin. */
export async function listenSecurely(test: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer({ key: own.key, cert: own.pem, ca: [root.pem], requestCert: true, rejectUnauthorized: false }, listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** `fetch` of a client that trusts those servers, and shows this certificate. It never follows a redirect. */
export function secureFetch(test: TestContext, certificate?: Pick<Issued, 'pem' | 'key'>): typeof fetch {
  const agent = new Agent({
    ca: root.pem,
    keepAlive: true,
    maxSockets: 8,
    ...(certificate !== undefined && { cert: certificate.pem, key: certificate.key }),
  })
  test.after(() => agent.destroy())
  return async (input, init) => {
    const request = new Request(input, init)
    const body = Buffer.from(await request.arrayBuffer())
    return new Promise((resolve, reject) => {
      const sent = send(request.url, {
        agent,
        method: request.method,
        headers: Object.fromEntries(request.headers),
        ...(init?.signal != null && { signal: init.signal }),
      })
      sent.on('error', reject)
      sent.on('response', (answer) => {
        const headers = new Headers()
        for (let index = 0; index < answer.rawHeaders.length; index += 2)
          headers.append(answer.rawHeaders[index] ?? '', answer.rawHeaders[index + 1] ?? '')
        const { statusCode: status = 0 } = answer
        const isEmpty = status === 204 || status === 304
        if (isEmpty) answer.resume()
        resolve(new Response(isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>), { status, headers }))
      })
      sent.end(body)
    })
  }
}
