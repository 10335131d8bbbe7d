import fc from 'fast-check'

// Few names, so that rules and requests meet often.
const name = fc.oneof({ weight: 3, arbitrary: fc.constant('chat') }, fc.constantFrom('chats', 'ch', 'embed'))
const pattern = fc.constantFrom('chat', 'chat', 'chats', 'ch*', 'chat*', '*', 'embed', 'Chat')
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

// A Friday evening, the Saturday after it, and a Monday noon.
const times = [Date.UTC(2026, 2, 6, 22, 30), Date.UTC(2026, 2, 7, 5, 59), Date.UTC(2026, 2, 9, 12)] as const
const moment = fc.constantFrom(1, 2, '1970-01-01T00:00:00.002Z', '2026-03-07T00:00:00Z', '2026-03-07T06:59:00+01:00', times[2])
const window = fc.constantFrom(
  { zone: 'UTC', days: 'monday' },
  { zone: 'UTC', days: ['friday', 'sunday'], from: '22:00', to: '06:00' },
  { zone: 'UTC', from: '05:59', to: '22:30' },
)
const tests = fc.oneof(
  one(['eq', 'ne', 'contains'], fc.oneof(literal, other)),
  one(['in', 'notIn', 'containsAny', 'containsAll'], fc.oneof(list, other)),
  one(['lt', 'lte', 'gt', 'gte'], fc.oneof(number, other)),
  one(['startsWith', 'endsWith'], fc.oneof(fc.constantFrom('s', 's1', '1', 'ch'), other)),
  one(['exists'], fc.boolean()),
  one(['between'], fc.constantFrom([0, 1], [1, 2], [2, 2])),
  one(['before', 'after'], moment),
  one(['cidr'], fc.constantFrom('10.0.0.0/8', '0.0.0.0/0', ['192.0.2.0/24', '10.1.2.3/32'])),
)

// What mostly is of the type that a test needs, so that something comes of it.
const texts = one(['eq', 'ne', 'startsWith'], text)
const fittingTests = fc.oneof(
  fc.oneof(texts, one(['in', 'notIn'], fc.uniqueArray(text, { minLength: 1, maxLength: 3 }))).map((own) => ({ 'subject.text': own })),
  one(['lt', 'gte', 'eq', 'ne'], fc.oneof(number, fc.constant({ path: 'resource.number' }))).map((own) => ({ 'context.number': own })),
  one(['contains'], fc.oneof(text, fc.constant({ path: 'subject.text' }))).map((own) => ({ 'resource.list': own })),
  one(['containsAny', 'containsAll'], fc.uniqueArray(text, { minLength: 1, maxLength: 3 })).map((own) => ({ 'resource.list': own })),
  one(['eq', 'ne'], fc.boolean()).map((own) => ({ 'context.flag': own })),
)
const mostly = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 12, arbitrary: value }, { weight: 1, arbitrary: fc.constantFrom(undefined, 's1', 1) })
const fitting = {
  subject: fc.record({ text: mostly(text) }),
  resource: fc.record({ number: mostly(number), list: mostly(fc.uniqueArray(text, { maxLength: 3 })) }),
  context: fc.record({ number: mostly(number), flag: mostly(fc.boolean()) }),
}

type Condition = Record<string, unknown>

