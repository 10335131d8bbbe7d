import type { Json, Obligation } from '../guard/context.ts'
import { snapshotJson } from '../guard/snapshot.ts'
import { complain, readAnyList, readFields, readMembers, readText, readTexts, shown } from './strict-read.ts'

/** Reads a duty: the types of this package strictly, others as JSON values. Frozen. @throws TypeError */
export function parseObligation(value: unknown, place: string): Obligation {
  const members = readMembers(value, place)
  const type = readText(members.find(([key]) => key === 'type')?.[1], `${place}.type`)
  const known = Object.hasOwn(parsers, type) ? parsers[type] : undefined
  if (known !== undefined) return Object.freeze({ type, ...known(value, place) })
  return Object.freeze(Object.fromEntries(members.map(([key, member]) => [key, copyJson(member, `${place}['${shown(key)}']`)]))) as Obligation
}

type Parameters = Readonly<Record<string, Json>>

const parsers: Readonly<Record<string, (value: unknown, place: string) => Parameters>> = {
  max_output_tokens(value, place) {
    const tokens = readFields(value, place, ['type', 'value']).value
    if (typeof tokens !== 'number' || !Number.isSafeInteger(tokens) || tokens < 1) complain(`${place}.value`, 'must be a whole number above zero')
    return { value: tokens }
  },
  allow_tools(value, place) {
    const tools = readFields(value, place, ['type', 'value']).value
    // No tool at all is a meaningful duty.
    const names = Array.isArray(tools) && readAnyList(tools, `${place}.value`).length === 0 ? [] : readTexts(tools, `${place}.value`)
    if (names.some((name) => name.includes('*'))) complain(`${place}.value`, `tools are named, not matched: no '*'`)
    return { value: Object.freeze([...names].sort()) }
  },
  require_acr(value, place) {
    const values = readTexts(readFields(value, place, ['type', 'value']).value, `${place}.value`)
    // They are written into a challenge, separated by spaces (RFC 9470, section 3).
    if (values.some((acr) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(acr)))
      complain(`${place}.value`, 'must be printable ASCII without spaces, quotes and backslashes')
    return { value: Object.freeze([...values].sort()) }
  },
  require_binding(value, place) {
    const binding = readFields(value, place, ['type', 'value']).value ?? 'any'
    if (binding !== 'dpop' && binding !== 'mtls' && binding !== 'any') complain(`${place}.value`, 'must be dpop, mtls or any')
    return { value: binding }
  },
  no_stream: readNothing,
  require_approval: readNothing,
}

function readNothing(value: unknown, place: string): Parameters {
  readFields(value, place, ['type'])
  return {}
}

function copyJson(value: unknown, place: string): Json {
  try {
    return snapshotJson(value) as Json
  } catch (error) {
    throw new TypeError(`${place}: must be a JSON value`, { cause: error })
  }
}
