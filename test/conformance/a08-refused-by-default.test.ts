import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { audit, type ChatRequest, guard, guardFetch, jwt, plainText, policySet, unaudited, verifyIdentity } from '../../src/index.ts'
import { recordingLog } from '../../src/testing/index.ts'
import { chatRequest, completion } from './chat-payloads.ts'
import { assertRefused, assertRejects } from './refusals.ts'
import { address, served, vendor } from './served.ts'
import { analyst, chat, issuer, wholeGuard } from './whole-guard.ts'

// Other spellings of one name: whatever a file system, a router or a person may take for the same.
function spellingsOf(name: string): string[] {
  return [
    name.toUpperCase(),
    name[0]?.toUpperCase() + name.slice(1),
    `${name}/`,
    `/${name}`,
    `${name}%2F`,
    `%2F${name}`,
    `${name}/.`,
    `${name}/../${name}`,
    `./${name}`,
    encodeURIComponent(name[0] ?? '').replace(/^[a-z]$/, (letter) => `%${letter.charCodeAt(0).toString(16)}`) + name.slice(1),
    `${name} `,
    ` ${name}`,
    `${name}\t`,
    `${name}\n`,
    `${name}\0`,
    `${name}\u200b`,
    `\ufeff${name}`,
    name.replace('a', '\u0430').replace('g', '\u0261'),
    name.replace('-', '\u2010'),
    [...name].join('\u0301'),
    `${name}*`,
    name.slice(0, -1),
    `${name.slice(0, -1)}*`,
    `${name.slice(0, -1)}?`,
    `${name},${name}`,
    `${name};x`,
    `${name}#x`,
    `${name}?x`,
    '*',
    '**',
    '.*',
    '%',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ].filter((other) => other !== name)
}

