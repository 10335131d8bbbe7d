import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Assurance, Identity } from '../../src/guard/context.ts'
import {
  allAssurance,
  type AssuranceOptions,
  assuranceRules,
  describeAssurance,
  lackingAssurance,
  requireAssurance,
} from '../../src/identity/assurance.ts'
import { assuranceShortfall, bindingShortfall } from '../../src/identity/authentication-duties.ts'
import { makeIdentity } from '../../src/identity/make-identity.ts'

const now = Date.UTC(2026, 0, 1)
const identity = (assurance: Partial<Assurance>, parts: Partial<Identity> = {}): Identity =>
  makeIdentity({ subject: 'ada', issuer: 'https://id.example', expiresAt: Number.POSITIVE_INFINITY, assurance: { amr: [], ...assurance }, ...parts })

describe('assurance', () => {
  const strong: Assurance = { acr: 'phr', amr: ['hwk', 'pin'], authenticatedAt: now - 300_000 }
  const cases: readonly [what: string, options: AssuranceOptions, weak: { readonly [Member in keyof Assurance]?: Assurance[Member] | undefined }][] =
    [
      ['one of the classes', { acr: ['phr', 'phrh'] }, { acr: 'pwd' }],
      ['a class at all', { acr: 'phr' }, { acr: undefined }],
      ['the very class, not part of it', { acr: 'phr' }, { acr: 'phrh' }],
      ['all methods', { amr: ['hwk', 'pin'] }, { amr: ['hwk'] }],
      ['so many factors', { factors: 2 }, { amr: ['hwk', 'otp'] }],
      ['a recent time', { maxAge: 300 }, { authenticatedAt: now - 300_001 }],
      ['a known time (a missing auth_time is insufficient)', { maxAge: 300 }, { authenticatedAt: undefined }],
      ['a time that has come', { maxAge: 300 }, { authenticatedAt: now + 5_001 }],
    ]
  for (const [what, options, weak] of cases)
    test(`wants ${what}`, () => {
      const rules = assuranceRules(options)
      assert.doesNotThrow(() => requireAssurance(identity(strong), rules, now))
      const weaker = Object.fromEntries(Object.entries({ ...strong, ...weak }).filter(([, value]) => value !== undefined))
      assert.throws(() => requireAssurance(identity(weaker), rules, now), { code: 'step_up_required' })
    })

  test('a workload meets two factors by a bound proof, and no maxAge', () => {
    const service = (parts: Partial<Identity>) => identity({}, { kind: 'service', ...parts })
    assert.equal(lackingAssurance(service({ binding: 'dpop' }), assuranceRules({ factors: 2 }), now), undefined)
    assert.match(lackingAssurance(service({}), assuranceRules({ factors: 2 }), now) ?? '', /fewer independent factors/)
    assert.match(lackingAssurance(service({ binding: 'dpop' }), assuranceRules({ maxAge: 300 }), now) ?? '', /not known/)
  })

  test('describes itself as it was asked for', () => {
    const options = { acr: ['phr'], amr: ['hwk'], maxAge: 0.5, factors: 2 }
    assert.deepEqual(describeAssurance(assuranceRules(options)), options)
    assert.deepEqual(describeAssurance(assuranceRules({})), {})
    assert.deepEqual(assuranceRules(options).wanted, { acr_values: 'phr', max_age: '0' })
  })
})

const word = fc.constantFrom('a', 'b', 'c')
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
const anyOptions: fc.Arbitrary<AssuranceOptions> = fc
  .record({
    acr: some(fc.oneof(word, fc.uniqueArray(word, { minLength: 1 }))),
    amr: some(fc.oneof(fc.constantFrom('pwd', 'otp'), fc.subarray(['pwd', 'otp', 'face'], { minLength: 1 }))),
    maxAge: some(fc.nat(400)),
    factors: some(fc.integer({ min: 1, max: 3 })),
  })
  .map((options) => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)))
const anyIdentity = fc.record({
  acr: some(word),
  amr: fc.subarray(['pwd', 'otp', 'face', 'mfa', 'geo']),
  authenticatedAt: some(fc.integer({ min: now - 500_000, max: now + 10_000 })),
})

test('several at once are met exactly where each of them is', () => {
  fc.assert(
    fc.property(fc.array(anyOptions, { minLength: 1, maxLength: 4 }), anyIdentity, (several, assurance) => {
      const someone = identity(Object.fromEntries(Object.entries(assurance).filter(([, value]) => value !== undefined)))
      const each = several.every((options) => lackingAssurance(someone, assuranceRules(options), now) === undefined)
      const all = allAssurance(several)
      assert.equal(all !== undefined && lackingAssurance(someone, all, now) === undefined, each)
    }),
    { numRuns: 1_000 },
  )
})

describe('duties', () => {
  test('a weak authentication is told what would do (RFC 9470, section 3)', () => {
    const wanted = [{ acr: ['phr', 'phrh'] }, { acr: ['phrh', 'x'], maxAge: 300.9 }, { maxAge: 60, factors: 2 }]
    const shortfall = assuranceShortfall(identity({ acr: 'phrh', amr: ['mfa'], authenticatedAt: now - 61_000 }), wanted, now)
    assert.deepEqual(shortfall, {
      code: 'step_up_required',
      reason: 'the caller was authenticated too long ago',
      challenge:
        'Bearer error="insufficient_user_authentication", error_description="A stronger authentication is required.", acr_values="phrh", max_age="60"',
    })
    assert.equal(assuranceShortfall(identity({ acr: 'phrh', amr: ['mfa'], authenticatedAt: now }), wanted, now), undefined)
  })

  test('a proof is challenged under its own scheme (RFC 9449, section 7.1)', () => {
    assert.match(assuranceShortfall(identity({}, { binding: 'dpop' }), [{ factors: 1 }], now)?.challenge ?? '', /^DPoP error="insufficient_user_auth/)
    assert.match(
      assuranceShortfall(identity({}, { binding: 'mtls' }), [{ factors: 1 }], now)?.challenge ?? '',
      /^Bearer error="insufficient_user_auth/,
    )
  })

  test('what no authentication can meet is not asked for', () => {
    const shortfall = assuranceShortfall(identity({ acr: 'a' }), [{ acr: ['a'] }, { acr: ['b'] }], now)
    assert.deepEqual([shortfall?.code, shortfall?.challenge], ['obligation_unmet', undefined])
  })

  test('a binding is wanted of one kind, or of any', () => {
    for (const wanted of ['dpop', 'mtls', 'any'] as const)
      for (const binding of [undefined, 'dpop', 'mtls'] as const) {
        const found = bindingShortfall(identity({}, binding === undefined ? {} : { binding }), wanted)
        const isMet = binding !== undefined && (wanted === 'any' || wanted === binding)
        assert.equal(found?.code, isMet ? undefined : 'binding_required')
        if (!isMet) assert.match(found?.challenge ?? '', wanted === 'mtls' ? /^Bearer error="invalid_token"/ : /^DPoP$/)
      }
  })
})
