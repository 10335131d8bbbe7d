// The model: a process that speaks the wire format of OpenAI's chat completions and does nothing else. `fast-1` answers at once,
// `slow-1` takes a quarter of a second and streams an event each 15 ms.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chunks, completion } from '../../../examples/gateway/model.ts'
import { serveParent } from './child.ts'

const text =
  'Revenue grew in every region but one, and costs fell as planned in most of them. Please write to grace.hopper@example.com or ring +44 20 7946 0958.'
const whole = JSON.stringify(completion('small-1', text))
const events: string[] = []
for await (const chunk of chunks('small-1', text)) events.push(`data: ${JSON.stringify(chunk)}\n\n`)
events.push('data: [DONE]\n\n')

let asked = 0
let open = 0
let left = 0

function stream(response: ServerResponse, isSlow: boolean): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let next = 0
  const send = (): void => {
    if (response.destroyed) return
    const isLast = next === events.length - 1
    response.write(events[next++] ?? '')
    if (isLast) response.end()
    else if (isSlow) setTimeout(send, 15)
    else setImmediate(send)
  }
  send()
}

const server = createServer(async (request, response) => {
  asked++
  open++
  response.once('close', () => {
    open--
    if (!response.writableFinished) left++
  })
  const parts: Buffer[] = []
  try {
    for await (const part of request) parts.push(part as Buffer)
  } catch {
    return
  }
  const question = JSON.parse(Buffer.concat(parts).toString()) as { model: string; stream?: boolean }
  const isSlow = question.model === 'slow-1'
  if (question.stream === true) return stream(response, isSlow)
  const answer = (): void => void response.writeHead(200, { 'content-type': 'application/json' }).end(whole)
  if (isSlow) setTimeout(answer, 250)
  else answer()
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  serveParent(`http://127.0.0.1:${port}/v1`, { counts: () => ({ asked, open, left }) }, () => server.closeAllConnections())
})
