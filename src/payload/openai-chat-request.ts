import type { Facts } from '../guard/codec.ts'
import {
  all,
  anyJson,
  anyObject,
  boolean,
  by,
  identifier,
  integer,
  isRecord,
  list,
  members,
  nullable,
  number,
  positive,
  refused,
  tag,
  text,
  textOr,
  variants,
  word,
} from './shape.ts'
import { address, data } from './address.ts'
import { runsAtVendor, storeReference } from './vendor-side.ts'
import type { Shape } from './walk.ts'
import { annotations, functionCall, toolCalls } from './openai-chat-message.ts'

/** A request for a chat completion, as OpenAI and those who copy it define it. */
export interface ChatRequest {
  model: string
  messages: ChatMessage[]
  stream?: boolean | null
  stream_options?: { include_usage?: boolean; include_obfuscation?: boolean } | null
  max_completion_tokens?: number | null
  max_tokens?: number | null
  n?: number | null
  temperature?: number | null
  top_p?: number | null
  frequency_penalty?: number | null
  presence_penalty?: number | null
  logit_bias?: { [token: string]: number } | null
  logprobs?: false | null
  seed?: number | null
  stop?: string | string[] | null
  store?: false | null
  user?: string
  safety_identifier?: string
  prompt_cache_key?: string
  metadata?: { [name: string]: string } | null
  modalities?: 'text'[] | null
  parallel_tool_calls?: boolean
  prediction?: { type: 'content'; content: string | ChatTextPart[] } | null
  reasoning_effort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | null
  verbosity?: 'low' | 'medium' | 'high' | null
  service_tier?: 'auto' | 'default' | 'flex' | 'scale' | 'priority' | null
  response_format?:
    | { type: 'text' }
    | { type: 'json_object' }
    | { type: 'json_schema'; json_schema: { name: string; description?: string; schema?: { [name: string]: unknown }; strict?: boolean | null } }
  tools?: ChatTool[]
  tool_choice?: 'none' | 'auto' | 'required' | { type: 'function'; function: { name: string } } | { type: 'custom'; custom: { name: string } }
}

/** One message of a conversation. */
export type ChatMessage =
  | { role: 'developer' | 'system'; content: string | ChatTextPart[]; name?: string }
  | { role: 'user'; content: string | ChatUserPart[]; name?: string }
  | {
      role: 'assistant'
      content?: string | (ChatTextPart | { type: 'refusal'; refusal: string })[] | null
      refusal?: string | null
      tool_calls?: ChatToolCall[]
      name?: string
    }
  | { role: 'tool'; content: string | ChatTextPart[]; tool_call_id: string }

/** A piece of text in a message. */
export interface ChatTextPart {
  type: 'text'
  text: string
}

/** A piece of a user's message. */
export type ChatUserPart =
  | ChatTextPart
  | { type: 'image_url'; image_url: { url: string; detail?: 'auto' | 'low' | 'high' } }
  | { type: 'input_audio'; input_audio: { data: string; format: 'wav' | 'mp3' } }
  | { type: 'file'; file: { file_data?: string; filename?: string } }

/** A call of a tool that a model made. `arguments` is JSON. */
export type ChatToolCall =
  | { type: 'function'; id: string; function: { name: string; arguments: string } }
  | { type: 'custom'; id: string; custom: { name: string; input: string } }

/** A tool that a model may call. */
export type ChatTool =
  | { type: 'function'; function: { name: string; description?: string; parameters?: { [name: string]: unknown }; strict?: boolean | null } }
  | { type: 'custom'; custom: { name: string; description?: string } }

/** What a request says, beside its texts. */
export function requestFacts(request: ChatRequest, opaque: () => readonly string[]): Facts {
  const { model, max_completion_tokens: completionTokens, max_tokens: tokens, stream, n } = request
  // Which of the two a vendor obeys is its own affair: the larger one is what may be spent.
  const most = Math.max(completionTokens ?? 0, tokens ?? 0)
  return {
    model,
    tools: toolsOf(request),
    stream: stream === true,
    ...(most > 0 && { maxOutputTokens: most }),
    choices: n ?? 1,
    opaque: request.messages.some((message) => Array.isArray(message.content)) ? opaque() : [],
  }
}

