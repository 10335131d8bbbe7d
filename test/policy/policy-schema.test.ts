import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { Ajv } from 'ajv'
import fc from 'fast-check'
import { entityAttributes, guardAttributes } from '../../src/policy/attributes.ts'
import { operators } from '../../src/policy/operators.ts'
import { policySet } from '../../src/policy/policy-set.ts'
import { anyPolicy } from './arbitraries.ts'
import { empty, goodPolicies, wrongPolicies } from './policies.ts'

interface Schema {
  readonly definitions: Readonly<Record<string, { readonly properties?: object; readonly patternProperties?: object }>>
}
const schema = JSON.parse(readFileSync(new URL('../../docs/policy.schema.json', import.meta.url), 'utf8')) as Schema
const validate = new Ajv({ strict: true, strictTypes: false, strictRequired: false }).compile(schema)

// What a file can hold. Loading refuses more than that: getters, prototypes, symbols, what is undefined.
function isJson(value: unknown, depth = 0): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return ['string', 'boolean'].includes(typeof value) || value === null
  const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  const names = Reflect.ownKeys(value).filter((name) => !(Array.isArray(value) && name === 'length'))
  const isWhole = !Array.isArray(value) || names.length === value.length
  return (
    depth < 100 &&
    plain &&
    isWhole &&
    names.every((name) => typeof name === 'string' && isJson(Object.getOwnPropertyDescriptor(value, name)?.value, depth + 1))
  )
}

function whyRefused(policy: unknown): string | undefined {
  try {
    policySet(policy)
    return undefined
  } catch (error) {
    return error instanceof TypeError ? error.message : assert.fail(String(error))
  }
}

/** What only loading can say, since a schema knows neither what stands elsewhere nor what a text means. */
const beyondSchema = [
  /is the id of/,
  /inherit each other/,
  /more than 64 roles/,
  /is declared twice/,
  /is not declared in attributes/,
  /may nest 32 deep/,
  /does not fit/,
  /must be a (string|number|boolean), as the attribute is declared/,
  /cannot be compared/,
  /must be two numbers, the lower one first/,
  /must be a network/,
  /is a moment that does not exist/,
  /is no time zone that this runtime knows/,
  /must not be empty: write the end of a day as 24:00/,
]

