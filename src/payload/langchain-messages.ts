import type { Codec } from '../guard/codec.ts'
import { jsonAnswer, jsonCodec, usageFrom } from './json-codec.ts'
import { assembleMessages } from './langchain-assembly.ts'
import { contentOfPart, responseMetadata, toolCallChunks } from './langchain-content.ts'
import { copyMessages, type LangchainRequest, messagesFacts, messagesShape, wholeMessage } from './langchain-request.ts'
import { by, dropped, figures, isRecord, label, list, members, nullable, number, running, tag, text, word } from './shape.ts'
import type { Shape } from './walk.ts'

const runningContent = running('text')

const content: Shape = (value, walk) => {
  walk.scope = 'content'
  return (Array.isArray(value) ? contentOfPart : runningContent)(value, walk)
}

// What vendors write here of a stream: thoughts that go on, and once more what stands elsewhere.
const additional = nullable(
  members(
    {
      reasoning_content: nullable(ofMessage('reasoning_content')),
      refusal: nullable(ofMessage('refusal')),
      reasoning: nullable(members({ id: label, type: word('reasoning'), summary: summaries(), encrypted_content: dropped }, { others: figures })),
      id: nullable(label),
      model: nullable(label),
      role: nullable(label),
      stop_reason: nullable(label),
      stop_sequence: nullable(text),
      type: nullable(label),
      tool_calls: dropped,
      function_call: dropped,
      audio: dropped,
      __openai_function_call_ids__: dropped,
    },
    { others: figures },
  ),
)

// Summaries of thoughts, each at its place.
/* @__NO_SIDE_EFFECTS__ */
function summaries(): Shape {
  const summary = members({ type: word('summary_text'), index: number, text: running('summary') })
  return nullable((value, walk) => {
    let position = 0
    return list((one, inner) => {
      const place = position++
      inner.scope = `summaries/${String(isRecord(one) && typeof one.index === 'number' ? one.index : place)}`
      return summary(one, inner)
    })(value, walk)
  })
}

/* @__NO_SIDE_EFFECTS__ */
function ofMessage(name: string): Shape {
  const text = running(name)
  return (value, walk) => {
    walk.scope = 'message'
    return text(value, walk)
  }
}

const part: Shape = by(
  'assistant',
  members(
    {
      type: tag,
      id: nullable(label),
      name: nullable(label),
      content,
      additional_kwargs: additional,
      response_metadata: responseMetadata,
      // What the library makes of the pieces so far: it makes it again of what is given on.
      tool_calls: dropped,
      invalid_tool_calls: dropped,
      tool_call_chunks: toolCallChunks,
      usage_metadata: nullable(figures),
    },
    { required: ['content', 'tool_call_chunks'] },
  ),
)

/**
 * The shape of LangChain's messages: what a chat model is invoked with, the message that it answers with, and the parts of a
 * streamed one. Takes messages of `@langchain/core` as they are, or as plain data: a list of them, or `{ messages, model?, tools?,
 * stream? }` where the application says more. A copy is plain data.
 *
 * - Every string is a text with a position, or an identifier, or one of a few known words. A message or a piece of content whose
 *   type is not known is refused as `payload_unsupported`.
 * - Refused by name: what runs at a vendor (server tools, their results) and references into its store (files).
 * - A part of a stream is told from a whole message by its `tool_call_chunks`. Channels are `content/text`, `content/0/text`,
 *   `content/0/thought` and `content/0/refusal` by the block's index, `message/reasoning_content`, `message/refusal` and `summaries/0/summary`; they
 *   end with the stream. What LangChain makes of the pieces of tool calls (`tool_calls`, `invalid_tool_calls`) becomes null in a part.
 * - What a message holds for the application alone (`artifact`) is left out, and `logprobs` become null.
 *
 * ```ts
 * guarded.protect(invoke, { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: langchainMessages })
 * ```
 */
export const langchainMessages: Codec<LangchainRequest> = jsonCodec({
  name: 'langchain-messages',
  request: messagesShape,
  listed: true,
  copy: copyMessages,
  facts: messagesFacts,
  answer: jsonAnswer({
    name: 'a chat model of LangChain',
    kindOf(value) {
      if (value.type !== 'ai' || !Object.hasOwn(value, 'content')) return undefined
      return Array.isArray(value.tool_call_chunks) ? 'part' : 'whole'
    },
    whole: wholeMessage,
    part,
    carry(like, channel, carried) {
      const own = { type: 'ai', ...(isRecord(like) && typeof like.id === 'string' && { id: like.id }), tool_call_chunks: [] }
      if (channel === 'content/text') return { ...own, content: carried }
      const [, field] = /^message\/(reasoning_content|refusal)$/.exec(channel) ?? []
      if (field !== undefined) return { ...own, content: '', additional_kwargs: { [field]: carried } }
      const [, summary] = /^summaries\/(\d{1,9})\/summary$/.exec(channel) ?? []
      if (summary !== undefined) {
        const told = { type: 'summary_text', index: Number(summary), text: carried }
        return { ...own, content: '', additional_kwargs: { reasoning: { type: 'reasoning', summary: [told] } } }
      }
      const [, place, name] = /^content\/(.{1,256})\/(text|thought|refusal)$/s.exec(channel) ?? []
      return place === undefined || name === undefined ? undefined : { ...own, content: [block(like, place, name, carried)] }
    },
    assemble: assembleMessages,
    usage({ usage_metadata: usage }) {
      if (!isRecord(usage)) return undefined
      const { input_token_details: input, output_token_details: output } = usage
      return usageFrom(usage.input_tokens, usage.output_tokens, {
        cached: isRecord(input) ? input.cache_read : undefined,
        reasoning: isRecord(output) ? output.reasoning : undefined,
      })
    },
    copy: copyMessages,
  }),
})

// In the form that the last part had at this place: a thought is called `thinking` or `reasoning`.
function block(like: unknown, place: string, name: string, carried: string): object {
  const blocks = isRecord(like) && Array.isArray(like.content) ? like.content : []
  const before: unknown = blocks.find((one, position) => isRecord(one) && String(one.index ?? position) === place)
  const index = isRecord(before) ? before.index : /^\d{1,9}$/.test(place) ? Number(place) : place
  const type = name === 'thought' ? (isRecord(before) && before.type === 'reasoning' ? 'reasoning' : 'thinking') : name
  return { type, ...(index !== undefined && { index }), [type]: carried }
}
