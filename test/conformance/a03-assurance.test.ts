import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type AssuranceOptions, apiKey, clientCertificate, jwt, type PolicyObligation, policySet, requireFactors } from '../../src/index.ts'
import { dpopKey, testClock, testIssuer } from '../../src/testing/index.ts'
import { certificateAuthority } from './certificates.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { address, type Served, served } from './served.ts'
import { wholeGuard } from './whole-guard.ts'

type Claims = Readonly<Record<string, unknown>>

const obliging = (...obligations: readonly PolicyObligation[]) =>
  policySet({
    id: 'p',
    version: '1',
    rules: [{ id: 'r', effect: 'permit', action: 'chat', resource: { type: 'model', id: 'gpt-5' }, ...(obligations.length > 0 && { obligations }) }],
  })

/** A server that wants this much, by its own measure or by policy. */
async function scene({ assurance, obligations = [] }: { readonly assurance?: AssuranceOptions; readonly obligations?: readonly PolicyObligation[] }) {
  const clock = testClock()
  const issuer = testIssuer({ clock })
  const { key: secret, entry } = await issuer.mintApiKey({ subject: 'robot', kind: 'service' })
  const verifiers = [
    jwt({ ...issuer.options, kind: (claims) => (claims.sub === 'robot' ? 'service' : 'user') }),
    apiKey({ keys: [entry] }),
    clientCertificate(),
  ]
  const server = served(
    wholeGuard({ clock, identity: { verifiers, ...(assurance && { assurance }) }, policy: { evaluator: obliging(...obligations) } }),
    undefined,
    { origin: new URL(address).origin },
  )
  const ask = async (claims: Claims): Promise<Response> => server.ask(chatRequest('x'), await issuer.bearer(claims))
  return { clock, issuer, secret, server, ask, now: Math.floor(clock.now() / 1000) }
}

async function assertStepUp(response: Response, server: Served, ran: number): Promise<string> {
  await assertRefused(response.clone(), 'step_up_required', ['ada', 'robot'])
  assert.equal(server.ran.length, ran)
  const challenge = response.headers.get('www-authenticate') ?? ''
  assert.match(challenge, /error="insufficient_user_authentication"/)
  return challenge
}

