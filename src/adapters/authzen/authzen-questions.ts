import type { Attributes } from '../../guard/context.ts'
import type { PolicyEntity, PolicyRequest } from '../../policy/policy-evaluator.ts'
import { ownMember } from '../../policy/policy-request.ts'
import { type EvaluationsSemantic, isSemantic } from './evaluations-semantic.ts'

/** What keeps a request from being one. Its message is for the client: it names a place and no value. */
export class BadRequest extends Error {
  override readonly name: string = 'BadRequest'
}

/** What a body asks: one question, or several. A question that is none is what is wrong with it. */
export type Questions =
  | { readonly one: PolicyRequest }
  | { readonly several: readonly (PolicyRequest | BadRequest)[]; readonly semantic: EvaluationsSemantic }

/**
 * Reads the body of an Access Evaluation request (section 6.1). Members that are not understood are ignored (section 10.1.1) and
 * do not reach the evaluator. @throws BadRequest
 */
export function readQuestion(body: unknown): PolicyRequest {
  return questionIn(objectIn(body, 'the body'), undefined)
}

/** Reads the body of an Access Evaluations request (section 7.1). @throws BadRequest for what concerns all of it. */
export function readQuestions(body: unknown, maxEvaluations: number): Questions {
  const whole = objectIn(body, 'the body')
  const evaluations = ownMember(whole, 'evaluations')
  const semantic = semanticIn(ownMember(whole, 'options'))
  if (evaluations === undefined) return { one: questionIn(whole, undefined) }
  if (!Array.isArray(evaluations)) throw new BadRequest('evaluations must be an array')
  if (evaluations.length === 0) return { one: questionIn(whole, undefined) }
  if (evaluations.length > maxEvaluations) throw new BadRequest(`evaluations must have at most ${maxEvaluations} elements`)
  return { several: evaluations.map((one) => attempt(() => questionIn(objectIn(one, 'the evaluation'), whole))), semantic }
}

function attempt(read: () => PolicyRequest): PolicyRequest | BadRequest {
  try {
    return read()
  } catch (error) {
    if (error instanceof BadRequest) return error
    throw error
  }
}

function semanticIn(options: unknown): EvaluationsSemantic {
  if (options === undefined) return 'execute_all'
  const semantic = ownMember(objectIn(options, 'options'), 'evaluations_semantic')
  if (semantic === undefined) return 'execute_all'
  if (isSemantic(semantic)) return semantic
  throw new BadRequest('options.evaluations_semantic must be execute_all, deny_on_first_deny or permit_on_first_permit')
}

// An entity of an evaluation replaces the one above it as a whole, but for what it must have and leaves out.
function questionIn(question: object, defaults: object | undefined): PolicyRequest {
  const context = firstOf(question, defaults, 'context')
  const action = entityIn(question, defaults, 'action')
  return {
    subject: typedIn(question, defaults, 'subject'),
    action: { name: textIn(action, 'name'), ...propertiesIn(action) },
    resource: typedIn(question, defaults, 'resource'),
    ...(context !== undefined && { context: objectIn(context, 'context') as Attributes }),
  }
}

interface Entity {
  readonly name: string
  readonly own: object
  readonly above: unknown
}

function typedIn(question: object, defaults: object | undefined, name: string): PolicyEntity {
  const entity = entityIn(question, defaults, name)
  return { type: textIn(entity, 'type'), id: textIn(entity, 'id'), ...propertiesIn(entity) }
}

function entityIn(question: object, defaults: object | undefined, name: string): Entity {
  const above = ownMember(defaults, name)
  const own = firstOf(question, defaults, name)
  if (own === undefined) throw new BadRequest(`${name} is missing`)
  return { name, own: objectIn(own, name), above }
}

function textIn({ name, own, above }: Entity, key: string): string {
  const value = firstOf(own, above, key)
  if (value === undefined) throw new BadRequest(`${name}.${key} is missing`)
  if (typeof value !== 'string' || value === '') throw new BadRequest(`${name}.${key} must be a string that is not empty`)
  return value
}

function propertiesIn({ name, own }: Entity): { readonly properties?: Attributes } {
  const properties = ownMember(own, 'properties')
  return properties === undefined ? {} : { properties: objectIn(properties, `${name}.properties`) as Attributes }
}

// Null is a value, and a wrong one.
function firstOf(own: unknown, above: unknown, key: string): unknown {
  const value = ownMember(own, key)
  return value === undefined ? ownMember(above, key) : value
}

function objectIn(value: unknown, place: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadRequest(`${place} must be an object`)
  return value
}
