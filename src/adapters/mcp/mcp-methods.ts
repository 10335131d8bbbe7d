import type { Codec } from '../../guard/codec.ts'
import type { Resource } from '../../guard/context.ts'
import { GuardError } from '../../guard/errors.ts'
import { mcpMessage, type McpMessage } from '../../payload/mcp-message.ts'
import { mcpTool } from '../../payload/mcp-tool.ts'

/** What a list names, and how policy is asked whether a caller may use it. */
export interface ListRule {
  /** The member of the result that holds the list. */
  readonly member: string
  /** The member of an item that names it. */
  readonly id: string
  readonly action: string
  readonly type: string
}

/** What one method does, to policy. */
export interface McpMethod {
  readonly action: string
  readonly resource: (input: never, server: string) => Resource
  readonly codec: Codec
  readonly lists?: ListRule
}

const onServer = (_input: McpMessage, server: string): Resource => ({ type: 'mcp_server', id: server })

function message(action: string, resource: (input: McpMessage, server: string) => Resource, lists?: ListRule): McpMethod {
  return { action, resource, codec: mcpMessage as Codec, ...(lists && { lists }) }
}

function named(type: string, member: string): (input: McpMessage) => Resource {
  return ({ params }) => ({ type, id: textIn(params?.[member]) })
}

function textIn(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new GuardError('payload_invalid', { reason: 'a request that does not name what it is about' })
  return value
}

// What may be completed is what may be read: a prompt by its name, a resource by its template. By its type, as servers choose, and with
// nothing of the other kind in it.
function referred({ params }: McpMessage): Resource {
  const reference = params?.ref
  if (typeof reference !== 'object' || reference === null || Array.isArray(reference)) return { type: 'mcp_prompt', id: textIn(undefined) }
  const { type, name, uri }: { readonly type?: unknown; readonly name?: unknown; readonly uri?: unknown } = reference
  if (type === 'ref/resource' && name === undefined) return { type: 'mcp_resource', id: textIn(uri) }
  if (type === 'ref/prompt' && uri === undefined) return { type: 'mcp_prompt', id: textIn(name) }
  throw new GuardError('payload_invalid', { reason: 'a reference that is neither to a prompt nor to a resource' })
}

// In one spelling: servers look at the address that a parser of URLs makes of it, and policy must have been asked about that very one.
function resource({ params }: McpMessage): Resource {
  const uri = textIn(params?.uri)
  if (URL.canParse(uri) && new URL(uri).href !== uri)
    throw new GuardError('payload_invalid', { reason: 'the address of a resource is not in its normal form (WHATWG URL)' })
  return { type: 'mcp_resource', id: uri }
}

const resources = { action: 'read', type: 'mcp_resource' } as const

/** Every method that is let through to a server. Any other one is answered as unknown. */
export const mcpMethods: Readonly<Record<string, McpMethod>> = {
  initialize: message('connect', onServer),
  'server/discover': message('connect', onServer),
  'logging/setLevel': message('configure', onServer),
  'tools/list': message('list', onServer, { member: 'tools', id: 'name', action: 'execute_tool', type: 'tool' }),
  'tools/call': { action: 'execute_tool', resource: ({ name }: { name: string }) => ({ type: 'tool', id: name }), codec: mcpTool as Codec },
  'resources/list': message('list', onServer, { member: 'resources', id: 'uri', ...resources }),
  'resources/templates/list': message('list', onServer, { member: 'resourceTemplates', id: 'uriTemplate', ...resources }),
  'resources/read': message('read', resource),
  'resources/subscribe': message('read', resource),
  'resources/unsubscribe': message('read', resource),
  'prompts/list': message('list', onServer, { member: 'prompts', id: 'name', action: 'read', type: 'mcp_prompt' }),
  'prompts/get': message('read', named('mcp_prompt', 'name')),
  'completion/complete': message('read', referred),
}
