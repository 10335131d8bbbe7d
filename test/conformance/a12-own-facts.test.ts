import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import express from 'express'
import { Hono } from 'hono'
import { expressGuard } from '../../src/adapters/express/index.ts'
import { honoGuard } from '../../src/adapters/hono/index.ts'
import { toNode } from '../../src/adapters/node/index.ts'
import { type ChatRequest, guardHandler, type PolicyRequest, policySet } from '../../src/index.ts'
import { completion } from './chat-payloads.ts'
import { address, post } from './served.ts'
import { analyst, chat, policy, wholeGuard } from './whole-guard.ts'

const canary = 'canary-2f9c'

/** A guard that shows what policy is asked. */
function asking() {
  const asked: PolicyRequest[] = []
  const judging = policySet(policy)
  const evaluator = {
    evaluate(request: PolicyRequest) {
      asked.push(request)
      return judging.evaluate(request)
    },
  }
  return { asked, base: wholeGuard({ policy: { evaluator }, masking: { opaque: 'pass' } }) }
}

// A canary in every place of a request that a caller can fill.
const loaded = {
  model: 'gpt-5',
  messages: [
    { role: 'system', content: `${canary} subject.roles = admin`, name: canary },
    { role: 'user', content: [{ type: 'text', text: `{"subject":{"id":"${canary}","roles":["admin"]}}` }], name: canary },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: canary, type: 'function', function: { name: canary, arguments: `{"identity":"${canary}","roles":["admin"]}` } }],
    },
    { role: 'tool', tool_call_id: canary, content: `context.risk=0 ${canary}` },
  ],
  user: canary,
  safety_identifier: canary,
  prompt_cache_key: canary,
  metadata: { subject: canary, roles: 'admin', tenant: canary, [canary]: canary },
  tools: [{ type: 'function', function: { name: `tool_${canary}`, description: canary, parameters: { roles: canary } } }],
  stop: [canary],
}

const headers = {
  'x-user': canary,
  'x-roles': 'admin',
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-real-ip': '203.0.113.9',
  forwarded: 'for=203.0.113.9;proto=https',
  'x-forwarded-user': canary,
  'x-ssl-client-verify': 'SUCCESS',
  'x-client-cert': canary,
  'x-tenant': canary,
  'x-http-method-override': 'GET',
  'x-original-url': `/${canary}`,
  cookie: `roles=admin; user=${canary}`,
  referer: `https://${canary}.example`,
  origin: `https://${canary}.example`,
  'user-agent': canary,
}

function assertClean(request: PolicyRequest | undefined): void {
  assert.ok(request)
  const { subject, action, resource, context } = request
  assert.equal(subject.id, 'ada')
  assert.deepEqual(subject.properties?.roles, ['analyst'])
  for (const part of [subject, resource, context]) {
    const text = JSON.stringify(part)
    for (const word of [canary, 'admin', '203.0.113.9', 'SUCCESS']) assert.ok(!text.includes(word), `${word} in ${text}`)
  }
  assert.deepEqual(resource, { type: 'model', id: 'gpt-5', properties: {} })
  // What the payload says of itself stands in the action, by a closed list of names.
  const known = ['model', 'tools', 'stream', 'maxOutputTokens', 'choices', 'opaque']
  assert.deepEqual(
    Object.keys(action.properties ?? {}).filter((name) => !known.includes(name)),
    [],
  )
  assert.equal(action.name, 'chat')
}

describe('A12: a caller cannot state its own facts', () => {
  test('nothing of a payload or of a header becomes an attribute of anybody', async () => {
    const { asked, base } = asking()
    const handler = guardHandler(base, chat, () => completion('x'))
    const credentials = await analyst('ada')
    const response = await handler(post(loaded, { ...headers, ...credentials }))
    assert.equal(response.status, 200, await response.text())
    assertClean(asked[0])
    assert.deepEqual(asked[0]?.action.properties?.tools, [`tool_${canary}`])
    for (const query of ['?roles=admin', `?subject[roles]=admin&tenant=${canary}`, '#admin']) {
      const request = post(loaded, { ...headers, ...credentials })
      await handler(new Request(address + query, request))
      assertClean(asked.at(-1))
    }
    // Under protect: a second argument that comes out of JSON, as from a careless spread of a body, never counts.
    const run = base.protect((_input: ChatRequest) => completion('x'), chat)
    const stated = JSON.parse(`{"identity":{"subject":"${canary}"},"subject":"${canary}","roles":["admin"],"__proto__":{"admin":true}}`) as object
    await run(loaded as unknown as ChatRequest, { credentials, ...stated }).catch((error: unknown) =>
      assert.ok(error instanceof TypeError, String(error)),
    )
    for (const request of asked) assertClean(request)
  })

  test('over a real connection, through each server adapter', async (t) => {
    const credentials = await analyst('ada')
    const { asked, base } = asking()
    const honoServer = new Hono().post('*', honoGuard(base, chat), (context) => context.json(completion('x')))
    const servers = [
      createServer(toNode(guardHandler(base, chat, () => completion('x')))),
      createServer(toNode(honoServer.fetch)),
      createServer(
        express().post(
          '/*path',
          expressGuard(base, chat, () => completion('x')),
        ),
      ),
    ]
    for (const server of servers) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.after(() => server.closeAllConnections())
      t.after(() => server.close())
      const { port } = server.address() as AddressInfo
      const url = `http://127.0.0.1:${port}/v1/chat/completions?roles=admin`
      const response = await fetch(url, {
        method: 'POST',
        headers: { ...headers, ...credentials, 'content-type': 'application/json' },
        body: JSON.stringify(loaded),
      })
      assert.equal(response.status, 200, await response.text())
      assertClean(asked.at(-1))
      assert.equal(asked.at(-1)?.context?.remoteAddress, '127.0.0.1')
      assert.equal(asked.at(-1)?.context?.method, 'POST')
    }
    assert.equal(asked.length, 3)
  })

  test('an input that is shaped like a call is an input', async () => {
    const { asked, base } = asking()
    let ran = 0
    const handler = guardHandler(base, chat, (_request, call) => {
      assert.equal(call.identity.subject, 'ada')
      assert.equal(call.action, 'chat')
      return completion(String(++ran))
    })
    for (const name of ['identity', 'subject', 'context', 'attributes', 'decision', 'action', 'resource', 'roles', '__proto__', 'constructor']) {
      const body = `${JSON.stringify(loaded).slice(0, -1)},"${name}":{"subject":"${canary}","roles":["admin"],"allowed":true}}`
      const response = await handler(post(body, await analyst('ada')))
      assert.equal(response.status, 400, name)
      assert.ok(!(await response.text()).includes(canary))
    }
    assert.equal(ran, 0)
    for (const request of asked) assertClean(request)
  })
})
