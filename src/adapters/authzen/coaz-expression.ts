import { shown } from '../../policy/strict-read.ts'

/** What expressions may name (COAZ-MCP, draft 1, "Information Model"). */
export interface CoazVariables {
  /** The `params` of the MCP request. */
  readonly params: unknown
  /** The verified claims of the caller's token. */
  readonly token: unknown
}

/** Evaluates an expression in CEL: one that is more than a selection of a field. */
export type CelEvaluator = (expression: string, variables: CoazVariables) => unknown

/** What is not there, where an expression says that it need not be. */
export const absent: unique symbol = Symbol('absent')

/** A message cannot be mapped. It names an expression, and no value. */
export class MappingError extends Error {
  override readonly name: string = 'MappingError'
}

type Step = { readonly key: string | number; readonly optional: boolean }

/** One expression, read once. */
export interface Expression {
  readonly text: string
  readonly root: keyof CoazVariables
  /** Undefined where it is no selection of a field: then it is CEL's to evaluate. */
  readonly steps: readonly Step[] | undefined
}

const start = /^(params|token)(?![\w])/
// Sticky and without repeats within repeats: each character is looked at once.
const step = /\.(\?)?([A-Za-z_]\w*)|\[(?:"([^"\\]*)"|'([^'\\]*)'|(\d{1,9}))\]/y

/**
 * Reads an expression. Selections of fields are understood here: `params.arguments.id`, `token.?client_id`,
 * `params.arguments["customer-id"]`, `params.list[0]`.
 */
export function readExpression(text: string): Expression {
  const [whole = '', root] = start.exec(text) ?? []
  if (root !== 'params' && root !== 'token') return { text, root: 'params', steps: undefined }
  const steps: Step[] = []
  step.lastIndex = whole.length
  while (step.lastIndex < text.length) {
    const [, optional, field, double, single, index] = step.exec(text) ?? []
    const key = field ?? double ?? single ?? (index === undefined ? undefined : Number(index))
    if (key === undefined) return { text, root, steps: undefined }
    steps.push({ key, optional: optional !== undefined })
  }
  return { text, root, steps }
}

/** What an expression yields; `absent` where it says `.?` of something that is not there. @throws MappingError */
export function evaluateExpression({ text, root, steps }: Expression, variables: CoazVariables, cel: CelEvaluator | undefined): unknown {
  if (steps === undefined) {
    if (cel === undefined) throw new MappingError(`there is no evaluator for the expression '${shown(text)}'`)
    try {
      return cel(text, variables) ?? absent
    } catch (cause) {
      throw new MappingError(`the expression '${shown(text)}' failed`, { cause })
    }
  }
  let value: unknown = variables[root]
  let isOptional = false
  for (const { key, optional } of steps) {
    // As in CEL: what follows an optional selection is optional itself.
    isOptional ||= optional
    const member = memberOf(value, key)
    if (member === undefined) {
      if (isOptional) return absent
      throw new MappingError(`the expression '${shown(text)}' names something that is not there`)
    }
    value = member
  }
  return value
}

// Data that the value holds itself.
function memberOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== (typeof key === 'number')) return undefined
  const descriptor = Object.getOwnPropertyDescriptor(value, key)
  return descriptor !== undefined && 'value' in descriptor ? descriptor.value : undefined
}
