import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A JWK Set at a loopback address. A test sets how it answers and reads how often it was asked. */
export interface JwksServer {
  readonly url: URL
  readonly requests: number
  answer: (response: ServerResponse) => void
}

/** Serves what `jwks` gives, until the test ends. */
export async function jwksServer(context: TestContext, jwks: () => unknown): Promise<JwksServer> {
  let requests = 0
  const served: { answer: JwksServer['answer'] } = { answer: (response) => void response.end(JSON.stringify(jwks())) }
  const server = createServer((_request, response) => {
    requests++
    served.answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`),
    get requests() {
      return requests
    },
    get answer() {
      return served.answer
    },
    set answer(answer) {
      served.answer = answer
    },
  }
}