describe('A8: refused by default', () => {
  test('a chain without a policy, an identity or a record protects nothing', () => {
    const operation = { action: 'chat', resource: { type: 'model', id: 'm' } }
    const identity = verifyIdentity({ verifiers: [jwt(issuer.options)] })
    const chains: unknown[] = [
      guard(),
      guard().use(audit({ log: recordingLog() })),
      guard().use(identity),
      guard().use(unaudited()).use(identity),
      guard()
        .use(audit({ log: recordingLog() }))
        .use(identity),
    ]
    for (const chain of chains) {
      const { protect } = chain as { protect(fn: unknown, operation: unknown): unknown }
      assert.throws(() => protect(() => 'x', operation), /protect\(\) needs/)
      assert.throws(() => guardFetch(chain as never), /protect\(\) needs/)
    }
  })

  test('an empty policy, and one whose rules are about something else, permit nothing', async () => {
    const credentials = await analyst()
    const rules: readonly (readonly object[])[] = [
      [],
      [{ id: 'f', effect: 'forbid' }],
      [{ id: 'f', effect: 'forbid', action: ['other'] }],
      [{ id: 'p', effect: 'permit', action: ['other'] }],
      [{ id: 'p', effect: 'permit', resource: { type: 'file' } }],
      [{ id: 'p', effect: 'permit', subject: { roles: ['admin'] } }],
      [{ id: 'p', effect: 'permit', subject: { type: 'agent' } }],
      [{ id: 'p', effect: 'permit', subject: { id: ['bob'] } }],
      [{ id: 'p', effect: 'permit', when: { 'context.unknown': { eq: true } } }],
      [{ id: 'p', effect: 'permit', when: { not: { 'context.unknown': { eq: true } } } }],
      [{ id: 'p', effect: 'permit', when: { 'subject.tenant': { eq: { path: 'resource.tenant' } } } }],
    ]
    for (const list of rules) {
      const server = served(wholeGuard({ policy: { evaluator: policySet({ id: 'conformance-policy', version: '1', rules: list }) } }))
      await assertRefused(await server.ask(chatRequest('x'), credentials), 'denied')
      assert.equal(server.ran.length, 0)
    }
  })

  test('a resource, an action or a role in another spelling is another one', async () => {
    const credentials = await analyst()
    let ran = 0
    const named = (action: string, type: string, id: string) =>
      wholeGuard().protect(() => String(++ran), { action, resource: { type, id }, codec: plainText })('x', { credentials })
    assert.equal(await named('chat', 'model', 'gpt-5'), '1')
    for (const other of spellingsOf('chat')) await assertRejects(named(other, 'model', 'gpt-5'), 'denied')
    for (const other of spellingsOf('model')) await assertRejects(named('chat', other, 'gpt-5'), 'denied')
    for (const other of spellingsOf('gpt-5')) await assertRejects(named('chat', 'model', other), 'denied')
    const server = served(wholeGuard())
    for (const other of spellingsOf('analyst')) {
      const codes = await server.ask(chatRequest('x'), await issuer.bearer({ roles: [other] }))
      await assertRefused(codes, 'denied')
    }
    for (const other of ['user', '', 'analyst guest', 'guest analyst', 'analyst,guest', '["analyst"]'])
      await assertRefused(await server.ask(chatRequest('x'), await issuer.bearer({ roles: other === '' ? [] : other })), 'denied')
    assert.equal(ran, 1)
    assert.equal(server.ran.length, 0)
  })

  test('a model that the caller spells otherwise is another one, or no payload at all', async () => {
    const server = served(wholeGuard())
    const credentials = await analyst()
    for (const model of spellingsOf('gpt-5')) {
      const response = await server.ask(chatRequest('x', { model }), credentials)
      assert.ok(response.status === 403 || response.status === 400, `${JSON.stringify(model)} gave ${response.status}`)
      await assertRefused(response, response.status === 403 ? 'denied' : 'payload_invalid')
    }
    assert.equal(server.ran.length, 0)
  })

  test('a prefix in a rule matches what begins so, and nothing shorter, other or empty', async () => {
    const rules = [{ id: 'p', effect: 'permit', resource: { type: 'model', id: ['gpt-*'] } }]
    const base = wholeGuard({ policy: { evaluator: policySet({ id: 'conformance-policy', rules }) } })
    const credentials = await analyst()
    let ran = 0
    const run = base.protect((_input: ChatRequest) => completion(String(++ran)), chat)
    for (const model of ['gpt', 'gpt_5', 'GPT-5', 'xgpt-5', 'ft:gpt-5', 'g', 'gpt/-5'])
      await assertRejects(run(chatRequest('x', { model }), { credentials }), 'denied')
    assert.equal(ran, 0)
    await run(chatRequest('x', { model: 'gpt-4o' }), { credentials })
    assert.equal(ran, 1)
  })

  test('another path, method, letter case or host of the same vendor is not the chat endpoint', async () => {
    const { fetch, sent } = vendor(() => Response.json(completion('x')))
    const credentials = await analyst()
    const guarded = guardFetch(wholeGuard(), { credentials: () => credentials, fetch })
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(chatRequest('x')) }
    const origin = 'https://vendor.example'
    const paths = [
      '/v1/chat/completions/',
      '/v1/chat/Completions',
      '/V1/CHAT/COMPLETIONS',
      '/v1/chat%2Fcompletions',
      '/v1%2fchat/completions',
      '/v1/chat/%63ompletions',
      '//chat/completions',
      '/v1//chat/completions',
      '/v1/chat//completions',
      '/v1/chat/completions;x',
      '/v1/chat/completions/x',
      '/v1/chat/completions.json',
      '/v1/xchat/completions',
      '/v1/chat/completionsx',
      '/v1/chat',
      '/v1/responses',
      '/v1/embeddings',
      '/v1/completions',
      '/v1/files',
      '/',
      '/v1/%2e%2e%2fchat/completions',
      '/v1/a%00/chat/completions',
    ]
    for (const path of paths) await assertRefused(await guarded(origin + path, init), 'payload_unsupported', ['vendor.example'])
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'QUERY', 'propfind']) {
      const { body, ...bodiless } = init
      const response = await guarded(`${origin}/v1/chat/completions`, { ...bodiless, method, ...(/GET|HEAD/.test(method) ? {} : { body }) })
      await assertRefused(response, 'payload_unsupported')
    }
    // Azure's path chooses the model, whatever the payload says.
    await assertRefused(await guarded(`${origin}/openai/deployments/gpt-5-secret/chat/completions`, init), 'payload_unsupported')
    assert.equal(sent.length, 0)
    assert.equal((await guarded(`${origin}/v1/chat/completions?api-version=1`, init)).status, 200)
    assert.equal((await guarded(`${origin}/openai/deployments/gpt-5/chat/completions`, init)).status, 200)
    assert.equal(sent.length, 2)
  })

  test('no credential, no body, another media type, another encoding', async () => {
    const server = served(wholeGuard())
    const credentials = await analyst()
    await assertRefused(await server.ask(chatRequest('x')), 'identity_missing')
    await assertRefused(await server.handler(new Request(address, { method: 'POST', headers: credentials })), 'payload_unsupported')
    await assertRefused(
      await server.handler(new Request(address, { headers: { ...credentials, 'content-type': 'application/json' } })),
      'payload_invalid',
    )
    await assertRefused(await server.ask('', credentials), 'payload_invalid')
    for (const type of [
      'text/plain',
      'application/jsonx',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'application/jose',
      'application/json; charset=utf-16',
      'json',
      '*/*',
    ])
      await assertRefused(await server.ask(chatRequest('x'), { ...credentials, 'content-type': type }), 'payload_unsupported')
    for (const encoding of ['gzip', 'br', 'identity, gzip', 'deflate', 'x'])
      await assertRefused(await server.ask(chatRequest('x'), { ...credentials, 'content-encoding': encoding }), 'payload_unsupported')
    assert.equal(server.ran.length, 0)
  })
})
