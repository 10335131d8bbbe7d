import type { CedarValueJson, EntityJson } from '@cedar-policy/cedar-wasm'
import { GuardError } from '../../guard/errors.ts'
import { snapshotJson } from '../../guard/snapshot.ts'
import { type CedarModule, type CedarUid, complaintsOf, uidKey } from './cedar-module.ts'
import type { LoadedSchema } from './cedar-schema.ts'
import { uidIn } from './policy-reads.ts'

/** How many entities may go with one question. */
const maxEntities = 1_000

/** An entity, with what it leads to. */
interface KnownEntity {
  readonly uid: CedarUid
  readonly attrs: Readonly<Record<string, CedarValueJson>>
  readonly tags: Readonly<Record<string, CedarValueJson>> | undefined
  readonly parents: readonly CedarUid[]
  /** The entities that its attributes and tags refer to. */
  readonly refersTo: readonly CedarUid[]
}

const place = 'cedarEvaluator: entities'

/** Reads the entities that an application gives once. @throws TypeError */
export function loadEntities(cedar: CedarModule, entities: readonly EntityJson[], schema: LoadedSchema | undefined): KnownEntities {
  let own: EntityJson[]
  try {
    own = snapshotJson(entities) as EntityJson[]
  } catch (error) {
    throw new TypeError(`${place}: must be a list of entities in Cedar's JSON form`, { cause: error })
  }
  const answer = cedar.checkParseEntities({ entities: own, ...(schema !== undefined && { schema: schema.text }) })
  if (answer.type !== 'success') throw new TypeError(`${place}: ${complaintsOf(answer.errors)}`)
  return new KnownEntities(undefined, own)
}

/** Entities that Cedar is told of, as far as a question has to do with them. */
export class KnownEntities {
  readonly #base: KnownEntities | undefined
  readonly #entities = new Map<string, KnownEntity>()

  /**
   * @param base what is known anyway. An entity that stands in both is one: it is in all the groups, and has all the attributes;
   * where they differ, those of `entities` count.
   */
  constructor(base: KnownEntities | undefined, entities: readonly EntityJson[]) {
    this.#base = base
    for (const { uid: named, attrs, parents, tags } of entities) {
      const uid = nameOf(named)
      const key = uidKey(uid)
      const known = base?.find(key)
      // Twice in one list is a contradiction, or the principal and the resource are the same.
      const twin = this.#entities.get(key)
      if (twin !== undefined) contradict(twin, attrs, uid)
      const entity: KnownEntity = {
        uid,
        attrs: { ...known?.attrs, ...twin?.attrs, ...attrs },
        tags: tags === undefined && known?.tags === undefined ? undefined : { ...known?.tags, ...tags },
        parents: unique([...(known?.parents ?? []), ...(twin?.parents ?? []), ...parents.map(nameOf)]),
        refersTo: [...(known?.refersTo ?? []), ...(twin?.refersTo ?? []), ...refersIn(attrs), ...refersIn(tags)],
      }
      this.#entities.set(key, entity)
    }
  }

  get size(): number {
    return this.#entities.size
  }

  find(key: string): KnownEntity | undefined {
    return this.#entities.get(key) ?? this.#base?.find(key)
  }

  /** Everything that an entity is in, by whatever detour. */
  ancestorsOf(uid: CedarUid): readonly CedarUid[] {
    const start = this.find(uidKey(uid))
    if (start === undefined || start.parents.length === 0) return none
    const found = new Map<string, CedarUid>()
    const queue = [...start.parents]
    for (const parent of queue) {
      const key = uidKey(parent)
      if (found.has(key)) continue
      found.set(key, parent)
      queue.push(...(this.find(key)?.parents ?? none))
    }
    return [...found.values()]
  }

  /** These entities and everything that their attributes lead to, in Cedar's form. Groups come along as names. */
  reachableFrom(uids: readonly CedarUid[]): EntityJson[] {
    const reached = new Map<string, EntityJson>()
    const queue = [...uids]
    for (const uid of queue) {
      const key = uidKey(uid)
      if (reached.has(key)) continue
      const entity = this.find(key)
      if (entity === undefined) continue
      if (reached.size >= maxEntities) throw new GuardError('policy_unavailable', { reason: `more than ${maxEntities} entities have to do with it` })
      const { attrs, tags, refersTo } = entity
      reached.set(key, { uid: entity.uid, attrs, parents: [...this.ancestorsOf(uid)], ...(tags !== undefined && { tags }) })
      queue.push(...refersTo)
    }
    return [...reached.values()]
  }
}

const none: readonly CedarUid[] = Object.freeze([])

function nameOf(named: unknown): CedarUid {
  const uid = uidIn(named)
  if (uid === undefined) throw new GuardError('policy_unavailable', { reason: 'an entity that Cedar should know has no type and id' })
  return uid
}

function contradict(twin: KnownEntity, attrs: Readonly<Record<string, CedarValueJson>>, { type }: CedarUid): void {
  for (const [name, value] of Object.entries(attrs))
    if (Object.hasOwn(twin.attrs, name) && JSON.stringify(twin.attrs[name]) !== JSON.stringify(value))
      throw new GuardError('policy_unavailable', { reason: `one ${type} is said to be two different things` })
}

function unique(uids: readonly CedarUid[]): readonly CedarUid[] {
  return uids.length < 2 ? uids : [...new Map(uids.map((uid) => [uidKey(uid), uid])).values()]
}

/** The entities that a value refers to, also where only a schema says that it does. */
export function refersIn(value: unknown): CedarUid[] {
  const found: CedarUid[] = []
  collect(value, found)
  return found
}

function collect(value: unknown, found: CedarUid[]): void {
  if (typeof value !== 'object' || value === null) return
  const uid = uidIn(value)
  if (uid !== undefined) found.push(uid)
  for (const member of Object.values(value)) if (typeof member === 'object') collect(member, found)
}
