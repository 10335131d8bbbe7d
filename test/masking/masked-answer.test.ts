import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnswerCodec, Text } from '../../src/guard/codec.ts'
import { isGuardError } from '../../src/guard/errors.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { maskAnswer, type TreatmentOf } from '../../src/masking/mask-payload.ts'
import { Masking } from '../../src/masking/masking.ts'
import { PseudonymScope } from '../../src/masking/pseudonym.ts'

interface Part {
  readonly texts: readonly (readonly [channel: string, value: string, kind?: Text['kind'], whole?: true])[]
  readonly ends?: readonly string[]
}

// The smallest codec: a part says what it holds.
const codec: AnswerCodec = {
  snapshot: (part) => part,
  texts: (part) =>
    (part as Part).texts.map(([channel, value, kind = 'text', whole]) => ({
      value,
      path: '',
      role: 'assistant',
      kind,
      channel,
      ...(whole === true && { whole }),
    })),
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

test('a text that is whole in itself is masked where it stands, and nothing of it is held back', async () => {
  assert.deepEqual(await answer([{ texts: [['a', 'bob@', 'text', true]] }, { texts: [['a', 'rob@example.com', 'text', true]] }]), [
    { texts: [['a', 'bob@', 'text', true]] },
    { texts: [['a', '[EMAIL]', 'text', true]] },
  ])
})

test('an identifier that holds a finding is refused before its part leaves, any other passes', async () => {
  const ordinary: Part = { texts: [['i', 'chatcmpl-123', 'identifier', true]] }
  for (const isStreamed of [true, false]) {
    assert.equal((await answer([ordinary], isStreamed))[0], ordinary)
    const seen: unknown[] = []
    async function* source(): AsyncGenerator<unknown> {
      yield ordinary
      yield {
        texts: [
          ['a', 'hello '],
          ['i', 'AKIA4711CANARY4711XY', 'identifier', true],
        ],
      } satisfies Part
    }
    await assert.rejects(
      async () => {
        for await (const part of maskAnswer(source(), codec, isStreamed, treatment)) seen.push(part)
      },
      (error) => isGuardError(error) && error.code === 'payload_blocked',
    )
    assert.deepEqual(seen, [ordinary])
  }
  const held: Part = { texts: [['i', 'AKIA4711CANARY4711XY', 'identifier', true]] }
  assert.equal((await answer([held], true, () => undefined))[0], held)
})

test('a text that goes on after its end is refused, an empty one is not', async () => {
  const first: Part = { texts: [['a', 'bob@exa']], ends: ['a'] }
  const passed = [
    { texts: [['a', 'bob@exa']], ends: ['a'] },
    { texts: [['a', '']], ends: ['a'] },
    { texts: [['b', 'x ']] },
  ] as const satisfies readonly Part[]
  assert.deepEqual(await answer(passed), passed)
  for (const parts of [
    [first, { texts: [['a', 'mple.com']] }],
    [first, { texts: [['a', '']], ends: ['a'] }, { texts: [['a', 'mple.com']] }],
    // Also one that had not begun.
    [{ texts: [], ends: ['a'] }, { texts: [['a', 'x']] }],
  ] as const satisfies readonly (readonly Part[])[])
    await assert.rejects(answer(parts), (error) => isGuardError(error) && error.code === 'payload_invalid')
})

test('more ends than anybody can remember are refused', async () => {
  const parts = Array.from({ length: 4097 }, (_, index): Part => ({ texts: [], ends: [`c${index}`] }))
  assert.equal((await answer(parts.slice(0, 4096))).length, 4096)
  await assert.rejects(answer(parts), (error) => isGuardError(error) && error.code === 'payload_too_large')
})
