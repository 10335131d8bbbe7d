import type { Facts } from '../guard/codec.ts'
import { isRecord } from './shape.ts'
import { requestShape } from './openai-chat-request-shape.ts'
import { Walk } from './walk.ts'

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
export function requestFacts(request: ChatRequest): Facts {
  const { model, max_completion_tokens: completionTokens, max_tokens: tokens, stream, n } = request
  // Which of the two a vendor obeys is its own affair: the larger one is what may be spent.
  const most = Math.max(completionTokens ?? 0, tokens ?? 0)
  return {
    model,
    tools: toolsOf(request),
    stream: stream === true,
    ...(most > 0 && { maxOutputTokens: most }),
    choices: n ?? 1,
    opaque: request.messages.some((message) => Array.isArray(message.content)) ? Walk.find(requestShape, request).opaque : [],
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
 *
 * @throws TypeError for a bound that is not a whole number above zero.
 */
export function capRequest(request: ChatRequest, most: number): ChatRequest {
  if (!Number.isSafeInteger(most) || most < 1) throw new TypeError('cap: must be a whole number above zero')
  const { max_completion_tokens: completionTokens, max_tokens: tokens } = request
  const lowered: Partial<ChatRequest> = {}
  if (typeof tokens === 'number' && tokens > most) lowered.max_tokens = most
  if (typeof completionTokens === 'number' ? completionTokens > most : typeof tokens !== 'number') lowered.max_completion_tokens = most
  return Object.keys(lowered).length === 0 ? request : Object.freeze({ ...request, ...lowered })
}
