import type { AnswerCodec, Text } from '../guard/codec.ts'
import { GuardError } from '../guard/errors.ts'
import { TextMasker, type Treatment } from './text-masker.ts'

/** How many running texts one answer may have. */
const maxChannels = 1024

/** What is done with texts of a kind; undefined where nothing is. */
export type TreatmentOf = (kind: Text['kind']) => Treatment | undefined

/** A running text, and the last part that it stood in. */
interface Running {
  readonly masker: TextMasker
  like: unknown
}

/**
 * The parts of an answer with their texts treated. No part leaves before all of its texts were read. A whole answer stays
 * one part. In a stream each channel is one text, and what may still be the beginning of a finding is held back: it leaves
 * with a later part of the channel, with or right before the part that ends it, or at the end of the stream. A part
 * whose text is held back altogether passes with an empty one, so that whatever else it says comes at its time.
 */
export async function* maskAnswer(
  parts: AsyncIterable<unknown>,
  codec: AnswerCodec,
  isStreamed: boolean,
  treatmentOf: TreatmentOf,
): AsyncGenerator<unknown, void, undefined> {
  const channels = new Map<string, Running>()
  for await (const part of isStreamed ? codec.assemble(parts) : parts) {
    const texts = codec.texts(part)
    const values = texts.map((text) => {
      const { value, kind, channel } = text
      if (!isStreamed || kind !== 'text') return whole(value, treatmentOf(kind))
      const running = channels.get(channel) ?? begin(channels, text, treatmentOf)
      if (running === undefined) return value
      running.like = part
      return running.masker.push(value)
    })
    for (const channel of isStreamed && channels.size > 0 ? codec.ends(part) : []) {
      const running = channels.get(channel)
      if (running === undefined) continue
      channels.delete(channel)
      const rest = running.masker.end()
      if (rest === '') continue
      const last = texts.findLastIndex((text) => text.channel === channel && text.kind === 'text')
      if (last === -1) yield codec.carry(running.like, channel, rest)
      else values[last] += rest
    }
    yield values.every((value, index) => value === texts[index]?.value) ? part : codec.replace(part, values)
  }
  for (const [channel, { masker, like }] of channels) {
    const rest = masker.end()
    if (rest !== '') yield codec.carry(like, channel, rest)
  }
}

function whole(value: string, treatment: Treatment | undefined): string {
  return treatment === undefined ? value : new TextMasker(treatment).whole(value)
}

function begin(channels: Map<string, Running>, { kind, channel }: Text, treatmentOf: TreatmentOf): Running | undefined {
  const treatment = treatmentOf(kind)
  if (treatment === undefined) return undefined
  if (channels.size >= maxChannels) throw new GuardError('payload_too_large', { reason: 'too many running texts in one answer' })
  const running: Running = { masker: new TextMasker(treatment), like: undefined }
  channels.set(channel, running)
  return running
}
