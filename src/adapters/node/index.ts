export { type NodeOptions, toNode } from './to-node.ts'
