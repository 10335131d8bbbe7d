import type { Codec } from '../../guard/codec.ts'
import type { Operation } from '../../guard/operation.ts'
import { anthropicMessages } from '../../payload/anthropic-messages.ts'
import { geminiContent } from '../../payload/gemini-content.ts'
import { openaiChat } from '../../payload/openai-chat.ts'
import { openaiEmbeddings } from '../../payload/openai-embeddings.ts'
import { openaiResponses } from '../../payload/openai-responses.ts'

/** A place of a vendor's interface that is known: what is done there, and how its payloads are read. */
interface Endpoint {
  readonly codec: Codec
  readonly operation: Operation<never>
  /** Whether a request goes there. */
  matches(method: string, path: string): boolean
  /** Whether the path says the same as the payload, where both name the model. */
  agrees(path: string, payload: unknown): boolean
  /** The payload with what the path alone says of it. */
  complete?(path: string, payload: unknown): unknown
}

// Plain segments only: an escaped slash, an empty segment or another letter case may lead elsewhere than it seems.
const segments = '(?:\\/[\\w.~@:-]+)*'
// Paths in which a model's name follows one of these words: there it is the path that chooses the model, as with Azure's
// deployments. In any letter case, since a server may read it so.
const choosing = /\/(?:deployments|engines|models)(?=\/)/gi

/* @__NO_SIDE_EFFECTS__ */
function endpoint<I extends { readonly model: string }>(codec: Codec<I>, action: string, end: string): Endpoint {
  const path = new RegExp(`^${segments}${end.replaceAll('/', '\\/')}$`)
  return {
    codec: codec as unknown as Codec,
    operation: { action, resource: ({ model }: I) => ({ type: 'model', id: model }) },
    matches: (method, to) => method === 'POST' && path.test(to),
    agrees(to, payload) {
      const [place, ...more] = to.matchAll(choosing)
      return place === undefined || (more.length === 0 && to.slice(place.index) === `${place[0]}/${String(modelIn(payload))}${end}`)
    },
  }
}

function modelIn(payload: unknown): unknown {
  return typeof payload === 'object' && payload !== null && 'model' in payload ? payload.model : undefined
}

const geminiPath = /* @__PURE__ */ new RegExp(`^${segments}\\/models\\/([\\w.~@-]+):(generateContent|streamGenerateContent)$`)

// Here the path alone says which model it is, and whether the answer is streamed.
const gemini: Endpoint = {
  codec: geminiContent as unknown as Codec,
  operation: { action: 'generate_content', resource: ({ model }: { model: string }) => ({ type: 'model', id: model }) },
  matches: (method, path) => method === 'POST' && geminiPath.test(path),
  agrees(path, payload) {
    const model = modelIn(payload)
    const isSaid = model === undefined || model === modelOf(path) || model === `models/${String(modelOf(path))}`
    return isSaid && [...path.matchAll(choosing)].length === 1
  },
  complete(path, payload) {
    const [, , method] = geminiPath.exec(path) ?? []
    // What is no object is refused by the codec.
    return typeof payload === 'object' && payload !== null && !Array.isArray(payload)
      ? { ...payload, model: modelOf(path), stream: method === 'streamGenerateContent' }
      : payload
  },
}

function modelOf(path: string): string | undefined {
  return geminiPath.exec(path)?.[1]
}

/** Every known endpoint. One more vendor is one more line here. */
export const endpoints: readonly Endpoint[] = [
  endpoint(openaiChat, 'chat', '/chat/completions'),
  endpoint(openaiResponses, 'chat', '/responses'),
  endpoint(openaiEmbeddings, 'embeddings', '/embeddings'),
  endpoint(anthropicMessages, 'chat', '/v1/messages'),
  gemini,
]
