import type { AnswerCodec } from '../guard/codec.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { citations, providerMetadata, ranHere, source } from './ai-sdk-parts.ts'
import { plainUrl } from './ai-sdk-request.ts'
import { joinPieces } from './call-pieces.ts'
import { jsonAnswer, usageFrom } from './json-codec.ts'
import { all, anyJson, boolean, by, figures, isRecord, label, list, members, nullable, refused, running, tag, text, variants, word } from './shape.ts'
import { toolArguments } from './tool-arguments.ts'
import type { Shape } from './walk.ts'

const unreadable = refused('content that is no text, which no control can read')

const toolCall = members(
  {
    type: tag,
    toolCallId: label,
    toolName: label,
    input: toolArguments(false),
    providerExecuted: ranHere,
    dynamic: boolean,
    title: text,
    providerMetadata,
  },
  { required: ['toolCallId', 'toolName', 'input'] },
)

const ofProvider = refused('what runs at the vendor (a tool of the provider)')

// What an answer may hold as it is, whole or streamed.
const content = {
  'tool-call': toolCall,
  source,
  file: unreadable,
  'reasoning-file': unreadable,
  'tool-result': ofProvider,
  'tool-approval-request': ofProvider,
  custom: refused('content of a kind that only its provider knows'),
}

const counts = members({ raw: nullable(anyJson) }, { others: figures })

const finishReason: Shape = (value, walk) => (isRecord(value) ? unified : label)(value, walk)
const unified = members({ unified: label, raw: nullable(label) }, { required: ['unified'] })

const warnings = list(anyJson)

const modelOf = { id: label, modelId: label }

const whole: Shape = by(
  'assistant',
  members(
    {
      content: list(
        variants(
          'type',
          all(content, {
            text: members({ type: tag, text, citations, providerMetadata }, { required: ['text'] }),
            reasoning: members({ type: tag, text, providerMetadata }, { required: ['text'] }),
          }),
        ),
      ),
      structuredOutputText: text,
      finishReason,
      usage: counts,
      providerMetadata,
      response: members(modelOf),
      warnings,
    },
    { required: ['content', 'finishReason'] },
  ),
)

const id = { type: tag, id: label, providerMetadata }

// The id of a text names its channel, and may stand behind it.
/* @__NO_SIDE_EFFECTS__ */
function ofText(shape: Shape): Shape {
  return (value, walk) => {
    walk.scope = scopeOf(isRecord(value) ? value.id : undefined)
    return shape(value, walk)
  }
}

function scopeOf(textId: unknown): string {
  return `texts/${String(textId)}`
}

const events: Readonly<Record<string, Shape>> = all(content, {
  'stream-start': members({ type: tag, warnings }),
  'response-metadata': members(all({ type: tag }, modelOf)),
  'text-start': members(id, { required: ['id'] }),
  'text-delta': ofText(members(all(id, { delta: running('text') }), { required: ['id', 'delta'] })),
  'text-end': members(all(id, { citations }), { required: ['id'] }),
  'reasoning-start': members(id, { required: ['id'] }),
  'reasoning-delta': ofText(members(all(id, { delta: running('reasoning') }), { required: ['id', 'delta'] })),
  'reasoning-end': members(id, { required: ['id'] }),
  'tool-input-start': members(all(id, { toolName: label, inputEncoding: word('json'), providerExecuted: ranHere, dynamic: boolean, title: text }), {
    required: ['id', 'toolName'],
  }),
  'tool-input-delta': members(all(id, { delta: toolArguments(false) }), { required: ['id', 'delta'] }),
  'tool-input-end': members(id, { required: ['id'] }),
  finish: members({ type: tag, usage: counts, finishReason, providerMetadata }, { required: ['finishReason'] }),
  ping: members({ type: tag }),
  raw: refused("the vendor's own events, which no control can cover"),
  error: members({ type: tag, error: anyJson }, { required: ['error'] }),
})

/** Instances of classes that stand in answers: addresses as texts, errors by name and message. */
export function plainForm(instance: object): unknown {
  return instance instanceof Error ? { name: instance.name, message: instance.message } : plainUrl(instance)
}

/**
 * The engine's own copy of an answer or a part: less what the vendor was sent and what it sent, in its own shape and header
 * fields, which no control reads, and less the time, which is no JSON.
 */
function copyAnswer(value: unknown): unknown {
  if (!isRecord(value)) return snapshotJson(value)
  const { request: _request, response, timestamp: _timestamp, ...rest } = value
  return snapshotJson(isRecord(response) ? { ...rest, response: { id: response.id, modelId: response.modelId } } : rest, plainForm)
}

const assemble = joinPieces({
  piece: (part) =>
    isRecord(part) && part.type === 'tool-input-delta' && typeof part.delta === 'string' ? { call: String(part.id), text: part.delta } : undefined,
  ends(part) {
    if (!isRecord(part)) return []
    if (part.type === 'tool-input-end') return [String(part.id)]
    if (part.type === 'tool-call') return [String(part.toolCallId)]
    return part.type === 'finish' ? 'all' : []
  },
  join: (part, delta) => ({ ...(isRecord(part) && part), delta }),
})

// A number, or an object with one, as of the third version.
function total(count: unknown): unknown {
  return isRecord(count) ? count.total : count
}

/** Answers of language models of the AI SDK. */
export const modelAnswer: AnswerCodec = jsonAnswer({
  name: 'a language model of the AI SDK',
  kindOf(value) {
    if (Array.isArray(value.content) && value.finishReason !== undefined) return 'whole'
    return typeof value.type === 'string' && Object.hasOwn(events, value.type) ? 'part' : undefined
  },
  whole,
  part: by('assistant', variants('type', events)),
  ends(part) {
    const name = part.type === 'text-end' ? 'text' : part.type === 'reasoning-end' ? 'reasoning' : undefined
    return name === undefined ? [] : [`${scopeOf(part.id)}/${name}`]
  },
  carry(like, channel, delta) {
    const [, textId, name] = /^texts\/(.*)\/(text|reasoning)$/s.exec(channel) ?? []
    if (name === undefined) return undefined
    // As it left: an id that was no plain one may have been rewritten.
    return { type: `${name}-delta`, id: isRecord(like) && typeof like.id === 'string' ? like.id : textId, delta }
  },
  assemble,
  usage({ usage }) {
    if (!isRecord(usage)) return undefined
    const [input, output] = [total(usage.inputTokens), total(usage.outputTokens)]
    // Of one that is not known what was counted here holds; where neither is, the vendor says nothing.
    if (input === undefined && output === undefined) return undefined
    return usageFrom(input ?? 0, output ?? 0, {
      cached: isRecord(usage.inputTokens) ? usage.inputTokens.cacheRead : usage.cachedInputTokens,
      reasoning: isRecord(usage.outputTokens) ? usage.outputTokens.reasoning : usage.reasoningTokens,
    })
  },
  copy: copyAnswer,
})
