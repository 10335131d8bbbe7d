import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canonicalJson } from '../../src/audit-log/canonical-json.ts'
import { canonicalPolicy, copyWithDigest, digestLater, policyDigest } from '../../src/policy/policy-digest.ts'

const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

const policy = {
  id: 'p',
  version: '7',
  roles: { '10': { inherits: 'b' }, '9': { inherits: 'b' }, b: {} },
  rules: [{ id: 'r', effect: 'permit', when: { 'context.risk': { lt: 0.5 } } }],
}

describe('the digest of a policy', () => {
  test('is the SHA-256 of its canonical form (RFC 8785), whatever the order of its members', async () => {
    const { rules, roles, version, id } = policy
    const shuffled = {
      rules: [{ when: rules[0]?.when, effect: 'permit', id: 'r' }],
      roles: Object.fromEntries([['b', {}], ...Object.entries(roles)]),
      version,
      id,
    }
    const text =
      '{"id":"p","roles":{"10":{"inherits":"b"},"9":{"inherits":"b"},"b":{}},"rules":[{"effect":"permit","id":"r","when":{"context.risk":{"lt":0.5}}}],"version":"7"}'
    assert.equal(canonicalPolicy(policy), text)
    assert.equal(await policyDigest(policy), sha256(text))
    assert.equal(await policyDigest(shuffled), sha256(text))
  })

  // Which is refused.
  const withoutPrototypes = fc.jsonValue({ noUnicodeString: false, maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes('"__proto__":'))

  test('agrees with another canonical form of the same values', () => {
    fc.assert(
      fc.property(withoutPrototypes, (value) => {
        assert.equal(canonicalPolicy(value), canonicalJson(value))
      }),
      { numRuns: 1000 },
    )
  })

  test('tells apart what differs in anything', () => {
    const texts = [
      policy,
      { ...policy, version: '8' },
      { ...policy, version: 7 },
      { ...policy, rules: [] },
      { ...policy, rules: [[]] },
      [policy],
    ].map((each) => canonicalPolicy(each))
    assert.equal(new Set(texts).size, texts.length)
  })

  test('is the same where the runtime takes its time to hash', async (context) => {
    const expected = policyDigest(policy)
    assert.equal(typeof expected, 'string', 'Node hashes at once')
    const copy = await copyWithDigest(policy)
    assert.deepEqual(copy, policy)
    context.mock.method(globalThis.process, 'getBuiltinModule', () => undefined)
    // What was found is remembered: another copy of the module finds nothing.
    const slow = (await import(`../../src/policy/policy-digest.ts?${Date.now()}`)) as typeof import('../../src/policy/policy-digest.ts')
    assert.equal(slow.hashesAtOnce(), false)
    const digest = slow.policyDigest(policy)
    assert.ok(digest instanceof Promise)
    assert.equal(await digest, expected)
    const later = slow.digestLater(policy)
    assert.equal(later(), undefined)
    while (later() === undefined) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(later(), expected)
    assert.equal(slow.digestLater(await slow.copyWithDigest(policy))(), expected)
  })

  test('is, when it is asked for later, that of the policy as it was', () => {
    const changing = structuredClone(policy)
    const digest = digestLater(changing)
    changing.version = '8'
    assert.equal(digest(), policyDigest(policy))
    assert.equal(digest(), policyDigest(policy))
  })

  test('is not there, when it is asked for later, of what has no canonical form', () => {
    const self: Record<string, unknown> = {}
    self.self = self
    for (const odd of [self, { id: '\ud800' }, 5n, undefined, () => 5, JSON.parse('{"__proto__":1}')]) {
      const digest = digestLater(odd)
      assert.deepEqual([digest(), digest()], [undefined, undefined])
    }
  })

  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const refused: readonly (readonly [name: string, value: unknown])[] = [
    ['undefined', undefined],
    ['an undefined member', { a: undefined }],
    ['a hole', [new Array(1)]],
    ['NaN', { a: Number.NaN }],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['a BigInt', { a: 1n }],
    ['a function', { a() {} }],
    ['a symbol', [Symbol('a')]],
    ['an instance', { a: new Date(0) }],
    ['a cycle', cyclic],
    ['__proto__', JSON.parse('{"__proto__":{"a":1}}')],
    ['a lone surrogate', { a: 'x\ud800y' }],
    ['a lone surrogate behind backslashes', { a: '\\\\\udc00' }],
    ['a lone surrogate as a name', { '\ud800': 1 }],
  ]
  for (const [name, value] of refused) test(`refuses ${name}`, () => assert.throws(() => policyDigest(value), TypeError))

  test('takes what only looks like a lone surrogate', () => {
    for (const text of ['\\ud800', '\\\\ud800', '\u{1f600}', '\\\u{1f600}']) assert.equal(canonicalPolicy(text), JSON.stringify(text))
  })

  test('writes zero as zero', () => {
    assert.equal(canonicalPolicy([-0, 0, 1e21, 1e-7]), '[0,0,1e+21,1e-7]')
  })
})