// By the vendor's names: `tools`, and `functions` which came before them.
function toolsOf(request: ChatRequest): string[] {
  const names: string[] = []
  for (const tool of request.tools ?? []) names.push(tool.type === 'function' ? tool.function.name : tool.custom.name)
  if (!('functions' in request) || !Array.isArray(request.functions)) return names
  for (const definition of request.functions) if (isRecord(definition) && typeof definition.name === 'string') names.push(definition.name)
  return names
}

/**
 * The request with at most this many output tokens an answer. It lowers what the request says; where it says nothing it
 * says `max_completion_tokens`, the vendor's present name for it.
 */
export function capRequest(request: ChatRequest, most: number): ChatRequest {
  const { max_completion_tokens: completionTokens, max_tokens: tokens } = request
  const lowered: Partial<ChatRequest> = {}
  if (typeof tokens === 'number' && tokens > most) lowered.max_tokens = most
  if (typeof completionTokens === 'number' ? completionTokens > most : typeof tokens !== 'number') lowered.max_completion_tokens = most
  return Object.keys(lowered).length === 0 ? request : Object.freeze({ ...request, ...lowered })
}

const textPart: Shape = members({ type: tag, text }, { required: ['text'] })
const refusalPart: Shape = members({ type: tag, refusal: text }, { required: ['refusal'] })

/* @__NO_SIDE_EFFECTS__ */
function content(parts: Readonly<Record<string, Shape>>): Shape {
  return textOr(variants('type', parts))
}

const picture = members({ url: address, detail: word('auto', 'low', 'high') }, { required: ['url'] })

const userParts = {
  text: textPart,
  // Mistral takes the address alone as well.
  image_url: members(
    { type: tag, image_url: (value, walk) => (typeof value === 'string' ? address : picture)(value, walk) },
    { required: ['image_url'] },
  ),
  input_audio: members(
    { type: tag, input_audio: members({ data, format: word('wav', 'mp3') }, { required: ['data'] }) },
    { required: ['input_audio'] },
  ),
  file: members({ type: tag, file: members({ file_data: data, filename: text, file_id: storeReference('a file', 'file') }) }, { required: ['file'] }),
}

const instructions = by('system', members({ role: tag, content: content({ text: textPart }), name: text }, { required: ['content'] }))

const message = variants('role', {
  developer: instructions,
  system: instructions,
  user: by('user', members({ role: tag, content: content(userParts), name: text }, { required: ['content'] })),
  assistant: by(
    'assistant',
    members({
      role: tag,
      content: nullable(content({ text: textPart, refusal: refusalPart })),
      refusal: nullable(text),
      name: text,
      tool_calls: nullable(toolCalls(true)),
      function_call: nullable(functionCall(true)),
      audio: storeReference('sound of an earlier answer'),
      // What an answer's message holds beside these: conversations are made by putting it back as it came.
      annotations: nullable(annotations),
      reasoning: nullable(text),
      reasoning_content: nullable(text),
      parsed: anyJson,
      // Mistral: whether the answer goes on with this message.
      prefix: boolean,
    }),
  ),
  tool: by(
    'tool',
    members(
      { role: tag, content: content({ text: textPart }), tool_call_id: identifier, name: identifier },
      { required: ['content', 'tool_call_id'] },
    ),
  ),
  function: by('tool', members({ role: tag, content: nullable(text), name: identifier }, { required: ['content', 'name'] })),
})

const named: Shape = members({ name: identifier }, { required: ['name'] })

const definition = { name: identifier, description: text, parameters: anyObject }

const grammar = members({ definition: text, syntax: word('lark', 'regex') }, { required: ['definition'] })

