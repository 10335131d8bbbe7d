import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { exportJWK, generateKeyPair } from 'jose'
import OpenAI from 'openai'
import {
  type AgreementKeys,
  anthropicMessages,
  authorize,
  type Codec,
  encryptPayload,
  guard,
  guardHandler,
  jwt,
  localKeys,
  openaiChat,
  type PublicKey,
  sealingFetch,
  unaudited,
  verifyIdentity,
} from '../../../src/index.ts'
import { allowAll } from '../../../src/testing/index.ts'
import { chunksOf, completion } from '../../conformance/chat-payloads.ts'
import { analyst, issuer } from '../../conformance/whole-guard.ts'
import { fullMessage, messageEvents } from '../../payload/anthropic-payloads.ts'

const origin = 'https://api.example'
const refused = { code: 'decryption_failed' }
let publicKey: PublicKey
let keys: AgreementKeys
let token = ''

/** A sealed service, and what went over the wire to it and back. */
function service(codec: Codec<never>, answer: (input: { readonly stream?: unknown }) => unknown) {
  const wire: string[] = []
  const base = guard({ onError: () => {} })
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
    .use(encryptPayload({ keys, direction: 'both' }))
    .use(authorize({ evaluator: allowAll() }))
  const handler = guardHandler(
    base,
    { action: 'chat', resource: { type: 'model', id: 'm' }, codec },
    (_request, call) => answer(call.input as { readonly stream?: unknown }) as object,
    { origin },
  )
  const send = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(url, init)
    wire.push(await request.clone().text())
    const response = await handler(request)
    wire.push(await response.clone().text())
    return response
  }
  return { send, wire }
}

before(async () => {
  const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true })
  keys = localKeys({ jwks: { keys: [await exportJWK(privateKey)] } })
  const [published] = (await keys.publicKeys()).keys
  assert.ok(published)
  publicKey = published
  token = (await analyst()).authorization.slice('Bearer '.length)
})

async function* list<T>(values: Iterable<T>): AsyncGenerator<T> {
  yield* values
}

