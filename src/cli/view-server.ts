import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { content, page, type Standing, versionOf } from '../audit-view/page.ts'
import type { Html } from '../audit-view/html.ts'
import { script } from '../audit-view/script.ts'
import { style } from '../audit-view/style.ts'

/** What is served. */
export interface Served {
  readonly standing: Standing
  show(path: string, query: URLSearchParams): Promise<{ readonly title: string; readonly main: Html } | undefined>
}

/** A server of pages at a loopback address. */
export interface ViewServer {
  /** The address to open, once: it holds the token. */
  readonly url: string
  /** Tells the pages that are open that there is more to see; at most once a second. */
  changed(): void
  close(): Promise<void>
}

const cookieName = 'sallyport-view'
const most = { streams: 16, headerBytes: 8 * 1024 } as const

// Nothing from elsewhere, nothing inline, in no frame of others.
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
} as const

/**
 * Serves pages to one browser on this machine: whoever opens the address first gets a cookie for it, and the token in the address is
 * used up. Nothing can be changed by it: it answers GET alone.
 *
 * @param port 0 for any that is free.
 */
export async function viewServer(served: Served, port: number): Promise<ViewServer> {
  const token = randomBytes(24).toString('base64url')
  const session = randomBytes(24).toString('base64url')
  const streams = new Set<ServerResponse>()
  let isUsed = false
  let told = 0
  let timer: NodeJS.Timeout | undefined

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { port: own } = server.address() as AddressInfo
    // A name that somebody else points to this address is not ours.
    if (![`127.0.0.1:${own}`, `localhost:${own}`].includes(request.headers.host ?? ''))
      return end(response, 421, 'text/plain', 'This is another host.')
    if (request.method !== 'GET') return end(response, 405, 'text/plain', 'Nothing can be changed here.', { allow: 'GET' })
    const url = new URL(request.url ?? '/', `http://127.0.0.1:${own}`)
    const given = url.searchParams.get('token')
    if (given !== null) {
      if (isUsed || !isSame(given, token)) return end(response, 403, 'text/plain', 'This address was used already: start the command anew.')
      isUsed = true
      return end(response, 303, 'text/plain', '', { location: '/', 'set-cookie': `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/` })
    }
    if (!isSame(cookieIn(request), session)) return end(response, 403, 'text/plain', 'Open the address that the command printed.')
    if (url.pathname === '/style.css') return end(response, 200, 'text/css', style)
    if (url.pathname === '/script.js') return end(response, 200, 'text/javascript', script)
    if (url.pathname === '/events') return listen(request, response)
    const shown = await served.show(url.pathname, url.searchParams)
    if (shown === undefined) return end(response, 404, 'text/plain', 'There is no such page, or the call is not among the newest any more.')
    const isPart = request.headers.accept === 'text/x-main'
    const { standing } = served
    if (isPart) end(response, 200, 'text/html', content(standing, shown.main).html, { 'x-version': versionOf(standing) })
    else end(response, 200, 'text/html', page(shown.title, standing, shown.main))
  }

  // Also to whoever comes: something may have changed since the page was made.
  const news = (): string => `data: ${versionOf(served.standing)}\n\n`

  const listen = (request: IncomingMessage, response: ServerResponse): void => {
    if (streams.size >= most.streams) {
      end(response, 503, 'text/plain', 'Too many pages are open.')
      return
    }
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' }).write(news())
    streams.add(response)
    request.on('close', () => streams.delete(response))
  }

  const server = createServer({ maxHeaderSize: most.headerBytes }, (request, response) => {
    answer(request, response).catch(() => {
      if (!response.headersSent) end(response, 500, 'text/plain', 'This page could not be made.')
      else response.destroy()
    })
  })
  await listening(server, port)
  const { port: own } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${own}/?token=${token}`,
    changed() {
      timer ??= setTimeout(
        () => {
          timer = undefined
          told = Date.now()
          for (const stream of streams) stream.write(news())
        },
        Math.max(0, told + 1_000 - Date.now()),
      ).unref()
    },
    close() {
      clearTimeout(timer)
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Never anywhere else: a log is for whoever sits at the machine.
    server.listen(port, '127.0.0.1', () => resolve())
  })
}

function end(response: ServerResponse, status: number, type: string, body: string, more: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...headers, ...more, 'content-type': `${type}; charset=utf-8` }).end(body)
}

function cookieIn({ headers: { cookie = '' } }: IncomingMessage): string {
  const pair = cookie.split('; ').find((each) => each.startsWith(`${cookieName}=`))
  return pair?.slice(cookieName.length + 1) ?? ''
}

function isSame(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}
