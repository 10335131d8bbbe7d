import { complain, entry, member, type Place, readAnyList, readFields, readKeys, readList, readMembers, readOwn } from '../../policy/strict-read.ts'
import { absent, type CelEvaluator, type CoazVariables, evaluateExpression, type Expression, readExpression } from './coaz-expression.ts'

/** A value of a mapping, read once: a literal, an expression, or a value made of values. */
export type Template =
  | { readonly kind: 'literal'; readonly value: unknown }
  | { readonly kind: 'expression'; readonly expression: Expression }
  | { readonly kind: 'list'; readonly elements: readonly Template[] }
  | { readonly kind: 'record'; readonly members: ReadonlyMap<string, Template> }

/** What one question of a mapping is made of. */
export type QuestionTemplate = Partial<Readonly<Record<'subject' | 'action' | 'resource' | 'context', Template>>>

/** A mapping, read once (COAZ framework, "The Mapping"). */
export interface MappingTemplate {
  readonly defaults: QuestionTemplate
  /** Each on its own; never none. */
  readonly questions: readonly QuestionTemplate[]
}

const parts = ['subject', 'action', 'resource', 'context'] as const

/** Reads a mapping such as a tool's `x-authzen-mapping`. @throws TypeError for what is none. */
export function readMapping(value: unknown, place: Place): MappingTemplate {
  const keys = readKeys(value, place)
  if (keys.length !== 1 || (keys[0] !== 'evaluation' && keys[0] !== 'evaluations')) complain(place, 'must have one member: evaluation or evaluations')
  const [envelope] = keys
  const here = member(place, envelope)
  const body = readOwn(value, envelope, place)
  if (envelope === 'evaluation') return { defaults: {}, questions: [readQuestion(readFields(body, here, parts), here)] }
  const { evaluations, ...defaults } = readFields(body, here, [...parts, 'evaluations'])
  const questions = readList(evaluations, member(here, 'evaluations')).map((question, index) => {
    const there = member(member(here, 'evaluations'), index)
    const fields = readFields(question, there, parts)
    // One evaluation could else be made in another's name.
    if (fields.subject !== undefined) complain(there, 'must not have a subject of its own')
    return readQuestion(fields, there)
  })
  return { defaults: readQuestion(defaults, here), questions }
}

function readQuestion(fields: Partial<Record<(typeof parts)[number], unknown>>, place: Place): QuestionTemplate {
  const question: Partial<Record<(typeof parts)[number], Template>> = {}
  for (const part of parts) {
    const value = fields[part]
    if (value === undefined) continue
    const template = readTemplate(value, member(place, part), 0)
    if (template.kind !== 'record') complain(member(place, part), 'must be an object')
    question[part] = template
  }
  return question
}

function readTemplate(value: unknown, place: Place, depth: number): Template {
  if (depth > 16) complain(place, 'is too deep')
  if (typeof value === 'string') {
    if (!value.startsWith('$')) return { kind: 'literal', value }
    return value.startsWith('$$') ? { kind: 'literal', value: value.slice(1) } : { kind: 'expression', expression: readExpression(value.slice(1)) }
  }
  if (value === null || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return { kind: 'literal', value }
  if (Array.isArray(value))
    return { kind: 'list', elements: readAnyList(value, place).map((element, index) => readTemplate(element, member(place, index), depth + 1)) }
  if (typeof value !== 'object') complain(place, 'must be a JSON value')
  return { kind: 'record', members: new Map(readMembers(value, place).map(([key, part]) => [key, readTemplate(part, entry(place, key), depth + 1)])) }
}

/** What a template yields; `absent` where it is to be left out. @throws MappingError */
export function resolveTemplate(template: Template, variables: CoazVariables, cel: CelEvaluator | undefined): unknown {
  switch (template.kind) {
    case 'literal':
      return template.value
    case 'expression':
      return evaluateExpression(template.expression, variables, cel)
    case 'list':
      return template.elements.map((element) => resolveTemplate(element, variables, cel)).filter((element) => element !== absent)
    case 'record': {
      const record: Record<string, unknown> = {}
      for (const [key, part] of template.members) {
        const value = resolveTemplate(part, variables, cel)
        if (value !== absent) record[key] = value
      }
      return record
    }
  }
}
