import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  apiKey,
  audit,
  authorize,
  definePolicy,
  detectors,
  guard,
  guardHandler,
  jwt,
  maskData,
  memoryLimits,
  memoryLog,
  policySet,
  rateLimit,
  revocationList,
  verifyIdentity,
} from '../../src/index.ts'
import { chat, issuer, wholeGuard } from './whole-guard.ts'

const good = {
  id: 'p',
  version: '1',
  attributes: { 'context.risk': 'number', 'resource.tenant': 'string' },
  roles: { analyst: { inherits: ['reader'] } },
  rules: [
    {
      id: 'a',
      effect: 'permit',
      subject: { type: 'user', id: ['ada'], roles: ['analyst'] },
      action: ['chat'],
      resource: { type: 'model', id: ['gpt-*'] },
      when: {
        all: [
          { 'context.risk': { lt: 0.7 } },
          { any: [{ not: { 'context.risk': { gte: 0.5 } } }, { 'subject.tenant': { eq: { path: 'resource.tenant' } } }] },
        ],
      },
      obligations: [{ type: 'max_output_tokens', value: 10 }],
    },
    { id: 'b', effect: 'forbid', action: ['delete'] },
  ],
}

type Place = readonly (string | number)[]

/** Every object in a value, by its place. */
function placesIn(value: unknown, place: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.entries(value).flatMap(([key, member]) => placesIn(member, [...place, Array.isArray(value) ? Number(key) : key]))
  return [place, ...inner]
}

/** A copy in which the value at that place was changed. */
function changed(place: Place, change: (target: Record<string, unknown>) => void): unknown {
  const copy: unknown = structuredClone(good)
  let target = copy as Record<string | number, unknown>
  for (const key of place) target = target[key] as Record<string | number, unknown>
  change(target)
  return copy
}

const loads = (policy: unknown): boolean => {
  try {
    policySet(policy)
    return true
  } catch (error) {
    assert.ok(error instanceof TypeError, `${String(error)} is no TypeError`)
    return false
  }
}

