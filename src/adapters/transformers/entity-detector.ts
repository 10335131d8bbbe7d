import { type Check, checkOptions, optional } from '../../guard/check-options.ts'
import { type AsyncDetector, Nonsense, type TypedSpan } from '../../masking/async-detector.ts'
import { entityTypes } from './entity-types.ts'
import { FoldedText } from './find-pieces.ts'
import { type Entity, readEntities } from './read-entities.ts'

/**
 * A token-classification pipeline: it is given a text, and gives what its model says of the tokens, as `[{ entity: 'B-PER',
 * score, index, word }]`, or of groups of them, as `[{ entity_group: 'PER', score, word, start, end }]`.
 */
export type TokenClassifier = (text: string) => Promise<unknown>

/** Options of `entityDetector`. */
export interface EntityDetectorOptions {
  /**
   * The type in masked texts of each label of the model, without `B-` and `I-`: `{ PER: 'PERSON', MISC: null }`; null for what is not masked. Goes
   * before what is known of common models. A label that nobody knows refuses.
   */
  readonly types?: Readonly<Record<string, string | null>>
  /** Entities below it are not masked; 0.5 unless given. The best of an entity's tokens counts. */
  readonly threshold?: number
  /** How long one sentence may take, in milliseconds; 10,000 unless given. */
  readonly deadline?: number
  /** How much the model is given at once, in UTF-16 units: 64 to 2,048; 400 unless given. What a model cuts off it does not read. */
  readonly window?: number
}

const checks: Readonly<Record<keyof EntityDetectorOptions, Check>> = {
  types: [optional((value) => typeof value === 'object' && value !== null && !Array.isArray(value)), 'types by label'],
  threshold: [optional((value) => typeof value === 'number' && value >= 0 && value <= 1), 'a number from 0 to 1'],
  deadline: [optional((value) => typeof value === 'number' && value > 0 && value <= 600_000), 'milliseconds, above 0 and at most 600,000'],
  window: [optional((value) => Number.isInteger(value) && Number(value) >= 64 && Number(value) <= 2048), 'a whole number from 64 to 2,048'],
}

/**
 * Names, places and organisations by a model of yours, for `maskData({ asyncDetect })`: any token-classification pipeline of
 * transformers.js, or a function that answers as one.
 *
 * ```ts
 * const classify = await pipeline('token-classification', 'Xenova/bert-base-multilingual-cased-ner-hrl')
 * maskData({ detect: detectors.all, asyncDetect: entityDetector(classify), mode: 'redact', direction: 'both' })
 * ```
 *
 * Tokens of one entity are masked together, and words as a whole. Where the pipeline gives no offsets, every place where the
 * entity's words stand is masked. An answer that cannot be read or found in the text refuses the call.
 *
 * @throws TypeError for wrong options.
 */
export function entityDetector(classify: TokenClassifier, options: EntityDetectorOptions = {}): AsyncDetector {
  if (typeof classify !== 'function') throw new TypeError('entityDetector: classify: must be a function')
  checkOptions('entityDetector', options, checks)
  const { threshold = 0.5, deadline = 10_000, window = 400 } = options
  const types = new Map([...Object.entries(entityTypes), ...Object.entries(options.types ?? {})])
  for (const [label, type] of types)
    if (type !== null && !(typeof type === 'string' && /^[A-Z][A-Z0-9_]{0,31}$/.test(type)))
      throw new TypeError(`entityDetector: types: ${JSON.stringify(label)}: must be upper-case letters, digits and underscores, or null`)
  const typeOf = (label: string): string | null => {
    const type = types.get(label) ?? types.get(label.toUpperCase())
    if (type === undefined && !types.has(label) && !types.has(label.toUpperCase()))
      throw new Nonsense('has a label that no type is known for: name it in types')
    return type ?? null
  }
  const findIn = async (text: string, from: number): Promise<TypedSpan[]> => {
    const spans: TypedSpan[] = []
    const folded = new FoldedText(text)
    for (const group of groupsOf(readEntities(await classify(text), text.length))) {
      const type = typeOf(group.label)
      if (type === null || group.score < threshold || group.score === 0) continue
      for (const { start, end } of placesOf(group, folded)) spans.push({ type, start: from + start, end: from + end, score: group.score })
    }
    return spans
  }
  return Object.freeze({
    types: Object.freeze([...new Set([...types.values()].filter((type) => type !== null))]),
    deadline,
    async find(text: string, signal: AbortSignal) {
      const spans: TypedSpan[] = []
      for (const { start, end } of windowsOf(text, window)) {
        // Whoever waited has left.
        if (signal.aborted) return spans
        if (text.slice(start, end).trim() !== '') spans.push(...(await findIn(text.slice(start, end), start)))
      }
      return distinct(spans)
    },
  })
}

