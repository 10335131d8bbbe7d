import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'

/** What one stream may make us hold: characters of what is not complete, and how many may be begun altogether. */
const bounds = { characters: 1024 * 1024, calls: 1024 } as const

/** How the pieces of tool calls are told from everything else in a stream. */
export interface PieceRules {
  /** Where a part is nothing but a piece: which call it belongs to, and the piece. Undefined for every other part. */
  piece(part: unknown): { readonly call: string; readonly text: string } | undefined
  /** The calls of which nothing comes any more when this part comes; `all` for every one. */
  ends(part: unknown): readonly string[] | 'all'
  /** The last piece of a call, with all of the call's text in the place of its own. */
  join(piece: unknown, text: string): unknown
}

interface OpenCall {
  like: unknown
  readonly pieces: string[]
  length: number
}

/** Rules for streams in which a part holds at most one piece. */
/* @__NO_SIDE_EFFECTS__ */
export function joinPieces(rules: PieceRules): (parts: AsyncIterable<unknown>) => AsyncIterable<unknown> {
  return (parts) => joined(parts, rules)
}

/**
 * Joins the pieces of each call into one part, which is given on when the call is complete, or the stream ends; everything
 * else passes as it comes.
 *
 * @throws GuardError `payload_too_large` where more than 1 Mi characters, or 1,024 calls, would have to be held, and
 * `payload_invalid` where a call goes on after it was complete.
 */
async function* joined(parts: AsyncIterable<unknown>, rules: PieceRules): AsyncGenerator<unknown> {
  const open = new Map<string, OpenCall>()
  const given = new Set<string>()
  let characters = 0
  const complete = (call: string): unknown => {
    const held = open.get(call)
    if (held === undefined) return undefined
    open.delete(call)
    given.add(call)
    characters -= held.length
    return snapshotJson(rules.join(held.like, held.pieces.join('')))
  }
  for await (const part of parts) {
    const piece = rules.piece(part)
    if (piece === undefined) {
      const ended = rules.ends(part)
      for (const call of ended === 'all' ? [...open.keys()] : ended) {
        const whole = complete(call)
        if (whole !== undefined) yield whole
      }
      yield part
      continue
    }
    const { call, text } = piece
    if (given.has(call)) {
      if (text !== '') throw new GuardError('payload_invalid', { reason: 'a tool call goes on after it was complete' })
      continue
    }
    const held = open.get(call)
    if (held === undefined && open.size + given.size >= bounds.calls)
      throw new GuardError('payload_too_large', { reason: 'too many tool calls in one answer' })
    characters += text.length
    if (characters > bounds.characters) throw new GuardError('payload_too_large', { reason: 'the tool calls of an answer are too long to hold' })
    if (held === undefined) open.set(call, { like: part, pieces: [text], length: text.length })
    else {
      held.like = part
      if (text !== '') held.pieces.push(text)
      held.length += text.length
    }
  }
  for (const call of [...open.keys()]) yield complete(call)
}
