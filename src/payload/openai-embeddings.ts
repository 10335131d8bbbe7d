import type { Codec } from '../guard/codec.ts'
import { jsonAnswer, jsonCodec, jsonWire, usageFrom } from './json-codec.ts'
import { anyJson, by, figures, identifier, integer, isRecord, label, list, members, nullable, text, textOr, word } from './shape.ts'
import type { Shape } from './walk.ts'

/** A request for embeddings. */
export interface EmbeddingsRequest {
  model: string
  input: string | string[]
  dimensions?: number
  encoding_format?: 'float' | 'base64'
  user?: string
}

// Texts that were made to tokens elsewhere are texts that no control can read.
const input: Shape = by('user', (value, walk) => {
  const [first] = Array.isArray(value) ? value : []
  if (typeof first === 'number' || Array.isArray(first)) throw walk.unsupported('tokens in the place of texts')
  return textOr(text)(value, walk)
})

const request: Shape = members(
  {
    model: identifier,
    input,
    dimensions: integer(1, 65_536),
    encoding_format: word('float', 'base64'),
    // Mistral's name for the same.
    output_dimension: integer(1, 65_536),
    output_dtype: word('float'),
    user: text,
  },
  { required: ['model', 'input'] },
)

/** No coordinate of an embedding is larger. Texts and cards in the place of numbers are. */
const most = 1_000

// What is none of these could spell something.
function isCoordinate(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= most
}

function isVector(encoded: string): boolean {
  if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return false
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0))
  if (bytes.length % 4 !== 0) return false
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < bytes.length; at += 4) if (!isCoordinate(view.getFloat32(at, true))) return false
  return true
}

const vector: Shape = (value, walk) => {
  if (typeof value === 'string' ? isVector(value) : Array.isArray(value) && value.every(isCoordinate)) return value
  throw walk.unsupported('an embedding that is none')
}

const embeddings: Shape = by(
  'assistant',
  members(
    {
      // Mistral's answers have one.
      id: label,
      object: word('list'),
      model: label,
      data: list(
        members({ object: word('embedding'), index: integer(0, 1_000_000), embedding: vector }, { required: ['embedding'], others: figures }),
      ),
      usage: nullable(figures),
    },
    { required: ['data'], others: figures },
  ),
)

/**
 * The shape of OpenAI's embeddings, which many vendors and servers copy: requests, answers and the vendor's errors. There is no
 * stream of them.
 *
 * Texts are covered; input that was made to tokens is refused as `payload_unsupported`. An embedding is a vector of numbers of
 * at most 1,000 each, as a list or as base64 of their 32 bits; anything else in its place is refused.
 *
 * ```ts
 * guarded.protect(embed, { action: 'embeddings', resource: { type: 'model', id: 'text-embedding-3-small' }, codec: openaiEmbeddings })
 * ```
 */
export const openaiEmbeddings: Codec<EmbeddingsRequest> = jsonCodec({
  name: 'openai-embeddings',
  request,
  facts: ({ model }) => ({ model, tools: [], stream: false, choices: 1, opaque: [] }),
  answer: jsonAnswer({
    name: 'the OpenAI embeddings interface',
    kindOf(value) {
      if (value.object === 'list' && Array.isArray(value.data)) return 'whole'
      return Object.hasOwn(value, 'error') && !Object.hasOwn(value, 'data') ? 'either' : undefined
    },
    whole: embeddings,
    either: members({ error: anyJson }),
    usage: ({ usage }) => (isRecord(usage) ? usageFrom(usage.prompt_tokens, 0) : undefined),
  }),
  wire: jsonWire({
    errorEvent: (code, message) => JSON.stringify({ error: { message, type: 'guard_error', param: null, code } }),
  }),
})
