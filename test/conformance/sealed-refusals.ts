import assert from 'node:assert/strict'
import { openReply, type ReplyKey } from '../../src/index.ts'

/** A refusal that was sealed, as whoever asked reads it; anything else as it came. Its header fields are those that were in clear. */
export async function openRefusal(response: Response, replyKey: ReplyKey): Promise<Response> {
  if (response.status < 300 || response.headers.get('content-type') !== 'application/jose') return response
  const { status, mediaType, text } = await openReply(await response.text(), replyKey)
  assert.equal(status, response.status)
  const headers = new Headers(response.headers)
  headers.set('content-type', mediaType)
  return new Response(text, { status, headers })
}
