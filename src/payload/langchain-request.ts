import type { Facts } from '../guard/codec.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { contentBlocks, invalidToolCalls, responseMetadata, toolCallChunks, toolCalls } from './langchain-content.ts'
import { functionCall, toolCalls as vendorToolCalls } from './openai-chat-message.ts'
import {
  all,
  anyJson,
  anyObject,
  boolean,
  by,
  dropped,
  figures,
  identifier,
  isRecord,
  label,
  list,
  members,
  nullable,
  tag,
  text,
  variants,
  word,
} from './shape.ts'
import type { Shape } from './walk.ts'

/** A message of LangChain, as plain data. */
export interface LangchainMessage {
  type: 'human' | 'ai' | 'system' | 'developer' | 'tool' | 'function'
  content: string | { type: string; [member: string]: unknown }[]
  id?: string
  name?: string
  tool_calls?: { type?: 'tool_call'; id?: string; name: string; args: { [name: string]: unknown } }[]
  tool_call_id?: string
  status?: 'success' | 'error'
  additional_kwargs?: { [name: string]: unknown }
  response_metadata?: { [name: string]: unknown }
}

/** What a chat model of LangChain is invoked with: messages, or messages and what the application says of the call. */
export type LangchainRequest =
  | LangchainMessage[]
  | {
      model?: string
      stream?: boolean
      tools?: { name: string; description?: string; schema?: { [name: string]: unknown } }[]
      /** What else the model is told of this call, such as the form of its answer. */
      options?: { [name: string]: unknown }
      messages: LangchainMessage[]
    }

const fields = [
  'content',
  'id',
  'name',
  'additional_kwargs',
  'response_metadata',
  'tool_calls',
  'invalid_tool_calls',
  'tool_call_chunks',
  'usage_metadata',
  'tool_call_id',
  'status',
] as const

/**
 * A message of LangChain as plain data. What a message holds for the application alone (`artifact`, `metadata`) is left out, and so
 * is, of a part of a stream, what the library makes of its pieces.
 */
export function plainMessage(instance: object): unknown {
  if (!('lc_namespace' in instance) || !('type' in instance) || !('content' in instance)) return undefined
  const plain: Record<string, unknown> = { type: instance.type }
  const values: Readonly<Record<string, unknown>> = instance as never
  for (const field of fields) {
    const value = values[field]
    if (value !== undefined) plain[field] = value
  }
  if (Array.isArray(plain.tool_call_chunks) && plain.tool_call_chunks.length > 0) {
    delete plain.tool_calls
    delete plain.invalid_tool_calls
  }
  return plain
}

/** The engine's own copy of messages. */
export function copyMessages(input: unknown): unknown {
  return snapshotJson(input, plainMessage)
}

/** What vendors add to a message. Its texts are whole. */
const additional: Shape = nullable(
  members({ tool_calls: nullable(vendorToolCalls(false)), function_call: nullable(functionCall(false)), audio: dropped }, { others: anyJson }),
)

const content: Shape = (value, walk) => (Array.isArray(value) ? contentBlocks : text)(value, walk)

const common = { type: tag, id: nullable(label), name: nullable(text), content, additional_kwargs: additional, response_metadata: responseMetadata }

/** An answer, whole. */
export const wholeMessage: Shape = by(
  'assistant',
  members(
    all(common, {
      tool_calls: toolCalls,
      invalid_tool_calls: invalidToolCalls,
      tool_call_chunks: toolCallChunks,
      usage_metadata: nullable(figures),
    }),
    { required: ['content'] },
  ),
)

const instructions = by('system', members(common, { required: ['content'] }))

const message = {
  human: by('user', members(common, { required: ['content'] })),
  system: instructions,
  developer: instructions,
  ai: wholeMessage,
  tool: by(
    'tool',
    members(all(common, { tool_call_id: identifier, status: nullable(word('success', 'error')) }), { required: ['content', 'tool_call_id'] }),
  ),
  function: by('tool', members(common, { required: ['content'] })),
}

const messages = list(variants('type', message))

const tool = members({ type: word('function'), name: identifier, description: text, schema: by('system', anyJson) }, { required: ['name'] })

const around: Shape = members(
  { model: identifier, stream: boolean, tools: by('system', list(tool)), options: by('system', anyObject), messages },
  { required: ['messages'] },
)

/** Messages, or messages and what the application says of the call. */
export const messagesShape: Shape = (value, walk) => {
  const said = isRecord(value) ? value.messages : value
  if (Array.isArray(said) && said.length === 0) throw walk.unsupported('a request that says nothing')
  return (Array.isArray(value) ? messages : around)(value, walk)
}

/** What a request says, beside its texts. */
export function messagesFacts(request: LangchainRequest, opaque: () => readonly string[]): Facts {
  const { model, stream, tools } = Array.isArray(request) ? {} : request
  return {
    ...(model !== undefined && { model }),
    tools: (tools ?? []).map(({ name }) => name),
    stream: stream === true,
    choices: 1,
    opaque: opaque(),
  }
}
