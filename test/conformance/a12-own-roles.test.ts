import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encode } from 'jose/base64url'
import { type ApprovalRequest, approvals, elevations, guardHandler, policySet } from '../../src/index.ts'
import { recordingLog } from '../../src/testing/index.ts'
import { completion } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { post } from './served.ts'
import { signingKey } from './signing-key.ts'
import { analyst, chat, issuer, wholeGuard } from './whole-guard.ts'

const body = (more: object = {}): object => ({ model: 'gpt-5', messages: [{ role: 'user', content: 'x' }], ...more })

describe('A12: a caller cannot state its own roles, elevations and approvals', () => {
  test('nothing that it says of itself elevates it', async () => {
    const rules = [
      { id: 'admins', effect: 'permit', subject: { roles: ['admin'] } },
      { id: 'elevated', effect: 'permit', when: { 'subject.elevated': { contains: 'admin' } } },
      { id: 'elevated-by-context', effect: 'permit', when: { 'context.elevated': { contains: 'admin' } } },
    ]
    let ran = 0
    const log = recordingLog()
    const base = wholeGuard({ log, policy: { evaluator: policySet({ id: 'conformance-policy', rules }), elevations: elevations() } })
    const handler = guardHandler(base, chat, () => completion(String(++ran)))
    const claims: readonly Readonly<Record<string, unknown>>[] = [
      { elevated: ['admin'] },
      { elevated: 'admin', elevations: [['admin', 9e15]] },
      { properties: { roles: ['admin'], elevated: ['admin'] } },
      { subject: { roles: ['admin'] }, role: 'admin', 'subject.roles': ['admin'] },
      { act: { sub: 'admin', roles: ['admin'], elevated: ['admin'] } },
    ]
    for (const own of claims) await assertRefused(await handler(post(body(), { ...(await issuer.bearer({ roles: [], ...own })) })), 'denied')
    for (const said of [{ user: 'admin' }, { metadata: { elevated: 'admin', roles: 'admin' } }])
      await assertRefused(await handler(post(body(said), { ...(await analyst()) })), 'denied')
    for (const name of ['elevated', 'x-elevated', 'role', 'x-roles', 'approval', 'x-approval', 'elevation'])
      await assertRefused(await handler(post(body(), { ...(await analyst()), [name]: 'admin' })), 'denied')
    assert.equal(ran, 0)
    for (const entry of log.entries) if (entry.kind === 'decision') assert.equal(entry.subject?.elevated, undefined)
  })

  test('nothing that it signs or writes itself approves its call', async () => {
    const [graces, own] = await Promise.all([signingKey('grace-1'), signingKey('grace-1')])
    const grace = { issuer: 'https://id.example', subject: 'grace' }
    const requests: ApprovalRequest[] = []
    const approving = approvals({
      approvers: [
        { ...grace, keys: graces.jwks },
        { issuer: issuer.issuer, subject: 'ada', keys: own.jwks },
      ],
      onRequest: (request) => void requests.push(request),
    })
    const rules = [{ id: 'chat', effect: 'permit', obligations: [{ type: 'require_approval' }] }]
    let ran = 0
    const base = wholeGuard({ policy: { evaluator: policySet({ id: 'conformance-policy', rules }), approvals: approving } })
    const handler = guardHandler(base, chat, () => completion(String(++ran)))
    const credentials = await analyst('ada')
    await assertRefused(await handler(post(body(), { ...credentials })), 'approval_required')
    const { digest = '', guard = '' } = requests[0] ?? {}
    const iat = Math.floor(Date.now() / 1000)
    const claims = { iss: grace.issuer, sub: grace.subject, aud: guard, jti: '1', iat, exp: iat + 300, digest, decision: 'approve' }
    const typ = 'approval+jwt'
    const unsigned = `${encode(JSON.stringify({ alg: 'none', typ }))}.${encode(JSON.stringify(claims))}.`
    const good = await graces.sign({ typ }, claims)
    const forged: readonly (readonly [what: string, text: string])[] = [
      ['no signature', unsigned],
      ['a key of its own', await own.sign({ typ }, claims)],
      ['its own approval', await own.sign({ typ }, { ...claims, iss: issuer.issuer, sub: 'ada' })],
      ['somebody who is no approver', await graces.sign({ typ }, { ...claims, sub: 'mallory' })],
      ['another type', await graces.sign({ typ: 'JWT' }, claims)],
      ['its own token', credentials.authorization.slice('Bearer '.length)],
      ['a refusal', await graces.sign({ typ }, { ...claims, decision: 'refuse' })],
      ['another guard', await graces.sign({ typ }, { ...claims, aud: 'another' })],
      ['another digest', await graces.sign({ typ }, { ...claims, digest: `${digest.slice(0, -2)}AA` })],
      ['one that has expired', await graces.sign({ typ }, { ...claims, iat: iat - 9_000, exp: iat - 8_000 })],
      ['one from the future', await graces.sign({ typ }, { ...claims, iat: iat + 9_000, exp: iat + 9_900 })],
      ['the request itself', encode(JSON.stringify(requests[0]?.digest))],
      ['another payload under a good signature', `${good.split('.')[0]}.${unsigned.split('.')[1]}x.${good.split('.')[2]}`],
      ['nothing', ''],
    ]
    for (const [what, text] of forged) {
      const response = await handler(post(body(), { ...credentials, approval: text }))
      await assertRefused(response, 'approval_required').catch((error: unknown) => assert.fail(`${what}: ${String(error)}`))
    }
    assert.equal(ran, 0)
    assert.equal((await handler(post(body(), { ...credentials, approval: good }))).status, 200)
    assert.equal(ran, 1)
  })
})
