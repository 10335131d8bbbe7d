import type { Facts } from '../guard/codec.ts'
import { cacheControl, message, textOrBlocks } from './anthropic-messages-content.ts'
import {
  all,
  anyObject,
  boolean,
  by,
  each,
  figures,
  identifier,
  isRecord,
  list,
  members,
  nullable,
  number,
  positive,
  tag,
  text,
  variants,
  word,
} from './shape.ts'
import { runsAtVendor, storeReference } from './vendor-side.ts'
import type { Shape } from './walk.ts'

/** A request of Anthropic's messages interface. */
export interface MessagesRequest {
  model: string
  max_tokens: number
  messages: { role: 'user' | 'assistant' | 'system'; content: string | MessagesBlock[] }[]
  system?: string | MessagesBlock[]
  stream?: boolean
  stop_sequences?: string[]
  temperature?: number
  top_k?: number
  top_p?: number
  metadata?: { user_id?: string | null }
  thinking?: { type: string; budget_tokens?: number; display?: string | null }
  tool_choice?: { type: string; name?: string; disable_parallel_tool_use?: boolean }
  tools?: { name: string; type?: string | null; description?: string; input_schema?: { [name: string]: unknown } }[]
}

/** A piece of content; which members it has depends on its type. */
export interface MessagesBlock {
  type: string
  [member: string]: unknown
}

/** What a request says, beside its texts. */
export function messagesFacts(request: MessagesRequest, opaque: () => readonly string[]): Facts {
  const { model, max_tokens: maxOutputTokens, stream, tools = [], messages } = request
  return {
    model,
    tools: tools.map(({ name }) => name),
    stream: stream === true,
    maxOutputTokens,
    choices: 1,
    opaque: messages.some(({ content }) => Array.isArray(content)) ? opaque() : [],
  }
}

/** The request with at most this many output tokens. */
export function capMessages(request: MessagesRequest, most: number): MessagesRequest {
  return request.max_tokens <= most ? request : Object.freeze({ ...request, max_tokens: most })
}

const tools = { name: identifier, cache_control: cacheControl, defer_loading: boolean, strict: boolean }
const callers: Shape = list(word('direct'))

const ownTool: Shape = members(
  all(tools, {
    type: nullable(word('custom')),
    description: text,
    input_schema: anyObject,
    input_examples: list(anyObject),
    allowed_callers: callers,
    eager_input_streaming: nullable(boolean),
  }),
  { required: ['name', 'input_schema'] },
)

// Tools whose form the vendor knows, and which the application runs all the same.
const knownTool: Shape = members(all(tools, { type: tag, allowed_callers: callers, input_examples: list(anyObject) }), {
  required: ['name'],
  others: figures,
})

const knownTools = [
  'bash_20250124',
  'text_editor_20250124',
  'text_editor_20250429',
  'text_editor_20250728',
  'memory_20250818',
  'computer_20250124',
  'computer_20251124',
]

const vendorTools = [
  'web_search_20250305',
  'web_search_20260209',
  'web_search_20260318',
  'web_fetch_20250910',
  'web_fetch_20260209',
  'web_fetch_20260309',
  'web_fetch_20260318',
  'code_execution_20250522',
  'code_execution_20250825',
  'code_execution_20260120',
  'code_execution_20260521',
  'tool_search_tool_bm25_20251119',
  'tool_search_tool_regex_20251119',
  'mcp_toolset',
]

const typedTool = variants(
  'type',
  all(
    { custom: ownTool },
    each(knownTools, () => knownTool),
    runsAtVendor(...vendorTools),
  ),
)

const tool: Shape = (value, walk) => (isRecord(value) && typeof value.type === 'string' ? typedTool(value, walk) : ownTool(value, walk))

const oneAtATime = { type: tag, disable_parallel_tool_use: boolean }

const shown = nullable(word('summarized', 'omitted'))

const schema = members({ type: word('json_schema'), schema: anyObject }, { required: ['schema'] })

/** A request for a message: every member that is known, by name. All others are refused. */
export const messagesRequest: Shape = members(
  all(
    {
      model: identifier,
      max_tokens: positive,
      messages: list(message),
      system: by('system', textOrBlocks),
      cache_control: cacheControl,
      inference_geo: nullable(identifier),
      metadata: nullable(members({ user_id: nullable(text) })),
      output_config: nullable(members({ effort: nullable(word('low', 'medium', 'high', 'xhigh', 'max')), format: nullable(by('system', schema)) })),
      output_format: nullable(by('system', schema)),
      service_tier: word('auto', 'standard_only'),
      speed: nullable(word('standard', 'fast')),
      stop_sequences: list(text),
      stream: boolean,
      temperature: number,
      thinking: nullable(
        variants('type', {
          enabled: members({ type: tag, budget_tokens: positive, display: shown }, { required: ['budget_tokens'] }),
          disabled: members({ type: tag }),
          adaptive: members({ type: tag, display: shown }),
          between_tools: members({ type: tag }),
        }),
      ),
      tool_choice: nullable(
        variants('type', {
          auto: members(oneAtATime),
          any: members(oneAtATime),
          none: members({ type: tag }),
          tool: members(all(oneAtATime, { name: identifier }), { required: ['name'] }),
        }),
      ),
      tools: nullable(by('system', list(tool))),
      top_k: number,
      top_p: number,
    },
    runsAtVendor('mcp_servers'),
    {
      container: storeReference('a container', 'container'),
      diagnostics: storeReference('an earlier message'),
      thread: storeReference('a message thread'),
    },
  ),
  { required: ['model', 'max_tokens', 'messages'] },
)
