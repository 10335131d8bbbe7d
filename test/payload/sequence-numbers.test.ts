import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  authorize,
  type Codec,
  detectors,
  guard,
  maskData,
  openaiResponses,
  type ResponsesRequest,
  unaudited,
  verifyIdentity,
} from '../../src/index.ts'
import { allowAll, identityOf } from '../../src/testing/index.ts'

const at = { item_id: 'msg_1', output_index: 0, content_index: 0 }

/** A stream that says this text in these pieces. */
function* events(pieces: readonly string[]): Generator<{ readonly type: string; readonly sequence_number: number }> {
  let sequence_number = 0
  const message = { type: 'message', id: 'msg_1', role: 'assistant', status: 'in_progress', content: [] }
  const response = { id: 'resp_1', object: 'response', model: 'm', status: 'in_progress', output: [] }
  yield { type: 'response.created', sequence_number: sequence_number++, response } as never
  yield { type: 'response.output_item.added', sequence_number: sequence_number++, output_index: 0, item: message } as never
  for (const delta of pieces) yield { type: 'response.output_text.delta', sequence_number: sequence_number++, ...at, delta, logprobs: [] } as never
  const text = pieces.join('')
  yield { type: 'response.output_text.done', sequence_number: sequence_number++, ...at, text, logprobs: [] } as never
  const content = [{ type: 'output_text', text, annotations: [] }]
  yield {
    type: 'response.completed',
    sequence_number,
    response: { ...response, status: 'completed', output: [{ ...message, status: 'completed', content }] },
  } as never
}

test('events of a stream keep rising numbers, also where masking puts one between them', async () => {
  for (const codec of [openaiResponses as Codec<ResponsesRequest>, 'auto' as const]) {
    const base = guard({ onError: () => {} })
      .use(unaudited())
      .use(verifyIdentity({ verifiers: [identityOf()] }))
      .use(authorize({ evaluator: allowAll() }))
      .use(maskData({ detect: detectors.email, mode: 'redact', direction: 'both' }))
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('ada', '@', 'example', '.org', ' and ', 'x'), { minLength: 1, maxLength: 12 }), async (pieces) => {
        const operation = { action: 'chat', resource: { type: 'model', id: 'm' }, codec }
        const ask = base.protect(async function* (_input: ResponsesRequest) {
          yield* events(pieces)
        }, operation)
        const numbers: number[] = []
        const input: ResponsesRequest = { model: 'm', input: [{ role: 'user', content: 'x' }], instructions: 'x', stream: true }
        for await (const part of await ask(input)) numbers.push((part as { sequence_number: number }).sequence_number)
        for (const [index, number] of numbers.entries()) assert.ok(index === 0 || number > (numbers[index - 1] ?? 0), numbers.join())
      }),
      { numRuns: 60 },
    )
  }
})
