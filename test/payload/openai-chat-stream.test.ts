import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type OpenAI from 'openai'
import { APIError } from 'openai'
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream'
import { Stream } from 'openai/streaming'
import { openaiChat } from '../../src/payload/openai-chat.ts'
import { eventParser, serializeEvent } from '../../src/payload/server-sent-events.ts'
import { apart, call, chunk, usageChunk } from './chat-payloads.ts'

type Chunk = OpenAI.ChatCompletionChunk

const { answer, wire } = openaiChat

async function* from(parts: readonly unknown[]): AsyncGenerator<unknown> {
  for (const part of parts) yield answer.snapshot(part, true)
}

async function assemble(parts: readonly unknown[]): Promise<Chunk[]> {
  const assembled: Chunk[] = []
  for await (const part of answer.assemble(from(parts))) assembled.push(part as Chunk)
  return assembled
}

// What a client makes of a stream: the texts of each channel, each tool call.
function understood(parts: readonly Chunk[]): unknown {
  const choices = new Map<number, Record<string, unknown>>()
  for (const part of parts)
    for (const { index, delta, finish_reason } of part.choices) {
      const choice = choices.get(index) ?? {}
      choices.set(index, choice)
      for (const name of ['content', 'refusal', 'reasoning_content']) {
        const text = (delta as Record<string, unknown>)[name]
        if (typeof text === 'string') choice[name] = String(choice[name] ?? '') + text
      }
      if (delta.role !== undefined) choice.role = delta.role
      for (const { index: at, id, type, function: called } of delta.tool_calls ?? []) {
        const calls = (choice.calls ??= {}) as Record<number, Record<string, unknown>>
        const known = (calls[at] ??= { arguments: '' })
        if (id !== undefined) known.id = id
        if (type !== undefined) known.type = type
        if (called?.name !== undefined) known.name = called.name
        known.arguments = String(known.arguments) + (called?.arguments ?? '')
      }
      if (finish_reason !== null) choice.finish = finish_reason
    }
  return Object.fromEntries(choices)
}

const weather = '{"city":"Łódź","unit":"C"}'
const mail = '{"to":"a@b.example"}'
const tools: readonly Chunk[] = [
  chunk({ role: 'assistant', content: null }),
  chunk({ content: 'One ' }),
  chunk({ content: 'moment.' }),
  chunk(call(0, '', { id: 'call_0', name: 'weather' })),
  ...weather.split(/(?<=:)/).map((piece) => chunk(call(0, piece))),
  chunk(call(1, '', { id: 'call_1', name: 'mail' })),
  ...[...mail].map((piece) => chunk(call(1, piece))),
  chunk({}, 'tool_calls'),
  usageChunk(),
]

test('joins the deltas of a tool call into one part, when the call is complete', async () => {
  const parts = await assemble(tools)
  assert.deepEqual(parts, [
    tools[0],
    tools[1],
    tools[2],
    { ...tools[0], choices: [{ index: 0, delta: call(0, weather, { id: 'call_0', name: 'weather' }), finish_reason: null }] },
    { ...tools[0], choices: [{ index: 0, delta: call(1, mail, { id: 'call_1', name: 'mail' }), finish_reason: null }] },
    tools.at(-2),
    usageChunk(),
  ])
  assert.deepEqual(understood(parts), understood(tools))
})

test('a call is given on as soon as the next one begins', async () => {
  let sent = 0
  async function* counted(): AsyncGenerator<unknown> {
    for (const part of tools) {
      sent++
      yield answer.snapshot(part, true)
    }
  }
  for await (const part of answer.assemble(counted())) if (JSON.stringify(part).includes('call_0')) break
  assert.equal(
    tools[sent - 1],
    tools.find((part) => JSON.stringify(part).includes('call_1')),
  )
})

test('texts of a call are read once it is whole, and not before', async () => {
  assert.throws(() => answer.texts(answer.snapshot(chunk(call(0, '{"ci')), true)), { code: 'payload_invalid' })
  const [part] = (await assemble(tools)).filter((candidate) => JSON.stringify(candidate).includes('call_0'))
  const texts = answer.texts(part)
  const { identifiers, others } = apart(texts)
  assert.deepEqual(
    others.map(({ value, kind }) => [value, kind]),
    [
      ['Łódź', 'arguments'],
      ['C', 'arguments'],
    ],
  )
  assert.deepEqual(
    identifiers.map(({ value }) => value),
    ['chatcmpl-1', 'gpt-5-mini-2025-08-07', 'weather'],
  )
  assert.ok(texts.every(({ whole }) => whole === true))
  assert.deepEqual(answer.ends(part), [])
})