describe('A9: a policy that is not exactly a policy does not load', () => {
  test('a key that nobody knows, at any place of it', () => {
    assert.ok(loads(good))
    let tried = 0
    for (const place of placesIn(good)) {
      if (place.at(-1) === 'attributes' || place.at(-1) === 'roles') continue
      for (const name of ['unknown', 'Effect', 'rule', '$ref', '__proto__', 'constructor', 'priority', 'enabled', 'path ']) {
        const target = (of: Record<string, unknown>): void => {
          if (Array.isArray(of)) of.push({ [name]: 1 })
          else Object.defineProperty(of, name, { value: 1, enumerable: true, configurable: true, writable: true })
        }
        assert.equal(loads(changed(place, target)), false, `${place.join('.')} with ${name}`)
        tried++
      }
    }
    assert.ok(tried > 100)
  })

  test('a value of another type, at any place of it', () => {
    for (const place of placesIn(good))
      for (const [key, before] of Object.entries(
        place.reduce<unknown>((value, at) => (value as Record<string | number, unknown>)[at], good) as object,
      ))
        for (const wrong of [
          null,
          5n,
          Number.NaN,
          Number.POSITIVE_INFINITY,
          '',
          [],
          {},
          () => true,
          Symbol('x'),
          new Date(),
          [[]],
          { path: 5 },
          'all',
        ]) {
          if (typeof wrong === typeof before && (typeof wrong === 'string' ? wrong !== '' : false)) continue
          if (Array.isArray(wrong) && wrong.length === 0 && key === 'rules') continue
          if (
            typeof wrong === 'object' &&
            wrong !== null &&
            !Array.isArray(wrong) &&
            Object.keys(wrong).length === 0 &&
            ['attributes', 'roles', 'analyst'].includes(key)
          )
            continue
          // A text may be compared with the empty one.
          if (typeof wrong === 'string' && key === 'eq') continue
          if (wrong === 'all' && ['id', 'type', 'action', 'roles', 'inherits'].includes(key)) continue
          assert.equal(
            loads(changed(place, (target) => void (target[key] = wrong))),
            false,
            `${[...place, key].join('.')} is ${String(typeof wrong === 'object' ? JSON.stringify(wrong) : String(wrong))}`,
          )
        }
  })

  test('an effect, an operator, an attribute path or an obligation that nobody knows', () => {
    const rule = { id: 'r', effect: 'permit' }
    const policy = (more: object, top: object = {}) => ({ id: 'p', rules: [{ ...rule, ...more }], ...top })
    assert.ok(loads(policy({})))
    for (const effect of ['Permit', 'PERMIT', 'allow', 'deny', 'permit ', '', 'audit', null, true, 1, undefined])
      assert.equal(loads(policy({ effect })), false)
    for (const operator of ['equals', 'EQ', '==', '=', 'neq', 'regex', 'matches', 'like', 'gt ', 'constructor', '__proto__', 'toString', 'all'])
      assert.equal(loads(policy({ when: { 'context.x': JSON.parse(`{"${operator}":1}`) as object } })), false, operator)
    for (const path of [
      'x',
      'user.id',
      'Subject.id',
      'subject',
      'subject.',
      '.id',
      'subject..id',
      'context.__proto__',
      'context.constructor.name',
      'context.*',
      'subject.id.x',
      'input.model',
      'env.HOME',
      '',
    ])
      assert.equal(loads(policy({ when: { [path]: { eq: 'x' } } })), false, path)
    for (const operand of [
      { lt: '5' },
      { gte: null },
      { between: [2, 1] },
      { between: [1] },
      { cidr: '10.0.0.0/33' },
      { cidr: 'any' },
      { in: 'x' },
      { in: [] },
      { in: [1, 'x'] },
      { exists: 'yes' },
      {},
    ])
      assert.equal(loads(policy({ when: { 'context.x': operand } })), false, JSON.stringify(operand))
    for (const obligation of [
      {},
      { type: '' },
      { type: 5 },
      { type: 'max_output_tokens' },
      { type: 'max_output_tokens', value: -1 },
      { type: 'max_output_tokens', value: 1.5 },
      { type: 'max_output_tokens', value: '10' },
      { type: 'max_output_tokens', value: 10, unit: 'x' },
      { type: 'require_acr' },
      { type: 'allow_tools', value: [5] },
    ])
      assert.equal(loads(policy({ obligations: [obligation] })), false, JSON.stringify(obligation))
    assert.equal(loads(policy({ effect: 'forbid', obligations: [{ type: 'mask' }] })), false, 'duties of a forbid')
    assert.equal(loads({ id: 'p', rules: [rule, rule] }), false, 'the same id twice')
    assert.equal(loads(policy({ when: { 'context.x': { eq: 1 } } }, { attributes: { 'context.y': 'number' } })), false, 'undeclared')
    assert.equal(loads(policy({ when: { 'context.y': { eq: 'x' } } }, { attributes: { 'context.y': 'number' } })), false, 'declared otherwise')
    assert.equal(loads(policy({}, { attributes: { 'context.y': 'date' } })), false, 'an unknown type')
    assert.equal(loads(policy({}, { roles: { a: { inherits: ['b'] }, b: { inherits: ['a'] } } })), false, 'roles in a circle')
  })

  test('what is no policy at all, and one that its own code changes', () => {
    for (const policy of [
      undefined,
      null,
      '',
      'permit',
      5,
      [],
      {},
      { rules: [] },
      { id: 'p' },
      { id: '', rules: [] },
      { id: 'p', rules: {} },
      JSON.stringify(good),
      new Map(),
    ])
      assert.equal(loads(policy), false)
    for (const name of ['effect', 'id', 'action', 'when'])
      assert.equal(
        loads({ id: 'p', rules: [Object.defineProperty({ id: 'r', effect: 'forbid' }, name, { enumerable: true, get: () => 'permit' })] }),
        false,
        `a getter for ${name}`,
      )
    const own: { id: string; rules: { id: string; effect: string; action: string[] }[] } = {
      id: 'p',
      rules: [{ id: 'r', effect: 'permit', action: ['read'] }],
    }
    const compiled = policySet(own)
    own.rules[0]?.action.push('delete')
    own.rules.push({ id: 's', effect: 'permit', action: ['*'] })
    const asked = { subject: { type: 'user', id: 'ada' }, action: { name: 'delete' }, resource: { type: 'x', id: 'x' }, context: {} }
    assert.equal(compiled.evaluate(asked).allowed, false)
    assert.equal(compiled.evaluate({ ...asked, action: { name: 'read' } }).allowed, true)
  })

  test('a signature that is asked for is not passed over in silence', () => {
    for (const options of [{ signature: 'x' }, { signature: undefined }, { key: 'x' }, { signed: true }])
      assert.throws(() => policySet(good, options as never), TypeError, JSON.stringify(options))
    assert.throws(() => policySet(definePolicy({ ...good, signature: 'x' } as never)), TypeError)
    assert.throws(() => authorize({ evaluator: policySet(good), signature: 'x' } as never), TypeError)
  })

  test('a limit that nobody knows, or that is none', () => {
    const per = (): string => 'x'
    const limits: readonly object[] = [
      {},
      { name: 'x', per },
      { name: 'x', per, requests: 1 },
      { name: 'x', per, requests: 0, window: 1 },
      { name: 'x', per, requests: -1, window: 1 },
      { name: 'x', per, requests: Number.NaN, window: 1 },
      { name: 'x', per, requests: Number.POSITIVE_INFINITY, window: 1 },
      { name: 'x', per, requests: '5', window: 1 },
      { name: 'x', per, requests: 5, window: 0 },
      { name: 'x', per, requests: 5, window: -1 },
      { name: 'x', per, requests: 5, window: Number.POSITIVE_INFINITY },
      { name: 'x', per, requests: 5, tokens: 5, window: 1 },
      { name: 'x', per, cost: 5, window: 1 },
      { name: 'x', per, reqeusts: 5, window: 1 },
      { name: 'x', per, concurrent: 5, window: 1 },
      { name: 'x', per, requests: 5, window: 1, burst: 0 },
      { name: 'x', requests: 5, window: 1 },
      { name: 'x', per: 'ada', requests: 5, window: 1 },
      { name: '', per, requests: 5, window: 1 },
      { name: 'x"', per, requests: 5, window: 1 },
      { name: 'x\r\nset-cookie: a', per, requests: 5, window: 1 },
    ]
    for (const limit of limits) assert.throws(() => rateLimit({ limits: limit as never }), TypeError, JSON.stringify(limit))
    const one = { name: 'x', per, requests: 5, window: 1 }
    assert.throws(() => rateLimit({ limits: [one, one] }), TypeError)
    assert.throws(() => rateLimit({ limits: [] }), TypeError)
    assert.throws(() => memoryLimits({ maxKeys: 0 }), TypeError)
    assert.throws(() => rateLimit({ limits: one, onStoreFailure: 'allow' } as never), TypeError)
  })

  test('an option that nobody knows, where leaving one out would loosen something', () => {
    const limit = { name: 'x', per: (): string => 'x', requests: 5, window: 1 }
    const verifiers = [jwt(issuer.options)]
    const entry = { id: 'k', hash: `sha256:${'A'.repeat(43)}`, identity: { subject: 'bot' } }
    const factories: Record<string, () => unknown> = {
      'rateLimit({ onStoreFail })': () => rateLimit({ limits: limit, onStoreFail: 'refuse' } as never),
      'a limit { requests, tokenz }': () => rateLimit({ limits: { ...limit, tokenz: 5 } as never }),
      'a limit { requests, cost }': () => rateLimit({ limits: { ...limit, cost: 5 } as never }),
      'verifyIdentity({ revocations })': () => verifyIdentity({ verifiers, revocations: revocationList() } as never),
      'verifyIdentity({ bindings })': () => verifyIdentity({ verifiers, bindings: 'dpop' } as never),
      'verifyIdentity({ assurance: { acrs } })': () => verifyIdentity({ verifiers, assurance: { acrs: ['phr'] } } as never),
      'jwt({ algorithm })': () => jwt({ ...issuer.options, algorithm: 'ES256' } as never),
      'apiKey({ keys: [{ expires }] })': () => apiKey({ keys: [{ ...entry, expires: 1 }] } as never),
      'guard({ deadlines })': () => guard({ deadlines: 5 } as never),
      'guardHandler({ maxBody })': () => guardHandler(wholeGuard(), chat, () => 'x', { maxBody: 5 } as never),
      'authorize({ rechecks })': () => authorize({ evaluator: policySet(good), rechecks: { every: 1 } } as never),
      'maskData({ directions })': () => maskData({ detect: detectors.pii, mode: 'redact', direction: 'both', directions: 'both' } as never),
      'audit({ onfailure })': () => audit({ log: memoryLog(), onfailure: 'refuse' } as never),
    }
    const ignored: string[] = []
    for (const [name, make] of Object.entries(factories)) {
      try {
        make()
        ignored.push(name)
      } catch (error) {
        assert.ok(error instanceof TypeError, name)
      }
    }
    assert.deepEqual(ignored, [])
  })
})
