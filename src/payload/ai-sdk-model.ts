import type { Codec } from '../guard/codec.ts'
import { modelAnswer } from './ai-sdk-answer.ts'
import { callFacts, callShape, capCall, copyCall, type ModelCall } from './ai-sdk-request.ts'
import { jsonCodec, jsonWire } from './json-codec.ts'

/**
 * The shape in which the AI SDK calls a language model (`doGenerate`, `doStream`), in versions 2, 3 and 4 of its specification:
 * calls, results and the parts of streams.
 *
 * - Every string is a text with a position, or an identifier, or one of a few known words. A member, a role, a part that is not
 *   known is refused as `payload_unsupported`, and so is an option of a provider for a whole call that is not known here.
 * - Refused by name: tools that a provider runs, their calls, results and approvals; references into a vendor's store;
 *   `store: true`; files in an answer; raw chunks. A part's `itemId`, which would make a provider look the part up, becomes null.
 * - A copy has no instances of classes: addresses are texts, and `toModelCall` makes them `URL` objects again. It lacks what goes
 *   around a payload: `abortSignal` and `headers` of a call; `request`, `timestamp` and all of `response` but `id` and `modelId` of
 *   a result; the stack of an error.
 * - Channels of a stream are `texts/<id>/text` and `texts/<id>/reasoning`, and end with `text-end` and `reasoning-end`. The input of a
 *   tool is one text for each of its strings, once its deltas are assembled, and again in its `tool-call`.
 *
 * ```ts
 * guarded.protect((call) => model.doGenerate(toModelCall(call)), { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: aiSdkModel })
 * ```
 */
export const aiSdkModel: Codec<ModelCall> = jsonCodec({
  name: 'ai-sdk-model',
  request: callShape,
  facts: callFacts,
  cap: capCall,
  answer: modelAnswer,
  copy: copyCall,
  wire: jsonWire({
    serialize: (value) => JSON.stringify(value, (_name, member: unknown) => (member instanceof Uint8Array ? base64(member) : member)),
    // The SDK's own part for an error. Its streams do not end with an error, they tell it.
    errorEvent: (code, message) => JSON.stringify({ type: 'error', error: { name: 'GuardError', code, message } }),
  }),
})

function base64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}
