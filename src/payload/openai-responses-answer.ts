import type { AnswerCodec } from '../guard/codec.ts'
import { joinPieces } from './call-pieces.ts'
import { named } from './vendor-side.ts'
import { jsonAnswer, usageFrom } from './json-codec.ts'
import { annotation, outputItems, outputMessage, outputParts } from './openai-responses-content.ts'
import {
  all,
  anyJson,
  by,
  each,
  emptied,
  figures,
  integer,
  isRecord,
  label,
  list,
  members,
  nullable,
  number,
  running,
  tag,
  text,
  textIn,
  variants,
  word,
} from './shape.ts'
import { toolArguments } from './tool-arguments.ts'
import type { Shape } from './walk.ts'

type Part = Readonly<Record<string, unknown>>

// What the vendor repeats of the request is the application's.
const echo = by('system', anyJson)

const item = variants('type', all({ message: outputMessage }, outputItems(false)))

// Beside what is known here, anything that is whole: each string in it is a text.
const response: Shape = by(
  'assistant',
  members(
    {
      id: label,
      object: word('response'),
      model: label,
      status: nullable(label),
      created_at: number,
      output: list(item),
      output_text: nullable(text),
      instructions: echo,
      metadata: echo,
      prompt: echo,
      reasoning: echo,
      text: echo,
      tool_choice: echo,
      tools: echo,
      usage: nullable(figures),
    },
    { required: ['output'], others: anyJson },
  ),
)

// Bounded, and with them what one answer can make us hold.
const index = integer(0, 1023)

const position = {
  type: tag,
  sequence_number: number,
  item_id: label,
  output_index: index,
  content_index: index,
  summary_index: index,
  obfuscation: label,
}

/** Which running text an event is about: by its item, and by the piece or the summary in it. */
function scopeOf(event: Part): string {
  return event.summary_index === undefined
    ? `output/${String(event.output_index)}/${String(event.content_index)}`
    : `output/${String(event.output_index)}/summary/${String(event.summary_index)}`
}

/* @__NO_SIDE_EFFECTS__ */
function event(own: Readonly<Record<string, Shape>>, ...required: readonly string[]): Shape {
  const shape = members({ ...position, logprobs: emptied, ...own }, { required: [...Object.keys(own), ...required], others: figures })
  return (value, walk) => {
    if (isRecord(value)) walk.scope = scopeOf(value)
    return shape(value, walk)
  }
}

/** Running texts, and in which member they stand once they are whole. */
const texts: Readonly<Record<string, { readonly event: string; readonly whole: string; readonly index: string }>> = {
  text: { event: 'response.output_text', whole: 'text', index: 'content_index' },
  refusal: { event: 'response.refusal', whole: 'refusal', index: 'content_index' },
  reasoning: { event: 'response.reasoning_text', whole: 'text', index: 'content_index' },
  summary: { event: 'response.reasoning_summary_text', whole: 'text', index: 'summary_index' },
}

/* @__NO_SIDE_EFFECTS__ */
function toldTexts(): Readonly<Record<string, Shape>> {
  const told: Record<string, Shape> = {}
  for (const [name, { event: type, whole, index: at }] of Object.entries(texts)) {
    told[`${type}.delta`] = event({ delta: running(name) }, 'output_index', at)
    told[`${type}.done`] = event({ [whole]: text }, 'output_index', at)
  }
  return told
}

const begun = outputParts(running('text'), running('refusal'), running('reasoning'))
const ended = outputParts(text, text, text)
/* @__NO_SIDE_EFFECTS__ */
function summary(shape: Shape): Shape {
  return variants('type', { summary_text: members({ type: tag, text: shape }, { required: ['text'] }) })
}

const input: Shape = (value, walk) => walk.text(textIn(value, walk), 'arguments')

const ofResponse = event({ response })

// How far a tool has come that runs at the vendor. What it did comes with its item.
const progress = event({}, 'output_index')
const hosted = each(
  [
    ...['in_progress', 'searching', 'completed'].flatMap((step) => [`web_search_call.${step}`, `file_search_call.${step}`]),
    ...['in_progress', 'interpreting', 'completed'].map((step) => `code_interpreter_call.${step}`),
    ...['in_progress', 'completed', 'failed'].flatMap((step) => [`mcp_call.${step}`, `mcp_list_tools.${step}`]),
  ].map((name) => `response.${name}`),
  (): Shape => (value, walk) => {
    if (walk.outside === undefined) throw walk.unsupported('what runs at the vendor')
    return progress(value, walk)
  },
)

const events: Readonly<Record<string, Shape>> = all(hosted, toldTexts(), {
  'response.created': ofResponse,
  'response.in_progress': ofResponse,
  'response.queued': ofResponse,
  'response.completed': ofResponse,
  'response.incomplete': ofResponse,
  'response.failed': ofResponse,
  'response.output_item.added': event({ item }, 'output_index'),
  'response.output_item.done': event({ item }, 'output_index'),
  'response.content_part.added': event({ part: variants('type', begun) }, 'output_index', 'content_index'),
  'response.content_part.done': event({ part: variants('type', ended) }, 'output_index', 'content_index'),
  'response.reasoning_summary_part.added': event({ part: summary(running('summary')) }, 'output_index', 'summary_index'),
  'response.reasoning_summary_part.done': event({ part: summary(text) }, 'output_index', 'summary_index'),
  'response.output_text.annotation.added': members(all(position, { annotation, annotation_index: number }), { required: ['annotation'] }),
  'response.function_call_arguments.delta': event({ delta: toolArguments(false) }, 'output_index'),
  'response.function_call_arguments.done': members(all(position, { name: nullable(label), arguments: toolArguments(false) }), {
    required: ['arguments', 'output_index'],
  }),
  'response.custom_tool_call_input.delta': event({ delta: input }, 'output_index'),
  'response.custom_tool_call_input.done': event({ input }, 'output_index'),
})

