import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A JWK Set at a loopback address. A test sets how it answers and reads how often, and for what, it was asked. */
export interface JwksServer {
  readonly url: URL
  readonly requests: number
  /** How many requests are not answered yet. */
  readonly open: number
  /** The paths that were asked for. */
  readonly paths: readonly string[]
  answer: (response: ServerResponse, request: IncomingMessage) => void
}

/** Serves what `jwks` gives, until the test ends. */
export async function jwksServer(context: TestContext, jwks: () => unknown): Promise<JwksServer> {
  const paths: string[] = []
  let open = 0
  const served: { answer: JwksServer['answer'] } = { answer: (response) => void response.end(JSON.stringify(jwks())) }
  const server = createServer((request, response) => {
    paths.push(request.url ?? '')
    open++
    response.once('close', () => {
      open--
    })
    served.answer(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    // In this order: whoever connects in between would wait for an answer, and the process for him.
    server.close()
    server.closeAllConnections()
  })
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`),
    get requests() {
      return paths.length
    },
    get open() {
      return open
    },
    paths,
    get answer() {
      return served.answer
    },
    set answer(answer) {
      served.answer = answer
    },
  }
}

/** Writes a body that has no end, as fast as it is read. */
export function pour(response: ServerResponse): void {
  const piece = ' '.repeat(65_536)
  const next = (): void => void (response.destroyed || response.write(piece, next))
  next()
}

/** Waits, in real time, until what is under way on the loopback has come about. */
export async function settled(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000 && !condition(); turn++) await new Promise((resolve) => setTimeout(resolve, 1))
  if (!condition()) throw new Error('it did not come about')
}
