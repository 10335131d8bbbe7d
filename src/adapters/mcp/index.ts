/**
 * The Model Context Protocol: servers behind a guard, and clients with pinned tools.
 *
 * @module sallyport/mcp
 */

export { type GuardServerOptions, guardServer, type McpClientLike, type McpServerLike } from './guard-server.ts'
export { type GuardToolOptions, guardTool } from './guard-tool.ts'
export { mcpCall } from './mcp-authority.ts'
export { type McpHandlerOptions, mcpHandler, type ServeMcp } from './mcp-handler.ts'
export { pinTools } from './pin-tools.ts'
export { type PinOptions, pinsOf, toolDigest, type ToolPins, type UnpinnedTool } from './tool-pins.ts'
