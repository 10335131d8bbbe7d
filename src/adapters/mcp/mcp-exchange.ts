import type { Codec } from '../../guard/codec.ts'
import { snapshotJson } from '../../guard/snapshot.ts'

/**
 * HTTP requests of the Model Context Protocol, and the bytes of their answers. What messages say is read where they are: each of them is a
 * guarded call of its own, in the server. Here only who asks is decided, and for how long the connection may last.
 */
export const mcpExchange: Codec = Object.freeze({
  name: 'mcp-exchange',
  snapshot: (input: unknown) => snapshotJson(input),
  facts: () => ({ tools: [], stream: false, choices: 1, opaque: [] }),
  texts: () => [],
  replace: (input: unknown) => input,
  answer: Object.freeze({
    snapshot: (part: unknown) => part,
    texts: () => [],
    replace: (part: unknown) => part,
    ends: () => [],
    carry: (like: unknown) => like,
    assemble: (parts: AsyncIterable<unknown>) => parts,
    usage: () => undefined,
  }),
})
