import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ChatRequest } from '../../src/index.ts'
import { chatRequest, chunk, chunksOf, completion, type Said, saidByWhole, saidIn } from './chat-payloads.ts'
import { cutsOf, piecesOf, secrets } from './secrets.ts'
import { analyst, chat, type Parts, wholeGuard } from './whole-guard.ts'

/** Two ways to the same guard: an answer as a whole, and in parts. */
async function doors(parts: Parts = {}) {
  const base = wholeGuard(parts)
  const credentials = await analyst()
  let given: object[] | object = []
  const request = chatRequest('hello')
  const wholly = base.protect((_input: ChatRequest): object => given, chat)
  const inParts = base.protect(async function* (_input: ChatRequest): AsyncGenerator<object> {
    yield* given as object[]
  }, chat)
  return {
    async whole(answer: object): Promise<Said> {
      given = answer
      return saidByWhole(await wholly(request, { credentials }))
    },
    async streamed(chunks: object[]): Promise<Said> {
      given = chunks
      const heard: unknown[] = []
      for await (const part of await inParts({ ...request, stream: true }, { credentials })) heard.push(part)
      return saidIn(heard)
    },
  }
}

const texts = Object.entries(secrets).flatMap(([type, secret]) =>
  [`Here is ${secret}, and no more.`, secret, `${secret}\n${secret} `].map((text) => [type, secret, text] as const),
)

function assertHidden(said: Said, secret: string): void {
  for (const text of Object.values(said)) assert.ok(!text.includes(secret.slice(0, 10)) && !text.includes(secret.slice(-8)), text)
}

/** A message with these texts and calls. */
function whole(content: string | null, calls: readonly string[] = [], more: object = {}): object {
  const message = {
    role: 'assistant',
    content,
    ...more,
    ...(calls.length > 0 && {
      tool_calls: calls.map((args, index) => ({ id: `call_${index}`, type: 'function', function: { name: 'f', arguments: args } })),
    }),
  }
  return { ...completion(), choices: [{ index: 0, message, finish_reason: 'stop' }] }
}

const call = (index: number, args: string, first: boolean): object => ({
  tool_calls: [{ index, ...(first && { id: `call_${index}`, type: 'function' }), function: { ...(first && { name: 'f' }), arguments: args } }],
})

const customCall = (index: number, input: string, first: boolean): object => ({
  tool_calls: [{ index, ...(first && { id: `call_${index}`, type: 'custom' }), custom: { ...(first && { name: 'f' }), input } }],
})

