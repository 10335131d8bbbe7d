import type { Schema } from '@cedar-policy/cedar-wasm'
import { shown } from '../../policy/strict-read.ts'
import { type CedarModule, type CedarUid, complaintsOf, uidKey } from './cedar-module.ts'
import type { LoadedPolicy } from './cedar-policies.ts'

/** What a schema says of a value, as far as it matters for handing one over. */
export type ValueType =
  | { readonly kind: 'record'; readonly attributes: ReadonlyMap<string, ValueType> }
  | { readonly kind: 'set'; readonly element: ValueType }
  | { readonly kind: 'entity'; readonly type: string }
  | { readonly kind: 'decimal' | 'datetime' | 'duration' | 'other' }

/** What a schema says of an action. */
interface ActionType {
  readonly principals: ReadonlySet<string>
  readonly resources: ReadonlySet<string>
  readonly context: ReadonlyMap<string, ValueType>
  /** Every group that the action is in, by whatever detour. */
  readonly ancestors: readonly CedarUid[]
}

/** What a schema says of a type of entities. */
interface EntityType {
  readonly attributes: ReadonlyMap<string, ValueType>
  readonly memberOf: ReadonlySet<string>
}

/** A schema that was checked and copied. */
export interface LoadedSchema {
  readonly text: string
  /** By `uidKey`. */
  readonly actions: ReadonlyMap<string, ActionType>
  readonly entities: ReadonlyMap<string, EntityType>
}

const place = 'cedarEvaluator: schema'

/** Reads a schema. @throws TypeError */
export function loadSchema(cedar: CedarModule, schema: Schema): LoadedSchema {
  const text = typeof schema === 'string' ? schema : textOf(cedar, schema)
  const answer = cedar.schemaToJsonWithResolvedTypes(text)
  if (answer.type !== 'success') throw new TypeError(`${place}: ${complaintsOf(answer.errors)}`)
  const namespaces = Object.entries(membersOf(answer.json))
  const commonTypes = new Map(
    namespaces.flatMap(([namespace, { commonTypes: types }]) =>
      Object.entries(membersOf(types)).map(([name, type]) => [qualified(namespace, name), type] as const),
    ),
  )
  const readType = (type: unknown): ValueType => valueType(membersOf(type), commonTypes)
  const entities = new Map<string, EntityType>()
  const actions = new Map<string, Omit<ActionType, 'ancestors'> & { readonly groups: readonly CedarUid[] }>()
  for (const [namespace, { entityTypes, actions: named }] of namespaces) {
    for (const [name, type] of Object.entries(membersOf(entityTypes))) {
      const { shape, memberOfTypes } = membersOf(type)
      entities.set(qualified(namespace, name), { attributes: attributesOf(readType(shape)), memberOf: new Set(namesIn(memberOfTypes)) })
    }
    for (const [id, action] of Object.entries(membersOf(named))) {
      const type = qualified(namespace, 'Action')
      const { appliesTo, memberOf } = membersOf(action)
      const { principalTypes, resourceTypes, context } = membersOf(appliesTo)
      actions.set(uidKey({ type, id }), {
        principals: new Set(namesIn(principalTypes)),
        resources: new Set(namesIn(resourceTypes)),
        context: attributesOf(readType(context)),
        groups: (Array.isArray(memberOf) ? memberOf : []).map((group: { readonly type?: string; readonly id: string }) => ({
          type: group.type ?? type,
          id: group.id,
        })),
      })
    }
  }
  return {
    text,
    entities,
    actions: new Map([...actions].map(([key, action]) => [key, { ...action, ancestors: ancestorsOf(key, actions) }])),
  }
}

/** Checks policies against their schema. What a schema shows to be a mistake, a warning included, does not load. @throws TypeError that names the policies. */
export function validatePolicies(cedar: CedarModule, { text }: LoadedSchema, policies: readonly LoadedPolicy[]): void {
  const staticPolicies = Object.fromEntries(policies.map((policy) => [policy.handle, policy.text]))
  const answer = cedar.validate({ schema: text, policies: { staticPolicies }, validationSettings: { mode: 'strict' } })
  if (answer.type !== 'success') throw new TypeError(`${place}: ${complaintsOf(answer.errors)}`)
  const complaints = [...answer.validationErrors, ...answer.validationWarnings]
  if (complaints.length === 0) return
  const order = new Map(policies.map(({ handle }, index) => [handle, index]))
  complaints.sort((one, other) => (order.get(one.policyId) ?? 0) - (order.get(other.policyId) ?? 0))
  const lines = complaints.slice(0, 16).map(({ policyId, error }) => {
    const { message, help } = error
    // Cedar names the policy by the name that it has inside Cedar.
    const said = complaintsOf([{ message: message.replaceAll(`policy \`${policyId}\``, 'the policy'), help }])
    return `'${shown(policies[order.get(policyId) ?? -1]?.id ?? policyId)}': ${said}`
  })
  throw new TypeError(`cedarEvaluator: policies: ${lines.join('; ')}`)
}

function textOf(cedar: CedarModule, schema: Exclude<Schema, string>): string {
  const answer = cedar.schemaToText(schema)
  if (answer.type !== 'success') throw new TypeError(`${place}: ${complaintsOf(answer.errors)}`)
  return answer.text
}

function ancestorsOf(key: string, actions: ReadonlyMap<string, { readonly groups: readonly CedarUid[] }>): readonly CedarUid[] {
  const found = new Map<string, CedarUid>()
  const queue = [...(actions.get(key)?.groups ?? [])]
  for (const group of queue) {
    const groupKey = uidKey(group)
    if (found.has(groupKey)) continue
    found.set(groupKey, group)
    queue.push(...(actions.get(groupKey)?.groups ?? []))
  }
  return [...found.values()]
}

const other: ValueType = { kind: 'other' }

// Cedar has checked the schema: every name in it leads somewhere, and no type is made of itself.
function valueType(type: Members, commonTypes: ReadonlyMap<string, unknown>): ValueType {
  const name = typeof type.type === 'string' ? type.type.replace(/^__cedar::/, '') : ''
  switch (name) {
    case 'Record': {
      const attributes = Object.entries(membersOf(type.attributes))
      return { kind: 'record', attributes: new Map(attributes.map(([key, member]) => [key, valueType(membersOf(member), commonTypes)])) }
    }
    case 'Set':
      return { kind: 'set', element: valueType(membersOf(type.element), commonTypes) }
    case 'Entity':
      return typeof type.name === 'string' ? { kind: 'entity', type: type.name } : other
    case 'Extension':
      return valueType({ type: type.name }, commonTypes)
    case 'decimal':
    case 'datetime':
    case 'duration':
      return { kind: name }
    default: {
      const common = commonTypes.get(name)
      return common === undefined ? other : valueType(membersOf(common), commonTypes)
    }
  }
}

function attributesOf(type: ValueType): ReadonlyMap<string, ValueType> {
  return type.kind === 'record' ? type.attributes : new Map()
}

function qualified(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}::${name}`
}

type Members = Readonly<Record<string, unknown>>

function membersOf(value: unknown): Readonly<Record<string, never>> & Members {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, never>>) : {}
}

function namesIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : []
}
