import type { McpFrame } from './tap-transport.ts'

/** The members of a notification that hold no text, and are handed on. */
const members: Readonly<Record<string, readonly string[]>> = {
  'notifications/initialized': [],
  'notifications/cancelled': ['requestId'],
  'notifications/progress': ['progressToken', 'progress', 'total'],
  'notifications/roots/list_changed': [],
  'notifications/tools/list_changed': [],
  'notifications/resources/list_changed': [],
  'notifications/prompts/list_changed': [],
}

/**
 * A notification without its texts, which stand in no call and so before no control. Undefined for one that is nothing without them, such
 * as a line of a log.
 */
export function silent(message: McpFrame): McpFrame | undefined {
  const { method, params } = message
  const kept = typeof method === 'string' && Object.hasOwn(members, method) ? members[method] : undefined
  if (kept === undefined) return undefined
  if (typeof params !== 'object' || params === null) return { jsonrpc: '2.0', method }
  const own = Object.entries(params).filter(([name, value]) => kept.includes(name) && isShort(value))
  return { jsonrpc: '2.0', method, ...(own.length > 0 && { params: Object.fromEntries(own) }) }
}

// Ids and numbers. A token of progress is the other side's own.
function isShort(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^[\w.:-]{1,128}$/.test(value))
}
