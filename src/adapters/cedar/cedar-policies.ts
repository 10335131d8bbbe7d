import type { PolicyJson } from '@cedar-policy/cedar-wasm'
import type { Obligation } from '../../guard/context.ts'
import { parseJson } from '../../payload/strict-json.ts'
import { parseDenialObligation } from '../../policy/denial-duties.ts'
import { mergeObligations, noObligations, parseObligation } from '../../policy/obligations.ts'
import { readMembers, shown } from '../../policy/strict-read.ts'
import { type CedarModule, complaintsOf } from './cedar-module.ts'
import { type PolicyReads, readsOf } from './policy-reads.ts'

/** Policies as one Cedar text, or each by its id, as a text or in Cedar's JSON form. */
export type CedarPolicies = string | Readonly<Record<string, string | PolicyJson>>

/** A policy that was checked and copied. */
export interface LoadedPolicy {
  readonly id: string
  /** What it is called inside Cedar: a name of ours, so that no name of the author's means anything there. */
  readonly handle: string
  readonly effect: 'permit' | 'forbid'
  readonly text: string
  readonly scope: Pick<PolicyJson, 'principal' | 'action' | 'resource'>
  readonly reads: PolicyReads
  readonly obligations: readonly Obligation[]
}

const place = 'cedarEvaluator: policies'

/** Reads policies. @throws TypeError that names the policy. */
export function loadPolicies(cedar: CedarModule, policies: CedarPolicies): readonly LoadedPolicy[] {
  const loaded: LoadedPolicy[] = []
  const known = new Set<string>()
  for (const [name, given] of typeof policies === 'string' ? partsOf(cedar, policies) : eachOf(policies)) {
    const policy = loadPolicy(cedar, name, given, `p${loaded.length}`, typeof policies !== 'string')
    if (known.has(policy.id)) throw new TypeError(`${place}: two policies have the id '${shown(policy.id)}'`)
    known.add(policy.id)
    loaded.push(policy)
  }
  return loaded
}

type Named = readonly [name: string, policy: string | PolicyJson]

function partsOf(cedar: CedarModule, text: string): readonly Named[] {
  const parts = cedar.policySetTextToParts(text)
  if (parts.type !== 'success') throw new TypeError(`${place}: ${complaintsOf(parts.errors)}`)
  if (parts.policy_templates.length > 0) throw new TypeError(`${place}: templates are not supported; write the policies that are made of them`)
  // Cedar names them by their place in the text, and gives them in the order of those names.
  const names = parts.policies.map((_, index) => `policy${index}`).sort()
  return parts.policies.map((policy, index) => [names[index] ?? '', policy])
}

function eachOf(policies: unknown): readonly Named[] {
  return readMembers(policies, place).map(([name, policy]) => {
    if (typeof policy !== 'string' && (typeof policy !== 'object' || policy === null))
      throw new TypeError(`${place}: '${shown(name)}': must be a text or Cedar's JSON form of a policy`)
    return [name, policy as string | PolicyJson]
  })
}

function loadPolicy(cedar: CedarModule, name: string, given: string | PolicyJson, handle: string, isNamed: boolean): LoadedPolicy {
  const here = `${place}: '${shown(name)}'`
  const text = typeof given === 'string' ? given : textOf(cedar, given, here)
  // The very text that will be evaluated: what is read here is what runs.
  const answer = cedar.policyToJson(text)
  if (answer.type !== 'success') throw new TypeError(`${here}: ${complaintsOf(answer.errors)}`)
  const { effect, principal, action, resource, conditions, annotations = {} } = answer.json
  const { id } = annotations
  if ('id' in annotations && (typeof id !== 'string' || id === '')) throw new TypeError(`${here}: @id must be a text that is not empty`)
  if (isNamed && id !== undefined && id !== name) throw new TypeError(`${here}: @id says '${shown(id)}'`)
  return {
    id: id ?? name,
    handle,
    effect,
    text,
    scope: { principal, action, resource },
    reads: readsOf(conditions),
    obligations: obligationsOf(annotations, effect, here),
  }
}

function textOf(cedar: CedarModule, policy: PolicyJson, here: string): string {
  const answer = cedar.policyToText(policy)
  if (answer.type !== 'success') throw new TypeError(`${here}: ${complaintsOf(answer.errors)}`)
  return answer.text
}

function obligationsOf(annotations: Readonly<Record<string, string | null>>, effect: LoadedPolicy['effect'], here: string): readonly Obligation[] {
  // A duty that is written under another name would be no duty.
  for (const name of Object.keys(annotations))
    if (name !== 'obligation' && /^obligations?$|^duty$|^duties$/i.test(name))
      throw new TypeError(`${here}: @${shown(name)} means nothing; duties stand in @obligation`)
  if (!('obligation' in annotations)) return noObligations
  const value = jsonIn(annotations.obligation, `${here}: @obligation`)
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const parse = effect === 'permit' ? parseObligation : parseDenialObligation
  return mergeObligations(list.map((one) => parse(one, `${here}: @obligation`)))
}

function jsonIn(text: string | null | undefined, here: string): unknown {
  try {
    return parseJson(text ?? '')
  } catch (error) {
    throw new TypeError(`${here}: must be JSON: an obligation or a list of them`, { cause: error })
  }
}