test('calls that are written at the same time wait for the end of their choice', async () => {
  const pieces = [
    chunk({ role: 'assistant', ...call(0, '{"a":', { id: 'call_0', name: 'f' }) }),
    chunk(call(1, '{"b":', { id: 'call_1', name: 'g' })),
    chunk(call(0, '1}')),
    chunk(call(1, '2}')),
    chunk({}, 'tool_calls'),
  ]
  const parts = await assemble(pieces)
  assert.deepEqual(understood(parts), understood(pieces))
  assert.deepEqual(
    parts.map((part) => part.choices[0]?.delta.tool_calls?.[0]?.function?.arguments),
    [undefined, '{"a":1}', '{"b":2}', undefined],
  )
})

test('several calls in one delta, and all of it in one part', async () => {
  const { tool_calls: first = [] } = call(0, weather, { id: 'call_0', name: 'weather' })
  const { tool_calls: second = [] } = call(1, mail, { id: 'call_1', name: 'mail' })
  const pieces = [chunk({ role: 'assistant', content: 'x', tool_calls: [...first, ...second] }, 'tool_calls')]
  const parts = await assemble(pieces)
  assert.equal(parts.length, 3)
  assert.deepEqual(understood(parts), understood(pieces))
})

test('choices are kept apart', async () => {
  const pieces = [
    chunk(call(0, '{"a":', { id: 'call_0', name: 'f' }), null, 0),
    chunk(call(0, '{"b":', { id: 'call_0', name: 'f' }), null, 1),
    chunk(call(0, '1}'), null, 0),
    chunk({}, 'tool_calls', 0),
    chunk(call(0, '2}'), null, 1),
    chunk({}, 'tool_calls', 1),
  ]
  const parts = await assemble(pieces)
  assert.deepEqual(
    parts.map(({ choices: [choice] }) => [choice?.index, choice?.delta.tool_calls?.[0]?.function?.arguments]),
    [
      [0, '{"a":1}'],
      [0, undefined],
      [1, '{"b":2}'],
      [1, undefined],
    ],
  )
})

test('a stream that breaks off still gives on what it began, and broken arguments are refused when they are read', async () => {
  const parts = await assemble([chunk(call(0, '{"to":"a@b.exa', { id: 'call_0', name: 'mail' }))])
  assert.equal(parts.length, 1)
  assert.throws(() => answer.texts(parts[0]), { code: 'payload_invalid' })
})

test('a call that goes on after it was complete is refused', async () => {
  const pieces = [chunk(call(0, '{}', { id: 'call_0', name: 'f' })), chunk(call(1, '{}', { id: 'call_1', name: 'g' }))]
  await assert.rejects(assemble([...pieces, chunk(call(0, '{"secret":1}'))]), { code: 'payload_invalid' })
  await assert.rejects(assemble([chunk(call(0, '{}')), chunk({}, 'tool_calls'), chunk(call(0, 'x'))]), { code: 'payload_invalid' })
  assert.equal((await assemble([...pieces, chunk(call(0, ''))])).length, 2)
})

test('what is held is bounded', async () => {
  const big = 'x'.repeat(100_000)
  await assert.rejects(assemble(Array.from({ length: 12 }, () => chunk(call(0, big)))), { code: 'payload_too_large' })
  const many = Array.from({ length: 1100 }, (_, index) => chunk(call(index % 1000, '{', undefined), null, Math.floor(index / 1000)))
  await assert.rejects(assemble(many), { code: 'payload_too_large' })
})

