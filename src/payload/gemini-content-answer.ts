import type { AnswerCodec } from '../guard/codec.ts'
import { answerPart } from './gemini-content-parts.ts'
import { isCount, jsonAnswer, usageFrom } from './json-codec.ts'
import { anyJson, by, dropped, figures, integer, isRecord, label, list, members, nullable, number, running, text, textIn, word } from './shape.ts'
import type { Shape } from './walk.ts'

type Part = Readonly<Record<string, unknown>>

// Bounded, and with it what one answer can make us hold.
const candidateIndex = integer(0, 127)

function scopeOf(index: unknown): string {
  return `candidates/${String(index ?? 0)}`
}

const written = answerPart(running('text'))
const thought = answerPart(running('thought'))
const part: Shape = (value, walk) => (isRecord(value) && value.thought === true ? thought : written)(value, walk)

const ratings = nullable(list(members({ category: label, probability: label, severity: label, overwrittenThreshold: label }, { others: figures })))

const url: Shape = (value, walk) => walk.text(textIn(value, walk), 'url')

const citations = list(members({ uri: url, title: text, license: text, publicationDate: figures }, { others: figures }))

// Search, and whatever else runs at the vendor, writes what it found here.
const nothingFound: Shape = (value, walk) => {
  if (value !== null && !(isRecord(value) && Object.keys(value).length === 0)) throw walk.unsupported('what runs at the vendor (search)')
  return value
}

const candidateMembers = members(
  {
    index: candidateIndex,
    content: nullable(members({ role: nullable(word('model', 'user', '')), parts: nullable(list(part)) })),
    finishReason: nullable(label),
    finishMessage: nullable(text),
    safetyRatings: ratings,
    citationMetadata: nullable(members({ citations, citationSources: citations })),
    groundingMetadata: nothingFound,
    urlContextMetadata: nothingFound,
    // The tokens of the answer once more, with alternatives to each: no control can cover texts in such pieces.
    logprobsResult: dropped,
  },
  { others: figures },
)

// Its index names the channels of its texts, and may stand behind them.
const candidate: Shape = (value, walk) => {
  const index = isRecord(value) ? (value.index ?? 0) : undefined
  walk.scope = scopeOf(candidateIndex(index, walk))
  return candidateMembers(value, walk)
}

const byModality = nullable(list(members({ modality: label, tokenCount: number })))

const content: Shape = by(
  'assistant',
  members(
    {
      candidates: nullable(list(candidate)),
      createTime: label,
      modelStatus: nullable(anyJson),
      modelVersion: label,
      promptFeedback: nullable(members({ blockReason: label, blockReasonMessage: text, safetyRatings: ratings })),
      responseId: label,
      usageMetadata: nullable(
        members(
          {
            cacheTokensDetails: byModality,
            candidatesTokensDetails: byModality,
            promptTokensDetails: byModality,
            toolUsePromptTokensDetails: byModality,
            serviceTier: label,
            trafficType: label,
          },
          { others: figures },
        ),
      ),
    },
    { others: figures },
  ),
)

// What the vendor answers when it refuses.
const error: Shape = members({ error: anyJson })

const answer: Shape = (value, walk) => (isRecord(value) && Object.hasOwn(value, 'error') ? error : content)(value, walk)

function isFinished(one: unknown): one is Part {
  return isRecord(one) && typeof one.finishReason === 'string' && one.finishReason !== ''
}

/** Answers of Gemini. A whole one and a part of a stream look the same. */
export const geminiAnswer: AnswerCodec = jsonAnswer({
  name: 'Gemini',
  kindOf: (value) => (['candidates', 'promptFeedback', 'usageMetadata', 'error'].some((name) => Object.hasOwn(value, name)) ? 'either' : undefined),
  either: answer,
  ends(part) {
    const ended: string[] = []
    for (const one of Array.isArray(part.candidates) ? part.candidates : [])
      if (isFinished(one)) for (const name of ['text', 'thought']) ended.push(`${scopeOf(one.index)}/${name}`)
    return ended
  },
  carry(like, channel, carried) {
    const [, index, name] = /^candidates\/([0-9]{1,3})\/(text|thought)$/.exec(channel) ?? []
    if (name === undefined) return undefined
    const own: Record<string, unknown> = {
      candidates: [{ index: Number(index), content: { role: 'model', parts: [{ text: carried, ...(name === 'thought' && { thought: true }) }] } }],
    }
    if (isRecord(like)) for (const member of ['modelVersion', 'responseId']) if (Object.hasOwn(like, member)) own[member] = like[member]
    return own
  },
  usage(part) {
    const { usageMetadata: usage } = part
    if (!isRecord(usage)) return undefined
    const { promptTokenCount, toolUsePromptTokenCount, candidatesTokenCount, thoughtsTokenCount } = usage
    const sum = (...counts: readonly unknown[]): number => counts.reduce<number>((total, count) => total + (isCount(count) ? count : 0), 0)
    return isCount(promptTokenCount)
      ? usageFrom(sum(promptTokenCount, toolUsePromptTokenCount), sum(candidatesTokenCount, thoughtsTokenCount), {
          cached: usage.cachedContentTokenCount,
          reasoning: thoughtsTokenCount,
        })
      : undefined
  },
})
