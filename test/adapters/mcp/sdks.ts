import { Client as ClientTwo, InMemoryTransport as MemoryTwo } from '@modelcontextprotocol/client'
import { Client as ClientOne } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport as MemoryOne } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer as ServerOne, ResourceTemplate as TemplateOne } from '@modelcontextprotocol/sdk/server/mcp.js'
import { McpServer as ServerTwo, ResourceTemplate as TemplateTwo } from '@modelcontextprotocol/server'
import { z } from 'zod'

/** What both versions of the SDK have alike, as far as tests use it. */
export interface AnyServer {
  registerTool(name: string, config: object, handler: (...parameters: never[]) => unknown): { update(changes: object): void; remove(): void }
  registerResource(name: string, uri: unknown, config: object, handler: (...parameters: never[]) => unknown): unknown
  registerPrompt(name: string, config: object, handler: (...parameters: never[]) => unknown): unknown
  connect(transport: never): Promise<void>
  close(): Promise<void>
  readonly server: {
    connect(transport: never): Promise<void>
    notification(notification: object): Promise<void>
    request(...parameters: readonly unknown[]): Promise<unknown>
  }
}

export interface Tool {
  readonly name: string
  readonly description?: string
  readonly inputSchema: object
}

export interface AnyClient {
  connect(transport: never): Promise<void>
  close(): Promise<void>
  listTools(): Promise<{ readonly tools: readonly Tool[] }>
  callTool(call: object, ...more: readonly unknown[]): Promise<{ readonly content?: unknown; readonly isError?: boolean }>
  listResources(): Promise<{ readonly resources: readonly { readonly uri: string }[] }>
  listResourceTemplates(): Promise<{ readonly resourceTemplates: readonly { readonly uriTemplate: string }[] }>
  readResource(params: object): Promise<{ readonly contents: readonly object[] }>
  listPrompts(): Promise<{ readonly prompts: readonly { readonly name: string }[] }>
  getPrompt(params: object): Promise<{ readonly messages: readonly object[] }>
  ping(): Promise<unknown>
  readonly transport: { send(message: object): Promise<void> } | undefined
}

/** One version of the SDK. */
export interface Sdk {
  readonly version: string
  server(): AnyServer
  client(options?: object): AnyClient
  template(pattern: string): unknown
  pair(): readonly [client: never, server: never]
  input(shape: Record<string, z.ZodType>): unknown
}

const info = { name: 'orders', version: '1.0.0' }

export const sdks: readonly Sdk[] = [
  {
    version: '1',
    server: () => new ServerOne(info, { capabilities: { logging: {} } }) as unknown as AnyServer,
    client: (options) => new ClientOne(info, options) as unknown as AnyClient,
    template: (pattern) => new TemplateOne(pattern, { list: undefined }),
    pair: () => MemoryOne.createLinkedPair() as unknown as readonly [never, never],
    input: (shape) => shape,
  },
  {
    version: '2',
    server: () => new ServerTwo(info, { capabilities: { logging: {} } }) as unknown as AnyServer,
    client: (options) => new ClientTwo(info, options) as unknown as AnyClient,
    template: (pattern) => new TemplateTwo(pattern, { list: undefined }),
    pair: () => MemoryTwo.createLinkedPair() as unknown as readonly [never, never],
    input: (shape) => z.object(shape),
  },
]
