/** Whether a JSON value is as a schema wants it. */
export type JsonTest = (value: unknown) => boolean

/** Steps that one value may take. Alternatives within alternatives multiply, and a value is checked on a stranger's behalf. */
const maxSteps = 200_000

interface Steps {
  left: number
}

type Test = (value: unknown, steps: Steps) => boolean
type Schema = Readonly<Record<string, unknown>>

/** Words that ask for nothing (JSON Schema 2020-12, Validation, sections 7 and 9, and Core, section 8). */
const annotations: ReadonlySet<string> = new Set(
  '$schema $id $anchor $comment $defs definitions title description default examples example deprecated readOnly writeOnly format contentMediaType contentEncoding strict'.split(
    ' ',
  ),
)

/**
 * A test for JSON values from a JSON Schema (2020-12, and what draft 7 writes alike): the words that tools use. A schema with a word
 * that is not known here, such as `pattern`, is no schema that could be checked, and is a TypeError: nothing is left out silently.
 * `format` asks for nothing, as the standard has it.
 *
 * @throws TypeError
 */
export function jsonTest(schema: unknown): JsonTest {
  const compiler = new Compiler(schema)
  const test = compiler.compile(schema, '#')
  return (value) => {
    const steps = { left: maxSteps }
    // Whatever came of it, what was not looked at to the end is a no.
    return test(value, steps) && steps.left > 0
  }
}

class Compiler {
  readonly #root: unknown
  readonly #known = new Map<unknown, Test>()

  constructor(root: unknown) {
    this.#root = root
  }

  compile(schema: unknown, place: string): Test {
    if (schema === true) return () => true
    if (schema === false) return () => false
    if (!isRecord(schema)) throw new TypeError(`${place}: must be a JSON Schema`)
    const before = this.#known.get(schema)
    if (before !== undefined) return before
    // Before its members are compiled: one of them may refer back to it.
    const tests: Test[] = []
    const all: Test = (value, steps) => steps.left-- > 0 && tests.every((test) => test(value, steps))
    this.#known.set(schema, all)
    for (const [word, wanted] of Object.entries(schema)) {
      if (wanted === undefined || annotations.has(word)) continue
      const test = this.#word(word, wanted, schema, `${place}/${word}`)
      if (test !== undefined) tests.push(test)
    }
    return all
  }

