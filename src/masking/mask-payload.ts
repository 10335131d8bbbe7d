import type { AnswerCodec, Text } from '../guard/codec.ts'
import type { Awaitable } from '../guard/context.ts'
import { GuardError } from '../guard/errors.ts'
import { isThenable } from '../guard/thenable.ts'
import { treatWhole } from '../guard/whole-answer.ts'
import { FollowingText, requireApart, type RunningMasker, tailOf } from './following-text.ts'
import { maskWhole, SlowTextMasker, TextMasker, type Treatment } from './masker.ts'
import { Scanning } from './scan.ts'

/** How many running texts one answer may have. */
const maxChannels = 1024

/** What is done with texts of a kind; undefined where nothing is. */
export type TreatmentOf = (kind: Text['kind']) => Treatment | undefined

/** A running text, and the last part that it stood in. */
interface Running {
  readonly masker: RunningMasker
  like: unknown
  /** The end of it, as it came. */
  tail: string
}

/**
 * The parts of an answer with their texts treated. No part leaves before all of its texts were read. A whole answer stays
 * one part. In a stream each channel is one text, and what may still be the beginning of a finding is held back: it leaves
 * with a later part of the channel, with or right before the part that ends it, or at the end of the stream. A part
 * whose text is held back altogether passes with an empty one, so that whatever else it says comes at its time.
 */
export function maskAnswer(parts: AsyncIterable<unknown>, codec: AnswerCodec, isStreamed: boolean, treatmentOf: TreatmentOf): AsyncIterable<unknown> {
  if (!isStreamed) return treatWhole(parts, (answer) => maskWholeAnswer(answer, codec, treatmentOf))
  const masked = maskParts(parts, codec, treatmentOf)
  return codec.inOrder === undefined ? masked : codec.inOrder(masked)
}

function maskWholeAnswer(answer: unknown, codec: AnswerCodec, treatmentOf: TreatmentOf): Awaitable<unknown> {
  const texts = codec.texts(answer)
  const values: string[] = []
  for (const { value, kind } of texts) {
    const written = (kind === 'identifier' ? unmasked : whole)(value, treatmentOf(kind))
    if (typeof written !== 'string') return maskSlowly(answer, codec, treatmentOf, texts, values, written)
    values.push(written)
  }
  const masked = (): unknown => replaced(codec, answer, texts, values)
  const apart = requireAllApart(texts, treatmentOf)
  return apart === undefined ? masked() : apart.then(masked)
}

// The rest of the texts, one after the other, where somebody takes his time.
async function maskSlowly(
  answer: unknown,
  codec: AnswerCodec,
  treatmentOf: TreatmentOf,
  texts: readonly Text[],
  values: string[],
  pending: Promise<string>,
): Promise<unknown> {
  values.push(await pending)
  for (const { value, kind } of texts.slice(values.length)) values.push(await (kind === 'identifier' ? unmasked : whole)(value, treatmentOf(kind)))
  await requireAllApart(texts, treatmentOf)
  return replaced(codec, answer, texts, values)
}

// Nothing of a part is made anew where nothing in it has changed.
function replaced(codec: AnswerCodec, part: unknown, texts: readonly Text[], values: readonly string[]): unknown {
  return values.every((value, index) => value === texts[index]?.value) ? part : codec.replace(part, values)
}

