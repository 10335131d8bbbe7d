import type { AnswerCodec, Text } from '../guard/codec.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { SlowTextMasker, TextMasker, type Treatment } from './masker.ts'
import { Scanning } from './scan.ts'

/** How many running texts one answer may have. */
const maxChannels = 1024

/** What is done with texts of a kind; undefined where nothing is. */
export type TreatmentOf = (kind: Text['kind']) => Treatment | undefined

/** A running text, and the last part that it stood in. */
interface Running {
  readonly masker: TextMasker | SlowTextMasker
  like: unknown
}

/**
 * The parts of an answer with their texts treated. No part leaves before all of its texts were read. A whole answer stays
 * one part. In a stream each channel is one text, and what may still be the beginning of a finding is held back: it leaves
 * with a later part of the channel, with or right before the part that ends it, or at the end of the stream. A part
 * whose text is held back altogether passes with an empty one, so that whatever else it says comes at its time.
 */
export function maskAnswer(parts: AsyncIterable<unknown>, codec: AnswerCodec, isStreamed: boolean, treatmentOf: TreatmentOf): AsyncIterable<unknown> {
  const masked = maskParts(parts, codec, isStreamed, treatmentOf)
  return isStreamed && codec.inOrder !== undefined ? codec.inOrder(masked) : masked
}

async function* maskParts(
  parts: AsyncIterable<unknown>,
  codec: AnswerCodec,
  isStreamed: boolean,
  treatmentOf: TreatmentOf,
): AsyncGenerator<unknown, void, undefined> {
  const channels = new Map<string, Running>()
  const ended = new Set<string>()
  let touched: Running[] = []
  const maskText = (text: Text): Awaitable<string> => {
    const { value, kind, channel } = text
    if (kind === 'identifier') return unmasked(value, treatmentOf(kind))
    if (!isStreamed || kind !== 'text' || text.whole === true) return whole(value, treatmentOf(kind))
    // A reader would put it behind what it has, of which nothing is known here any more.
    if (ended.has(channel) && value !== '') throw new GuardError('payload_invalid', { reason: 'a text goes on after its end' })
    const running = channels.get(channel) ?? begin(channels, text, treatmentOf)
    if (running === undefined) return value
    touched.push(running)
    return running.masker.push(value)
  }
  for await (const part of isStreamed ? codec.assemble(parts) : parts) {
    const texts = codec.texts(part)
    touched = []
    const values: string[] = []
    for (const text of texts) {
      const written = maskText(text)
      values.push(typeof written === 'string' ? written : await written)
    }
    for (const channel of isStreamed ? codec.ends(part) : []) {
      if (ended.size >= maxChannels * 4) throw new GuardError('payload_too_large', { reason: 'too many running texts in one answer' })
      ended.add(channel)
      const running = channels.get(channel)
      if (running === undefined) continue
      channels.delete(channel)
      const rest = await running.masker.end()
      if (rest === '') continue
      const last = texts.findLastIndex((text) => text.channel === channel && text.kind === 'text')
      if (last === -1) yield codec.carry(running.like, channel, rest)
      else values[last] += rest
    }
    const masked = values.every((value, index) => value === texts[index]?.value) ? part : codec.replace(part, values)
    // What is carried later repeats what stands around it: as it left, and not as it came.
    for (const running of touched) running.like = masked
    yield masked
  }
  for (const [channel, { masker, like }] of channels) {
    const rest = await masker.end()
    if (rest !== '') yield codec.carry(like, channel, rest)
  }
}

/**
 * The texts of an input, masked. Content that comes in pieces is one text to the model, so what still crosses two pieces
 * when each of them is masked must not be there at all.
 *
 * @throws GuardError `payload_blocked` for a finding that crosses two pieces, and for one in what cannot be rewritten.
 */
export function maskInput(texts: readonly Text[], treatmentOf: (text: Text) => Treatment): Awaitable<string[]> {
  const values = texts.map((text) => (text.kind === 'identifier' ? unmasked : whole)(text.value, treatmentOf(text)))
  const checked = (written: string[]): string[] => {
    checkPieces(texts, written, treatmentOf)
    return written
  }
  return values.every((value) => typeof value === 'string') ? checked(values) : Promise.all(values).then(checked)
}

function checkPieces(texts: readonly Text[], values: readonly string[], treatmentOf: (text: Text) => Treatment): void {
  let list: string | undefined
  let pieces: string[] = []
  for (let index = 0; index <= texts.length; index++) {
    const text = texts[index]
    const own = listOf(text)
    // What stands between two pieces of a list, as a picture does, keeps the model from nothing.
    if (own === undefined && text !== undefined && list !== undefined && text.path.startsWith(`${list}/`)) continue
    if (own !== list) {
      const [before] = texts.slice(index - 1, index)
      if (pieces.length > 1 && before !== undefined) refuseCrossing(pieces, treatmentOf(before))
      pieces = []
      list = own
    }
    if (own !== undefined) pieces.push(values[index] ?? '')
  }
}

function refuseCrossing(pieces: readonly string[], { scanner, isToken }: Treatment): void {
  const borders: number[] = []
  let end = 0
  for (const piece of pieces) borders.push((end += piece.length))
  let border = 0
  new Scanning(scanner, isToken).take(pieces.join(''), true, (found) => {
    while ((borders[border] ?? found.end) <= found.start) border++
    if ((borders[border] ?? found.end) < found.end)
      throw new GuardError('payload_blocked', { reason: 'what must not be sent is spread over pieces of a content' })
  })
}

// The list that a piece of content stands in: `/messages/0/content` of `/messages/0/content/1/text`.
function listOf(text: Text | undefined): string | undefined {
  if (text === undefined || text.kind !== 'text' || text.path.length > 64) return undefined
  return /^(.*)\/\d+\/(?:text|refusal)$/.exec(text.path)?.[1]
}

// A name cannot be masked without becoming another one, so one that holds what must not be seen is refused.
function unmasked(value: string, treatment: Treatment | undefined): Awaitable<string> {
  const written = whole(value, treatment)
  return typeof written === 'string' ? same(value, written) : written.then((text) => same(value, text))
}

function same(value: string, written: string): string {
  if (written !== value) throw new GuardError('payload_blocked', { reason: 'an identifier or a number holds what must not be seen' })
  return value
}

function whole(value: string, treatment: Treatment | undefined): Awaitable<string> {
  return treatment === undefined ? value : maskerOf(treatment).whole(value)
}

function maskerOf(treatment: Treatment): TextMasker | SlowTextMasker {
  return treatment.ask === undefined ? new TextMasker(treatment) : new SlowTextMasker(treatment, treatment.ask)
}

function begin(channels: Map<string, Running>, { kind, channel }: Text, treatmentOf: TreatmentOf): Running | undefined {
  const treatment = treatmentOf(kind)
  if (treatment === undefined) return undefined
  if (channels.size >= maxChannels) throw new GuardError('payload_too_large', { reason: 'too many running texts in one answer' })
  const running: Running = { masker: maskerOf(treatment), like: undefined }
  channels.set(channel, running)
  return running
}
