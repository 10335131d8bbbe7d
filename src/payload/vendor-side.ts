import type { Outside } from '../guard/codec.ts'
import { anyJson, each, isRecord, refused } from './shape.ts'
import { type Shape, Walk } from './walk.ts'

/**
 * A reference into the store of a vendor: what stands behind it was put there by somebody, and nothing here says by whom.
 * Refused by what it refers to; where somebody sees to what lies outside (`granting`), it is noted instead.
 *
 * @param type what it is called where it is granted; without it, it is refused always.
 */
/* @__NO_SIDE_EFFECTS__ */
export function storeReference(what: string, type?: Outside['type']): Shape {
  const no = refused(`a reference into the store of the vendor (${what})`)
  if (type === undefined) return no
  return (value, walk) => {
    const id = idIn(value)
    if (walk.outside === undefined || id === undefined) return no(value, walk)
    walk.outside.push({ kind: 'reference', type, id })
    // Nobody here knows what is in it.
    if (type === 'file') walk.opaque()
    return anyJson(value, walk)
  }
}

/**
 * What runs at the vendor, out of reach of every control: tools, their calls and their results. Refused by name; where somebody sees to
 * it, it is noted, with what it refers to, and each string in it is a text.
 */
/* @__NO_SIDE_EFFECTS__ */
export function runsAtVendor(...names: readonly string[]): Readonly<Record<string, Shape>> {
  return each(names, (name) => {
    const no = refused(`what runs at the vendor (${name})`)
    return (value, walk) => {
      // Of two places of one server nobody here knows which one counts.
      const isTwofold = isRecord(value) && ['server_url', 'connector_id', 'tunnel_id'].filter((place) => Object.hasOwn(value, place)).length > 1
      if (walk.outside === undefined || !isRecord(value) || isTwofold) return no(value, walk)
      walk.outside.push({ kind: 'hosted', type: name, id: hostedId(name, value) })
      // An item of an earlier answer, which the vendor may look up by its id alone.
      if (isItem(name) && typeof value.id === 'string') walk.outside.push({ kind: 'reference', type: 'item', id: value.id })
      noteReferences(value, walk.outside)
      return anyJson(value, walk)
    }
  })
}

/** The same shape, in which what lies or runs at the vendor passes: for whoever then looks at what `outsideIn` finds. */
/* @__NO_SIDE_EFFECTS__ */
export function granting(shape: Shape): Shape {
  return (value, walk) => {
    walk.outside ??= []
    return shape(value, walk)
  }
}

/** What of a value lies or runs at the vendor, each once. */
export function outsideIn(shape: Shape, value: unknown): readonly Outside[] {
  const found: Outside[] = []
  Walk.check((each, walk) => {
    walk.outside = found
    return shape(each, walk)
  }, value)
  const known = new Map(found.map((each) => [JSON.stringify([each.kind, each.type, each.id]), each]))
  return Object.freeze([...known.values()])
}

/** Things of one type that were put into a vendor's store: those of these ids that are ids. */
export function named(type: Outside['type'], ids: readonly unknown[]): readonly Outside[] {
  return ids.filter((id): id is string => typeof id === 'string' && id !== '').map((id) => ({ kind: 'reference', type, id }))
}

function idIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  if (!isRecord(value)) return undefined
  const [id, ...others] = [value.file_id, value.file_uri, value.fileUri, value.id].filter((each) => each !== undefined)
  // Of two ids nobody here knows which one counts.
  return typeof id === 'string' && id !== '' && others.length === 0 ? id : undefined
}

function isItem(name: string): boolean {
  return name.endsWith('_call') || name.startsWith('mcp_') || name === 'compaction'
}

// Which server it is matters more than that it is one.
function hostedId(name: string, value: Readonly<Record<string, unknown>>): string {
  const place = name === 'mcp' ? (value.server_url ?? value.connector_id) : undefined
  return typeof place === 'string' ? `mcp:${place}` : name
}

const references: Readonly<Record<string, string>> = {
  vector_store_id: 'vector_store',
  vector_store_ids: 'vector_store',
  file_id: 'file',
  file_ids: 'file',
  container: 'container',
  container_id: 'container',
  approval_request_id: 'item',
  skill_id: 'skill',
}

function noteReferences(value: unknown, outside: Outside[]): void {
  if (Array.isArray(value)) for (const each of value) noteReferences(each, outside)
  if (!isRecord(value)) return
  for (const [name, member] of Object.entries(value)) {
    const type = Object.hasOwn(references, name) ? references[name] : undefined
    const ids: readonly unknown[] = Array.isArray(member) ? member : [member]
    if (type !== undefined) for (const id of ids) if (typeof id === 'string') outside.push({ kind: 'reference', type, id })
    noteReferences(member, outside)
  }
}
