import assert from 'node:assert/strict'
import { test } from 'node:test'
import { audit } from '../../src/controls/audit.ts'
import { authorize } from '../../src/controls/authorize.ts'
import { killSwitch } from '../../src/controls/kill-switch.ts'
import { maskData, type MaskDataOptions } from '../../src/controls/mask-data.ts'
import { rateLimit } from '../../src/controls/rate-limit.ts'
import { unaudited } from '../../src/controls/unaudited.ts'
import { verifyIdentity, type VerifyIdentityOptions } from '../../src/controls/verify-identity.ts'
import type { AuditOptions } from '../../src/controls/audit.ts'
import { guard, type GuardDescription } from '../../src/guard/guard.ts'
import { jwt } from '../../src/identity/jwt.ts'
import { revocationList } from '../../src/identity/revocation-list.ts'
import { anonymous } from '../../src/identity/verifier.ts'
import { memoryLog } from '../../src/audit-log/memory-log.ts'
import { detectors } from '../../src/masking/detectors.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { posture } from '../../src/posture/posture.ts'
import { switches } from '../../src/state/switches.ts'
import { allowAll } from '../../src/testing/allow-all.ts'
import { testIssuer } from '../../src/testing/test-issuer.ts'

const issuer = testIssuer()
const narrow = { id: 'readers', effect: 'permit', subject: { roles: 'reader' }, action: 'chat', resource: { type: 'model', id: 'gpt-5' } }
const policyOf = (...rules: object[]): ReturnType<typeof policySet> => policySet({ id: 'support', version: '7', rules: [narrow, ...rules] })
const byCaller = { name: 'minute', per: (call: { readonly id: string }) => call.id, tokens: 1_000, window: 60 } as const

const described = (
  own: {
    audit?: Partial<AuditOptions>
    identity?: Partial<VerifyIdentityOptions>
    evaluator?: ReturnType<typeof allowAll>
    mask?: Partial<MaskDataOptions>
  } = {},
): GuardDescription =>
  guard({ name: 'support' })
    .use(audit({ log: memoryLog(), content: 'digest', ...own.audit }))
    .use(
      verifyIdentity({
        verifiers: [jwt(issuer.options)],
        assurance: { acr: ['phr'] },
        binding: 'any',
        revocation: revocationList(),
        ...own.identity,
      }),
    )
    .use(rateLimit({ limits: [byCaller] }))
    .use(authorize({ evaluator: own.evaluator ?? policyOf() }))
    .use(maskData({ detect: detectors.all, mode: 'redact', direction: 'both', ...own.mask }))
    .use(killSwitch({ switches: switches() }))
    .describe()

const codes = (description: GuardDescription): string[] => posture(description).gaps.map(({ code }) => code)
const plainCodes = codes(described())

test('a guard with all of it has only the gaps of one process and of what it left out', () => {
  assert.deepEqual([...plainCodes].sort(), [
    'limits_per_process',
    'log_in_memory',
    'no_sealing',
    'no_sink',
    'proofs_per_process',
    'revocation_per_process',
  ])
})

for (const [code, severity, description] of [
  ['audit_degrades', 'high', described({ audit: { onFailure: 'degrade' } })],
  ['anonymous_callers', 'medium', described({ identity: { verifiers: [jwt(issuer.options), anonymous()] } })],
  ['slow_recheck', 'low', described({ identity: { recheck: { every: 30 } } })],
  ['allow_all', 'high', described({ evaluator: allowAll() })],
  ['unknown_evaluator', 'low', described({ evaluator: { evaluate: () => policyOf().evaluate({} as never) } })],
  ['open_permit', 'high', described({ evaluator: policyOf({ id: 'all', effect: 'permit' }) })],
  ['wide_permit', 'medium', described({ evaluator: policyOf({ id: 'admins', effect: 'permit', subject: { roles: 'admin' } }) })],
  ['masked_one_way', 'medium', described({ mask: { direction: 'request' } })],
  ['opaque_content', 'medium', described({ mask: { opaque: 'pass' } })],
  ['hidden_text', 'medium', described({ mask: { hidden: 'pass' } })],
  ['secrets_not_masked', 'medium', described({ mask: { detect: detectors.pii } })],
] as const)
  test(`finds ${code}`, () => {
    const gap = posture(description).gaps.find((each) => each.code === code)
    assert.equal(gap?.severity, severity)
    assert.ok(!plainCodes.includes(code))
  })

test('a bare guard has the gaps of all that it leaves out, the worst first', () => {
  const bare = guard()
    .use(unaudited())
    .use(verifyIdentity({ verifiers: [jwt(issuer.options)] }))
    .use(authorize({ evaluator: policyOf() }))
  const { covered, gaps } = posture(bare.describe())
  assert.deepEqual(
    covered.map(({ control }) => control),
    ['verifyIdentity', 'authorize'],
  )
  const found = gaps.map(({ code }) => code)
  for (const code of ['unaudited', 'no_binding', 'no_step_up', 'no_revocation', 'no_limits', 'no_masking', 'no_sealing', 'no_kill_switch'])
    assert.ok(found.includes(code), code)
  assert.equal(found[0], 'unaudited')
  const ranks = gaps.map(({ severity }) => ['high', 'medium', 'low'].indexOf(severity))
  assert.deepEqual(ranks, [...ranks].sort())
})

test('a forbid that is for everybody is no gap, and neither is a permit that a condition narrows', () => {
  const found = codes(described({ evaluator: policyOf({ id: 'never', effect: 'forbid', when: { 'context.risk': { gt: 0.9 } } }) }))
  assert.deepEqual(found, plainCodes)
  const conditioned = codes(
    described({ evaluator: policyOf({ id: 'own', effect: 'permit', when: { 'subject.tenant': { eq: { path: 'resource.tenant' } } } }) }),
  )
  assert.ok(!conditioned.includes('open_permit'))
})

test('a log that is kept in a file wants an anchor, and its records to be on the disk', () => {
  const withLog = (options: Readonly<Record<string, unknown>>): string[] => {
    const { controls, ...rest } = described()
    return codes({
      ...rest,
      controls: controls.map((control) => (control.name === 'audit' ? { ...control, options: { ...control.options, ...options } } : control)),
    })
  }
  assert.ok(withLog({ log: { kind: 'file' } }).includes('log_not_anchored'))
  assert.ok(!withLog({ log: { kind: 'file', anchored: null } }).includes('log_not_anchored'))
  for (const durability of ['queued', { decision: 'durable', outcome: 'written' }]) assert.ok(withLog({ durability }).includes('not_durable'))
})

test('an incomplete chain is one', () => {
  assert.equal(
    codes(
      guard()
        .use(audit({ log: memoryLog() }))
        .describe(),
    )[0],
    'log_in_memory',
  )
  assert.ok(
    codes(
      guard()
        .use(audit({ log: memoryLog() }))
        .describe(),
    ).includes('incomplete'),
  )
})

test('data that is not what it should be finds something and throws nothing', () => {
  for (const options of [{}, { verifiers: 'x', evaluator: null, log: 7, limits: {}, detect: {} }, { verifiers: [null, 3, []] }])
    for (const name of ['audit', 'verifyIdentity', 'rateLimit', 'authorize', 'maskData', 'encryptPayload', '__proto__', 'toString'])
      posture({ name: 'x', deadline: 1, codec: 'json', controls: [{ name, adds: [], fulfills: [], options }] })
})
