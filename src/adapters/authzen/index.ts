/**
 * AuthZEN: a decision point as evaluator, and an evaluator as decision point.
 *
 * @module sallyport/authzen
 */

export { type AuthzenEvaluator, authzenEvaluator, type AuthzenOptions } from './authzen-evaluator.ts'
export { authzenHandler, type AuthzenHandlerOptions } from './authzen-handler.ts'
export type { CelEvaluator, CoazVariables } from './coaz-expression.ts'
export { type CoazMcp, coazMcp, type CoazMcpOptions, coazToolCall, type McpMessage } from './coaz-mcp.ts'
export type { EvaluationsSemantic } from './evaluations-semantic.ts'
export type { DecisionPointToken } from '../fetch/ask-decision-point.ts'
