/**
 * Node's own servers: web-standard handlers as listeners.
 *
 * @module sallyport/node
 */

export { type NodeOptions, toNode } from './to-node.ts'