test('the old kind of function call and a custom tool are joined too', async () => {
  const parts = await assemble([
    chunk({ function_call: { name: 'old', arguments: '' } }),
    chunk({ function_call: { arguments: '{"a":' } }),
    chunk({ function_call: { arguments: '"x"}' } }),
    chunk({}, 'function_call'),
  ])
  assert.deepEqual(parts[0]?.choices[0]?.delta, { function_call: { name: 'old', arguments: '{"a":"x"}' } })
  const custom = (input: string, begin: object = {}): Chunk => chunk({ tool_calls: [{ index: 0, ...begin, custom: { input } }] })
  const [joined] = await assemble([custom('some ', { id: 'call_0', type: 'custom' }), custom('prose'), chunk({}, 'tool_calls')])
  assert.deepEqual(joined?.choices[0]?.delta.tool_calls, [{ index: 0, id: 'call_0', type: 'custom', custom: { input: 'some prose' } }])
  assert.deepEqual(
    apart(answer.texts(joined)).others.map(({ value }) => value),
    ['some prose'],
  )
})

test('what stands beside the pieces of a call passes', async () => {
  const piece = { ...chunk({ content: 'x', ...call(0, '{}') }), usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }
  const [rest, joined] = await assemble([piece])
  assert.deepEqual(rest, { ...piece, choices: [{ ...piece.choices[0], delta: { content: 'x' } }] })
  assert.deepEqual(joined?.choices[0]?.delta, call(0, '{}'))
  const bare = { ...chunk(call(0, '{}')), usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }
  assert.deepEqual((await assemble([bare]))[0], { ...bare, choices: [] })
})

test('however arguments are cut, the assembled stream is the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ maxDepth: 3 }), fc.array(fc.nat(200), { maxLength: 10 }), async (value, positions) => {
      const json = JSON.stringify({ value })
      const cuts = [...positions.map((position) => position % (json.length + 1)), json.length].sort((a, b) => a - b)
      const pieces = cuts.map((cut, index) => json.slice(index === 0 ? 0 : cuts[index - 1], cut))
      if (!pieces.every((piece) => piece.isWellFormed())) return
      const begin = chunk(call(0, '', { id: 'call_0', name: 'f' }))
      const cut = await assemble([begin, ...pieces.map((piece) => chunk(call(0, piece))), chunk({}, 'tool_calls')])
      assert.deepEqual(cut, await assemble([begin, chunk(call(0, json)), chunk({}, 'tool_calls')]))
    }),
    { numRuns: 50 },
  )
})

test('running texts have a channel for each choice and member, which ends with the finish of the choice', () => {
  const part = answer.snapshot(chunk({ content: 'a', refusal: 'b', reasoning: 'c', reasoning_content: 'd' }, null, 3), true)
  assert.deepEqual(
    apart(answer.texts(part)).others.map(({ channel, path, whole }) => [channel, path, whole]),
    [
      ['choices/3/content', '/choices/0/delta/content', undefined],
      ['choices/3/refusal', '/choices/0/delta/refusal', undefined],
      ['choices/3/reasoning', '/choices/0/delta/reasoning', undefined],
      ['choices/3/reasoning_content', '/choices/0/delta/reasoning_content', undefined],
    ],
  )
  assert.deepEqual(answer.ends(part), [])
  const end = answer.snapshot(chunk({}, 'stop', 3), true)
  assert.deepEqual([...answer.ends(end)].sort(), ['choices/3/content', 'choices/3/reasoning', 'choices/3/reasoning_content', 'choices/3/refusal'])
  const empty = { ...chunk({}), choices: [{ index: 0, delta: { content: 'a' }, finish_reason: '' }] }
  assert.ok(!answer.ends(answer.snapshot(empty, true)).includes('choices/0/content'))
  assert.deepEqual(answer.ends(answer.snapshot(usageChunk(), true)), [])
})

test('a text that is whole in its part says so, and only running ones end', () => {
  const annotations = [{ type: 'url_citation', url_citation: { start_index: 0, end_index: 1, title: 't', url: 'https://a.example' } }]
  const part = answer.snapshot(chunk({ content: 'a', annotations }), true)
  const { identifiers, others } = apart(answer.texts(part))
  assert.deepEqual(
    others.map(({ value, whole }) => [value, whole]),
    [
      ['a', undefined],
      ['t', true],
      ['https://a.example', true],
    ],
  )
  assert.equal(others[0]?.channel, 'choices/0/content')
  assert.ok(identifiers.length > 0 && identifiers.every(({ whole }) => whole === true))
  assert.deepEqual(answer.ends(part), [])
  // Nothing else ends with the finish of a choice than what may have run.
  const last = answer.snapshot(chunk({ content: 'a', annotations }, 'stop'), true)
  assert.deepEqual([...answer.ends(last)].sort(), ['choices/0/content', 'choices/0/reasoning', 'choices/0/reasoning_content', 'choices/0/refusal'])
})

