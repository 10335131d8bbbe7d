import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GuardError, memoryLog, openaiChat, policySet } from '../../src/index.ts'
import { mockGuard } from '../../src/testing/index.ts'
import { chatRequest, completion } from './chat-payloads.ts'
import { claims, door, type Name } from './claims.ts'
import { assertRefusal, assertRefused, assertRejects } from './refusals.ts'
import { served } from './served.ts'
import { analyst, wholeGuard } from './whole-guard.ts'

const names = Object.keys(claims) as Name[]

describe('A30: no claim without a check that can fail', () => {
  for (const name of names) {
    const { says, check } = claims[name]

    test(`with every control: ${says}`, async () => {
      await check(await door())
    })

    test(`with ${name} replaced by a stub that claim fails, and the others hold`, async () => {
      await assert.rejects(
        door(name).then((own) => check(own)),
        assert.AssertionError,
        `nothing checks that ${says}`,
      )
      for (const other of names) {
        if (other === name) continue
        await claims[other]
          .check(await door(name))
          .catch((error: unknown) => assert.fail(`without ${name}, '${claims[other].says}' fails: ${String(error)}`))
      }
    })
  }

  test('a guard of stubs keeps none of them', async () => {
    let ran = 0
    const mock = mockGuard()
    const run = mock.protect(() => completion(String(++ran)), { action: 'chat', resource: { type: 'model', id: 'gpt-6' }, codec: openaiChat })
    await run(chatRequest('I am ada.lovelace@example.org'), { credentials: { authorization: 'Bearer forged' } })
    assert.equal(ran, 1)
    const open = served(mock as never)
    const response = await open.ask(chatRequest('x', { model: 'gpt-6' }))
    await assert.rejects(assertRefused(response, 'identity_missing'), assert.AssertionError)
  })

  test('the assertions of this folder fail for what they are there to find', async () => {
    const refusal = (body: object, init: ResponseInit = {}): Response =>
      new Response(JSON.stringify(body), {
        status: 403,
        headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
        ...init,
      })
    const right = { type: 'urn:sallyport:problem:denied', title: 'This is not permitted.', status: 403, code: 'denied' }
    await assertRefused(refusal(right), 'denied')
    const wrong: readonly (readonly [string, Response])[] = [
      ['an answer', Response.json(completion('x'))],
      ['another code', refusal({ ...right, code: 'limit_exceeded' })],
      ['another status', refusal(right, { status: 200 })],
      ['more than the public members', refusal({ ...right, detail: 'because' })],
      ['a rule', refusal({ ...right, title: 'forbidden by nobody-in-quarantine' })],
      ['a word that is private', refusal({ ...right, title: 'hunter2' })],
      [
        'a private word in a header',
        refusal(right, { headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', 'x-reason': 'hunter2' } }),
      ],
      ['another type', refusal(right, { headers: { 'content-type': 'text/html' } })],
    ]
    for (const [what, response] of wrong) await assert.rejects(assertRefused(response, 'denied', ['hunter2']), assert.AssertionError, what)
    const unchallenged = new Response(
      JSON.stringify({ ...right, type: 'urn:sallyport:problem:identity_invalid', code: 'identity_invalid', status: 401 }),
      {
        status: 401,
        headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
      },
    )
    await assert.rejects(assertRefused(unchallenged, 'identity_invalid'), assert.AssertionError, 'a 401 without a challenge')
    assert.throws(() => assertRefusal(new Error('denied'), 'denied'), assert.AssertionError)
    assert.throws(() => assertRefusal(new GuardError('aborted'), 'denied'), assert.AssertionError)
    assert.throws(() => assertRefusal(new GuardError('denied', { headers: { 'x-reason': 'hunter2' } }), 'denied', ['hunter2']), assert.AssertionError)
    await assert.rejects(assertRejects(Promise.resolve('fine'), 'denied'), assert.AssertionError)
  })

  test('what a guard says of itself is what it does', async () => {
    const described = wholeGuard({
      log: memoryLog(),
      policy: { evaluator: policySet({ id: 'conformance-policy', version: '7', rules: [] }) },
    }).describe()
    assert.deepEqual(
      described.controls.map(({ name }) => name),
      ['audit', 'verifyIdentity', 'rateLimit', 'authorize', 'maskData'],
    )
    const text = JSON.stringify(described)
    for (const word of ['"version":"7"', '"conformance-policy"', '"requests"', '"EMAIL"', '"refuse"', 'https://issuer.example'])
      assert.ok(text.includes(word), word)
    const { authorization } = await analyst()
    assert.ok(!text.includes(authorization))
  })
})
