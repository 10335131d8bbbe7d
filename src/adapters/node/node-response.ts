import type { ServerResponse } from 'node:http'

/** Writes a web response to a connection, as fast as its reader takes it. Resolves when there is no more to do; never rejects. */
export async function writeResponse(from: Response, to: ServerResponse): Promise<void> {
  const { body } = from
  const reader = body?.getReader()
  if (to.destroyed || to.headersSent) {
    await reader?.cancel().catch(() => {})
    return
  }
  let gone = false
  const close = (): void => {
    gone = true
    reader?.cancel().catch(() => {})
  }
  to.once('close', close)
  try {
    to.writeHead(from.status, fieldsOf(from.headers))
    if (reader === undefined || to.req.method === 'HEAD') {
      to.end()
      return
    }
    // The reader learns at once that it was heard, not with the first part.
    to.flushHeaders()
    for (;;) {
      const { done, value } = await reader.read()
      if (gone) return
      if (done) break
      if (!to.write(value)) await drained(to)
      if (gone) return
    }
    to.end()
  } catch {
    // The head is out: only a connection that ends tells the reader that the body is not whole.
    to.destroy()
  } finally {
    to.off('close', close)
    // Does nothing where all was read.
    reader?.cancel().catch(() => {})
  }
}

function drained(to: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      to.off('drain', over).off('close', over)
      resolve()
    }
    to.on('drain', over).on('close', over)
  })
}

function fieldsOf(headers: Headers): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = Object.fromEntries(headers)
  const cookies = headers.getSetCookie()
  if (cookies.length > 0) fields['set-cookie'] = cookies
  return fields
}
