/**
 * Open Policy Agent as a policy evaluator.
 *
 * @module sallyport/opa
 */

export { opaRest, type OpaRestOptions } from './opa-rest.ts'
export { type OpaPolicy, opaWasm, type OpaWasmOptions } from './opa-wasm.ts'
export type { DecisionPointToken } from '../fetch/ask-decision-point.ts'
