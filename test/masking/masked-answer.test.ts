import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnswerCodec, Text } from '../../src/guard/codec.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { maskAnswer, type TreatmentOf } from '../../src/masking/masker.ts'
import { Masking } from '../../src/masking/masking.ts'
import { PseudonymScope } from '../../src/masking/pseudonym.ts'

interface Part {
  readonly texts: readonly (readonly [channel: string, value: string, kind?: Text['kind']])[]
  readonly ends?: readonly string[]
}

// The smallest codec: a part says what it holds.
const codec: AnswerCodec = {
  snapshot: (part) => part,
  texts: (part) => (part as Part).texts.map(([channel, value, kind = 'text']) => ({ value, path: '', role: 'assistant', kind, channel })),
  replace: (part, values) => ({
    ...(part as Part),
    texts: (part as Part).texts.map(([channel, , ...kind], index) => [channel, values[index], ...kind]),
  }),
  ends: (part) => (part as Part).ends ?? [],
  carry: (_like, channel, text): Part => ({ texts: [[channel, text]] }),
  assemble: (parts) => parts,
  usage: () => undefined,
}

const masking = new Masking({ detect: detectors.all })
const treatment: TreatmentOf = () => masking.output(new PseudonymScope('', undefined), { mask: true, restore: false, urls: false })

async function answer(parts: readonly Part[], isStreamed = true, treatmentOf: TreatmentOf = treatment): Promise<unknown[]> {
  async function* source(): AsyncGenerator<unknown> {
    yield* parts
  }
  const all: unknown[] = []
  for await (const part of maskAnswer(source(), codec, isStreamed, treatmentOf)) all.push(part)
  return all
}

test('texts of one channel are one text, also within one part', async () => {
  assert.deepEqual(
    await answer([
      {
        texts: [
          ['a', 'bob@exa'],
          ['b', 'x '],
          ['a', 'mple.com'],
        ],
        ends: ['a'],
      },
    ]),
    [
      {
        texts: [
          ['a', ''],
          ['b', 'x '],
          ['a', '[EMAIL]'],
        ],
        ends: ['a'],
      },
    ],
  )
})

test('what is held back for a channel that ends in a part without it comes right before that part', async () => {
  assert.deepEqual(await answer([{ texts: [['a', 'hi bob@example.com']] }, { texts: [], ends: ['a', 'b'] }]), [
    { texts: [['a', 'hi ']] },
    { texts: [['a', '[EMAIL]']] },
    { texts: [], ends: ['a', 'b'] },
  ])
})

test('a part without texts passes as the same object', async () => {
  const part: Part = { texts: [] }
  assert.equal((await answer([part]))[0], part)
})

test('a whole answer is one part, each of its texts masked whole', async () => {
  assert.deepEqual(
    await answer(
      [
        {
          texts: [
            ['a', 'bob@example.com'],
            ['a', 'rob@'],
            ['u', 'https://x.y/?q=bob@example.com', 'url'],
          ],
        },
      ],
      false,
    ),
    [
      {
        texts: [
          ['a', '[EMAIL]'],
          ['a', 'rob@'],
          ['u', 'https://x.y/?q=[EMAIL]', 'url'],
        ],
      },
    ],
  )
})

test('arguments and addresses in a stream are masked whole where they stand', async () => {
  assert.deepEqual(await answer([{ texts: [['t', 'bob@example.com', 'arguments']] }]), [{ texts: [['t', '[EMAIL]', 'arguments']] }])
})

test('a kind that nothing is done with passes', async () => {
  assert.deepEqual(
    await answer(
      [
        {
          texts: [
            ['a', 'bob@'],
            ['t', 'bob@example.com', 'arguments'],
          ],
        },
      ],
      true,
      () => undefined,
    ),
    [
      {
        texts: [
          ['a', 'bob@'],
          ['t', 'bob@example.com', 'arguments'],
        ],
      },
    ],
  )
})

test('an answer with more running texts than anybody can hold is refused', async () => {
  const parts = Array.from({ length: 1025 }, (_, index): Part => ({ texts: [[`c${index}`, 'x']] }))
  await assert.rejects(answer(parts), (error) => isGuardError(error) && error.code === 'payload_too_large')
})
