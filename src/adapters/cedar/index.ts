/**
 * Cedar as a policy evaluator.
 *
 * @module sallyport/cedar
 */

export { cedarEvaluator, type CedarOptions } from './cedar-evaluator.ts'
export type { CedarModule, CedarUid } from './cedar-module.ts'
export type { CedarPolicies } from './cedar-policies.ts'
export type { CedarMapping, CedarQuestion } from './cedar-question.ts'