describe('the schema of policies', () => {
  test('takes every policy that loads', () => {
    for (const policy of goodPolicies.filter((one) => !Object.is(Object.getPrototypeOf(one), null)))
      assert.ok(validate(policy), `${JSON.stringify(policy)} ${JSON.stringify(validate.errors)}`)
    fc.assert(
      fc.property(anyPolicy, (policy) => assert.ok(validate(policy), JSON.stringify(validate.errors))),
      { numRuns: 300 },
    )
  })

  test('refuses what does not load, but for what only loading can say', () => {
    const refused = wrongPolicies.filter(([, policy]) => isJson(policy))
    assert.ok(refused.length > 200)
    for (const [name, policy] of refused) {
      const why = whyRefused(policy) ?? assert.fail(name)
      if (!beyondSchema.some((pattern) => pattern.test(why))) assert.equal(validate(policy), false, `${name}: ${why}`)
    }
  })

  test('knows every operator and every attribute, as loading does', () => {
    const { tests, textTests } = schema.definitions
    assert.deepEqual(Object.keys(tests?.properties ?? {}), [...operators.keys()])
    const ofTexts = [...operators].filter(([, { types }]) => types.includes('string')).map(([name]) => name)
    assert.deepEqual(Object.keys(textTests?.properties ?? {}), ofTexts)
    for (const [path, right] of Object.entries({ ...entityAttributes, ...guardAttributes })) {
      const [root = '', ...keys] = path.split('.')
      const spelled = [path, ...(root === 'context' || path in entityAttributes ? [] : [[root, 'properties', ...keys].join('.')])]
      for (const written of spelled)
        for (const type of ['string', 'number', 'boolean', 'string[]', 'number[]']) {
          const policy = { ...empty, attributes: { [written]: type } }
          assert.equal(validate(policy), type === right, `${written} as ${type}`)
          assert.equal(whyRefused(policy) === undefined, type === right)
        }
    }
  })

  const values = fc.constantFrom<unknown>(
    ...[
      '',
      '*',
      'a*',
      '*a',
      'chat',
      'permit',
      'forbid',
      'UTC',
      '08:00',
      '00:00',
      '24:00',
      'monday',
      '10.0.0.0/8',
      '2026-12-31T23:00:00Z',
      'subject.id',
    ],
    ...['subject.id.x', 'context.a', 'context', 'max_output_tokens', 'no_stream', 'require_assurance', 'own', 0, 1, 1.5, -1, 9e15, true, false, null],
    ...[[], {}, ['chat'], ['chat', 'chat'], [1, 'x'], [1, 2], { path: 'context.a' }, { path: 'a' }, { eq: 1 }, { 'context.a': { eq: 1 } }],
    ...[{ 'subject.id': { lt: 1 } }, { zone: 'UTC', days: 'monday' }, { zone: 'UTC', from: '08:00' }, [{ type: 'no_stream' }], { type: 'model' }],
  )
  const keys = fc.constantFrom(
    ...['id', 'effect', 'subject', 'type', 'roles', 'action', 'resource', 'when', 'all', 'any', 'not', 'obligations', 'value', 'expires', 'inherits'],
    ...[
      'eq',
      'in',
      'lt',
      'contains',
      'before',
      'during',
      'cidr',
      'exists',
      'zone',
      'from',
      'to',
      'days',
      'path',
      'context.a',
      'subject.id',
      'resource.a',
    ],
    ...['unknown', 'attributes', '$schema', 'version', 'constructor', 'acr', 'maxAge', 'factors', '0'],
  )
  interface Change {
    readonly steps: readonly number[]
    readonly key: string
    readonly value: unknown
    readonly kind: 'replace' | 'remove' | 'add'
  }
  const changes: fc.Arbitrary<Change> = fc.record({
    steps: fc.array(fc.nat(20), { maxLength: 7 }),
    key: keys,
    value: values,
    kind: fc.constantFrom('replace', 'remove', 'add'),
  })

  function changed(value: unknown, { steps: [step, ...others], ...change }: Change): unknown {
    if (typeof value !== 'object' || value === null || step === undefined) return change.kind === 'replace' ? change.value : value
    const names = Object.keys(value)
    const name = names[step % Math.max(names.length, 1)]
    const members: [string, unknown][] = Object.entries(value as Record<string, unknown>)
    if (change.kind === 'add' && others.length === 0 && !Array.isArray(value)) return Object.fromEntries([...members, [change.key, change.value]])
    if (change.kind === 'remove' && others.length === 0)
      return Array.isArray(value) ? value.filter((_, index) => String(index) !== name) : Object.fromEntries(members.filter(([own]) => own !== name))
    const own = members.map(([key, member]) => [key, key === name ? changed(member, { steps: others, ...change }) : member] as const)
    return Array.isArray(value) ? own.map(([, member]) => member) : Object.fromEntries(own)
  }

  // Where types are declared, what fits them is for loading to say.
  const undeclared = goodPolicies.filter((policy) => isJson(policy) && !Object.hasOwn(policy as object, 'attributes'))

  test('and loading agree on policies that were changed anywhere', () => {
    const seen = { loaded: 0, refused: 0, beyond: 0 }
    fc.assert(
      fc.property(fc.oneof(anyPolicy, fc.constantFrom(...undeclared)), fc.array(changes, { minLength: 1, maxLength: 2 }), (policy, list) => {
        const other = list.reduce<unknown>(changed, policy)
        const why = whyRefused(other)
        if (why === undefined) {
          seen.loaded++
          assert.ok(validate(other), JSON.stringify(validate.errors))
        } else if (beyondSchema.some((pattern) => pattern.test(why))) seen.beyond++
        else {
          seen.refused++
          assert.equal(validate(other), false, why)
        }
      }),
      { numRuns: 3000 },
    )
    assert.ok(seen.loaded > 100 && seen.refused > 100 && seen.beyond < seen.refused / 4, JSON.stringify(seen))
  })
})