describe('A3: how strongly a caller was authenticated is what its issuer has signed', () => {
  test('a class, a method or a time that is missing, other or too long ago is not enough, here as in policy', async () => {
    const { now } = await scene({})
    const weak: readonly (readonly [wanted: AssuranceOptions, enough: Claims, ...weak: readonly Claims[]])[] = [
      [{ acr: ['phr', 'phrh'] }, { acr: 'phrh' }, {}, { acr: 'pwd' }, { acr: 'PHR' }, { acr: 'phr phrh' }, { amr: ['phr'] }],
      [{ amr: ['hwk', 'pin'] }, { amr: ['pin', 'user', 'hwk'] }, {}, { amr: ['hwk'] }, { amr: [] }, { amr: ['hwk,pin'] }, { acr: 'hwk' }],
      [
        { maxAge: 300 },
        { auth_time: now - 300 },
        {},
        { auth_time: now - 301 },
        { auth_time: now + 6 },
        { auth_time: 0 },
        { auth_time: -1 },
        // When the token was issued says nothing of it.
        { iat: now },
        { updated_at: now, authTime: now },
      ],
      [{ acr: 'phr', maxAge: 60 }, { acr: 'phr', auth_time: now }, { acr: 'phr' }, { auth_time: now }, { acr: 'phr', auth_time: now - 61 }],
    ]
    for (const [wanted, enough, ...others] of weak)
      for (const how of [{ assurance: wanted }, { obligations: [{ type: 'require_assurance', ...wanted }] }]) {
        const { server, ask } = await scene(how)
        for (const claims of others) {
          const challenge = await assertStepUp(await ask(claims), server, 0)
          // RFC 9470, section 3: what would be enough.
          if (wanted.acr !== undefined) assert.ok(challenge.includes(`acr_values="${[wanted.acr].flat().join(' ')}"`), challenge)
          if (wanted.maxAge !== undefined) assert.ok(challenge.includes(`max_age="${wanted.maxAge}"`), challenge)
        }
        assert.equal((await ask(enough)).status, 200)
        assert.equal(server.ran.length, 1)
      }
    const { server, ask } = await scene({ assurance: { maxAge: 300 } })
    for (const auth_time of [String(now), null, [now], true, {}]) await assertRefused(await ask({ auth_time }), 'identity_invalid')
    assert.equal(server.ran.length, 0)
  })

  test('two factors of a person are two independent kinds of proof (RFC 8176)', async () => {
    for (const how of [{ assurance: requireFactors(2) }, { obligations: [{ type: 'require_assurance', ...requireFactors(2) }] }]) {
      const { server, ask } = await scene(how)
      const one = [
        [],
        ['pwd'],
        ['pwd', 'pin'],
        ['pwd', 'kba', 'pin'],
        ['otp', 'sms', 'hwk'],
        ['face', 'fpt'],
        ['user', 'geo', 'rba', 'mca'],
        ['pwd', 'x'],
        ['MFA'],
        ['pwd otp'],
      ]
      for (const amr of one) await assertStepUp(await ask({ amr }), server, 0)
      await assertStepUp(await ask({}), server, 0)
      const two = [['pwd', 'otp'], ['pin', 'hwk'], ['face', 'hwk'], ['pwd', 'fpt', 'user'], ['mfa']]
      for (const amr of two) assert.equal((await ask({ amr })).status, 200, amr.join())
      assert.equal(server.ran.length, two.length)
    }
    for (const count of [0, 4, 1.5, '2', Number.NaN]) assert.throws(() => requireFactors(count as number), TypeError)
  })

  test('the second factor of a workload is the proof that its token is its own; a certificate alone is one', async () => {
    const { clock, issuer, secret, server, ask } = await scene({ assurance: requireFactors(2) })
    // What a workload says of methods counts for nothing.
    await assertStepUp(await ask({ sub: 'robot', amr: ['pwd', 'otp', 'mfa'] }), server, 0)
    await assertStepUp(await server.ask(chatRequest('x'), { 'x-api-key': secret }), server, 0)
    const certificate = await (await certificateAuthority(clock.now())).issue({ now: clock.now() })
    const channel = { secure: true, peerCertificate: certificate.der }
    await assertStepUp(await server.askOver(channel, chatRequest('x')), server, 0)
    // A certificate beside a token that is not bound to it proves nothing of the token.
    await assertStepUp(await server.askOver(channel, chatRequest('x'), await issuer.bearer({ sub: 'robot' })), server, 0)
    const key = await dpopKey({ clock })
    const proven = await issuer.mint({ sub: 'robot', cnf: { jkt: key.jkt } })
    const headers = { authorization: `DPoP ${proven}`, dpop: await key.proof({ method: 'POST', url: address, token: proven }) }
    assert.equal((await server.ask(chatRequest('x'), headers)).status, 200)
    const certified = await issuer.bearer({ sub: 'robot', cnf: { 'x5t#S256': certificate.thumbprint } })
    assert.equal((await server.askOver(channel, chatRequest('x'), certified)).status, 200)
    // A person does not become two by a key that a program keeps.
    const person = await issuer.mint({ sub: 'ada', amr: ['pwd'], cnf: { jkt: key.jkt } })
    const proof = await key.proof({ method: 'POST', url: address, token: person })
    await assertStepUp(await server.ask(chatRequest('x'), { authorization: `DPoP ${person}`, dpop: proof }), server, 2)
  })

  test('policy can want a credential that is bound to its sender', async () => {
    const { clock, issuer, server, ask } = await scene({ obligations: [{ type: 'require_binding', value: 'dpop' }] })
    await assertRefused(await ask({}), 'binding_required')
    const certificate = await (await certificateAuthority(clock.now())).issue({ now: clock.now() })
    const certified = await issuer.bearer({ cnf: { 'x5t#S256': certificate.thumbprint } })
    const channel = { secure: true, peerCertificate: certificate.der }
    await assertRefused(await server.askOver(channel, chatRequest('x'), certified), 'binding_required')
    assert.equal(server.ran.length, 0)
    const key = await dpopKey({ clock })
    const token = await issuer.mint({ cnf: { jkt: key.jkt } })
    const headers = { authorization: `DPoP ${token}`, dpop: await key.proof({ method: 'POST', url: address, token }) }
    assert.equal((await server.ask(chatRequest('x'), headers)).status, 200)
  })

  test('duties that no authentication can meet together, or that are spelled wrongly, let nobody in', async () => {
    const { server, ask } = await scene({
      obligations: [
        { type: 'require_acr', value: 'phr' },
        { type: 'require_assurance', acr: 'mfa' },
      ],
    })
    for (const acr of ['phr', 'mfa']) await assertRefused(await ask({ acr }), 'obligation_unmet')
    assert.equal(server.ran.length, 0)
    for (const obligation of [
      { type: 'require_assurance', acr: '' },
      { type: 'require_assurance', maxAge: '300' },
      { type: 'require_assurance', factors: 4 },
      { type: 'require_assurance', max_age: 300 },
      { type: 'require_binding', value: 'tls' },
    ])
      assert.throws(() => obliging(obligation), TypeError, JSON.stringify(obligation))
  })
})