test('carries a text in a part of its own', () => {
  const like = answer.snapshot({ ...chunk({ content: 'x' }, 'stop', 2), usage: null }, true)
  const carried = answer.carry(like, 'choices/2/content', 'held back')
  assert.deepEqual(carried, { ...withoutChoices(chunk({})), choices: [{ index: 2, delta: { content: 'held back' }, finish_reason: null }] })
  assert.deepEqual(
    apart(answer.texts(carried)).others.map(({ value, channel }) => [value, channel]),
    [['held back', 'choices/2/content']],
  )
  assert.deepEqual(
    apart(answer.texts(carried)).identifiers.map(({ value }) => value),
    ['chatcmpl-1', 'gpt-5-mini-2025-08-07'],
  )
  assert.deepEqual(answer.ends(carried), [])
  assert.ok(Object.isFrozen(carried))
  // Also after an error of the vendor, which has neither id nor model.
  assert.equal(answer.texts(answer.carry({ error: 'x' }, 'choices/0/content', 'a'))[0]?.value, 'a')
  for (const channel of ['/choices/0/delta/content', 'choices/0/tool_calls', 'choices/x/content', 'choices/0/__proto__', ''])
    assert.throws(() => answer.carry(like, channel, 'x'), TypeError)
})

function withoutChoices(part: Chunk): object {
  const { choices: _, ...rest } = part
  return rest
}

test('a reader that leaves closes the stream', async () => {
  let closed = false
  async function* source(): AsyncGenerator<unknown> {
    try {
      yield* from(tools)
    } finally {
      closed = true
    }
  }
  for await (const _ of answer.assemble(source())) break
  assert.ok(closed)
})

async function throughWire(parts: readonly unknown[], end = true): Promise<Response> {
  const events = parts.map((part) => serializeEvent({ data: wire?.serializeEvent(part) ?? '' }))
  if (end) events.push(serializeEvent({ data: wire?.endMarker ?? '' }))
  return new Response(events.join(''), { headers: { 'content-type': 'text/event-stream' } })
}

test('the client of the vendor reads what is written, with its helpers too', async () => {
  const controller = new AbortController()
  const assembled = await assemble(tools)
  const read: unknown[] = []
  for await (const part of Stream.fromSSEResponse<Chunk>(await throughWire(assembled), controller)) read.push(part)
  assert.deepEqual(read, assembled)
  const stream = Stream.fromSSEResponse<Chunk>(await throughWire(assembled), new AbortController())
  const completion = await ChatCompletionStream.fromReadableStream(stream.toReadableStream()).finalChatCompletion()
  const message = completion.choices[0]?.message
  assert.equal(message?.content, 'One moment.')
  assert.deepEqual(
    message?.tool_calls?.map((made) => (made.type === 'function' ? made.function.arguments : '')),
    [weather, mail],
  )
})

test('an error event becomes an APIError of the client', async () => {
  const parts = await throughWire([chunk({ content: 'a' })], false)
  const failed = new Response((await parts.text()) + serializeEvent({ data: wire?.errorEvent('payload_blocked', 'A public sentence.') ?? '' }))
  const read: unknown[] = []
  await assert.rejects(
    async () => {
      for await (const part of Stream.fromSSEResponse(failed, new AbortController())) read.push(part)
    },
    (error: unknown) => error instanceof APIError && error.code === 'payload_blocked' && error.message.includes('A public sentence.'),
  )
  assert.equal(read.length, 1)
})

test('reads events back, and the end marker as no part', async () => {
  const response = await throughWire(tools)
  const read: unknown[] = []
  for (const { data } of eventParser().push(new Uint8Array(await response.arrayBuffer()))) {
    const part = wire?.parseEvent(data)
    if (part !== undefined) read.push(answer.snapshot(part, true))
  }
  assert.deepEqual(read, tools)
  assert.throws(() => wire?.parseEvent('{"a":1,"a":2}'), { code: 'payload_invalid' })
  assert.throws(() => wire?.parseEvent('[DONE]{}'), { code: 'payload_invalid' })
})
