import type { Usage } from '../guard/codec.ts'
import { type AnswerKind, usageFrom } from './json-codec.ts'
import { annotations, choiceIndex, functionCall, functionCallDelta, toolCallDeltas, toolCalls } from './openai-chat-message.ts'
import {
  all,
  anyJson,
  by,
  dropped,
  each,
  figures,
  isRecord,
  label,
  list,
  members,
  nullable,
  number,
  refused,
  running,
  tag,
  text,
  textIn,
  word,
} from './shape.ts'
import type { Shape } from './walk.ts'

/** The running texts that a choice of a streamed answer may have: members of its deltas. */
const runningTexts: readonly string[] = ['content', 'refusal', 'reasoning', 'reasoning_content']

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

/** A whole chat completion. */
export const completionShape: Shape = by(
  'assistant',
  members(all(envelope, { choices: list(members(all(choice, { message }), { required: ['message'], others: figures })) }), {
    required: ['choices'],
    others: figures,
  }),
)

const delta: Shape = members(
  all(
    { role: nullable(speaker) },
    each(runningTexts, (name) => nullable(running(name))),
    {
      reasoning_details: dropped,
      tool_calls: nullable(toolCallDeltas),
      function_call: nullable(functionCallDelta),
      annotations: nullable(annotations),
      audio: refused(noSound),
    },
  ),
  { others: figures },
)

const choiceMembers = members(all(choice, { delta: nullable(delta) }), { required: ['index'], others: figures })

// Its index names the channels of its texts, and may stand behind them.
const choiceOfChunk: Shape = (value, walk) => {
  walk.scope = scopeOf(choiceIndex(isRecord(value) ? value.index : undefined, walk))
  return choiceMembers(value, walk)
}

// Random letters that hide the length of what was said.
const obfuscation: Shape = (value, walk) => {
  const letters = textIn(value, walk)
  if (!/^[A-Za-z0-9]{0,256}$/.test(letters)) throw walk.unsupported('no obfuscation')
  walk.fixed(letters)
  return value
}

/** One part of a streamed one. */
export const chunkShape: Shape = by(
  'assistant',
  members(all(envelope, { obfuscation: nullable(obfuscation), choices: list(choiceOfChunk) }), { required: ['choices'], others: figures }),
)

/** What an answer is. Vendors that refuse write anything below `error`. */
export function chatAnswerKind(value: Readonly<Record<string, unknown>>): AnswerKind | undefined {
  if (value.object === 'chat.completion') return 'whole'
  // Azure begins a stream with a part that has filter results and nothing else.
  if (value.object === 'chat.completion.chunk' || (value.object === '' && Array.isArray(value.choices) && value.choices.length === 0)) return 'part'
  return Object.hasOwn(value, 'error') && !Object.hasOwn(value, 'choices') && !Object.hasOwn(value, 'output') ? 'either' : undefined
}

/** Whether this part is the last one of its choice. Some vendors write an empty reason until then. */
export function isFinished(choice: Readonly<Record<string, unknown>>): boolean {
  return typeof choice.finish_reason === 'string' && choice.finish_reason !== ''
}

/** The channels of a choice: those of its running texts. */
export function channelsOf(choice: number): string[] {
  return runningTexts.map((name) => `${scopeOf(choice)}/${name}`)
}

function scopeOf(choice: unknown): string {
  return `choices/${String(choice)}`
}

/** The choice and the member that a channel of a running text belongs to; `undefined` for other channels. */
export function choiceOfChannel(channel: string): { readonly index: number; readonly name: string } | undefined {
  const [, index, name] = /^choices\/([0-9]{1,3})\/([a-z_]+)$/.exec(channel) ?? []
  return name !== undefined && runningTexts.includes(name) ? { index: Number(index), name } : undefined
}

/** What an answer or a part of one reports as spent; in a stream, up to there. */
export function chatUsage(part: Readonly<Record<string, unknown>>): Usage | undefined {
  const groq = isRecord(part.x_groq) ? part.x_groq.usage : undefined
  const usage = isRecord(part.usage) ? part.usage : groq
  if (!isRecord(usage)) return undefined
  const { prompt_tokens_details: input, completion_tokens_details: output } = usage
  return usageFrom(usage.prompt_tokens, usage.completion_tokens, {
    cached: isRecord(input) ? input.cached_tokens : undefined,
    reasoning: isRecord(output) ? output.reasoning_tokens : undefined,
  })
}