function conditionsOf(leaves: fc.Arbitrary<Condition>): fc.Arbitrary<Condition> {
  const { when } = fc.letrec<{ when: Condition }>((tie) => ({
    when: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaves,
      fc.array(tie('when'), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
      fc.array(tie('when'), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
      tie('when').map((not) => ({ not })),
      fc.tuple(leaves, tie('when')).map(([leaf, not]) => ({ ...leaf, not })),
    ),
  }))
  return when
}

const anyConditions = conditionsOf(
  fc.oneof(
    { weight: 9, arbitrary: fittingTests },
    { weight: 6, arbitrary: fc.dictionary(path, tests, { minKeys: 1, maxKeys: 2 }) },
    { weight: 1, arbitrary: fc.oneof(one(['before', 'after'], moment), one(['during'], window)).map((test) => ({ 'context.time': test })) },
    // Always a text, so what does not fit a text does not load.
    { weight: 1, arbitrary: one(['eq', 'ne', 'startsWith'], fc.oneof(text, other)).map((test) => ({ 'subject.id': test })) },
  ),
)
const fittingConditions = conditionsOf(fittingTests)

const obligation = fc.oneof(
  fc.constantFrom(500, 1000, 2000).map((value) => ({ type: 'max_output_tokens', value })),
  fc.constantFrom(['s1'], ['s1', 's2'], ['s2', 's3']).map((value) => ({ type: 'allow_tools', value })),
  fc.constantFrom({ type: 'no_stream' }, { type: 'require_approval' }),
)

const denialObligation = fc.constantFrom(
  { type: 'require_acr', value: ['phr'] },
  { type: 'require_acr', value: ['phrh'] },
  { type: 'require_binding', value: 'dpop' },
  { type: 'notify', value: 'soc' },
  { type: 'notification' },
)

function rulesOf(when: fc.Arbitrary<Condition>) {
  const narrow = fc.record(
    {
      subject: fc
        .record({ type: some(fc.constantFrom('user', 'agent')), id: some(fc.constantFrom('s1', 's2', 's*')), roles }, { requiredKeys: [] })
        .filter((subject) => Object.keys(subject).length > 0),
      action: some(pattern),
      resource: fc.record({ type: some(pattern), id: some(pattern) }, { requiredKeys: [] }).filter((resource) => Object.keys(resource).length > 0),
      when,
      expires: moment,
    },
    { requiredKeys: [] },
  )
  // Half of the rules fit most requests, so that it is their conditions that decide.
  const wide = fc.record({ action: fc.constantFrom('chat', 'ch*', '*'), when }, { requiredKeys: ['when'] })
  const scope = fc.oneof(narrow, wide)
  const duties = fc.option(fc.array(obligation, { minLength: 1, maxLength: 2 }))
  const denialDuties = fc.option(fc.array(denialObligation, { minLength: 1, maxLength: 2 }), { freq: 3 })
  return fc.oneof(
    { weight: 4, arbitrary: fc.record({ scope, effect: fc.constant('permit'), obligations: duties }) },
    { weight: 1, arbitrary: fc.record({ scope, effect: fc.constant('forbid'), obligations: denialDuties }) },
  )
}

type RandomPolicy = Record<string, unknown> & { rules: Record<string, unknown>[] }

function policyOf(least: number, when: fc.Arbitrary<Condition>): fc.Arbitrary<RandomPolicy> {
  return fc.array(rulesOf(when), { minLength: least, maxLength: 8 }).map((rules) => ({
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
}

/** Any policy over a small vocabulary. */
export const anyPolicy: fc.Arbitrary<RandomPolicy> = policyOf(0, anyConditions)

/** Of some rules, whose tests mostly fit what there is. */
export const fittingPolicy: fc.Arbitrary<RandomPolicy> = policyOf(2, fittingConditions)

/** What an attribute may be, sense and nonsense. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: literal },
  fc.constantFrom('10.1.2.3', '192.0.2.9'),
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
    properties: fc
      .tuple(attributes, fitting.subject, fc.option(roles))
      .map(([own, typed, held]) => ({ ...own, ...typed, ...(held !== null && { roles: held }) })),
  }),
  action: fc.record({ name, properties: attributes }),
  resource: fc.record({ type: name, id: name, properties: fc.tuple(attributes, fitting.resource).map(([own, typed]) => ({ ...own, ...typed })) }),
  context: fc
    .tuple(attributes, fitting.context, fc.option(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...times) }, anyValue)))
    .map(([own, typed, time]) => ({ ...own, ...typed, ...(time !== null && { time }) })),
})
