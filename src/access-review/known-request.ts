import { attributesKnown } from '../audit-log/recorded-attributes.ts'
import { readQuestion } from '../policy/policy-request.ts'
import type { PolicyRequest } from '../policy/policy-evaluator.ts'
import type { KnownRequest } from './possible-truth.ts'
import type { RecordedCall } from './recorded-call.ts'

type Branch = Record<string, unknown>

/**
 * The request that a call put to policy, as far as its record tells.
 *
 * @param paths what the policies in question read. Nothing else is taken from the record.
 * @param opened the sealed attributes, opened; undefined where they could not be.
 * @returns undefined where none of these attributes is known.
 */
export function knownRequest(
  call: RecordedCall,
  paths: Iterable<string>,
  opened: Readonly<Record<string, unknown>> | undefined,
): KnownRequest | undefined {
  const find = attributesKnown(call.record, opened)
  const values = new Map<string, unknown>()
  for (const path of paths) {
    const known = find(path)
    if (known !== undefined) values.set(path, known.value)
  }
  if (values.size === 0) return undefined
  const roots = { subject: branch(), action: branch(), resource: branch(), context: branch() }
  // What contains another comes first: an object stands in a record without its members.
  for (const path of [...values.keys()].sort()) place(roots, path, values.get(path))
  const { subject, action, resourceType, resourceId } = call
  const request = {
    subject: { type: subject.type, id: subject.id, properties: roots.subject },
    action: { name: action, properties: roots.action },
    resource: { type: resourceType, id: resourceId, properties: roots.resource },
    context: roots.context,
  } as unknown as PolicyRequest
  // Roles decide on scopes alone, and these are looked at elsewhere; as an attribute they are in the request.
  const question = readQuestion(request, noRoles)
  return question === undefined ? undefined : { question, isKnown: (path) => values.has(path) }
}

const noRoles: ReadonlyMap<string, readonly string[]> = new Map()

function branch(): Branch {
  return Object.create(null) as Branch
}

function place(roots: Readonly<Record<string, Branch>>, path: string, value: unknown): void {
  const [root = '', ...rest] = path.split('.')
  const keys = root !== 'context' && rest.length > 1 && rest[0] === 'properties' ? rest.slice(1) : rest
  let at = roots[root]
  for (const key of keys.slice(0, -1)) {
    if (at === undefined) return
    const next = at[key]
    // Under what is known to be no object there is nothing, and nothing is what a reader finds there.
    if (next !== undefined && !isBranch(next)) return
    at = isBranch(next) ? next : (at[key] = branch())
  }
  const last = keys.at(-1)
  if (at === undefined || last === undefined || value === undefined) return
  at[last] = isPlainObject(value) ? Object.assign(branch(), isBranch(at[last]) ? at[last] : undefined) : value
}

function isBranch(value: unknown): value is Branch {
  return isPlainObject(value) && Object.getPrototypeOf(value) === null
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