// Tools of other types run at the vendor, out of reach of every control.
const tool = variants('type', {
  function: members(
    { type: tag, function: members(all(definition, { strict: nullable(boolean) }), { required: ['name'] }) },
    { required: ['function'] },
  ),
  custom: members(
    {
      type: tag,
      custom: members(
        {
          name: identifier,
          description: text,
          format: variants('type', { text: members({ type: tag }), grammar: members({ type: tag, grammar }, { required: ['grammar'] }) }),
        },
        { required: ['name'] },
      ),
    },
    { required: ['custom'] },
  ),
})

const namedTool = {
  function: members({ type: tag, function: named }, { required: ['function'] }),
  custom: members({ type: tag, custom: named }, { required: ['custom'] }),
}
const toolChoices: Shape = variants(
  'type',
  all(namedTool, {
    allowed_tools: members(
      { type: tag, allowed_tools: members({ mode: word('auto', 'required'), tools: list(variants('type', namedTool)) }, { required: ['tools'] }) },
      { required: ['allowed_tools'] },
    ),
  }),
)
// The last one is Mistral's.
const toolModes: Shape = word('none', 'auto', 'required', 'any')

const responseFormat = variants('type', {
  text: members({ type: tag }),
  json_object: members({ type: tag }),
  json_schema: members(
    {
      type: tag,
      json_schema: members({ name: identifier, description: text, schema: anyObject, strict: nullable(boolean) }, { required: ['name'] }),
    },
    { required: ['json_schema'] },
  ),
})

const logitBias: Shape = (value, walk) => {
  if (!isRecord(value)) throw walk.invalid('no object')
  for (const [token, bias] of Object.entries(value)) {
    if (!/^[0-9]{1,7}$/.test(token)) throw walk.invalid('no numbers by token')
    walk.into(token, bias, number)
  }
  return value
}

/** A request for a chat completion: every member that is known, by name. All others are refused. */
export const requestShape: Shape = members(
  all(
    {
      model: identifier,
      messages: list(message),
      audio: refused('an answer as sound, which no control can read'),
      frequency_penalty: nullable(number),
      function_call: by('system', (value, walk) => (typeof value === 'string' ? toolModes(value, walk) : named(value, walk))),
      functions: by('system', list(members(definition, { required: ['name'] }))),
      logit_bias: nullable(logitBias),
      logprobs: refused('alternatives for each token, which no control can cover', false),
      max_completion_tokens: nullable(positive),
      max_tokens: nullable(positive),
      metadata: nullable(anyObject),
      modalities: nullable(list(word('text'))),
      n: nullable(integer(1, 128)),
      parallel_tool_calls: nullable(boolean),
      prediction: nullable(variants('type', { content: members({ type: tag, content: content({ text: textPart }) }, { required: ['content'] }) })),
      presence_penalty: nullable(number),
      prompt_cache_key: nullable(text),
      // Mistral's.
      prompt_mode: nullable(word('reasoning')),
      random_seed: nullable(number),
      safe_prompt: nullable(boolean),
      prompt_cache_retention: nullable(word('in-memory', 'in_memory', '24h')),
      reasoning_effort: nullable(word('none', 'minimal', 'low', 'medium', 'high', 'xhigh')),
      response_format: nullable(by('system', responseFormat)),
      safety_identifier: nullable(text),
      seed: nullable(number),
      service_tier: nullable(word('auto', 'default', 'flex', 'scale', 'priority')),
      stop: nullable(textOr(text)),
      store: refused('a conversation that the vendor keeps', false),
      stream: nullable(boolean),
      stream_options: nullable(members({ include_obfuscation: boolean, include_usage: boolean })),
      temperature: nullable(number),
      tool_choice: nullable((value, walk) => (typeof value === 'string' ? toolModes(value, walk) : toolChoices(value, walk))),
      tools: nullable(by('system', list(tool))),
      top_logprobs: refused('alternatives for each token, which no control can cover', 0),
      top_p: nullable(number),
      user: nullable(text),
      verbosity: nullable(word('low', 'medium', 'high')),
    },
    runsAtVendor('web_search_options'),
  ),
  { required: ['model', 'messages'] },
)
