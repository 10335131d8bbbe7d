import { GuardError } from '../guard/errors.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { isRecord } from './shape.ts'

/** What one stream may make us hold: characters of tool calls that are not complete, and calls altogether. */
const bounds = { characters: 1024 * 1024, calls: 1024 } as const

type Part = Readonly<Record<string, unknown>>

/** A tool call whose pieces are being joined: as calls, and where the vendor writes them there as well, as content. */
interface OpenCall {
  readonly chunk: Record<string, unknown>
  args: string[]
  readonly block: Record<string, unknown>
  input: string[]
}

/**
 * Joins the pieces of each tool call; everything else passes as it comes. All calls are given on in one part when a part says why
 * the answer ends, or the stream ends: pieces of several calls may come in any order.
 *
 * @throws GuardError `payload_too_large` where more than 1 Mi characters, or 1,024 calls, would have to be held, and
 * `payload_invalid` where a call goes on after that.
 */
export async function* assembleMessages(parts: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  const open = new Map<string, OpenCall>()
  let last: Part | undefined
  let characters = 0
  let isGiven = false
  const callOf = (index: unknown): OpenCall => {
    if (isGiven) throw new GuardError('payload_invalid', { reason: 'a tool call goes on after it was complete' })
    const key = String(index ?? '')
    const known = open.get(key)
    if (known !== undefined) return known
    if (open.size >= bounds.calls) throw new GuardError('payload_too_large', { reason: 'too many tool calls in one answer' })
    const call: OpenCall = { chunk: {}, args: [], block: {}, input: [] }
    open.set(key, call)
    return call
  }
  const hold = (pieces: string[], piece: unknown): void => {
    if (typeof piece !== 'string') return
    characters += piece.length
    if (characters > bounds.characters) throw new GuardError('payload_too_large', { reason: 'the tool calls of an answer are too long to hold' })
    pieces.push(piece)
  }
  const give = (): unknown => {
    isGiven = true
    const calls = [...open.values()]
    open.clear()
    const blocks = calls.filter(({ input }) => input.length > 0).map(({ block, input }) => ({ ...block, input: input.join('') }))
    const own: Record<string, unknown> = {
      type: 'ai',
      ...(typeof last?.id === 'string' && { id: last.id }),
      content: blocks.length > 0 ? blocks : Array.isArray(last?.content) ? [] : '',
      tool_call_chunks: calls.filter(({ chunk }) => Object.keys(chunk).length > 0).map(({ chunk, args }) => ({ ...chunk, args: args.join('') })),
    }
    return snapshotJson(own)
  }
  for await (const part of parts) {
    if (!isRecord(part)) {
      yield part
      continue
    }
    last = part
    const { tool_call_chunks: chunks, content, ...rest } = part
    const held = Array.isArray(chunks) ? chunks.filter(isRecord) : []
    for (const chunk of held) {
      const call = callOf(chunk.index)
      const { args, ...names } = chunk
      // The rest comes whole; some vendors repeat it empty.
      for (const [name, value] of Object.entries(names)) if (value !== null && value !== '') call.chunk[name] = value
      hold(call.args, args)
    }
    const blocks = Array.isArray(content) ? content.filter((block) => !isPiece(block)) : content
    for (const block of Array.isArray(content) ? content.filter(isPiece) : []) {
      const call = callOf(block.index)
      const { input, ...names } = block
      Object.assign(call.block, names)
      hold(call.input, input)
    }
    if (isEnd(part) && open.size > 0) yield give()
    yield held.length === 0 && (!Array.isArray(content) || content.length === (blocks as unknown[]).length)
      ? part
      : snapshotJson({ ...rest, content: blocks, ...(chunks !== undefined && { tool_call_chunks: [] }) })
  }
  if (open.size > 0) yield give()
}

// As one vendor writes the arguments of a call into the content as well.
function isPiece(block: unknown): block is Part {
  return (
    isRecord(block) && (block.type === 'input_json_delta' || (block.type === 'tool_use' && typeof block.input === 'string' && block.input !== ''))
  )
}

/** Whether a part says why the answer ends. */
function isEnd(part: Part): boolean {
  const { response_metadata: metadata, additional_kwargs: additional } = part
  return [metadata, additional].some(
    (said) =>
      isRecord(said) && [said.finish_reason, said.stop_reason, said.finishReason].some((reason) => typeof reason === 'string' && reason !== ''),
  )
}
