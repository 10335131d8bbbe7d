import fc from 'fast-check'
import type { PolicyRequest } from '../../src/policy/policy-evaluator.ts'

// So few names that rules overlap, share calls and shadow each other nearly always.
const some = <T>(...values: T[]): fc.Arbitrary<T | T[]> =>
  fc.oneof(fc.constantFrom(...values), fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 }))

const scope = fc.record(
  {
    subject: fc
      .record({ id: some('s1', 's2', 's*'), roles: some('r1', 'r2', 'r3'), type: some('user', 'agent') }, { requiredKeys: [] })
      .filter((subject) => Object.keys(subject).length > 0),
    action: some('a', 'b', '*'),
    resource: fc.record({ type: fc.constant('model'), id: some('x', 'y', 'x*', 'y*') }),
    when: fc.constantFrom<Record<string, unknown>>(
      { 'context.k': { eq: 1 } },
      { 'context.k': { ne: 1 } },
      { not: { 'context.k': { eq: 1 } } },
      { 'context.k': { exists: true } },
      { any: [{ 'context.k': { eq: 1 } }, { 'resource.j': { eq: 1 } }] },
    ),
  },
  { requiredKeys: [] },
)

const duty = fc.constantFrom({ type: 'no_stream' }, { type: 'max_output_tokens', value: 5 }, { type: 'max_output_tokens', value: 9 })
const permit = fc
  .tuple(scope, fc.option(duty))
  .map(([own, obligation]) => ({ effect: 'permit', ...own, ...(obligation && { obligations: [obligation] }) }))
const rule = fc.oneof({ weight: 5, arbitrary: permit }, { weight: 2, arbitrary: scope.map((own) => ({ effect: 'forbid', ...own })) })

/** Policies whose rules meet. */
export const densePolicy: fc.Arbitrary<Record<string, unknown> & { rules: Record<string, unknown>[] }> = fc
  .array(rule, { minLength: 1, maxLength: 5 })
  .map((rules) => ({
    id: 'dense',
    version: '1',
    roles: { r1: { inherits: 'r2' } },
    rules: rules.map((own, index) => ({ id: `rule-${index}`, ...own })),
  }))

type Change = 'keep' | 'drop' | 'flip' | 'owe' | 'free' | 'open'

/** A policy and what somebody made of it: a rule less, a permit for a forbid, a duty more or less, no condition any more. */
export const changedPolicy: fc.Arbitrary<{ one: Record<string, unknown>; other: Record<string, unknown> }> = fc
  .tuple(densePolicy, fc.array(fc.constantFrom<Change>('keep', 'drop', 'flip', 'owe', 'free', 'open'), { minLength: 5, maxLength: 5 }))
  .map(([one, changes]) => ({ one, other: { ...one, rules: one.rules.flatMap((own, index) => changed(own, changes[index] ?? 'keep')) } }))

function changed(rule: Record<string, unknown>, change: Change): readonly Record<string, unknown>[] {
  const { obligations, when, ...free } = rule
  const condition = when === undefined ? {} : { when }
  switch (change) {
    case 'drop':
      return []
    case 'flip':
      return [{ ...free, ...condition, effect: rule.effect === 'permit' ? 'forbid' : 'permit' }]
    case 'owe':
      return [rule.effect === 'permit' ? { ...rule, obligations: [{ type: 'no_stream' }] } : rule]
    case 'free':
      return [{ ...free, ...condition }]
    case 'open':
      return [{ ...free, ...(obligations !== undefined && { obligations }) }]
    default:
      return [rule]
  }
}

const value = fc.constantFrom<Record<string, number>>({}, {}, { k: 1 }, { k: 2 })

/** Requests that these policies are about. */
export const denseRequest: fc.Arbitrary<PolicyRequest> = fc
  .record({
    id: fc.constantFrom('s1', 's2'),
    type: fc.constantFrom('user', 'user', 'agent'),
    roles: fc.constantFrom(['r1'], ['r2'], ['r3'], ['r1', 'r3'], []),
    action: fc.constantFrom('a', 'b'),
    model: fc.constantFrom('x', 'y', 'x1', 'x*', 'x*y'),
    context: value,
    resource: fc.constantFrom<Record<string, number>>({}, { j: 1 }),
  })
  .map(({ id, type, roles, action, model, context, resource }) => ({
    subject: { type, id, properties: { roles } },
    action: { name: action },
    resource: { type: 'model', id: model, properties: resource },
    context,
  }))

/** Every request that there is, but for the attributes: those are tried one by one as well. */
export function everyDenseRequest(): PolicyRequest[] {
  const all: PolicyRequest[] = []
  for (const id of ['s1', 's2'])
    for (const type of ['user', 'agent'])
      for (const roles of [['r1'], ['r2'], ['r3'], []])
        for (const action of ['a', 'b'])
          for (const model of ['x', 'y', 'x1'])
            for (const context of [{}, { k: 1 }, { k: 2 }])
              for (const properties of [{}, { j: 1 }])
                all.push({
                  subject: { type, id, properties: { roles } },
                  action: { name: action },
                  resource: { type: 'model', id: model, properties },
                  context,
                })
  return all
}
