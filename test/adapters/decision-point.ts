import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { listen } from './loopback.ts'

/** What a decision point was sent. */
export interface Sent {
  readonly method: string
  readonly target: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Answer = (response: ServerResponse, sent: Sent) => void

/** Serves answers on this machine, and keeps what it was sent. */
export async function servePoint(test: TestContext, answer: Answer): Promise<{ readonly origin: string; readonly sent: Sent[] }> {
  const sent: Sent[] = []
  const origin = await listen(test, (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece))
    request.on('end', () => {
      const one = { method: request.method ?? '', target: request.url ?? '', headers: request.headers, body }
      sent.push(one)
      answer(response, one)
    })
  })
  return { origin, sent }
}

/** Keeps the process until the test ends: the timers that are waited for do not. */
export function stayAlive(test: TestContext): void {
  const timer = setInterval(() => {}, 1_000)
  test.after(() => clearInterval(timer))
}

/** Answers with JSON. */
export function answerJson(value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) =>
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(typeof value === 'string' ? value : JSON.stringify(value))
}

/** Ways of a decision point not to answer, each with the reason that is given for it. */
export const silences: readonly [what: string, answer: Answer, reason: RegExp][] = [
  [
    'another status',
    (response) => response.writeHead(500, { 'content-type': 'application/json' }).end('{"decision":true,"result":true}'),
    /status 500/,
  ],
  ['a refusal', (response) => response.writeHead(401).end(), /status 401/],
  ['a redirect', (response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(), /status/],
  ['no content', (response) => response.writeHead(204).end(), /status 204/],
  ['an empty body', answerJson(''), /no JSON/],
  ['no JSON', answerJson('{"decision":tru'), /no JSON/],
  ['a page', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('{"decision":true,"result":true}'), /no JSON/],
  ['other characters', answerJson({ decision: true, result: true }, { 'content-type': 'application/json; charset=utf-16' }), /no JSON/],
  [
    'bytes that are no UTF-8',
    (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from([0x7b, 0xff, 0x7d])),
    /no JSON/,
  ],
  ['a name twice', answerJson('{"decision":false,"decision":true,"result":false,"result":true}'), /each name stands once/],
  ['50,000 levels', answerJson('['.repeat(50_000)), /no JSON/],
  ['a huge answer', (response) => endless(response), /too long/],
  [
    'a connection that breaks off',
    (response) => void response.writeHead(200, { 'content-type': 'application/json', 'content-length': '99' }).write('{', () => response.destroy()),
    /broke off/,
  ],
  ['no answer at all', (response) => response.destroy(), /could not be reached/],
]

function endless(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  const piece = ' '.repeat(65_536)
  const more = (): void => {
    if (!response.destroyed) response.write(piece, more)
  }
  more()
}
