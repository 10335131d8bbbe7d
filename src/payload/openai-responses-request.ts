import type { Facts } from '../guard/codec.ts'
import { inputItem, tool } from './openai-responses-content.ts'
import { anyObject, boolean, by, identifier, list, members, nullable, number, positive, refused, tag, text, variants, word } from './shape.ts'
import { storeReference } from './vendor-side.ts'
import type { Shape } from './walk.ts'

/** A request of OpenAI's responses interface. */
export interface ResponsesRequest {
  model: string
  input: string | ResponsesItem[]
  instructions?: string | null
  stream?: boolean | null
  max_output_tokens?: number | null
  temperature?: number | null
  top_p?: number | null
  metadata?: { [name: string]: string } | null
  parallel_tool_calls?: boolean | null
  store?: false | null
  user?: string
  tools?: ResponsesTool[]
}

/** A message, a tool call or its result; which members it has depends on its type. */
export interface ResponsesItem {
  type?: string
  [member: string]: unknown
}

/** A tool that a model may call. */
export type ResponsesTool =
  | { type: 'function'; name: string; parameters: { [name: string]: unknown } | null; strict: boolean | null; description?: string | null }
  | { type: 'custom'; name: string; description?: string }

/** What a request says, beside its texts. */
export function responsesFacts(request: ResponsesRequest, opaque: () => readonly string[]): Facts {
  const { model, stream, max_output_tokens: most, tools, input } = request
  return {
    model,
    tools: (tools ?? []).map(({ name }) => name),
    stream: stream === true,
    ...(typeof most === 'number' && { maxOutputTokens: most }),
    choices: 1,
    opaque: typeof input === 'string' ? [] : opaque(),
  }
}

/** The request with at most this many output tokens. */
export function capResponses(request: ResponsesRequest, most: number): ResponsesRequest {
  const { max_output_tokens: tokens } = request
  return typeof tokens === 'number' && tokens <= most ? request : Object.freeze({ ...request, max_output_tokens: most })
}

const named = members({ type: tag, name: identifier }, { required: ['name'] })

const choice = variants('type', {
  function: named,
  custom: named,
  allowed_tools: members(
    { type: tag, mode: word('auto', 'required'), tools: list(variants('type', { function: named, custom: named })) },
    { required: ['tools'] },
  ),
})

const modes = word('none', 'auto', 'required')

const format = variants('type', {
  text: members({ type: tag }),
  json_object: members({ type: tag }),
  json_schema: members(
    { type: tag, name: identifier, description: text, schema: anyObject, strict: nullable(boolean) },
    { required: ['name', 'schema'] },
  ),
})

const items = list(inputItem)

const summaries = nullable(word('auto', 'concise', 'detailed'))

/** A request for a response: every member that is known, by name. All others are refused. */
export const responsesRequest: Shape = members(
  {
    model: identifier,
    input: (value, walk) => (Array.isArray(value) ? items(value, walk) : by('user', text)(value, walk)),
    background: refused('an answer that the vendor makes later, and keeps', false),
    context_management: refused('a conversation that the vendor keeps'),
    conversation: storeReference('a conversation', 'conversation'),
    include: nullable(list(word('reasoning.encrypted_content', 'message.input_image.image_url'))),
    instructions: nullable(by('system', text)),
    max_output_tokens: nullable(positive),
    max_tool_calls: nullable(number),
    metadata: nullable(anyObject),
    parallel_tool_calls: nullable(boolean),
    previous_response_id: storeReference('an earlier answer', 'answer'),
    prompt: storeReference('a prompt'),
    prompt_cache_key: nullable(text),
    prompt_cache_retention: nullable(word('in-memory', 'in_memory', '24h')),
    reasoning: nullable(
      members({
        effort: nullable(word('none', 'minimal', 'low', 'medium', 'high', 'xhigh')),
        summary: summaries,
        generate_summary: summaries,
      }),
    ),
    safety_identifier: nullable(text),
    service_tier: nullable(word('auto', 'default', 'flex', 'scale', 'priority')),
    store: refused('a conversation that the vendor keeps', false),
    stream: nullable(boolean),
    stream_options: nullable(members({ include_obfuscation: boolean })),
    temperature: nullable(number),
    text: nullable(members({ format: by('system', format), verbosity: nullable(word('low', 'medium', 'high')) })),
    tool_choice: nullable((value, walk) => (typeof value === 'string' ? modes(value, walk) : choice(value, walk))),
    tools: nullable(by('system', list(tool))),
    top_logprobs: refused('alternatives for each token, which no control can cover', 0),
    top_p: nullable(number),
    truncation: nullable(word('auto', 'disabled')),
    user: nullable(text),
  },
  { required: ['model', 'input'] },
)
