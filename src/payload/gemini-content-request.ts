import type { Facts } from '../guard/codec.ts'
import { contents, systemInstruction, toolConfig, tools } from './gemini-content-parts.ts'
import {
  all,
  anyJson,
  anyObject,
  boolean,
  by,
  figures,
  identifier,
  integer,
  isRecord,
  list,
  members,
  number,
  positive,
  refused,
  text,
  word,
} from './shape.ts'
import { storeReference } from './vendor-side.ts'
import type { Shape } from './walk.ts'

/** What a request says of how an answer is made. */
export interface GeminiGeneration {
  maxOutputTokens?: number
  candidateCount?: number
  temperature?: number
  topP?: number
  topK?: number
  stopSequences?: string[]
  responseMimeType?: string
  responseSchema?: { [name: string]: unknown }
}

/** What a model may call. */
export interface GeminiTool {
  functionDeclarations?: { name: string; description?: string; parameters?: { [name: string]: unknown } }[]
}

/**
 * A request for generated content: as it goes over the wire, with the model that stands in its path there, or with a `config`, as
 * the vendor's client takes it.
 */
export interface GeminiRequest {
  /** Over the wire it stands in the path, and is left out of the body. */
  model?: string
  /** Whether the answer is streamed. Over the wire it stands in the path, and is left out of the body. */
  stream?: boolean
  contents: unknown
  systemInstruction?: unknown
  generationConfig?: GeminiGeneration
  tools?: GeminiTool[]
  config?: GeminiGeneration & { systemInstruction?: unknown; tools?: GeminiTool[] }
}

/** What a request says, beside its texts. */
export function geminiFacts(request: GeminiRequest, opaque: () => readonly string[]): Facts {
  const { model, stream, config, generationConfig, tools: offered } = request
  const { candidateCount: choices = 1, maxOutputTokens } = config ?? generationConfig ?? {}
  const names: string[] = []
  for (const { functionDeclarations } of config?.tools ?? offered ?? []) for (const { name } of functionDeclarations ?? []) names.push(name)
  return {
    ...(model !== undefined && { model }),
    tools: names,
    stream: stream === true,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    choices,
    opaque: typeof request.contents === 'string' ? [] : opaque(),
  }
}

/** The request with at most this many output tokens an answer. */
export function capGemini(request: GeminiRequest, most: number): GeminiRequest {
  const { config, generationConfig } = request
  const { maxOutputTokens } = config ?? generationConfig ?? {}
  if (maxOutputTokens !== undefined && maxOutputTokens <= most) return request
  return config === undefined
    ? Object.freeze({ ...request, generationConfig: Object.freeze({ ...generationConfig, maxOutputTokens: most }) })
    : Object.freeze({ ...request, config: Object.freeze({ ...config, maxOutputTokens: most }) })
}

const noSound = 'an answer as pictures or sound, which no control can read'
const anotherModel = 'a choice of another model'
const eachToken = 'alternatives for each token, which no control can cover'

const generation: Readonly<Record<string, Shape>> = {
  audioTimestamp: boolean,
  candidateCount: integer(1, 128),
  enableEnhancedCivicAnswers: boolean,
  frequencyPenalty: number,
  imageConfig: refused(noSound),
  logprobs: refused(eachToken, 0),
  maxOutputTokens: positive,
  mediaResolution: identifier,
  modelSelectionConfig: refused(anotherModel),
  presencePenalty: number,
  responseJsonSchema: by('system', anyJson),
  responseLogprobs: refused(eachToken, false),
  responseMimeType: identifier,
  responseModalities: list(word('TEXT', 'text')),
  responseSchema: by('system', anyObject),
  routingConfig: refused(anotherModel),
  seed: number,
  speechConfig: refused(noSound),
  stopSequences: list(text),
  temperature: number,
  thinkingConfig: members({ includeThoughts: boolean, thinkingBudget: number, thinkingLevel: identifier }),
  topK: number,
  topP: number,
}

const beside: Readonly<Record<string, Shape>> = {
  cachedContent: storeReference('a cache', 'cache'),
  continuationToken: storeReference('an earlier answer'),
  labels: anyObject,
  safetySettings: list(members({ category: identifier, threshold: identifier, method: identifier })),
  serviceTier: identifier,
  store: refused('a conversation that the vendor keeps', false),
  systemInstruction,
  toolConfig,
  tools,
}

// How the client calls tools by itself: those that it can call are none of JSON.
const automaticFunctionCalling = figures

const envelope = { model: identifier, stream: boolean, contents }

const overWire: Shape = members(all(envelope, beside, { generationConfig: members(generation) }), { required: ['contents'] })

const ofClient: Shape = members(all(envelope, { config: members(all(beside, generation, { automaticFunctionCalling })) }), {
  required: ['model', 'contents'],
})

/** A request for generated content: every member that is known, by name. All others are refused. */
export const geminiRequest: Shape = (value, walk) => {
  const shape = isRecord(value) && Object.hasOwn(value, 'config') ? ofClient : overWire
  if (isRecord(value) && Array.isArray(value.contents) && value.contents.length === 0) throw walk.unsupported('a request that says nothing')
  return shape(value, walk)
}
