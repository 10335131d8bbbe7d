import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  anthropicMessages,
  authorize,
  type Call,
  type Codec,
  detectors,
  geminiContent,
  guard,
  guardFetch,
  json,
  jwt,
  maskData,
  memoryState,
  openaiChat,
  openaiResponses,
  policySet,
  type ResponsesRequest,
  type StateStore,
  unaudited,
  vendorGrants,
  verifyIdentity,
  withVendorStore,
} from '../../src/index.ts'
import { testClock, testIssuer } from '../../src/testing/index.ts'
import { assertRejects } from '../conformance/refusals.ts'
import { z } from 'zod'

const clock = testClock()
const issuer = testIssuer({ clock })
const chats = { id: 'chats', effect: 'permit', action: ['chat'] }
const uses = {
  id: 'uses',
  effect: 'permit',
  subject: { roles: ['analyst'] },
  action: ['use'],
  resource: { type: 'vendor_reference', id: ['answer', 'file', 'conversation', 'cache', 'container', 'vector_store', 'item'] },
}
const hosted = {
  id: 'hosted',
  effect: 'permit',
  action: ['use'],
  resource: { type: 'hosted_tool', id: ['web_search', 'file_search', 'mcp:https://tools.example/*'] },
}

interface SceneOptions {
  readonly rules?: readonly object[]
  readonly store?: StateStore
  readonly granted?: boolean
  readonly codec?: Codec<never>
}

function scene({
  rules = [chats, uses, hosted],
  store = memoryState({ clock }),
  granted = true,
  codec = withVendorStore(openaiResponses) as Codec<never>,
}: SceneOptions = {}) {
  const grants = vendorGrants({ store, ttl: 3_600 })
  const base = guard({ name: 'g', clock, onError: () => {} })
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options })] }))
    .use(authorize({ evaluator: policySet({ id: 'p', rules }), ...(granted && { grants }) }))
  const sent: unknown[] = []
  let answer: unknown = response('resp_1')
  let during: (call: Call) => Promise<void> = async () => {}
  const chat = base.protect(
    async (input: never, call) => {
      sent.push(input)
      await during(call)
      return answer
    },
    { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec },
  )
  return {
    grants,
    sent,
    answerWith: (next: unknown) => void (answer = next),
    during: (task: (call: Call) => Promise<void>) => void (during = task),
    async ask(input: object, subject = 'ada', claims: object = {}): Promise<unknown> {
      return chat(input as never, { credentials: await issuer.bearer({ sub: subject, roles: ['analyst'], ...claims }) })
    },
  }
}

const request = (more: object = {}): ResponsesRequest => ({ model: 'gpt-5', input: 'hello', ...more })
const message = {
  type: 'message',
  id: 'msg_1',
  role: 'assistant',
  status: 'completed',
  content: [{ type: 'output_text', text: 'hi', annotations: [] }],
}
const response = (id: string, more: object = {}) => ({ id, object: 'response', model: 'gpt-5', status: 'completed', output: [message], ...more })

