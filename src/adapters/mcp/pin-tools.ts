import { checkNames } from '../../guard/check-options.ts'
import { type McpClientLike, tapConnections } from './guard-server.ts'
import { PinnedConnection } from './pinned-connection.ts'
import { checkPins, type PinOptions, PinnedTools } from './tool-pins.ts'

/**
 * Lets a client of the Model Context Protocol see and call only tools that are what somebody has approved: a server that changes a
 * description or a schema afterwards, or brings a new tool, or two of one name, gets nothing called. It stands in the transport, so that
 * no method of the client passes it by.
 *
 * Before the first call of a tool that was not listed yet, the list is asked for. When the server says that its list has changed, what was known
 * is forgotten. A call that is refused is an error of JSON-RPC with `denied` in `data.code`.
 *
 * ```ts
 * const client = pinTools(new Client({ name: 'bot', version: '1.0.0' }), { pins: JSON.parse(await readFile('tools.json', 'utf8')) })
 * ```
 *
 * @returns the same client.
 * @throws TypeError for what is no client, one that is pinned or connected already, and wrong options.
 */
export function pinTools<T extends McpClientLike>(client: T, options: PinOptions & Required<Pick<PinOptions, 'pins'>>): T {
  checkNames('pinTools', options, ['pins', 'onUnpinned'])
  const { pins, onUnpinned = () => {} } = options
  if (pins === undefined) throw new TypeError('pinTools: pins: must be digests by name')
  checkPins('pinTools', options)
  const pinned = new PinnedTools(pins, onUnpinned)
  tapConnections('pinTools', client, (ends) => new PinnedConnection(pinned, ends))
  return client
}
