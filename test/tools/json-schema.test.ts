import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { jsonTest } from '../../src/tools/json-schema.ts'

const schemas: readonly object[] = [
  { type: 'object', properties: { a: { type: 'string', minLength: 2, maxLength: 3 } }, required: ['a'], additionalProperties: false },
  { type: ['integer', 'null'], minimum: 1, exclusiveMaximum: 5 },
  { type: 'number', exclusiveMinimum: 0, maximum: 10, multipleOf: 2 },
  { enum: ['a', 1, null, { b: [1] }] },
  { const: { b: 1, a: 2 } },
  { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'boolean' }, minItems: 1, maxItems: 2, uniqueItems: true }] },
  { oneOf: [{ type: 'number' }, { type: 'integer' }] },
  { allOf: [{ type: 'object' }, { minProperties: 1, maxProperties: 2 }], not: { required: ['c'] } },
  { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: { type: 'null' } },
  { $ref: '#/$defs/node', $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' }, a: { type: 'integer' } } } } },
  { properties: { a: false, b: true }, additionalProperties: { type: 'string' } },
]

test('agrees with another validator on every schema that it takes', () => {
  const ajv = new Ajv2020({ strict: false })
  const leaf = fc.oneof(fc.constantFrom('a', 'bb', '💡', '', 'cccc'), fc.integer({ min: -2, max: 12 }), fc.constantFrom(null, true, false, 0.5))
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'next'), tie('value'), { maxKeys: 3 }),
    ),
  }))
  for (const schema of schemas) {
    const [ours, theirs] = [jsonTest(schema), ajv.compile(schema)]
    fc.assert(
      fc.property(value, (each) => {
        assert.equal(ours(each), theirs(each), JSON.stringify([schema, each]))
      }),
      { numRuns: 150 },
    )
  }
})

test('what it does not check is no schema, and neither is what is malformed', () => {
  for (const schema of [
    { pattern: 'a' },
    { type: 'string', patternProperties: {} },
    { type: 'strings' },
    { $ref: 'https://example.org/schema' },
    { $ref: '#/nowhere' },
    { required: 'a' },
    { minLength: -1n },
    { maxItems: -1 },
    { type: 'object', nullable: true },
    { if: {} },
    { properties: { toString: 1 } },
    'schema',
    null,
  ])
    assert.throws(() => jsonTest(schema), TypeError, String(schema))
})

test('A17: alternatives within alternatives, and a schema that leads to itself, end with a no', () => {
  const forking = {
    $ref: '#/$defs/n',
    $defs: { n: { anyOf: [{ $ref: '#/$defs/m' }, { $ref: '#/$defs/m' }] }, m: { properties: { n: { $ref: '#/$defs/n' } }, required: ['n'] } },
  }
  let value: object = {}
  for (let depth = 0; depth < 60; depth++) value = { n: value }
  assert.equal(jsonTest(forking)(value), false)
  assert.equal(jsonTest({ not: { $ref: '#/$defs/n' }, $defs: forking.$defs })(value), false)
  const looping = jsonTest({ $ref: '#' })
  assert.ok(attempt(() => looping({})) !== true)
})

function attempt(run: () => unknown): unknown {
  try {
    return run()
  } catch {
    return undefined
  }
}