describe('sealingFetch', () => {
  test('lets the client of OpenAI ask and read, whole and streamed, and nothing of it is in clear on the wire', async () => {
    const { send, wire } = service(openaiChat as Codec<never>, ({ stream }) =>
      stream === true ? list(chunksOf(['needle-', 'out'])) : completion('needle-out'),
    )
    const client = new OpenAI({ apiKey: token, baseURL: `${origin}/v1`, fetch: sealingFetch({ publicKey, fetch: send }), maxRetries: 0 })
    const messages = [{ role: 'user', content: 'needle-in' }] as const
    const whole = await client.chat.completions.create({ model: 'gpt-5', messages: [...messages] })
    assert.equal(whole.choices[0]?.message.content, 'needle-out')
    let said = ''
    for await (const part of await client.chat.completions.create({ model: 'gpt-5', messages: [...messages], stream: true }))
      said += part.choices[0]?.delta.content ?? ''
    assert.equal(said, 'needle-out')
    assert.equal(wire.length, 4)
    assert.doesNotMatch(wire.join(), /needle|gpt-5|content|choices/)
  })

  test('keeps the types of events, which the client of Anthropic reads by', async () => {
    const { send, wire } = service(anthropicMessages as Codec<never>, ({ stream }) =>
      stream === true ? list(messageEvents({ thinking: [], text: ['needle-', 'out'], calls: [] })) : fullMessage(),
    )
    const own = sealingFetch({ publicKey: async () => publicKey, fetch: send, credential: () => token })
    const client = new Anthropic({ authToken: token, apiKey: null, baseURL: origin, fetch: own, maxRetries: 0 })
    const message = await client.messages.stream({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] }).finalMessage()
    assert.ok(JSON.stringify(message).includes('needle-out'))
    assert.doesNotMatch(wire.join(), /needle|message_start|content_block/)
  })

  test('refuses whatever is not sealed, whichever status it comes with, and hands on nothing of it', async () => {
    const ask = (answer: () => Response, credential = token) =>
      sealingFetch({ publicKey, fetch: async () => answer(), credential: () => credential })(`${origin}/v1`, { method: 'POST', body: '{}' })
    await assert.rejects(
      ask(() => Response.json({ evil: true })),
      refused,
    )
    await assert.rejects(
      ask(() => new Response(null, { status: 204 })),
      refused,
    )
    await assert.rejects(
      ask(() => new Response('a.b.c.d.e', { headers: { 'content-type': 'application/jose' } })),
      refused,
    )
    for (const status of [400, 401, 403, 429, 500, 503])
      for (const type of ['application/json', 'application/problem+json', 'text/event-stream']) {
        let wasRead = false
        const body = new ReadableStream({ pull: () => void (wasRead = true) }, { highWaterMark: 0 })
        await assert.rejects(
          ask(() => new Response(body, { status, headers: { 'content-type': type } })),
          (error: Error) => error.message === 'The payload could not be opened.' && `${error.cause}`.includes(String(status)),
        )
        assert.equal(wasRead, false)
      }
  })

  test('gives a refusal that the service sealed, with the status that was sealed, to the client as one', async () => {
    const { send, wire } = service(openaiChat as Codec<never>, () => Response.json({ error: { message: 'needle-out' } }, { status: 429 }))
    const forged = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const response = await send(url, init)
      return new Response(response.body, { status: 200, headers: response.headers })
    }
    for (const fetch of [send, forged]) {
      const client = new OpenAI({ apiKey: token, baseURL: `${origin}/v1`, fetch: sealingFetch({ publicKey, fetch }), maxRetries: 0 })
      const asking = client.chat.completions.create({ model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }] })
      await assert.rejects(asking, (error) => error instanceof OpenAI.RateLimitError && error.status === 429)
    }
    assert.doesNotMatch(wire.join(), /needle/)
  })

  test('refuses the sealed answer to another request, and a sealed stream that says it is an error', async () => {
    const { send } = service(openaiChat as Codec<never>, ({ stream }) => (stream === true ? list(chunksOf(['one'])) : completion('one')))
    let first: Response | undefined
    const kept = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const response = first?.clone() ?? (await send(url, init))
      first ??= response.clone()
      return response
    }
    const failing = async (url: string | URL | Request, init?: RequestInit): Promise<Response> =>
      new Response((await send(url, init)).body, {
        status: 500,
        headers: { 'content-type': 'text/event-stream' },
      })
    const ask = (fetch: typeof kept, stream: boolean): Promise<Response> =>
      sealingFetch({ publicKey, fetch, credential: () => token })(`${origin}/v1`, {
        method: 'POST',
        body: JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }], stream }),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      })
    assert.equal((await ask(kept, false)).status, 200)
    await assert.rejects(ask(kept, false), refused)
    await assert.rejects(ask(failing, true), refused)
  })

  test('A20: reading fails where a sealed stream was cut, or has an event in clear', async () => {
    const { send } = service(openaiChat as Codec<never>, () => list(chunksOf(['one', 'two', 'three'])))
    const through = (change: (text: string) => string) =>
      sealingFetch({
        publicKey,
        credential: () => token,
        fetch: async (url, init) => {
          const response = await send(url, init)
          return new Response(change(await response.text()), response)
        },
      })
    const body = JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }], stream: true })
    const ask = async (change: (text: string) => string): Promise<string> =>
      (
        await through(change)(`${origin}/v1`, {
          method: 'POST',
          body,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        })
      ).text()
    assert.match(await ask((text) => text), /three/)
    const events = (text: string): string[] => text.split('\n\n').filter((event) => event !== '')
    const changes: readonly ((text: string) => string)[] = [
      (text) => `${events(text).slice(0, -1).join('\n\n')}\n\n`,
      (text) => `${events(text).slice(0, 2).join('\n\n')}\n\n`,
      (text) => text.replace('\n\n', '\n\ndata: {"evil":1}\n\n'),
      () => '',
    ]
    for (const change of changes) await assert.rejects(ask(change))
  })

  test('A19: ends the answer at its source where the reader leaves, before it began to read, while it waits, and after', async () => {
    const { send } = service(openaiChat as Codec<never>, () => list(chunksOf(['one'])))
    for (const reads of [0, 1, 2]) {
      let left = 0
      const own = sealingFetch({
        publicKey,
        fetch: async (url, init) => {
          const response = await send(url, init)
          const text = new TextEncoder().encode((await response.text()).split('\n\n').slice(0, 2).join('\n\n').concat('\n\n'))
          let isSent = false
          const body = new ReadableStream<Uint8Array>(
            {
              async pull(controller) {
                if (isSent) await new Promise(() => {})
                isSent = true
                controller.enqueue(text)
              },
              cancel: () => void left++,
            },
            { highWaterMark: 0 },
          )
          return new Response(body, response)
        },
      })
      const response = await own(`${origin}/v1`, {
        method: 'POST',
        body: JSON.stringify({ model: 'gpt-5', messages: [{ role: 'user', content: 'hi' }], stream: true }),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      })
      const reader = response.body?.getReader()
      assert.ok(reader)
      if (reads > 0) assert.equal((await reader.read()).done, false)
      const waiting = reads > 1 ? reader.read() : undefined
      await new Promise((resolve) => setTimeout(resolve, 5))
      await reader.cancel()
      assert.equal((await waiting)?.done ?? true, true)
      assert.equal(left, 1, `after ${reads}`)
    }
  })

  test('sends nothing without a body or a credential, nor with wrong options', async () => {
    const own = sealingFetch({ publicKey, fetch: () => assert.fail('sent') })
    await assert.rejects(own(`${origin}/v1/models`), { code: 'payload_unsupported' })
    await assert.rejects(own(`${origin}/v1`, { method: 'POST', body: '{}' }), TypeError)
    for (const wrong of [{}, { publicKey: 'k' }, { publicKey, fetch: 1 }, { publicKey, more: 1 }, { publicKey, maxAnswer: 0 }])
      assert.throws(() => sealingFetch(wrong as never), TypeError)
  })
})
