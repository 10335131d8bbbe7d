import type { EntityJson, Schema } from '@cedar-policy/cedar-wasm'
import { type Check, checkOptions, hasMethods, isFunction, oneOf, optional } from '../../guard/check-options.ts'
import type { Decision } from '../../guard/context.ts'
import { noObligations } from '../../policy/obligations.ts'
import type { PolicyEvaluator, PolicyRequest } from '../../policy/policy-evaluator.ts'
import { CandidateIndex, type Scoped } from './candidate-index.ts'
import { type CedarAnswerRules, decisionFrom } from './cedar-answer.ts'
import { apart, type CedarModule, cedarFunctions, isTypeName, type CedarUid, uidKey } from './cedar-module.ts'
import { type CedarPolicies, type LoadedPolicy, loadPolicies } from './cedar-policies.ts'
import { type CedarMapping, type CedarQuestion, usualMapping } from './cedar-question.ts'
import { loadSchema, type LoadedSchema, validatePolicies } from './cedar-schema.ts'
import { KnownEntities, loadEntities, refersIn } from './known-entities.ts'
import { PreparedSets } from './prepared-sets.ts'

/** Options of `cedarEvaluator`. */
export interface CedarOptions {
  /** The module `@cedar-policy/cedar-wasm`, or its build for Node, `@cedar-policy/cedar-wasm/nodejs`. */
  readonly cedar: CedarModule
  /**
   * The policies: one Cedar text, or each by its id, as a text or in Cedar's JSON form. In one text a policy is called what its
   * `@id` says, or `policy0`, `policy1`, … by its place. Templates are not supported.
   */
  readonly policies: CedarPolicies
  /** What the policies are checked against when they load, and requests when they are asked. Without one a misspelt `forbid` forbids nothing. */
  readonly schema?: Schema
  /** Entities that are always known, such as groups and what they are in. Each question is given those that it leads to. */
  readonly entities?: readonly EntityJson[]
  /** Stands in every decision; `cedar` unless given. */
  readonly id?: string
  /** Stands in every decision; `unversioned` unless given. */
  readonly version?: string
  /** What stands before every type that has none, such as `Acme` for `Acme::user` and `Acme::Action`. */
  readonly namespace?: string
  /** What types of subjects and resources are called in Cedar, such as `{ user: 'User', model: 'Model' }`; the same unless given. */
  readonly types?: Readonly<Record<string, string>>
  /** Puts requests in Cedar's terms in a way of one's own, instead of `namespace` and `types`. */
  readonly map?: CedarMapping
  /**
   * What a `forbid` does that cannot be evaluated: `deny`, unless given. Cedar itself skips it, and allows what it would have
   * forbidden; `skip` does the same.
   */
  readonly onForbidError?: 'deny' | 'skip'
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)
const isType = (value: unknown): boolean => typeof value === 'string' && isTypeName(value)

const checks: Readonly<Record<keyof CedarOptions, Check>> = {
  cedar: [hasMethods(...cedarFunctions), `a module with ${cedarFunctions.join(', ')}`],
  policies: [(value) => typeof value === 'string' || isRecord(value), 'a Cedar text, or policies by their id'],
  schema: [optional((value) => isText(value) || isRecord(value)), "a schema, as a text or in Cedar's JSON form"],
  entities: [optional(Array.isArray), "a list of entities in Cedar's JSON form"],
  id: [optional(isText), 'a text that is not empty'],
  version: [optional(isText), 'a text that is not empty'],
  namespace: [optional(isType), 'a namespace of Cedar, such as Acme'],
  types: [
    optional((value) => isRecord(value) && Object.values(value as object).every(isType)),
    'names of types in Cedar, by the names that they have here',
  ],
  map: [optional(isFunction), 'a function of the request'],
  onForbidError: [optional(oneOf('deny', 'skip')[0]), oneOf('deny', 'skip')[1]],
}

/**
 * Cedar's engine behind the port of policy engines (`@cedar-policy/cedar-wasm`, which is passed in).
 *
 * An index by action, principal and resource finds the policies that may apply, and Cedar judges those alone, so that a decision
 * costs what its candidates cost. Policies whose scope names nothing are candidates of every question: `describe()` counts them.
 *
 * - `reasons` are the policies that decided, by id.
 * - A `forbid` that cannot be evaluated denies (`onForbidError`). A `permit` that cannot is skipped, unless it carries duties:
 *   then the request is denied, or leaving an attribute out would shed a duty.
 * - Duties stand in an annotation, as JSON, one or a list: `@obligation("{\"type\":\"no_stream\"}")`. Those of all policies that
 *   decided count; numbers take the strictest.
 * - The usual mapping: `user::"ada"` with the subject's properties as attributes, in a `Role` for each role; `Action::"chat"`;
 *   `model::"gpt-5"` with the resource's properties; `context` with what the payload says as `context.action`. Only what
 *   policies look at, or a schema declares, is handed over. A number that is not whole becomes a `decimal`.
 *
 * Refuses (`policy_unavailable`, under a guard) what Cedar cannot be asked: a value that it cannot hold, or a request that does
 * not fit the schema. An action or type that the schema does not know is denied.
 *
 * ```ts
 * const evaluator = cedarEvaluator({ cedar, version: '7', policies: '@id("chat") permit(principal in Role::"analyst", action == Action::"chat", resource);' })
 * ```
 *
 * @throws TypeError that names the policy, for what Cedar does not take, what the schema shows to be a mistake, and wrong options.
 */