const error: Shape = members({ type: label, error: anyJson, code: nullable(label), message: nullable(text) }, { others: anyJson })

const last = new Set(['response.completed', 'response.incomplete', 'response.failed'])

const assemble = joinPieces({
  piece(part) {
    if (!isRecord(part) || typeof part.delta !== 'string') return undefined
    const isPiece = part.type === 'response.function_call_arguments.delta' || part.type === 'response.custom_tool_call_input.delta'
    return isPiece ? { call: String(part.output_index), text: part.delta } : undefined
  },
  ends(part) {
    if (!isRecord(part) || typeof part.type !== 'string') return []
    if (last.has(part.type)) return 'all'
    const ends = ['response.function_call_arguments.done', 'response.custom_tool_call_input.done', 'response.output_item.done'].includes(part.type)
    return ends ? [String(part.output_index)] : []
  },
  join: (part, delta) => ({ ...(isRecord(part) && part), delta }),
})

// An item that is done, or an answer, ends whatever was told of it.
function channelsOfItem(whole: unknown, at: unknown): string[] {
  if (!isRecord(whole)) return []
  const channels: string[] = []
  for (let piece = 0; Array.isArray(whole.content) && piece < whole.content.length; piece++)
    for (const name of ['text', 'refusal', 'reasoning']) channels.push(`output/${String(at)}/${piece}/${name}`)
  for (let piece = 0; Array.isArray(whole.summary) && piece < whole.summary.length; piece++)
    channels.push(`output/${String(at)}/summary/${piece}/summary`)
  return channels
}

const ends = (part: Part): readonly string[] => {
  const type = String(part.type)
  if (type === 'response.output_item.done') return channelsOfItem(part.item, part.output_index)
  if (last.has(type)) {
    const output = isRecord(part.response) && Array.isArray(part.response.output) ? part.response.output : []
    return output.flatMap(channelsOfItem)
  }
  if (!type.endsWith('.done')) return []
  const names = type.startsWith('response.content_part.')
    ? ['text', 'refusal', 'reasoning']
    : Object.keys(texts).filter((name) => type === `${texts[name]?.event}.done`)
  if (type === 'response.reasoning_summary_part.done') names.push('summary')
  return names.map((name) => `${scopeOf(part)}/${name}`)
}

// Each event has a number that is greater than the one before it, also where one was put between them.
async function* inSequence(parts: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  let next = 0
  for await (const part of parts) {
    const number = isRecord(part) ? part.sequence_number : undefined
    if (typeof number !== 'number') {
      yield part
      continue
    }
    const own = Math.max(number, next)
    next = own + 1
    yield own === number ? part : Object.freeze({ ...(part as Part), sequence_number: own })
  }
}

/** Answers of OpenAI's responses interface. */
export const responsesAnswer: AnswerCodec = jsonAnswer({
  name: 'the OpenAI responses interface',
  kindOf(value) {
    if (value.object === 'response' && Array.isArray(value.output)) return 'whole'
    if (typeof value.type === 'string' && Object.hasOwn(events, value.type)) return 'part'
    return value.type === 'error' || (Object.hasOwn(value, 'error') && !Object.hasOwn(value, 'output')) ? 'either' : undefined
  },
  whole: response,
  part: by('assistant', variants('type', events)),
  either: error,
  ends,
  carry(like, channel, delta) {
    const [, output, isSummary, piece, name = ''] = /^output\/([0-9]{1,4})\/(summary\/)?([0-9]{1,4})\/([a-z]+)$/.exec(channel) ?? []
    const known = Object.hasOwn(texts, name) ? texts[name] : undefined
    if (known === undefined || (known.index === 'summary_index') !== (isSummary !== undefined)) return undefined
    const { item_id = '', sequence_number = 0 } = isRecord(like) ? like : {}
    const at = { item_id, output_index: Number(output), [known.index]: Number(piece) }
    return { type: `${known.event}.delta`, ...at, delta, ...(name === 'text' && { logprobs: [] }), sequence_number }
  },
  assemble,
  inOrder: inSequence,
  created(part) {
    const whole = isRecord(part.response) ? part.response : part
    const conversation = isRecord(whole.conversation) ? whole.conversation.id : whole.conversation
    const items = Array.isArray(whole.output) ? whole.output : isRecord(part.item) ? [part.item] : []
    const containers = items.map((each: unknown) => (isRecord(each) ? each.container_id : undefined))
    return [
      ...named('answer', whole.object === 'response' ? [whole.id] : []),
      ...named('conversation', [conversation]),
      ...named('container', containers),
      ...named(
        'item',
        items.map((each: unknown) => (isRecord(each) ? each.id : undefined)),
      ),
    ]
  },
  usage(part) {
    const whole = isRecord(part.response) ? part.response : part
    const { usage } = whole
    if (!isRecord(usage)) return undefined
    const { input_tokens_details: input, output_tokens_details: output } = usage
    return usageFrom(usage.input_tokens, usage.output_tokens, {
      cached: isRecord(input) ? input.cached_tokens : undefined,
      reasoning: isRecord(output) ? output.reasoning_tokens : undefined,
    })
  },
})
