import type { PolicyJson } from '@cedar-policy/cedar-wasm'
import { type CedarUid, uidKey } from './cedar-module.ts'
import type { LoadedPolicy } from './cedar-policies.ts'
import { uidIn } from './policy-reads.ts'

/** Policies with the same scope, as far as the index goes by it. */
export interface Leaf {
  readonly number: number
  readonly policies: LoadedPolicy[]
}

/** An entity of a question, as scopes see it: itself, and everything that it is in. */
export interface Scoped {
  readonly uid: CedarUid
  readonly ancestors: readonly CedarUid[]
}

type Level<T> = Map<string, T>

/**
 * Policies by the action, principal and resource that their scopes name, so that Cedar is given those alone that may apply. A
 * policy is found by every question that fits its scope, and perhaps by others: Cedar judges the scope again.
 */
export class CandidateIndex {
  readonly #root: Level<Level<Level<Leaf>>> = new Map()
  #leaves = 0

  /** Puts a policy where questions that fit its scope find it. */
  add(policy: LoadedPolicy): void {
    const { action, principal, resource } = policy.scope
    for (const byAction of keysOf(action)) {
      const principals = grow(this.#root, byAction, () => new Map<string, Level<Leaf>>())
      for (const byPrincipal of keysOf(principal)) {
        const resources = grow(principals, byPrincipal, () => new Map<string, Leaf>())
        for (const byResource of keysOf(resource))
          grow(resources, byResource, (): Leaf => ({ number: this.#leaves++, policies: [] })).policies.push(policy)
      }
    }
  }

  /** Everything that may apply, in no certain order. */
  find(action: Scoped, principal: Scoped, resource: Scoped): readonly Leaf[] {
    const found: Leaf[] = []
    const principalKeys = keysFor(principal)
    const resourceKeys = keysFor(resource)
    for (const byAction of keysFor(action)) {
      const principals = this.#root.get(byAction)
      if (principals === undefined) continue
      for (const byPrincipal of principalKeys) {
        const resources = principals.get(byPrincipal)
        if (resources === undefined) continue
        for (const byResource of resourceKeys) {
          const leaf = resources.get(byResource)
          if (leaf !== undefined) found.push(leaf)
        }
      }
    }
    return found
  }
}

const anything = '*'

/** Under which keys a scope stands. */
function keysOf(constraint: PolicyJson['principal'] | PolicyJson['action'] | PolicyJson['resource']): readonly string[] {
  switch (constraint.op) {
    case 'All':
      return [anything]
    case '==':
      return [`=${entityKey(constraint)}`]
    case 'is':
      return constraint.in === undefined ? [`:${constraint.entity_type}`] : [`<${entityKey(constraint.in)}`]
    case 'in':
      return 'entities' in constraint ? constraint.entities.map((entity) => `<${keyOf(entity)}`) : [`<${entityKey(constraint)}`]
    default:
      // What is not known here is looked at in every question.
      return [anything]
  }
}

function entityKey(constraint: object): string {
  return keyOf('entity' in constraint ? constraint.entity : undefined)
}

function keyOf(entity: unknown): string {
  const uid = uidIn(entity)
  if (uid === undefined) throw new TypeError('cedarEvaluator: policies: a scope names something that is no entity')
  return uidKey(uid)
}

/** Under which keys scopes stand that an entity fits. */
function keysFor({ uid, ancestors }: Scoped): readonly string[] {
  const own = uidKey(uid)
  return [anything, `=${own}`, `:${uid.type}`, `<${own}`, ...ancestors.map((ancestor) => `<${uidKey(ancestor)}`)]
}

function grow<T>(level: Level<T>, key: string, make: () => T): T {
  const known = level.get(key)
  if (known !== undefined) return known
  const made = make()
  level.set(key, made)
  return made
}
