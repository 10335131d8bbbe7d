import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { encode } from 'jose/base64url'
import { type LivePolicyOptions, livePolicy, policySet, signPolicy } from '../../src/index.ts'
import { chatRequest } from './chat-payloads.ts'
import { assertRefused } from './refusals.ts'
import { served } from './served.ts'
import { type SigningKey, signingKey } from './signing-key.ts'
import { analyst, policy, wholeGuard } from './whole-guard.ts'

/** Permits whatever anybody asks: if ever one of these decides, the model is called. */
const open = { id: policy.id, version: '2', rules: [{ id: 'everything', effect: 'permit' }] }

const signedBy = (key: SigningKey, what: unknown): Promise<string> => signPolicy(what, { key: { ...key.jwk, alg: 'ES256' } })
const encoded = (value: unknown): string => encode(JSON.stringify(value))

/** Puts the first into force, offers each of the others, and looks who decides. */
async function assertRefusesAll(
  first: unknown,
  others: readonly (readonly [what: string, offered: unknown])[],
  options: Partial<LivePolicyOptions> = {},
) {
  let offered = first
  const live = livePolicy({ load: () => offered, every: Number.POSITIVE_INFINITY, ...options })
  await live.ready
  const server = served(wholeGuard({ policy: { evaluator: live } }))
  const nobody = await analyst('bob', { roles: [] })
  for (const [what, other] of others) {
    offered = other
    await assert.rejects(live.refresh(), { name: 'PolicyError' }, what)
    assert.equal(live.current?.describe().version, policy.version, what)
    await assertRefused(await server.ask(chatRequest('x'), nobody), 'denied')
  }
  assert.equal(server.ran.length, 0)
  // The last good one still decides.
  assert.equal((await server.ask(chatRequest('x'), await analyst())).status, 200)
  await live.close()
}

describe('A9: a policy that must not come into force', () => {
  test('does not replace the one that is: what is no policy, or another', () =>
    assertRefusesAll(policy, [
      ['no JSON', `${JSON.stringify(open)}x`],
      ['a name that stands twice', JSON.stringify(open).replace('"id"', '"id":"other","id"')],
      ['an effect that stands twice', JSON.stringify(open).replace('"effect":"permit"', '"effect":"forbid","effect":"permit"')],
      ['a prototype', JSON.stringify(open).replace('"id"', '"__proto__":{},"id"')],
      ['an unknown operator', { ...open, rules: [{ ...open.rules[0], when: { 'context.x': { equals: 1 } } }] }],
      ['an unknown effect', { ...open, rules: [{ id: 'everything', effect: 'allow' }] }],
      ['an unknown key', { ...open, enabled: true }],
      [
        'a forbid that an approval would turn',
        { ...open, rules: [...open.rules, { id: 'f', effect: 'forbid', obligations: [{ type: 'require_approval' }] }] },
      ],
      ['another policy', { ...open, id: 'another' }],
      ['an older one', { ...open, version: '0' }],
      ['a list', [open]],
      ['a text that is JSON', JSON.stringify(JSON.stringify(open))],
      ['nothing', null],
      ['one that is too long', `${' '.repeat(9 * 1024 * 1024)}${JSON.stringify(open)}`],
    ]))

  test('nor, where signing is on, what nobody signed who may', async () => {
    const [mine, other] = await Promise.all([signingKey('mine'), signingKey('other')])
    const signed = await signedBy(mine, policy)
    const theirs = await signedBy(other, open)
    const [header = '', , signature = ''] = signed.split('.')
    const typ = 'policy+jws'
    const iat = Date.now() / 1000 + 1
    await assertRefusesAll(
      signed,
      [
        ['an object', open],
        ['a text', JSON.stringify(open)],
        ['one by another key', theirs],
        ['another payload under the signature', `${header}.${encoded(open)}.${signature}`],
        ['no signature', `${header}.${encoded(open)}.`],
        ['alg none', `${encoded({ alg: 'none', typ, iat })}.${encoded(open)}.`],
        ['another key under the name of a good one', await (await signingKey('mine')).sign({ typ, iat }, open)],
        ['another type', await mine.sign({ typ: 'JWT', iat }, open)],
        ['no type', await mine.sign({ iat }, open)],
        ['no time', await mine.sign({ typ }, open)],
        ['an unknown critical header', await mine.sign({ typ, iat, crit: ['x'], x: 1 }, open)],
        ['one that was signed earlier', await mine.sign({ typ, iat: 1 }, open)],
        ['what is no policy, signed', await mine.sign({ typ, iat }, { ...open, rules: [{ id: 'r', effect: 'allow' }] })],
        ['two of them', `${theirs}.${signed}`],
      ],
      { requireSignature: { keys: mine.jwks } },
    )
  })

  test('nor does a forbid load with a duty that would shape or turn what it denies', () => {
    const rule = (obligations: unknown) => ({ id: 'p', rules: [{ id: 'f', effect: 'forbid', obligations }] })
    policySet(rule([{ type: 'require_acr', value: 'phr' }]))
    for (const type of [
      'require_approval',
      'require_passkey',
      'max_output_tokens',
      'allow_tools',
      'no_stream',
      'mask',
      'seal_response',
      'limit',
      'reveal',
    ])
      assert.throws(() => policySet(rule([{ type, value: 5 }])), TypeError, type)
    for (const wrong of [
      [],
      {},
      null,
      'require_acr',
      [{}],
      [{ type: '' }],
      [{ type: 'require_acr' }],
      [{ type: 'require_acr', value: 'phr', more: 1 }],
    ])
      assert.throws(() => policySet(rule(wrong)), TypeError, JSON.stringify(wrong))
  })
})