describe('A18: a secret that is cut', () => {
  test('at every offset and into every chunk size', async () => {
    const { whole: wholly, streamed } = await doors()
    for (const [type, secret, text] of texts) {
      const expected = await wholly(completion(text))
      assert.ok(expected['0/content']?.includes(`[${type}]`), `${type}: ${expected['0/content']}`)
      assertHidden(expected, secret)
      for (const pieces of cutsOf(text)) {
        // The rest of the sizes once for each secret is enough.
        if (!text.startsWith('Here') && pieces.length !== 2 && (pieces[0]?.length ?? 0) > 5) continue
        assert.deepEqual(await streamed(chunksOf(pieces)), expected, `${type} as ${JSON.stringify(pieces)}`)
      }
      // A stream that breaks off without an end, and one whose last piece comes with the end.
      const pieces = piecesOf(text, 7)
      const open = chunksOf(pieces)
      assert.deepEqual(await streamed(open.slice(0, -1)), expected, type)
      const together = [
        ...pieces.slice(0, -1).map((content) => chunk({ delta: { content } })),
        chunk({ delta: { content: pieces.at(-1) }, finish_reason: 'stop' }),
      ]
      assert.deepEqual(await streamed(together), expected, type)
    }
  })

  test('in the arguments of a tool, at every offset and into every chunk size', async () => {
    const { whole: wholly, streamed } = await doors()
    for (const [type, secret] of Object.entries(secrets)) {
      const args = JSON.stringify({ note: `see ${secret}!`, list: [secret] })
      const expected = await wholly(whole(null, [args]))
      assert.ok(expected['0/tool/0']?.includes(`[${type}]`), `${type}: ${expected['0/tool/0']}`)
      assertHidden(expected, JSON.stringify(secret).slice(1, -1))
      for (const pieces of cutsOf(args)) {
        const parts = pieces.map((piece, index) => chunk({ delta: call(0, piece, index === 0) }))
        assert.deepEqual(await streamed([...parts, chunk({ finish_reason: 'tool_calls' })]), expected, `${type} as ${JSON.stringify(pieces)}`)
      }
    }
  })

  test('across choices, channels and tool calls that are told at the same time', async () => {
    const { whole: wholly, streamed } = await doors()
    const words = fc.constantFrom(
      ...Object.values(secrets).map((secret) => ` ${secret} `),
      'Write to ',
      ' and ',
      '.',
      '@',
      ' 4111',
      'sk-',
      '\n',
      'é🙂',
      '',
    )
    const text = fc.array(words, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
    const card = fc.constant(4_111_111_111_111_111)
    const args = fc
      .dictionary(fc.constantFrom('to', 'note', 'x'), fc.oneof(text, card, fc.array(text, { maxLength: 2 })), { minKeys: 1 })
      .map((value) => JSON.stringify(value))
    const choice = fc.record({
      content: text,
      refusal: fc.option(text),
      reasoning: fc.option(text),
      reasoning_content: fc.option(text),
      calls: fc.array(
        fc.oneof(
          args.map((text) => ({ text, isCustom: false })),
          text.map((text) => ({ text, isCustom: true })),
        ),
        { maxLength: 3 },
      ),
      called: fc.option(args),
    })

    const property = fc.asyncProperty(
      fc.array(choice, { minLength: 1, maxLength: 3 }),
      fc.integer(),
      fc.boolean(),
      async (choices, seed, finishes) => {
        const answer = {
          ...completion(),
          choices: choices.map(({ calls, called, ...texts }, index) => ({
            index,
            finish_reason: 'stop',
            message: {
              role: 'assistant',
              ...texts,
              tool_calls: calls.map(({ text, isCustom }, place) => ({
                id: `call_${place}`,
                ...(isCustom
                  ? { type: 'custom', custom: { name: 'f', input: text } }
                  : { type: 'function', function: { name: 'f', arguments: text } }),
              })),
              ...(called !== null && { function_call: { name: 'f', arguments: called } }),
            },
          })),
        }
        const expected = await wholly(answer)
        assert.deepEqual(await streamed(interleaved(choices, seed, finishes)), expected)
        const all = JSON.stringify(expected)
        for (const secret of Object.values(secrets)) assert.ok(!all.includes(JSON.stringify(secret).slice(1, -1)), secret)
      },
    )
    await fc.assert(property, { numRuns: 80 })
  })

  test('between one choice and another, one channel and another: neither holds it, and nothing is lost', async () => {
    const { streamed } = await doors()
    const { EMAIL: secret = '' } = secrets
    const [name, domain] = [secret.slice(0, secret.indexOf('@')), secret.slice(secret.indexOf('@'))]
    const said = await streamed([
      chunk({ index: 0, delta: { content: name } }, { index: 1, delta: { content: domain } }),
      chunk({ index: 0, delta: { refusal: domain } }),
      chunk({ index: 0, finish_reason: 'stop' }, { index: 1, finish_reason: 'stop' }),
    ])
    assert.deepEqual(said, { '0/content': name, '1/content': domain, '0/refusal': domain })
    // The same choice twice in one part, and beside another.
    const twice = await streamed([
      chunk({ index: 0, delta: { content: `to ${secret.slice(0, 9)}` } }, { index: 0, delta: { content: secret.slice(9, 14) } }),
      chunk({ index: 1, delta: { content: 'x' } }, { index: 0, delta: { content: secret.slice(14) } }),
      chunk({ index: 0, finish_reason: 'stop' }),
    ])
    assert.deepEqual(twice, { '0/content': 'to [EMAIL]', '1/content': 'x' })
  })

  test('by an end that is none: what comes after it is masked with what came before, or refused', async () => {
    const { streamed } = await doors()
    for (const [type, secret] of Object.entries(secrets))
      for (const at of [3, 6, Math.floor(secret.length / 2), secret.length - 3])
        for (const finish of ['stop', 'length', 'tool_calls', ' ', 'null']) {
          const chunks = [
            chunk({ delta: { content: `to ${secret.slice(0, at)}` }, finish_reason: finish }),
            chunk({ delta: { content: secret.slice(at) } }),
            chunk({ finish_reason: 'stop' }),
          ]
          const said = await streamed(chunks).catch((error: unknown) => ({ refused: String((error as { code?: string }).code) }))
          const text = Object.values(said).join('')
          assert.ok(!text.includes(secret), `${type} cut at ${at} by '${finish}' arrived as ${JSON.stringify(text)}`)
        }
  })

  test('as pseudonyms that are restored: the same as the whole', async () => {
    const { whole: wholly, streamed } = await doors({ masking: { mode: 'pseudonym', restore: true } })
    for (const [, , text] of texts.slice(0, 18)) {
      const expected = await wholly(completion(text))
      for (const size of [1, 2, 3, 5, 8, 13, 21]) assert.deepEqual(await streamed(chunksOf(piecesOf(text, size))), expected)
    }
  })
})

interface Told {
  readonly content: string
  readonly refusal: string | null
  readonly reasoning: string | null
  readonly reasoning_content: string | null
  readonly calls: readonly { readonly text: string; readonly isCustom: boolean }[]
  readonly called: string | null
}

/** Everything that the choices say, cut and mixed as the seed wants; pieces of one channel stay in order. */
function interleaved(choices: readonly Told[], seed: number, finishes: boolean): object[] {
  const random = randomOf(seed)
  const queues = choices.flatMap(({ calls, called, ...texts }, index) => {
    const channels = Object.entries(texts).map(([name, text]) => cut(text ?? '', random).map((piece) => ({ index, delta: { [name]: piece } })))
    // Calls of one choice come one after the other, as vendors send them.
    const tools = calls.flatMap(({ text, isCustom }, place) =>
      cut(text, random, true).map((piece, at) => ({ index, delta: (isCustom ? customCall : call)(place, piece, at === 0) })),
    )
    const old = cut(called ?? '', random).map((piece, at) => ({
      index,
      delta: { function_call: { ...(at === 0 && { name: 'f' }), arguments: piece } },
    }))
    return [...channels, [...tools, ...old]]
  })
  const chunks: object[] = []
  while (queues.some((queue) => queue.length > 0)) {
    const together: { index: number; delta: object }[] = []
    for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
      const full = queues.filter((queue) => queue.length > 0)
      const next = full[Math.floor(random() * full.length)]?.shift()
      if (next !== undefined) together.push(next)
    }
    chunks.push(chunk(...together))
  }
  if (finishes) chunks.push(chunk(...choices.map((_, index) => ({ index, finish_reason: 'stop' }))))
  return chunks
}

// Between code points: JSON text holds no half ones.
function cut(text: string, random: () => number, whole = false): string[] {
  const units = [...text]
  const pieces: string[] = []
  for (let at = 0; at < units.length; ) {
    const length = 1 + Math.floor(random() * 9)
    pieces.push(units.slice(at, at + length).join(''))
    at += length
  }
  return pieces.length === 0 && whole ? [''] : pieces
}

function randomOf(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 8) / 2 ** 24
  }
}
