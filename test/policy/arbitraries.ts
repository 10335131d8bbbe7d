import fc from 'fast-check'

// Few names, so that rules and requests meet often.
const name = fc.constantFrom('chat', 'chats', 'ch', 'embed')
const pattern = fc.constantFrom('chat', 'chats', 'ch*', 'chat*', '*', 'embed', 'Chat')
const roles = fc.uniqueArray(fc.constantFrom('r1', 'r2', 'r3', 'r4'), { minLength: 1, maxLength: 3 })
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | T[]> => fc.oneof(value, fc.uniqueArray(value, { minLength: 1, maxLength: 3 }))

const path = fc.constantFrom('subject.a', 'subject.properties.b', 'resource.a', 'context.a', 'context.n.a', 'action.a')
const text = fc.constantFrom('s1', 's2', 's3', 'chat')
const number = fc.constantFrom(0, 1, 2, 3)
const literal = fc.oneof(text, number, fc.boolean())
const other = path.map((one) => ({ path: one }))
const list = fc.oneof(fc.uniqueArray(text, { minLength: 1, maxLength: 3 }), fc.uniqueArray(number, { minLength: 1, maxLength: 3 }))
const one = (operators: readonly string[], operand: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> =>
  fc.tuple(fc.constantFrom(...operators), operand).map(([operator, value]) => ({ [operator]: value }))

const tests = fc.oneof(
  one(['eq', 'ne', 'contains'], fc.oneof(literal, other)),
  one(['in', 'notIn', 'containsAny', 'containsAll'], fc.oneof(list, other)),
  one(['lt', 'lte', 'gt', 'gte'], fc.oneof(number, other)),
  one(['startsWith', 'endsWith'], fc.oneof(fc.constantFrom('s', 's1', '1', 'ch'), other)),
  one(['exists'], fc.boolean()),
  one(['between'], fc.constantFrom([0, 1], [1, 2], [2, 2])),
)

const { when } = fc.letrec<{ when: Record<string, unknown>; leaf: Record<string, unknown> }>((tie) => ({
  leaf: fc.oneof(
    { weight: 9, arbitrary: fc.dictionary(path, tests, { minKeys: 1, maxKeys: 2 }) },
    // Always a text, so what does not fit a text does not load.
    { weight: 1, arbitrary: one(['eq', 'ne', 'startsWith'], fc.oneof(text, other)).map((test) => ({ 'subject.id': test })) },
  ),
  when: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('when'), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
    fc.array(tie('when'), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
    tie('when').map((not) => ({ not })),
    fc.tuple(tie('leaf'), tie('when')).map(([leaf, not]) => ({ ...leaf, not })),
  ),
}))

const obligation = fc.oneof(
  fc.constantFrom(500, 1000, 2000).map((value) => ({ type: 'max_output_tokens', value })),
  fc.constantFrom(['s1'], ['s1', 's2'], ['s2', 's3']).map((value) => ({ type: 'allow_tools', value })),
  fc.constantFrom({ type: 'no_stream' }, { type: 'require_approval' }),
)

const scope = fc.record(
  {
    subject: fc
      .record({ type: some(fc.constantFrom('user', 'agent')), id: some(fc.constantFrom('s1', 's2', 's*')), roles }, { requiredKeys: [] })
      .filter((subject) => Object.keys(subject).length > 0),
    action: some(pattern),
    resource: fc.record({ type: some(pattern), id: some(pattern) }, { requiredKeys: [] }).filter((resource) => Object.keys(resource).length > 0),
    when,
  },
  { requiredKeys: [] },
)

const rule = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ scope, effect: fc.constant('permit'), obligations: fc.option(fc.array(obligation, { minLength: 1, maxLength: 2 })) }),
  },
  { weight: 1, arbitrary: fc.record({ scope, effect: fc.constant('forbid'), obligations: fc.constant(null) }) },
)

/** Any policy over a small vocabulary. */
export const anyPolicy: fc.Arbitrary<Record<string, unknown> & { rules: Record<string, unknown>[] }> = fc
  .array(rule, { maxLength: 8 })
  .map((rules) => ({
    id: 'random',
    version: '1',
    roles: { r1: { inherits: ['r2', 'r3'] }, r2: { inherits: 'r4' } },
    rules: rules.map(({ scope, effect, obligations }, index) => ({
      id: `rule-${index}`,
      effect,
      ...scope,
      ...(obligations !== null && { obligations }),
    })),
  }))

/** What an attribute may be, sense and nonsense. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: literal },
  { weight: 2, arbitrary: list },
  fc.constantFrom<unknown>(null, undefined, '', [], {}, '0x10', Number.NaN, Number.POSITIVE_INFINITY, ['s1', 1], [null], '1', 'true', 1n, [
    Number.NaN,
  ]),
)

const attributes = fc.record({ a: anyValue, b: anyValue, n: fc.oneof(fc.record({ a: anyValue }), anyValue) }, { requiredKeys: [] })

/** Any request over the same vocabulary. */
export const anyRequest: fc.Arbitrary<Record<string, unknown>> = fc.record({
  subject: fc.record({
    type: fc.constantFrom('user', 'agent'),
    id: fc.constantFrom('s1', 's2', 'other'),
    properties: fc.tuple(attributes, fc.option(roles)).map(([own, held]) => ({ ...own, ...(held !== null && { roles: held }) })),
  }),
  action: fc.record({ name, properties: attributes }),
  resource: fc.record({ type: name, id: name, properties: attributes }),
  context: attributes,
})
