import type { DecisionGrounds } from '../guard/decision-grounds.ts'
import type { CallRecord, RecordedSubject } from './record.ts'

/** The attributes that the rules in question read when policy decided. Values stand in it sealed, or not at all. */
export interface RecordedAttributes {
  /** The keyed digest of the values, where records hold digests. */
  readonly digest?: string | undefined
  /** What was read, such as `context.risk`: each once, in order. */
  readonly paths: readonly string[]
  /** The values by path, sealed with the call's id: `attributeOpener` opens them. */
  readonly sealed?: string | undefined
  /** `context.time` where it was read: the guard's clock and nobody's secret. */
  readonly time?: number | undefined
}

/**
 * How much of a value is kept: characters of a text, elements of a list, and bytes of all of them together with their paths,
 * as they are serialized: a control character is six. So what is sealed always fits into its record.
 */
const bounds = { text: 1_024, list: 256, all: 8_192 } as const

/** Stands for a value that was too long to be kept. No other object with members does. */
const omitted: Readonly<Record<string, boolean>> = Object.freeze({ omitted: true })

/**
 * What a record says of a call in its own members. These are not sealed once more, and a reader finds them without a key.
 * A member that is absent from a record says that the attribute was missing.
 */
const stated: Readonly<Record<string, (record: CallRecord) => unknown>> = {
  'subject.type': ({ subject }) => subject?.kind,
  'subject.id': ({ subject }) => subject?.subject,
  'subject.key': ({ subject }) => subject?.key,
  'subject.issuer': ({ subject }) => subject?.issuer,
  'subject.tenant': ({ subject }) => subject?.tenant,
  'subject.roles': ({ subject }) => (subject === undefined ? undefined : rolesOf(subject)),
  'subject.elevated': ({ subject }) => subject?.elevated,
  'subject.binding': ({ subject }) => subject?.binding,
  'subject.actor': ({ subject }) => subject?.actors?.[0]?.subject,
  'subject.delegated': ({ subject }) => (subject?.actors?.length ?? 0) > 0,
  'action.name': ({ action }) => action,
  'resource.type': ({ resource }) => resource.type,
  'resource.id': ({ resource }) => resource.id,
}

const time = 'context.time'

/** The roles of a caller as policy saw them. */
export function rolesOf({ roles, elevated }: Pick<RecordedSubject, 'roles' | 'elevated'>): readonly string[] {
  return elevated === undefined ? roles : [...new Set([...roles, ...elevated])]
}

/** `context.time` of these grounds, where it was read and is a time. */
export function timeIn({ paths }: DecisionGrounds, values: readonly unknown[]): number | undefined {
  const value = paths.includes(time) ? values[paths.indexOf(time)] : undefined
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** The text that is sealed: the values that do not stand in the record anyway, as JSON; undefined where there are none. */
export function textToSeal({ paths }: DecisionGrounds, values: readonly unknown[]): string | undefined {
  const kept: Record<string, unknown> = {}
  let left: number = bounds.all
  let any = false
  for (let index = 0; index < paths.length; index++) {
    const path = paths[index] ?? ''
    if (Object.hasOwn(stated, path) || path === time) continue
    any = true
    const value = values[index]
    // Absent in the text: missing in the request. Both are known to a reader, who has the paths.
    if (value === undefined) continue
    const cost = textCost(path) + 2 + costOf(value)
    kept[path] = cost > left ? omitted : typeof value === 'object' && value !== null && !Array.isArray(value) ? {} : value
    if (cost <= left) left -= cost
  }
  return any ? JSON.stringify(kept) : undefined
}

// Infinite for what is too long, and for what is no JSON and so cannot be put together again. Of an object policy sees
// nothing but that it is there.
function costOf(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return value.length <= bounds.text && value.isWellFormed() ? textCost(value) : Infinity
    case 'number':
      return Number.isFinite(value) ? 24 : Infinity
    case 'boolean':
      return 5
    case 'object':
      return Array.isArray(value) ? costOfList(value) : 4
    default:
      return Infinity
  }
}

// Bytes of a well-formed text in JSON and UTF-8.
function textCost(value: string): number {
  let cost = 2
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index)
    if (unit < 0x20) cost += 6
    else if (unit < 0x80) cost += unit === 0x22 || unit === 0x5c ? 2 : 1
    // A surrogate is half of four bytes.
    else cost += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3
  }
  return cost
}

function costOfList(list: readonly unknown[]): number {
  if (list.length > bounds.list) return Infinity
  let cost = 2
  for (let index = 0; index < list.length; index++) {
    const element = list[index]
    // A list inside a list is as good as any object: no test takes either.
    cost += 1 + (typeof element === 'object' && element !== null ? Infinity : costOf(element))
  }
  return cost
}

/**
 * What is known of the attributes that a decision read.
 *
 * @param opened what was sealed, opened; undefined where it could not be.
 * @returns whether a path's value is known, and which it is: `undefined` for an attribute that was missing.
 */
export function attributesKnown(
  record: CallRecord,
  opened: Readonly<Record<string, unknown>> | undefined,
): (path: string) => { readonly value: unknown } | undefined {
  const { attributes } = record
  const read = new Set(opened === undefined ? [] : attributes?.paths)
  return (path) => {
    if (Object.hasOwn(stated, path)) return { value: stated[path]?.(record) }
    if (path === time) return attributes?.time === undefined ? undefined : { value: attributes.time }
    if (path === 'action.model' && record.model !== undefined) return { value: record.model }
    if (!read.has(path)) return undefined
    const value = opened !== undefined && Object.hasOwn(opened, path) ? opened[path] : undefined
    return isOmitted(value) ? undefined : { value }
  }
}

function isOmitted(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
}
