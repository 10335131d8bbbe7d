import type { Usage } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { annotations, choiceIndex, functionCall, functionCallDelta, toolCallDeltas, toolCalls } from './openai-chat-message.ts'
import { anyJson, by, dropped, figures, isRecord, label, list, members, nullable, number, refused, tag, text, textIn, word } from './shape.ts'
import type { Shape } from './walk.ts'

/** The running texts that a choice of a streamed answer may have: members of its deltas. */
export const runningTexts: readonly string[] = ['content', 'refusal', 'reasoning', 'reasoning_content']

const noSound = 'an answer as sound, which no control can read'

// Beside what OpenAI sends, what vendors with the same interface are known to add. Every string is a text or cannot be
// one; an unknown member passes where it holds neither strings nor lists.
const envelope = {
  id: label,
  object: tag,
  created: number,
  model: label,
  service_tier: nullable(label),
  system_fingerprint: nullable(label),
  usage: nullable(figures),
  error: anyJson,
  // Azure, Groq, Perplexity, OpenRouter.
  prompt_filter_results: anyJson,
  x_groq: anyJson,
  citations: anyJson,
  search_results: anyJson,
  provider: label,
}

const choice = {
  index: choiceIndex,
  finish_reason: nullable(label),
  // The tokens of the answer once more, with alternatives to each: no control can cover texts in such pieces.
  logprobs: dropped,
  // Azure, OpenRouter, vLLM.
  content_filter_results: anyJson,
  native_finish_reason: nullable(label),
  stop_reason: (value: unknown, walk: Parameters<Shape>[1]): unknown => (typeof value === 'string' ? label(value, walk) : figures(value, walk)),
}

// One word, or a reader that joins what comes in pieces would join a text of them.
const speaker = word('assistant', 'user', 'system', 'developer', 'tool', 'function', 'model', '')

const message: Shape = members(
  {
    role: nullable(speaker),
    content: nullable(text),
    refusal: nullable(text),
    reasoning: nullable(text),
    reasoning_content: nullable(text),
    // The same reasoning again, in pieces of which some cannot be read.
    reasoning_details: dropped,
    tool_calls: nullable(toolCalls(false)),
    function_call: nullable(functionCall(false)),
    annotations: nullable(annotations),
    audio: refused(noSound),
    parsed: anyJson,
  },
  { others: figures },
)

// A whole chat completion.
const completionShape: Shape = by(
  'assistant',
  members(
    { ...envelope, choices: list(members({ ...choice, message }, { required: ['message'], others: figures })) },
    { required: ['choices'], others: figures },
  ),
)

function running(name: string): Shape {
  return (value, walk) => walk.running(textIn(value, walk), runningChannel(walk.choice, name))
}

const delta: Shape = members(
  {
    role: nullable(speaker),
    ...Object.fromEntries(runningTexts.map((name) => [name, nullable(running(name))])),
    reasoning_details: dropped,
    tool_calls: nullable(toolCallDeltas),
    function_call: nullable(functionCallDelta),
    annotations: nullable(annotations),
    audio: refused(noSound),
  },
  { others: figures },
)

const choiceMembers = members({ ...choice, delta: nullable(delta) }, { required: ['index'], others: figures })

// Its index names the channels of its texts, and may stand behind them.
const choiceOfChunk: Shape = (value, walk) => {
  walk.choice = choiceIndex(isRecord(value) ? value.index : undefined, walk) as number
  return choiceMembers(value, walk)
}

// Random letters that hide the length of what was said.
const obfuscation: Shape = (value, walk) => {
  const letters = textIn(value, walk)
  if (!/^[A-Za-z0-9]{0,256}$/.test(letters)) throw walk.unsupported('no obfuscation')
  walk.fixed(letters)
  return value
}

// One part of a streamed one.
const chunkShape: Shape = by(
  'assistant',
  members({ ...envelope, obfuscation: nullable(obfuscation), choices: list(choiceOfChunk) }, { required: ['choices'], others: figures }),
)

// What vendors answer when they refuse: anything below `error`.
const errorShape: Shape = anyJson

/** The shape of an answer, or of a part of one. @throws GuardError `payload_unsupported` where it is none of these. */
export function shapeOfAnswer(value: unknown): Shape {
  if (isRecord(value)) {
    if (value.object === 'chat.completion') return completionShape
    if (isChunk(value)) return chunkShape
    if (Object.hasOwn(value, 'error') && !Object.hasOwn(value, 'choices')) return errorShape
  }
  throw new GuardError('payload_unsupported', { reason: 'no answer of the OpenAI chat interface' })
}

/** Whether an answer's shape is that of a part of a stream. */
export function isChunk(value: Readonly<Record<string, unknown>>): boolean {
  // Azure begins a stream with a part that has filter results and nothing else.
  return value.object === 'chat.completion.chunk' || (value.object === '' && Array.isArray(value.choices) && value.choices.length === 0)
}

/** Whether this part is the last one of its choice. Some vendors write an empty reason until then. */
export function isFinished(choice: Readonly<Record<string, unknown>>): boolean {
  return typeof choice.finish_reason === 'string' && choice.finish_reason !== ''
}

/** The channel of a running text. */
export function runningChannel(choiceIndex: number, name: string): string {
  return `choices/${choiceIndex}/${name}`
}

/** The choice and the member that a channel of a running text belongs to; `undefined` for other channels. */
export function choiceOfChannel(channel: string): { readonly index: number; readonly name: string } | undefined {
  const [, index, name] = /^choices\/([0-9]{1,3})\/([a-z_]+)$/.exec(channel) ?? []
  return name !== undefined && runningTexts.includes(name) ? { index: Number(index), name } : undefined
}

/** What an answer or a part of one reports as spent; in a stream, up to there. Nonsense is as good as nothing. */
export function usageOf(part: unknown): Usage | undefined {
  if (!isRecord(part)) return undefined
  const groq = isRecord(part.x_groq) ? part.x_groq.usage : undefined
  const usage = isRecord(part.usage) ? part.usage : groq
  if (!isRecord(usage)) return undefined
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage
  if (!isCount(inputTokens) || !isCount(outputTokens)) return undefined
  const cached = isRecord(usage.prompt_tokens_details) ? usage.prompt_tokens_details.cached_tokens : undefined
  const reasoning = isRecord(usage.completion_tokens_details) ? usage.completion_tokens_details.reasoning_tokens : undefined
  return {
    inputTokens,
    outputTokens,
    ...(isCount(cached) && { cachedInputTokens: cached }),
    ...(isCount(reasoning) && { reasoningTokens: reasoning }),
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