/** Tokens that make one entity. */
interface Group {
  readonly label: string
  readonly entities: Entity[]
  score: number
}

// In the order of the tokens; a piece of a word goes with the word.
function groupsOf(entities: readonly Entity[]): Group[] {
  const groups: Group[] = []
  const sorted = [...entities].sort((one, other) => (one.index ?? 0) - (other.index ?? 0))
  for (const entity of sorted) {
    const last = groups.at(-1)
    const before = last?.entities.at(-1)
    const isNext = before?.index !== undefined && entity.index === before.index + 1
    const isPiece = entity.word.startsWith('##')
    if (last !== undefined && isNext && (isPiece || (last.label === entity.label && !entity.isBeginning))) {
      last.entities.push(entity)
      last.score = Math.max(last.score, entity.score)
    } else groups.push({ label: entity.label, entities: [entity], score: entity.score })
  }
  return groups
}

function placesOf({ entities }: Group, text: FoldedText): readonly { readonly start: number; readonly end: number }[] {
  const starts = entities.flatMap(({ start }) => start ?? [])
  const ends = entities.flatMap(({ end }) => end ?? [])
  if (starts.length === entities.length && ends.length === entities.length) return [text.grown(Math.min(...starts), Math.max(...ends))]
  const pieces = entities.flatMap(({ word }) => piecesOf(word))
  // Blanks alone.
  if (pieces.length === 0) return []
  const together = text.places(pieces)
  if (together.length > 0) return together
  // Some pipelines put words into one group between which they left others out.
  const words = pieces.filter((piece) => piece !== undefined && /[\p{L}\p{N}]/u.test(piece))
  const apart = words.map((word) => text.places([word]))
  if (words.length === 0 || apart.some((places) => places.length === 0)) throw new Nonsense('finds what is not in the text')
  return apart.flat()
}

// `##` marks a piece of a word in WordPiece, `▁` and `Ġ` a word in SentencePiece and byte-level tokens.
function piecesOf(word: string): (string | undefined)[] {
  const text = word.startsWith('##') ? word.slice(2) : word.replaceAll(/[▁Ġ]/g, ' ').replaceAll(' ##', '')
  return text.split(/\s+/).flatMap((piece) => (piece === '' ? [] : isUnknown(piece) ? [undefined] : [piece]))
}

function isUnknown(piece: string): boolean {
  return piece === '[UNK]' || piece === '<unk>' || piece.includes('\ufffd')
}

/** Pieces of a text that overlap by a quarter, cut between words where there are any. */
function* windowsOf(text: string, size: number): Generator<{ readonly start: number; readonly end: number }> {
  let start = 0
  while (true) {
    if (text.length - start <= size) {
      yield { start, end: text.length }
      return
    }
    const end = cutBefore(text, start + size, start + size / 2)
    yield { start, end }
    start = cutBefore(text, end - Math.floor(size / 4), end - Math.floor(size / 2))
  }
}

function cutBefore(text: string, at: number, least: number): number {
  const blank = text.lastIndexOf(' ', at - 1) + 1
  const cut = blank > least ? blank : at
  const code = text.charCodeAt(cut)
  return code >= 0xdc00 && code <= 0xdfff ? cut - 1 : cut
}

// What overlapping windows, and places of one name, found twice.
function distinct(spans: readonly TypedSpan[]): TypedSpan[] {
  const best = new Map<string, TypedSpan>()
  for (const span of spans) {
    const key = `${span.start} ${span.end} ${span.type}`
    const known = best.get(key)
    if (known === undefined || (known.score ?? 0) < (span.score ?? 0)) best.set(key, span)
  }
  return [...best.values()].sort((one, other) => one.start - other.start || one.end - other.end)
}
