import type { Codec } from '../guard/codec.ts'
import { jsonAnswer, jsonCodec, jsonWire } from './json-codec.ts'
import {
  all,
  anyJson,
  anyObject,
  boolean,
  by,
  identifier,
  isRecord,
  label,
  list,
  members,
  nullable,
  number,
  refused,
  tag,
  text,
  textIn,
  variants,
  word,
} from './shape.ts'
import { argumentsObject } from './tool-arguments.ts'
import type { Shape } from './walk.ts'

/** What a tool is called with, in the Model Context Protocol: the `params` of a `tools/call`. */
export interface ToolCall {
  name: string
  arguments?: { [name: string]: unknown }
  _meta?: { [name: string]: unknown }
}

/** A call of a tool: its parameters alone, or the whole message. */
export type ToolCallRequest = ToolCall | { jsonrpc?: '2.0'; id?: string | number; method: 'tools/call'; params: ToolCall }

const meta = nullable(anyObject)

const call: Shape = by(
  'assistant',
  members(
    { name: identifier, arguments: argumentsObject, _meta: meta, task: refused('a call whose result is kept for later') },
    { required: ['name'] },
  ),
)

const messageId: Shape = (value, walk) => (typeof value === 'number' ? number : identifier)(value, walk)

const request: Shape = (value, walk) => (isRecord(value) && Object.hasOwn(value, 'method') ? message : call)(value, walk)

const message = members({ jsonrpc: word('2.0'), id: messageId, method: word('tools/call'), params: call }, { required: ['method', 'params'] })

const hints = nullable(members({ audience: list(word('user', 'assistant')), priority: number, lastModified: label }))

const url: Shape = (value, walk) => walk.text(textIn(value, walk), 'url')

const beside = { type: tag, annotations: hints, _meta: meta }

const unreadable = 'content that is no text, which no control can read'

const content = variants('type', {
  text: members(all(beside, { text }), { required: ['text'] }),
  resource_link: members(all(beside, { uri: url, name: text, title: text, description: text, mimeType: label, size: number, icons: anyJson }), {
    required: ['uri'],
  }),
  resource: members(
    all(beside, { resource: members({ uri: url, mimeType: label, text, blob: refused(unreadable), _meta: meta }, { required: ['uri'] }) }),
    { required: ['resource'] },
  ),
  image: refused(unreadable),
  audio: refused(unreadable),
})

// Structured content is the same once more, as JSON.
const resultMembers = { content: list(content), structuredContent: anyObject, isError: boolean, _meta: meta, resultType: label }

const result: Shape = by('tool', members(resultMembers, { required: ['content'] }))

const error = members({ jsonrpc: word('2.0'), id: nullable(messageId), error: anyJson }, { required: ['error'] })

const answerMessage = members({ jsonrpc: word('2.0'), id: messageId, result }, { required: ['result'] })

const whole: Shape = (value, walk) => (isRecord(value) && Object.hasOwn(value, 'result') ? answerMessage : result)(value, walk)

function callOf(input: ToolCallRequest): ToolCall {
  return 'params' in input ? input.params : input
}

/**
 * A call of a tool in the Model Context Protocol (`tools/call`), its result, and its errors: the parameters and the result alone,
 * as tools get and give them, or the whole JSON-RPC messages around them.
 *
 * - The tool's name is what `facts` calls a tool, so that policy and kill switches see it. Each string, each odd name and each long
 *   number in the arguments is a text.
 * - Pictures, sound and bytes in a result are refused as `payload_unsupported`, since no control can read them; so are calls
 *   whose result is kept for later (`task`).
 *
 * ```ts
 * guarded.protect(callTool, { action: 'execute_tool', resource: (call) => ({ type: 'tool', id: call.name }), codec: mcpTool })
 * ```
 */
export const mcpTool: Codec<ToolCallRequest> = jsonCodec({
  name: 'mcp-tool',
  request,
  facts: (input) => ({ tools: [callOf(input).name], stream: false, choices: 1, opaque: [] }),
  answer: jsonAnswer({
    name: 'the Model Context Protocol',
    kindOf(value) {
      if (Object.hasOwn(value, 'error')) return 'either'
      return isRecord(value.result) || Array.isArray(value.content) ? 'whole' : undefined
    },
    whole,
    either: error,
    usage: () => undefined,
  }),
  wire: jsonWire({
    // A server's own error (JSON-RPC 2.0, section 5.1).
    errorEvent: (code, message) => JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32_000, message, data: { code } } }),
  }),
})
