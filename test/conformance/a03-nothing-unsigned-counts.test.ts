import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exportJWK, generateKeyPair } from 'jose'
import {
  apiKey,
  audit,
  authorize,
  type Call,
  control,
  encryptPayload,
  guard,
  guardHandler,
  type Identity,
  identityKey,
  jwt,
  localKeys,
  type PolicyEvaluator,
  type PolicyRequest,
  policySet,
  sealRequest,
  type Verifier,
  verifyIdentity,
} from '../../src/index.ts'
import { recordingLog } from '../../src/testing/index.ts'
import { chatRequest, completion } from './chat-payloads.ts'
import { assertRefused, assertRejects } from './refusals.ts'
import { address, post, served } from './served.ts'
import { analyst, chat, issuer, policy, wholeGuard } from './whole-guard.ts'

describe('A3: nothing that is not signed and bound counts', () => {
  test('raised capabilities in a token that was copied', async () => {
    const server = served(wholeGuard())
    const { authorization } = await issuer.bearer({ sub: 'eve', roles: ['guest'] })
    await assertRefused(await server.ask(chatRequest('x'), { authorization }), 'denied', ['eve', 'guest'])
    const [head, payload = '', signature] = authorization.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
    for (const change of [
      { roles: ['analyst'] },
      { sub: 'ada' },
      { scope: 'all' },
      { tenant: 'acme' },
      { exp: 9_999_999_999 },
      { status: 'active' },
    ]) {
      const raised = Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url')
      await assertRefused(await server.ask(chatRequest('x'), { authorization: `${head}.${raised}.${signature}` }), 'identity_invalid')
    }
    // Another's signature, whole and right, under these claims.
    const other = (await analyst()).authorization.split('.')
    await assertRefused(await server.ask(chatRequest('x'), { authorization: `${other[0]}.${payload}.${other[2]}` }), 'identity_invalid')
    assert.equal(server.ran.length, 0)
  })

  test('a control that adds an identity or a decision, and an object that looks like a control', async () => {
    for (const name of ['identity', 'decision', 'entry', 'quota', 'masked', 'sealed', 'parent', 'task', 'input', '__proto__'])
      assert.throws(() => control('forge', {}, { adds: [name] as never }), TypeError, name)
    const real = wholeGuard()
    const forged = { ...control('x', {}), phases: { enter: () => ({ identity: { subject: 'root' } }) }, adds: ['identity'] }
    assert.throws(() => (real.use as (control: unknown) => unknown)(forged), TypeError)
    for (const adds of [
      { identity: { subject: 'root' } },
      { decision: { allowed: true } },
      { id: 'x' },
      { resource: { type: 'model', id: 'gpt-5' } },
    ]) {
      let ran = 0
      const sneaky = wholeGuard().use(control('sneaky', { enter: () => adds as object }))
      const run = sneaky.protect(() => completion(String(++ran)), chat)
      await assertRejects(run(chatRequest('x'), { credentials: await analyst() }) as Promise<unknown>, 'misconfigured', ['root'])
      assert.equal(ran, 0)
    }
  })

  test('a call that somebody copied, made up or kept', async () => {
    const base = wholeGuard()
    const calls: Call[] = []
    const run = base.protect((_input: unknown, call) => {
      calls.push(call)
      return completion('x')
    }, chat)
    const credentials = await analyst()
    const outer = base.protect(async (_input: unknown, call) => {
      const forged = [{ ...call }, Object.create(call), JSON.parse(JSON.stringify(call)), { identity: call.identity }, new Proxy(call, {}), calls[0]]
      for (const copy of forged) await assert.rejects(async () => run(chatRequest('x'), { onBehalfOf: copy as Call }), TypeError)
      await run(chatRequest('x'), { onBehalfOf: call })
      return completion('y')
    }, chat)
    await run(chatRequest('x'), { credentials })
    await outer(chatRequest('x'), { credentials })
    assert.equal(calls.length, 2)
    // Over, and so is its authority.
    await assert.rejects(async () => run(chatRequest('x'), { onBehalfOf: calls[1] as Call }), TypeError)
    await assert.rejects(async () => run(chatRequest('x'), { onBehalfOf: calls[1] as Call, credentials }), TypeError)
    assert.equal(calls.length, 2)
  })

  test("an identity of somebody's own verifier that is changed while it is judged", async () => {
    const mutable = {
      subject: 'eve',
      issuer: 'urn:own',
      kind: 'user',
      roles: ['guest'],
      scopes: [],
      claims: { level: 1 },
      actors: [],
      assurance: { amr: [] },
    }
    const own: Verifier = {
      accepts: () => true,
      verify: async () => ({ ...mutable, key: 'someone else', expiresAt: Number.POSITIVE_INFINITY }) as unknown as Identity,
      describe: () => ({ kind: 'own' }),
    }
    const asked: PolicyRequest[] = []
    const judging = policySet(policy)
    const evaluator: PolicyEvaluator = {
      async evaluate(request) {
        mutable.roles.push('analyst')
        mutable.claims.level = 9
        assert.throws(() => Object.assign(request.subject, { id: 'root' }), TypeError)
        const { roles } = request.subject.properties as { roles: string[] }
        assert.throws(() => roles.push('analyst'), TypeError)
        asked.push(request)
        return judging.evaluate(request)
      },
    }
    const log = recordingLog()
    const server = served(wholeGuard({ log, identity: { verifiers: [own] }, policy: { evaluator } }))
    await assertRefused(await server.ask(chatRequest('x'), { authorization: 'Own x' }), 'denied')
    assert.deepEqual(asked[0]?.subject.properties?.roles, ['guest'])
    assert.deepEqual(asked[0]?.subject.properties?.claims, { level: 1 })
    // The key is always made of issuer and subject, whatever a verifier says.
    assert.equal(asked[0]?.subject.properties?.key, identityKey('urn:own', 'eve'))
    const [first] = log.entries
    assert.ok(first?.kind === 'decision' && first.subject?.key === identityKey('urn:own', 'eve'))
    assert.equal(server.ran.length, 0)
  })

  test('public artefacts: the hash of a key, an id of a key, what describe() says', async () => {
    const { key, entry } = await issuer.mintApiKey({ subject: 'bot', roles: ['analyst'] })
    const base = wholeGuard({ identity: { verifiers: [apiKey({ keys: [entry] }), jwt(issuer.options)] } })
    const server = served(base)
    const described = JSON.stringify(base.describe())
    assert.ok(!described.includes(key) && !described.includes(entry.hash))
    for (const copied of [entry.hash, entry.hash.slice('sha256:'.length), entry.id, JSON.stringify(issuer.jwks)])
      await assertRefused(await server.ask(chatRequest('x'), { 'x-api-key': copied }), 'identity_invalid', [copied])
    assert.equal(server.ran.length, 0)
    assert.equal((await server.ask(chatRequest('x'), { 'x-api-key': key })).status, 200)
  })

  test("somebody else's sealed request, taken from the wire", async () => {
    const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'X25519', extractable: true })
    const keys = localKeys({ jwks: { keys: [await exportJWK(privateKey)] } })
    const [publicKey] = (await keys.publicKeys()).keys
    assert.ok(publicKey)
    let ran = 0
    const base = guard({ onError: () => {} })
      .use(audit({ log: recordingLog() }))
      .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
      .use(encryptPayload({ keys, direction: 'both', origin: 'https://api.example' }))
      .use(authorize({ evaluator: policySet(policy) }))
    const handler = guardHandler(base, chat, () => completion(String(++ran)), { origin: 'https://api.example' })
    const { authorization } = await analyst()
    const credential = authorization.slice('Bearer '.length)
    const seal = (url = address) => sealRequest(JSON.stringify(chatRequest('my secret')), { publicKey, credential, url })
    const sealed = await seal()
    const send = (body: string, who: string) => handler(post(body, { authorization: who, 'content-type': 'application/jose' }))
    await assertRefused(await send(sealed.body, (await analyst('eve')).authorization), 'decryption_failed', ['my secret'])
    await assertRefused(await send(sealed.body, (await analyst('ada')).authorization), 'decryption_failed', ['my secret'])
    await assertRefused(await send((await seal('https://api.example/v1/other')).body, authorization), 'decryption_failed')
    await assertRefused(await send((await seal('https://other.example/v1/chat/completions')).body, authorization), 'decryption_failed')
    assert.equal(ran, 0)
    assert.equal((await send(sealed.body, authorization)).status, 200)
    await assertRefused(await send(JSON.stringify(chatRequest('clear')), authorization), 'decryption_failed')
    const again = await send(sealed.body, authorization)
    assert.equal(ran, 1)
    await assertRefused(again, 'replayed', ['my secret'])
    // Nor do twenty at once get in where one may.
    const { body } = await seal()
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(body, authorization)))
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal(ran, 2)
  })
})
