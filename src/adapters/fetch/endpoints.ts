import type { Codec } from '../../guard/codec.ts'
import type { Operation } from '../../guard/operation.ts'
import type { ChatRequest } from '../../payload/openai-chat-request.ts'
import { openaiChat } from '../../payload/openai-chat.ts'

/** A place of a vendor's interface that is known: what is done there, and how its payloads are read. */
export interface Endpoint {
  readonly codec: Codec
  readonly operation: Operation<never>
  /** Whether a request goes there. */
  matches(method: string, path: string): boolean
  /** Whether the path says the same as the payload, where both name the model. */
  agrees(path: string, payload: unknown): boolean
}

// Plain segments only: an escaped slash, an empty segment or another letter case may lead elsewhere than it seems.
const chatPath = /^(?:\/[\w.~@:-]+)*\/chat\/completions$/
// Azure's paths name the deployment, and there it is the path that chooses the model.
const deployment = /\/deployments\/([^/]+)\//

const chat: Endpoint = {
  codec: openaiChat as Codec,
  operation: { action: 'chat', resource: ({ model }: ChatRequest) => ({ type: 'model', id: model }) },
  matches: (method, path) => method === 'POST' && chatPath.test(path),
  agrees(path, payload) {
    const [, deployed] = deployment.exec(path) ?? []
    return deployed === undefined || (typeof payload === 'object' && payload !== null && 'model' in payload && payload.model === deployed)
  },
}

/** Every known endpoint. One more vendor is one more line here. */
export const endpoints: readonly Endpoint[] = [chat]
