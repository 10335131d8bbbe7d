import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { authorize } from '../../src/controls/authorize.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { verifyIdentity } from '../../src/controls/verify-identity.ts'
import type { Identity, Obligation } from '../../src/guard/context.ts'
import { decisionOf, type GuardError, isGuardError } from '../../src/guard/errors.ts'
import { guard } from '../../src/guard/guard.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { identityOf } from '../../src/testing/identity-of.ts'
import { testClock } from '../../src/testing/test-clock.ts'

const clock = testClock()
const operation = { action: 'chat', resource: { type: 'model', id: 'm' } } as const
const recent = { amr: ['pwd', 'otp'], acr: 'phr', authenticatedAt: clock.now() - 10_000 }

const chainOf = (identity: Partial<Omit<Identity, 'key'>>, ...obligations: Obligation[]) =>
  guard({ name: 'bot', clock, onError: () => {} })
    .use(unaudited())
    .use(verifyIdentity({ verifiers: identityOf(identity) }))
    .use(authorize({ evaluator: policySet({ id: 'p', rules: [{ id: 'r', effect: 'permit', ...(obligations.length > 0 && { obligations }) }] }) }))

const call = (identity: Partial<Omit<Identity, 'key'>>, ...obligations: Obligation[]): Promise<unknown> =>
  chainOf(identity, ...obligations).protect(() => 'ran', operation)(null)

async function refusal(running: Promise<unknown>): Promise<GuardError> {
  const error: unknown = await running.catch((thrown: unknown) => thrown)
  assert.ok(isGuardError(error), String(error))
  return error
}

describe('require_assurance', () => {
  const wanted: Obligation = { type: 'require_assurance', acr: ['phr', 'phrh'], amr: 'otp', maxAge: 300, factors: 2 }

  test('lets pass who was authenticated as it wants', async () => {
    assert.equal(await call({ assurance: recent }, wanted), 'ran')
    assert.equal(await call({ kind: 'service', binding: 'mtls' }, { type: 'require_assurance', factors: 2 }), 'ran')
  })

  test('challenges everybody else (RFC 9470, section 3)', async () => {
    for (const weak of [{ acr: 'pwd' }, { amr: ['otp'] }, { amr: ['pwd', 'sms'] }, { authenticatedAt: clock.now() - 300_001 }, { amr: [] }]) {
      const refused = await refusal(call({ assurance: { ...recent, ...weak } }, wanted))
      assert.deepEqual([refused.code, refused.status], ['step_up_required', 401])
      assert.equal(
        refused.headers['www-authenticate'],
        'Bearer error="insufficient_user_authentication", error_description="A stronger authentication is required.", acr_values="phr phrh", max_age="300"',
      )
      assert.equal(decisionOf(refused)?.reasons[0]?.rule, 'r')
    }
    const { amr, acr } = recent
    const withoutTime = await refusal(call({ assurance: { amr, acr } }, { type: 'require_assurance', maxAge: 3_600 }))
    assert.match(withoutTime.headers['www-authenticate'] ?? '', /max_age="3600"$/)
    const unbound = await refusal(call({ kind: 'agent' }, { type: 'require_assurance', factors: 2 }))
    assert.equal(unbound.code, 'step_up_required')
  })

  test('challenges under the scheme of the proof where the token was bound by one', async () => {
    const refused = await refusal(call({ binding: 'dpop', assurance: recent }, { type: 'require_assurance', maxAge: 5 }))
    assert.match(refused.headers['www-authenticate'] ?? '', /^DPoP error="insufficient_user_authentication".* max_age="5"$/)
  })

  test('all that several permits want must be met, require_acr as well, and the challenge asks for all of it', async () => {
    const several: Obligation[] = [
      { type: 'require_acr', value: ['phr', 'x'] },
      { type: 'require_assurance', acr: ['phr', 'phrh'], maxAge: 300 },
      { type: 'require_assurance', maxAge: 60 },
      { type: 'require_assurance', factors: 2 },
    ]
    assert.equal(await call({ assurance: recent }, ...several), 'ran')
    for (const weak of [{ acr: 'x' }, { acr: 'phrh' }, { authenticatedAt: clock.now() - 60_001 }, { amr: ['pwd', 'pin'] }]) {
      const refused = await refusal(call({ assurance: { ...recent, ...weak } }, ...several))
      assert.match(refused.headers['www-authenticate'] ?? '', /acr_values="phr", max_age="60"$/)
    }
    const impossible = await refusal(call({ assurance: recent }, { type: 'require_acr', value: 'phr' }, { type: 'require_assurance', acr: 'x' }))
    assert.deepEqual([impossible.code, impossible.headers], ['obligation_unmet', {}])
  })

  test('carries over to calls on behalf of it, which are judged by their own time', async () => {
    const chain = chainOf({ assurance: recent }, { type: 'require_assurance', maxAge: 60 })
    const open = chainOf({ assurance: recent })
    const inner = open.protect((_input: unknown, inside) => inside.decision.obligations, operation)
    const outer = (wait: number) =>
      chain.protect((_input: unknown, outside) => {
        clock.advance(wait)
        return inner(null, { onBehalfOf: outside })
      }, operation)(null)
    assert.deepEqual(await outer(0), [{ type: 'require_assurance', maxAge: 60 }])
    assert.equal((await refusal(outer(60_000))).code, 'step_up_required')
  })
})

test('require_passkey without anything that carries it out is refused when the function is protected', () => {
  assert.throws(() => chainOf({}, { type: 'require_passkey' }).protect(() => 1, operation), /obliges to 'require_passkey'/)
})