async function* maskParts(parts: AsyncIterable<unknown>, codec: AnswerCodec, treatmentOf: TreatmentOf): AsyncGenerator<unknown, void, undefined> {
  const channels = new Map<string, Running>()
  const ended = new Set<string>()
  // How the last text of each kind of channel ended: the next one stands right behind it.
  const tails = new Map<string, string>()
  let touched: Running[] = []
  const maskText = (text: Text): Awaitable<string> => {
    const { value, kind, channel } = text
    if (kind === 'identifier') return unmasked(value, treatmentOf(kind))
    if (kind !== 'text' || text.whole === true) return whole(value, treatmentOf(kind))
    // A reader would put it behind what it has, of which nothing is known here any more.
    if (ended.has(channel) && value !== '') throw new GuardError('payload_invalid', { reason: 'a text goes on after its end' })
    const running = channels.get(channel) ?? begin(channels, text, tails.get(familyOf(channel)), treatmentOf)
    if (running === undefined) return value
    running.tail = tailOf(running.tail, value)
    touched.push(running)
    return running.masker.push(value)
  }
  for await (const part of codec.assemble(parts)) {
    const texts = codec.texts(part)
    touched = []
    const values: string[] = []
    for (const text of texts) {
      const written = maskText(text)
      values.push(typeof written === 'string' ? written : await written)
    }
    const apart = requireAllApart(
      texts.filter((text) => text.whole === true),
      treatmentOf,
    )
    if (apart !== undefined) await apart
    for (const channel of codec.ends(part)) {
      if (ended.size >= maxChannels * 4) throw new GuardError('payload_too_large', { reason: 'too many running texts in one answer' })
      ended.add(channel)
      const running = channels.get(channel)
      if (running === undefined) continue
      channels.delete(channel)
      tails.set(familyOf(channel), running.tail)
      const rest = await running.masker.end()
      if (rest === '') continue
      const last = texts.findLastIndex((text) => text.channel === channel && text.kind === 'text')
      if (last === -1) yield codec.carry(running.like, channel, rest)
      else values[last] += rest
    }
    const masked = replaced(codec, part, texts, values)
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
  // What stands between two pieces of a list, whatever it is, keeps the model from nothing.
  const lists = new Map<string, { readonly pieces: string[]; readonly text: Text }>()
  for (const [index, text] of texts.entries()) {
    const own = listOf(text)
    if (own === undefined) continue
    const list = lists.get(own)
    if (list === undefined) lists.set(own, { pieces: [values[index] ?? ''], text })
    else list.pieces.push(values[index] ?? '')
  }
  for (const { pieces, text } of lists.values()) if (pieces.length > 1) refuseCrossing(pieces, treatmentOf(text))
}

/** Requires of pieces of one content, which are read as one text, that nothing stands across them. */
function requireAllApart(texts: readonly Text[], treatmentOf: TreatmentOf): Promise<unknown> | undefined {
  let pending: Promise<void>[] | undefined
  for (const [kind, pieces] of piecesIn(texts)) {
    const apart = pieces.length < 2 ? undefined : requireApart(pieces, (text) => whole(text, treatmentOf(kind)))
    if (isThenable(apart)) (pending ??= []).push(apart)
  }
  return pending === undefined ? undefined : Promise.all(pending)
}

/** Pieces of a content that are read as one text. */
function piecesIn(texts: readonly Text[]): Iterable<readonly [Text['kind'], readonly string[]]> {
  const lists = new Map<string, [Text['kind'], string[]]>()
  for (const text of texts) {
    const own = listOf(text)
    if (own === undefined) continue
    const list = lists.get(own)
    if (list === undefined) lists.set(own, [text.kind, [text.value]])
    else list[1].push(text.value)
  }
  return lists.values()
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
function listOf({ kind, path }: Text): string | undefined {
  if (kind !== 'text' || !(path.endsWith('/text') || path.endsWith('/refusal'))) return undefined
  const item = path.lastIndexOf('/')
  const list = path.lastIndexOf('/', item - 1)
  return list >= 0 && item > list + 1 && isDigits(path, list + 1, item) ? path.slice(0, list) : undefined
}

function isDigits(text: string, from: number, to: number): boolean {
  for (let index = from; index < to; index++) if (text.charCodeAt(index) < 48 || text.charCodeAt(index) > 57) return false
  return true
}

// What channels of one kind have in common: `blocks…text` of `blocks/3/text`.
function familyOf(channel: string): string {
  return `${channel.slice(0, channel.indexOf('/') + 1)}${channel.slice(channel.lastIndexOf('/'))}`
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
  if (treatment === undefined) return value
  return treatment.ask === undefined ? maskWhole(value, treatment) : new SlowTextMasker(treatment, treatment.ask).whole(value)
}

function maskerOf(treatment: Treatment): TextMasker | SlowTextMasker {
  return treatment.ask === undefined ? new TextMasker(treatment) : new SlowTextMasker(treatment, treatment.ask)
}

function begin(channels: Map<string, Running>, { kind, channel }: Text, before: string | undefined, treatmentOf: TreatmentOf): Running | undefined {
  const treatment = treatmentOf(kind)
  if (treatment === undefined) return undefined
  if (channels.size >= maxChannels) throw new GuardError('payload_too_large', { reason: 'too many running texts in one answer' })
  const masker = maskerOf(treatment)
  const following = before === undefined || before === '' ? masker : new FollowingText(masker, before, (text) => whole(text, treatmentOf(kind)))
  const running: Running = { masker: following, like: undefined, tail: '' }
  channels.set(channel, running)
  return running
}
