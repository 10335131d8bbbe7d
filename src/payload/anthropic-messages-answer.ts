import type { AnswerCodec } from '../guard/codec.ts'
import { sealedByVendor } from './address.ts'
import { citation, redactedThinking, spent, toolUse, vendorBlocks } from './anthropic-messages-content.ts'
import { joinPieces } from './call-pieces.ts'
import { isCount, jsonAnswer, usageFrom } from './json-codec.ts'
import { all, anyJson, by, figures, integer, isRecord, label, list, members, nullable, running, tag, text, variants, word } from './shape.ts'
import { toolArguments } from './tool-arguments.ts'
import { named, storeReference } from './vendor-side.ts'
import type { Shape } from './walk.ts'

type Part = Readonly<Record<string, unknown>>

/** The running texts that a block of a streamed answer may have. */
const runningTexts: readonly string[] = ['text', 'thinking']

// Bounded, and with it what one answer can make us hold.
const blockIndex = integer(0, 1023)

function scopeOf(index: unknown): string {
  return `blocks/${String(index)}`
}

const citations = nullable(list(citation))

/** The blocks of an answer: of a whole one, or as each of them begins in a stream. */
/* @__NO_SIDE_EFFECTS__ */
function blocks(written: Shape, thought: Shape): Shape {
  return variants('type', {
    text: members({ type: tag, text: written, citations }, { required: ['text'], others: figures }),
    thinking: members({ type: tag, thinking: thought, signature: sealedByVendor }, { required: ['thinking'], others: figures }),
    redacted_thinking: redactedThinking,
    tool_use: toolUse(false),
    ...vendorBlocks,
  })
}

const stop = {
  stop_reason: nullable(label),
  stop_sequence: nullable(text),
  stop_details: nullable(members({ type: label, category: nullable(label), explanation: nullable(text) }, { others: figures })),
  container: storeReference('a container', 'container'),
}

const message: Shape = by(
  'assistant',
  members(
    all({ id: label, type: word('message'), role: word('assistant'), content: list(blocks(text, text)), model: label }, stop, {
      diagnostics: nullable(anyJson),
      usage: nullable(spent),
    }),
    { required: ['content'], others: figures },
  ),
)

const delta = variants('type', {
  text_delta: members({ type: tag, text: running('text') }, { required: ['text'] }),
  thinking_delta: members({ type: tag, thinking: running('thinking') }, { required: ['thinking'], others: figures }),
  signature_delta: members({ type: tag, signature: sealedByVendor }, { required: ['signature'] }),
  citations_delta: members({ type: tag, citation }, { required: ['citation'] }),
  input_json_delta: members({ type: tag, partial_json: toolArguments(false) }, { required: ['partial_json'] }),
})

// The index of a block names the channels of its texts, and may stand behind them.
/* @__NO_SIDE_EFFECTS__ */
function inBlock(shape: Shape): Shape {
  return (value, walk) => {
    walk.scope = scopeOf(blockIndex(isRecord(value) ? value.index : undefined, walk))
    return shape(value, walk)
  }
}

const begins = inBlock(
  members(
    { type: tag, index: blockIndex, content_block: blocks(running('text'), running('thinking')) },
    { required: ['index', 'content_block'], others: figures },
  ),
)

const event: Shape = by(
  'assistant',
  variants('type', {
    message_start: members({ type: tag, message }, { required: ['message'], others: figures }),
    content_block_start: begins,
    content_block_delta: inBlock(members({ type: tag, index: blockIndex, delta }, { required: ['index', 'delta'], others: figures })),
    content_block_stop: members({ type: tag, index: blockIndex }, { required: ['index'], others: figures }),
    message_delta: members(
      { type: tag, delta: members(stop, { others: figures }), usage: nullable(spent) },
      { required: ['delta'], others: figures },
    ),
    message_stop: members({ type: tag }, { others: figures }),
    ping: members({ type: tag }, { others: figures }),
  }),
)

const events = new Set(['message_start', 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop', 'ping'])

function deltaOf(part: unknown): Part | undefined {
  return isRecord(part) && part.type === 'content_block_delta' && isRecord(part.delta) ? part.delta : undefined
}

// Of these a control must see all at once: JSON, and what only the vendor can read.
const pieces: Readonly<Record<string, string>> = { input_json_delta: 'partial_json', signature_delta: 'signature' }

const assemble = joinPieces({
  piece(part) {
    const delta = deltaOf(part)
    const member = delta === undefined ? undefined : pieces[String(delta.type)]
    const piece = member === undefined ? undefined : delta?.[member]
    return isRecord(part) && typeof piece === 'string' ? { call: `${String(part.index)}/${member}`, text: piece } : undefined
  },
  ends(part) {
    if (!isRecord(part)) return []
    if (part.type === 'message_delta' || part.type === 'message_stop') return 'all'
    return part.type === 'content_block_stop' ? Object.values(pieces).map((member) => `${String(part.index)}/${member}`) : []
  },
  join(part, joined) {
    const delta = deltaOf(part) ?? {}
    return { ...(isRecord(part) && part), delta: { ...delta, [pieces[String(delta.type)] ?? '']: joined } }
  },
})

// What was read from a cache, or written to it, is input as well, and counted apart from the rest.
function inputOf(usage: Part): number {
  let tokens = 0
  for (const member of [usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens]) if (isCount(member)) tokens += member
  return tokens
}

/** Answers of Anthropic's messages interface. */
export const messagesAnswer: AnswerCodec = jsonAnswer({
  name: 'the Anthropic messages interface',
  kindOf(value) {
    if (value.type === 'message') return 'whole'
    if (value.type === 'error') return 'either'
    return typeof value.type === 'string' && events.has(value.type) ? 'part' : undefined
  },
  whole: message,
  part: event,
  either: members({ type: tag, error: anyJson, request_id: nullable(label) }, { required: ['error'], others: anyJson }),
  ends: (part) => (part.type === 'content_block_stop' ? runningTexts.map((name) => `${scopeOf(part.index)}/${name}`) : []),
  carry(_like, channel, carried) {
    const [, index, name] = /^blocks\/([0-9]{1,4})\/(text|thinking)$/.exec(channel) ?? []
    return name === undefined ? undefined : { type: 'content_block_delta', index: Number(index), delta: { type: `${name}_delta`, [name]: carried } }
  },
  assemble,
  created(part) {
    const told = isRecord(part.message) ? part.message : isRecord(part.delta) ? part.delta : part
    return named('container', [isRecord(told.container) ? told.container.id : undefined])
  },
  usage(part) {
    const usage = isRecord(part.message) ? part.message.usage : part.usage
    return isRecord(usage) ? usageFrom(inputOf(usage), usage.output_tokens, { cached: usage.cache_read_input_tokens }) : undefined
  },
})