describe('what lies at a vendor', () => {
  test('an answer is its caller’s to refer to, and nobody else’s', async () => {
    const { ask, sent } = scene()
    await assertRejects(ask(request({ previous_response_id: 'resp_1' })), 'denied')
    await ask(request())
    await ask(request({ previous_response_id: 'resp_1' }))
    await assertRejects(ask(request({ previous_response_id: 'resp_1' }), 'eve'), 'denied')
    await assertRejects(ask(request({ previous_response_id: 'resp_2' })), 'denied')
    assert.equal(sent.length, 2)
  })

  test('nor the same caller’s in another tenant', async () => {
    const { ask } = scene()
    await ask(request(), 'ada', { tenant: 'one' })
    await assertRejects(ask(request({ previous_response_id: 'resp_1' }), 'ada', { tenant: 'two' }), 'denied')
    await assertRejects(ask(request({ previous_response_id: 'resp_1' })), 'denied')
  })

  test('an id that the vendor gives a second time takes nothing from whom it belongs to', async () => {
    const { ask } = scene()
    await ask(request(), 'ada')
    await assertRejects(ask(request(), 'eve'), 'denied')
    await assertRejects(ask(request({ previous_response_id: 'resp_1' }), 'eve'), 'denied')
    await ask(request({ previous_response_id: 'resp_1' }), 'ada')
  })

  test('it ends with its time', async () => {
    const { ask } = scene()
    await ask(request())
    await clock.advance(3_601_000)
    await assertRejects(ask(request({ previous_response_id: 'resp_1' })), 'denied')
  })

  test('policy must permit it, kind by kind', async () => {
    const { ask, sent } = scene({ rules: [chats, { ...uses, resource: { type: 'vendor_reference', id: ['file'] } }] })
    await ask(request())
    await assertRejects(ask(request({ previous_response_id: 'resp_1' })), 'denied')
    const own = scene({ rules: [chats, uses] })
    await own.ask(request())
    await assertRejects(own.ask(request({ previous_response_id: 'resp_1' }), 'ada', { roles: [] }), 'denied')
    assert.equal(sent.length, 1)
  })

  test('what a stream tells of is bound before it is handed on', async () => {
    const { ask, answerWith } = scene()
    answerWith(
      (async function* () {
        yield { type: 'response.created', sequence_number: 0, response: response('resp_s', { status: 'in_progress', output: [] }) }
      })(),
    )
    const stream = (await ask(request({ stream: true }))) as AsyncIterable<unknown>
    for await (const part of stream) assert.ok(part)
    answerWith(response('resp_t'))
    await ask(request({ previous_response_id: 'resp_s' }))
    await assertRejects(ask(request({ previous_response_id: 'resp_s' }), 'eve'), 'denied')
  })

  test('files are bound by whoever uploads them for a call, also as items and conversations', async () => {
    const { ask, during, grants, answerWith } = scene()
    const withFile = request({ input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file_1' }] }] })
    await assertRejects(ask(withFile), 'denied')
    let kept: Call | undefined
    during(async (call) => {
      kept = call
      await grants.bind(call, { type: 'file', id: 'file_1' })
    })
    answerWith(response('resp_f', { conversation: { id: 'conv_1' } }))
    await ask(request())
    during(async () => {})
    await ask(withFile)
    await assertRejects(ask(withFile, 'eve'), 'denied')
    await ask(request({ conversation: 'conv_1' }))
    await ask(request({ conversation: { id: 'conv_1' } }))
    await ask(request({ input: [{ type: 'item_reference', id: 'msg_1' }] }))
    await assertRejects(ask(request({ conversation: 'conv_1' }), 'eve'), 'denied')
    await assert.rejects(grants.bind(kept ?? assert.fail(), { type: 'file', id: 'file_2' }), TypeError)
  })

  test('tools that run there are granted by name, and a server of tools by its address', async () => {
    const { ask, sent, answerWith } = scene()
    const search = { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'ada@example.org' } }
    answerWith(response('resp_h', { output: [search, message] }))
    const given = (await ask(request({ tools: [{ type: 'web_search' }] }))) as { output: readonly unknown[] }
    assert.deepEqual(given.output[0], search)
    await ask(request({ tools: [{ type: 'mcp', server_label: 'x', server_url: 'https://tools.example/mcp' }] }))
    for (const tool of [
      { type: 'code_interpreter', container: { type: 'auto' } },
      { type: 'mcp', server_label: 'x', server_url: 'https://evil.example/mcp' },
      { type: 'mcp', server_label: 'x', connector_id: 'connector_gmail' },
      { type: 'mcp', server_label: 'x' },
      { type: 'mcp', server_label: 'x', server_url: 'https://tools.example' },
      { type: 'file_search', vector_store_ids: ['vs_1'] },
    ])
      await assertRejects(ask(request({ tools: [tool] })), 'denied')
    assert.equal(sent.length, 2)
    const twofold = { type: 'mcp', server_label: 'x', server_url: 'https://tools.example/mcp', connector_id: 'connector_gmail' }
    await assertRejects(ask(request({ tools: [twofold] })), 'payload_unsupported')
  })

  test('a tool that runs there is a tool: what allows some tools, or switches one off, sees it', async () => {
    const codec = withVendorStore(openaiResponses)
    const tools = [{ type: 'function', name: 'lookup', parameters: null, strict: null }, { type: 'web_search' }] as never
    assert.deepEqual(codec.facts(codec.snapshot(request({ tools }))).tools, ['lookup', 'web_search'])
    const { ask } = scene({ rules: [{ ...chats, obligations: [{ type: 'allow_tools', value: ['lookup'] }] }, uses, hosted] })
    await assertRejects(ask(request({ tools })), 'obligation_unmet')
  })

  test('without grants, and without the codec for it, everything stays refused', async () => {
    const loads: readonly object[] = [
      { previous_response_id: 'resp_1' },
      { conversation: 'conv_1' },
      { tools: [{ type: 'web_search' }] },
      { input: [{ type: 'item_reference', id: 'msg_1' }] },
      { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'file_1' }] }] },
    ]
    const plain = scene({ codec: openaiResponses as Codec<never> })
    const ungranted = scene({ granted: false })
    for (const load of loads) {
      await assertRejects(plain.ask(request(load)), 'payload_unsupported')
      await assertRejects(ungranted.ask(request(load)), 'payload_unsupported')
    }
    // What nobody could grant is refused with them as well.
    const { ask } = scene()
    for (const load of [
      { prompt: { id: 'pmpt_1' } },
      { background: true },
      { store: true },
      { previous_response_id: '' },
      { tools: [{ type: 'unknown' }] },
    ])
      await assertRejects(ask(request(load)), 'payload_unsupported')
  })

  test('A15: a reference at every place of the other vendors’ requests', async () => {
    const file = { type: 'document', source: { type: 'file', file_id: 'file_1' } }
    const cases: readonly [Codec<never>, object][] = [
      [withVendorStore(anthropicMessages) as Codec<never>, { model: 'c', max_tokens: 5, messages: [{ role: 'user', content: [file] }] }],
      [
        withVendorStore(anthropicMessages) as Codec<never>,
        { model: 'c', max_tokens: 5, container: 'container_1', messages: [{ role: 'user', content: 'x' }] },
      ],
      [
        withVendorStore(anthropicMessages) as Codec<never>,
        {
          model: 'c',
          max_tokens: 5,
          messages: [{ role: 'user', content: 'x' }],
          tools: [{ type: 'code_execution_20250825', name: 'code_execution' }],
        },
      ],
      [
        withVendorStore(geminiContent) as Codec<never>,
        { model: 'g', contents: [{ role: 'user', parts: [{ text: 'x' }] }], cachedContent: 'cachedContents/1' },
      ],
      [
        withVendorStore(openaiChat) as Codec<never>,
        { model: 'm', messages: [{ role: 'user', content: [{ type: 'file', file: { file_id: 'file_1' } }] }] },
      ],
    ]
    for (const [codec, input] of cases) {
      const { ask, sent } = scene({ codec })
      await assertRejects(ask(input), 'denied')
      assert.deepEqual(sent, [])
      assert.ok((codec as Codec).facts(codec.snapshot(input)).external?.length, JSON.stringify(input))
    }
  })

  test('A23: where nobody can tell whose a reference is, the call is refused', async () => {
    const broken: StateStore = Object.assign(memoryState({ clock }), { get: () => Promise.reject(new Error('down')) })
    const { ask, sent } = scene({ store: broken })
    await assertRejects(ask(request({ previous_response_id: 'resp_1' })), 'policy_unavailable')
    assert.deepEqual(sent, [])
    // And an answer that could not be bound is not handed on.
    await assertRejects(ask(request()), 'policy_unavailable')
  })

  test('with masking, a file that nobody can read is refused', async () => {
    const grants = vendorGrants()
    const base = guard({ name: 'g', clock, onError: () => {} })
      .use(unaudited())
      .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options })] }))
      .use(authorize({ evaluator: policySet({ id: 'p', rules: [chats, uses] }), grants }))
      .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both' }))
    const operation = { action: 'chat', resource: { type: 'model', id: 'gpt-5' }, codec: withVendorStore(openaiResponses) }
    const credentials = await issuer.bearer({ sub: 'ada', roles: ['analyst'] })
    const upload = base.protect(async (_input: ResponsesRequest, call) => {
      await grants.bind(call, { type: 'file', id: 'file_1' })
      return response('resp_1')
    }, operation)
    await upload(request(), { credentials })
    const withFile = request({ input: [{ role: 'user', content: [{ type: 'input_file', file_id: 'file_1' }] }] })
    await assertRejects(upload(withFile, { credentials }), 'payload_unsupported')
  })

  test('a wrong set-up is a TypeError', () => {
    for (const codec of [json(z.object({})), withVendorStore(openaiResponses), {}, openaiChat.answer])
      assert.throws(() => withVendorStore(codec as Codec), TypeError)
    for (const options of [{ ttl: 0 }, { store: {} }, { more: 1 }]) assert.throws(() => vendorGrants(options as never), TypeError)
    assert.throws(() => authorize({ evaluator: policySet({ id: 'p', rules: [] }), grants: {} as never }), TypeError)
  })
})

test('a guarded fetch takes such a codec for the endpoint of its vendor', async () => {
  const base = guard({ name: 'g', clock, onError: () => {} })
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [jwt({ ...issuer.options })] }))
    .use(authorize({ evaluator: policySet({ id: 'p', rules: [chats, uses] }), grants: vendorGrants({ store: memoryState({ clock }) }) }))
  let caller = await issuer.bearer({ sub: 'ada', roles: ['analyst'] })
  const sent: string[] = []
  const fetching = guardFetch(base, {
    codec: withVendorStore(openaiResponses),
    credentials: () => caller,
    fetch: async (_url, init) => {
      sent.push(String(init?.body))
      return Response.json(response('resp_1'))
    },
  })
  const send = (body: object) =>
    fetching('https://api.openai.example/v1/responses', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  assert.equal((await send(request())).status, 200)
  assert.equal((await send(request({ previous_response_id: 'resp_1' }))).status, 200)
  caller = await issuer.bearer({ sub: 'eve', roles: ['analyst'] })
  assert.equal((await send(request({ previous_response_id: 'resp_1' }))).status, 403)
  assert.equal(sent.length, 2)
})
