import type { Facts } from '../guard/codec.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { callOptions, offeredTool, promptMessage } from './ai-sdk-parts.ts'
import {
  anyObject,
  boolean,
  by,
  identifier,
  isRecord,
  list,
  members,
  nullable,
  number,
  positive,
  refused,
  tag,
  text,
  variants,
  word,
} from './shape.ts'
import type { Shape } from './walk.ts'

/** What a language model of the AI SDK is called with (its specification, versions 2 to 4), less what is no payload. */
export interface ModelCall {
  /** Not the SDK's: which model it is, where the application says so. `toModelCall` takes it off. */
  model?: string
  /** Not the SDK's: whether the answer is streamed. `toModelCall` takes it off. */
  stream?: boolean
  prompt: ModelCallMessage[]
  maxOutputTokens?: number
  temperature?: number
  stopSequences?: string[]
  topP?: number
  topK?: number
  presencePenalty?: number
  frequencyPenalty?: number
  responseFormat?: { type: 'text' } | { type: 'json'; schema?: { [name: string]: unknown }; name?: string; description?: string }
  seed?: number
  tools?: { type: 'function' | 'provider' | 'provider-defined'; name: string; [member: string]: unknown }[]
  toolChoice?: { type: 'auto' | 'none' | 'required' } | { type: 'tool'; toolName: string }
  reasoning?: string
  providerOptions?: { [provider: string]: { [name: string]: unknown } }
}

/** One message of a prompt. Addresses in it are texts. */
export interface ModelCallMessage {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string | { type: string; [member: string]: unknown }[]
  providerOptions?: { [provider: string]: { [name: string]: unknown } }
}

/** The one class whose instances stand in calls: addresses, which become texts. */
export function plainUrl(instance: object): unknown {
  return instance instanceof URL ? instance.href : undefined
}

/** The engine's own copy of a call. The signal and the header fields go around a call, and are not in it. */
export function copyCall(input: unknown): unknown {
  if (!isRecord(input)) return snapshotJson(input)
  const { abortSignal: _signal, headers: _headers, ...rest } = input
  return snapshotJson(rest, plainUrl)
}

/** What a call says, beside its texts. */
export function callFacts(call: ModelCall, opaque: () => readonly string[]): Facts {
  const { model, stream, tools = [], maxOutputTokens } = call
  return {
    ...(model !== undefined && { model }),
    tools: tools.map(({ name }) => name),
    stream: stream === true,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    choices: 1,
    opaque: opaque(),
  }
}

/** The call with at most this many output tokens. */
export function capCall(call: ModelCall, most: number): ModelCall {
  const { maxOutputTokens } = call
  return maxOutputTokens !== undefined && maxOutputTokens <= most ? call : Object.freeze({ ...call, maxOutputTokens: most })
}

/** A call of a language model: every member that is known, by name. All others are refused. */
export const callShape: Shape = members(
  {
    model: identifier,
    stream: boolean,
    prompt: list(promptMessage),
    frequencyPenalty: nullable(number),
    includeRawChunks: refused("the vendor's own events, which no control can cover", false),
    maxOutputTokens: positive,
    presencePenalty: nullable(number),
    providerOptions: callOptions,
    reasoning: word('provider-default', 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'),
    responseFormat: by(
      'system',
      variants('type', { text: members({ type: tag }), json: members({ type: tag, schema: anyObject, name: identifier, description: text }) }),
    ),
    seed: nullable(number),
    stopSequences: nullable(list(text)),
    temperature: nullable(number),
    toolChoice: variants('type', {
      auto: members({ type: tag }),
      none: members({ type: tag }),
      required: members({ type: tag }),
      tool: members({ type: tag, toolName: identifier }, { required: ['toolName'] }),
    }),
    tools: nullable(by('system', list(offeredTool))),
    topK: nullable(number),
    topP: nullable(number),
  },
  { required: ['prompt'] },
)

/**
 * A call in the form in which a language model takes it: addresses are `URL` objects again, and `model` and `stream` are taken
 * off. A signal and header fields are the caller's to add.
 */
export function toModelCall(call: ModelCall): Omit<ModelCall, 'model' | 'stream'> {
  const { model: _model, stream: _stream, ...options } = call
  return {
    ...options,
    prompt: options.prompt.map((message) => (typeof message.content === 'string' ? message : { ...message, content: message.content.map(withUrl) })),
  }
}

type Piece = Exclude<ModelCallMessage['content'], string>[number]

function withUrl(piece: Piece): Piece {
  if (piece.type === 'tool-result' && isRecord(piece.output) && Array.isArray(piece.output.value))
    return { ...piece, output: { ...piece.output, value: piece.output.value.map((inner: unknown) => (isPiece(inner) ? withUrl(inner) : inner)) } }
  // Of results the third version takes addresses as texts.
  if (piece.type !== 'file' && piece.type !== 'reasoning-file') return piece
  const { data } = piece
  if (typeof data === 'string') return /^https?:\/\//i.test(data) ? { ...piece, data: new URL(data) } : piece
  return isRecord(data) && data.type === 'url' && typeof data.url === 'string' ? { ...piece, data: { ...data, url: new URL(data.url) } } : piece
}

function isPiece(value: unknown): value is Piece {
  return isRecord(value) && typeof value.type === 'string'
}
