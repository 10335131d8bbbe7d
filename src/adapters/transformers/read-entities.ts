import { Nonsense } from '../../masking/async-detector.ts'

/** What a model says of one token, or of several that it took together already. */
export interface Entity {
  /** Without what says where in an entity a token stands. */
  readonly label: string
  /** Whether it begins an entity, whatever came before it. */
  readonly isBeginning: boolean
  readonly score: number
  /** The place of the token; undefined for what was taken together. */
  readonly index: number | undefined
  /** What the tokenizer makes of it: `##son`, `▁Ada`, `ada`, `[UNK]`. */
  readonly word: string
  readonly start: number | undefined
  readonly end: number | undefined
}

// BIO, and what else says where in an entity a token stands: BIOES, BILOU.
const place = /^([BIESLU])[-_](.+)$/

/**
 * Reads the answer of a token-classification pipeline, strictly: a list of tokens (`entity`, `index`, `word`) or of groups
 * (`entity_group`, `word`), each with a score, perhaps with offsets.
 *
 * @throws Nonsense
 */
export function readEntities(answer: unknown, length: number): Entity[] {
  // One text is answered by one list; some wrap it in a list of its own.
  const list: unknown = Array.isArray(answer) && answer.length === 1 && Array.isArray(answer[0]) ? answer[0] : answer
  if (!Array.isArray(list)) throw new Nonsense('gives no list')
  // No tokenizer makes more of a text than its bytes.
  if (list.length > length * 4 + 16) throw new Nonsense('finds more than there is')
  return list.map((item: unknown) => readEntity(item, length))
}

function readEntity(item: unknown, length: number): Entity {
  if (typeof item !== 'object' || item === null) throw new Nonsense('gives a list of something else')
  const { entity, entity_group, score, index, word, start, end }: Readonly<Record<string, unknown>> = { ...item }
  const label = typeof entity_group === 'string' ? entity_group : entity
  if (typeof label !== 'string' || label === '') throw new Nonsense('gives an entity without a label')
  if (typeof score !== 'number' || !(score >= 0 && score <= 1)) throw new Nonsense('gives an entity without a score')
  if (typeof word !== 'string') throw new Nonsense('gives an entity without a word')
  const isGroup = typeof entity_group === 'string'
  if (!isGroup && !isPlace(index)) throw new Nonsense('gives a token without an index')
  const offsets = offsetsOf(start, end, length)
  const [, mark, name = label] = place.exec(label) ?? []
  return {
    label: name,
    isBeginning: isGroup || mark === 'B' || mark === 'S' || mark === 'U',
    score,
    index: isGroup || !isPlace(index) ? undefined : index,
    word,
    ...offsets,
  }
}

function offsetsOf(start: unknown, end: unknown, length: number): { readonly start: number | undefined; readonly end: number | undefined } {
  if ((start ?? undefined) === undefined && (end ?? undefined) === undefined) return { start: undefined, end: undefined }
  if (!isPlace(start) || !isPlace(end) || start > end || end > length) throw new Nonsense('finds what lies outside of the text')
  return { start, end }
}

function isPlace(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}