export function cedarEvaluator(options: CedarOptions): PolicyEvaluator {
  checkOptions('cedarEvaluator', options, checks)
  const { id = 'cedar', version = 'unversioned', namespace, types = {}, map, onForbidError = 'deny' } = options
  if (map !== undefined && (namespace !== undefined || options.types !== undefined))
    throw new TypeError('cedarEvaluator: map: stands instead of namespace and types')
  const cedar = apart(options.cedar)
  const policies = loadPolicies(cedar, options.policies)
  const schema = options.schema === undefined ? undefined : loadSchema(cedar, options.schema)
  if (schema !== undefined) validatePolicies(cedar, schema, policies)
  const entities = loadEntities(cedar, options.entities ?? [], schema)
  const mapping = map ?? usualMapping({ namespace, types: new Map(Object.entries(types)) }, policies, schema)
  const rules: CedarAnswerRules = { policy: Object.freeze({ id, version }), deniesOnError: onForbidError === 'deny' }
  const ask = asker(cedar, policies, schema, entities)
  const nothing: Decision = Object.freeze({ allowed: false, policy: rules.policy, reasons: Object.freeze([]), obligations: noObligations })
  const description = Object.freeze({
    kind: 'cedar',
    id,
    version,
    ...countsOf(policies),
    entities: entities.size,
    schema: schema !== undefined,
    onForbidError,
  })
  return Object.freeze({
    evaluate(request: PolicyRequest): Decision {
      const question = mapping(request)
      const answer = question === undefined ? undefined : ask(question)
      return answer === undefined ? nothing : decisionFrom(answer.said, answer.policies, rules, nothing)
    },
    obliges: Object.freeze([...new Set(policies.flatMap(({ obligations }) => obligations.map(({ type }) => type)))].sort()),
    describe: () => description,
  })
}

interface Answer {
  readonly said: unknown
  readonly policies: ReadonlyMap<string, LoadedPolicy>
}

type Ask = (question: CedarQuestion) => Answer | undefined

function asker(cedar: CedarModule, policies: readonly LoadedPolicy[], schema: LoadedSchema | undefined, known: KnownEntities): Ask {
  const index = new CandidateIndex()
  for (const policy of policies) index.add(policy)
  const sets = new PreparedSets(cedar)
  let schemaName: string | undefined

  const prepareSchema = (text: string): string => {
    const name = sets.prefix()
    if (cedar.preparseSchema(name, text).type !== 'success') throw new Error('Cedar no longer takes the schema')
    return name
  }

  return ({ principal, action, resource, context = {}, entities: own = [] }) => {
    const declared = schema?.actions.get(uidKey(action))
    // What the schema does not know, no policy can permit.
    if (schema !== undefined && !(declared?.principals.has(principal.type) === true && declared.resources.has(resource.type))) return undefined
    const entities = own.length === 0 ? known : new KnownEntities(known, own)
    const scoped = (uid: CedarUid): Scoped => ({ uid, ancestors: entities.ancestorsOf(uid) })
    const asked = schema === undefined ? scoped(action) : { uid: action, ancestors: declared?.ancestors ?? [] }
    const leaves = index.find(asked, scoped(principal), scoped(resource))
    if (leaves.length === 0) return undefined
    const set = sets.get(leaves)
    const roots = [principal, resource, ...refersIn(context), ...set.entities]
    const said = cedar.statefulIsAuthorized({
      principal,
      action,
      resource,
      context,
      preparsedPolicySetId: set.name,
      // With a schema Cedar knows the actions and their groups by itself.
      entities: entities.reachableFrom(schema === undefined ? [...roots, action] : roots),
      ...(schema !== undefined && { preparsedSchemaName: (schemaName ??= prepareSchema(schema.text)), validateRequest: true }),
    })
    return { said, policies: set.policies }
  }
}

function countsOf(policies: readonly LoadedPolicy[]): Readonly<Record<'policies' | 'permits' | 'forbids' | 'unscoped', number>> {
  const permits = policies.filter(({ effect }) => effect === 'permit').length
  const unscoped = policies.filter(({ scope }) => [scope.principal, scope.action, scope.resource].every(({ op }) => op === 'All')).length
  return { policies: policies.length, permits, forbids: policies.length - permits, unscoped }
}