  #word(word: string, wanted: unknown, schema: Schema, place: string): Test | undefined {
    switch (word) {
      case 'type':
        return typeTest(wanted, place)
      case 'enum': {
        const texts = new Set(listIn(wanted, place).map(canonical))
        return (value) => texts.has(canonical(value))
      }
      case 'const': {
        const text = canonical(wanted)
        return (value) => canonical(value) === text
      }
      case '$ref':
        return this.#reference(wanted, place)
      case 'allOf':
      case 'anyOf':
      case 'oneOf': {
        const tests = listIn(wanted, place).map((each, index) => this.compile(each, `${place}/${index}`))
        if (word === 'allOf') return (value, steps) => tests.every((test) => test(value, steps))
        if (word === 'anyOf') return (value, steps) => tests.some((test) => test(value, steps))
        return (value, steps) => tests.filter((test) => test(value, steps)).length === 1
      }
      case 'not': {
        const test = this.compile(wanted, place)
        return (value, steps) => !test(value, steps)
      }
      case 'nullable':
        // OpenAPI's; whoever writes it beside a type means the type or null, which is not what JSON Schema reads.
        throw new TypeError(`${place}: write "type": ["...", "null"] instead`)
      case 'properties':
      case 'required':
      case 'additionalProperties':
      case 'minProperties':
      case 'maxProperties':
        return this.#object(word, wanted, schema, place)
      case 'items':
      case 'prefixItems':
      case 'minItems':
      case 'maxItems':
      case 'uniqueItems':
        return this.#list(word, wanted, schema, place)
      default:
        return boundTest(word, wanted, place)
    }
  }

  #object(word: string, wanted: unknown, schema: Schema, place: string): Test {
    if (word === 'required') {
      const names = listIn(wanted, place).map(String)
      return (value) => !isRecord(value) || names.every((name) => Object.hasOwn(value, name))
    }
    if (word === 'minProperties' || word === 'maxProperties') {
      const bound = countIn(wanted, place)
      const within = word === 'minProperties' ? (count: number) => count >= bound : (count: number) => count <= bound
      return (value) => !isRecord(value) || within(Object.keys(value).length)
    }
    if (word === 'properties') {
      if (!isRecord(wanted)) throw new TypeError(`${place}: must be an object`)
      const tests = Object.entries(wanted).map(([name, each]) => [name, this.compile(each, `${place}/${name}`)] as const)
      return (value, steps) => !isRecord(value) || tests.every(([name, test]) => !Object.hasOwn(value, name) || test(value[name], steps))
    }
    const known = new Set(isRecord(schema.properties) ? Object.keys(schema.properties) : [])
    const test = this.compile(wanted, place)
    return (value, steps) => !isRecord(value) || Object.entries(value).every(([name, member]) => known.has(name) || test(member, steps))
  }

  #list(word: string, wanted: unknown, schema: Schema, place: string): Test {
    const first = word === 'items' && Array.isArray(schema.prefixItems) ? schema.prefixItems.length : 0
    if (word === 'items') {
      const test = this.compile(wanted, place)
      return (value, steps) => !Array.isArray(value) || value.slice(first).every((each) => test(each, steps))
    }
    if (word === 'prefixItems') {
      const tests = listIn(wanted, place).map((each, index) => this.compile(each, `${place}/${index}`))
      return (value, steps) => !Array.isArray(value) || tests.every((test, index) => index >= value.length || test(value[index], steps))
    }
    if (word === 'uniqueItems') {
      if (typeof wanted !== 'boolean') throw new TypeError(`${place}: must be a boolean`)
      return (value) => !wanted || !Array.isArray(value) || new Set(value.map(canonical)).size === value.length
    }
    const bound = countIn(wanted, place)
    return (value) => !Array.isArray(value) || (word === 'minItems' ? value.length >= bound : value.length <= bound)
  }

  #reference(wanted: unknown, place: string): Test {
    if (typeof wanted !== 'string' || !/^#(?:\/[^/]*)*$/.test(wanted)) throw new TypeError(`${place}: must lead to a place in the same schema`)
    let target = this.#root
    for (const step of wanted.split('/').slice(1)) {
      const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
      if ((!isRecord(target) && !Array.isArray(target)) || !Object.hasOwn(target, name)) throw new TypeError(`${place}: leads nowhere`)
      target = (target as Schema)[name]
    }
    return this.compile(target, wanted)
  }
}

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: (value) => Number.isInteger(value),
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
  array: Array.isArray,
  object: isRecord,
}

function typeTest(wanted: unknown, place: string): Test {
  const tests = (Array.isArray(wanted) ? wanted : [wanted]).map((name: unknown) => {
    const test = typeof name === 'string' && Object.hasOwn(types, name) ? types[name] : undefined
    if (test === undefined) throw new TypeError(`${place}: is no type of JSON`)
    return test
  })
  return (value) => tests.some((test) => test(value))
}

const bounds: Readonly<Record<string, (value: unknown, bound: number) => boolean>> = {
  // Characters are code points (JSON Schema 2020-12, Validation, section 6.3).
  minLength: (value, bound) => typeof value !== 'string' || lengthOf(value) >= bound,
  maxLength: (value, bound) => typeof value !== 'string' || lengthOf(value) <= bound,
  minimum: (value, bound) => typeof value !== 'number' || value >= bound,
  maximum: (value, bound) => typeof value !== 'number' || value <= bound,
  exclusiveMinimum: (value, bound) => typeof value !== 'number' || value > bound,
  exclusiveMaximum: (value, bound) => typeof value !== 'number' || value < bound,
  multipleOf: (value, bound) => typeof value !== 'number' || Number.isInteger(value / bound),
}

function boundTest(word: string, wanted: unknown, place: string): Test {
  const test = Object.hasOwn(bounds, word) ? bounds[word] : undefined
  if (test === undefined) throw new TypeError(`${place}: is a word that is not checked here: give options.validate`)
  if (typeof wanted !== 'number' || !Number.isFinite(wanted) || (word === 'multipleOf' && wanted <= 0))
    throw new TypeError(`${place}: must be a number`)
  return (value) => test(value, wanted)
}

function lengthOf(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

// One text for one value, whatever the order of its members.
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isRecord(value)) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
}

function listIn(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${place}: must be a list`)
  return value
}

function countIn(value: unknown, place: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new TypeError(`${place}: must be a whole number`)
  return value
}

function isRecord(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
